"""Elements selected by conditions, and NaNs and infinities replaced."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pullback.core.axes import dtype_of, normalize_axes
from pullback.core.errors import DTypeError, OptionError, ShapeError
from pullback.core.habits import explain_keywords
from pullback.functions.creation import asarray
from pullback.ops import elementwise as ew
from pullback.ops.complex_parts import imag, real
from pullback.ops.discrete import find
from pullback.ops.indexing import take
from pullback.ops.movement import astype, broadcast_to, ravel
from pullback.ops.ordering import nonzero
from pullback.tensors import Tensor
from pullback.tensors.tables import serve


def select(condlist: Sequence[Any], choicelist: Sequence[Any], default: Any = 0) -> Any:
    """At each place the element of the first of `choicelist` whose condition holds there, or `default`.

    >>> select([np.array([True, False])], [np.array([1.0, 2.0])], 9.0)
    Tensor([1., 9.])
    """
    if len(condlist) != len(choicelist) or not len(condlist):
        raise ShapeError("select: as many choices as conditions", conditions=len(condlist), choices=len(choicelist))
    choices = [asarray(c) if not isinstance(c, (int, float, complex)) else c for c in (*choicelist, default)]
    if others := [dtype for dtype in map(dtype_of, map(asarray, condlist)) if dtype.kind != "b"]:
        raise DTypeError("select: conditions are truths", got=others[0], fix="x > 0 in place of x")
    dtype = np.result_type(*(getattr(c, "dtype", c) for c in choices))
    found: Any = astype(asarray(choices.pop()), dtype)
    for condition, choice in reversed(list(zip(condlist, choices, strict=True))):
        found = ew.where(condition, astype(asarray(choice), dtype), found)
    return found


def piecewise(x: Any, condlist: Any, funclist: Sequence[Any], *args: Any, **kw: Any) -> Any:
    """At each place what the function of the last condition gives that holds there; one more function serves the rest.

    Each function is called with all of x, and what it gives elsewhere has no say, in derivatives neither.

    >>> piecewise(np.array([-1.0, 4.0]), [np.array([False, True])], [np.sqrt, 0.0])
    Tensor([0., 2.])
    """
    x = asarray(x)
    conditions = list(condlist) if isinstance(condlist, (list, tuple)) else [condlist]
    if conditions and not isinstance(conditions[0], (list, np.ndarray)) and np.ndim(conditions[0]) == 0 and x.ndim:
        conditions = [asarray(conditions)]  # one condition, written as a list of truths
    if len(funclist) == len(conditions) + 1:
        rest: Any = True
        for condition in conditions:
            rest = ew.logical_and(rest, ew.logical_not(condition))
        conditions.append(rest)
    elif len(funclist) != len(conditions):
        raise ShapeError(
            "piecewise: a function for each condition", conditions=len(conditions), functions=len(funclist)
        )
    found: Any = astype(broadcast_to(np.zeros(()), x.shape), x.dtype)
    for condition, function in zip(conditions, funclist, strict=True):
        with np.errstate(all="ignore"):
            value = function(x, *args, **kw) if callable(function) else function
        found = ew.where(condition, astype(asarray(value), x.dtype), found)
    return found


def extract(condition: Any, arr: Any) -> Any:
    """The elements of the flat array whose condition holds.

    >>> extract([True, False], np.array([1.0, 2.0]))
    Tensor([1.])
    """
    return take(ravel(asarray(arr)), nonzero(ravel(asarray(condition)))[0])


def argwhere(a: Any) -> Any:
    """The indices of the elements that are not 0, a row for each.

    >>> argwhere(np.array([0.0, 2.0]))
    Tensor([[1]])
    """
    return find(np.argwhere, asarray(a))


def flatnonzero(a: Any) -> Any:
    """The places in the flat array of the elements that are not 0.

    >>> flatnonzero(np.array([0.0, 2.0]))
    Tensor([1])
    """
    return nonzero(ravel(asarray(a)))[0]


def nan_to_num(x: Any, copy: bool = True, nan: Any = 0.0, posinf: Any = None, neginf: Any = None) -> Any:
    """x with numbers in place of NaN and infinities, which take no derivative; without `copy` x itself becomes so.

    >>> nan_to_num(np.array([np.nan, 2.0]))
    Tensor([0., 2.])
    """
    if not copy:
        return _changed(x, nan_to_num(x, nan=nan, posinf=posinf, neginf=neginf))
    x = asarray(x)
    if x.dtype.kind == "c":
        first, second = (nan_to_num(part, nan=nan, posinf=posinf, neginf=neginf) for part in (real(x), imag(x)))
        return first + 1j * second
    if x.dtype.kind != "f":
        return x
    limits = np.finfo(x.dtype)
    found = ew.where(ew.isnan(x), nan, x)
    found = ew.where(ew.equal(x, np.inf), limits.max if posinf is None else posinf, found)
    found = ew.where(ew.equal(x, -np.inf), limits.min if neginf is None else neginf, found)
    return astype(found, x.dtype)


def _changed(x: Any, found: Any) -> Any:
    """x, to which what was found is written, where x is an array."""
    if isinstance(x, Tensor):
        return x.become(found)
    if isinstance(x, np.ndarray):
        np.copyto(x, found.detach().numpy())
    return found


def trim_zeros(filt: Any, trim: str = "fb", axis: Any = None) -> Any:
    """The array without the zeros at its ends: at the front ("f"), at the back ("b"), along all axes or those named.

    >>> trim_zeros(np.array([0.0, 1.0, 0.0, 2.0, 0.0]))
    Tensor([1., 0., 2.])
    """
    x = asarray(filt)
    ends = trim.lower()
    if ends not in ("f", "b", "fb", "bf"):
        raise OptionError("trim_zeros: unknown ends", trim=trim, fix='"f", "b" or "fb"')
    axes = normalize_axes(axis, x.ndim, "trim_zeros")
    places = np.argwhere(x.detach().numpy())
    cut: list[Any] = [slice(None)] * x.ndim
    for i in range(x.ndim) if axes is None else axes:
        first, last = (places[:, i].min(), places[:, i].max() + 1) if places.size else (0, 0)
        whole = places.size > 0
        cut[i] = slice(None if whole and "f" not in ends else first, None if whole and "b" not in ends else last)
    return x[tuple(cut)]


explain_keywords(globals())
serve(globals())
