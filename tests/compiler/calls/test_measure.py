"""`step.measure(...)` times both ways on copies: nothing that they change is changed afterwards."""

from __future__ import annotations

import numpy as np
import pytest

import pullback as pb
from pullback import nn, optim
from pullback.compiler.calls import measure
from pullback.compiler.calls.measure import Measurement
from pullback.core.errors import GraphError


@pytest.fixture(autouse=True)
def _in_a_moment(monkeypatch):
    monkeypatch.setattr(measure, "SECONDS", 0.0)


def test_a_training_step_leaves_everything_as_it_was():
    model = nn.MLP(6, 8, 3, rng=0)
    optimizer = optim.Adam(model.parameters(), lr=0.1)
    rng = np.random.default_rng(0)
    seen = pb.tensor(0.0)

    @pb.compile
    def step(x, labels):
        optimizer.zero_grad()
        seen.assign(seen + 1)
        loss = pb.cross_entropy(model(x + 0.1 * pb.random.normal(size=x.shape, rng=rng, dtype=np.float32)), labels)
        loss.backward()
        optimizer.step()
        return loss

    x, labels = np.ones((4, 6), np.float32), np.array([0, 1, 2, 0])
    twin = np.random.default_rng(0)
    for _ in range(2):
        held = [p.numpy().copy() for p in model.parameters()], [p.array for p in model.parameters()]
        grads = [p.grad for p in model.parameters()]
        moments = [value.copy() for value in _arrays(optimizer.state_dict())]
        found = step.measure(x, labels)
        assert found.compiled > 0
        assert found.written > 0
        assert found.why == ""
        for p, value, array, grad in zip(model.parameters(), *held, grads, strict=True):
            assert p.array is array
            np.testing.assert_array_equal(p.numpy(), value)
            assert p.grad is grad
        for now, then in zip(_arrays(optimizer.state_dict()), moments, strict=True):
            np.testing.assert_array_equal(now, then)
        assert float(seen) == 0 if grads[0] is None else 1
        assert rng.bit_generator.state == twin.bit_generator.state
        step(x, labels)
        twin.bit_generator.state = rng.bit_generator.state


def _arrays(tree):
    if isinstance(tree, dict):
        return [array for part in tree.values() for array in _arrays(part)]
    return [np.asarray(tree)] if isinstance(tree, (np.ndarray, pb.Tensor)) else []


def test_arrays_that_are_written_to_are_copies():
    @pb.compile
    def fill(x):
        x[0] = 7.0
        return x * 2

    x = np.zeros(3)
    fill.measure(x)
    assert x.tolist() == [0, 0, 0]
    t = pb.zeros(3)
    fill.measure(t)
    assert t.tolist() == [0, 0, 0]


def test_it_says_which_is_quicker():
    assert str(Measurement(1e-3, 4e-3)) == "compiled 1 ms, as it is written 4 ms: compiled it is 4 × as quick"
    assert str(Measurement(3e-6, 2e-6)).endswith("as it is written it is 1.5 × as quick")
    assert str(Measurement(2.0, 2.0, "it is so")).endswith("it runs as it is written, because it is so")
    assert Measurement(1.0, 4.0).ratio == 0.25


def test_what_is_not_compiled_says_why():
    w = pb.tensor([1.0, 2.0], requires_grad=True)
    with pytest.raises(GraphError, match="can still be differentiated"):
        pb.compile(lambda x: (w * x).sum()).measure(pb.ones(2))
