"""Primitives that are functions of a matrix: the exponential, the logarithm and the square root.

The derivative of f at a in the direction e stands in a corner of f of a matrix of twice the size (R. Mathias 1996; N.
Higham, *Functions of Matrices* (2008), chapter 3), and its transpose is the derivative at aᵀ:

    f([[a, e], [0, a]]) = [[f(a), L(a, e)], [0, f(a)]]
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from pullback.batching.rules import as_it_is
from pullback.core.custom_kinds import CustomVJP
from pullback.ops.linalg.matrices import adjoint, as_matrices, first_where, refuse, rounded
from pullback.ops.linalg.systems import sylvester_


def frechet(function: CustomVJP, a: Any, e: Any) -> Any:
    """The derivative of a function of matrices at a in the direction e."""
    n = a.shape[-1]
    upper = np.concatenate([a, e], axis=-1)
    lower = np.concatenate([a * 0, a], axis=-1)
    return function.bind(np.concatenate([upper, lower], axis=-2))[..., :n, n:]


def _expm(a: Any) -> Any:
    from scipy.linalg import expm  # heavy: only who uses it loads it

    given = as_matrices("expm", a)
    with np.errstate(over="ignore", invalid="ignore"):
        found = expm(given)
        whole = np.isfinite(np.add.reduce(found, axis=None))
    if not whole and (beyond := np.isnan(found).any(axis=(-2, -1))).any():
        raise refuse(
            "expm", f"the exponential is beyond {given.dtype}", given, first_where(beyond),
            "expm(a - m * pb.eye(n)) is the same by exp(m), or a.astype(float)",
        )  # fmt: skip
    return rounded(found, a)


def _expm_cotangent(ct: Any, primals: Any, _y: Any) -> tuple[Any]:
    return (frechet(expm_, adjoint(primals[0]), ct),)


expm_: CustomVJP = CustomVJP(
    "expm", _expm, _expm_cotangent, batching=as_it_is, doc="The exponential Σ aᵏ / k! of a matrix."
)


def _by_one(name: str, function: Callable[[Any], Any], a: Any, undefined: str) -> Any:
    """A function of SciPy's of one matrix, for each of a stack; of real matrices it must be real."""
    given = as_matrices(name, a)
    found = np.empty_like(given)
    for index in np.ndindex(given.shape[:-2]):
        with np.errstate(all="ignore"), warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")  # SciPy warns of a singular matrix, and gives some number
            one = function(given[index]) if given.size else given[index]
        if not np.isfinite(one).all() or any("ExactlySingular" in w.category.__name__ for w in said):
            raise refuse(name, undefined, given, index, "its eigenvalues must not be 0")
        if one.dtype.kind == "c" and given.dtype.kind != "c":
            raise refuse(
                name, "the result is complex: the matrix has eigenvalues below 0", given, index,
                "a.astype(complex) has a complex result",
            )  # fmt: skip
        found[index] = one
    return rounded(found, a)


def _logm(a: Any) -> Any:
    from scipy.linalg import logm  # heavy: only who uses it loads it

    return _by_one("logm", logm, a, "a singular matrix has no logarithm")


def _logm_cotangent(ct: Any, primals: Any, _y: Any) -> tuple[Any]:
    return (frechet(logm_, adjoint(primals[0]), ct),)


logm_: CustomVJP = CustomVJP(
    "logm", _logm, _logm_cotangent, batching=as_it_is,
    doc="The principal logarithm of a matrix: expm(logm(a)) = a.",
)  # fmt: skip


def _sqrtm(a: Any) -> Any:
    from scipy.linalg import sqrtm  # heavy: only who uses it loads it

    return _by_one("sqrtm", sqrtm, a, "the matrix has no square root")


def _sqrtm_cotangent(ct: Any, _primals: Any, y: Any) -> tuple[Any]:
    turned = adjoint(y)
    return (sylvester_.bind(turned, turned, ct),)


sqrtm_ = CustomVJP(
    "sqrtm", _sqrtm, _sqrtm_cotangent, batching=as_it_is,
    doc="The principal square root x of a matrix: x x = a. Its derivative d solves x d + d x = e.",
)  # fmt: skip
