"""Reductions over axes: the linear ones (sum, mean, cumsum) and the others with their weights ∂y/∂x."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from pullback.core.axes import Axes, kept_shape, ndim_of, normalize_axes, normalize_axis, reduced_size
from pullback.core.errors import OptionError
from pullback.core.habits import explain_keywords
from pullback.core.kinds import LinearMap, Reduction, broadcast
from pullback.core.precision import in_single, of_reals, single
from pullback.ops import elementwise as ew
from pullback.ops import partials
from pullback.ops.movement import astype, ravel

if TYPE_CHECKING:
    from pullback.tensors import Tensor


def _spread(cotangent: Any, x: Any, axis: tuple[int, ...] | None, **_: Any) -> Any:
    """The transpose of a sum: the cotangent, repeated along the summed axes."""
    return broadcast(cotangent.reshape(kept_shape(x.shape, axis)), x.shape)


def _mean(x: Any, axis: Any, keepdims: Any) -> Any:
    if (
        x.dtype.char not in "fdFD"
    ):  # np.mean takes four times as long on small arrays; it is needed for the other dtypes
        if x.dtype.kind not in "iub":
            return np.mean(x, axis=axis, keepdims=keepdims)
        x = x.astype(np.float64)
    return np.add.reduce(x, axis=axis, keepdims=keepdims) / reduced_size(x.shape, axis)


def _spread_mean(cotangent: Any, x: Any, axis: tuple[int, ...] | None, **_: Any) -> Any:
    return _spread(single(cotangent) / (reduced_size(x.shape, axis) or 1), x, axis)


def _deviation(x: Any, axis: tuple[int, ...] | None) -> Any:
    return x - np.add.reduce(x, axis=axis, keepdims=True) / reduced_size(x.shape, axis)


def _ties(x: Any, y: Any, axis: tuple[int, ...] | None) -> Any:
    """Equal shares for all elements that equal the extremum; for all that are NaN, if there are any."""
    mask = ((x == y) | (x != x)).astype(x.dtype)
    return mask / np.add.reduce(mask, axis=axis, keepdims=True)


def _prod_others(x: Any, axis: tuple[int, ...] | None) -> Any:
    """For each element the product of the others, by products alone: right at zeros, in any order."""
    if not x.size:
        return x
    axes = tuple(range(x.ndim)) if axis is None else axis
    rest = tuple(i for i in range(x.ndim) if i not in axes)
    moved = np.transpose(x, rest + axes)
    flat = moved.reshape((*(x.shape[i] for i in rest), reduced_size(x.shape, axes)))
    others = (_prod_before(flat) * _prod_before(flat[..., ::-1])[..., ::-1]).reshape(moved.shape)
    return np.transpose(others, tuple(int(i) for i in np.argsort(rest + axes)))


def _prod_before(x: Any) -> Any:
    """The product of all earlier elements along the last axis, in log n steps (Hillis & Steele 1986)."""
    ones = np.ones((*x.shape[:-1], 1), x.dtype)
    scan = np.concatenate([ones, x[..., :-1]], axis=-1)
    step = 1
    while step < x.shape[-1]:
        shifted = np.concatenate([np.broadcast_to(ones, (*x.shape[:-1], step)), scan[..., :-step]], axis=-1)
        scan = scan * shifted
        step *= 2
    return scan


def _largest(x: Any, axis: tuple[int, ...] | None, of_nothing: float | None) -> Any:
    """The largest over axes, which are kept."""
    if x.size:
        return np.maximum.reduce(x, axis=axis, keepdims=True)
    return np.maximum.reduce(x, axis=axis, keepdims=True, initial=of_nothing)


def _logsumexp(x: Any, axis: tuple[int, ...] | None, keepdims: bool) -> Any:
    largest = _largest(x, axis, -math.inf)
    with np.errstate(divide="ignore"):  # the sum of nothing has the logarithm -inf
        total = np.log(np.add.reduce(np.exp(ew.gap.bind(x, largest)), axis=axis, keepdims=True)) + largest
    return total if keepdims else total.reshape(dropped(x.shape, axis))


def _softmax(x: Any, y: Any, axis: tuple[int, ...] | None) -> Any:
    """The derivative of logsumexp; among infinities the largest share it, and y may be rounded."""
    e = np.exp(ew.gap.bind(x, y))
    return e / np.add.reduce(e, axis=axis, keepdims=True)


def dropped(shape: tuple[int, ...], axis: tuple[int, ...] | None) -> tuple[int, ...]:
    """The shape after a reduction without keepdims."""
    return () if axis is None else tuple(n for i, n in enumerate(shape) if i not in axis)


def _norm(x: Any, axis: tuple[int, ...] | None, keepdims: bool) -> Any:
    largest = _largest(np.abs(x), axis, 0)
    scale = np.where((largest > 0) & np.isfinite(largest), largest, 1)  # squares neither overflow nor vanish
    total = np.sqrt(np.add.reduce(np.square(x / scale), axis=axis, keepdims=True)) * scale
    return total if keepdims else total.reshape(dropped(x.shape, axis))


def _var(x: Any, axis: tuple[int, ...] | None, keepdims: Any, correction: float) -> Any:
    if x.dtype.char not in "fd":
        if x.dtype.kind not in "iub":
            return np.var(x, axis=axis, keepdims=keepdims, ddof=correction)
        x = x.astype(np.float64)
    deviation = _deviation(x, axis)
    return np.add.reduce(deviation * deviation, axis=axis, keepdims=keepdims) / _degrees(x, axis, correction)


def _degrees(x: Any, axis: tuple[int, ...] | None, correction: float) -> float:
    degrees = reduced_size(x.shape, axis) - correction
    return degrees * (degrees > 0)


def _share_of(x: Any, axis: tuple[int, ...] | None, correction: float) -> float:
    degrees = _degrees(x, axis, correction)
    return 1 / degrees if degrees else math.nan


def _std(x: Any, axis: tuple[int, ...] | None, keepdims: bool, correction: float) -> Any:
    return np.sqrt(_var(x, axis, keepdims, correction))


sum_ = LinearMap("sum", in_single(np.add.reduce), _spread)
mean_ = LinearMap("mean", _mean, _spread_mean)
cumsum_: LinearMap = LinearMap(
    "cumsum", in_single(np.cumsum), lambda ct, x, axis: np.flip(cumsum_.bind(np.flip(ct, axis), axis=axis), axis)
)
prod_ = Reduction(
    "prod", in_single(np.multiply.reduce), lambda x, axis: _prod_others(x, axis),
    doc="Π x; its derivative by an element is the product of the others.",
)  # fmt: skip
max_ = Reduction(
    "max", lambda x, axis, keepdims: np.maximum.reduce(x, axis=axis, keepdims=keepdims), _ties, strong=True
)
min_ = Reduction(
    "min", lambda x, axis, keepdims: np.minimum.reduce(x, axis=axis, keepdims=keepdims), _ties, strong=True
)
logsumexp_ = Reduction("logsumexp", of_reals(_logsumexp), _softmax)
norm_ = Reduction("norm", in_single(_norm), lambda x, y, axis: partials.safe_ratio(x, y))
var_ = Reduction(
    "var", in_single(_var),
    lambda x, axis, correction: _deviation(x, axis) * (2 * _share_of(x, axis, correction)),
)  # fmt: skip
std_ = Reduction(
    "std", in_single(_std),
    lambda x, y, axis, correction: partials.safe_ratio(
        _deviation(x, axis) * _share_of(x, axis, correction), y
    ),
)  # fmt: skip
any_ = Reduction("any", lambda x, axis, keepdims: np.any(x, axis=axis, keepdims=keepdims), None)
all_ = Reduction("all", lambda x, axis, keepdims: np.all(x, axis=axis, keepdims=keepdims), None)
argmax_ = Reduction("argmax", lambda x, axis, keepdims: np.argmax(x, axis=axis, keepdims=keepdims), None)
argmin_ = Reduction("argmin", lambda x, axis, keepdims: np.argmin(x, axis=axis, keepdims=keepdims), None)


def sum(x: Any, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Σ x over `axis`.

    >>> sum(np.ones((2, 3)), axis=0)
    Tensor([2., 2., 2.])
    """
    return sum_(x, axis=normalize_axes(axis, ndim_of(x), "sum"), keepdims=keepdims)


