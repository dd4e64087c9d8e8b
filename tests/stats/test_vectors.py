"""Distributions of vectors and matrices: SciPy's names and values, distribution functions, and what is singular."""

from __future__ import annotations

import math

import mpmath as mp
import numpy as np
import pytest
import scipy.stats

import pullback as pb
from pullback import stats

NORMAL = stats.multivariate_normal
COV = np.array([[1.44, 0.25, 0.54], [0.25, 0.49, -0.12], [0.54, -0.12, 0.81]])
BOUND = np.array([0.3, -0.4, 1.1])


def symmetric(c):
    return (c + c.T) / 2


def below(h, k, r):
    """P(X ≤ h, Y ≤ k), by Plackett's integral."""
    h, k, r = map(mp.mpf, (h, k, r))

    def slope(t):
        return mp.exp(-(h * h - 2 * t * h * k + k * k) / (2 * (1 - t * t))) / (2 * mp.pi * mp.sqrt(1 - t * t))

    return mp.ncdf(h) * mp.ncdf(k) + mp.quad(slope, mp.linspace(0, r, 9))


@pytest.mark.parametrize(
    ("h", "k", "r"), [(0, 0, 0.5), (0.3, -0.7, 0.2), (-6, -5, 0.9), (2, 1, -0.95), (-0.5, -0.49, 0.999), (-12, 3, 0.4)]
)
def test_two_normals_keep_their_digits(h, k, r):
    with mp.workdps(40):
        exact = float(below(h, k, r))
    assert NORMAL.cdf([h, k], None, [[1.0, r], [r, 1.0]]).item() == pytest.approx(exact, rel=1e-12)


def test_three_normals_and_more():
    angles = np.arcsin(COV[[1, 2, 2], [0, 0, 1]] / np.sqrt(np.diag(COV)[[1, 2, 2]] * np.diag(COV)[[0, 0, 1]]))
    orthant = 1 / 8 + angles.sum() / (4 * math.pi)
    assert NORMAL.cdf(np.zeros(3), cov=COV).item() == pytest.approx(orthant, rel=1e-13)
    four = 0.5 * np.eye(4) + 0.5
    assert NORMAL.cdf(np.zeros(4), cov=four).item() == pytest.approx(0.2, abs=1e-5)
    by_bounds = pb.grad(lambda x: NORMAL.cdf(x, cov=four))(np.zeros(4)).numpy()
    given = NORMAL.cdf(np.zeros(3), cov=four[:3, :3] - 0.25).item()
    np.testing.assert_allclose(by_bounds, given / math.sqrt(2 * math.pi), rtol=1e-12)
    two, low = COV[:2, :2], BOUND[:2] - 1
    found = NORMAL.cdf(BOUND[:2], cov=two, lower_limit=low).item()
    assert found == pytest.approx(scipy.stats.multivariate_normal.cdf(BOUND[:2], cov=two, lower_limit=low), abs=1e-4)


def test_distribution_functions_differentiate():
    mean, cov = np.array([0.1, -0.3]), COV[:2, :2]
    pb.testing.check_grads(lambda x, m, c: NORMAL.logcdf(x, m, symmetric(c)), BOUND[:2], mean, cov, order=2)
    gradient = pb.grad(lambda x, c: NORMAL.cdf(x, cov=symmetric(c)), argnums=(0, 1))
    by_x, by_cov = gradient(BOUND, COV)
    h, step = 1e-5, np.zeros((3, 3))
    step[2, 0] = step[0, 2] = h
    numeric = (NORMAL.cdf(BOUND, cov=COV + step) - NORMAL.cdf(BOUND, cov=COV - step)).item() / (2 * h)
    assert 2 * by_cov[2, 0].item() == pytest.approx(numeric, rel=1e-7)
    forward = pb.jvp(lambda c: NORMAL.cdf(BOUND, cov=c), (COV,), (step / h,))[1].item()
    assert forward == pytest.approx(numeric, rel=1e-7)
    points = np.stack([BOUND, -BOUND])
    each = pb.vmap(lambda x: gradient(x, COV)[0])(points)
    np.testing.assert_allclose(each[0], by_x, rtol=1e-13)
    np.testing.assert_allclose(pb.vmap(lambda x: NORMAL.cdf(x, cov=COV))(points), NORMAL.cdf(points, cov=COV))
    assert not pb.grad(lambda x: NORMAL.cdf(x, cov=COV))(np.full(3, -np.inf)).numpy().any()


