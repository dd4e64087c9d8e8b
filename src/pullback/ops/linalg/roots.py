"""The roots of a polynomial, whose derivative is that of an implicit function.

From p(r; c) = 0 with p(r) = Σ cₖ rⁿ⁻ᵏ follows r′ = −Σ c′ₖ rⁿ⁻ᵏ / p_r(r). A multiple root has none, for p_r is 0 there.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from pullback.batching.rules import as_it_is
from pullback.core.custom_kinds import CustomJVP
from pullback.core.errors import LinAlgError
from pullback.core.kinds import LinearMap
from pullback.ops.linalg.eigenvalues import in_complex
from pullback.ops.linalg.matrices import as_numbers, first_where

ROUNDINGS: Final = 16  # for each root: what rounding does to the coefficients, by which two roots that are one differ


def _roots(p: Any) -> Any:
    """The eigenvalues of the companion matrix, as NumPy's `roots`; p has more axes in front, or not."""
    given = as_numbers("roots", p)
    degree = max(given.shape[-1] - 1, 0)
    if degree and np.any(given[..., 0] == 0):
        raise LinAlgError(
            "roots: the first coefficient is 0, and so the degree is less", coefficients=given,
            fix="leave zeros in front out: p[1:]",
        )  # fmt: skip
    companion = np.zeros_like(given, shape=(*given.shape[:-1], degree, degree))
    companion[..., range(1, degree), range(degree - 1)] = 1
    companion[..., :1, :] = -(given[..., 1:] / given[..., :1])[..., None, :]
    return in_complex(np.linalg.eigvals(companion))


def _value(p: Any, x: Any) -> Any:
    """Polynomials at their points, by Horner's rule."""
    value = p[..., :1]
    for i in range(1, p.shape[-1]):
        value = value * x + p[..., i : i + 1]
    return value


def _slope(p: Any, x: Any) -> Any:
    return _value(p[..., :-1] * np.arange(p.shape[-1] - 1, 0, -1).astype(p.dtype), x)


def _simple(t: Any, roots: Any, p: Any) -> Any:
    """A tangent or cotangent as it is, once it is found that no two roots are one, but for rounding."""
    count = roots.shape[-1]
    if count > 1:
        apart = np.abs(roots[..., None, :] - roots[..., :, None])
        nearest = np.where(np.eye(count, dtype=bool), np.inf, apart).min(axis=-1)
        rounding = ROUNDINGS * count * np.finfo(roots.dtype).eps * _value(np.abs(p), np.abs(roots))
        several = (nearest * np.abs(_slope(p, roots)) <= rounding).any(axis=-1)
        if np.any(several):
            index = first_where(several)
            raise LinAlgError(
                "roots: multiple roots, or nearly, have no derivative", roots=roots[index], batch=index or None,
                fix="differentiate what depends on the coefficients alone, or change them a little",
            )  # fmt: skip
    return np.array(t)


simple_: LinearMap = LinearMap(
    "roots_apart", _simple, lambda ct, _t, roots, p: simple_.bind(ct, roots, p), None, None, batching=as_it_is,
    doc="The first operand as it is, once it is found that no two roots of a polynomial are one.",
)  # fmt: skip


def _constant(x: Any) -> Any:
    return x if isinstance(x, np.ndarray) else x.detach()


def _roots_tangent(primals: Any, tangents: Any, y: Any) -> Any:
    p = primals[0]
    t = simple_.bind(tangents[0], _constant(y), _constant(p))
    return -_value(t, y) / _slope(p, y)


roots_: CustomJVP = CustomJVP(
    "roots", _roots, _roots_tangent, batching=as_it_is,
    doc="The roots of a polynomial, complex; the tangent of each is −Σ t rⁿ⁻ᵏ over the slope there.",
)  # fmt: skip
