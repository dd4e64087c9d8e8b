"""The area under the receiver operating characteristic."""

from __future__ import annotations

import math
from typing import Any, Literal, final

import numpy as np

from pullback.core.errors import DataError, OptionError
from pullback.metrics.metric import Array, Metric
from pullback.metrics.running import Samples


@final
class AUROC(Metric):
    """The chance that a sample of a class has a larger score for it than a sample of none: P(s⁺ > s⁻) + P(s⁺ = s⁻)/2.

    Scores (N,) of two classes, or (N, C) of several; then each class is set against all others. All scores are
    kept, so that the area is exact: a count of pairs, divided once.

    Parameters
    ----------
    average : {"macro", "weighted", None}
        Of several classes: the mean, the mean weighted by how often a class is true, or an array of them all.

    References
    ----------
    J. A. Hanley and B. J. McNeil, The meaning and use of the area under a ROC curve, Radiology 143, 1982.

    >>> area = AUROC()
    >>> area.update([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1])
    >>> area.compute()
    0.75
    """

    def __init__(self, average: Literal["macro", "weighted"] | None = "macro") -> None:
        if average not in ("macro", "weighted", None):
            raise OptionError("AUROC: average cannot be so", got=repr(average), fix="macro, weighted or None")
        self.average = average
        self.given, self.truth = Samples(), Samples()

    def update(self, output: Any, target: Any) -> None:
        if self.array(output).ndim == 1:
            scores, truth = self.pair(output, target)
            labels = self.classes(truth, 2)
        else:
            scores, labels = self.scores(output, target)
        if np.isnan(scores).any():
            raise DataError("AUROC: a score is NaN", fix="find out where the model's numbers run away")
        self.given.add(scores)
        self.truth.add(labels)

    def compute(self) -> Any:
        scores, labels = self.given.rows, self.truth.rows
        if not len(labels):
            return math.nan
        if scores.ndim == 1:
            return _area(scores, labels == 1)
        areas = np.array([_area(scores[:, place], labels == place) for place in range(scores.shape[1])])
        if self.average is None:
            return areas
        weights = np.bincount(labels, minlength=len(areas)) if self.average == "weighted" else np.ones(len(areas))
        return math.fsum(areas * weights) / float(weights.sum())


def _area(scores: Array, positive: Array) -> float:
    """The area of one class; NaN where all samples are of it, or none."""
    hits = int(positive.sum())
    misses = len(scores) - hits
    if not hits or not misses:
        return math.nan
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    doubled = (2 * ends - counts + 1)[place]  # twice the mean rank of equal scores, which is whole
    pairs = int(doubled[positive].sum()) - hits * (hits + 1)
    return pairs / (2 * hits * misses)
