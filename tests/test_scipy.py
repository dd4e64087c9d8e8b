"""SciPy's optimizers and solvers take functions and derivatives of Pullback's as they are."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import integrate, optimize

import pullback as pb

ROOT = Path(__file__).resolve().parent.parent
SPLIT = 7  # packages of the page's first table
ONE = pytest.approx(np.ones(3), abs=1e-4)


def bowl(w):
    return pb.sum(pb.square(w - 1))


def circle_and_line(x):
    return pb.stack([x[0] + 2 * x[1] - 2, x[0] ** 2 + x[1] ** 2 - 1])


def residuals(x):
    return x * np.array([1.0, 2.0, 3.0]) - 2.0


def decay(x, a, b):
    return a * np.exp(-b * x)


@pytest.mark.parametrize("method", ["BFGS", "L-BFGS-B", "CG", "Newton-CG", "SLSQP", "TNC", "trust-constr"])
def test_minimize_with_a_gradient(method):
    assert optimize.minimize(bowl, np.zeros(3), jac=pb.grad(bowl), method=method).x == ONE


@pytest.mark.parametrize("method", ["Newton-CG", "trust-ncg", "trust-krylov", "trust-exact", "dogleg", "trust-constr"])
def test_minimize_with_a_hessian(method):
    found = optimize.minimize(bowl, np.zeros(3), jac=pb.grad(bowl), hess=pb.hessian(bowl), method=method)
    assert found.x == ONE


@pytest.mark.parametrize("method", ["Newton-CG", "trust-ncg", "trust-krylov", "trust-constr"])
def test_minimize_with_hessian_products(method):
    found = optimize.minimize(
        bowl, np.zeros(3), jac=pb.grad(bowl), hessp=lambda x, p: pb.hvp(bowl, (x,), (p,)), method=method
    )
    assert np.asarray(found.x) == ONE


def test_minimize_with_both_at_once_and_compiled():
    for both in (pb.value_and_grad(bowl), pb.compile(pb.value_and_grad(bowl))):
        assert optimize.minimize(both, np.zeros(3), jac=True).x == ONE


def test_constraints():
    def length(x):
        return pb.sum(x * x)

    inside = optimize.NonlinearConstraint(
        length, 0, 1, jac=pb.grad(length), hess=lambda x, v: pb.hessian(length)(x) * v[0]
    )
    found = optimize.minimize(bowl, np.zeros(3), jac=pb.grad(bowl), method="trust-constr", constraints=inside)
    assert found.x == pytest.approx(np.full(3, 3**-0.5), abs=1e-3)
    inside = {"type": "ineq", "fun": lambda x: 1 - length(x), "jac": pb.grad(lambda x: 1 - length(x))}
    found = optimize.minimize(bowl, np.zeros(3), jac=pb.grad(bowl), method="SLSQP", constraints=inside)
    assert found.x == pytest.approx(np.full(3, 3**-0.5), abs=1e-4)


@pytest.mark.parametrize("method", ["hybr", "lm"])
def test_root(method):
    found = optimize.root(circle_and_line, np.array([0.5, 0.5]), jac=pb.jacobian(circle_and_line), method=method)
    assert found.x == pytest.approx([0.8, 0.6])


@pytest.mark.parametrize("method", ["trf", "dogbox", "lm"])
def test_least_squares(method):
    found = optimize.least_squares(residuals, np.zeros(3), jac=pb.jacobian(residuals), method=method)
    assert found.x == pytest.approx([2.0, 1.0, 2 / 3])


def test_curve_fit():
    x = np.linspace(0, 1, 20)
    found, _ = optimize.curve_fit(
        decay, x, decay(x, 2.0, 3.0), p0=[1.0, 1.0],
        jac=lambda x, a, b: np.stack(pb.jacobian(decay, argnums=(1, 2))(x, a, b), axis=-1),
    )  # fmt: skip
    assert found == pytest.approx([2.0, 3.0])


def test_roots_of_one_variable():
    def f(x):
        return pb.cos(x) - x

    root = 0.7390851332151607
    assert optimize.newton(f, 0.5, fprime=pb.grad(f), fprime2=pb.grad(pb.grad(f))).item() == pytest.approx(root)
    assert optimize.brentq(f, 0, 1) == pytest.approx(root)
    assert optimize.root_scalar(f, x0=0.5, fprime=pb.grad(f)).root.item() == pytest.approx(root)


def test_a_jacobian_of_a_stiff_equation():
    def f(y):
        return -50 * (y - pb.cos(y))

    found = integrate.solve_ivp(
        lambda t, y: f(y), (0, 1), np.zeros(2), jac=lambda t, y: pb.jacobian(f)(y), method="BDF"
    )
    assert found.y[:, -1] == pytest.approx([0.7390851332151607] * 2, rel=1e-2)


def test_an_array_is_updated_in_place_by_a_gradient():
    w = np.zeros(3)
    w -= 0.1 * pb.grad(bowl)(w)
    assert w == pytest.approx(np.full(3, 0.2))
    target = np.zeros(3)
    assert np.multiply(pb.tensor(w), 2.0, out=target) is target
    assert target == pytest.approx(np.full(3, 0.4))
    with pytest.raises(pb.GraphError, match="would drop its gradient"):
        np.multiply(pb.tensor(w, requires_grad=True), 2.0, out=target)


@pytest.mark.long
def test_the_list_of_what_differentiates_through_a_tensor():
    ran = subprocess.run(
        [sys.executable, "-m", "tests.scipy_functions"], cwd=ROOT, capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    through, refused = (part.split() for part in ran.stdout.split(" - "))
    page = (ROOT / "docs" / "how-to" / "scipy-arrays.md").read_text(encoding="utf-8")
    rows = [re.findall(r"`([\w.]+)`", line) for line in page.splitlines() if line.startswith("| `scipy.")]
    said = [{f"{package.removeprefix('scipy.')}.{name}" for package, *names in half for name in names
             if not name.startswith("pb.")}
            for half in (rows[:SPLIT], rows[SPLIT:])]  # fmt: skip
    assert said == [set(through), set(refused)]
