"""Solutions differentiate: by arguments and captured values, in both modes, to third order; non-solutions do not."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.optimize

import pullback as pb
from pullback import optimize

A = np.array([[2.0, 0.5], [0.3, 1.5]])


def coupled(x, a, b):
    return x + 0.3 * np.sin(a @ x) - b


def bowl(x, a, b):
    return np.square(x - b).sum() + (x**4).sum() * a[0, 0] + np.sin(a @ x).sum() * 0.1


def solved(a, b):
    return optimize.root(coupled, np.zeros(2), (a, b)).x


def captured(a, b):
    return optimize.root(lambda x: coupled(x, a, b), np.zeros(2)).x


def lowest(a, b):
    found = optimize.minimize(bowl, np.zeros(2), (a, b), tol=1e-12)
    return found.x, found.fun


def fitted(a, b):
    x = np.linspace(0.0, 1.0, 5)
    return optimize.least_squares(lambda p: p[0] * np.exp(-p[1] * x) - b[0] * np.cos(a[0, 0] * x), np.ones(2)).x


def curve(a, b):
    x = np.linspace(0.0, 1.0, 5)
    return optimize.curve_fit(
        lambda x, p, q: p * np.exp(-q * x), x, b[0] * np.cos(a[0, 0] * x), p0=[1.0, 1.0], sigma=1.0 + x
    )


def resting(a, b):
    return optimize.fixed_point(lambda x: 0.3 * np.cos(a @ x) + b, np.zeros(2), xtol=1e-12)


SOLVERS = {"root": solved, "captured": captured, "minimize": lowest, "least_squares": fitted, "curve_fit": curve,
           "fixed_point": resting}  # fmt: skip


@pytest.mark.parametrize("name", SOLVERS)
def test_derivatives_to_second_order(name):
    f, b = SOLVERS[name], np.array([0.7, -0.4])
    found = pb.grad(lambda a, b: weighted(f(a, b)), argnums=(0, 1))(A / 2, b)
    along = sum((g.numpy() * x).sum() for g, x in zip(found, (A / 2, b), strict=True))

    def ray(s):
        return weighted(f(A / 2 * s, b * s))

    assert along == pytest.approx(pb.grad(ray)(1.0).item(), rel=1e-10)
    pb.testing.check_grads(ray, 1.0, order=2, rtol=1e-6)


def weighted(result):
    parts = result if isinstance(result, tuple) else (result,)
    return sum((y * np.cos(np.arange(float(y.size))).reshape(y.shape)).sum() for y in parts)


def test_the_third_order():
    def cube(a):
        return optimize.root(lambda x: x**3 - a, 1.0).x

    third = pb.grad(pb.grad(pb.grad(cube)))(8.0).item()
    assert third == pytest.approx((1 / 3) * (-2 / 3) * (-5 / 3) * 8 ** (-8 / 3), rel=1e-9)


@pytest.mark.parametrize("method", ["hybr", "lm", "krylov", "df-sane", "broyden1"])
def test_the_methods_of_root(method):
    b = np.array([0.7, -0.4])
    found = optimize.root(coupled, np.zeros(2), (A, b), method=method, tol=1e-10)
    assert found.success
    assert isinstance(found.x, pb.Tensor)
    np.testing.assert_allclose(coupled(found.x.numpy(), A, b), 0, atol=1e-8)
    gradient = pb.grad(lambda b: optimize.root(coupled, np.zeros(2), (A, b), method=method, tol=1e-10).x.sum())(b)
    np.testing.assert_allclose(gradient, pb.grad(lambda b: solved(A, b).sum())(b), rtol=1e-6)


@pytest.mark.parametrize(
    "method",
    [None, "BFGS", "CG", "L-BFGS-B", "TNC", "SLSQP", "Nelder-Mead", "Powell", "Newton-CG", "trust-ncg", "trust-exact",
     "trust-krylov", "dogleg"],
)  # fmt: skip
def test_the_methods_of_minimize(method):
    b = np.array([0.7, -0.4])

    def least(b):
        found = optimize.minimize(lambda x: np.square(x - b).sum() + (x**4).sum(), np.zeros(2), method=method, tol=1e-9)
        assert found.success
        return found.x

    np.testing.assert_allclose(pb.jacobian(least)(b), np.diag(2 / (2 + 12 * least(b).numpy() ** 2)), rtol=1e-4)


def test_a_variable_at_a_bound_stays_there():
    def least(b):
        return optimize.minimize(
            lambda x: np.square(x - b).sum() + 0.1 * x[0] * x[1], np.zeros(2), bounds=[(0, 1)] * 2
        ).x

    b = np.array([3.0, 0.5])
    np.testing.assert_allclose(least(b), [1.0, 0.45], atol=1e-6)
    np.testing.assert_allclose(pb.jacobian(least)(b), [[0, 0], [0, 1]], atol=1e-9)

    def fit(b):
        return optimize.least_squares(lambda x: x - b, np.array([0.5, 0.5]), bounds=(0, 1)).x

    np.testing.assert_allclose(pb.jacobian(fit)(b), [[0, 0], [0, 1]], atol=1e-7)


def test_a_shape_is_kept():
    found = optimize.root(lambda x: x**3 - np.full((2, 2), 8.0), np.ones((2, 2)))
    np.testing.assert_allclose(found.x, np.full((2, 2), 2.0))
    assert optimize.minimize(lambda x: np.square(x - 1.0).sum(), np.zeros((2, 1))).x.shape == (2, 1)


def test_what_is_given_is_used():
    asked = []

    def slope(x):
        asked.append(x)
        return np.diag(3 * np.asarray(x) ** 2)

    np.testing.assert_allclose(optimize.root(lambda x: x**3 - 8.0, np.ones(2), jac=slope).x, [2.0, 2.0])
    assert asked


def test_curve_fit_is_scipys():
    x = np.linspace(0.0, 1.0, 9)
    y = 2 * np.exp(-3 * x) + 0.01 * np.cos(40 * x)
    for options in ({}, {"sigma": 1 + x}, {"sigma": 1 + x, "absolute_sigma": True}):
        ours = optimize.curve_fit(lambda x, a, b: a * np.exp(-b * x), x, y, p0=[1.0, 1.0], **options)
        theirs = scipy.optimize.curve_fit(lambda x, a, b: a * np.exp(-b * x), x, y, p0=[1.0, 1.0], **options)
        for found, expected in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-5)
    with pytest.raises(pb.OptionError, match="fewer data than parameters"):
        optimize.curve_fit(lambda x, a, b: a + b * x, x[:1], y[:1], p0=[1.0, 1.0])


def test_a_non_solution_has_no_derivative():
    def nowhere(a):
        return optimize.root(lambda x: x * x + a, 1.0).x

    with pytest.raises(pb.ConvergenceError, match="stopped before a solution") as caught:
        pb.grad(nowhere)(1.0)
    assert {"message", "residual", "x"} <= set(caught.value.facts)
    assert not optimize.root(lambda x: x * x + 1.0, 1.0).success
    with pytest.raises(pb.ConvergenceError, match="it has not converged"):
        optimize.fixed_point(lambda x: x + 1.0, 0.0, maxiter=5, method="iteration")
    with pytest.raises(pb.ConvergenceError, match="steps"):
        pb.grad(lambda a: optimize.minimize(lambda x: (x - a) ** 4, 5.0, options={"maxiter": 1}).x)(1.0)


def test_a_solution_that_is_not_isolated_has_no_derivative():
    with pytest.raises(pb.LinAlgError, match="not isolated"):
        pb.jacobian(lambda a: optimize.root(lambda x: np.stack([x[0] + x[1], x[0] + x[1]]) - a, np.zeros(2)).x)(1.0)


def test_without_anything_tracked_it_is_a_constant():
    assert optimize.root(lambda x: x**3 - 8.0, 1.0).x.node is None
    weight = pb.tensor(8.0, requires_grad=True)
    found = optimize.root(lambda x: x**3 - weight, 1.0).x
    found.backward()
    assert weight.grad.item() == pytest.approx(1 / 12)


def test_what_a_solver_takes_for_a_solution_and_is_none():
    def valley(x, a):
        return np.stack([10 * (x[1] - x[0] ** 2), a - x[0]])

    loose = {"ftol": 0.9, "xtol": 0.9, "gtol": 0.9}
    with pytest.raises(pb.optimize.ConvergenceError, match="is no solution"):
        pb.jacobian(lambda a: optimize.least_squares(valley, np.array([-1.2, 1.0]), args=(a,), **loose).x)(1.0)
    given = scipy.optimize.least_squares(lambda x: valley(x, 1.0), [-1.2, 1.0], **loose).x
    kept = optimize.least_squares(valley, np.array([-1.2, 1.0]), args=(1.0,), **loose).x
    np.testing.assert_allclose(kept, given, rtol=1e-6)  # nothing is tracked: it is SciPy's
    for fun in (lambda x, a: -((x[0] - a) ** 2) - x[1] ** 2, lambda x, a: (x[0] - a) ** 2 - x[1] ** 2 + x[1] ** 4):
        with pytest.raises(pb.optimize.ConvergenceError, match="saddle or a maximum"):
            pb.jacobian(lambda a, fun=fun: optimize.minimize(fun, np.array([1.0, 0.0]), (a,)).x)(1.0)


@pytest.mark.parametrize("bounds", [(0, [3.0, 1.0, 0.5]), (-np.inf, 10.0), ([0.5, 0.2, 0.1], np.inf)])
def test_a_fit_begins_within_its_bounds(bounds):
    x = np.linspace(0, 4, 30)
    y = 2.5 * np.exp(-1.3 * x) + 0.5 + 0.1 * np.sin(40 * x)

    def f(x, a, b, c):
        return a * np.exp(-b * x) + c

    ours, _ = optimize.curve_fit(f, x, y, bounds=bounds)
    theirs, _ = scipy.optimize.curve_fit(f, x, y, bounds=bounds)
    np.testing.assert_allclose(ours.numpy(), theirs, rtol=1e-5)
