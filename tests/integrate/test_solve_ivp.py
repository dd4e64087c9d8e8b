"""`solve_ivp`: SciPy's values; derivatives of steps, events and times, by both gradients; and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.integrate

import pullback as pb
from pullback.integrate import solve_ivp

Y0 = np.array([1.0, 0.3])
TIMES = np.array([0.0, 0.4, 1.1, 2.0])
EXACT = {"rtol": 1e-9, "atol": 1e-11}


def swing(t, y, k=1.3, c=0.2):
    return np.stack([y[1], -k * np.sin(y[0]) - c * y[1] + 0.1 * np.cos(t)])


def stiff(t, y, k=1.0):
    return np.stack([-200.0 * (y[0] - np.cos(t * k)), y[0] - y[1]])


@pytest.mark.parametrize("method", ["RK45", "RK23", "Radau"])
@pytest.mark.parametrize("span", [(0.0, 2.0), (2.0, 0.0)])
def test_values_are_scipys(method, span):
    times = TIMES if span[1] else TIMES[::-1]
    ours = solve_ivp(swing, span, Y0, method, times, rtol=1e-6, atol=1e-8)
    exact = scipy.integrate.solve_ivp(swing, span, Y0, "DOP853", times, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(ours.y, exact.y, rtol=2e-5, atol=2e-6)
    np.testing.assert_array_equal(ours.t, times)
    assert ours.success
    assert ours.status == 0


@pytest.mark.parametrize("method", ["RK45", "RK23"])
def test_steps_are_scipys(method):
    ours = solve_ivp(swing, (0.0, 2.0), Y0, method, dense_output=True)
    theirs = scipy.integrate.solve_ivp(swing, (0.0, 2.0), Y0, method, dense_output=True)
    np.testing.assert_allclose(ours.t, theirs.t, rtol=1e-10)
    np.testing.assert_allclose(ours.y, theirs.y, rtol=1e-10)
    assert ours.nfev == theirs.nfev
    times = np.linspace(0.0, 2.0, 9)
    np.testing.assert_allclose(ours.sol(times), theirs.sol(times), rtol=1e-10)
    np.testing.assert_allclose(ours.sol(0.7), theirs.sol(0.7), rtol=1e-10)


def test_a_stiff_equation_takes_few_steps():
    found = solve_ivp(stiff, (0.0, 2.0), [0.0, 0.0], "Radau")
    assert len(found.t) < 60 < len(solve_ivp(stiff, (0.0, 2.0), [0.0, 0.0], "RK45").t)
    exact = scipy.integrate.solve_ivp(stiff, (0.0, 2.0), [0.0, 0.0], "Radau", rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(found.y[:, -1], exact.y[:, -1], rtol=2e-3)


def at_the_end(method, gradient):
    def f(y0, k, c):
        found = solve_ivp(
            swing, (0.0, 1.0), y0, method, np.array([0.6, 1.0]), args=(k, c), gradient=gradient, rtol=1e-10, atol=1e-12
        )
        return (found.y * np.array([[1.0, 0.4], [-0.3, 0.7]])).sum()

    return f


@pytest.fixture(scope="module")
def truth():
    """Derivatives by the equations of variation of SciPy's, to second order in one parameter."""
    f = at_the_end("RK45", "discrete")
    return [x.numpy() for x in pb.grad(f, argnums=(0, 1, 2))(Y0, 1.3, 0.2)]


def test_the_derivative_of_steps_is_that_of_the_computation():
    # Steps of one length each, so that a small change of the arguments does not change them.
    def f(y0, k):
        found = solve_ivp(
            swing, (0.0, 0.5), y0, args=(k,), rtol=1e6, atol=1e6, first_step=0.125, max_step=0.125, dense_output=True
        )
        return found.y[:, -1].sum() + found.sol(0.3)[0]

    pb.testing.check_grads(f, Y0, 1.3, order=2)


def test_the_derivative_of_an_implicit_step():
    def f(y0, k):
        found = solve_ivp(
            stiff,
            (0.0, 0.2),
            y0,
            "Radau",
            args=(k,),
            rtol=1e6,
            atol=1e6,
            first_step=0.1,
            max_step=0.1,
            dense_output=True,
        )
        return found.y[:, -1].sum() + found.sol(0.03)[0]

    pb.testing.check_grads(f, Y0, 1.3, order=2, rtol=1e-7)


