"""Programs that Hypothesis writes: NumPy's values, derivatives on which all modes agree, writing in place or not."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

import pullback as pb

# One instruction: a function of values, of which some have shape (2, 3) and others what came of them.
UNARY = {
    "sin": np.sin, "tanh": np.tanh, "bell": lambda x: np.exp(-x * x), "root": lambda x: np.sqrt(x * x + 0.5),
    "logistic": lambda x: 1 / (1 + np.exp(-x)), "log": lambda x: np.log1p(x * x),
    "mean": lambda x: x - np.mean(x, axis=-1, keepdims=True), "flip": lambda x: np.flip(x, axis=-1),
    "cumsum": lambda x: np.cumsum(x, axis=-1), "select": lambda x: np.where(x > 0.1, x * x, -x),
    "masked root": lambda x: np.where(x > 0, np.sqrt(np.where(x > 0, x, 1)), x), "take": lambda x: x[..., [1, 0, 1]],
    "roll": lambda x: np.roll(x, 1, axis=-1), "scale": lambda x: x / (1 + np.abs(x)),
    "rows": lambda x: np.tril(x) if x.ndim > 1 else 2 * x, "norm": lambda x: x / (1 + np.linalg.norm(x)),
    "joined": lambda x: np.concatenate([x[..., 1:], x[..., :1]], axis=-1),
}  # fmt: skip
BINARY = {
    "add": lambda a, b: a + b, "subtract": lambda a, b: a - 0.5 * b, "multiply": lambda a, b: a * b,
    "divide": lambda a, b: a / (2 + np.cos(b)), "maximum": np.maximum,
    "power": lambda a, b: (1.5 + np.sin(a)) ** np.cos(b),
    "product": lambda a, b: np.tanh(a @ b.T @ a) if a.ndim == b.ndim == 2 else a * b.sum(),
    "outer": lambda a, b: a + b.mean() * b, "einsum": lambda a, b: np.einsum("...i,...i->...", a, b)[..., None] * a,
}  # fmt: skip
IN_PLACE = {
    "+=": lambda a, b: a.__iadd__(b), "-=": lambda a, b: a.__isub__(np.sin(b)),
    "*=": lambda a, b: a.__imul__(np.cos(b)), "/=": lambda a, b: a.__itruediv__(2 + np.sin(b)),
    "[0] =": lambda a, b: assigned(a, (..., 0), b[..., 1] * 2),
    "[:2] =": lambda a, b: assigned(a, (..., slice(0, 2)), np.tanh(b[..., 1:])),
    "[mask] =": lambda a, b: assigned(a, MASK, 0.25),
    "[list] =": lambda a, b: assigned(a, (..., [2, 0]), b[..., [1, 1]]),
}  # fmt: skip
MASK = np.array([True, False, True])


def assigned(a, index, value):
    a[(..., MASK) if index is MASK else index] = value
    return a


def own(value):
    """A value that shares no memory: views of NumPy's alias, those of tensors never do."""
    return value.copy() if isinstance(value, np.ndarray) else value


@st.composite
def programs(draw):
    steps = []
    for _ in range(draw(st.integers(1, 8))):
        table = draw(st.sampled_from((UNARY, BINARY, IN_PLACE)))
        steps.append((draw(st.sampled_from(sorted(table))), draw(st.integers(0, 9)), draw(st.integers(0, 9))))
    return steps


def run(program, x, y, *, functional=False):
    """The sum of all values of a program, weighted so that none cancels another."""
    values = [x, y]
    for name, i, j in program:
        a, b = values[i % len(values)], values[j % len(values)]
        if name in UNARY:
            values.append(own(UNARY[name](a)))
        elif name in BINARY:
            values.append(own(BINARY[name](a, b)))
        else:
            other = own(b if b.ndim <= a.ndim else b[0])
            if a is x or a is y:  # leaves, which are guarded
                values.append(IN_PLACE[name](a.copy(), other))
            else:
                values[i % len(values)] = IN_PLACE[name](a.copy() if functional else a, other)
    return sum((0.7 + 0.1 * k) * np.sum(value * value) for k, value in enumerate(values))


