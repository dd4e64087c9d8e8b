"""Subjects of `pb.stats`: each distribution and each of its methods that has a derivative."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

import numpy as np
import scipy.stats
from tests.science.subject import Subject
from tests.stats.test_stats import CONTINUOUS, COUNTING

from pullback import stats

SHAPES: Final = CONTINUOUS | {"pareto": (5.5,)}  # of which there are four moments
BY_TRIAL: Final = frozenset({"t", "gamma", "chi2", "beta", "vonmises"})
PLACES: Final = (np.array(0.2), np.array(1.3))
WHERE: Final = {"truncnorm": (0.3, 0.9), "pareto": (1.6, 2.9), "beta": (0.2, 0.8)}
OF_X: Final = ("pdf", "logpdf", "cdf", "logcdf", "sf", "logsf")
OF_COUNTS: Final = ("pmf", "logpmf", "cdf", "logcdf", "sf", "logsf")
OF_SHARES: Final = ("ppf", "isf")
ALONE: Final = ("entropy", "mean", "var", "std", "median", "support")


def _method(name: str, method: str) -> Any:
    """Our method and SciPy's, with keywords that it needs."""
    keywords = {"moments": "mvsk"} if method == "stats" else {}
    return [partial(getattr(getattr(of, name), method), **keywords) for of in (stats, scipy.stats)]


def _continuous(name: str, shapes: tuple[float, ...]) -> list[Subject]:
    x = 0.2 + 1.3 * np.array(WHERE.get(name, (0.3, 1.4)))
    rest = (*map(np.array, shapes), *PLACES)
    found = []
    for method in (*OF_X, *OF_SHARES, *ALONE, "stats"):
        first = () if method in (*ALONE, "stats") else (x,) if method in OF_X else (np.array([0.3, 0.8]),)
        ours, theirs = _method(name, method)
        endless = method == "support" and name not in ("beta", "truncnorm")  # its ends are infinite
        none = name == "cauchy" and method in ("mean", "var", "std", "stats")  # NaN
        found.append(Subject(f"stats.{name}.{method}", ours, (*first, *rest), theirs, 0 if endless or none else 2))
    ours, theirs = getattr(stats, name), getattr(scipy.stats, name)
    return [
        *found,
        Subject(f"stats.{name}.moment", lambda *ps: ours.moment(3, *ps), rest, lambda *ps: theirs.moment(3, *ps),
                0 if name == "cauchy" else 2),
        Subject(f"stats.{name}.interval", lambda c, *ps: ours.interval(c, *ps), (np.array(0.6), *rest),
                lambda c, *ps: theirs.interval(c, *ps)),
        Subject(f"stats.{name}.rvs", lambda *ps: ours.rvs(*ps, size=3, rng=1), rest,
                jumps=name in BY_TRIAL),
        Subject(f"stats.{name} frozen", lambda x, *ps: (ours(*ps).logpdf(x), ours(*ps).cdf(x), ours(*ps).median()),
                (x, *rest), lambda x, *ps: (theirs(*ps).logpdf(x), theirs(*ps).cdf(x), theirs(*ps).median())),
    ]  # fmt: skip


def _counting(name: str, shapes: tuple[float, ...]) -> list[Subject]:
    ours, theirs = getattr(stats, name), getattr(scipy.stats, name)
    k = np.array([0.0, 1.0]) if name == "bernoulli" else np.array([0.0, 2.0, 5.0])
    fixed, free = (shapes[:1], shapes[1:]) if name == "binom" else ((), shapes)
    given = tuple(map(np.array, free))
    found = []
    for method in (*OF_COUNTS, "entropy", "mean", "var", "std"):
        first = () if method in ALONE else (k[:-1],) if method == "logsf" else (k,)  # where it is finite
        f, g = (partial(getattr(of, method), *first, *fixed) for of in (ours, theirs))
        endless = method == "entropy" and name in ("poisson", "nbinom")  # their sums have an end that numbers decide
        found.append(Subject(f"stats.{name}.{method}", f, given, g, batched=not endless))
    return [
        *found,
        Subject(f"stats.{name}.moment", lambda *ps: ours.moment(3, *fixed, *ps), given,
                lambda *ps: theirs.moment(3, *fixed, *ps)),
        Subject(f"stats.{name}.stats", lambda *ps: ours.stats(*fixed, *ps, moments="mvsk"), given,
                lambda *ps: theirs.stats(*fixed, *ps, moments="mvsk")),
        Subject(f"stats.{name} frozen", lambda *ps: ours(*fixed, *ps).logpmf(k), given,
                lambda *ps: theirs(*fixed, *ps).logpmf(k)),
    ]  # fmt: skip


