"""The array text in Pullback: derivatives of derivatives, a perceptron of several layers, and its picture."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

import pullback as pb
from pullback import nn, optim
from pullback.testing import check_grads


def variable(value, name=None):
    return pb.tensor(value, float, requires_grad=True, name=name)


# The rules.


@pytest.mark.parametrize(
    ("f", "by_a", "by_b"),
    [
        (lambda a, b: a + b, 1, 1),
        (lambda a, b: a - b, 1, -1),
        (lambda a, b: a * b, -4, 3),
        (lambda a, b: a / b, -1 / 4, -3 / 16),
    ],
    ids=["add", "subtract", "multiply", "divide"],
)
def test_arithmetic_has_the_right_sign_in_both_operands(f, by_a, by_b):
    gradients = pb.grad(f, argnums=(0, 1))(3.0, -4.0)
    assert [g.item() for g in gradients] == [by_a, by_b]


def test_arithmetic_with_the_number_on_the_left():
    assert pb.grad(lambda x: 1 - x)(4.0).item() == -1.0
    assert pb.grad(lambda x: 2 / x)(4.0).item() == -0.125
    assert pb.grad(lambda x: 3 * x)(4.0).item() == 3.0


@pytest.mark.parametrize("axis", [None, 0, 1])
def test_the_adjoint_of_a_sum_over_an_axis_repeats_along_that_axis(axis):
    x = variable([[1.0, 2.0], [3.0, 4.0]])
    upstream = np.array(10.0) if axis is None else np.array([10.0, 20.0])
    x.sum(axis=axis).backward(upstream)
    expected = {None: [[10, 10], [10, 10]], 0: [[10, 20], [10, 20]], 1: [[10, 10], [20, 20]]}[axis]
    assert x.grad.tolist() == expected


@pytest.mark.parametrize("shape", [(3,), (1, 3), (2, 1), (1, 1), ()])
def test_an_operand_that_was_broadcast_gets_a_gradient_of_its_own_shape(shape):
    x, b = np.arange(6.0).reshape(2, 3), np.full(shape, 2.0)
    check_grads(lambda x, b: (x * b + x / b).sum(), x, b, order=2)


def test_relu_and_sigmoid_and_log():
    x = np.array([-1.0, 0.0, 2.0])
    assert pb.grad(lambda x: x.relu().sum())(x).tolist() == [0.0, 0.0, 1.0]
    s = 1 / (1 + np.exp(-x))
    np.testing.assert_allclose(pb.grad(lambda x: x.sigmoid().sum())(x).numpy(), s * (1 - s), rtol=1e-15)
    assert pb.grad(lambda x: x.log())(4.0).item() == 0.25


def test_the_transposed_of_a_stack_of_matrices():
    x = variable(np.arange(24.0).reshape(2, 3, 4))
    upstream = np.arange(24.0).reshape(2, 4, 3)
    x.mT.backward(upstream)
    np.testing.assert_array_equal(x.grad.numpy(), upstream.swapaxes(-1, -2))


# Derivatives of derivatives.


def test_a_gradient_is_recorded_and_has_gradients():
    x = variable(3.0, "x")
    first = pb.gradients(x * x * x, create_graph=True)["x"]
    second = pb.gradients(first, create_graph=True)["x"]
    third = pb.gradients(second)["x"]
    assert (first.item(), second.item(), third.item()) == (27.0, 18.0, 6.0)


def test_second_derivatives_of_a_quotient():
    fxx = pb.grad(pb.grad(lambda x, y: x / y), argnums=0)(3.0, 2.0)
    fyy = pb.grad(pb.grad(lambda x, y: x / y, argnums=1), argnums=1)(3.0, 2.0)
    fxy = pb.grad(pb.grad(lambda x, y: x / y, argnums=0), argnums=1)(3.0, 2.0)
    assert (fxx.item(), fyy.item(), fxy.item()) == (0.0, 2 * 3 / 2**3, -1 / 2**2)


def test_second_derivatives_through_a_matrix_product_and_a_sum_over_an_axis():
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(4, 3)), rng.normal(size=(3, 2))
    check_grads(lambda x, w: ((x @ w).sigmoid().sum(axis=1) ** 2).sum(), x, w, order=2)


def test_the_gradient_of_a_gradient_s_size():
    # A penalty on the slope, as it stands in losses: its own gradient is 2 H g.
    w = variable([1.0, 2.0], "w")
    slope = pb.gradients((w**3).sum(), create_graph=True)["w"]
    (slope * slope).sum().backward()
    assert w.grad.tolist() == [2 * 6 * 1 * 3 * 1, 2 * 6 * 2 * 3 * 4]


# The network.


def binary_crossentropy(true, predicted):
    return -(true * pb.log(predicted) + (1 - true) * pb.log(1 - predicted)).sum() / true.shape[0]


class Layer(nn.Module):
    """x @ weights + bias."""

    def __init__(self, inputs, outputs, rng):
        self.weights = nn.Parameter(rng.normal(size=(inputs, outputs)))
        self.bias = nn.Parameter(np.zeros(outputs))

    def forward(self, x):
        return x @ self.weights + self.bias


class Perceptron(nn.Module):
    """Layers with ReLU between them and a sigmoid at the end."""

    def __init__(self, inputs, widths, rng):
        sizes = [inputs, *widths]
        self.layers = [Layer(a, b, rng) for a, b in pairwise(sizes)]

    def forward(self, x):
        *hidden, last = self.layers
        for layer in hidden:
            x = layer(x).relu()
        return last(x).sigmoid()


def test_binary_cross_entropy_of_logarithms_is_the_one_of_the_library():
    rng = np.random.default_rng(0)
    true, predicted = rng.random((10, 1)), rng.random((10, 1))
    assert binary_crossentropy(true, predicted).item() == pytest.approx(
        pb.binary_cross_entropy(predicted, true).item(), rel=1e-14
    )
    assert np.isfinite(pb.binary_cross_entropy(pb.tensor([0.0, 1.0]), [1.0, 0.0]).item())


def test_all_gradients_of_the_network_are_confirmed_by_differences():
    rng = np.random.default_rng(3)
    x, true = rng.random((10, 5)), rng.random((10, 1))
    w1, b1, w2, b2 = rng.normal(size=(5, 5)), rng.normal(size=5), rng.normal(size=(5, 1)), rng.normal(size=1)

    def loss(w1, b1, w2, b2):
        return binary_crossentropy(true, ((x @ w1 + b1).relu() @ w2 + b2).sigmoid())

    report = check_grads(loss, w1, b1, w2, b2, order=2)
    assert not report.sampled


def test_the_network_learns_which_points_lie_in_a_disc():
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (200, 2))
    inside = ((x**2).sum(axis=1, keepdims=True) < 0.5).astype(float)
    model = Perceptron(2, [16, 1], rng)
    assert [name for name, _ in model.named_parameters()] == [
        "layers.0.weights", "layers.0.bias", "layers.1.weights", "layers.1.bias",
    ]  # fmt: skip
    optimizer = optim.Adam(model.parameters(), lr=0.05)
    losses = []
    for _ in range(150):
        optimizer.zero_grad()
        loss = binary_crossentropy(inside, model(x))
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.15 < 0.5 < losses[0]
    assert ((model(x) > 0.5) == (inside > 0.5)).numpy().mean() > 0.95


# The picture.


def test_the_picture_of_a_layer_has_its_names_and_every_use():
    rng = np.random.default_rng(0)
    model = Perceptron(5, [6, 1], rng)
    x = pb.tensor(rng.random((10, 5)), name="x")
    g = pb.graph(model(x))
    labels = [vertex.label for vertex in g.topological()]
    assert [label for label in labels if "." in label] == [
        "layers.0.weights", "layers.0.bias", "layers.1.weights", "layers.1.bias",
    ]  # fmt: skip
    operations = [vertex.label for vertex in g.nodes if vertex.kind == "operation"]
    assert operations == ["matmul", "add", "relu", "matmul", "add", "sigmoid"]
    svg = str(g.draw(values=True, shapes=True, direction="LR"))
    assert all(text in svg for text in ("layers.0.weights", "matmul", "sigmoid", "(10, 1)"))
    assert g.to_dot().startswith("digraph")


def test_the_picture_of_the_loss_shows_that_the_prediction_is_used_twice():
    rng = np.random.default_rng(0)
    model = Perceptron(5, [6, 1], rng)
    g = pb.graph(binary_crossentropy(rng.random((10, 1)), model(rng.random((10, 5)))))
    predicted = g.find("sigmoid")
    assert sum(edge.tail == predicted.index for edge in g.edges) == 2


def test_drawing_a_graph_does_not_walk_it():
    x = variable(2.0)
    y = x * x
    str(pb.graph(y).draw())
    y.backward()
    assert x.grad.item() == 4.0