@pytest.mark.parametrize(("method", "gradient"), [("Radau", "discrete"), ("RK45", "adjoint"), ("Radau", "adjoint")])
def test_all_ways_agree(method, gradient, truth):
    exact = (1e-7, 1e-9) if method == "Radau" else (1e-10, 1e-12)
    options = {"rtol": exact[0], "atol": exact[1], "gradient": gradient}

    def f(y0, k, c):
        found = solve_ivp(swing, (0.0, 1.0), y0, method, np.array([0.6, 1.0]), args=(k, c), **options)
        return (found.y * np.array([[1.0, 0.4], [-0.3, 0.7]])).sum()

    for found, expected in zip(pb.grad(f, argnums=(0, 1, 2))(Y0, 1.3, 0.2), truth, strict=True):
        np.testing.assert_allclose(found, expected, rtol=2e-6, atol=1e-7)


def test_the_truth_is_that_of_the_equation_of_variation(truth):
    def varied(t, s):
        y, (dk0, dk1) = s[:2], s[2:]
        return [*swing(t, y), dk1, -1.3 * np.cos(y[0]) * dk0 - 0.2 * dk1 - np.sin(y[0])]

    exact = scipy.integrate.solve_ivp(varied, (0, 1), [*Y0, 0, 0], "DOP853", [0.6, 1.0], rtol=1e-12, atol=1e-13).y
    assert truth[1] == pytest.approx((exact[2:] * np.array([[1.0, 0.4], [-0.3, 0.7]])).sum(), rel=1e-8)


def test_both_modes_and_the_second_order_of_the_adjoint():
    def f(gradient):
        return lambda k: solve_ivp(swing, (0.0, 1.0), Y0, args=(k,), gradient=gradient, **EXACT).y[0, -1]

    discrete, adjoint = f("discrete"), f("adjoint")
    tangent = pb.jvp(adjoint, (1.3,), (1.0,))[1].item()
    assert tangent == pytest.approx(pb.grad(discrete)(1.3).item(), rel=1e-6)
    assert pb.grad(pb.grad(adjoint))(1.3).item() == pytest.approx(pb.grad(pb.grad(discrete))(1.3).item(), rel=1e-5)


def test_events():
    def crossing(t, y, *_):
        return y[0] - 0.5

    crossing.direction = -1

    def half(k):
        return solve_ivp(lambda t, y: -k * y, (0.0, 3.0), [1.0], events=crossing, **EXACT).t_events[0][0]

    assert half(2.0).item() == pytest.approx(np.log(2) / 2, rel=1e-8)
    assert pb.grad(half)(2.0).item() == pytest.approx(-np.log(2) / 4, rel=1e-6)
    assert pb.grad(pb.grad(half))(2.0).item() == pytest.approx(np.log(2) / 4, rel=1e-5)
    crossing.terminal = True
    found = solve_ivp(lambda t, y: -2.0 * y, (0.0, 3.0), [1.0], events=[crossing, lambda t, y: y[0] - 2.0], **EXACT)
    assert found.status == 1
    assert found.t[-1] == pytest.approx(np.log(2) / 2)
    np.testing.assert_allclose(found.y[:, -1], [0.5], rtol=1e-9)
    assert len(found.t_events[1]) == 0
    crossing.direction = 1
    assert len(solve_ivp(lambda t, y: -2.0 * y, (0.0, 3.0), [1.0], events=crossing).t_events[0]) == 0


def test_the_ends_have_derivatives():
    def f(t0, t1):
        return solve_ivp(lambda t, y: np.stack([t * y[0]]), (t0, t1), [1.0], **EXACT).y[0, -1]

    gradients = [g.item() for g in pb.grad(f, argnums=(0, 1))(0.5, 1.2)]
    y = np.exp((1.2**2 - 0.5**2) / 2)
    assert gradients == pytest.approx([-0.5 * y, 1.2 * y], rel=1e-7)


@pytest.mark.parametrize("gradient", ["discrete", "adjoint"])
@pytest.mark.parametrize("ends", [(0.5, 1.7), (1.7, 0.5)])
def test_derivatives_by_times(gradient, ends):
    """Of y' = −t y, which is exp((t0² − t²)/2): by the start t0 y, by the time −t y, by an end beyond the time 0."""

    def at(start, end, times):
        return solve_ivp(lambda t, y: -t * y, (start, end), [1.0], t_eval=times, gradient=gradient, **EXACT).y[0]

    times = np.linspace(*ends, 4)
    y = np.exp((ends[0] ** 2 - times**2) / 2)
    for asked in (slice(None), slice(1, 3)):
        t, weights = times[asked], np.arange(1.0, 5.0)[asked]
        found = pb.grad(lambda *a, w=weights: (w * at(*a)).sum(), argnums=(0, 1, 2))(*ends, t)
        expected = ends[0] * (weights * y[asked]).sum(), 0.0, -weights * t * y[asked]
        for own, true in zip(found, expected, strict=True):
            np.testing.assert_allclose(own, true, rtol=1e-6, atol=1e-6)  # what lies between steps is of order 4
    found = pb.grad(lambda a, b: at(a, b, None)[-1], argnums=(0, 1))(*ends)
    np.testing.assert_allclose(np.stack(found), [ends[0] * y[-1], -ends[1] * y[-1]], rtol=1e-6)


