"""Polynomials in one variable, as vectors of coefficients from the highest power down."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from pullback.core.errors import NoGradientError, OptionError, ShapeError
from pullback.core.habits import explain_keywords
from pullback.core.origin import user_line
from pullback.functions.creation import asarray
from pullback.functions.products import convolve
from pullback.ops.contractions import matmul
from pullback.ops.discrete import answer
from pullback.ops.indexing import pad
from pullback.ops.movement import astype, broadcast_to, concatenate, ravel, reshape, stack
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
    if getattr(p, "node", None) is not None:
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
    """The polynomial with the given roots, its first coefficient 1.

    >>> poly([1.0, -1.0])
    Tensor([ 1.,  0., -1.])
    """
    roots = asarray(seq_of_zeros)
    if roots.ndim != 1:
        raise ShapeError("poly: roots are a vector; of a matrix come with the linear algebra", shape=roots.shape)
    roots = roots if roots.dtype.kind in "fc" else astype(roots, float)
    found: Any = astype(asarray(np.ones(1)), roots.dtype)
    for i in range(roots.size):
        found = pad(found, (0, 1)) - pad(found * roots[i], (1, 0))
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
    x: Any, y: Any, deg: int, rcond: float | None = None, full: bool = False, w: Any = None, cov: bool = False
) -> Any:
    """The polynomial of degree `deg` with the least sum of squares Σ (w·(y − p(x)))²; linear in y, its one derivative.

    >>> polyfit([0.0, 1.0, 2.0], np.array([1.0, 3.0, 5.0]), 1).numpy().round(8)
    array([2., 1.])
    """
    for name, value in (("x", x), ("w", w)):
        if getattr(value, "node", None) is not None:
            raise NoGradientError(
                f"polyfit: its derivative in {name} waits for the linear algebra", line=user_line(),
                fix=f"{name}.detach()",
            )  # fmt: skip
    if full or cov:
        raise OptionError(
            "polyfit: a tensor gives the coefficients alone", full=full, cov=cov, fix="np.polyfit of y.numpy()"
        )
    y = asarray(y)
    return matmul(
        answer(_fit, asarray(x), *(() if w is None else (asarray(w),)), deg=operator.index(deg), rcond=rcond), y
    )


def _fit(x: Any, w: Any = None, *, deg: int, rcond: float | None) -> Any:
    """The matrix that makes coefficients of values: the fits of unit vectors."""
    return np.polyfit(x, np.eye(len(x)), deg, rcond, w=w)


explain_keywords(globals())
serve(globals())
