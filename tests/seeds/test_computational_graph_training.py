"""The computational-graph text in Pullback: softmax cross-entropy, and a network for handwritten digits."""

from __future__ import annotations

import os

import numpy as np
import pytest

import pullback as pb
from pullback import data


def softmax(x, axis):
    e = pb.exp(x - pb.max(x, axis=axis, keepdims=True))
    return e / pb.sum(e, axis=axis, keepdims=True)


def test_a_softmax_of_other_operations_is_the_softmax():
    x = pb.tensor([[1.0, 2.0, 4.0], [1000.0, 1000.0, -1000.0]])
    np.testing.assert_allclose(softmax(x, -1).numpy(), pb.softmax(x).numpy(), rtol=1e-12)


@pytest.mark.parametrize("scale", [1.0, 1000.0])
def test_the_gradient_of_softmax_cross_entropy_is_what_is_predicted_minus_what_is_true(scale):
    rng = np.random.default_rng(0)
    logits = pb.tensor(scale * rng.normal(size=(4, 3)), requires_grad=True)
    labels = np.array([0, 2, 1, 1])
    losses = pb.softmax_cross_entropy(logits, labels, "none")
    losses.sum().backward()
    predicted, true = pb.softmax(logits).numpy(), np.eye(3)[labels]
    assert np.isfinite(losses.numpy()).all()
    np.testing.assert_allclose(logits.grad.numpy(), predicted - true, atol=1e-15)


def test_labels_of_one_in_many_give_the_loss_of_integer_labels():
    rng = np.random.default_rng(1)
    logits, labels = pb.tensor(rng.normal(size=(4, 3)), requires_grad=True), np.array([0, 2, 1, 1])
    one_hot = pb.gradients(pb.softmax_cross_entropy(logits, np.eye(3)[labels]))[logits]
    integers = pb.gradients(pb.softmax_cross_entropy(logits, labels))[logits]
    np.testing.assert_allclose(one_hot.numpy(), integers.numpy(), rtol=1e-14, atol=1e-16)


def test_softmax_and_logarithm_one_after_the_other_lose_what_their_joint_operation_keeps():
    logits = pb.tensor([[0.0, 1000.0]], requires_grad=True)
    with np.errstate(divide="ignore"):
        apart = -pb.log(softmax(logits, -1))[0, 0]
    together = pb.softmax_cross_entropy(logits, np.array([0]))
    assert (apart.item(), together.item()) == (np.inf, 1000.0)
    assert pb.gradients(together)[logits].tolist() == [[-1.0, 1.0]]


class Network:
    """An affine layer, ReLU as a selection, and an affine layer, of named variables."""

    def __init__(self, inputs, hidden, outputs, seed):
        rng = np.random.default_rng(seed)
        self.l1_w = self.variable("l1_w", rng.normal(scale=np.sqrt(2 / inputs), size=(inputs, hidden)))
        self.l1_b = self.variable("l1_b", np.zeros(hidden))
        self.l2_w = self.variable("l2_w", rng.normal(scale=np.sqrt(2 / hidden), size=(hidden, outputs)))
        self.l2_b = self.variable("l2_b", np.zeros(outputs))
        self.variables = (self.l1_w, self.l1_b, self.l2_w, self.l2_b)

    @staticmethod
    def variable(name, value):
        return pb.tensor(value, np.float32, requires_grad=True, name=name)

    def __call__(self, x):
        hidden = pb.dot(x, self.l1_w) + self.l1_b
        return pb.dot(pb.where(hidden > 0, hidden, 0), self.l2_w) + self.l2_b

    def learn(self, images, labels, steps, batch=32, lr=0.01):
        """Descend along the gradients by name, over the batches in their order, again and again."""
        losses, start = [], 0
        for _ in range(steps):
            rows = slice(start, start + batch)
            start = 0 if start + batch >= len(labels) else start + batch
            loss = pb.softmax_cross_entropy(self(images[rows]), labels[rows])
            losses.append(loss.item())
            found = pb.gradients(loss)
            with pb.no_grad():
                for v in self.variables:
                    v -= lr * found[v.name]
        return losses

    def accuracy(self, images, labels):
        with pb.no_grad():
            return float((pb.argmax(self(images), axis=-1) == labels).numpy().mean())


def test_the_network_learns_the_embedded_digits():
    digits = data.digits()
    (images, labels), (test_images, test_labels) = digits.train.arrays, digits.test.arrays
    network = Network(64, 32, 10, seed=0)
    losses = network.learn(images.reshape(-1, 64), labels, steps=900, lr=0.1)
    assert np.mean(losses[-45:]) < 0.2 < 2 < losses[0]
    assert network.accuracy(test_images.reshape(-1, 64), test_labels) > 0.93


@pytest.mark.skipif("PULLBACK_DATA" not in os.environ, reason="PULLBACK_DATA names no folder with the files of MNIST")
def test_the_network_learns_mnist():
    mnist = data.mnist()
    (images, labels), (test_images, test_labels) = mnist.train.arrays, mnist.test.arrays
    network = Network(784, 64, 10, seed=0)
    losses = network.learn(images.reshape(-1, 784), labels, steps=2_000)
    assert np.mean(losses[-100:]) < 0.5 < 2 < losses[0]
    assert network.accuracy(test_images.reshape(-1, 784), test_labels) > 0.86
