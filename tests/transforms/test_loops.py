"""Loops and branches as functions: what they give, derivatives of both modes, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pullback as pb
from pullback.core.errors import DTypeError, OptionError, ShapeError

rng = np.random.default_rng(0)
W, XS = rng.normal(size=(3, 3)) * 0.5, rng.normal(size=(9, 3))


def recur(w, xs, **options):
    def step(h, x):
        h = np.tanh(h @ w + x)
        return h, (h * 2, {"sum": h.sum()})

    return pb.scan(step, np.zeros(3), xs, **options)


def total(w, xs, **options):
    carry, (ys, more) = recur(w, xs, **options)
    return (carry**2).sum() + (ys * xs).sum() + (more["sum"] ** 3).sum()


def by_hand(w, xs, *, reverse=False):
    h, out = np.zeros(3), []
    for x in xs[::-1] if reverse else xs:
        h = np.tanh(h @ w + x)
        out.append(h * 2)
    return h, np.stack(out[::-1] if reverse else out)


@pytest.mark.parametrize("checkpoint", [False, True])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("length", [1, 2, 4, 9])
def test_scan_is_the_loop_by_hand(reverse, checkpoint, length):
    carry, (ys, more) = recur(W, XS[:length], reverse=reverse, checkpoint=checkpoint)
    h, out = by_hand(W, XS[:length], reverse=reverse)
    np.testing.assert_array_equal(carry.numpy(), h)
    np.testing.assert_array_equal(ys.numpy(), out)
    assert more["sum"].shape == (length,)


@pytest.mark.parametrize("checkpoint", [False, True])
@pytest.mark.parametrize("reverse", [False, True])
def test_its_derivatives(reverse, checkpoint):
    def f(w, xs):
        return total(w, xs, reverse=reverse, checkpoint=checkpoint)

    pb.testing.check_grads(f, W, XS)
    pb.testing.check_grads(lambda w: pb.grad(f)(w, XS).sum(), W)
    tangent = np.ones_like(W)
    forward = pb.jvp(lambda w: f(w, XS), (W,), (tangent,))[1]
    np.testing.assert_allclose(forward.item(), (pb.grad(f)(W, XS) * tangent).sum().item(), rtol=1e-10)


def test_a_checkpointed_scan_keeps_few_nodes():
    def kept(checkpoint):
        w = pb.tensor(W, requires_grad=True)
        loss = (recur(w, np.ones((400, 3)), checkpoint=checkpoint)[0] ** 2).sum()
        seen, stack = set(), [loss.node]
        while stack:
            node = stack.pop()
            if id(node) not in seen:
                seen.add(id(node))
                stack += node.parents
        return len(seen)

    assert kept(checkpoint=True) * 6 < kept(checkpoint=False)


@given(st.integers(0, 12), st.booleans(), st.booleans())
def test_any_length(length, reverse, checkpoint):
    xs = {"a": np.arange(float(length)), "b": np.ones((length, 2))}

    def step(s, x):
        return s + x["a"] * x["b"].sum(), s

    carry, ys = pb.scan(step, 0.0, xs, reverse=reverse, checkpoint=checkpoint)
    assert float(carry) == sum(range(length)) * 2
    assert ys.shape == (length,)


def test_without_xs():
    carry, ys = pb.scan(lambda c, x: (c * 2, c if x is None else None), 1.0, length=5)
    assert (float(carry), ys.tolist()) == (32.0, [1.0, 2.0, 4.0, 8.0, 16.0])
    assert pb.scan(lambda c, _: (c + 1, None), 0, length=3)[1] is None


def test_what_a_scan_refuses():
    with pytest.raises(
        ShapeError, match=r"changes the shape of carry\['h'\]\[1\](.|\n)*given +\(3,\)(.|\n)*gave +\(4,\)"
    ):
        pb.scan(lambda c, _: ({"h": (c["h"][0], np.ones(4))}, None), {"h": (np.ones(2), np.ones(3))}, length=2)
    with pytest.raises(DTypeError, match="changes the dtype of carry"):
        pb.scan(lambda c, x: (c + x, None), np.zeros(2, np.float32), np.ones((3, 2)))
    with pytest.raises(ShapeError, match="changes the structure"):
        pb.scan(lambda c, _: ((c, c), None), np.zeros(2), length=2)
    with pytest.raises(ShapeError, match="must give a pair"):
        pb.scan(lambda c, _: c, 1.0, length=2)
    with pytest.raises(ShapeError, match="lengths differ"):
        pb.scan(lambda c, x: (c, x), 1.0, (np.ones(2), np.ones(3)))
    with pytest.raises(ShapeError, match="lengths differ"):
        pb.scan(lambda c, x: (c, x), 1.0, np.ones(2), 3)
    with pytest.raises(ShapeError, match="no first axis"):
        pb.scan(lambda c, x: (c, x), 1.0, np.float64(2))
    with pytest.raises(OptionError, match="how many steps"):
        pb.scan(lambda c, x: (c, x), 1.0)
    with pytest.raises(ShapeError, match="outputs of different structures"):
        pb.scan(lambda c, x: (c + 1, c if float(c) else (c, c)), 0.0, length=2)


def test_fori_loop():
    def power(x):
        return pb.fori_loop(0, 4, lambda i, y: y * (x + i), 1.0)

    assert float(power(1.0)) == 24.0
    pb.testing.check_grads(power, 1.5)
    assert pb.fori_loop(3, 3, lambda i, y: y * i, np.ones(2)).tolist() == [1.0, 1.0]
    with pytest.raises(ShapeError, match="fori_loop: a step changes the shape of carry"):
        pb.fori_loop(0, 2, lambda i, y: np.ones(i), np.ones(2))


def newton(x, **options):
    return pb.while_loop(lambda y: abs(y * y - x) > 1e-13, lambda y: (y + x / y) / 2, x, **options)


def test_while_loop():
    assert float(newton(9.0)) == 3.0
    np.testing.assert_allclose(pb.grad(newton)(9.0).item(), 1 / 6)
    np.testing.assert_allclose(pb.jvp(newton, (9.0,), (1.0,))[1].item(), 1 / 6)
    assert float(pb.while_loop(lambda x: x < 10, lambda x: x + 1, 0.0, max_steps=3)) == 3.0


def test_a_compiled_while_loop():
    bounded = pb.compile(pb.value_and_grad(lambda x: newton(x, max_steps=20)))
    for x in (2.0, 9.0, 16.0, 5.0):
        value, slope = bounded(pb.tensor(x))
        np.testing.assert_allclose([value.item(), slope.item()], [x**0.5, 0.5 * x**-0.5], rtol=1e-12)
    free = pb.compile(newton)
    for x in (2.0, 9.0, 16.0, 5.0):
        np.testing.assert_allclose(free(pb.tensor(x)).item(), x**0.5, rtol=1e-12)
    assert "depends on numbers" in str(free.explain())


def test_cond_and_switch():
    branches = [np.sin, np.exp, lambda x: x * x]
    for index, expected in ((-3, 0), (0, 0), (1, 1), (2, 2), (7, 2)):
        assert float(pb.switch(index, branches, 0.5)) == float(branches[expected](0.5))
    with pytest.raises(OptionError, match="no branches"):
        pb.switch(0, [])

    def f(x, i):
        return pb.cond(x.sum() > 0, lambda x: np.sqrt(x).sum(), lambda x: (x * 2).sum(), x) + pb.switch(
            i, [lambda x: x.sum(), lambda x: (x**2).sum(), lambda x: (x**3).sum()], x
        )

    step = pb.compile(pb.value_and_grad(f))
    for x in (np.array([1.0, 4.0]), np.array([-1.0, -4.0]), np.array([2.0, 2.0]), np.array([-3.0, 1.0])):
        for i in (0, 1, 2, 5):
            found, expected = step(x, np.array(i)), pb.value_and_grad(f)(pb.tensor(x), pb.tensor(i))
            np.testing.assert_allclose(found[0].numpy(), expected[0].numpy())
            np.testing.assert_allclose(found[1].numpy(), expected[1].numpy())


def test_compiled_branches_must_agree():
    two = pb.compile(lambda x: pb.cond(x.sum() > 0, lambda x: x, lambda x: x[:1], x))
    with pytest.raises(ShapeError, match="branches give different arrays at result"):
        two(np.ones(2))
    trees = pb.compile(lambda x: pb.cond(x.sum() > 0, lambda x: (x, x), lambda x: x, x))
    with pytest.raises(ShapeError, match="different structures"):
        trees(np.ones(2))


def test_map():
    found = pb.map(lambda x: {"y": (x * x).sum()}, XS)
    np.testing.assert_allclose(found["y"].numpy(), (XS * XS).sum(1))
    pb.testing.check_grads(lambda xs: (pb.map(np.tanh, xs) ** 2).sum(), XS)


@pytest.mark.parametrize("checkpoint", [False, True])
@pytest.mark.parametrize("reverse", [False, True])
def test_a_compiled_scan_is_a_loop(reverse, checkpoint):
    def f(w, xs):
        return total(w, xs, reverse=reverse, checkpoint=checkpoint)

    xs = rng.normal(size=(40, 3))
    step = pb.compile(pb.value_and_grad(f, argnums=(0, 1)))
    for _ in range(4):
        found = step(W, xs)
    expected = pb.value_and_grad(f, argnums=(0, 1))(W, xs)
    np.testing.assert_allclose(found[0].numpy(), expected[0].numpy(), rtol=1e-12)
    for a, b in zip(found[1], expected[1], strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-9, atol=1e-12)
    assert len(step.stages["roll"].equations) < 100


def memory(step):
    """Bytes that a compiled function takes besides what it is given and gives."""
    (executable,) = step._most_used("memory").executables
    return executable.plan.arena


def compiled_gradient(f, *args):
    step = pb.compile(pb.value_and_grad(f, argnums=tuple(range(len(args)))))
    for _ in range(3):
        value, gradients = step(*args)
    expected = pb.value_and_grad(f, argnums=tuple(range(len(args))))(*args)
    for a, b in zip((value, *gradients), (expected[0], *expected[1]), strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-9, atol=1e-12)
    return step


@pytest.mark.parametrize("reverse", [False, True])
def test_a_compiled_checkpointed_scan_takes_little_memory(reverse):
    pytest.importorskip("llvmlite", reason="native code is made through llvmlite")

    def f(checkpoint):
        def step(s, x):
            for k in range(1, 3):
                s = np.tanh(s * x + k) + np.sin(s * k) * 0.1
            return s, s.sum()

        def loss(s, xs):
            s, ys = pb.scan(step, s, xs, reverse=reverse, checkpoint=checkpoint)
            return (s * s).sum() + (ys * ys).sum()

        return loss

    few, many = np.ones(64), np.ones(256)
    plain, small, twice = (
        memory(compiled_gradient(f(checkpoint), np.ones(50), xs))
        for checkpoint, xs in ((False, many), (True, few), (True, many))
    )
    assert twice * 5 < plain
    assert twice < 2.5 * small  # four times the steps, twice the memory


def test_a_compiled_checkpointed_scan_that_draws_draws_once():
    g = np.random.default_rng(5)

    def loss(s):
        return pb.scan(lambda s, _: (np.sin(s) + pb.random.normal(size=3, rng=g), None), s, length=30, checkpoint=True)[
            0
        ].sum()

    step, other = pb.compile(pb.value_and_grad(loss)), np.random.default_rng(5)
    for _ in range(4):
        value, gradient = step(np.ones(3))
        s, slope = np.ones(3), np.ones(3)
        for _ in range(30):
            slope = slope * np.cos(s)
            s = np.sin(s) + other.normal(size=3)
        np.testing.assert_allclose(value.numpy(), s.sum(), rtol=1e-10)
        np.testing.assert_allclose(gradient.numpy(), slope, rtol=1e-9)
