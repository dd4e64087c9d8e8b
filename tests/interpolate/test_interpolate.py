"""Interpolators: SciPy's values, derivatives in places, points and values, and points that do not fit."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.interpolate as si
from tests.along import along

import pullback as pb
from pullback import interpolate as pi

X = np.array([0.0, 0.7, 1.1, 2.0, 3.2, 3.9])
Y = np.array([0.3, 1.2, 0.9, -0.4, -0.1, 1.5])
AT = np.array([0.1, 0.7, 0.95, 1.7, 2.9, 3.6])
ENDS = ["not-a-knot", "natural", "clamped", ((1, 0.4), (2, -0.3)), ("natural", "not-a-knot")]

KINDS = {
    "linear": (pi.interp1d, si.interp1d),
    "pchip": (pi.PchipInterpolator, si.PchipInterpolator),
    "akima": (pi.Akima1DInterpolator, si.Akima1DInterpolator),
    **{
        f"spline {ends}": (
            lambda x, y, ends=ends, **kw: pi.CubicSpline(x, y, bc_type=ends, **kw),
            lambda x, y, ends=ends, **kw: si.CubicSpline(x, y, bc_type=ends, **kw),
        )
        for ends in ENDS
    },
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("count", [2, 3, 4, 6])
def test_values_are_scipys(kind, count):
    ours, theirs = (make(X[:count], Y[:count]) for make in KINDS[kind])
    at = AT[X[count - 1] >= AT]
    np.testing.assert_allclose(ours(at), theirs(at), rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(ours(X[:count]), Y[:count], rtol=1e-12)
    if kind != "linear":
        for nu in (1, 2, 3, 4):
            np.testing.assert_allclose(ours(at, nu), theirs(at, nu), rtol=1e-9, atol=1e-10)
        np.testing.assert_allclose(ours.integrate(0.2, at[-1]), theirs.integrate(0.2, at[-1]), rtol=1e-11)


def test_a_periodic_spline():
    y = np.array([*Y[:-1], Y[0]])
    ours, theirs = pi.CubicSpline(X, y, bc_type="periodic"), si.CubicSpline(X, y, bc_type="periodic")
    np.testing.assert_allclose(ours(AT), theirs(AT), rtol=1e-11)
    far = np.array([-9.3, -0.2, 3.95, 11.0])  # where it begins again
    for nu in (0, 1, 2):
        np.testing.assert_allclose(ours(far, nu), theirs(far, nu), rtol=1e-9, atol=1e-11)
    for a, b in ((0.2, 3.0), (-9.3, 11.0), (5.0, -4.0)):
        np.testing.assert_allclose(ours.integrate(a, b), theirs.integrate(a, b), rtol=1e-9)
    np.testing.assert_allclose(ours(far, extrapolate=True), theirs(far, extrapolate=True), rtol=1e-9)

    def make(at, x, y):
        return pi.CubicSpline(x, np.concatenate([y, y[:1]]), bc_type="periodic")

    pb.testing.check_grads(*along(lambda at, x, y: np.sin(make(at, x, y)(at)).sum(), far, X, Y[:-1]), order=2)
    pb.testing.check_grads(*along(lambda at, x, y: make(at, x, y).integrate(at[0], at[3]), far, X, Y[:-1]), order=2)


@pytest.mark.parametrize("kind", ["pchip", "akima", "spline natural"])
def test_the_derivative_is_a_function(kind):
    ours, theirs = (make(X, Y) for make in KINDS[kind])
    for nu in (0, 1, 2, 4):
        np.testing.assert_allclose(ours.derivative(nu)(AT), theirs.derivative(nu)(AT), rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(ours.derivative()(AT, 1), ours(AT, 2), rtol=1e-12)
    with pytest.raises(pb.OptionError, match="0 or more"):
        ours.derivative(-1)


@pytest.mark.parametrize("kind", KINDS)
def test_derivatives(kind):
    make = KINDS[kind][0]
    at = np.array([0.1, 0.95, 1.7, 3.6])
    pb.testing.check_grads(*along(lambda at, x, y: np.sin(make(x, y)(at)).sum(), at, X, Y), order=2)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if "0.4" not in kind])  # SciPy wants a vector there
def test_many_values_along_an_axis(kind):
    make, theirs = KINDS[kind]
    y = np.stack([Y, Y[::-1], Y**2])
    np.testing.assert_allclose(make(X, y, axis=1)(AT), theirs(X, y, axis=1)(AT), rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(make(X, y, axis=1)(1.3), theirs(X, y, axis=1)(1.3), rtol=1e-11)
    np.testing.assert_allclose(make(X, y.T, axis=0)(AT), theirs(X, y.T, axis=0)(AT), rtol=1e-11, atol=1e-12)


def test_outside_of_the_points():
    outside = np.array([-0.5, 4.5])
    np.testing.assert_allclose(pi.CubicSpline(X, Y)(outside), si.CubicSpline(X, Y)(outside))
    assert np.isnan(pi.interp1d(X, Y)(outside)).all()
    assert np.isnan(pi.Akima1DInterpolator(X, Y)(outside)).all()
    np.testing.assert_allclose(pi.interp1d(X, Y, extrapolate=True)(-0.7), Y[0] - (Y[1] - Y[0]))


def test_flat_and_turning_values():
    y = np.array([0.0, 0.0, 0.0, 1.0, 1.0, 0.5])
    for make, theirs in (KINDS["pchip"], KINDS["akima"]):
        np.testing.assert_allclose(make(X, y)(AT), theirs(X, y)(AT), rtol=1e-11, atol=1e-13)
        assert np.isfinite(pb.grad(lambda y, make=make: make(X, y)(AT).sum())(y).numpy()).all()


def test_points_that_do_not_fit():
    with pytest.raises(pb.OptionError, match="the points ascend"):
        pi.CubicSpline([0.0, 1.0, 1.0], [1.0, 2.0, 3.0])
    with pytest.raises(pb.ShapeError, match="one value for each point"):
        pi.interp1d([0.0, 1.0], [1.0, 2.0, 3.0])
    with pytest.raises(pb.ShapeError, match="so few points"):
        pi.PchipInterpolator([0.0], [1.0])
    with pytest.raises(pb.OptionError, match="unknown condition"):
        pi.CubicSpline(X, Y, bc_type="loose")
    with pytest.raises(pb.OptionError, match="an order of 0 or more"):
        pi.CubicSpline(X, Y)(1.0, -1)


@pytest.mark.parametrize("kind", ["linear", "pchip", "akima", "spline natural"])
def test_points_may_be_of_a_program_and_of_many_examples(kind):
    make = KINDS[kind][0]
    slope = pb.grad(lambda x, y: np.sin(make(x, y)(AT)).sum(), argnums=(0, 1))
    expected = [slope(X * s, Y * s) for s in (1.0, 1.02)]
    found = pb.vmap(slope)(np.stack([X, X * 1.02]), np.stack([Y, Y * 1.02]))
    compiled = pb.compile(slope)
    for _ in range(3):
        compiled(X, Y)
    again = compiled(X * 1.02, Y * 1.02)
    for one, *each, last in zip(found, *expected, again, strict=True):
        np.testing.assert_allclose(one, np.stack(each), rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(last, each[1], rtol=1e-10, atol=1e-12)
    assert "run as a program" in compiled.explain()
    for call in (compiled, lambda x, y: pb.vmap(slope, in_axes=(0, None))(np.stack([X, x]), y)):
        with pytest.raises(pb.OptionError, match=r"(?s)the points ascend.*x\[1\] = 0.7, x\[2\] = 0.5"):
            call(np.where(X == 1.1, 0.5, X), Y)
