"""Hooks see what they shall, change what they may, and go when they are removed."""

from __future__ import annotations

import numpy as np
import pytest

import pullback as pb
from pullback import nn

X = np.arange(6.0).reshape(3, 2)


def layer():
    return nn.Linear(2, 4, rng=0, dtype=float)


def test_a_hook_before_sees_and_replaces_the_arguments():
    seen, model = [], layer()
    model.register_forward_pre_hook(lambda module, args: seen.append((module, args)))
    plain = model(X)
    assert seen == [(model, (X,))]
    model.register_forward_pre_hook(lambda _, args: args[0] * 2)
    np.testing.assert_allclose(model(X).numpy(), layer()(2 * X).numpy())
    model.register_forward_pre_hook(lambda _, args: (args[0] / 2,))
    np.testing.assert_allclose(model(X).numpy(), plain.numpy())


def test_a_hook_after_sees_and_replaces_the_output():
    seen, model = [], layer()
    with model.register_forward_hook(lambda _, args, output: seen.append((args, output))):
        y = model(X)
        assert seen[0][0] == (X,)
        assert seen[0][1] is y
    model.register_forward_hook(lambda *_: 7.0)
    assert model(X) == 7.0
    assert len(seen) == 1


def test_a_hook_behind_sees_the_gradients_and_replaces_that_of_the_input():
    model, seen = layer(), []
    handle = model.register_full_backward_hook(lambda module, inputs, outputs: seen.append((module, inputs, outputs)))
    x = pb.tensor(X, requires_grad=True)
    (model(x) * 3.0).sum().backward()
    (module, (gx,), (gy,)) = seen[0]
    assert module is model
    assert gy.tolist() == np.full((3, 4), 3.0).tolist()
    np.testing.assert_allclose(gx.numpy(), x.grad.numpy())
    np.testing.assert_allclose(x.grad.numpy(), 3.0 * np.tile(model.weight.numpy().sum(0), (3, 1)))
    handle.remove()
    model.register_full_backward_hook(lambda _, inputs, __: (inputs[0] * 0,))
    x.grad = None
    model(x).sum().backward()
    assert (x.grad == 0).all()
    assert len(seen) == 1
    assert (model.weight.grad != 0).any()


def test_derivatives_of_all_orders_pass_hooks():
    model = nn.Sequential(layer(), nn.Tanh())
    for module in model.modules():
        module.register_forward_hook(lambda *_: None)
        module.register_full_backward_hook(lambda *_: None)
    pb.testing.check_grads(lambda x: model(x).sum(), pb.tensor(X / 10), order=2)


def test_hooks_of_several_inputs_and_outputs():
    cell, seen = nn.LSTMCell(2, 3, rng=0, dtype=float), []
    cell.register_full_backward_hook(lambda _, inputs, outputs: seen.append((inputs, outputs)))
    x = pb.tensor(X, requires_grad=True)
    h, _ = cell(x)
    h.sum().backward()
    ((inputs, outputs),) = seen
    assert inputs[0].shape == X.shape
    assert outputs[0].shape == (3, 3)
    assert outputs[1] is None


def test_a_hook_is_part_of_what_a_program_depends_on():
    model = layer()
    step = pb.compile(lambda x: model(x))
    for _ in range(3):
        plain = step(X)
    handle = model.register_forward_hook(lambda _, __, output: output * 2)
    for _ in range(3):
        assert np.allclose(step(X).numpy(), 2 * plain.numpy())
    handle.remove()
    assert np.allclose(step(X).numpy(), plain.numpy())


def test_a_backward_hook_is_refused_where_it_would_be_frozen():
    model = layer()
    model.register_full_backward_hook(lambda *_: None)
    with pytest.raises(pb.TraceError, match="backward hook"):
        pb.compile(lambda x: model(x))(X)


def test_hooks_are_no_state_and_summaries_call_them_not_twice():
    model, calls = nn.Sequential(layer(), nn.ReLU()), []
    model[0].register_forward_hook(lambda *_: calls.append(1))
    assert list(model.state_dict()) == ["0.weight", "0.bias"]
    assert "Linear" in repr(model.summary((5, 2)))
    assert calls == [1]


def test_a_handle_removes_once():
    model = layer()
    hook = lambda *_: None  # noqa: E731 (the same function, registered twice)
    first, second = model.register_forward_hook(hook), model.register_forward_hook(hook)
    first.remove()
    first.remove()
    second.remove()
    assert model(X).shape == (3, 4)


def test_a_hook_that_is_taken_away_leaves_nothing():
    layer = nn.Linear(2, 3, rng=0)
    with layer.register_forward_hook(lambda *_: None), layer.register_full_backward_hook(lambda *_: None):
        y = layer(pb.ones((1, 2), dtype=np.float32))
    assert layer._hooks is None
    y.sum().backward()  # recorded under hooks that are gone
    assert layer.weight.grad is not None
