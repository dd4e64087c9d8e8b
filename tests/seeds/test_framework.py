"""The framework text in Pullback: tensors that are used many times, SGD, layers, losses, and its lists of losses."""

from __future__ import annotations

import numpy as np
import pytest

import pullback as pb
from pullback import nn, optim

DATA = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
TARGET = np.array([[0.0], [1.0], [0.0], [1.0]])

# Ten steps with two bare matrices, and ten with two layers.
MATRICES = """\
[1.11374267]
[0.8024816]
[0.6186114]
[0.48313343]
[0.37647695]
[0.28994607]
[0.21924766]
[0.16199873]
[0.1165743]
[0.08153841]"""
LAYERS = """\
[3.65094627]
[5.24649682]
[7.49768079]
[2.58132095]
[0.82653187]
[0.26937059]
[0.2301955]
[0.19896456]
[0.17283695]
[0.15067618]"""


def variable(value, name=None):
    return pb.tensor(value, float, requires_grad=True, name=name)


class Draws:
    """NumPy's old generator with the seed 42; each tensor takes a number from it once its data are made."""

    def __init__(self):
        self.rng = np.random.RandomState(42)
        for _ in ("the data", "the target"):
            self.number()

    def number(self):
        self.rng.randint(0, 100_000)

    def uniform(self, *shape):
        drawn = self.rng.rand(*shape)
        self.number()
        return drawn

    def layer(self, inputs, outputs):
        """An affine layer with He's weights, (in, out) as they are drawn, and a bias of zeros."""
        weight = self.rng.randn(inputs, outputs) * np.sqrt(2 / inputs)
        self.number()  # of the weight
        self.number()  # of the bias
        layer = nn.Linear(inputs, outputs, dtype=float)
        layer.load_state_dict({"weight": weight.T, "bias": np.zeros(outputs)})
        return layer


# Automatic gradients.


def test_the_gradient_of_a_sum_of_vectors():
    x, y = variable([1, 2, 3, 4, 5], "x"), variable([2, 2, 2, 2, 2], "y")
    z = x + y
    z.backward(np.ones(5))
    assert z.tolist() == [3.0, 4.0, 5.0, 6.0, 7.0]
    assert x.grad.tolist() == y.grad.tolist() == [1.0] * 5


def test_integers_say_that_they_have_no_gradient():
    with pytest.raises(pb.DTypeError, match="floating-point"):
        pb.tensor([1, 2, 3, 4, 5], requires_grad=True)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_tensor_that_is_used_twice_gets_the_sum(sign):
    a, b, c = variable([1, 2, 3, 4, 5]), variable([2] * 5), variable([5, 4, 3, 2, 1])
    d = a + (b if sign > 0 else -b)
    e = (b if sign > 0 else -b) + c
    (d + e).backward(np.ones(5))
    assert b.grad.tolist() == [2.0 * sign] * 5
    assert a.grad.tolist() == c.grad.tolist() == [1.0] * 5


def test_walking_the_same_graph_twice_raises_and_leaves_the_gradients():
    a, b = variable([1, 2]), variable([2, 2])
    f = (a * b) + b
    f.backward(np.ones(2))
    with pytest.raises(pb.GraphError, match="walked before"):
        f.backward(np.ones(2))
    assert b.grad.tolist() == [2.0, 3.0]


def test_a_graph_that_is_kept_may_be_walked_twice_and_accumulates():
    a = variable([1.0, 2.0])
    f = a * a
    f.backward(np.ones(2), retain_graph=True)
    f.backward(np.ones(2))
    assert a.grad.tolist() == [4.0, 8.0]


# Functions.


def expand(x, dim, copies):
    """Copies of x along a new axis."""
    return pb.repeat(pb.expand_dims(x, dim), copies, axis=dim)


@pytest.mark.parametrize("dim", [0, 1])
def test_a_sum_over_an_axis(dim):
    x = variable([[1, 2, 3], [4, 5, 6]])
    total = x.sum(dim)
    assert total.tolist() == ([5.0, 7.0, 9.0], [6.0, 15.0])[dim]
    upstream = np.arange(1.0, 1 + total.size)
    total.backward(upstream)
    expected = ([[1, 2, 3], [1, 2, 3]], [[1, 1, 1], [2, 2, 2]])[dim]
    assert x.grad.tolist() == expected


@pytest.mark.parametrize("dim", [0, 1, 2])
def test_expanding_along_a_new_axis_is_undone_by_the_sum_over_it(dim):
    x = variable([[1, 2, 3], [4, 5, 6]])
    copies = expand(x, dim, 4)
    assert copies.shape == ((4, 2, 3), (2, 4, 3), (2, 3, 4))[dim]
    assert all(np.array_equal(np.take(copies.numpy(), i, axis=dim), x.numpy()) for i in range(4))
    upstream = np.arange(24.0).reshape(copies.shape)
    copies.backward(upstream)
    np.testing.assert_array_equal(x.grad.numpy(), upstream.sum(axis=dim))


@pytest.mark.parametrize("dim", [0, 1])
def test_summing_what_was_expanded_scales(dim):
    x = variable([1.0, 2.0])
    expand(x, dim, 4).sum(dim).backward([1.0, 10.0])
    assert x.grad.tolist() == [4.0, 40.0]