def test_what_lies_between_moving_ends_has_their_derivative():
    def solved(start, end):
        return solve_ivp(
            lambda t, y: -t * y, (start, end), [1.0], dense_output=True, events=lambda t, y: y[0] - 0.5, **EXACT
        )

    inside = pb.grad(lambda a, b: solved(a, b).sol(1.0)[0], argnums=(0, 1))(0.5, 1.7)
    np.testing.assert_allclose(np.stack(inside), [0.5 * np.exp(-0.375), 0.0], rtol=1e-5, atol=1e-6)
    when = pb.grad(lambda a, b: solved(a, b).t_events[0][0], argnums=(0, 1))(0.5, 1.7)
    np.testing.assert_allclose(np.stack(when), [0.5 / np.sqrt(0.25 + 2 * np.log(2)), 0.0], rtol=1e-5, atol=1e-6)


def test_the_adjoint_of_complex_values_by_the_end():
    def real(end, gradient):
        return pb.real(
            (1 + 2j) * solve_ivp(lambda t, y: 1j * t * y, (0.0, end), [0.7 + 0.2j], gradient=gradient).y[0, -1]
        )

    slope = ((1 + 2j) * (0.7 + 0.2j) * 1.3j * np.exp(0.845j)).real
    np.testing.assert_allclose(pb.grad(real)(1.3, "adjoint"), slope, rtol=1e-2)


def test_the_adjoint_refuses_a_second_derivative_by_times():
    def end(t):
        return solve_ivp(lambda t, y: -t * y, (0.0, t), [1.0], gradient="adjoint").y[0, -1]

    with pytest.raises(pb.NoGradientError, match="by times"):
        pb.grad(pb.grad(end))(1.0)


def test_what_is_refused():
    with pytest.raises(pb.ConvergenceError, match="too short") as caught:
        pb.grad(lambda k: solve_ivp(lambda t, y: k * y * y, (0.0, 3.0), [1.0]).y[0, -1])(1.0)
    assert 0.99 < caught.value.facts["reached"] < 1.01
    found = solve_ivp(lambda t, y: y * y, (0.0, 3.0), [1.0])
    assert not found.success
    assert found.status == -1
    k = pb.tensor(1.0, requires_grad=True)
    with pytest.raises(pb.NoGradientError, match="captured"):
        solve_ivp(lambda t, y: -k * y, (0.0, 1.0), [1.0], gradient="adjoint")
    for options in (
        {"method": "Euler"}, {"gradient": "none"}, {"t_span": (1.0, 1.0)}, {"t_eval": [0.5, 4.0]}, {"y0": [[1.0]]},
        {"gradient": "adjoint", "dense_output": True},
    ):  # fmt: skip
        with pytest.raises(pb.OptionError):
            solve_ivp(**({"fun": lambda t, y: -y, "t_span": (0.0, 1.0), "y0": [1.0]} | options))


def test_a_slope_that_is_no_number_has_no_derivative():
    def end(a):
        return pb.integrate.solve_ivp(lambda t, y: a * np.sqrt(y - 2), (0, 1), [1.0]).y[0, -1]

    with np.errstate(all="ignore"), pytest.raises(pb.ConvergenceError, match="too short"):
        pb.grad(end)(1.0)


def test_complex_values():
    def end(rate):
        y = pb.integrate.solve_ivp(lambda t, y: 1j * rate * y, (0, 1), [1.0 + 0j], rtol=1e-9, atol=1e-11).y[0, -1]
        return pb.real(y) + 2 * pb.imag(y)

    assert end(0.7).item() == pytest.approx(np.cos(0.7) + 2 * np.sin(0.7), rel=1e-7)
    assert pb.grad(end)(0.7).item() == pytest.approx(-np.sin(0.7) + 2 * np.cos(0.7), rel=1e-7)