MEAN: Final = np.array([0.3, -0.2])
COV: Final = np.array([[1.4, 0.3], [0.3, 0.8]])
COV3: Final = np.array([[1.44, 0.25, 0.54], [0.25, 0.49, -0.12], [0.54, -0.12, 0.81]])
POINTS: Final = np.array([[0.1, 0.5], [-1.0, 0.7]])
ALPHA: Final = np.array([0.7, 2.0, 3.1])
LOGITS: Final = np.array([0.2, -0.4, 0.7])
COUNTS: Final = np.array([2.0, 1.0, 4.0])
CLASSES: Final = np.array([0, 2])


def softmax(z: Any) -> Any:
    """Shares of any numbers, of arrays and of tensors."""
    e = np.exp(z)
    return e / e.sum(axis=-1, keepdims=True)


def symmetric(c: Any) -> Any:
    return (c + c.T) / 2


def _normal_vectors() -> list[Subject]:
    ours, theirs, found = stats.multivariate_normal, scipy.stats.multivariate_normal, []
    for method in ("logpdf", "pdf", "cdf", "logcdf"):
        f, g = (lambda x, m, c, of=of, method=method: getattr(of, method)(x, m, symmetric(c)) for of in (ours, theirs))
        found.append(
            Subject(f"stats.multivariate_normal.{method}", f, (POINTS, MEAN, COV), None if "cdf" in method else g)
        )
    return [
        *found,
        Subject("stats.multivariate_normal.cdf of three", lambda x, c: ours.cdf(x, cov=symmetric(c)),
                (np.array([0.3, -0.4, 1.1]), COV3), order=1),
        Subject("stats.multivariate_normal.entropy", lambda c: ours.entropy(MEAN, symmetric(c)), (COV,),
                lambda c: theirs.entropy(MEAN, c)),
        Subject("stats.multivariate_normal.rvs", lambda m, c: ours.rvs(m, symmetric(c), size=3, rng=1), (MEAN, COV)),
        Subject("stats.multivariate_normal frozen", lambda x, m, c: ours(m, symmetric(c)).logpdf(x),
                (POINTS, MEAN, COV), lambda x, m, c: theirs(m, c).logpdf(x)),
    ]  # fmt: skip


def _shares() -> list[Subject]:
    ours, theirs = stats.dirichlet, scipy.stats.dirichlet
    of_x = [
        Subject(f"stats.dirichlet.{m}", lambda z, a, m=m: getattr(ours, m)(softmax(z), a), (LOGITS, ALPHA),
                lambda z, a, m=m: getattr(theirs, m)(softmax(z), a))
        for m in ("logpdf", "pdf")
    ]  # fmt: skip
    alone = [
        Subject(f"stats.dirichlet.{m}", getattr(ours, m), (ALPHA,), getattr(theirs, m))
        for m in ("mean", "var", "cov", "entropy")
    ]
    return [*of_x, *alone, Subject("stats.dirichlet.rvs", lambda a: ours.rvs(a, size=2, rng=1), (ALPHA,), jumps=True)]


