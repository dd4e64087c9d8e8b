"""Metrics of classes: accuracy, top-k, the confusion matrix, precision, recall and F1."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import Any, Literal, TypeAlias, final

import numpy as np

from pullback.core.errors import OptionError, ShapeError
from pullback.core.numbers import checked_count
from pullback.metrics.metric import Array, Metric
from pullback.metrics.running import Counts

Average: TypeAlias = Literal["macro", "micro", "weighted", "binary"] | None


class ClassMetric(Metric):
    """A metric of predicted classes.

    Parameters
    ----------
    threshold : float, optional
        Of two classes that one number tells apart, the class is 1 where that is above it: 0.5 for probabilities, 0
        for logits.
    """

    def __init__(self, threshold: float | None = None) -> None:
        self.threshold = threshold

    def predicted(self, output: Any, target: Any, number: int | None = None) -> tuple[Array, Array]:
        """The predicted and the true class of each sample, from scores (..., C), numbers (...) or classes (...)."""
        given, labels = self.array(output), self.array(target)
        if given.ndim == labels.ndim + 1:
            rows, truth = self.scores(given, labels)
            return np.argmax(rows, axis=1), self.classes(truth, number)
        one, other = self.pair(given, labels)
        if one.dtype.kind == "f":
            if self.threshold is None:
                raise ShapeError(
                    f"{type(self).__name__}: one number a sample is no class", output=one.shape, dtype=one.dtype,
                    fix="scores of shape (N, classes), integers, or threshold=0.5 (of logits: 0)",
                )  # fmt: skip
            one = one > self.threshold
        return self.classes(one, number), self.classes(other, number)


@final
class Accuracy(ClassMetric):
    """The share of samples whose class was recognised.

    Parameters
    ----------
    threshold : float, optional
        For two classes told apart by one number.

    Notes
    -----
    `update` takes scores of shape (..., C), of which the largest counts and of equal ones the first, or classes (...);
    and labels (...).

    >>> accuracy = Accuracy()
    >>> accuracy.update([[0.1, 0.9], [0.8, 0.2]], [1, 1])
    >>> accuracy.update([0, 1], [0, 1])
    >>> accuracy.compute()
    0.75
    """

    def __init__(self, threshold: float | None = None) -> None:
        super().__init__(threshold)
        self.right, self.all = Counts(), Counts()

    def update(self, output: Any, target: Any) -> None:
        predicted, truth = self.predicted(output, target)
        self.right.add((predicted == truth).sum())
        self.all.add(len(truth))

    def compute(self) -> float:
        return int(self.right) / int(self.all) if int(self.all) else math.nan


@final
class TopK(Metric):
    """The share of samples whose class is among the k with the largest scores.

    Of equal scores the first count as larger, as in `argmax`; a score that is NaN is no score.

    >>> top = TopK(2)
    >>> top.update([[0.1, 0.2, 0.7], [0.1, 0.2, 0.7]], [1, 0])
    >>> top.compute()
    0.5
    """

    def __init__(self, k: int = 5) -> None:
        self.k = checked_count("TopK", "k", k, least=1)
        self.right, self.all = Counts(), Counts()

    def update(self, output: Any, target: Any) -> None:
        scores, labels = self.scores(output, target)
        if self.k > scores.shape[1]:
            raise OptionError("TopK: k is more than there are classes", k=self.k, classes=scores.shape[1])
        own = scores[np.arange(len(labels)), labels][:, None]
        before = np.arange(scores.shape[1]) < labels[:, None]
        rank = ((scores > own) | ((scores == own) & before)).sum(axis=1)
        self.right.add(((rank < self.k) & ~np.isnan(own[:, 0])).sum())
        self.all.add(len(labels))

    def compute(self) -> float:
        return int(self.right) / int(self.all) if int(self.all) else math.nan


class ConfusionMetric(ClassMetric):
    """A metric that follows from how many samples of class i were taken for class j."""

    def __init__(self, classes: int, threshold: float | None = None) -> None:
        super().__init__(threshold)
        self.number = checked_count(type(self).__name__, "classes", classes, least=2)
        self.matrix = Counts((self.number, self.number))

    def update(self, output: Any, target: Any) -> None:
        predicted, truth = self.predicted(output, target, self.number)
        pairs = np.bincount(truth * self.number + predicted, minlength=self.number**2)
        self.matrix.add(pairs.reshape(self.number, self.number))


@final
class ConfusionMatrix(ConfusionMetric):
    """How many samples of class i were taken for class j, of shape (classes, classes).

    >>> confusion = ConfusionMatrix(2)
    >>> confusion.update([1, 0, 1], [1, 1, 0])
    >>> confusion.compute()
    array([[0, 1],
           [1, 1]])
    """

    def compute(self) -> Array:
        return self.matrix.numbers.copy()


class _Share(ConfusionMetric):
    """A share of true positives, for each class and as an average over the classes.

    Parameters
    ----------
    classes : int
        How many there are.
    average : {"macro", "micro", "weighted", "binary", None}
        The mean over the classes that occur, as samples or as predictions; of all samples together; the mean weighted
        by how often a class is true; class 1 alone; or an array with the share of each class.
    threshold : float, optional
        For two classes told apart by one number.
    """

    def __init__(self, classes: int, average: Average = "macro", threshold: float | None = None) -> None:
        super().__init__(classes, threshold)
        if average not in ("macro", "micro", "weighted", "binary", None) or (average == "binary" and classes != 2):
            raise OptionError(
                f"{type(self).__name__}: average cannot be so", got=repr(average), classes=classes,
                fix="macro, micro, weighted, None, or of two classes binary",
            )  # fmt: skip
        self.average = average

    @abstractmethod
    def share(self, right: Array, predicted: Array, true: Array) -> Array:
        """The share for each class, from how often it was right, predicted and true; 0 where there is nothing."""

    def compute(self) -> Any:
        counts = self.matrix.numbers
        right, predicted, true = np.diag(counts), counts.sum(axis=0), counts.sum(axis=1)
        if self.average == "micro":
            return float(self.share(right.sum(), predicted.sum(), true.sum()))
        shares = self.share(right, predicted, true)
        if self.average is None:
            return shares
        if self.average == "binary":
            return float(shares[1])
        weights = true if self.average == "weighted" else (predicted + true > 0)
        return math.fsum(shares * weights) / int(weights.sum()) if weights.any() else math.nan


@final
class Precision(_Share):
    """TP / (TP + FP): of the samples that were taken for a class, the share that belongs to it; 0 if none was.

    >>> precision = Precision(2, average="binary")
    >>> precision.update([1, 1, 0], [1, 0, 1])
    >>> precision.compute()
    0.5
    """

    def share(self, right: Array, predicted: Array, true: Array) -> Array:
        return right / np.maximum(predicted, 1)


@final
class Recall(_Share):
    """TP / (TP + FN): of the samples of a class, the share that was taken for it; 0 if there is none.

    >>> recall = Recall(2, average=None)
    >>> recall.update([1, 1, 0], [1, 0, 1])
    >>> recall.compute()
    array([0. , 0.5])
    """

    def share(self, right: Array, predicted: Array, true: Array) -> Array:
        return right / np.maximum(true, 1)


@final
class F1(_Share):
    """2 TP / (2 TP + FP + FN): the harmonic mean of precision and recall; 0 if a class neither is nor was predicted.

    >>> f1 = F1(3)
    >>> f1.update([0, 1, 2, 2], [0, 1, 1, 2])
    >>> round(f1.compute(), 4)
    0.7778
    """

    def share(self, right: Array, predicted: Array, true: Array) -> Array:
        return 2 * right / np.maximum(predicted + true, 1)
