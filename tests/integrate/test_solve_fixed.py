"""`solve_fixed`: its orders, derivatives, batches, one compiled loop, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest

import pullback as pb
from pullback.integrate import solve_fixed

TIMES = np.linspace(0.0, 1.0, 9)


def swing(t, y, k=1.3):
    return np.stack([y[1], -k * np.sin(y[0]) - 0.2 * y[1] + 0.1 * np.cos(t)])


@pytest.mark.parametrize(("method", "order"), [("Euler", 1), ("midpoint", 2), ("RK4", 4)])
def test_errors_fall_with_the_order_of_the_method(method, order):
    def error(n):  # y' = t y, y(1) = e^(1/2)
        found = solve_fixed(lambda t, y: t * y, np.linspace(0.0, 1.0, n + 1), 1.0, method)
        assert found.shape == (n + 1,)
        return abs(found[-1].item() - np.exp(0.5))

    assert np.log2(error(40) / error(80)) == pytest.approx(order, abs=0.1)


def test_values_are_those_of_the_adaptive_solver_backwards_too():
    for times in (np.linspace(0.0, 1.0, 61), np.linspace(1.0, 0.0, 61)):
        found = solve_fixed(swing, times, [1.0, 0.3])
        ends = (times[0], times[-1])
        exact = pb.integrate.solve_ivp(swing, ends, [1.0, 0.3], t_eval=times[::20], rtol=1e-9, atol=1e-10)
        np.testing.assert_allclose(found[::20].numpy().T, exact.y.numpy(), rtol=1e-7)


@pytest.mark.parametrize("method", ["Euler", "midpoint", "RK4"])
def test_it_differentiates_in_all_that_it_is_given(method):
    def f(y0, k, t):
        return solve_fixed(swing, t, y0, method, (k,)).sum()

    pb.testing.check_grads(f, np.array([1.0, 0.3]), 1.3, TIMES[:3], order=2 if method == "midpoint" else 1)


def test_with_checkpoints_the_gradient_is_the_same():
    def gradient(**how):
        return pb.grad(lambda k: solve_fixed(swing, TIMES, [1.0, 0.3], args=(k,), **how)[-1].sum())(1.3).item()

    assert gradient(checkpoint=True) == pytest.approx(gradient(), rel=1e-13)


def test_many_at_once_and_dtypes():
    starts = np.array([[1.0, 0.3], [0.2, -0.5], [2.0, 0.0]])
    found = pb.vmap(lambda y: solve_fixed(swing, TIMES, y))(starts)
    np.testing.assert_allclose(found.numpy(), [solve_fixed(swing, TIMES, y).numpy() for y in starts], rtol=1e-13)
    assert solve_fixed(swing, TIMES, np.float32([1.0, 0.3])).dtype == np.float32
    turned = solve_fixed(lambda t, y: 1j * y, np.linspace(0.0, 1.0, 41), np.array([1.0 + 0j]))
    np.testing.assert_allclose(turned[-1].numpy(), np.exp([1j]), rtol=1e-7)
    assert solve_fixed(swing, [0.5], [1.0, 0.3]).shape == (1, 2)


def test_compiled_it_is_one_loop_forward_and_one_back():
    f = pb.compile(
        pb.value_and_grad(lambda k: solve_fixed(swing, np.linspace(0.0, 1.0, 17), [1.0, 0.3], "Euler", (k,)).sum())
    )
    for _ in range(3):
        value, slope = f(pb.tensor(1.3))
    eager = pb.value_and_grad(lambda k: solve_fixed(swing, np.linspace(0.0, 1.0, 17), [1.0, 0.3], "Euler", (k,)).sum())
    np.testing.assert_allclose([value.item(), slope.item()], [x.item() for x in eager(1.3)], rtol=1e-12)
    assert len([line for line in f.explain().split("\n") if "repeat" in line]) == 2


def test_what_it_refuses():
    with pytest.raises(pb.OptionError, match="unknown method"):
        solve_fixed(swing, TIMES, [1.0, 0.3], "RK45")
    for times in (1.0, np.zeros((2, 2)), []):
        with pytest.raises(pb.OptionError, match="times are a vector"):
            solve_fixed(swing, times, [1.0, 0.3])
    with pytest.raises(pb.ShapeError, match="changes the shape"):
        solve_fixed(lambda t, y: np.ones(3), TIMES, 1.0)