def _counts() -> list[Subject]:
    ours, theirs, k = stats.multinomial, scipy.stats.multinomial, COUNTS
    classes = stats.categorical
    return [
        *(Subject(f"stats.multinomial.{m}", lambda z, m=m: getattr(ours, m)(k, 7, softmax(z)), (LOGITS,),
                  lambda z, m=m: getattr(theirs, m)(k, 7, softmax(z))) for m in ("logpmf", "pmf")),
        *(Subject(f"stats.multinomial.{m}", lambda z, m=m: getattr(ours, m)(7, softmax(z)), (LOGITS,),
                  lambda z, m=m: getattr(theirs, m)(7, softmax(z))) for m in ("cov", "entropy")),
        Subject("stats.multinomial.mean", lambda z: ours.mean(7, softmax(z)), (LOGITS,), lambda z: 7 * softmax(z)),
        *(Subject(f"stats.categorical.{m} of {of}",
                  (lambda z, m=m: getattr(classes, m)(CLASSES, logits=z)) if of == "logits"
                  else (lambda z, m=m: getattr(classes, m)(CLASSES, softmax(z))), (LOGITS,), twin)
          for of in ("logits", "p")
          for m, twin in (
              ("logpmf", lambda z: np.log(softmax(z)[CLASSES])), ("pmf", lambda z: softmax(z)[CLASSES]),
              ("cdf", lambda z: softmax(z).cumsum()[CLASSES]), ("sf", lambda z: 1 - softmax(z).cumsum()[CLASSES]),
              ("logcdf", lambda z: np.log(softmax(z).cumsum()[CLASSES])))),
        Subject("stats.categorical.logsf", lambda z: classes.logsf(np.array([0, 1]), logits=z), (LOGITS,),
                lambda z: np.log1p(-softmax(z).cumsum()[:2])),
        Subject("stats.categorical.entropy", lambda z: classes.entropy(logits=z), (LOGITS,),
                lambda z: scipy.stats.entropy(softmax(z))),
    ]  # fmt: skip


def _matrices() -> list[Subject]:
    ours, theirs, df = stats.wishart, scipy.stats.wishart, np.array(4.5)
    return [
        *(Subject(f"stats.wishart.{m}", lambda x, d, s, m=m: getattr(ours, m)(symmetric(x), d, symmetric(s)),
                  (COV + np.eye(2), df, COV), lambda x, d, s, m=m: getattr(theirs, m)(x, float(d), s))
          for m in ("logpdf", "pdf")),
        *(Subject(f"stats.wishart.{m}", lambda d, s, m=m: getattr(ours, m)(d, symmetric(s)), (df, COV),
                  lambda d, s, m=m: getattr(theirs, m)(float(d), s)) for m in ("entropy", "mean", "mode", "var")),
        Subject("stats.wishart.rvs", lambda d, s: ours.rvs(d, symmetric(s), rng=1), (df, COV), jumps=True),
    ]  # fmt: skip


PAIRS: Final[dict[str, Any]] = {
    "norm": (0.3, 1.2, -0.2, 0.8), "laplace": (0.3, 1.2, -0.2, 0.8), "gamma": (2.2, 0.7, 1.4, 1.1),
    "beta": (2.1, 3.3, 1.5, 1.2), "expon": (0.7, 1.1), "bernoulli": (0.3, 0.6), "poisson": (3.0, 2.0),
    "dirichlet": (ALPHA, ALPHA[::-1] * 0.7), "multivariate_normal": (MEAN, COV, -MEAN, COV + 0.3 * np.eye(2)),
}  # fmt: skip


def _divergences() -> list[Subject]:
    def of(name: str, args: Any) -> Subject:
        half = len(args) // 2
        return Subject(f"stats.kl_divergence of {name}",
                       lambda *ps: stats.kl_divergence(getattr(stats, name), ps[:half], ps[half:]),
                       tuple(np.array(p) for p in args))  # fmt: skip

    return [
        *(of(name, args) for name, args in PAIRS.items()),
        Subject("stats.kl_divergence of categorical",
                lambda p, q: stats.kl_divergence(stats.categorical, (softmax(p),), (softmax(q),)),
                (LOGITS, ALPHA), lambda p, q: scipy.stats.entropy(softmax(p), softmax(q))),
    ]  # fmt: skip


DISTRIBUTIONS: Final = (
    *(s for name, shapes in SHAPES.items() for s in _continuous(name, shapes)),
    *(s for name, shapes in COUNTING.items() for s in _counting(name, shapes)),
    *_normal_vectors(), *_shares(), *_counts(), *_matrices(), *_divergences(),
)  # fmt: skip
