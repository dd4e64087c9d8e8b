"""What moves elements runs in loops: as they are read, or as they are stored, and never as a kernel of NumPy's."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("llvmlite", reason="native code is made through llvmlite")

from hypothesis import given
from hypothesis import strategies as st
from tests.compiler.test_native import arrays, assert_same, compiled

import pullback as pb

RNG = np.random.default_rng(11)
X, V = RNG.standard_normal((7, 11, 13)), RNG.standard_normal(1003)
I = RNG.integers(-7, 7, (5, 6))
BYTES = RNG.integers(0, 256, (2, 9, 40)).astype(np.uint8)
WILD = np.array([1.5, -2.7, np.nan, np.inf, -1e30, 3e9, 2.0**31 - 1, 2.0**63] * 5)


def leapfrog(x):
    """A stencil, as it stands in solvers."""
    return pb.roll(x, 1, 0) + pb.roll(x, -1, 0) - 2 * x


CASES = {
    "pad": (lambda x: pb.pad(x, ((1, 2), (0, 0), (3, 1))) * 2 + 1, X),
    "pad of what is made in loops": (lambda v: pb.pad(pb.exp(v), 2), V),
    "pad of a pad": (lambda v: pb.pad(pb.pad(v, 2)[1:], 3), V),
    "pad with a number": (lambda v: pb.pad(v, 2, constant_values=7.0), V),
    "pad with edges": (lambda x: pb.pad(x, 1, mode="edge"), X),
    "pad that is summed": (lambda x: pb.pad(x, 1).sum(axis=1), X),
    "pad that is multiplied": (lambda x: pb.pad(x[0], 1) @ pb.pad(x[1], 1).T, X),
    "differences": (pb.value_and_grad(lambda v: ((v[1:] - v[:-1]) ** 2).sum()), V),
    "differences of columns": (pb.value_and_grad(lambda x: ((x[:, 1:] - x[:, :-1]) ** 2).sum()), X),
    "steps": (pb.value_and_grad(lambda x: ((x[::2, 1::3] * x[::2, ::3][:, :4]) ** 2).sum() + x[3, 4, 5] ** 2), X),
    "a new axis": (pb.value_and_grad(lambda x: (x[:, None, ::-2, 3] ** 2).sum()), X),
    "triangles of a vector": (lambda v: (pb.tril(v[:9]), pb.triu(v[:7] * 2, -1)), V),
    "triangles": (lambda x: (pb.tril(x) + pb.triu(x * 2, 1), pb.tril(x[0], -2) @ x[0].T), X),
    "a triangle of a row": (lambda x: pb.tril(x[:1]) * 2, X),
    "roll": (leapfrog, X),
    "gradient of a roll": (pb.value_and_grad(lambda v: (pb.roll(v, 5) * pb.exp(v)).sum()), V),
    "roll of two axes": (lambda x: pb.roll(x, (1, 2), (0, 2)), X),
    "concatenate": (lambda x: pb.concatenate([x, pb.exp(x), x[:2]], 0) * 2, X),
    "gradient of concatenate": (pb.value_and_grad(lambda x: (pb.concatenate([x, pb.exp(x)], 2) ** 2).sum()), X),
    "concatenate two precisions": (lambda x: pb.concatenate([x.astype(np.float32), x]), X),
    "concatenate an array with itself": (lambda x: pb.concatenate([x, x], 1), X),
    "stack": (pb.value_and_grad(lambda x: (pb.stack([x[0], pb.exp(x[1]), x[2]], 1) ** 2).sum()), X),
    "stack of numbers": (lambda v: pb.stack([v[0], v.sum(), v[3] * 2]), V),
    "assigned to slices": (lambda x: pb.setitem(x, (slice(1, -1), slice(None), 3), x[1:6, :, 0] * 2), X),
    "assigned with steps": (lambda x: pb.setitem(pb.exp(x), (slice(None, None, 2), 2), 5.0), X),
    "gradient of an assignment": (
        pb.value_and_grad(
            lambda x: (pb.setitem(x, (slice(1, None, 2), slice(None, None, -1)), x[:3]) ** 2).sum()
        ), X,
    ),
    "guards of two axes": (lambda x: pb.pad(x[0, :-1, :-1], 1)[1:, 2:] + pb.pad(x[0, 1:, 1:], 1)[1:, :-2], X),
    "windows added up": (lambda x: pb.fold(pb.unfold(x[:, None], 2), (11, 13), 2), X),
    "split": (lambda x: [part * 2 for part in pb.split(x, [3, 5], 1)], X),
    "running sums": (lambda x: [pb.cumsum(x, axis) for axis in (0, 1, 2, None)], X),
    "gradient of running sums": (pb.value_and_grad(lambda v: (pb.cumsum(pb.exp(v)) ** 2).sum() / 1e6), V),
    "running sums of integers": (lambda i: (pb.cumsum(i > 0, 0), pb.cumsum(i, 1)), I),
    "running sums of one": (lambda x: pb.cumsum(x[:, :1], 1) + pb.cumsum(x[:1] > 0, 0), X),
    "places of extremes": (
        lambda x: [f(x, axis, keepdims=k) for f in (pb.argmax, pb.argmin) for axis in (0, 1, 2, None) for k in (0, 1)],
        np.round(X),
    ),
    "places of NaN": (lambda x: (pb.argmax(x, 1), pb.argmin(x), pb.argmax(x > 0, 2)), np.where(X > 1, np.nan, X)),
    "numbers without signs": (
        lambda b: (b[0] > b[1], b[0] <= b[1], pb.maximum(*b), pb.minimum(*b), pb.clip(b[0], 3, 200), b[0] > 128), BYTES,
    ),
    "whole quotients": (lambda i: (i // 4, i % 5, 7 // i, 7 % i, i // -1), np.where(I == 0, 3, I)),
    "casts to integers": (lambda z: (pb.astype(z, np.int64), pb.astype(z, np.int32)), WILD),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", CASES)
def test_movement_is_native_and_right(name):
    f, x = CASES[name]
    assert_same(compiled(f, x), arrays(f(x)))
    step = pb.compile(f)
    step.prepare(x)
    step(x)
    assert "NumPy  " not in step.explain()


def test_a_stencil_is_one_loop():
    step = pb.compile(leapfrog)
    step.prepare(X)
    step(X)
    assert step.explain().count("loops  ") == 1


def test_parts_are_stored_where_they_are_wanted():
    step = pb.compile(lambda x: pb.concatenate([pb.sin(x), pb.exp(x)]))
    step.prepare(V)
    step(V)
    assert "an arena of 0 B" in step.explain()


def test_the_sign_of_zero_survives():
    x = np.array([-0.0, 0.0, -0.0, -1.0])
    for f in (lambda x: pb.roll(x, 1), lambda x: pb.setitem(x, slice(1, 2), -0.0), lambda x: pb.concatenate([x, -x])):
        assert_same([np.signbit(y) for y in compiled(f, x)], [np.signbit(y) for y in arrays(f(x))])


@given(st.data())
def test_chains_of_movement(data):
    shape = tuple(data.draw(st.lists(st.integers(1, 19), min_size=2, max_size=3)))
    x = RNG.standard_normal(shape)

    def chosen(y):
        n, axis = y.shape[-1], data.draw(st.integers(0, y.ndim - 1))
        kind = data.draw(st.sampled_from(["pad", "slice", "step", "flip", "roll", "tril", "join", "put", "cumsum"]))
        start = data.draw(st.integers(0, n - 1))
        return {
            "pad": lambda y: pb.pad(y, [(a == axis, 2 * (a == axis)) for a in range(y.ndim)]),
            "slice": lambda y: y[..., start:],
            "step": lambda y: y[..., start::-2],
            "flip": lambda y: pb.flip(y, axis),
            "roll": lambda y: pb.roll(y, start, axis),
            "tril": lambda y: pb.tril(y, start - 1),
            "join": lambda y: pb.concatenate([y, y * 2], axis),
            "put": lambda y: pb.setitem(y, (Ellipsis, slice(start, None, 2)), y[..., start:][..., ::2] * 3),
            "cumsum": lambda y: pb.cumsum(y, axis),
        }[kind]

    steps, y = [], x
    for _ in range(data.draw(st.integers(1, 4))):
        steps.append(chosen(y))
        y = steps[-1](y)
        if not y.size:
            return

    def f(x):
        for step in steps:
            x = step(x)
        return (x * x).sum(), x

    def both(x):
        return pb.value_and_grad(f, has_aux=True)(x)

    assert_same(compiled(both, x), arrays(both(x)))


def test_programs_that_are_only_views_give_views():
    x = pb.tensor(X)
    for f in (
        lambda x: x.T,
        lambda x: (pb.flip(x, 1), x[1:, None, 2]),
        lambda x: x.reshape(77, 13)[::2],
        lambda x: pb.broadcast_to(x, (2, *x.shape)),
    ):
        step = pb.compile(f)
        for _ in range(4):
            found = step(x)
        for y in arrays(found):
            assert np.shares_memory(y, x.array)
        assert_same(arrays(found), arrays(f(x)))
        assert "it gives views of what it is given" in step.explain()


def test_views_of_the_callers_own_arrays_are_copies():
    step, x = pb.compile(lambda x: pb.transpose(x)), X.copy()
    for _ in range(4):
        found = step(x)
    x[:] = 0
    assert_same(arrays(found), [X.T])


def test_what_numpy_moves_has_no_border_that_is_not_there(monkeypatch):
    monkeypatch.setenv("PULLBACK_PASSES", "")  # else it is written out in parts that are native
    w, x = np.arange(1.0, 13).reshape(3, 4), np.ones((8, 4))
    step = pb.compile(pb.grad(lambda x: (x[::2][1:] * w).sum()))
    for _ in range(4):
        given = step(x)
    expected = np.zeros((8, 4))
    expected[2::2] = w
    assert np.array_equal(given.numpy(), expected)
    fused = step._most_used("memory").executables[0].plan.lowered.fused
    read = [fused.view(o) for group in fused.groups if group.kind == "kernel" for o in group.equations[0].operands]
    assert read
    assert not any(view.guards for view in read)
