"""Reductions of what is not NaN: NaNs are replaced by what changes nothing, and take no derivative."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from pullback.core.axes import normalize_axis
from pullback.core.errors import DTypeError
from pullback.core.habits import explain_keywords
from pullback.functions.creation import asarray
from pullback.ops import elementwise as ew
from pullback.ops.cumulative import cumprod
from pullback.ops.discrete import answer, by_element
from pullback.ops.movement import broadcast_to, ravel, reshape
from pullback.ops.reductions import all as all_over
from pullback.ops.reductions import cumsum, max, mean, min, prod, std, sum, var
from pullback.tensors.tables import serve


def _numbers(x: Any) -> tuple[Any, Any]:
    """The array, and where there are numbers."""
    x = asarray(x)
    return x, ew.logical_not(ew.isnan(x)) if x.dtype.kind in "fc" else True


def _check(keepdims: Any, x: Any = None, dtype: Any = None) -> None:
    """Raise DTypeError where NumPy's dtype stands in the place of keepdims, or numbers would become truths."""
    if not isinstance(keepdims, (bool, int, np.bool)):
        raise DTypeError("keepdims is a truth", got=repr(keepdims), fix="dtype= by its name")
    if dtype is not None and x.dtype.kind in "fc" and np.dtype(dtype).kind not in "fc":
        raise DTypeError("of floating-point numbers the dtype is one too", numbers=x.dtype, dtype=np.dtype(dtype))


def _both(there: Any, where: Any) -> Any:
    return there if where is True else where if there is True else ew.logical_and(there, where)


def _filled(x: Any, there: Any, number: float) -> Any:
    return x if there is True else ew.where(there, x, number)


def nansum(
    a: Any, axis: Any = None, keepdims: bool = False, *, dtype: Any = None, initial: Any = None, where: Any = True
) -> Any:
    """The sum over `axis` of what is not NaN.

    >>> nansum(np.array([1.0, np.nan, 3.0]))
    Tensor(4.)
    """
    x, there = _numbers(a)
    return sum(_filled(x, there, 0), axis, keepdims, dtype=dtype, initial=initial, where=where)


def nanprod(
    a: Any, axis: Any = None, keepdims: bool = False, *, dtype: Any = None, initial: Any = None, where: Any = True
) -> Any:
    """The product over `axis` of what is not NaN.

    >>> nanprod(np.array([2.0, np.nan, 3.0]))
    Tensor(6.)
    """
    x, there = _numbers(a)
    return prod(_filled(x, there, 1), axis, keepdims, dtype=dtype, initial=initial, where=where)


def nancumsum(a: Any, axis: int | None = None, dtype: Any = None) -> Any:
    """Running sums of what is not NaN.

    >>> nancumsum(np.array([1.0, np.nan, 3.0]))
    Tensor([1., 1., 4.])
    """
    return cumsum(_filled(*_numbers(a), 0), axis, dtype)


def nancumprod(a: Any, axis: int | None = None, dtype: Any = None) -> Any:
    """Running products of what is not NaN.

    >>> nancumprod(np.array([2.0, np.nan, 3.0]))
    Tensor([2., 2., 6.])
    """
    return cumprod(_filled(*_numbers(a), 1), axis, dtype)


def nanmean(a: Any, axis: Any = None, keepdims: bool = False, *, dtype: Any = None, where: Any = True) -> Any:
    """The mean over `axis` of what is not NaN.

    >>> nanmean(np.array([1.0, np.nan, 3.0]))
    Tensor(2.)
    """
    x, there = _numbers(a)
    _check(keepdims, x, dtype)
    return mean(x, axis, keepdims, dtype=dtype, where=_both(there, where))


def nanvar(
    a: Any, axis: Any = None, keepdims: bool = False, *, correction: float = 0, dtype: Any = None, mean: Any = None,
    where: Any = True, ddof: float | None = None,
) -> Any:  # fmt: skip
    """The variance over `axis` of what is not NaN.

    >>> nanvar(np.array([1.0, np.nan, 3.0]))
    Tensor(1.)
    """
    return _deviating(var, a, axis, keepdims, where, correction=correction, dtype=dtype, mean=mean, ddof=ddof)


