"""Calls with SciPy's keywords: what they mean here, or what to write instead.

A keyword that tells SciPy how to compute (which memory it may lose, how many threads, which routine of LAPACK's)
changes no answer, and is let be; so is one that has SciPy's own default. Some have another name here. Of the others an
error says the way. Nothing of this is asked before a function has refused a keyword.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, Final

import numpy as np

from pullback.core.errors import KeywordError

PACKAGES: Final = ("fft", "integrate", "interpolate", "linalg", "optimize", "special")

# How, and not what.
HINTS: Final = frozenset({
    "assume_sorted", "blocksize", "check_finite", "copy", "driver", "lapack_driver", "lwork", "overwrite_a",
    "overwrite_ab", "overwrite_b", "overwrite_x", "vectorized", "verbose", "workers",
})  # fmt: skip

# By what a keyword has there, its name here and what it has.
MEANT: Final[dict[tuple[str, str], Callable[[Any], dict[str, Any]]]] = {
    ("cholesky", "lower"): lambda lower: {"upper": not lower},
    ("eigh", "lower"): lambda lower: {"UPLO": "L" if lower else "U"},
    ("eigvalsh", "lower"): lambda lower: {"UPLO": "L" if lower else "U"},
    ("lstsq", "cond"): lambda cond: {"rcond": cond},
    ("norm", "a"): lambda a: {"x": a},
    ("svdvals", "a"): lambda a: {"x": a},
    ("fft", "x"): lambda x: {"a": x},  # and all others of `fft`
}

WAYS: Final = {
    "assume_a": 'cho_solve(cho_factor(a), b) of "pos", solve_triangular of a triangle; else without it, of all of a',
    "atol": "rtol=, which is a share of the largest singular value",
    "b": "with l = cholesky(b), the eigenvalues of inv(l) @ a @ inv(l).mT",
    "bounds_error": "extrapolate=False gives NaN outside",
    "callback": "print within the function",
    "complex_func": "quad of pb.real(f(x)), and of pb.imag(f(x))",
    "constraints": "bounds=, or minimize over parameters that meet them",
    "disp": "leave it out: what is wrong is an error",
    "eigvals_only": "eigvalsh(a)",
    "fill_value": 'extrapolate=True is "extrapolate"; pb.where(inside, f(x), value)',
    "full_output": "leave it out",
    "hessp": "leave it out: products with the Hessian are had by derivatives",
    "kind": "CubicSpline, PchipInterpolator or Akima1DInterpolator",
    "left": "eig(a.mT)",
    "loss": "fun returns residuals that are damped, as pb.sqrt(pb.log1p(r * r))",
    "lower": "np.tril(a) + np.tril(a, -1).mT is the whole matrix",
    "plan": "leave it out",
    "return_rank": "matrix_rank(a)",
    "subset_by_index": "slices of all eigenvalues and vectors",
    "subset_by_value": "a mask over all eigenvalues and vectors",
    "transposed": "solve(a.mT, b)",
    "weight": "the weight within the function",
}


def by_scipys_names(ours: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """The call that is meant where a function of ours is given keywords that SciPy's has; None if it has them not."""
    name = ours.__name__
    package = next((p for p in PACKAGES if _holds(p, name, ours)), None)
    theirs = getattr(import_module(f"scipy.{package}"), name, None) if package else None
    if theirs is None or isinstance(theirs, np.ufunc):
        return None
    own, known = inspect.signature(ours).parameters, inspect.signature(theirs).parameters
    given: dict[str, Any] = {}
    for keyword, value in kwargs.items():
        meant = MEANT.get((name, keyword)) or (MEANT.get(("fft", keyword)) if package == "fft" else None)
        if keyword in own:
            given[keyword] = value
        elif keyword not in known:
            return None
        elif meant is not None:
            given.update(meant(value))
        elif keyword == "disp" and value is True:
            continue  # which SciPy no longer knows what to do with
        elif keyword not in HINTS and not _is_default(value, known[keyword].default):
            what = f"{name}() has no {keyword!r}, which SciPy's has"
            raise KeywordError(what, fix=WAYS.get(f"{name} {keyword}", WAYS.get(keyword, "leave it out"))) from None
    first = [given.pop(p.name) for p in own.values() if p.kind is p.POSITIONAL_ONLY and p.name in given]
    return lambda: ours(*first, *args, **given)


def _holds(package: str, name: str, ours: Callable[..., Any]) -> bool:
    """Whether a package of ours has that function by that name."""
    public = vars(sys.modules.get(f"pullback.{package}", sys)).get(name)
    return public is not None and inspect.unwrap(public) is inspect.unwrap(ours)


def _is_default(value: Any, default: Any) -> bool:
    plain = isinstance(value, (bool, int, float, str, tuple))
    return value is default or (plain and type(value) is type(default) and bool(value == default))
