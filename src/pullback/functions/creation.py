"""Making tensors: from data, and by rule."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pullback.batching.lanes import outline
from pullback.core.arrays import HELD, as_operand, in_dtype, numeric
from pullback.core.axes import dtype_of
from pullback.core.errors import DTypeError, GraphError
from pullback.core.habits import explain_keywords
from pullback.core.modes import current_mode
from pullback.core.origin import user_line
from pullback.core.tree import leaves
from pullback.ops import elementwise
from pullback.ops.movement import astype, broadcast_to, copy_, expand_dims, gathered, moveaxis
from pullback.tensors import Tensor
from pullback.tensors.devices import device_of
from pullback.tensors.tables import FUNCTIONS

Shape = int | Sequence[int]

_PLAIN = (list, tuple, int, float, complex)  # what NumPy reads best by itself


def tensor(
    data: Any, dtype: Any = None, *, requires_grad: bool = False, name: str | None = None, copy: bool = True,
    device: str | None = None,
) -> Tensor:  # fmt: skip
    """Make a tensor of numbers, nested lists or an array.

    Parameters
    ----------
    data : array-like
        An array keeps its dtype; Python's numbers get NumPy's defaults. Lists may hold tensors, which are stacked.
    dtype : dtype, optional
        Type of the elements.
    requires_grad : bool
        Record operations on it and let `backward` fill its `.grad`; floating-point only.
    name : str, optional
        To find it by, in gradients, pictures and errors.
    copy : bool
        With False the tensor reads the caller's memory: do not write to it while a graph lives.
    device : str, optional
        "cpu"; or a card, "cuda" (experimental).

    Raises
    ------
    DTypeError
        If the data are not numbers, or `requires_grad` is asked of integers.

    >>> tensor([[1.0, 2.0]], requires_grad=True, name="w")
    Tensor([[1., 2.]], requires_grad=True)
    """
    if isinstance(data, (list, tuple)) and any(isinstance(leaf, Tensor) for leaf in leaves(data)):
        made = gathered(data)
        if dtype is not None:
            made = made.astype(dtype)
    else:
        made = _copied(data, dtype) if isinstance(data, Tensor) else _read(data, dtype, copy)
    made = _on(device, "tensor", made)
    if requires_grad and made.node is not None:
        raise GraphError(
            "tensor: what is computed from a tracked tensor is no leaf", shape=made.shape, line=user_line(),
            fix="pb.tensor(t.detach(), requires_grad=True) begins anew",
        )  # fmt: skip
    if name is not None:
        made.name = name
    if requires_grad:
        made.requires_grad = True
    return made


def array(data: Any, dtype: Any = None, *, copy: bool | None = True, ndmin: int = 0) -> Tensor:
    """NumPy's name of `tensor`: a constant, or of tracked tensors their stack, with axes in front up to `ndmin`.

    >>> array([1.0, 2.0], ndmin=2)
    Tensor([[1., 2.]])
    """
    made = tensor(data, dtype, copy=bool(copy))
    missing = operator.index(ndmin) - made.ndim
    return expand_dims(made, tuple(range(missing))) if missing > 0 else made


def _copied(data: Tensor, dtype: Any) -> Tensor:
    return copy_(data) if dtype is None else astype(data, dtype)


def _read(data: Any, dtype: Any, copy: bool) -> Tensor:
    if not isinstance(data, _PLAIN):
        given = as_operand(data, "tensor")
        if given is NotImplemented:  # an array with labels, which are given up here
            return tensor(data.data, dtype, copy=copy)
        data = given
    if type(data) in HELD and type(data) is not np.ndarray:  # of a device, where it stays
        return Tensor(in_dtype(data, data.dtype if dtype is None else np.dtype(dtype)))
    if current_mode().trace is not None and isinstance(data, np.ndarray) and data.ndim:
        return copy_(data) if dtype is None else astype(data, dtype)  # which a program does again
    if dtype is not None and isinstance(dtype, (int, float, list, np.ndarray, Tensor)):
        raise DTypeError("tensor: this is no dtype", got=repr(dtype), fix="one list of numbers: pb.tensor([1.0, 2.0])")
    try:
        array = np.array(data, dtype, copy=True if copy else None)
    except (ValueError, TypeError) as error:
        raise DTypeError(f"tensor: the data are not a rectangular array of numbers: {error}") from None
    numeric(array, "tensor")
    # NumPy computes with a floating-point number faster than with a 0-d array.
    return Tensor.of(array[()] if array.ndim == 0 and array.dtype.kind == "f" else array)


def asarray(data: Any, dtype: Any = None, *, device: str | None = None, copy: bool | None = None) -> Tensor:
    """A tensor as it is, or anything else as a constant tensor (the Array API's name).

    >>> asarray([1, 2])
    Tensor([1, 2])
    """
    if isinstance(data, Tensor) and not copy and dtype in (None, data.dtype):
        return data
    return tensor(data, dtype, copy=copy is not False, device=device)


def _on(device: str | None, name: str, made: Tensor) -> Tensor:
    """What was made, where it was asked for."""
    return made if device is None else made.to_device(device_of(device, name).name)


def zeros(shape: Shape, dtype: Any = None, *, device: str | None = None) -> Tensor:
    """Zeros of a shape, in double precision if nothing else is said.

    >>> zeros(2)
    Tensor([0., 0.])
    """
    return _filled(np.zeros, shape, dtype, device)


def ones(shape: Shape, dtype: Any = None, *, device: str | None = None) -> Tensor:
    """Ones of a shape, in double precision if nothing else is said.

    >>> ones((1, 2))
    Tensor([[1., 1.]])
    """
    return _filled(np.ones, shape, dtype, device)


def _filled(make: Callable[..., Any], shape: Any, dtype: Any, device: str | None) -> Tensor:
    name = make.__name__
    if type(dtype) is int:
        raise DTypeError(f"{name}: a shape is one number or one tuple", fix=f"pb.{name}({(shape, dtype)})")
    return _on(device, name, Tensor(make(shape, float if dtype is None else dtype)))


def full(shape: Shape, fill_value: Any, dtype: Any = None, *, device: str | None = None) -> Tensor:
    """One number in all places of a shape; the derivative of a tensor passes.

    >>> full(2, 7.0)
    Tensor([7., 7.])
    """
    fill_value = gathered(fill_value)
    if isinstance(fill_value, Tensor):
        return _on(device, "full", broadcast_to(fill_value if dtype is None else fill_value.astype(dtype), shape))
    return _on(device, "full", Tensor(np.full(shape, fill_value, dtype)))


def empty(shape: Shape, dtype: Any = None, *, device: str | None = None) -> Tensor:
    """An array of a shape whose numbers mean nothing yet.

    >>> empty((2, 3)).shape
    (2, 3)
    """
    return _filled(np.empty, shape, dtype, device)


def zeros_like(x: Any, dtype: Any = None, *, shape: Any = None, device: str | None = None) -> Tensor:
    """Zeros of the shape and dtype of `x`.

    >>> zeros_like(np.ones(2))
    Tensor([0., 0.])
    """
    return _on(device, "zeros_like", Tensor(np.zeros_like(_array(x), dtype, shape=shape)))


def ones_like(x: Any, dtype: Any = None, *, shape: Any = None, device: str | None = None) -> Tensor:
    """Ones of the shape and dtype of `x`.

    >>> ones_like(np.zeros(2))
    Tensor([1., 1.])
    """
    return _on(device, "ones_like", Tensor(np.ones_like(_array(x), dtype, shape=shape)))


def full_like(x: Any, fill_value: Any, dtype: Any = None, *, shape: Any = None, device: str | None = None) -> Tensor:
    """One number in all places of the shape of `x`, in its dtype; the derivative of a tensor passes.

    >>> full_like(np.zeros(2), 3)
    Tensor([3., 3.])
    """
    array = _array(x)
    shape = array.shape if shape is None else shape
    return full(shape, fill_value, array.dtype if dtype is None else dtype, device=device)


def empty_like(x: Any, dtype: Any = None, *, shape: Any = None, device: str | None = None) -> Tensor:
    """An array of the shape and dtype of `x` whose numbers mean nothing yet.

    >>> empty_like(np.ones(2)).shape
    (2,)
    """
    return _on(device, "empty_like", Tensor(np.empty_like(_array(x), dtype, shape=shape)))


def from_dlpack(x: Any, /, *, device: str | None = None, copy: bool | None = None) -> Tensor:
    """The array of another library, by DLPack, as a constant tensor with numbers of its own.

    With `copy=False` the tensor reads the other's memory: do not write to it while a graph lives.

    >>> from_dlpack(np.ones(2))
    Tensor([1., 1.])
    """
    return tensor(np.from_dlpack(x), copy=copy is not False, device=device)


def arange(
    start: Any, stop: Any = None, step: Any = 1, dtype: Any = None, *, device: str | None = None
) -> Tensor:  # fmt: skip
    """Numbers from `start` (0 if only one is given) to `stop`, without it.

    >>> arange(3)
    Tensor([0, 1, 2])
    """
    if stop is None:
        start, stop = 0, start
    return _on(device, "arange", Tensor(np.arange(start, stop, step, dtype=dtype)))


def linspace(
    start: Any, stop: Any, num: int = 50, *, endpoint: bool = True, retstep: bool = False, dtype: Any = None,
    axis: int = 0, device: str | None = None,
) -> Any:  # fmt: skip
    """`num` numbers evenly spaced from `start` to `stop`; with `retstep`, and their distance.

    The derivative of a tensor passes, from both ends.

    >>> linspace(0.0, 1.0, 3)
    Tensor([0. , 0.5, 1. ])
    """
    num, axis = operator.index(num), operator.index(axis)
    start, stop = gathered(start), gathered(stop)
    if not (isinstance(start, Tensor) or isinstance(stop, Tensor)):
        make: Any = np.linspace
        made = make(start, stop, num, endpoint=endpoint, retstep=retstep, dtype=dtype, axis=axis)
        even = _on(device, "linspace", Tensor(made[0] if retstep else made))
        return (even, Tensor(np.asarray(made[1]))) if retstep else even
    start, stop = (astype(v, float) if dtype_of(v).kind in "iub" else v for v in (start, stop))
    span: Any = stop - start
    places = np.linspace(0.0, 1.0, num, endpoint=endpoint)
    between: Any = start + span * places.reshape(-1, *(1,) * span.ndim)
    between = moveaxis(between, 0, axis) if axis else between
    if dtype is not None:
        between = astype(elementwise.floor(between) if np.dtype(dtype).kind in "iu" else between, dtype)
    between = _on(device, "linspace", between)
    return (between, span / ((num - 1 if endpoint else num) or np.nan)) if retstep else between


def eye(
    rows: int, columns: int | None = None, k: int = 0, dtype: Any = None, *, device: str | None = None
) -> Tensor:  # fmt: skip
    """Ones on the k-th diagonal, zeros elsewhere.

    >>> eye(2)
    Tensor([[1., 0.],
            [0., 1.]])
    """
    return _on(device, "eye", Tensor(np.eye(rows, columns, k, float if dtype is None else dtype)))


def identity(n: Any, dtype: Any = None) -> Tensor:
    """The n×n matrix with ones on its diagonal; of a tensor or an array, the same as a value of its own in the graph.

    >>> identity(2)
    Tensor([[1., 0.],
            [0., 1.]])
    >>> identity(tensor([3.0]))
    Tensor([3.])
    """
    if isinstance(n, (int, np.integer)) and not isinstance(n, bool):
        return eye(int(n), dtype=dtype)
    return elementwise.identity(n)


def one_hot(labels: Any, classes: int, dtype: Any = np.float32) -> Tensor:
    """A row for each label, 1 at the label and 0 elsewhere; a row of zeros where the label is no class.

    Raises DTypeError if the labels are not integers.

    >>> one_hot([1, 0], 3)
    Tensor([[0., 1., 0.],
            [1., 0., 0.]], dtype=float32)
    """
    labels = asarray(labels)
    if labels.dtype.kind not in "iu" and labels.size:
        raise DTypeError("one_hot: labels must be integers", got=labels.dtype, fix="labels.astype(int)")
    return astype(elementwise.equal(expand_dims(labels, -1), np.arange(classes)), dtype)


def _array(x: Any) -> Any:
    return outline(x) if isinstance(x, Tensor) else as_operand(x)


explain_keywords(globals())
FUNCTIONS[np.linspace] = linspace
