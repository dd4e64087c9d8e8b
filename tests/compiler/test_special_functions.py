"""Special functions are written out in loops: as accurate as SciPy's, by mpmath, and with its special values."""

from __future__ import annotations

from functools import cache
from typing import Any

import mpmath as mp
import numpy as np
import pytest
from scipy import special

pytest.importorskip("llvmlite", reason="compiled code needs llvmlite")

import pullback as pb
from pullback.compiler.facts.special_functions import FORMULAS

RNG = np.random.default_rng(0)
NAMES = tuple(function.name for function in FORMULAS)
COUNT = 225
BINARY = ("xlogy", "xlog1py", "rel_entr", "kl_div")
EVERYWHERE = np.concatenate(
    [
        RNG.uniform(0, 12, 60), 10 ** RNG.uniform(-8, 5, 40), 1 + RNG.normal(size=20) * 1e-3,
        2 + RNG.normal(size=20) * 1e-3, 1.4616321 + RNG.normal(size=20) * 1e-3,
        [0.5, 1.5, 2.5, 3.0, 4.0, 7.0, 8.0, 171.0, 1e-300, 1e300],
    ]
)  # fmt: skip
BELOW = -RNG.uniform(0, 9, 60)
TAILS = np.concatenate([RNG.uniform(-26, 26, 80), RNG.uniform(-1, 1, 40)])
SHARES = np.concatenate([RNG.uniform(0, 1, 40), 0.5 + RNG.normal(size=20) * 1e-5, 10 ** RNG.uniform(-300, -1, 20)])


@cache
def compiled() -> Any:
    """All of them at once, of numbers of their own."""

    def every(*operands: Any) -> Any:
        rest = iter(operands)
        return [getattr(pb.special, n)(*[next(rest) for _ in range(1 + (n in BINARY))]) for n in NAMES]

    return pb.compile(every)


def answers(single: dict[str, Any]) -> dict[str, Any]:
    """The values for operands by name; of all others those of 1. Always as many, so that one program serves."""
    given = [np.resize(x, COUNT) for n in NAMES for x in single.get(n, [np.ones(1)] * (1 + (n in BINARY)))]
    for _ in range(3):
        found = compiled()(*given)
    assert "SciPy" not in compiled().explain()
    sizes = {n: np.size(x[0]) for n, x in single.items()}
    return {n: x.numpy()[: sizes[n]] for n, x in zip(NAMES, found, strict=True) if n in sizes}


# By function: where it is tried, its truth, and the error in ε: relative, or beside SciPy's at most.
TRUTHS: Any = {
    "gammaln": (EVERYWHERE, mp.loggamma, 4),
    "digamma": (EVERYWHERE, mp.digamma, 6),
    "erfc": (TAILS, mp.erfc, 3),
    "erfcx": (TAILS, lambda x: mp.exp(x * x) * mp.erfc(x), 3),
    "ndtr": (TAILS, mp.ncdf, 500),  # of x the last place is x² of the tail's, as SciPy's is
    "log_ndtr": (np.minimum(TAILS, 3), lambda x: mp.log(mp.ncdf(x)), 9),
    "logit": (SHARES, lambda x: mp.log(x / (1 - x)), 2),
    "log_expit": (TAILS, lambda x: -mp.log1p(mp.exp(-x)), 2),
    "entr": (EVERYWHERE, lambda x: -x * mp.log(x), 2),
}


def test_errors_against_mpmath():
    found = answers({name: [x] for name, (x, _, _) in TRUTHS.items()})
    for name, (x, truth, limit) in TRUTHS.items():
        with mp.workdps(50):
            true = np.array([float(truth(mp.mpf(float(v)))) for v in x])
        error = np.abs(found[name] - true) / np.maximum(np.abs(true), np.finfo(float).tiny) / np.finfo(float).eps
        worst = int(np.argmax(error))
        assert error[worst] <= limit, (name, x[worst], error[worst])


def test_below_zero_errors_are_beside_the_size_of_what_is_added():
    found = answers({"gammaln": [BELOW], "digamma": [BELOW]})
    gammaln = np.array([float(mp.log(abs(mp.gamma(float(v))))) for v in BELOW])
    digamma = np.array([float(mp.digamma(float(v))) for v in BELOW])
    np.testing.assert_allclose(found["gammaln"], gammaln, rtol=2e-15, atol=2e-14)
    np.testing.assert_allclose(found["digamma"], digamma, rtol=4e-14, atol=4e-15)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_special_values_are_scipys():
    ends = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, -1, -2, 1, 2, 1e308, -1e308, 1e-300, 30, -40, -1e-200])
    both = [x.ravel() for x in np.meshgrid(ends, ends)]
    found = answers({n: both if n in BINARY else [ends] for n in NAMES})
    for name in NAMES:
        wanted = getattr(special, name)(*(both if name in BINARY else [ends]))
        np.testing.assert_allclose(found[name], wanted, rtol=1e-12, err_msg=name)


def test_single_precision_is_rounded_once():
    x = np.linspace(0.1, 9, 40, dtype=np.float32)
    tails = pb.compile(lambda x: pb.special.erfc(x) * np.exp(x))
    for _ in range(3):
        found = tails(x)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, special.erfc(x.astype(float)) * np.exp(x.astype(float)), rtol=2e-7)