def test_a_singular_covariance():
    half = np.array([[1.0, 0.5], [2.0, 0.1], [0.0, 0.3]])
    cov, x = half @ half.T, half @ np.array([0.3, -0.2])
    theirs = scipy.stats.multivariate_normal(None, cov, allow_singular=True)
    points = np.stack([x, x + 0.1])
    np.testing.assert_allclose(NORMAL.logpdf(points, cov=cov, allow_singular=True), theirs.logpdf(points), rtol=1e-12)
    slope = pb.grad(lambda x: NORMAL.logpdf(x, cov=cov, allow_singular=True))(x)
    np.testing.assert_allclose(slope, -np.linalg.pinv(cov) @ x, rtol=1e-9)
    with pytest.raises(pb.NoGradientError, match="singular there is no derivative"):
        pb.grad(lambda c: NORMAL.logpdf(x, cov=c, allow_singular=True))(cov)
    with pytest.raises(pb.linalg.LinAlgError, match="not positive semidefinite"):
        NORMAL.pdf(x, cov=-cov, allow_singular=True)
    for call in (lambda c: NORMAL.logpdf(x, cov=c), lambda c: NORMAL.logpdf(x, cov=c, allow_singular=True)):
        np.testing.assert_allclose(pb.grad(call)(COV), pb.grad(lambda c: NORMAL.logpdf(x, cov=c))(COV), rtol=1e-12)


def test_vectors_as_scipy_takes_them():
    x = np.array([0.1, 0.2, 0.3])
    np.testing.assert_allclose(NORMAL.logpdf(x, 2.5, 0.5), scipy.stats.multivariate_normal.logpdf(x, 2.5, 0.5))
    assert NORMAL.pdf(0.3).item() == pytest.approx(scipy.stats.multivariate_normal.pdf(0.3))
    frozen = NORMAL([0.0, 1.0], [2.0, 3.0])
    assert frozen.cov.tolist() == [[2, 0], [0, 3]]
    assert frozen.rvs(3, random_state=1).shape == (3, 2)
    assert frozen.entropy().item() == pytest.approx(scipy.stats.multivariate_normal([0.0, 1.0], [2.0, 3.0]).entropy())
    with pytest.raises(pb.ShapeError, match="vectors of another size"):
        NORMAL.pdf(np.zeros(4), cov=COV)
    with pytest.raises(pb.ShapeError, match="mean has another size"):
        NORMAL.pdf(np.zeros(3), np.zeros(2), COV)
    with pytest.raises(AttributeError, match="has no attribute"):
        frozen.ppf(0.3)


def test_shares_and_counts_have_moments():
    alpha, p = np.array([0.7, 2.0, 3.1]), np.array([0.2, 0.3, 0.5])
    ours, theirs = stats.dirichlet(alpha), scipy.stats.dirichlet(alpha)
    for method in ("mean", "var", "cov", "entropy"):
        np.testing.assert_allclose(getattr(ours, method)(), getattr(theirs, method)(), rtol=1e-12, atol=1e-16)
    assert ours.logpdf([0.2, 0.3]).item() == pytest.approx(theirs.logpdf([0.2, 0.3]))
    assert ours.pdf(np.array([[0.2, 0.3, 0.4], [-0.1, 0.6, 0.5]])).tolist() == [0, 0]
    with pytest.raises(pb.ShapeError, match="last axis"):
        ours.pdf(np.ones((3, 4)) / 3)
    ours, theirs = stats.multinomial(6, p), scipy.stats.multinomial(6, p)
    for method in ("cov", "entropy"):
        np.testing.assert_allclose(getattr(ours, method)(), getattr(theirs, method)(), rtol=1e-12)
    assert ours.mean().tolist() == pytest.approx([1.2, 1.8, 3.0])
    assert np.isnan(stats.multinomial.pmf([1, 2, 3], 6, [0.2, 0.3, 0.4]))
    with pytest.raises(pb.ShapeError, match="one number of trials"):
        stats.multinomial.entropy([2, 3], p)
    pb.testing.check_grads(lambda z: stats.multinomial.entropy(6, pb.softmax(z)), p, order=2)
    k = np.arange(3)
    np.testing.assert_allclose(stats.categorical.cdf(k, p), np.cumsum(p))
    np.testing.assert_allclose(stats.categorical.sf(k, p), 1 - np.cumsum(p), atol=1e-15)
    assert stats.categorical(p).ppf(np.array([0.1, 0.2, 0.4, 0.9, 1.0])).tolist() == [0, 0, 1, 2, 2]
    assert stats.categorical.logcdf(1, p).item() == pytest.approx(math.log(0.5))
    assert stats.categorical.logsf(1, p).item() == pytest.approx(math.log(0.5))


def test_moments_of_matrices():
    scale = COV[:2, :2]
    ours, theirs = stats.wishart(5.0, scale), scipy.stats.wishart(5.0, scale)
    for method in ("mean", "mode", "var"):
        np.testing.assert_allclose(getattr(ours, method)(), getattr(theirs, method)(), rtol=1e-12)
    drawn = ours.rvs(2000, rng=0)
    assert drawn.shape == (2000, 2, 2)
    np.testing.assert_allclose(drawn.numpy().mean(axis=0), 5 * scale, rtol=0.1)
    assert np.isnan(stats.wishart.mode(2.0, scale)).all()
    for of_number in (lambda: stats.wishart.pdf(np.eye(2), 5.0, 2.0), lambda: stats.wishart.mean(5.0, 2.0)):
        with pytest.raises(pb.ShapeError, match="the scale is a matrix"):
            of_number()
    assert stats.wishart.mean(5, np.eye(2, dtype=int)).dtype == float
