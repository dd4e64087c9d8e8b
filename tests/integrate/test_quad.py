"""`quad`: values of integrals, derivatives under the integral and by the bounds, and integrals that do not exist."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.integrate
import scipy.special

import pullback as pb
from pullback.integrate import quad
from pullback.integrate.quadrature import RULE


def test_the_rules_are_exact_for_polynomials():
    for power in range(24):
        exact = (1 - (-1) ** (power + 1)) / (power + 1)
        assert RULE[:, 1] @ RULE[:, 0] ** power == pytest.approx(exact, abs=1e-15)
        if power < 14:
            assert RULE[:, 2] @ RULE[:, 0] ** power == pytest.approx(exact, abs=1e-15)


WIDE = 2 / np.sqrt(1e-3) * np.arctan(1 / np.sqrt(1e-3))
INTEGRALS = [
    (np.cos, 0, 1.3, np.sin(1.3)), (lambda x: x**-0.5, 0, 1, 2.0), (np.log, 0, 1, -1.0),
    (lambda x: np.exp(-x * x), -np.inf, np.inf, np.sqrt(np.pi)), (lambda x: 1 / (1 + x * x), -np.inf, 0, np.pi / 2),
    (lambda x: np.exp(-x), 2, np.inf, np.exp(-2)), (np.cos, 1.3, 0, -np.sin(1.3)), (np.cos, 1, 1, 0.0),
    (lambda x: np.cos(50 * x), 0, 3, np.sin(150) / 50), (lambda x: 1 / (1e-3 + x * x), -1, 1, WIDE),
]  # fmt: skip


@pytest.mark.parametrize(("f", "a", "b", "exact"), INTEGRALS)
def test_values(f, a, b, exact):
    value, error = quad(f, a, b)
    assert value.item() == pytest.approx(exact, rel=1e-8, abs=1e-9)
    assert abs(value.item() - exact) <= error + 1e-7
    assert value.item() == pytest.approx(scipy.integrate.quad(f, a, b)[0], abs=1e-7)


def test_a_kink_is_named():
    for a, b in ((0, 1), (-np.inf, 1), (0, np.inf), (-np.inf, np.inf)):
        value = quad(lambda x: np.exp(-np.abs(x - 0.3)), a, b, points=[0.3])[0].item()
        low, high = max(a, -40), min(b, 40)
        assert value == pytest.approx(2 - np.exp(low - 0.3) - np.exp(0.3 - high), abs=1e-9)


def test_derivatives():
    pb.testing.check_grads(lambda a, b, k: quad(lambda x, k: np.sin(k * x * x), a, b, (k,))[0], 0.3, 1.2, 0.7, order=2,
                           rtol=1e-7)  # fmt: skip
    pb.testing.check_grads(lambda a, k: quad(lambda x: np.exp(-k * x) * np.cos(x), a, np.inf)[0], 0.3, 1.2, order=2,
                           rtol=1e-7)  # fmt: skip


def test_what_has_not_converged():
    for f in (lambda x: 1 / x, lambda x: np.cos(1e5 * x)):
        with pytest.raises(pb.ConvergenceError, match="the integral has not converged") as caught:
            quad(f, 0, 1, limit=20)
        assert {"value", "error", "intervals"} <= set(caught.value.facts)


@pytest.mark.parametrize("a", [0.5, 0.8, 2.5])
def test_a_derivative_may_be_more_singular_than_the_value(a):
    def f(a, x):
        return x ** (a - 1) * (1 - x) ** (a - 0.5)

    value = pb.grad(lambda a: pb.integrate.quad(lambda x: f(a, x), 0, 1)[0])
    exact = scipy.special.beta(a, a + 0.5)
    exact *= scipy.special.psi(a) + scipy.special.psi(a + 0.5) - 2 * scipy.special.psi(2 * a + 0.5)
    assert value(a).item() == pytest.approx(exact, rel=1e-6)


def test_a_function_of_one_number_is_called_with_each():
    assert quad(lambda x: 1.0 if x <= 0 else 0.0, -1, 1)[0] == pytest.approx(1.0, abs=1e-12)
    assert quad(lambda x: math.exp(-x * x), 0, 2)[0].item() == pytest.approx(math.sqrt(math.pi) / 2 * math.erf(2))
    assert pb.grad(lambda k: quad(lambda x: k * x if x > 0 else -k * x * x, -1, 1)[0])(2.0) == pytest.approx(1 / 6)
    with pytest.raises(pb.GraphError):  # the derivative by k would end in math.exp
        pb.grad(lambda k: quad(lambda x: math.exp(-k * x), 0, 1)[0])(2.0)
