"""How good a network is on labelled images: loss, accuracy, what it confuses, and its worst mistakes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, final

import numpy as np
import numpy.typing as npt

from pullback.core.errors import DataError
from pullback.core.modes import no_grad
from pullback.functions.activations import softmax
from pullback.functions.classification import softmax_cross_entropy
from pullback.nn import Module
from pullback.nn.evaluating import evaluating
from pullback.tensors import Tensor

Array = npt.NDArray[Any]

_BATCH: Final = 1_000


@final
@dataclass(frozen=True, eq=False)
class Evaluation:
    """What a network said about N images of C classes.

    Attributes
    ----------
    labels : (N,) integers
        The truth.
    probabilities : (N, C)
        What the network holds likely.
    losses : (N,)
        Cross-entropy of each image.
    """

    labels: Array
    probabilities: Array
    losses: Array

    @property
    def predictions(self) -> Array:
        """The likeliest class of each image; of equally likely ones the first."""
        likeliest: Array = np.argmax(self.probabilities, axis=1)
        return likeliest

    @property
    def correct(self) -> int:
        """How many images were recognised."""
        return int((self.predictions == self.labels).sum())

    @property
    def accuracy(self) -> float:
        """The share of images that were recognised."""
        return self.correct / len(self.labels)

    @property
    def loss(self) -> float:
        """The mean of the losses."""
        return float(self.losses.mean(dtype=np.float64))

    @property
    def confusion(self) -> Array:
        """How many images of class i were taken for class j, of shape (C, C)."""
        classes = self.probabilities.shape[1]
        pairs = self.labels * classes + self.predictions
        return np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)

    def mistakes(self) -> Array:
        """Positions of the images that were not recognised, the largest loss first."""
        wrong = np.flatnonzero(self.predictions != self.labels)
        return wrong[np.argsort(-self.losses[wrong], kind="stable")]


def evaluate(network: Module, images: Array, labels: Array) -> Evaluation:
    """Ask a network about labelled images, in evaluation mode and without recording.

    Parameters
    ----------
    network : Module
        Gives logits of shape (N, C); its mode is put back afterwards.
    images : (N, ...)
        In the form that it was trained on.
    labels : (N,) integers
        From 0 to C - 1.

    Raises
    ------
    DataError
        If there are no images.
    """
    if len(images) == 0:
        raise DataError("evaluate: there are no images", shape=images.shape, fix="give at least one")
    parts = [
        (softmax(logits).numpy(), softmax_cross_entropy(logits, labels[first : first + _BATCH], "none").numpy())
        for first, logits in _answers(network, images)
    ]
    probabilities, losses = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    return Evaluation(np.asarray(labels), probabilities, losses)


def classify(network: Module, images: Array) -> Array:
    """Give the probability of each class for each image, of shape (N, C)."""
    return np.concatenate([softmax(logits).numpy() for _, logits in _answers(network, images)])


def _answers(network: Module, images: Array) -> list[tuple[int, Tensor]]:
    """Give the logits of each batch and where it begins."""
    with evaluating(network), no_grad():
        return [(first, network(Tensor(images[first : first + _BATCH]))) for first in range(0, len(images), _BATCH)]
