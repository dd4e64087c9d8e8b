"""Distributions: SciPy's values, derivatives in x and every parameter, draws that follow their parameters."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

import pullback as pb
from pullback import stats

CONTINUOUS = {
    "norm": (), "t": (4.3,), "gamma": (2.2,), "chi2": (3.4,), "beta": (2.1, 3.3), "expon": (), "laplace": (),
    "logistic": (), "gumbel_r": (), "weibull_min": (1.7,), "pareto": (2.5,), "cauchy": (), "halfnorm": (),
    "truncnorm": (-0.5, 2.0), "vonmises": (1.8,),
}  # fmt: skip
COUNTING = {"poisson": (3.7,), "binom": (9.0, 0.3), "nbinom": (4.5, 0.4), "bernoulli": (0.3,)}
SHARES = np.array([0.01, 0.3, 0.5, 0.9, 0.999])
METHODS = ("logpdf", "pdf", "cdf", "sf", "logcdf", "logsf")
MEAN, COV = np.array([0.3, -0.2]), np.array([[1.4, 0.3], [0.3, 0.8]])


@pytest.mark.parametrize("name", CONTINUOUS)
def test_values_of_continuous_ones_are_scipys(name):
    ours, theirs, shapes = getattr(stats, name), getattr(scipy.stats, name), CONTINUOUS[name]
    x = theirs.ppf(SHARES, *shapes, loc=0.2, scale=1.3)
    for method in METHODS:
        found, expected = (getattr(d, method)(x, *shapes, loc=0.2, scale=1.3) for d in (ours, theirs))
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12, err_msg=method)
    np.testing.assert_allclose(ours.ppf(SHARES, *shapes, 0.2, 1.3), x, rtol=1e-9)
    assert ours.entropy(*shapes, scale=1.3).item() == pytest.approx(theirs.entropy(*shapes, scale=1.3), rel=1e-7)


@pytest.mark.parametrize("name", COUNTING)
def test_values_of_whole_numbers_are_scipys(name):
    ours, theirs, shapes = getattr(stats, name), getattr(scipy.stats, name), COUNTING[name]
    k = np.array([-1, 0, 1, 2.5, 5, 9, 12])
    for method in ("logpmf", "pmf", "cdf", "sf", "logcdf", "logsf"):
        found, expected = (getattr(d, method)(k, *shapes) for d in (ours, theirs))
        np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-13, err_msg=method)
    np.testing.assert_array_equal(ours.ppf(SHARES, *shapes), theirs.ppf(SHARES, *shapes))
    assert ours.entropy(*shapes).item() == pytest.approx(float(theirs.entropy(*shapes)), rel=1e-9)


@pytest.mark.parametrize("name", CONTINUOUS)
def test_derivatives_of_continuous_ones(name):
    ours, shapes = getattr(stats, name), CONTINUOUS[name]
    low, high = {"truncnorm": (0.3, 0.9), "pareto": (1.6, 2.9), "beta": (0.2, 0.8)}.get(name, (0.3, 1.4))
    x = 0.2 + 1.3 * np.array([low, high])
    for method in ("logpdf", "cdf", "logsf"):

        def f(x, *rest, method=method):
            return np.sin(getattr(ours, method)(x, *rest)).sum()

        pb.testing.check_grads(f, x, *shapes, 0.2, 1.3, order=2, rtol=1e-6)
    pb.testing.check_grads(
        lambda q, *rest: ours.ppf(q, *rest).sum(), np.array([0.3, 0.8]), *shapes, 0.2, 1.3, rtol=1e-6
    )
    pb.testing.check_grads(lambda *rest: ours.entropy(*rest), *shapes, 0.2, 1.3, order=2, rtol=1e-6)


@pytest.mark.parametrize("name", COUNTING)
@pytest.mark.parametrize("method", ["ppf", "isf"])
def test_quantiles_of_whole_numbers_go_with_loc(name, method):
    def quantile(loc):
        return getattr(getattr(stats, name), method)(0.4, *COUNTING[name], loc=loc)

    loc = np.array([2.0, -3.0])
    value, slope = pb.jvp(quantile, (loc,), (np.array([1.0, 0.5]),))
    assert value.tolist() == getattr(getattr(scipy.stats, name), method)(0.4, *COUNTING[name], loc=loc).tolist()
    assert slope.tolist() == [1.0, 0.5]


@pytest.mark.parametrize("name", COUNTING)
def test_derivatives_of_whole_numbers(name):
    ours, shapes = getattr(stats, name), COUNTING[name]
    k = np.array([0.0, 1.0]) if name == "bernoulli" else np.array([0.0, 2.0, 5.0])
    fixed = shapes[:1] if name == "binom" else ()
    free = shapes[len(fixed) :]
    for method in ("logpmf", "cdf", "sf"):
        pb.testing.check_grads(
            lambda *p, method=method: np.sin(getattr(ours, method)(k, *fixed, *p)).sum(), *free, order=2, rtol=1e-6
        )
    pb.testing.check_grads(lambda *p: ours.entropy(*fixed, *p), *free, order=2, rtol=1e-6)


@pytest.mark.parametrize("name", CONTINUOUS)
def test_what_is_not_possible(name):
    ours, theirs, shapes = getattr(stats, name), getattr(scipy.stats, name), CONTINUOUS[name]
    low, high = theirs.support(*shapes)
    for x in ([low - 1] if np.isfinite(low) else []) + ([high + 1] if np.isfinite(high) else []):
        for method in METHODS:
            assert getattr(ours, method)(x, *shapes).item() == getattr(theirs, method)(x, *shapes)
        assert pb.grad(lambda x: ours.pdf(x, *shapes))(x).item() == 0


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", CONTINUOUS)
def test_ends_and_what_is_no_number(name):
    ours, theirs, shapes = getattr(stats, name), getattr(scipy.stats, name), CONTINUOUS[name]
    shares = np.array([0.0, 1.0, -0.1, 1.1, 0.5, np.nan])
    np.testing.assert_allclose(ours.ppf(shares, *shapes), theirs.ppf(shares, *shapes), rtol=1e-12, atol=1e-300)
    assert not np.isnan(pb.grad(lambda q: ours.ppf(q, *shapes).sum())(shares[:2])).any()
    for k in range(len(shapes)):
        by_shape = pb.grad(lambda s, k=k: ours.ppf(0.0, *shapes[:k], s, *shapes[k + 1 :]))(shapes[k])
        assert not np.isnan(by_shape) or name in ("t", "vonmises")
    for method in METHODS:
        assert np.isnan(getattr(ours, method)(np.nan, *shapes))
    assert ours.logpdf(np.array([-np.inf, np.inf]), *shapes).tolist() == [-np.inf] * 2
    far = ours.cdf(np.array([-np.inf, np.inf]), *shapes), ours.sf(np.array([-np.inf, np.inf]), *shapes)
    assert [x.tolist() for x in far] == [[0, 1], [1, 0]]
    if name in ("gamma", "chi2", "expon", "weibull_min", "gumbel_r"):  # a logarithm of nearly 1 keeps its digits
        x = theirs.ppf(1 - 1e-13, *shapes)
        np.testing.assert_allclose(ours.logcdf(x, *shapes), -theirs.sf(x, *shapes), rtol=1e-12)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", COUNTING)
def test_counts_that_are_none(name):
    ours, theirs, shapes = getattr(stats, name), getattr(scipy.stats, name), COUNTING[name]
    k = np.array([np.nan, -np.inf, -1.0, 1e9, 0.5])
    for method in ("logpmf", "pmf", "cdf", "sf", "logcdf", "logsf"):
        found, expected = (getattr(d, method)(k, *shapes) for d in (ours, theirs))
        np.testing.assert_allclose(found, expected, rtol=1e-9, err_msg=method)
    assert (ours.logpmf(np.inf, *shapes).item(), ours.cdf(np.inf, *shapes).item()) == (-np.inf, 1.0)
    x = np.array([[2.0, 1.0], [2.5, 0.5], [4.0, -1.0], [np.nan, 1.0]])
    assert np.isneginf(stats.multinomial.logpmf(x, 3, np.array([0.4, 0.6])).numpy()).tolist() == [
        False,
        True,
        True,
        False,
    ]


def test_angles_go_round():
    x = np.array([-50.0, 3.5, 40.0])
    for method in ("pdf", "cdf"):
        found, expected = (getattr(d, method)(x, 2.0) for d in (stats.vonmises, scipy.stats.vonmises))
        np.testing.assert_allclose(found, expected, rtol=1e-9)


@pytest.mark.parametrize("name", CONTINUOUS)
def test_draws_follow_the_distribution_and_its_parameters(name):
    ours, theirs, shapes = getattr(stats, name), getattr(scipy.stats, name), CONTINUOUS[name]
    drawn = ours.rvs(*shapes, 0.2, 1.3, size=400, rng=0).numpy()
    assert scipy.stats.kstest(drawn, lambda x: theirs.cdf(x, *shapes, loc=0.2, scale=1.3)).pvalue > 1e-3
    for place in range(len(shapes)):
        check_that_a_draw_follows(ours, shapes, place)


def check_that_a_draw_follows(ours, shapes, place):
    """∂x/∂θ = −(∂F/∂θ) / f, for the parameter at a place."""

    def put(s):
        return [s if i == place else np.float64(v) for i, v in enumerate(shapes)]

    def draw(s):
        return ours.rvs(*put(s), size=3, rng=1)

    x = draw(shapes[place]).numpy()
    slope = pb.jacobian(lambda s: ours.cdf(x, *put(s)))(shapes[place]).numpy()
    expected = -slope / ours.pdf(x, *shapes).numpy()
    np.testing.assert_allclose(pb.jacobian(draw)(shapes[place]), expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("name", COUNTING)
def test_draws_of_whole_numbers(name):
    ours, theirs, shapes = getattr(stats, name), getattr(scipy.stats, name), COUNTING[name]
    drawn = ours.rvs(*shapes, size=2000, rng=0).numpy()
    assert drawn.mean() == pytest.approx(theirs.mean(*shapes), abs=5 * theirs.std(*shapes) / np.sqrt(2000))


def symmetric(c):
    return (c + c.T) / 2


def test_normal_vectors():
    ours, theirs = stats.multivariate_normal, scipy.stats.multivariate_normal
    x = np.array([[0.1, 0.5], [-1.0, 2.0], [0.3, -0.2]])
    np.testing.assert_allclose(ours.logpdf(x, MEAN, COV), theirs.logpdf(x, MEAN, COV), rtol=1e-12)
    np.testing.assert_allclose(ours.logpdf(x[0], MEAN, COV), theirs.logpdf(x[0], MEAN, COV), rtol=1e-12)
    many = ours.logpdf(x, np.stack([MEAN] * 3), np.stack([COV, 2 * COV, 3 * COV]))
    np.testing.assert_allclose(many, [theirs.logpdf(x[i], MEAN, (i + 1) * COV) for i in range(3)], rtol=1e-12)
    assert ours.entropy(MEAN, COV).item() == pytest.approx(theirs.entropy(MEAN, COV))
    pb.testing.check_grads(lambda x, m, c: ours.logpdf(x, m, symmetric(c)).sum(), x, MEAN, COV, order=2)
    drawn = ours.rvs(MEAN, COV, size=4000, rng=0).numpy()
    np.testing.assert_allclose(np.cov(drawn.T), COV, atol=0.1)
    pb.testing.check_grads(lambda m, c: np.sin(ours.rvs(m, symmetric(c), size=3, rng=0)).sum(), MEAN, COV, order=2)


def test_shares():
    ours, theirs, alpha = stats.dirichlet, scipy.stats.dirichlet, np.array([0.7, 2.0, 3.1])
    x = np.array([0.2, 0.3, 0.5])
    assert ours.logpdf(x, alpha).item() == pytest.approx(theirs.logpdf(x, alpha))
    assert ours.entropy(alpha).item() == pytest.approx(theirs.entropy(alpha))
    pb.testing.check_grads(lambda z, a: ours.logpdf(pb.softmax(z), a), np.log(x), alpha, order=2)
    drawn = ours.rvs(alpha, size=3000, rng=0)
    np.testing.assert_allclose(drawn.numpy().mean(axis=0), alpha / alpha.sum(), atol=0.02)
    mean = pb.jacobian(lambda a: ours.rvs(a, size=3000, rng=0).mean(axis=0))(alpha).numpy()
    np.testing.assert_allclose(mean, (np.eye(3) - (alpha / alpha.sum())[:, None]) / alpha.sum(), atol=0.03)


def test_counts_and_classes():
    p = np.array([0.2, 0.3, 0.5])
    x = np.array([2.0, 1.0, 4.0])
    assert stats.multinomial.logpmf(x, 7, p).item() == pytest.approx(scipy.stats.multinomial.logpmf(x, 7, p))
    assert stats.multinomial.pmf(x, 8, p).item() == 0
    assert stats.multinomial.rvs(7, p, size=5, rng=0).numpy().sum(axis=-1).tolist() == [7] * 5
    np.testing.assert_allclose(stats.categorical.logpmf(np.array([0, 2]), p), np.log(p[[0, 2]]))
    np.testing.assert_allclose(stats.categorical.logpmf(np.array([0, 2]), logits=np.log(p) + 3), np.log(p[[0, 2]]))
    assert stats.categorical.entropy(p).item() == pytest.approx(scipy.stats.entropy(p))
    drawn = stats.categorical.rvs(p, size=3000, rng=0).numpy()
    np.testing.assert_allclose(np.bincount(drawn) / 3000, p, atol=0.03)
    pb.testing.check_grads(lambda z: stats.categorical.logpmf(np.array([0, 2]), logits=z).sum(), p, order=2)


def test_symmetric_matrices():
    ours, theirs, x = stats.wishart, scipy.stats.wishart, COV + np.eye(2)
    assert ours.logpdf(x, 4.5, COV).item() == pytest.approx(theirs.logpdf(x, 4.5, COV))
    assert ours.entropy(4.5, COV).item() == pytest.approx(theirs.entropy(4.5, COV))
    pb.testing.check_grads(lambda x, d, s: ours.logpdf(symmetric(x), d, symmetric(s)), x, 4.5, COV, order=2)
    mean = np.mean([ours.rvs(4.5, COV, rng=i).numpy() for i in range(400)], axis=0)
    np.testing.assert_allclose(mean, 4.5 * COV, rtol=0.15)
    assert pb.grad(lambda d: ours.rvs(d, COV, rng=0).sum())(4.5).item() != 0


PAIRS = [
    ("norm", (0.3, 1.2), (-0.2, 0.8)), ("laplace", (0.3, 1.2), (-0.2, 0.8)), ("gamma", (2.2, 0.7), (1.4, 1.1)),
    ("beta", (2.1, 3.3), (1.5, 1.2)), ("expon", (0.7,), (1.1,)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "p", "q"), PAIRS)
def test_divergences_are_integrals(name, p, q):
    theirs = getattr(scipy.stats, name)

    def of(v):
        if name == "beta":
            return theirs(*v)
        return theirs(*v[:-1], scale=v[-1])

    low, high = of(p).ppf([1e-12, 1 - 1e-12])
    breaks = of(p).ppf([0.01, 0.5, 0.99])
    exact = sum(
        scipy.integrate.quad(lambda x: of(p).pdf(x) * (of(p).logpdf(x) - of(q).logpdf(x)), a, b)[0]
        for a, b in zip([low, *breaks], [*breaks, high], strict=True)
    )
    found = stats.kl_divergence(getattr(stats, name), p, q).item()
    assert found == pytest.approx(exact, rel=1e-6)
    assert stats.kl_divergence(getattr(stats, name), p, p).item() == pytest.approx(0, abs=1e-12)
    pb.testing.check_grads(
        lambda *v: stats.kl_divergence(getattr(stats, name), v[: len(p)], v[len(p) :]) + 0.1 * sum(x * x for x in v),
        *p,
        *q,
        order=2,
    )


def test_divergences_of_others():
    p, q = np.array([0.2, 0.3, 0.5]), np.array([0.5, 0.25, 0.25])
    assert stats.kl_divergence(stats.categorical, (p,), (q,)).item() == pytest.approx(scipy.stats.entropy(p, q))
    two = stats.kl_divergence(stats.bernoulli, (0.3,), (0.6,)).item()
    assert two == pytest.approx(scipy.stats.entropy([0.3, 0.7], [0.6, 0.4]))
    k = np.arange(60)
    exact = scipy.stats.entropy(scipy.stats.poisson.pmf(k, 3.0), scipy.stats.poisson.pmf(k, 2.0))
    assert stats.kl_divergence(stats.poisson, (3.0,), (2.0,)).item() == pytest.approx(exact, rel=1e-9)
    n = stats.multivariate_normal
    assert stats.kl_divergence(n, (MEAN, COV), (MEAN, COV)).item() == pytest.approx(0, abs=1e-12)
    one = stats.kl_divergence(n, ([0.3], [[1.44]]), ([-0.2], [[0.64]])).item()
    assert one == pytest.approx(stats.kl_divergence(stats.norm, (0.3, 1.2), (-0.2, 0.8)).item())
    a, b = np.array([2.1, 3.3]), np.array([1.5, 1.2])
    assert stats.kl_divergence(stats.dirichlet, (a,), (b,)).item() == pytest.approx(
        stats.kl_divergence(stats.beta, a, b).item()
    )
    with pytest.raises(pb.OptionError, match="there is no formula"):
        stats.kl_divergence(stats.cauchy, (0.0, 1.0), (0.0, 2.0))


def test_a_surrogate_has_the_derivatives_of_the_expectation():
    k = np.arange(60.0)

    def expected(mu):  # E[k²] = μ + μ², over all k with their probabilities as constants
        weights = scipy.stats.poisson.pmf(k, 3.0)
        return (weights * stats.surrogate(stats.poisson.logpmf(k, mu), k * k)).sum()

    assert expected(3.0).item() == pytest.approx(12.0)
    assert pb.grad(expected)(3.0).item() == pytest.approx(7.0)
    assert pb.grad(pb.grad(expected))(3.0).item() == pytest.approx(2.0)


def test_parameters_that_are_missing_or_unknown():
    for call in (
        lambda: stats.gamma.logpdf(1.0), lambda: stats.norm.pdf(1.0, mean=0.0), lambda: stats.norm.pdf(1.0, 2, 3, 4),
        lambda: stats.binom.pmf(1, 2),
    ):  # fmt: skip
        with pytest.raises(pb.DTypeError):
            call()


def test_single_precision_and_vmap_and_compile():
    x = np.array([0.3, 1.2], np.float32)
    assert stats.norm.logpdf(x).dtype == np.float32
    np.testing.assert_allclose(pb.vmap(lambda x: stats.gamma.logpdf(x, 2.0))(x), stats.gamma.logpdf(x, 2.0), rtol=1e-6)
    step = pb.compile(pb.value_and_grad(lambda a: stats.gamma.logpdf(np.array([0.3, 1.2]), a).sum()))
    for a in (2.0, 2.0, 2.5):
        value, gradient = step(np.float64(a))
        assert value.item() == pytest.approx(scipy.stats.gamma.logpdf([0.3, 1.2], a).sum())
        assert np.isfinite(gradient.item())
