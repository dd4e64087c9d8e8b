"""Numerical derivatives: right, with errors that are honest, and kinks that are seen."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pullback.testing import complex_step, differentiate

SMOOTH = {
    "sin": (np.sin, np.cos), "exp": (np.exp, np.exp), "tanh": (np.tanh, lambda x: 1 / np.cosh(x) ** 2),
    "arctan": (np.arctan, lambda x: 1 / (1 + x * x)), "cube": (lambda x: x**3, lambda x: 3 * x**2),
    "gauss": (lambda x: np.exp(-x * x), lambda x: -2 * x * np.exp(-x * x)),
    "log cosh": (lambda x: np.log(np.cosh(x)), np.tanh),
    "wave": (lambda x: np.sin(20 * x), lambda x: 20 * np.cos(20 * x)), "constant": (np.ones_like, np.zeros_like),
}  # fmt: skip


def slope(f, x):
    return differentiate(f, np.array([x]), np.eye(1))


@pytest.mark.parametrize("name", SMOOTH)
@given(x=st.floats(-10, 10).filter(lambda x: x == 0 or abs(x) > 0.01))
def test_errors_are_honest_and_small(name, x):
    f, derivative = SMOOTH[name]
    found = slope(f, x)
    exact = float(derivative(np.float64(x)))
    size = abs(exact) + abs(float(f(np.float64(x))))
    assert abs(found.value[0, 0] - exact) <= 10 * found.error[0, 0] + 1e-12 * size
    assert found.error[0, 0] <= 1e-7 * size + 1e-12
    assert not found.kink.any()


@pytest.mark.parametrize("x", [1e-300, 1e-20, 1e-5, 0.3, 1e5, 1e20, 1e300])
@pytest.mark.parametrize(("f", "derivative"), [(np.log, lambda x: 1 / x), (np.sqrt, lambda x: 0.5 / np.sqrt(x))])
def test_any_scale(f, derivative, x):
    found = slope(f, x)
    assert found.value[0, 0] == pytest.approx(derivative(x), rel=1e-9)
    assert found.error[0, 0] <= 1e-8 * derivative(x)


@pytest.mark.parametrize("gap", [0.0, 1e-12, -1e-9, 1e-3, -0.2])
def test_the_slopes_on_both_sides_of_a_kink(gap):
    found = slope(abs, gap)
    if gap == 0:
        assert found.kink[0, 0]
        assert (found.low[0, 0], found.high[0, 0]) == (-1, 1)
        assert found.value[0, 0] == 0
    else:
        assert not found.kink[0, 0]
        assert found.value[0, 0] == pytest.approx(math.copysign(1, gap), rel=1e-6)


def test_a_kink_in_a_curve():
    found = slope(lambda x: np.where(x < 0, np.sin(2 * x), np.expm1(x)), 0.0)
    assert found.kink[0, 0]
    assert (found.low[0, 0], found.high[0, 0]) == (pytest.approx(1, rel=1e-8), pytest.approx(2, rel=1e-8))


def test_a_smooth_join_is_no_kink():
    assert not slope(lambda x: np.where(x < 0, x * x, x**3), 0.0).kink[0, 0]


@pytest.mark.parametrize("f", [np.floor, np.sign, np.sqrt, np.cbrt])
def test_a_jump_or_an_infinite_slope_has_an_error_as_large_as_itself(f):
    found = slope(f, 0.0)
    assert found.error[0, 0] > 0.1 * abs(found.value[0, 0])


def test_at_the_edge_of_a_domain_the_side_that_is_in_it_counts():
    found = slope(lambda x: np.where(x >= 1, (x - 1) ** 2 + 3 * x, np.nan), 1.0)
    assert found.value[0, 0] == pytest.approx(3, rel=1e-9)


@given(x=st.floats(-3, 3).filter(lambda x: abs(x) > 0.05))
def test_noise_makes_the_error_as_large_as_it_must_be(x):
    found = slope(lambda x: np.sin(x).astype(np.float32).astype(float), x)
    assert abs(found.value[0, 0] - math.cos(x)) <= 10 * found.error[0, 0]
    assert found.error[0, 0] < 1e-4


def test_noise_where_small_steps_move_nothing():
    found = slope(lambda x: np.sin(x).astype(np.float32).astype(float), 1.5703125)
    assert abs(found.value[0, 0] - math.cos(1.5703125)) <= 10 * found.error[0, 0]


@pytest.mark.parametrize("seed", range(20))
def test_a_direction_through_numbers_of_unlike_sizes(seed):
    direction = np.random.default_rng(seed).uniform(0.5, 1.5, (1, 2))
    # A kink that is 1e-9 away asks for steps that round the other number.
    found = differentiate(lambda x: np.array([max(x[0], 0), 3 * (x[1] - 2)]), np.array([1e-9, 2.0]), direction)
    assert (abs(found.value - [1, 3] * direction) <= 10 * found.error + 1e-12).all()


def test_all_directions_and_values_at_once():
    matrix = np.random.default_rng(0).normal(size=(5, 3))
    directions = np.random.default_rng(1).normal(size=(4, 3))
    found = differentiate(lambda x: matrix @ np.sin(x), np.array([0.1, 0.2, 3.0]), directions)
    expected = directions @ (matrix * np.cos([0.1, 0.2, 3.0])).T
    np.testing.assert_allclose(found.value, expected, rtol=1e-10)


def test_estimates_of_sums_of_values():
    found = differentiate(lambda x: np.array([x[0] ** 2, abs(x[1])]), np.array([1.0, 0.0]), np.eye(2))
    both = found.combined(np.array([[1.0, 1.0], [0.0, 2.0]]))
    np.testing.assert_allclose(both.low, [[2, 0], [-1, -2]], atol=1e-9)
    np.testing.assert_allclose(both.high, [[2, 0], [1, 2]], atol=1e-9)


@pytest.mark.parametrize("name", ["sin", "exp", "tanh", "cube", "gauss"])
@given(x=st.floats(-5, 5))
def test_the_complex_step_is_exact(name, x):
    f, derivative = SMOOTH[name]
    exact = float(derivative(np.float64(x)))
    assert float(complex_step(f, x)) == pytest.approx(exact, rel=1e-13, abs=1e-50)


def test_the_complex_step_goes_along_a_direction():
    x, direction = np.array([1.0, 2.0]), np.array([0.5, -1.0])
    np.testing.assert_allclose(complex_step(lambda z: z * z, x, direction), 2 * x * direction, rtol=1e-15)
