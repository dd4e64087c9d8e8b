"""Where arrays lie: in the memory of the CPU as NumPy's, or in that of a card as CuPy's, which is experimental.

A device is a type of array that tensors hold, and the way there and back. Kernels, derivatives and optimizers are
NumPy's functions on whatever array they are given, and so need not know of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, Final, NamedTuple

import numpy as np

from pullback.core.arrays import HELD, hold
from pullback.core.errors import DTypeError, GraphError, OptionError, PullbackError
from pullback.core.origin import user_line
from pullback.core.primitive import Primitive

CPU: Final = "cpu"


class Device(NamedTuple):
    """A place for arrays.

    Parameters
    ----------
    name : str
    kind : type
        Of its arrays, which tensors hold.
    put, get : callable
        From an array of NumPy's to one there, and back.
    """

    name: str
    kind: type
    put: Callable[[Any], Any]
    get: Callable[[Any], Any]


_KNOWN: Final[dict[str, Device]] = {CPU: Device(CPU, np.ndarray, np.asarray, np.asarray)}


def add_device(device: Device) -> None:
    """Let a device be named."""
    hold(device.kind)
    _KNOWN[device.name] = device


def device_of(name: Any, owner: str) -> Device:
    """The device of a name: "cpu", "cuda", or "cuda:1" and so on.

    Raises
    ------
    OptionError
        If there is no such device here: CuPy or a card is missing; or if this process computes on another card.

    >>> device_of("cpu", "tensor").name
    'cpu'
    """
    if isinstance(name, str) and name in _KNOWN:
        return _KNOWN[name]
    kind, _, number = str(name).partition(":")
    if kind != "cuda" or not (number or "0").isdecimal():
        raise OptionError(f"{owner}: unknown device", device=name, fix='device="cpu"; or "cuda", "cuda:1"')
    full = f"cuda:{int(number or 0)}"
    if full not in _KNOWN:
        add_device(_card(full, int(number or 0), owner))
    made = _KNOWN[str(name)] = _KNOWN[full]
    return made


def _card(name: str, number: int, owner: str) -> Device:
    try:
        cupy: Any = import_module("cupy")
    except ImportError as error:
        raise OptionError(
            f"{owner}: arrays on a card are CuPy's, which is missing", device=name, fix="pip install 'pullback[gpu]'"
        ) from error
    try:
        count = int(cupy.cuda.runtime.getDeviceCount())
    except cupy.cuda.runtime.CUDARuntimeError as error:  # no driver
        raise OptionError(f"{owner}: there is no card here", device=name, got=error, fix='device="cpu"') from error
    if number >= count:
        raise OptionError(f"{owner}: there is no such card", device=name, cards=count, fix=f"cuda:0 to cuda:{count - 1}"
                          if count else 'device="cpu"')  # fmt: skip
    if (other := next((known for known in _KNOWN if known.startswith("cuda:")), None)) is not None:
        raise OptionError(
            f"{owner}: a process computes on one card", device=name, computes_on=other,
            fix="a process for each card, which is told its own by device= or CUDA_VISIBLE_DEVICES",
        )  # fmt: skip
    cupy.cuda.Device(number).use()  # where CuPy puts what it computes

    def put(array: Any) -> Any:
        with cupy.cuda.Device(number):
            try:
                return cupy.asarray(array)
            except cupy.cuda.memory.OutOfMemoryError as error:
                raise PullbackError(
                    f"{owner}: the card has too little memory", device=name, wanted=f"{np.asarray(array).nbytes:,} B",
                    fix="smaller batches or a smaller model; free what is no longer needed",
                ) from error  # fmt: skip

    return Device(name, cupy.ndarray, put, cupy.asnumpy)


def device_at(array: Any) -> Device:
    """The device that an array lies on; the CPU's for numbers, and for arrays whose device has no name."""
    kind, card = type(array), getattr(getattr(array, "device", None), "id", None)
    name = None if card is None else f"cuda:{card}"
    fits = (device for device in _KNOWN.values() if device.kind is kind and name in (None, device.name))
    return next(fits, _KNOWN[CPU])


def apart(name: str, arrays: Sequence[Any]) -> DTypeError | None:
    """What to say of operands that lie on different devices; None of others."""
    devices = [*dict.fromkeys(device_at(array).name for array in arrays if type(array) in HELD)]
    if len(devices) < 2:
        return None
    return DTypeError(
        f"{name}: the operands lie on different devices", devices=", ".join(devices),
        fix="x.to_device(...), where x is a constant; model.to(device) before its optimizer is made",
    )  # fmt: skip


Primitive.apart = apart


def moved(array: Any, device: Device) -> Any:
    """An array on a device: itself where it lies there."""
    at = device_at(array)
    return array if at is device else device.put(at.get(array))


def beside(value: Any, x: Any) -> Any:
    """A constant, such as numbers that were drawn, on the device of a tensor; as it is where that is the CPU."""
    array = getattr(x, "array", x)
    if type(array) is np.ndarray or (at := device_at(array)).name == CPU:
        return value
    return Primitive.tensor(moved(getattr(value, "array", value), at))


def taken(value: Any, array: Any) -> Any:
    """A value in the dtype of an array, and on its device."""
    kind = type(array)
    if kind is np.ndarray or isinstance(array, np.generic):
        return np.asarray(value if type(value) is np.ndarray else device_at(value).get(value), array.dtype)
    if type(value) is kind:
        return moved(value, device_at(array)).astype(array.dtype)
    return device_at(array).put(np.asarray(value, array.dtype))


def to_device(tensor: Any, name: Any) -> Any:
    """A constant tensor on a device; see `Tensor.to_device`."""
    device = device_of(name, "to_device")
    if device_at(tensor.array) is device:
        return tensor
    if tensor.node is not None:
        raise GraphError(
            "to_device: a derivative does not pass from one device to another", device=name, line=user_line(),
            fix="model.to(device) before the computation; or t.detach().to_device(device)",
        )  # fmt: skip
    return Primitive.tensor(moved(tensor.array, device))