def mean(x: Any, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Σ x / n over `axis`, n being the number of elements that each result is made of.

    >>> mean(np.array([[1.0, 2.0], [3.0, 4.0]]), axis=1)
    Tensor([1.5, 3.5])
    """
    return mean_(x, axis=normalize_axes(axis, ndim_of(x), "mean"), keepdims=keepdims)


def prod(x: Any, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Π x over `axis`; the derivative is right at zeros too, in any order.

    >>> import pullback as pb
    >>> pb.grad(prod)(pb.tensor([0.0, 2.0, 3.0]))
    Tensor([6., 0., 0.])
    """
    return prod_(x, axis=normalize_axes(axis, ndim_of(x), "prod"), keepdims=keepdims)


def var(x: Any, axis: Axes = None, keepdims: bool = False, *, correction: float = 0) -> Tensor:
    """Σ (x − mean)² / (n − correction) over `axis`; NumPy's `ddof` is `correction`, PyTorch's default is 1.

    >>> var(np.array([1.0, 3.0]))
    Tensor(1.)
    """
    return var_(x, axis=normalize_axes(axis, ndim_of(x), "var"), keepdims=keepdims, correction=correction)


def std(x: Any, axis: Axes = None, keepdims: bool = False, *, correction: float = 0) -> Tensor:
    """√var over `axis`; the derivative is 0 where all elements are equal.

    >>> std(np.array([1.0, 3.0]))
    Tensor(1.)
    """
    return std_(x, axis=normalize_axes(axis, ndim_of(x), "std"), keepdims=keepdims, correction=correction)


def max(x: Any, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """The largest element over `axis`; elements that tie share the derivative equally.

    >>> import pullback as pb
    >>> pb.grad(max)(pb.tensor([1.0, 4.0, 4.0]))
    Tensor([0. , 0.5, 0.5])
    """
    return max_(x, axis=normalize_axes(axis, ndim_of(x), "max"), keepdims=keepdims)


def min(x: Any, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """The smallest element over `axis`; elements that tie share the derivative equally.

    >>> min(np.array([[1.0, 4.0], [0.0, 2.0]]), axis=0)
    Tensor([0., 2.])
    """
    return min_(x, axis=normalize_axes(axis, ndim_of(x), "min"), keepdims=keepdims)


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
    if (x if hasattr(x, "dtype") else np.asarray(x)).dtype.kind in "iub":
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
        return sum(astype(ew.not_equal(x, 0), x.dtype), axis, keepdims)
    if ord == 1:
        return sum(ew.absolute(x), axis, keepdims)
    return ew.power(sum(ew.power(ew.absolute(x), ord), axis, keepdims), 1 / ord)


def any(x: Any, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Whether any element over `axis` is true; carries no derivative.

    >>> any(np.array([False, True]))
    Tensor(True)
    """
    return any_(x, axis=normalize_axes(axis, ndim_of(x), "any"), keepdims=keepdims)


def all(x: Any, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Whether all elements over `axis` are true; carries no derivative.

    >>> all(np.array([False, True]))
    Tensor(False)
    """
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


def cumsum(x: Any, axis: int | None = None) -> Tensor:
    """Running sums along one axis, or of the flat array.

    >>> cumsum(np.array([1.0, 2.0, 3.0]))
    Tensor([1., 3., 6.])
    """
    if axis is None:
        return cumsum_(ravel(x), axis=0)
    return cumsum_(x, axis=normalize_axis(axis, ndim_of(x), "cumsum"))


explain_keywords(globals())