X, Y = np.array([[0.31, -0.73, 0.52], [-0.44, 0.9, 0.15]]), np.array([0.66, -0.27, 0.81])
DX, DY = np.array([[0.5, -0.3, 0.2], [0.4, 0.7, -0.6]]), np.array([-0.2, 0.9, 0.35])
WIDTH = 1e-4


def far_from_kinks(program):
    """Whether differences settle: no kink (maximum, where, abs) is within reach."""
    rough = [along(program, step) for step in (WIDTH, WIDTH / 2)]
    return np.isclose(*rough, rtol=1e-5, atol=1e-7)


def along(program, step):
    """The derivative along (DX, DY), by differences of the fourth order."""

    def at(k):
        return run(program, X + k * step * DX, Y + k * step * DY)

    return (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * step)


@given(programs())
def test_values_are_numpy_s(program):
    expected = run(program, X.copy(), Y.copy())
    assert np.allclose(run(program, pb.tensor(X), pb.tensor(Y)).item(), expected, rtol=1e-12)
    assert np.allclose(
        run(program, pb.tensor(X, requires_grad=True), pb.tensor(Y, requires_grad=True)).item(), expected, rtol=1e-12
    )


@given(programs())
def test_reverse_forward_and_differences_agree(program):
    gx, gy = pb.grad(lambda x, y: run(program, x, y), argnums=(0, 1))(X, Y)
    reverse = float((gx.numpy() * DX).sum() + (gy.numpy() * DY).sum())
    _, tangent = pb.jvp(lambda x, y: run(program, x, y), (X, Y), (DX, DY))
    assert np.isclose(reverse, tangent.item(), rtol=1e-9, atol=1e-12)
    if far_from_kinks(program):
        assert np.isclose(reverse, along(program, WIDTH), rtol=1e-5, atol=1e-6)


@given(programs())
def test_in_place_is_as_functional(program):
    found = pb.value_and_grad(lambda x, y: run(program, x, y), argnums=(0, 1))(X, Y)
    value, gradients = pb.value_and_grad(lambda x, y: run(program, x, y, functional=True), argnums=(0, 1))(X, Y)
    assert found[0].item() == value.item()
    for ours, theirs in zip(found[1], gradients, strict=True):
        assert np.allclose(ours.numpy(), theirs.numpy(), rtol=1e-12, atol=1e-14)


@given(programs())
def test_second_derivatives_agree_in_all_four_nestings(program):
    def f(x):
        return run(program, x, pb.tensor(Y))

    def reverse(x):
        return (pb.grad(f)(x) * DX).sum()

    def forward(x):
        return pb.jvp(f, (x,), (DX,))[1]

    found = [transform(first) for first in (reverse, forward) for transform in (
        lambda g: float((pb.grad(g)(X).numpy() * DX).sum()), lambda g: pb.jvp(g, (X,), (DX,))[1].item(),
    )]  # fmt: skip
    assert np.allclose(found, found[0], rtol=1e-7, atol=1e-9)
    assert np.isclose((pb.hvp(f, (X,), (DX,)).numpy() * DX).sum(), found[0], rtol=1e-7, atol=1e-9)


@given(programs())
def test_backward_gradients_and_checkpoint_agree_with_grad(program):
    expected = pb.grad(lambda x, y: run(program, x, y), argnums=(0, 1))(X, Y)
    x, y = pb.tensor(X, requires_grad=True), pb.tensor(Y, requires_grad=True)
    by_walk = pb.gradients(run(program, x, y), [x, y])
    run(program, x, y).backward()
    checkpointed = pb.grad(pb.checkpoint(lambda x, y: run(program, x, y)), argnums=(0, 1))(X, Y)
    for found in ([by_walk[x], by_walk[y]], [x.grad, y.grad], checkpointed):
        for ours, theirs in zip(found, expected, strict=True):
            assert np.allclose(ours.numpy(), theirs.numpy(), rtol=1e-12, atol=1e-14)
