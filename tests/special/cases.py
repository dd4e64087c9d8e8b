"""One row a special function: where it is tried, and its twin in mpmath, by which values and derivatives are judged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import mpmath as mp


@dataclass(frozen=True, repr=False, eq=False)
class Case:
    """A function, points (one number an operand), the same in mpmath, and the operands that have a derivative."""

    name: str
    points: tuple[tuple[float, ...], ...]
    truth: Callable[..., Any]
    by: tuple[int, ...] = (0,)
    fixed: tuple[Any, ...] = ()  # what follows the operands

    def __repr__(self) -> str:
        return self.name


def at(*points: float | tuple[float, ...]) -> tuple[tuple[float, ...], ...]:
    return tuple(p if isinstance(p, tuple) else (p,) for p in points)


def erfcx(x):
    return mp.exp(x * x) * mp.erfc(x)


def owens(h, a):
    return mp.quad(lambda t: mp.exp(-h * h * (1 + t * t) / 2) / (1 + t * t), [0, a]) / (2 * mp.pi)


def multigammaln(a):
    return mp.log(mp.pi) * 3 / 2 + sum(mp.loggamma(a - mp.mpf(j) / 2) for j in range(3))


BOTH: Final = (0, 1)
REAL: Final = at(-2.5, -0.3, 0.0, 0.7, 3.0)
ABOVE: Final = at(0.2, 1.0, 3.7, 20.0)
SHARE: Final = at(0.01, 0.3, 0.5, 0.97)

CASES: Final = (
    Case("erf", REAL, mp.erf),
    Case("erfc", REAL + at(6.0), mp.erfc),
    Case("erfcx", REAL + at(24.0, 26.0, 1e4), erfcx),
    Case("erfinv", at(-0.9, 0.0, 0.3), mp.erfinv),
    Case("erfcinv", at(0.1, 1.0, 1.7), lambda x: mp.erfinv(1 - x)),
    Case("ndtr", REAL, mp.ncdf),
    Case("ndtri", SHARE, lambda p: mp.sqrt(2) * mp.erfinv(2 * p - 1)),
    Case("log_ndtr", REAL + at(-20.0), lambda x: mp.log(mp.ncdf(x))),
    Case("expit", REAL, lambda x: 1 / (1 + mp.exp(-x))),
    Case("logit", SHARE, lambda x: mp.log(x / (1 - x))),
    Case("log_expit", REAL + at(-40.0), lambda x: -mp.log1p(mp.exp(-x))),
    Case("xlogy", at((0.7, 2.0), (-1.0, 0.3)), lambda a, b: a * mp.log(b), BOTH),
    Case("xlog1py", at((0.7, 2.0), (-1.0, -0.3)), lambda a, b: a * mp.log1p(b), BOTH),
    Case("entr", ABOVE, lambda x: -x * mp.log(x)),
    Case("rel_entr", at((0.7, 2.0), (3.0, 0.3)), lambda a, b: a * mp.log(a / b), BOTH),
    Case("kl_div", at((0.7, 2.0), (3.0, 0.3)), lambda a, b: a * mp.log(a / b) - a + b, BOTH),
    Case("owens_t", at((0.7, 2.0), (-1.3, 0.4), (0.0, 1.0)), owens, BOTH),
    Case("gamma", ABOVE + at(-0.5, -2.3), mp.gamma),
    Case("gammaln", ABOVE + at(-0.5), lambda x: mp.log(abs(mp.gamma(x)))),
    Case("rgamma", ABOVE + at(-0.5, 0.0, -3.0, 0.49), mp.rgamma),
    Case("digamma", ABOVE + at(-0.5), mp.digamma),
    Case("psi", ABOVE, mp.digamma),
    Case("multigammaln", at(2.0, 7.5), multigammaln, fixed=(3,)),
    Case("beta", at((0.7, 2.0), (5.0, 3.3)), mp.beta, BOTH),
    Case("betaln", at((0.7, 2.0), (5.0, 30.0)), lambda a, b: mp.log(mp.beta(a, b)), BOTH),
    Case("gammainc", at((0.3, 0.2), (2.0, 1.5), (2.0, 9.0), (30.0, 33.0), (400.0, 390.0)),
         lambda a, x: mp.gammainc(a, 0, x, regularized=True), BOTH),
    Case("gammaincc", at((0.3, 0.2), (2.0, 1.5), (30.0, 33.0)),
         lambda a, x: mp.gammainc(a, x, mp.inf, regularized=True), BOTH),
    Case("betainc", at((0.6, 0.8, 0.3), (2.0, 3.0, 0.4), (30.0, 20.0, 0.65), (2.0, 3.0, 0.97)),
         lambda a, b, x: mp.betainc(a, b, 0, x, regularized=True), (0, 1, 2)),
    *(Case(name, at((0.0, 0.8), (1.0, 2.5), (0.5, 7.0), (3.3, 1.2), (2.0, 30.0)), truth, BOTH)
      for name, truth in (("jv", mp.besselj), ("jn", mp.besselj), ("yv", mp.bessely), ("iv", mp.besseli),
                          ("kv", mp.besselk))),
    Case("jv", at((-1.5, 2.0),), mp.besselj, BOTH),
    Case("ive", at((0.5, 2.5), (3.3, 1.2)), lambda v, x: mp.besseli(v, x) * mp.exp(-x), BOTH),
    Case("yn", at((2, 2.5), (0, 1.2)), mp.bessely, BOTH),
    *(Case(f"{f}{n}", at(0.3, 2.0, 11.0) + (at(0.0) if f in "ij" else ()), lambda x, n=n, m=m: m(n, x))
      for f, m in (("i", mp.besseli), ("j", mp.besselj), ("y", mp.bessely), ("k", mp.besselk)) for n in (0, 1)),
    *(Case(f"i{n}e", at(0.3, 2.0, 11.0), lambda x, n=n: mp.besseli(n, x) * mp.exp(-x)) for n in (0, 1)),
    Case("zeta", at((1.5, 1.0), (2.0, 0.4), (6.0, 3.5)), mp.zeta, BOTH),
    Case("sinc", REAL, mp.sincpi),
    Case("hyp1f1", at((0.7, 2.0, 1.3), (1.5, 0.6, -2.0), (-1.0, 2.5, 9.0), (2.0, 3.0, -40.0)), mp.hyp1f1, (0, 1, 2)),
    Case("hyp2f1", at((1.5, 0.6, 2.0, -0.8), (0.3, 1.1, 2.2, 0.9), (0.5, 2.0, 3.3, -30.0)),
         mp.hyp2f1, (0, 1, 2, 3)),
    Case("ellipk", at(-0.5, 0.0, 0.3, 0.9), mp.ellipk),
    Case("ellipe", at(-0.5, 0.0, 0.3, 0.9), mp.ellipe),
    Case("lambertw", at(-0.2, 0.0, 0.7, 30.0), mp.lambertw),
)  # fmt: skip
