"""Borders around arrays, of all kinds that NumPy has."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from pullback.core.axes import dtype_of, ndim_of, shape_of
from pullback.core.errors import DTypeError, OptionError, ShapeError
from pullback.core.habits import explain_keywords
from pullback.ops import elementwise as ew
from pullback.ops import reductions
from pullback.ops.indexing import getitem, take
from pullback.ops.movement import astype, broadcast_to, concatenate, pad_
from pullback.tensors.tables import serve

if TYPE_CHECKING:
    from pullback.tensors import Tensor

Pair = tuple[Any, Any]

_BY_INDEX: Final = ("edge", "reflect", "symmetric", "wrap")
_STATISTICS: Final[dict[str, Callable[..., Any]]] = {
    "maximum": reductions.max, "minimum": reductions.min, "mean": reductions.mean,
}  # fmt: skip
_MODES: Final = ("constant", *_BY_INDEX, "linear_ramp", *_STATISTICS, "median")


def pad(
    x: Any, pad_width: Any, mode: str = "constant", constant_values: Any = 0, *, end_values: Any = 0,
    stat_length: Any = None, reflect_type: str = "even",
) -> Tensor:  # fmt: skip
    """x with a border: of a constant, of its own elements, or of what is made of them.

    `edge`, `reflect`, `symmetric` and `wrap` repeat elements; `reflect_type="odd"` goes on beyond the edge as
    2·edge − x. `linear_ramp` goes from the edge to `end_values`; `maximum`, `minimum`, `mean` and `median` are those of
    all elements along the axis, or of the `stat_length` nearest. Widths, values and lengths are one for all, a pair for
    each axis, or a pair for all.

    >>> pad(np.array([1.0, 2.0]), (1, 2))
    Tensor([0., 1., 2., 0., 0.])
    >>> pad(np.array([1.0, 2.0]), 2, mode="linear_ramp", end_values=(0.0, 4.0))
    Tensor([0. , 0.5, 1. , 2. , 3. , 4. ])
    """
    shape = shape_of(x)
    if mode not in _MODES:
        raise OptionError("pad: unknown mode", mode=mode, fix=", ".join(_MODES))
    if reflect_type not in ("even", "odd"):
        raise OptionError("pad: unknown kind of reflection", reflect_type=reflect_type, fix="even or odd")
    _check_options(mode, constant_values, end_values, stat_length, reflect_type)
    widths = _widths(pad_width, shape)
    if mode == "constant" and not _several(constant_values):
        padded = pad_(x, width=widths)
        if type(constant_values) in (int, float) and constant_values == 0:
            return padded
        dtype = dtype_of(x)
        fits = type(constant_values) is int or (type(constant_values) is float and dtype.kind in "fc")  # it stays weak
        border = constant_values if fits else astype(constant_values, dtype)
        return ew.where(np.pad(np.ones(shape, bool), widths), padded, border)
    given = constant_values if mode == "constant" else end_values if mode == "linear_ramp" else stat_length
    for axis, (width, pair) in enumerate(zip(widths, _pairs(given, shape), strict=True)):
        if any(width):
            x = _bordered(x, axis, width, mode, pair, odd=reflect_type == "odd")
    return x if any(map(any, widths)) else broadcast_to(x, shape)


def _check_options(mode: str, constant: Any, end: Any, length: Any, reflect: str) -> None:
    """Raise OptionError where something is said that a mode does not ask."""
    said = {
        "constant_values": ("constant",) if _is_said(constant) else None,
        "end_values": ("linear_ramp",) if _is_said(end) else None,
        "stat_length": (*_STATISTICS, "median") if length is not None else None,
        "reflect_type": ("reflect", "symmetric") if reflect != "even" else None,
    }
    for name, modes in said.items():
        if modes is not None and mode not in modes:
            raise OptionError(f"pad: {name} says nothing in this mode", mode=mode, fix=f"mode={modes[0]!r}")


def _is_said(value: Any) -> bool:
    return type(value) is not int or value != 0


def _bordered(x: Any, axis: int, width: tuple[int, int], mode: str, pair: Pair, *, odd: bool) -> Any:
    """x with a border along one axis."""
    n, dtype = shape_of(x)[axis], dtype_of(x)
    if not n and mode != "constant":
        raise ShapeError(
            "pad: an axis without elements has none to repeat", shape=shape_of(x), mode=mode, fix="constant"
        )
    if mode in _BY_INDEX:
        index = np.pad(np.arange(n), width, mode=mode)  # type: ignore[call-overload]  # checked by the caller
        if not odd or mode not in ("reflect", "symmetric"):
            return getitem(x, (slice(None),) * axis + (index,))
        before, after = index[: width[0]], index[width[0] + n :]
        ends: Any = {"mode": mode, "reflect_type": "odd"}
        steps = np.pad(np.eye(n, dtype=int), (width, (0, 0)), **ends)
        parts = _reflected(x, axis, before, steps[: width[0]]), _reflected(x, axis, after, steps[width[0] + n :])
    else:
        sides = [
            _side(x, axis, size, mode, value, end=end)
            for end, (size, value) in enumerate(zip(width, pair, strict=True))
        ]
        parts = (sides[0], sides[1])
    return concatenate([astype(parts[0], dtype), x, astype(parts[1], dtype)], axis)


def _side(x: Any, axis: int, size: int, mode: str, value: Any, *, end: int) -> Any:
    """The border before an axis, or at its `end`."""
    shape = list(shape_of(x))
    n, shape[axis] = shape[axis], size
    if mode == "constant":
        return broadcast_to(value, tuple(shape))
    head = (slice(None),) * axis
    if mode == "linear_ramp":
        edge = getitem(x, (*head, slice(n - 1, n) if end else slice(0, 1)))
        edge = (
            astype(edge, float) if dtype_of(x).kind in "iub" else edge
        )  # a difference of unsigned ones would go round
        share = np.arange(size)[::-1] / size if end else np.arange(size) / max(size, 1)
        share = share.reshape((size,) + (1,) * (len(shape) - axis - 1))
        ramp = ew.add(
            value, ew.multiply(ew.subtract(edge, value), share.astype(np.result_type(dtype_of(x), np.float16)))
        )
        return ew.floor(ramp) if dtype_of(x).kind in "iu" else ramp
    length = n if value is None else min(operator.index(value), n)
    if length < 0 or (not length and mode in ("maximum", "minimum")):
        raise ShapeError(f"pad: no {mode} of so many elements", stat_length=length)
    near = getitem(x, (*head, slice(n - length, n) if end else slice(0, length)))
    if mode == "median":
        from pullback.functions.quantiles import median as found  # what is seldom asked for is not loaded
    else:
        found = _STATISTICS[mode]
    one = found(near, axis=axis, keepdims=True)
    return broadcast_to(ew.rint(one) if dtype_of(x).kind in "iu" else one, tuple(shape))


def _reflected(x: Any, axis: int, index: Any, steps: Any) -> Any:
    """What lies beyond an edge that is a point of symmetry: elements, and how often each end is counted."""
    n, rows = shape_of(x)[axis], np.arange(len(index))
    total: Any = 0
    for place in (index, np.zeros_like(index), np.full_like(index, n - 1)):
        often = steps[rows, place]
        steps = steps.copy()
        steps[rows, place] = 0
        often = often.reshape((-1,) + (1,) * (ndim_of(x) - axis - 1)).astype(dtype_of(x))
        total = ew.add(total, ew.multiply(often, take(x, place, axis)))
    return total


def _several(values: Any) -> bool:
    """Whether there are more values than one for all."""
    return isinstance(values, (Mapping, tuple, list)) or ndim_of(values) > 0


def _pairs(values: Any, shape: tuple[int, ...]) -> list[Pair]:
    """A pair for each axis, of what NumPy takes for that."""
    if values is None or not _several(values):
        return [(values, values)] * len(shape)
    try:
        rows = np.broadcast_to(np.asarray(values), (len(shape), 2))
    except ValueError:
        raise ShapeError("pad: a pair for each axis, or for all", shape=shape, got=values) from None
    return [(a, b) for a, b in rows]


def _widths(widths: Any, shape: tuple[int, ...]) -> tuple[tuple[int, int], ...]:
    if isinstance(widths, Mapping):
        named = {operator.index(axis) % max(len(shape), 1): width for axis, width in widths.items()}
        widths = [np.broadcast_to(named.get(axis, 0), 2) for axis in range(len(shape))]
    numbers = np.asarray(widths)
    if numbers.dtype.kind not in "iu" and numbers.size:
        raise DTypeError("pad: widths are integers", got=numbers.dtype)
    try:
        found = np.broadcast_to(numbers, (len(shape), 2))
    except ValueError:
        raise ShapeError("pad: a pair of widths for each axis, or for all", shape=shape, pad_width=widths) from None
    if (found < 0).any():
        raise ShapeError("pad: widths are not negative", pad_width=widths, fix="x[2:] cuts two off")
    return tuple((int(a), int(b)) for a, b in found)


explain_keywords(globals())
serve(globals())
