"""Roots, fits and counts in bins: what they refuse, and derivatives judged by their formulas."""

from __future__ import annotations

import numpy as np
import pytest

import pullback as pb

P = np.array([1.0, -3.0, 2.5, 4.0])


def test_the_derivative_of_roots_is_that_of_an_implicit_function():
    r = np.roots(P)
    expected = -(r[:, None] ** np.arange(3, -1, -1)) / np.polyval(np.polyder(P), r)[:, None]
    real = pb.jacobian(lambda p: pb.real(pb.roots(p)))(P).numpy()
    imag = pb.jacobian(lambda p: pb.imag(pb.roots(p)))(P).numpy()
    np.testing.assert_allclose(real + 1j * imag, expected, rtol=1e-12, atol=1e-14)


def test_roots_have_third_derivatives_and_batches():
    assert not pb.testing.check_grads(lambda p: pb.real(pb.roots(p)) * pb.imag(pb.roots(p)), P, order=3).sampled
    several = np.stack([P, P + 0.1])
    f = pb.grad(lambda p: pb.real(pb.roots(p) ** 2).sum())
    found = pb.vmap(f)(several).numpy()
    np.testing.assert_array_equal(found, np.stack([f(p).numpy() for p in several]))


def test_roots_that_are_near_but_apart_have_derivatives():
    wilkinson = np.poly(np.arange(1.0, 13.0))
    slopes = pb.jacobian(lambda p: pb.real(pb.roots(p)))(wilkinson).numpy()
    order = np.argsort(np.real(np.roots(wilkinson)))
    exact = np.arange(1.0, 13.0)
    factors = np.array([np.prod([r - s for s in exact if s != r]) for r in exact])
    np.testing.assert_allclose(slopes[order][:, -1], -1 / factors, rtol=1e-2)


@pytest.mark.parametrize("p", [[1, -2, 1], [2, -6, 6, -2], [1, -4, 6, -4, 1], [1, 3, 0, 0]])
def test_multiple_roots_have_no_derivative(p):
    assert pb.roots(p).shape == (len(p) - 1,)
    with pytest.raises(pb.linalg.LinAlgError, match="multiple roots"):
        pb.grad(lambda p: pb.real(pb.roots(p)).sum())(np.array(p, float))


def test_zeros_in_front_of_coefficients():
    assert sorted(pb.roots([0, 0, 1, 0, -4]).numpy().real) == pytest.approx([-2.0, 2.0])
    assert pb.roots([0.0, 0.0]).shape == pb.roots([]).shape == (0,)
    with pytest.raises(pb.linalg.LinAlgError, match="first coefficient is 0"):
        pb.grad(lambda p: pb.real(pb.roots(p)).sum())(np.array([0.0, 1.0, 2.0]))


def test_a_fit_of_too_many_coefficients_warns_as_numpy_s():
    with pytest.warns(np.exceptions.RankWarning):
        assert np.allclose(np.polyfit(pb.tensor([1.0, 1.0]), [1.0, 2.0], 1).numpy(), [0.75, 0.75])
    with pytest.raises(pb.OptionError, match="too few points"):
        pb.polyfit([0.0, 1.0], [1.0, 2.0], 1, cov=True)
    for bad in ({"x": [[1.0]], "y": [1.0]}, {"x": [1.0], "y": [1.0, 2.0]}, {"x": [1.0], "y": [1.0], "w": [1.0, 2.0]}):
        with pytest.raises(pb.ShapeError, match="polyfit"):
            pb.polyfit(**bad, deg=0)


def test_a_histogram_wants_points_and_bins_for_each_axis():
    with pytest.raises(pb.ShapeError, match="bins and a range for each axis"):
        pb.histogramdd(np.ones((4, 2)), (1, 2, 3))
    with pytest.raises(pb.ShapeError, match="points are the rows"):
        pb.histogramdd([np.ones(2), np.ones(3)])
    with pytest.raises(pb.ShapeError, match="two vectors"):
        pb.histogram2d(np.ones(2), np.ones(3))


ROWS = np.array([[0.3, -1.1], [0.7, 0.4], [-0.2, 0.9], [1.4, 0.1]])
SEGMENTS = np.array([0, 2, 0, 2])
PLACES = np.array([[0, 1], [2, 0], [0, 1], [1, 0]])
TARGET = np.array([[0.05, 0.6], [-0.4, 0.25], [1.2, -0.8]])
GATHERED = {
    **{f: lambda f, x, t: f(x * x * x, SEGMENTS, 3)[::2] + t[:2] ** 2
       for f in (pb.segment_sum, pb.segment_mean, pb.segment_max, pb.segment_min)},
    **{f: lambda f, x, t: f(t * t * t, PLACES, x * np.sin(x))
       for f in (pb.scatter_add, pb.scatter_mean, pb.scatter_max, pb.scatter_min)},
    pb.index_add: lambda f, x, t: f(t**3, SEGMENTS, x * x * t[0]),
}  # fmt: skip


@pytest.mark.parametrize("f", GATHERED, ids=lambda f: f.__name__)
def test_second_derivatives_of_scatter_and_segment_operations(f):
    assert not pb.testing.check_grads(lambda x, t: GATHERED[f](f, x, t), ROWS, TARGET, order=2).sampled


@pytest.mark.parametrize("signature", ["(n)", "(n,)->()", "n->n", "(n)->(),", "->"])
def test_what_is_no_signature(signature):
    with pytest.raises(pb.OptionError, match="no signature"):
        pb.vectorize(len, signature=signature)


def test_what_does_not_fit_a_signature():
    dot = pb.vectorize(lambda a, b: a @ b, signature="(n),(n)->()", otypes=[float])
    assert dot(np.ones((0, 3)), np.ones(3)).shape == (0,)
    for args in ((np.ones(3), np.ones(2)), (1.0, np.ones(2)), (np.ones(3),)):
        with pytest.raises(pb.ShapeError, match="signature"):
            dot(*args)
    for wrong in (lambda a: a, lambda a: (a.sum(), a.sum())):
        with pytest.raises(pb.ShapeError, match="signature"):
            pb.vectorize(wrong, signature="(n)->()")(np.ones((2, 3)))
