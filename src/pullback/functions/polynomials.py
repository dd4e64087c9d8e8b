"""Polynomials in one variable, as vectors of coefficients from the highest power down."""

from __future__ import annotations

import operator
import warnings
from typing import Any

import numpy as np

from pullback.core.errors import OptionError, ShapeError
from pullback.core.habits import explain_keywords
from pullback.core.modes import current_mode
from pullback.functions.creation import asarray
from pullback.functions.padding import pad
from pullback.functions.products import convolve
from pullback.ops import elementwise as ew
from pullback.ops.complex_parts import real
from pullback.ops.contractions import matmul
from pullback.ops.discrete import BY_ELEMENT, answer
from pullback.ops.linalg.eigenvalues import eigvals_
from pullback.ops.linalg.roots import roots_
from pullback.ops.movement import astype, broadcast_to, concatenate, ravel, reshape, stack
from pullback.ops.reductions import sum as sum_over
from pullback.tensors.tables import serve


def _coefficients(p: Any, name: str) -> Any:
    p = asarray(p)
    if p.ndim > 1:
        raise ShapeError(f"{name}: coefficients are a vector", shape=p.shape)
    return ravel(p)


def polyval(p: Any, x: Any) -> Any:
    """The polynomial p at x, by Horner's rule.

    >>> polyval([1.0, 0.0, 2.0], np.array([3.0]))
    Tensor([11.])
    """
    p, x = _coefficients(p, "polyval"), asarray(x)
    value: Any = astype(broadcast_to(np.zeros(()), x.shape), np.result_type(p.dtype, x.dtype))
    for i in range(p.size):
        value = value * x + p[i]
    return value


def polyadd(a1: Any, a2: Any) -> Any:
    """The sum of two polynomials.

    >>> polyadd([1.0, 2.0], [3.0])
    Tensor([1., 5.])
    """
    return _together(a1, a2, operator.add, "polyadd")


def polysub(a1: Any, a2: Any) -> Any:
    """The difference of two polynomials.

    >>> polysub([1.0, 2.0], [3.0])
    Tensor([ 1., -1.])
    """
    return _together(a1, a2, operator.sub, "polysub")


def _together(a1: Any, a2: Any, f: Any, name: str) -> Any:
    a, b = (_coefficients(p, name) for p in (a1, a2))
    n = max(a.size, b.size)
    return f(pad(a, (n - a.size, 0)), pad(b, (n - b.size, 0)))


def polymul(a1: Any, a2: Any) -> Any:
    """The product of two polynomials.

    >>> polymul([1.0, 1.0], [1.0, -1.0])
    Tensor([ 1.,  0., -1.])
    """
    return convolve(*(_trimmed(_coefficients(p, "polymul")) for p in (a1, a2)))


def _trimmed(p: Any) -> Any:
    """Without zeros in front, as NumPy's poly1d."""
    mode = current_mode()
    if p.node is not None or mode.trace is not None or mode.apply is not None or not p.size:
        return p
    first = int(np.flatnonzero(np.append(p.numpy(), 1))[0])
    return p[min(first, p.size - 1) :]


def polydiv(u: Any, v: Any) -> tuple[Any, Any]:
    """The quotient and the remainder of two polynomials.

    >>> polydiv([1.0, 0.0, -1.0], [1.0, 1.0])
    (Tensor([ 1., -1.]), Tensor([0.]))
    """
    u, v = _coefficients(u, "polydiv") + 0.0, _coefficients(v, "polydiv") + 0.0
    steps = max(u.size - v.size + 1, 1)
    quotient, rest = [], u
    for k in range(steps if u.size >= v.size else 0):
        factor = rest[k] / v[0]
        quotient.append(factor)
        rest = rest - pad(factor * v, (k, u.size - v.size - k))
    found = stack(quotient) if quotient else astype(asarray(np.zeros(1)), rest.dtype)
    return found, rest[_leading(rest) :]


def _leading(rest: Any) -> int:
    """How many coefficients in front are as good as 0."""
    numbers = rest.detach().numpy()
    large = np.flatnonzero(~np.isclose(numbers, 0, rtol=1e-14, atol=1e-14))
    return int(large[0]) if large.size else numbers.size - 1


def polyder(p: Any, m: int = 1) -> Any:
    """The m-th derivative of a polynomial.

    >>> polyder([1.0, 2.0, 3.0])
    Tensor([2., 2.])
    """
    p, m = _coefficients(p, "polyder"), operator.index(m)
    if m < 0:
        raise OptionError("polyder: a derivative has an order from 0 on", m=m, fix="polyint")
    for _ in range(m):
        p = p[:-1] * np.arange(p.size - 1, 0, -1)
    return p


def polyint(p: Any, m: int = 1, k: Any = None) -> Any:
    """The m-th integral of a polynomial, with constants of integration k.

    >>> polyint([2.0, 2.0])
    Tensor([1., 2., 0.])
    """
    p, m = _coefficients(p, "polyint"), operator.index(m)
    if m < 0:
        raise OptionError("polyint: an integral has an order from 0 on", m=m, fix="polyder")
    constants = np.zeros(m) if k is None else ravel(asarray(k))
    if np.size(constants) == 1 and m > 1:
        constants = broadcast_to(constants, (m,))
    for i in range(m):
        p = concatenate([p / np.arange(p.size, 0, -1), constants[i : i + 1]])
    return p


