"""Evaluations count right, and leave the network as it was."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pullback.training.evaluation as module
from pullback.core.errors import DataError
from pullback.nn import Dropout, Flatten, Linear, Sequential
from pullback.training.evaluation import Evaluation, classify, evaluate


def network():
    return Sequential(Flatten(), Dropout(0.5, rng=0), Linear(4, 3, rng=1))


def evaluation(labels, predictions, losses=None):
    probabilities = np.eye(3)[np.asarray(predictions, int)]
    losses = np.arange(len(labels), dtype=float) if losses is None else np.asarray(losses)
    return Evaluation(np.asarray(labels), probabilities, losses)


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=30))
def test_the_confusion_matrix_counts_every_image_once(pairs):
    labels, predictions = zip(*pairs, strict=True)
    result = evaluation(labels, predictions)
    for row in range(3):
        for column in range(3):
            assert result.confusion[row, column] == pairs.count((row, column))
    assert result.correct == np.trace(result.confusion)
    assert result.accuracy == result.correct / len(pairs)
    assert len(result.mistakes()) == len(pairs) - result.correct


def test_the_worst_mistake_comes_first():
    result = evaluation([0, 1, 2, 0], [1, 1, 0, 2], [0.5, 9.0, 2.0, 1.0])
    assert result.mistakes().tolist() == [2, 3, 0]


def test_it_is_what_the_definition_says():
    rng = np.random.default_rng(0)
    images, labels = rng.random((7, 2, 2), np.float32), rng.integers(3, size=7)
    model = network()
    result = evaluate(model, images, labels)
    logits = images.reshape(7, 4) @ model[2].weight.numpy().T + model[2].bias.numpy()
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert result.probabilities == pytest.approx(shares, rel=1e-5)
    assert result.loss == pytest.approx(-np.log(shares[np.arange(7), labels]).mean(), rel=1e-5)
    assert classify(model, images) == pytest.approx(shares, rel=1e-5)


def test_long_data_is_taken_in_parts(monkeypatch):
    rng = np.random.default_rng(0)
    images, labels = rng.random((7, 2, 2), np.float32), rng.integers(3, size=7)
    whole = evaluate(network(), images, labels)
    monkeypatch.setattr(module, "_BATCH", 3)
    parts = evaluate(network(), images, labels)
    assert parts.losses == pytest.approx(whole.losses, rel=1e-6)
    assert parts.labels.tolist() == whole.labels.tolist()


def test_the_modes_and_generators_of_the_network_stay():
    model = network()
    model[0].training = False
    (_, generator), *_ = model.named_generators()
    before = generator.bit_generator.state
    evaluate(model, np.ones((2, 2, 2), np.float32), np.array([0, 1]))
    assert [layer.training for layer in model] == [False, True, True]
    assert model.training
    assert generator.bit_generator.state == before
    assert all(parameter.grad is None for parameter in model.parameters())


def test_no_images_are_refused():
    with pytest.raises(DataError, match="no images"):
        evaluate(network(), np.empty((0, 2, 2), np.float32), np.empty(0, int))
