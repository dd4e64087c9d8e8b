"""Blocks: chains over many rows become loops over blocks of them, and give what they gave."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pullback as pb
from pullback import nn, optim
from pullback.compiler.calls.call import Call, Static
from pullback.compiler.passes import blocks
from pullback.compiler.passes.rows import Rows
from pullback.compiler.passes.stages import stages
from pullback.core.errors import ShapeError
from pullback.core.modes import current_mode
from pullback.programs.interpret import interpreter
from pullback.programs.loop import loop_
from pullback.programs.recording import record

N = 24


def loops(program):
    return [equation.params["loop"] for equation in program.equations if equation.primitive is loop_]


def recorded(f, *arrays):
    given = [pb.tensor(array) for array in arrays]
    call = Call.of(tuple(given), {}, Static(f, (), ()), current_mode())
    found = stages(record(f, call.fill, "f")[1].program, ("expand", "simplify", "deduplicate", "prune"))
    return [*found.values()][-1]


WAYS = (
    lambda v, w, rng: pb.tanh(v @ w),
    lambda v, w, rng: v @ w.T + w[0],
    lambda v, w, rng: v * v[:, :1] - v.mean(1, keepdims=True),
    lambda v, w, rng: (v.T * np.arange(N)).T,
    lambda v, w, rng: pb.where(v > 0, v, 0.5),
    lambda v, w, rng: v / (1 + v.reshape(N, 2, 2).max(2).sum(1, keepdims=True) ** 2),
    lambda v, w, rng: v - (w @ v.T).T,
    lambda v, w, rng: pb.cumsum(v, axis=1) + v.sum(0),
)
TOTALS = (
    lambda v, w: v.sum(0), lambda v, w: v.T @ v, lambda v, w: w + (v.T @ (v * 2)), lambda v, w: v.max(), lambda v, w: v,
    lambda v, w: v.min(0), lambda v, w: (v > 0.3).any(), lambda v, w: (v < 3).all(0), lambda v, w: v.T,
    lambda v, w: v.prod(),
)  # fmt: skip


@given(seed=st.integers(0, 2**32))
def test_any_chain_gives_what_it_gave(seed):
    rng = random.Random(seed)
    numbers = np.random.default_rng(seed)
    x, w = numbers.uniform(-1, 1, (N, 4)), numbers.uniform(-1, 1, (4, 4)) / 2

    def f(x, w):
        drawn = random.Random(seed)
        values = [x]
        for _ in range(drawn.randint(2, 8)):
            values.append(drawn.choice(WAYS)(drawn.choice(values[-2:]), w, drawn))
        return [drawn.choice(TOTALS)(drawn.choice(values), w) for _ in range(drawn.randint(1, 4))]

    program = recorded(f, x, w)
    rows = Rows.of(program, N)
    assert sorted(map(id, (*rows.before, *rows.chain, *rows.after))) == sorted(map(id, program.equations))
    size = rng.choice((2, 3, 4, 6, 8))
    if not rows.chain:
        return
    blocked = blocks._Blocks(program, rows, size).program().verify()
    expected, found = (interpreter(p)([x, w]) for p in (program, blocked))
    for a, b in zip(expected, found, strict=True):
        assert np.asarray(a).dtype == np.asarray(b).dtype
        np.testing.assert_allclose(b, a, rtol=1e-12, atol=1e-13)


def step_of(n, *, classes=False):
    model = nn.Sequential(
        nn.Linear(4, 32, rng=0), nn.Tanh(), nn.Linear(32, 16, rng=1), nn.Tanh(), nn.Linear(16, 4, rng=2)
    )
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    rng = np.random.default_rng(0)
    x = rng.standard_normal((n, 4)).astype(np.float32)
    y = rng.integers(0, 4, n) if classes else rng.standard_normal((n, 4)).astype(np.float32)

    def step(x, y):
        optimizer.zero_grad()
        predicted = model(x)
        loss = pb.cross_entropy(predicted, y) if classes else ((predicted - y) ** 2).mean()
        loss.backward()
        optimizer.step()
        return loss, predicted

    return step, x, y, model


@pytest.mark.parametrize("classes", [False, True])
def test_a_training_step_natively(classes):
    (f, x, y, own), (g, _, _, twin) = step_of(2000, classes=classes), step_of(2000, classes=classes)
    step = pb.compile(f)
    for _ in range(5):
        (loss, predicted), (expected, numbers) = step(x, y), g(x, y)
        np.testing.assert_allclose(float(loss), float(expected), rtol=1e-5)
        np.testing.assert_allclose(predicted.numpy(), numbers.numpy(), rtol=1e-3, atol=1e-5)
    for p, q in zip(own.parameters(), twin.parameters(), strict=True):
        np.testing.assert_allclose(p.numpy(), q.numpy(), rtol=1e-3, atol=1e-5)
        np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), rtol=1e-3, atol=1e-5)
    assert len(loops(step.stages["block"])) > 1
    if classes:
        before = [p.numpy().copy() for p in own.parameters()]
        with pytest.raises(ShapeError, match="a label is not a class"):
            step(x, np.where(np.arange(2000) == 1999, 7, y))
        for p, kept in zip(own.parameters(), before, strict=True):
            np.testing.assert_array_equal(p.numpy(), kept)


def test_the_number_of_threads_changes_no_bit(set_threads):
    found = []
    for threads in (1, 2, 3):
        set_threads(threads)
        g, x, y, _ = step_of(4000)
        again = pb.compile(g)
        again.prepare(x, y)
        found.append([np.asarray(part) for _ in range(3) for part in again(x, y)])
    for others in found[1:]:
        for a, b in zip(found[0], others, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("n", [100, 1999])
def test_few_rows_and_those_that_cannot_be_cut_stay(n):
    f, x, y, _ = step_of(n)
    step = pb.compile(f)
    step.prepare(x, y)
    step(x, y)
    assert "block" not in step.stages


def test_what_needs_all_rows_first_comes_after():
    def f(x, w):
        h = x @ w
        h = (h - h.mean(0)) / (1 + h.var(0))  # these rows need the mean of all
        return h.T @ (h @ w)

    x, w = np.random.default_rng(0).standard_normal((N, 4)), np.ones((4, 4))
    rows = Rows.of(recorded(f, x, w), N)
    assert [e.primitive.name for e in rows.chain if e.output in rows.totals] == ["sum"]
    assert any(e.primitive.name == "matmul" for e in rows.after)
