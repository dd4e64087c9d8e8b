"""Moments, upper quantiles, supports and frozen distributions: SciPy's values, with derivatives."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.integrate
import scipy.stats

import pullback as pb
from pullback import stats

CONTINUOUS = {
    "norm": (), "t": (6.3,), "gamma": (2.2,), "chi2": (3.4,), "beta": (2.1, 3.3), "expon": (), "laplace": (),
    "logistic": (), "gumbel_r": (), "weibull_min": (1.7,), "pareto": (6.5,), "halfnorm": (), "truncnorm": (-0.5, 2.0),
    "vonmises": (1.8,),
}  # fmt: skip
COUNTING = {"poisson": (3.7,), "binom": (9.0, 0.3), "nbinom": (4.5, 0.4), "bernoulli": (0.3,)}
ALL = CONTINUOUS | COUNTING


def both(name):
    places = {"loc": 0.2, "scale": 1.3} if name in CONTINUOUS else {"loc": 2}
    return getattr(stats, name)(*ALL[name], **places), getattr(scipy.stats, name)(*ALL[name], **places)


def test_moments_of_angles_are_integrals():
    dist, theirs = stats.vonmises, scipy.stats.vonmises(1.8)  # SciPy's own take half a minute
    for order in range(1, 7):
        exact, _ = scipy.integrate.quad(lambda x, n=order: x**n * theirs.pdf(x), -np.pi, np.pi)
        assert dist.moment(order, 1.8).item() == pytest.approx(exact, abs=1e-10)
    mean, var, skewness, excess = dist.stats(1.8, 0.5, 1.3, moments="mvsk")
    assert (mean.item(), skewness.item()) == (0.5, 0.0)
    assert var.item() == pytest.approx(1.69 * 0.8766266827317726)
    assert excess.item() == pytest.approx(0.7377469425615004)


@pytest.mark.parametrize("name", sorted(ALL.keys() - {"vonmises"}))
def test_moments_are_scipys(name):
    ours, theirs = both(name)
    np.testing.assert_allclose(ours.stats("mvsk"), theirs.stats("mvsk"), rtol=1e-7, atol=1e-9)
    for order in range(5):
        assert ours.moment(order).item() == pytest.approx(theirs.moment(order), rel=1e-7)
    for method in ("mean", "var", "std", "median"):
        assert getattr(ours, method)().item() == pytest.approx(getattr(theirs, method)(), rel=1e-7)
    np.testing.assert_allclose(ours.interval(0.9), theirs.interval(0.9), rtol=1e-9)
    np.testing.assert_allclose(ours.support(), theirs.support())
    shares = np.array([1e-12, 0.3, 0.8, 0.0, 1.0, 1.5, np.nan])
    np.testing.assert_allclose(ours.isf(shares), theirs.isf(shares), rtol=1e-9)


@pytest.mark.parametrize("name", ALL)
def test_moments_and_upper_quantiles_differentiate(name):
    dist, shapes = getattr(stats, name), ALL[name]
    places = (0.2, 1.3) if name in CONTINUOUS else ()
    fixed = shapes[:1] if name == "binom" else ()
    free = (*shapes[len(fixed) :], *places)
    if free:

        def f(*rest):
            every = (*fixed, *rest)
            moments = dist.stats(*every, moments="mvsk")
            return sum(np.sin(asked) for asked in (*moments, dist.moment(3, *every), dist.std(*every))) * 1.0

        pb.testing.check_grads(f, *free, order=2 if name in ("beta", "pareto", "binom") else 1, rtol=1e-6)
    if name in CONTINUOUS:
        q = np.array([1e-3, 0.3])
        pb.testing.check_grads(lambda q, *rest: np.sin(dist.isf(q, *rest)).sum(), q, *free, rtol=1e-5)


def test_moments_that_are_infinite_or_do_not_exist():
    assert np.isnan(stats.cauchy.stats()).all()
    df = np.array([0.5, 1.5, 2.5, 3.5, 4.5])
    found, expected = (np.array(d.stats(df, moments="mvk")) for d in (stats.t, scipy.stats.t))
    np.testing.assert_allclose(found, expected)
    found, expected = (np.array(d.stats(df, moments="mv")) for d in (stats.pareto, scipy.stats.pareto))
    np.testing.assert_allclose(found, expected)
    assert stats.pareto.moment(3, 1.5, 1.0).item() == np.inf
    assert pb.grad(lambda b: stats.pareto.mean(b))(0.5).item() == 0
    assert stats.poisson.moment(6, 0.7).item() == pytest.approx(scipy.stats.poisson.moment(6, 0.7))
    assert stats.gumbel_r.moment(5).item() == pytest.approx(scipy.stats.gumbel_r.moment(5))


def test_frozen_distributions_take_what_is_left():
    frozen = stats.norm(1.0, scale=2.0)
    assert repr(frozen) == "norm(1.0, scale=2.0)"
    assert frozen.logpdf(0.3).item() == stats.norm.logpdf(0.3, 1.0, 2.0).item()
    assert frozen.rvs(3, random_state=0).tolist() == stats.norm.rvs(1.0, 2.0, 3, rng=0).tolist()
    assert pb.grad(lambda scale: stats.gamma(2.0, scale=scale).logpdf(1.3))(1.0).item() == pytest.approx(-0.7)
    with pytest.raises(AttributeError, match="frozen norm has no attribute"):
        frozen.pmf(1)
    with pytest.raises(pb.DTypeError, match="a parameter is missing"):
        stats.gamma()
    with pytest.raises(pb.DTypeError, match="given twice"):
        stats.norm(1.0, loc=2.0)
    for bad in (lambda: frozen.interval(1.5), lambda: frozen.moment(-1), lambda: frozen.stats("x")):
        with pytest.raises(pb.OptionError):
            bad()
    with pytest.raises(pb.OptionError, match="two names"):
        frozen.rvs(rng=0, random_state=0)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_parameters_that_are_not_possible_give_nan():
    for name, args in [
        ("norm", (0.0, -1.0)), ("gamma", (-2.0,)), ("beta", (1.0, -1.0)), ("truncnorm", (2.0, 1.0)),
        ("vonmises", (-1.0,)), ("poisson", (-1.0,)), ("binom", (3.0, 1.5)), ("binom", (2.5, 0.5)),
        ("nbinom", (2.0, 0.0)), ("bernoulli", (-0.1,)),
    ]:  # fmt: skip
        dist = getattr(stats, name)
        density = "pdf" if hasattr(dist, "pdf") else "pmf"
        for method, first in ((density, (1.0,)), ("cdf", (1.0,)), ("sf", (1.0,)), ("ppf", (0.4,)), ("mean", ())):
            assert np.isnan(getattr(dist, method)(*first, *args)), (name, method)