def poly(seq_of_zeros: Any) -> Any:
    """The polynomial with the given roots, its first coefficient 1; of a square matrix, det(λ − a).

    >>> poly([1.0, -1.0])
    Tensor([ 1.,  0., -1.])
    """
    zeros = asarray(seq_of_zeros)
    if zeros.ndim == 2 and zeros.shape[0] == zeros.shape[1] > 0:
        found = poly(eigvals_(zeros))
        return found if zeros.dtype.kind == "c" else real(found)
    if zeros.ndim > 1:
        raise ShapeError("poly: roots are a vector, or the eigenvalues of a square matrix", shape=zeros.shape)
    zeros = ravel(zeros if zeros.dtype.kind in "fc" else astype(zeros, float))
    found = astype(asarray(np.ones(1)), zeros.dtype)
    for i in range(zeros.size):
        found = pad(found, (0, 1)) - pad(found * zeros[i], (1, 0))
    return found


def vander(x: Any, N: int | None = None, increasing: bool = False) -> Any:
    """Powers of x as columns, the highest first.

    >>> vander(np.array([2.0, 3.0]), 3)
    Tensor([[4., 2., 1.],
            [9., 3., 1.]])
    """
    x = asarray(x)
    if x.ndim != 1:
        raise ShapeError("vander: of a vector", shape=x.shape)
    count = x.size if N is None else operator.index(N)
    dtype = np.result_type(x.dtype, int) if x.dtype.kind in "iub" else x.dtype
    columns = [astype(broadcast_to(np.ones(()), x.shape), dtype)]
    for _ in range(count - 1):
        columns.append(columns[-1] * x)
    columns = columns[:count]
    if not columns:
        return reshape(astype(x[:0], dtype), (x.size, 0))
    return stack(columns if increasing else columns[::-1], -1)


def polyfit(
    x: Any, y: Any, deg: int, rcond: float | None = None, full: bool = False, w: Any = None, cov: bool | str = False
) -> Any:
    """The polynomial of degree `deg` with the least sum of squares Σ (w·(y − p(x)))²; differentiable in x, y and w.

    Parameters
    ----------
    x, y : array-like (M,), and (M,) or (M, K)
        Points, and their values: of several columns each has a polynomial.
    deg : int
        The degree.
    rcond : float, optional
        The singular values up to this share of the largest count as 0; M·ε if not said.
    full : bool
        Give the sums of squares that remain, the rank, the singular values and `rcond` as well.
    w : array-like (M,), optional
        Weights of the differences, 1/σ.
    cov : bool or "unscaled"
        Give the covariances of the coefficients as well, times χ²/(M − deg − 1) if not "unscaled".

    >>> polyfit([0.0, 1.0, 2.0], np.array([1.0, 3.0, 5.0]), 1).numpy().round(8)
    array([2., 1.])
    """
    from pullback.linalg.systems import inv, lstsq  # who fits no polynomial does not load it

    x, y, count = asarray(x) + 0.0, asarray(y) + 0.0, operator.index(deg) + 1
    if count < 1 or x.ndim != 1 or not x.size or y.ndim not in (1, 2) or len(y) != len(x):
        raise ShapeError("polyfit: a value, or a row of values, for each of some points", x=x.shape, y=y.shape, deg=deg)
    rcond = len(x) * float(np.finfo(x.dtype).eps) if rcond is None else rcond
    left, right = vander(x, count), y
    if w is not None:
        weights = asarray(w) + 0.0
        if weights.shape != x.shape:
            raise ShapeError("polyfit: a weight for each point", x=x.shape, w=weights.shape)
        left, right = left * weights[:, None], y * (weights[:, None] if y.ndim == 2 else weights)
    scale = ew.sqrt(sum_over(left * left, 0))
    found = lstsq(left / scale, right, rcond)
    coefficients = found.x / (scale[:, None] if y.ndim == 2 else scale)
    if full:
        return coefficients, found.residuals, found.rank, found.s, rcond
    answer(_warn_of_rank, found.rank, count=count)
    if not cov:
        return coefficients
    spread = inv(matmul((left / scale).T, left / scale)) / (scale[:, None] * scale)
    if cov != "unscaled":
        if len(x) <= count:
            raise OptionError(
                "polyfit: too few points to scale covariances", points=len(x), deg=deg, fix='cov="unscaled"'
            )
        share = found.residuals / (len(x) - count)
        spread = spread[:, :, None] * share if y.ndim == 2 else spread * share
    elif y.ndim == 2:
        spread = spread[:, :, None]
    return coefficients, spread


def _warn_of_rank(rank: Any, *, count: int) -> Any:
    if np.any(rank != count):
        warnings.warn("polyfit may be poorly conditioned", np.exceptions.RankWarning, stacklevel=2)
    return rank


BY_ELEMENT.add(_warn_of_rank)


def roots(p: Any) -> Any:
    """The roots of a polynomial p: complex, and in no order.

    The derivative is that of an implicit function, r′ = −p′(r) / (dp/dr). Where two roots are one there is none.
    Zeros in front are left out of constant coefficients.

    Raises
    ------
    LinAlgError
        If the first coefficient is 0 and tracked; for a derivative, if roots are multiple.

    >>> roots([1.0, 0.0, 4.0])
    Tensor([-0.+2.j,  0.-2.j], dtype=complex128)
    """
    p = _coefficients(p, "roots")
    return roots_(_trimmed(p if p.dtype.kind in "fc" else astype(p, float)))


explain_keywords(globals())
serve(globals())
