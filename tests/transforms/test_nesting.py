"""Transforms of transforms, in every mixture and order."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

import pullback as pb

FREQUENCY, X = 1.3, 0.7


@pb.custom_jvp
def sine_by_jvp(x):
    return pb.sin(x)


@sine_by_jvp.defjvp
def _(primals, tangents):
    return sine_by_jvp(primals[0]), pb.cos(primals[0]) * tangents[0]


@pb.custom_vjp
def sine_by_vjp(x):
    return pb.sin(x)


sine_by_vjp.defvjp(lambda x: (sine_by_vjp(x), x), lambda x, ct: (ct * pb.cos(x),))

FUNCTIONS = {
    "sin": pb.sin,
    "np.sin": np.sin,
    "custom_jvp": sine_by_jvp,
    "custom_vjp": sine_by_vjp,
    "checkpoint": pb.checkpoint(pb.sin),
}


def by_backward(f):
    """The derivative by a tape: a leaf inside, which outer transforms see through."""

    def derivative(x):
        leaf = pb.identity(x) if isinstance(x, pb.Tensor) else pb.tensor(float(x), requires_grad=True)
        return pb.gradients(f(leaf), [leaf], create_graph=True)[leaf]

    return derivative


ONCE = {  # each gives the derivative
    "grad": pb.grad,
    "value_and_grad": lambda f: lambda x: pb.value_and_grad(f)(x)[1],
    "vjp": lambda f: lambda x: pb.vjp(f, x)[1](1.0)[0],
    "jvp": lambda f: lambda x: pb.jvp(f, (x,), (1.0,))[1],
    "linearize": lambda f: lambda x: pb.linearize(f, x)[1](1.0),
    "forward jacobian": lambda f: pb.jacobian(f, mode="forward"),
    "reverse jacobian": lambda f: pb.jacobian(f, mode="reverse"),
    "checkpointed grad": lambda f: pb.checkpoint(pb.grad(f)),
    "grad of checkpoint": lambda f: pb.grad(pb.checkpoint(f)),
}
GRADIENTS = {**ONCE, "gradients": by_backward}
TWICE = {  # each gives the second
    "hessian": pb.hessian,
    "hvp": lambda f: lambda x: pb.hvp(f, (x,), (1.0,)),
}


def derivative(order, x=X):
    """Of sin(FREQUENCY x), for its argument."""
    return FREQUENCY**order * math.sin(FREQUENCY * x + order * math.pi / 2)


@pytest.mark.parametrize("second", GRADIENTS.values(), ids=GRADIENTS)
@pytest.mark.parametrize("first", GRADIENTS.values(), ids=GRADIENTS)
@pytest.mark.parametrize("sine", FUNCTIONS.values(), ids=FUNCTIONS)
def test_all_pairs(first, second, sine):
    found = second(first(lambda x: sine(FREQUENCY * x)))(X)
    assert found.item() == pytest.approx(derivative(2), rel=1e-12)


@pytest.mark.parametrize(("inner", "middle"), list(itertools.product(ONCE, ONCE)))
def test_all_triples(inner, middle):
    twice = ONCE[middle](ONCE[inner](lambda x: np.sin(FREQUENCY * x)))
    for outer in ONCE.values():
        assert outer(twice)(X).item() == pytest.approx(derivative(3), rel=1e-12)


@pytest.mark.parametrize("whole", TWICE.values(), ids=TWICE)
@pytest.mark.parametrize("part", [*ONCE.values(), *TWICE.values()], ids=[*ONCE, *TWICE])
def test_whole_second_derivatives_among_the_others(whole, part):
    order = 4 if part in TWICE.values() else 3

    def f(x):
        return pb.sin(FREQUENCY * x)

    assert whole(part(f))(X).item() == pytest.approx(derivative(order), rel=1e-12)
    assert part(whole(f))(X).item() == pytest.approx(derivative(order), rel=1e-12)


@pytest.mark.parametrize("name", ONCE)
def test_six_times(name):
    f = pb.sin
    for _ in range(6):
        f = ONCE[name](f)
    assert f(X).item() == pytest.approx(math.sin(X + 3 * math.pi), rel=1e-10)


@pytest.mark.parametrize("name", [*ONCE, "gradients"])
def test_backward_through_a_transform(name):
    x = pb.tensor(X, requires_grad=True)
    GRADIENTS[name](lambda x: pb.sin(FREQUENCY * x))(x).backward()
    assert x.grad.item() == pytest.approx(derivative(2), rel=1e-12)


@pytest.mark.parametrize("outer", ONCE)
def test_a_closure_over_the_outer_variable(outer):
    # d/dx [x · d/dy (x² y³) at y = x] = d/dx 3x⁵ = 15x⁴
    for inner in GRADIENTS.values():
        found = ONCE[outer](lambda x, inner=inner: x * inner(lambda y: x * x * y**3)(x))(2.0)
        assert found.item() == pytest.approx(15 * 16)


@pytest.mark.parametrize("outer", ONCE)
def test_transforms_inside_functions_of_arrays(outer):
    x = np.array([0.3, 0.8])

    def potential(x):
        return pb.sum(x**4)

    def f(s):
        y = pb.tensor(x) * s
        gradient = pb.grad(potential)(y)  # 4 s³ x³
        curvature = pb.hessian(potential)(y)  # diag 12 s² x²
        return (gradient @ curvature @ gradient).sum()

    expected = 8 * 192 * (x**8).sum()  # of 192 s⁸ Σ x⁸ at s = 1
    assert ONCE[outer](f)(1.0).item() == pytest.approx(expected)


def test_gradient_descent_on_a_gradient_descent():
    # A step on (w - a)²: w' = w - 2r(w - a). The outer loss (w' - b)² is differentiated in the rate r and in a.
    def inner(w, a, rate):
        return w - rate * pb.grad(lambda w: (w - a) ** 2)(w)

    def outer(rate, a):
        w = pb.tensor(3.0)
        for _ in range(3):
            w = inner(w, a, rate)
        return (w - 0.5) ** 2

    rate, a = pb.grad(outer, argnums=(0, 1))(0.1, 1.0)
    w = 1.0 + 2.0 * 0.8**3
    assert rate.item() == pytest.approx(2 * (w - 0.5) * 2.0 * 3 * 0.8**2 * -2)
    assert a.item() == pytest.approx(2 * (w - 0.5) * (1 - 0.8**3))


def test_an_implicit_function_by_fixed_point_iteration():
    def root(a):
        x = pb.tensor(1.0)
        for _ in range(30):
            x = x - (x * x - a) / pb.grad(lambda y: y * y - a)(x)
        return x

    for transform in ONCE.values():
        assert transform(root)(2.0).item() == pytest.approx(0.5 / math.sqrt(2))
    assert pb.grad(pb.grad(root))(2.0).item() == pytest.approx(-0.25 * 2**-1.5)


def test_modes_nested_in_transforms():
    def f(x):
        with pb.no_grad():
            slope = pb.grad(lambda y: y**3)(x)  # a constant here
        return slope * x

    assert pb.grad(f)(2.0).item() == 12.0
    with pb.no_grad():
        assert pb.grad(pb.grad(lambda x: x**3))(2.0).item() == 12.0


POINTS = np.linspace(0.1, 1.0, 6).reshape(2, 3)
INNER = {
    "grad": lambda w: np.sum(pb.grad(lambda x: np.sum(np.tanh(x @ w)))(POINTS) ** 2),
    "grad of grad": lambda w: np.sum(pb.grad(lambda x: pb.grad(lambda y: np.tanh(y @ w).sum())(x).sum())(POINTS) ** 2),
    "jvp": lambda w: np.sum(pb.jvp(lambda x: np.tanh(x @ w), (POINTS,), (POINTS,))[1] ** 2),
    "hessian": lambda w: np.sum(pb.hessian(lambda x: np.sum(np.tanh(x @ w)))(POINTS[0]) ** 2),
    "vmap": lambda w: np.sum(pb.vmap(pb.grad(lambda x: np.sum(np.tanh(x @ w))))(POINTS) ** 2),
}  # fmt: skip


@pytest.mark.parametrize("name", INNER)
def test_what_an_inner_transform_differentiated_in_keeps_no_graph(name):
    w = np.linspace(-1.0, 1.0, 3)
    value, gradient = pb.value_and_grad(INNER[name])(w)
    assert not value.requires_grad
    assert not gradient.requires_grad
    step = 1e-6 * np.eye(3)
    numeric = [(INNER[name](w + h) - INNER[name](w - h)).item() / 2e-6 for h in step]
    np.testing.assert_allclose(gradient.numpy(), numeric, rtol=1e-6, atol=1e-9)


def test_what_is_there_outside_still_learns():
    w = pb.tensor([1.0, 2.0], requires_grad=True)
    pb.grad(lambda x: np.sum(pb.grad(lambda y: np.sum(y**2 * x * w))(np.ones(2))))(np.ones(2)).sum().backward()
    assert w.grad.tolist() == [2.0, 2.0]
