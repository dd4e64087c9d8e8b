"""Loops are found again in what was recorded, and do the same, to the last bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.compiler.passes.looping import LOOPS, recorded

import pullback as pb
from pullback.compiler.passes.rolling import roll
from pullback.core.errors import PullbackWarning
from pullback.core.tree import leaves
from pullback.programs.interpret import interpreter
from pullback.programs.loop import loops_in

# How many steps the loops have, the outer ones first; first and last steps may stay outside.
FORWARD = {
    "helper": [40], "zipped": [20], "backwards": [20, 20], "lists": [20, 19], "interleaved": [20], "in_turn": [39],
    "conditions": [20, 20, 19], "nested": [14, 7, 14], "nested_over_an_array": [8, 14], "meta_gradient": [12],
    "two_steps_back": [39], "windows": [40], "filled": [30], "flags": [30], "terms": [40, 39], "columns": [20],
    "two_passes": [20, 20], "recurrent": [15], "made_on_the_way": [29], "single": [30], "optimized": [14],
    "runge_kutta": [10], "lstm": [14],
}  # fmt: skip


def same(a, b):
    """Whether two lists of arrays are the same, to the last bit."""
    pairs = [(np.asarray(x), np.asarray(y)) for x, y in zip(a, b, strict=True)]
    return all(x.dtype == y.dtype and x.shape == y.shape and x.tobytes() == y.tobytes() for x, y in pairs)


def gradient(f, args):
    return pb.value_and_grad(f, argnums=tuple(range(len(args))))


@pytest.mark.parametrize("name", LOOPS)
def test_a_loop_is_found(name):
    f, args = LOOPS[name]
    program, arrays = recorded(f, args)
    rolled = roll(program)
    assert [loop.length for loop in loops_in(rolled)] == FORWARD[name]
    assert same(interpreter(program)(arrays), interpreter(rolled)(arrays))


@pytest.mark.parametrize("name", LOOPS)
def test_its_gradient_is_one_too(name):
    f, args = LOOPS[name]
    program, arrays = recorded(gradient(f, args), args)
    rolled = roll(program)
    if name not in ("windows", "lists"):  # in parts: what is added to moves, and what is used lies here and there
        assert len(rolled.equations) < len(program.equations) / 3
    assert same(interpreter(program)(arrays), interpreter(rolled)(arrays))


@pytest.mark.parametrize("name", LOOPS)
def test_compiled_it_gives_the_same(name):
    f, args = LOOPS[name]
    expected = leaves(gradient(f, args)(*args))
    step = pb.compile(gradient(f, args))
    for _ in range(3):
        found = leaves(step(*args))
    tolerance = 1e-4 if name == "single" else 1e-10
    for x, y in zip(found, expected, strict=True):
        np.testing.assert_allclose(x.numpy(), y.numpy(), rtol=tolerance, atol=tolerance)


BODIES = {
    "sin": lambda s, x, w: np.sin(s) * w + x,
    "product": lambda s, x, w: s * x * 0.5 + w,
    "mean": lambda s, x, w: np.tanh(s - s.mean()) + w * x,
    "flip": lambda s, x, w: np.tanh(s[::-1] + x) * 0.9,
    "where": lambda s, x, w: np.where(s > x, s * 0.5, x + w),
    "matrix": lambda s, x, w: np.tanh((w[:, None] * x) @ s),
}


@given(
    st.lists(st.sampled_from([*BODIES]), min_size=2, max_size=5), st.integers(6, 14), st.sampled_from([1, -1, 2]),
    st.integers(0, 3), st.booleans(),
)  # fmt: skip
def test_random_bodies(kinds, length, stride, extra, stacked):
    rng = np.random.default_rng(length)
    xs, w = rng.normal(size=(2 * length + 3, 4)), rng.normal(size=4)

    def f(xs, w):
        s, seen = w, []
        at = range(2 * length, -1, stride) if stride < 0 else range(0, 2 * length, stride)
        for i, t in enumerate(at):
            for kind in kinds:
                s = BODIES[kind](s, xs[t + extra if t + extra < len(xs) else 0], w)
            seen.append(s)
            if i == extra:
                w = w + s * 0.1
        return (np.stack(seen) * 0.1).sum() if stacked else s.sum()

    program, arrays = recorded(gradient(f, (xs, w)), (xs, w))
    rolled = roll(program)
    assert same(interpreter(program)(arrays), interpreter(rolled)(arrays))


def test_short_programs_stay_as_they_are():
    program, _ = recorded(lambda x: np.sin(x) * 2, (np.ones(3),))
    assert roll(program) is program


def test_parameters_of_layers_are_not_gathered():
    """A loop that carries nothing, over arrays that lie here and there, would copy each of them."""

    def update(ps, gs):
        return [p - 0.1 * g * (1 + g * g) for p, g in zip(ps, gs, strict=True)]

    arrays = [np.full((3, 4), float(i)) for i in range(40)]
    program, _ = recorded(update, (arrays, arrays))
    assert not [*loops_in(roll(program))]


def test_a_loop_draws_in_order():
    """What draws random numbers is not rolled up: the order of draws is part of what a program means."""
    rng = np.random.default_rng(0)

    def walk(x):
        for _ in range(30):
            x = x * 0.9 + pb.random.normal(size=3, rng=rng)
        return x

    plain, twin = [], np.random.default_rng(0)
    x = np.ones(3)
    for _ in range(4):
        y = x
        for _ in range(30):
            y = y * 0.9 + twin.normal(size=3)
        plain.append(y)
    step = pb.compile(walk)
    for expected in plain:
        np.testing.assert_allclose(step(x).numpy(), expected, rtol=1e-12)


def test_explain_tells_of_the_loop():
    f, args = LOOPS["recurrent"]
    step = pb.compile(f)
    for _ in range(3):
        step(*args)
    assert "repeat  15 times, 1 value carried" in str(step.explain())


def test_one_message_tells_of_a_program_that_is_very_long(monkeypatch):
    monkeypatch.setattr("pullback.compiler.pipeline.LONG", 20)
    f, args = LOOPS["recurrent"]
    loop, long = pb.compile(f), pb.compile(lambda x: sum(np.sin(x[: i + 1]).sum() for i in range(10)))
    for _ in range(3):
        loop(*args)
    for _ in range(2):
        long(np.ones(10))
    with pytest.warns(PullbackWarning, match=r"operations to compile(.|\n)*fix .*pb.scan"):
        long(np.ones(10))
    long(np.ones(10))  # a second warning would be an error


A = np.random.default_rng(3).standard_normal((12, 12))
F = np.asfortranarray(A[::-1] + 1)
READ = {  # what a step of a loop reads, of arrays that lie in memory in different ways
    "columns, then rows": lambda i: A[:, i] if i < 6 else A[i], "in turn": lambda i: (A[:, i], F[i], A[i])[i % 3],
    "backwards": lambda i: A[i][::-1] if i % 2 else A[i],
    "repeated": lambda i: np.broadcast_to(A[i, :1], 12) if i % 2 else A[i],
}  # fmt: skip


def compiled_as_written(f, *args):
    """What a compiled function says of itself, after it gave what the function gives."""
    step = pb.compile(f)
    for _ in range(3):
        made = step(*args)
    for one, other in zip(leaves(made), leaves(f(*args)), strict=True):
        np.testing.assert_allclose(np.asarray(one), np.asarray(other), rtol=1e-12, atol=1e-12)
    return step.explain()


@pytest.mark.parametrize("name", READ)
def test_what_steps_read_may_lie_in_different_ways(name):
    def f(w):
        for i in range(12):
            w = np.tanh(w * READ[name](i) + np.sin(w))
        return w.sum()

    assert "NumPy  " not in compiled_as_written(pb.value_and_grad(f), A[0])


def test_projections_one_after_the_other_are_loops():
    def f(a):  # of Gram and Schmidt
        q = []
        for i in range(a.shape[1]):
            v = a[:, i]
            for u in q:
                v = v - (u @ v) * u
            q.append(v / np.sqrt((v * v).sum()))
        return sum((u[0] * u[1] for u in q), 0.0)

    assert "NumPy  " not in compiled_as_written(pb.value_and_grad(f), A[:, :9])


def test_a_short_loop_that_needs_numpy_is_written_out():
    def f(x):
        for _ in range(12):
            x = np.fft.irfft(np.fft.rfft(x) * 0.9) + np.tanh(x)
        return x.sum()

    said = compiled_as_written(f, np.ravel(A[:2, :8]))
    assert "loop:" not in said
    assert said.count("pocketfft computes it") == 24


def test_what_numpy_reads_of_a_program_is_of_this_call():
    f = pb.compile(lambda x, y: (np.sort(np.sin(x), axis=0).T @ np.linalg.solve(y, x), np.sort(x[::-1].T), np.sort(y)))
    for i in range(6):  # in memory of other calls' results too
        x, y = A + i, F * (i + 1) + 40 * np.eye(12)
        expected = np.sort(np.sin(x), axis=0).T @ np.linalg.solve(y, x), np.sort(x[::-1].T), np.sort(y)
        kept = f(x, y)
        for one, other in zip(kept, expected, strict=True):
            np.testing.assert_allclose(one.numpy(), other, rtol=1e-9)
