"""The scalar text in Pullback: back-propagation through numbers, path by path, and a step of descent."""

from __future__ import annotations

import numpy as np
import pytest

import pullback as pb
from pullback import optim


def variable(value, name=None):
    return pb.tensor(value, float, requires_grad=True, name=name)


def test_a_product_with_a_sum():
    x, y, z = variable(3.0, "x"), variable(5.0, "y"), variable(2.0, "z")
    s = x + y
    product = s * z
    assert product.item() == 16.0
    found = pb.gradients(product, wrt=[x, y, z, s, product])
    assert [found[name].item() for name in "xyz"] == [2.0, 2.0, 8.0]
    assert found[s].item() == 2.0
    assert found[product].item() == 1.0


def test_every_variable_remembers_what_made_it():
    x, y, z = variable(3.0, "x"), variable(5.0, "y"), variable(2.0, "z")
    g = pb.graph((x + y) * z)
    product = g.nodes[g.outputs[0]]
    total, z_again = (g.nodes[index] for index in product.inputs)
    assert (product.label, product.value.item()) == ("multiply", 16.0)
    assert (total.label, total.value.item()) == ("add", 8.0)
    assert z_again.id == "z"
    assert [g.nodes[index].id for index in total.inputs] == ["x", "y"]


def model(w, x):
    """Three layers, the first with two parameters, one with a reciprocal."""
    first = w[0] * x + w[1] * x**2
    second = w[2] / first
    return w[3] + second


def loss(w, x):
    return model(w, x) ** 2


W, X = np.array([-1.2, 3.1, 4.0, 10.0]), 2.5


def by_hand(w, x):
    """The gradient of the loss, from the last layer to the first."""
    first = w[0] * x + w[1] * x**2
    by_third = 2 * (w[3] + w[2] / first)
    by_first = by_third * -w[2] / first**2
    return [by_first * x, by_first * x**2, by_third / first, by_third]


def test_a_model_of_three_layers():
    weights = [variable(number, f"w{i}") for i, number in enumerate(W)]
    value = loss(weights, X)
    assert value.item() == pytest.approx((10 + 4 / 16.375) ** 2, rel=1e-15)
    value.backward()
    assert [w.grad.item() for w in weights] == pytest.approx(by_hand(W, X), rel=1e-14)


def test_a_model_of_three_layers_with_its_parameters_in_one_vector():
    np.testing.assert_allclose(pb.grad(loss)(W, X).numpy(), by_hand(W, X), rtol=1e-14)


def test_partial_derivatives_of_every_layer_are_there_to_be_asked_for():
    w = [variable(number) for number in W]
    first = w[0] * X + w[1] * X**2
    second = w[2] / first
    third = w[3] + second
    found = pb.gradients(third**2, wrt=[first, second, third])
    assert found[third].item() == 2 * third.item()
    assert found[second].item() == found[third].item()
    assert found[first].item() == pytest.approx(-found[second].item() * 4.0 / 16.375**2, rel=1e-14)


def test_contributions_of_all_paths_accumulate():
    x, y, z = variable(2.0), variable(3.0), variable(5.0)
    p, q = x * y, y + z
    (p * q).backward()
    assert y.grad.item() == q.item() * x.item() + p.item()  # through p, and through q
    assert x.grad.item() == q.item() * y.item()
    assert z.grad.item() == p.item()


def test_a_variable_that_is_both_operands_of_an_operation():
    x = variable(3.0)
    (x * x).backward()
    assert x.grad.item() == 6.0
    x.grad = None
    (x**x).backward()
    assert x.grad.item() == pytest.approx(27 * (np.log(3) + 1), rel=1e-15)
    x.grad = None
    (x / x - x).backward()
    assert x.grad.item() == pytest.approx(-1.0, rel=1e-15)


def test_a_deep_graph_of_numbers_needs_no_recursion():
    x = variable(1.0)
    y = x
    for _ in range(20_000):
        y = y + x
    y.backward()
    assert x.grad.item() == 20_001.0


def test_a_step_along_the_negative_gradient():
    delta = 1e-3
    weights = [variable(number) for number in W]
    before = loss(weights, X)
    before.backward()
    with pb.no_grad():
        for w in weights:
            w -= delta * w.grad
    expected = W - delta * np.array(by_hand(W, X))
    assert [w.item() for w in weights] == pytest.approx(expected.tolist(), rel=1e-15)
    assert loss(weights, X).item() < before.item()


def test_the_optimizer_takes_the_same_step():
    w = variable(W)
    optimizer = optim.SGD([w], lr=1e-3)
    loss(w, X).backward()
    optimizer.step()
    np.testing.assert_allclose(w.numpy(), W - 1e-3 * np.array(by_hand(W, X)), rtol=1e-15)


def test_a_step_that_would_be_recorded_is_refused():
    w = variable(1.0, "w")
    (w * w).backward()
    with pytest.raises(pb.GraphError, match="no_grad"):
        w -= 0.1 * w.grad
    assert w.item() == 1.0