def test_difference_product_transposition_and_matrix_product():
    a, b = variable([[1, 2], [3, 4]]), variable([[5, 6], [7, 8]])
    upstream = np.array([[1.0, 10.0], [100.0, 1000.0]])
    found = pb.vjp(lambda a, b: (a - b, a * b, a.T, a @ b), a.detach(), b.detach())[1]
    zero = np.zeros((2, 2))
    for place, (by_a, by_b) in enumerate(
        [
            (upstream, -upstream),
            (upstream * b.numpy(), upstream * a.numpy()),
            (upstream.T, zero),
            (upstream @ b.numpy().T, a.numpy().T @ upstream),
        ]
    ):
        cotangents = tuple(upstream if i == place else zero for i in range(4))
        got = found(cotangents)
        np.testing.assert_array_equal(got[0].numpy(), by_a)
        np.testing.assert_array_equal(got[1].numpy(), by_b)


# Learning.


def test_a_network_by_hand_and_by_its_gradients_agree_step_by_step():
    rng = np.random.RandomState(42)
    w1, w2 = rng.rand(2, 3), rng.rand(3, 1)
    v1, v2 = variable(w1), variable(w2)
    losses = []
    for _ in range(10):
        hidden = DATA @ w1
        difference = hidden @ w2 - TARGET
        by_w2, by_w1 = hidden.T @ difference, DATA.T @ (difference @ w2.T)
        w1, w2 = w1 - 0.1 * by_w1, w2 - 0.1 * by_w2
        losses.append((difference**2).sum(0)[0])

        loss = ((DATA @ v1 @ v2 - TARGET) ** 2).sum(0) / 2  # by hand the factor 2 was left out
        assert 2 * loss.item() == pytest.approx(losses[-1], rel=1e-13)
        loss.backward()
        with pb.no_grad():
            for v in (v1, v2):
                v -= 0.1 * v.grad
                v.grad = None
    assert losses[0] == pytest.approx(2.4953698041458336, rel=1e-15)
    assert losses[-1] == pytest.approx(0.46906878966910576, rel=1e-13)


def printed(losses):
    return "\n".join(str(loss.numpy()) for loss in losses)


def two_matrices():
    draws = Draws()
    return [variable(draws.uniform(2, 3)), variable(draws.uniform(3, 1))]


def test_two_matrices_learn_with_an_update_written_out():
    weights, losses = two_matrices(), []
    for _ in range(10):
        predicted = pb.tensor(DATA) @ weights[0] @ weights[1]
        loss = ((predicted - TARGET) * (predicted - TARGET)).sum(0)
        loss.backward(np.ones(1))
        with pb.no_grad():
            for w in weights:
                w -= w.grad * 0.1
                w.grad = None
        losses.append(loss)
    assert printed(losses) == MATRICES


def test_two_matrices_learn_with_sgd():
    weights, losses = two_matrices(), []
    optimizer = optim.SGD(weights, lr=0.1)
    for _ in range(10):
        predicted = pb.tensor(DATA) @ weights[0] @ weights[1]
        loss = ((predicted - TARGET) * (predicted - TARGET)).sum(0)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss)
    assert printed(losses) == MATRICES


def layers():
    draws = Draws()
    return nn.Sequential(draws.layer(2, 3), draws.layer(3, 1))


def by_hand(predicted, target):
    return ((predicted - target) * (predicted - target)).sum(0)


@pytest.mark.parametrize("criterion", [by_hand, nn.MSELoss(reduction="sum")], ids=["formula", "MSELoss"])
def test_a_chain_of_layers_learns(criterion):
    model, losses = layers(), []
    optimizer = optim.SGD(model.parameters(), lr=0.05)
    for _ in range(10):
        loss = criterion(model(pb.tensor(DATA)), TARGET)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.reshape(1))
    assert printed(losses) == LAYERS


def test_a_chain_is_added_to_indexed_and_iterated():
    model = nn.Sequential()
    for layer in layers():
        model.add(layer)
    assert len(model) == 2
    assert list(model) == [model[0], model[1]]
    assert [name for name, _ in model.named_parameters()] == ["0.weight", "0.bias", "1.weight", "1.bias"]
    assert model.parameters() == [model[0].weight, model[0].bias, model[1].weight, model[1].bias]


def test_two_chains_do_not_share_their_layers():
    first, second = nn.Sequential(), nn.Sequential()
    first.add(nn.Linear(2, 3))
    assert len(second) == 0


def test_the_mean_squared_error_is_the_mean_unless_a_sum_is_asked_for():
    predicted, target = pb.tensor([[1.0], [3.0]]), np.array([[0.0], [1.0]])
    assert nn.MSELoss()(predicted, target).item() == 2.5
    assert nn.MSELoss(reduction="sum")(predicted, target).item() == 5.0


def test_gradients_have_no_gradients_of_their_own_unless_asked_for():
    w = variable([1.0, 2.0])
    (w * w).sum().backward()
    assert not w.grad.requires_grad
    (w * w).sum().backward(create_graph=True)
    assert w.grad.requires_grad
