"""What the way back needs is computed again where that is less than to keep it: the same bits, in less memory."""

from __future__ import annotations

import numpy as np
import pytest

import pullback as pb
from pullback.compiler.passes import depths
from pullback.compiler.passes.stages import LAST, PASSES, SWITCHES

rng = np.random.default_rng(0)
X, V, W = (rng.standard_normal(shape).astype(np.float32) for shape in ((256, 32), (32, 128), (128, 32)))


def gated(x, v, w):
    return (pb.tanh(pb.gelu(x @ v) @ w) ** 2).mean()


def normed(x, v, w):
    h = x @ v
    h = h - h.mean(1, keepdims=True)
    h = h / pb.sqrt((h * h).mean(1, keepdims=True) + 1e-5)
    return ((h * v[0] @ w) ** 2).mean()


def square(x, v, w):
    return ((pb.tanh(x @ v) @ w) ** 2).mean()


def compiled(f, monkeypatch, *, again):
    """The function compiled, what it gives, and the bytes of its arena."""
    names = [name for name in (*PASSES, *LAST, *SWITCHES) if again or name != "rematerialize"]
    monkeypatch.setenv("PULLBACK_PASSES", ",".join(names))
    step = pb.compile(pb.grad(f, argnums=(0, 1, 2)))
    for _ in range(3):
        given = step(X, V, W)
    (executable,) = step._most_used("memory").executables
    return step, [g.numpy() for g in given], executable.plan.arena


def count(program, name):
    return sum(equation.primitive.name == name for equation in program.equations)


@pytest.mark.parametrize(("f", "name", "large"), [(gated, "erf", 1), (normed, "divide", 0)])
def test_what_follows_from_what_is_kept_is_computed_again(f, name, large, monkeypatch):
    _, expected, kept = compiled(f, monkeypatch, again=False)
    step, found, less = compiled(f, monkeypatch, again=True)
    for a, b in zip(found, expected, strict=True):
        assert np.array_equal(a, b)
    assert kept - less >= large * X.shape[0] * V.shape[1] * 4
    *_, before, after = step.stages.values()
    assert [*step.stages][-1] == "rematerialize"
    assert count(after.verify(), name) > count(before, name)


def test_what_follows_from_nothing_that_is_kept_stays(monkeypatch):
    step, *_ = compiled(square, monkeypatch, again=True)  # tanh's derivative is of what it gave
    assert "rematerialize" not in step.stages


def test_what_stays_in_the_cache_is_kept(monkeypatch):
    monkeypatch.setattr(depths, "LARGE", 1 << 30)
    monkeypatch.setattr("pullback.compiler.passes.rematerialize.LARGE", 1 << 30)
    step, *_ = compiled(gated, monkeypatch, again=True)
    assert "rematerialize" not in step.stages


def test_what_is_much_work_is_kept(monkeypatch):
    monkeypatch.setattr("pullback.compiler.passes.rematerialize.WEIGHT", 10)
    step, *_ = compiled(gated, monkeypatch, again=True)
    assert count([*step.stages.values()][-1], "erf") == 1
