"""A module as a function of its parameters, which every transform takes."""

from __future__ import annotations

import numpy as np
import pytest

import pullback as pb
from pullback import nn

X = np.random.default_rng(0).normal(size=(5, 3))


def mlp():
    return nn.MLP(3, 4, 2, rng=0, dtype=float, activation=nn.Tanh)


def loss(model, params):
    return (nn.functional_call(model, params, X) ** 2).sum()


def test_gradients_are_those_of_backward():
    model = mlp()
    params = dict(model.named_parameters())
    found = pb.grad(lambda p: loss(model, p))(params)
    loss(model, {}).backward()
    assert list(found) == list(params)
    for name, parameter in params.items():
        np.testing.assert_allclose(found[name].numpy(), parameter.grad.numpy(), rtol=1e-12)


def test_other_numbers_and_then_the_old_ones():
    model = mlp()
    before = model.state_dict()
    other = {name: np.zeros_like(value) for name, value in before.items()}
    assert (nn.functional_call(model, other, X) == 0).all()
    assert all((value == before[name]).all() for name, value in model.state_dict().items())
    assert all(p.is_leaf and p.requires_grad for p in model.parameters())


def test_after_an_error_too():
    model = mlp()
    weight = model.layers[0].weight
    with pytest.raises(pb.ShapeError):
        nn.functional_call(model, {"layers.0.weight": np.zeros((4, 3))}, np.ones((5, 7)))
    assert (weight != 0).any()


def test_forward_mode_hessians_and_nesting():
    model = nn.Linear(3, 1, rng=0, dtype=float)
    params = {"weight": model.weight.detach(), "bias": model.bias.detach()}
    direction = {"weight": pb.ones((1, 3)), "bias": pb.zeros(1)}
    gradient = pb.grad(lambda p: loss(model, p))(params)
    _, slope = pb.jvp(lambda p: loss(model, p), (params,), (direction,))
    assert slope.item() == pytest.approx(gradient["weight"].sum().item())
    hessian = pb.hessian(lambda w: loss(model, {"weight": w}))(params["weight"])
    np.testing.assert_allclose(hessian.numpy().reshape(3, 3), 2 * X.T @ X, rtol=1e-10)
    pb.testing.check_grads(lambda p: loss(model, p), params, order=2)


def test_a_step_of_gradient_descent_can_be_differentiated():
    model = nn.Linear(3, 1, rng=0, dtype=float)

    def after_a_step(rate, weight):
        moved = weight - rate * pb.grad(lambda w: loss(model, {"weight": w}))(weight)
        return loss(model, {"weight": moved})

    pb.testing.check_grads(after_a_step, pb.tensor(0.01), model.weight.detach())


def test_trees_name_the_parts_of_parts():
    model = mlp()
    weight = np.zeros((2, 4))
    nested = nn.functional_call(model, {"layers": {"2": {"weight": weight}}}, X)
    assert (nested == nn.functional_call(model, {"layers.2.weight": weight}, X)).all()


def test_compiled():
    model = mlp()
    step = pb.compile(lambda p: pb.value_and_grad(lambda q: loss(model, q))(p))
    params = {name: p.detach() for name, p in model.named_parameters()}
    expected, gradients = pb.value_and_grad(lambda q: loss(model, q))(params)
    for _ in range(4):
        value, found = step(params)
        assert value.item() == pytest.approx(expected.item(), rel=1e-12)
        for name in params:
            np.testing.assert_allclose(found[name].numpy(), gradients[name].numpy(), rtol=1e-10)


def test_buffers_that_are_given_are_what_they_were():
    model = nn.BatchNorm1d(3, dtype=float)
    nn.functional_call(model, {"running_mean": np.full(3, 9.0)}, X)
    assert (model.running_mean == 0).all()
    assert (model.running_var != 1).any()


def test_tied_parameters_are_one():
    model = nn.Sequential(nn.Linear(3, 3, bias=False, rng=0, dtype=float), nn.Linear(3, 3, bias=False, dtype=float))
    model[1].weight = model[0].weight
    assert list(model.state_dict()) == ["0.weight", "1.weight"]
    assert (nn.functional_call(model, {"0.weight": np.eye(3)}, X) == X).all()


def test_what_does_not_fit():
    model = mlp()
    with pytest.raises(pb.OptionError, match=r"(?s)no such parameters.*got +weight"):
        nn.functional_call(model, {"weight": np.zeros(3)}, X)
    with pytest.raises(pb.ShapeError, match=r"(?s)layers\.0\.bias has another shape.*expected +\(4,\).*got +\(3,\)"):
        nn.functional_call(model, {"layers.0.bias": np.zeros(3)}, X)