def nanstd(
    a: Any, axis: Any = None, keepdims: bool = False, *, correction: float = 0, dtype: Any = None, mean: Any = None,
    where: Any = True, ddof: float | None = None,
) -> Any:  # fmt: skip
    """The standard deviation over `axis` of what is not NaN.

    >>> nanstd(np.array([1.0, np.nan, 3.0]))
    Tensor(1.)
    """
    return _deviating(std, a, axis, keepdims, where, correction=correction, dtype=dtype, mean=mean, ddof=ddof)


def _deviating(reduce: Any, a: Any, axis: Any, keepdims: bool, where: Any, **options: Any) -> Any:
    x, there = _numbers(a)
    _check(keepdims, x, options["dtype"])
    there = _both(there, where)
    found = reduce(_filled(x, there, 0), axis, keepdims, where=there, **options)
    spent = options["correction"] if options["ddof"] is None else options["ddof"]
    if x.dtype.kind not in "fc" or spent <= 0:
        return found
    return ew.where(ew.greater(sum(broadcast_to(there, x.shape), axis, keepdims), spent), found, math.nan)


def nanmax(a: Any, axis: Any = None, keepdims: bool = False, *, initial: Any = None, where: Any = True) -> Any:
    """The largest over `axis` of what is not NaN; NaN where there is nothing else.

    >>> nanmax(np.array([1.0, np.nan, 3.0]))
    Tensor(3.)
    """
    return _extremum(max, -math.inf, a, axis, keepdims, initial, where)


def nanmin(a: Any, axis: Any = None, keepdims: bool = False, *, initial: Any = None, where: Any = True) -> Any:
    """The smallest over `axis` of what is not NaN; NaN where there is nothing else.

    >>> nanmin(np.array([1.0, np.nan, 3.0]))
    Tensor(1.)
    """
    return _extremum(min, math.inf, a, axis, keepdims, initial, where)


def _extremum(reduce: Any, least: float, a: Any, axis: Any, keepdims: bool, initial: Any, where: Any) -> Any:
    x, there = _numbers(a)
    _check(keepdims)
    found = reduce(_filled(x, there, least), axis, keepdims, initial=initial, where=where)
    if there is True or initial is not None:
        return found
    empty = answer(warned, all_over(ew.logical_not(there), axis, keepdims))
    return ew.where(empty, math.nan, found)


@by_element
def warned(empty: Any) -> Any:
    """Truths as they are; of one that holds NumPy warns."""
    if empty.any():
        warnings.warn("All-NaN slice encountered", RuntimeWarning, stacklevel=2)
    return empty


def nanargmax(a: Any, axis: int | None = None, *, keepdims: bool = False) -> Any:
    """The place of the largest of what is not NaN.

    >>> nanargmax(np.array([1.0, np.nan, 3.0]))
    Tensor(2)
    """
    return _place(np.nanargmax, asarray(a), axis, keepdims)


def nanargmin(a: Any, axis: int | None = None, *, keepdims: bool = False) -> Any:
    """The place of the smallest of what is not NaN.

    >>> nanargmin(np.array([1.0, np.nan, 3.0]))
    Tensor(0)
    """
    return _place(np.nanargmin, asarray(a), axis, keepdims)


def _place(function: Any, x: Any, axis: int | None, keepdims: bool) -> Any:
    """A place along an axis, or in the flat array."""
    if axis is not None:
        return answer(function, x, axis=normalize_axis(axis, x.ndim, function.__name__), keepdims=keepdims)
    place = answer(function, ravel(x), axis=0, keepdims=False)
    return reshape(place, (1,) * x.ndim) if keepdims else place


explain_keywords(globals(), without=("warned",))
serve(globals())
