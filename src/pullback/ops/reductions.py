"""Reductions over axes: the linear ones (sum, mean, cumsum) and the others with their weights ∂y/∂x."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from pullback.batching.rules import axes_behind, in_front, index_reduction
from pullback.core.axes import (
    Axes,
    dropped_shape,
    dtype_of,
    kept_shape,
    ndim_of,
    normalize_axes,
    normalize_axis,
    reduced_size,
    shape_of,
)
from pullback.core.complex import conjugate
from pullback.core.errors import OptionError
from pullback.core.habits import explain_keywords
from pullback.core.kinds import LinearMap, Reduction
from pullback.core.precision import in_single, of_numbers
from pullback.ops import elementwise as ew
from pullback.ops import partials, weights
from pullback.ops.movement import astype, broadcast_to, ravel, reshape_

if TYPE_CHECKING:
    from pullback.tensors import Tensor


sum_ = LinearMap("sum", in_single(np.add.reduce), weights.spread, batching=in_front(axis=axes_behind))
mean_ = LinearMap("mean", weights.mean, weights.spread_mean, batching=in_front(axis=axes_behind))
cumsum_: LinearMap = LinearMap(
    "cumsum",
    in_single(np.cumsum),
    lambda ct, x, axis: np.flip(cumsum_.bind(np.flip(ct, axis), axis=axis), axis),
    batching=in_front(axis=axes_behind),
)
prod_ = Reduction(
    "prod", in_single(np.multiply.reduce), lambda x, axis: weights.prod_others(x, axis),
    doc="Π x; its derivative by an element is the product of the others.",
)  # fmt: skip
max_ = Reduction("max", weights.greatest, weights.ties, strong=True)
min_ = Reduction("min", weights.least, weights.ties, strong=True)
logsumexp_ = Reduction("logsumexp", of_numbers(weights.logsumexp), weights.softmax)
norm_ = Reduction("norm", in_single(weights.norm), lambda x, y, axis: partials.safe_ratio(conjugate(x), y))
var_ = Reduction(
    "var", in_single(weights.var),
    lambda x, axis, correction: conjugate(weights.deviation(x, axis)) * (2 * weights.share_of(x, axis, correction)),
)  # fmt: skip
std_ = Reduction(
    "std", in_single(weights.std),
    lambda x, y, axis, correction: partials.safe_ratio(
        conjugate(weights.deviation(x, axis)) * weights.share_of(x, axis, correction), y
    ),
)  # fmt: skip
any_ = Reduction("any", lambda x, axis, keepdims: np.any(x, axis=axis, keepdims=keepdims), None)
all_ = Reduction("all", lambda x, axis, keepdims: np.all(x, axis=axis, keepdims=keepdims), None)
argmax_ = Reduction(
    "argmax", lambda x, axis, keepdims: np.argmax(x, axis=axis, keepdims=keepdims), None, batching=index_reduction
)
argmin_ = Reduction(
    "argmin", lambda x, axis, keepdims: np.argmin(x, axis=axis, keepdims=keepdims), None, batching=index_reduction
)


def _read(x: Any, dtype: Any) -> Any:
    return x if dtype is None else astype(x, dtype)


def _given(total: Any, dtype: Any) -> Any:
    """A sum of small integers, which NumPy makes of larger ones, in the dtype that was asked for."""
    return total if dtype is None or total.dtype == np.dtype(dtype) else astype(total, dtype)


def _counted(x: Any, axis: Any, where: Any) -> Any:
    """How many elements each result is made of, in the precision of x."""
    return astype(sum_(broadcast_to(where, shape_of(x)), axis=axis, keepdims=True), weights.real_of(dtype_of(x)))


def sum(
    x: Any, axis: Axes = None, keepdims: bool = False, *, dtype: Any = None, initial: Any = None, where: Any = True
) -> Tensor:
    """Σ x over `axis`, plus `initial`, of the elements `where` that holds.

    >>> sum(np.ones((2, 3)), axis=0)
    Tensor([2., 2., 2.])
    """
    axes = normalize_axes(axis, ndim_of(x), "sum")
    if dtype is None and initial is None and where is True:
        return sum_(x, axis=axes, keepdims=keepdims)
    x = _read(x, dtype)
    total = sum_(x if where is True else weights.chosen(x, where, other=0), axis=axes, keepdims=keepdims)
    return _given(total if initial is None else ew.add(total, initial), dtype)


def mean(x: Any, axis: Axes = None, keepdims: bool = False, *, dtype: Any = None, where: Any = True) -> Tensor:
    """Σ x / n over `axis`, n being the number of elements that each result is made of.

    >>> mean(np.array([[1.0, 2.0], [3.0, 4.0]]), axis=1)
    Tensor([1.5, 3.5])
    """
    axes = normalize_axes(axis, ndim_of(x), "mean")
    x = _read(x, dtype)
    if where is True:
        return _given(mean_(x, axis=axes, keepdims=keepdims), dtype)
    wide, made = weights.careful(x, dtype)
    found = ew.divide(sum_(weights.chosen(wide, where, other=0), axis=axes, keepdims=True), _counted(wide, axes, where))
    return astype(found if keepdims else reshape_(found, shape=dropped_shape(shape_of(x), axes)), made)


def prod(
    x: Any, axis: Axes = None, keepdims: bool = False, *, dtype: Any = None, initial: Any = None, where: Any = True
) -> Tensor:
    """Π x over `axis`, times `initial`; the derivative is right at zeros too, in any order.

    >>> import pullback as pb
    >>> pb.grad(prod)(pb.tensor([0.0, 2.0, 3.0]))
    Tensor([6., 0., 0.])
    """
    axes = normalize_axes(axis, ndim_of(x), "prod")
    if dtype is None and initial is None and where is True:
        return prod_(x, axis=axes, keepdims=keepdims)
    x = _read(x, dtype)
    total = prod_(x if where is True else weights.chosen(x, where, other=1), axis=axes, keepdims=keepdims)
    return _given(total if initial is None else ew.multiply(total, initial), dtype)


def var(
    x: Any, axis: Axes = None, keepdims: bool = False, *, correction: float = 0, dtype: Any = None, mean: Any = None,
    where: Any = True, ddof: float | None = None,
) -> Tensor:  # fmt: skip
    """Σ (x − mean)² / (n − correction) over `axis`; `ddof` is another name of `correction`; PyTorch's default is 1.

    A `mean` that is given, with its axes kept, is taken for the mean.

    >>> var(np.array([1.0, 3.0]))
    Tensor(1.)
    """
    axes = normalize_axes(axis, ndim_of(x), "var")
    correction = correction if ddof is None else ddof
    x = _read(x, dtype)
    if mean is None and where is True:
        return _given(var_(x, axis=axes, keepdims=keepdims, correction=correction), dtype)
    x, made = weights.careful(x, dtype, absolute=True)
    return astype(_spread_from(x, mean, axes, keepdims, correction, where), made)


def std(
    x: Any, axis: Axes = None, keepdims: bool = False, *, correction: float = 0, dtype: Any = None, mean: Any = None,
    where: Any = True, ddof: float | None = None,
) -> Tensor:  # fmt: skip
    """√var over `axis`; the derivative is 0 where all elements are equal.

    >>> std(np.array([1.0, 3.0]))
    Tensor(1.)
    """
    axes = normalize_axes(axis, ndim_of(x), "std")
    correction = correction if ddof is None else ddof
    x = _read(x, dtype)
    if mean is None and where is True:
        return _given(std_(x, axis=axes, keepdims=keepdims, correction=correction), dtype)
    x, made = weights.careful(x, dtype, absolute=True)
    deviation, degrees = _deviations(x, mean, axes, correction, where)
    size, degrees = norm_(deviation, axis=axes, keepdims=keepdims), _as_kept(degrees, x, axes, keepdims)
    return astype(ew.divide(size, ew.sqrt(degrees)), made)


def _spread_from(x: Any, mean: Any, axes: Any, keepdims: bool, correction: float, where: Any) -> Any:
    deviation, degrees = _deviations(x, mean, axes, correction, where)
    squares = ew.square(ew.absolute(deviation) if deviation.dtype.kind == "c" else deviation)
    total = sum_(squares, axis=axes, keepdims=keepdims)
    return ew.divide(total, _as_kept(degrees, x, axes, keepdims))


def _deviations(x: Any, centre: Any, axes: Any, correction: float, where: Any) -> tuple[Any, Any]:
    """From the mean, 0 where nothing counts; and the degrees of freedom, both with all axes."""
    x = astype(x, float) if dtype_of(x).kind in "iub" else x
    if centre is None:
        centre = mean(x, axes, keepdims=True, where=where)
    deviation = ew.subtract(x, centre)
    if where is True:
        count: Any = float(reduced_size(shape_of(x), axes))
    else:
        deviation, count = weights.chosen(deviation, where, other=0), _counted(x, axes, where)
    return deviation, ew.maximum(ew.subtract(count, correction), 0.0)


def _as_kept(value: Any, x: Any, axes: Any, keepdims: bool) -> Any:
    kept = broadcast_to(value, kept_shape(shape_of(x), axes))
    return kept if keepdims else reshape_(kept, shape=dropped_shape(shape_of(x), axes))


def max(x: Any, axis: Axes = None, keepdims: bool = False, *, initial: Any = None, where: Any = True) -> Tensor:
    """The largest element over `axis`, or `initial`; elements that tie share the derivative equally.

    >>> import pullback as pb
    >>> pb.grad(max)(pb.tensor([1.0, 4.0, 4.0]))
    Tensor([0. , 0.5, 0.5])
    """
    axes = normalize_axes(axis, ndim_of(x), "max")
    if initial is None and where is True:
        return max_(x, axis=axes, keepdims=keepdims)
    return _extremum(max_, ew.maximum, x, axes, keepdims, initial, where)


def min(x: Any, axis: Axes = None, keepdims: bool = False, *, initial: Any = None, where: Any = True) -> Tensor:
    """The smallest element over `axis`, or `initial`; elements that tie share the derivative equally.

    >>> min(np.array([[1.0, 4.0], [0.0, 2.0]]), axis=0)
    Tensor([0., 2.])
    """
    axes = normalize_axes(axis, ndim_of(x), "min")
    if initial is None and where is True:
        return min_(x, axis=axes, keepdims=keepdims)
    return _extremum(min_, ew.minimum, x, axes, keepdims, initial, where)


def _extremum(reduce: Any, pair: Any, x: Any, axes: Any, keepdims: bool, initial: Any, where: Any) -> Any:
    if initial is None:
        raise OptionError(
            f"{reduce.name}: what is left out needs an initial number to be compared with", fix="initial="
        )
    least = weights.bound(dtype_of(x), reduce is max_)
    if reduced_size(shape_of(x), axes) == 0:
        x = np.full(kept_shape(shape_of(x), axes), least)
    elif where is not True:
        x = weights.chosen(x, where, other=least)
    return pair(reduce(x, axis=axes, keepdims=keepdims), initial)


def logsumexp(x: Any, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """log Σ eˣ over `axis`, without overflow.

    >>> logsumexp(np.array([1000.0, 1000.0]))
    Tensor(1000.69314718)
    """
    return logsumexp_(x, axis=normalize_axes(axis, ndim_of(x), "logsumexp"), keepdims=keepdims)


def norm(x: Any, ord: Any = None, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """The vector norm (Σ |x|ᵖ)^(1/p) over `axis`, p = 2 by default; over two axes or all, the Frobenius norm.

    The derivative of the 2-norm at 0 is 0.

    >>> norm(np.array([3.0, 4.0]))
    Tensor(5.)
    """
    if dtype_of(x).kind in "iub":
        x = astype(x, float)  # powers of integers wrap around
    axes = normalize_axes(axis, ndim_of(x), "norm")
    vector = (len(axes) if axes is not None else ndim_of(x)) == 1
    if getattr(ord, "node", None) is not None and vector:  # the order has a derivative too
        return ew.power(sum(ew.power(ew.absolute(x), ord), axis, keepdims), 1 / ord)
    if ord is None or (ord == "fro" and not vector) or (ord == 2 and vector):
        return norm_(x, axis=axes, keepdims=keepdims)
    if not vector or isinstance(ord, str):
        raise OptionError(
            "norm: only the Frobenius norm of matrices is known", ord=ord, fix="leave ord out, or give one axis"
        )
    if ord == math.inf:
        return max(ew.absolute(x), axis, keepdims)
    if ord == -math.inf:
        return min(ew.absolute(x), axis, keepdims)
    if ord == 0:
        return sum(astype(ew.not_equal(x, 0), np.finfo(x.dtype).dtype), axis, keepdims)
    if ord == 1:
        return sum(ew.absolute(x), axis, keepdims)
    return ew.power(sum(ew.power(ew.absolute(x), ord), axis, keepdims), 1 / ord)


def any(x: Any, axis: Axes = None, keepdims: bool = False, *, where: Any = True) -> Tensor:
    """Whether any element over `axis` is true; carries no derivative.

    >>> any(np.array([False, True]))
    Tensor(True)
    """
    x = x if where is True else weights.chosen(x, where, other=False)
    return any_(x, axis=normalize_axes(axis, ndim_of(x), "any"), keepdims=keepdims)


def all(x: Any, axis: Axes = None, keepdims: bool = False, *, where: Any = True) -> Tensor:
    """Whether all elements over `axis` are true; carries no derivative.

    >>> all(np.array([False, True]))
    Tensor(False)
    """
    x = x if where is True else weights.chosen(x, where, other=True)
    return all_(x, axis=normalize_axes(axis, ndim_of(x), "all"), keepdims=keepdims)


def argmax(x: Any, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """The index of the first largest element over one axis, or of the flat array; carries no derivative.

    >>> argmax(np.array([1.0, 4.0, 4.0]))
    Tensor(1)
    """
    return argmax_(x, axis=axis if axis is None else normalize_axis(axis, ndim_of(x), "argmax"), keepdims=keepdims)


def argmin(x: Any, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """The index of the first smallest element over one axis, or of the flat array; carries no derivative.

    >>> argmin(np.array([4.0, 1.0]))
    Tensor(1)
    """
    return argmin_(x, axis=axis if axis is None else normalize_axis(axis, ndim_of(x), "argmin"), keepdims=keepdims)


def cumsum(x: Any, axis: int | None = None, dtype: Any = None) -> Tensor:
    """Running sums along one axis, or of the flat array.

    >>> cumsum(np.array([1.0, 2.0, 3.0]))
    Tensor([1., 3., 6.])
    """
    x = _read(x, dtype)
    if axis is None:
        return _given(cumsum_(ravel(x), axis=0), dtype)
    return _given(cumsum_(x, axis=normalize_axis(axis, ndim_of(x), "cumsum")), dtype)


explain_keywords(globals())
