"""Metrics of numbers: means, the mean squared error, the coefficient of determination, perplexity."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any, ClassVar, final

import numpy as np

from pullback.core.errors import ShapeError
from pullback.functions.classification import softmax_cross_entropy
from pullback.metrics.metric import Metric
from pullback.metrics.running import Counts, ExactSum
from pullback.tensors import Tensor


@final
class Mean(Metric):
    """The mean of numbers that are given, such as losses; each counts `weight` times.

    >>> mean = Mean()
    >>> mean.update(0.5, 3)
    >>> mean.update([1.0, 2.0])
    >>> mean.compute()
    0.9
    """

    higher_is_better: ClassVar[bool] = False

    def __init__(self) -> None:
        self.total, self.all = ExactSum(), Counts()

    def update(self, output: Any, target: Any = 1) -> None:
        values = self.array(output)
        self.total.add_products(values, np.full(values.shape, float(target)))
        self.all.add(values.size * int(target))

    def compute(self) -> float:
        return _quotient(self.total, int(self.all))


@final
class MSE(Metric):
    """mean((output - target)²), over all numbers.

    >>> mse = MSE()
    >>> mse.update([1.0, 2.0], [1.0, 4.0])
    >>> mse.compute()
    2.0
    """

    higher_is_better: ClassVar[bool] = False

    def __init__(self) -> None:
        self.total, self.all = ExactSum(), Counts()

    def update(self, output: Any, target: Any) -> None:
        one, other = self.pair(output, target)
        difference = one.astype(np.float64) - other
        self.total.add_products(difference, difference)
        self.all.add(difference.size)

    def compute(self) -> float:
        return _quotient(self.total, int(self.all))


@final
class R2(Metric):
    """1 - Σ(target - output)² / Σ(target - mean(target))²: the share of the variance that is explained.

    Targets of shape (N,), or (N, D): then the mean over the columns. A column that is constant has 1 if it is met
    exactly and 0 if not, as in scikit-learn. The sums are exact, so that a large mean takes no digits away.

    >>> r2 = R2()
    >>> r2.update([2.5, 0.0, 2.0, 8.0], [3.0, -0.5, 2.0, 7.0])
    >>> round(r2.compute(), 4)
    0.9486
    """

    def __init__(self, columns: int = 1) -> None:
        self.columns = columns
        self.all = Counts()
        for place in range(columns):
            for name in ("sum", "squares", "errors"):
                setattr(self, f"{name}{place}", ExactSum())

    def update(self, output: Any, target: Any) -> None:
        one, other = self.pair(output, target)
        rows = other.reshape(len(other), -1).astype(np.float64) if other.ndim else other.reshape(1, 1)
        if rows.shape[1] != self.columns:
            raise ShapeError(
                "R2: targets have another number of columns", shape=other.shape, columns=self.columns,
                fix=f"R2(columns={rows.shape[1]})",
            )  # fmt: skip
        errors = one.reshape(rows.shape) - rows
        self.all.add(len(rows))
        for place in range(self.columns):
            self._of("sum", place).add(rows[:, place])
            self._of("squares", place).add_products(rows[:, place], rows[:, place])
            self._of("errors", place).add_products(errors[:, place], errors[:, place])

    def _of(self, name: str, place: int) -> ExactSum:
        found: ExactSum = getattr(self, f"{name}{place}")
        return found

    def compute(self) -> float:
        number = int(self.all)
        if number < 2:
            return math.nan
        shares = []
        for place in range(self.columns):
            errors = self._of("errors", place)
            if not math.isfinite(float(errors)) or not math.isfinite(float(self._of("squares", place))):
                return math.nan
            spread = self._of("squares", place).exact - self._of("sum", place).exact ** 2 / number
            if spread:
                shares.append(float(1 - errors.exact / spread))
            else:
                shares.append(0.0 if errors.exact else 1.0)
        return math.fsum(shares) / self.columns


@final
class Perplexity(Metric):
    """exp(mean(-log p(label))) of logits (..., C) and labels (...); labels equal to `ignore_index` are left out.

    >>> perplexity = Perplexity()
    >>> perplexity.update([[0.0, 0.0], [0.0, 0.0]], [0, 1])
    >>> round(perplexity.compute(), 6)
    2.0
    """

    higher_is_better: ClassVar[bool] = False

    def __init__(self, ignore_index: int = -100) -> None:
        self.ignore_index = ignore_index
        self.total, self.all = ExactSum(), Counts()

    def update(self, output: Any, target: Any) -> None:
        logits, labels = self.array(output), self.array(target)
        if logits.shape[:-1] != labels.shape:
            self.scores(logits, labels)  # which complains
        kept = labels.ravel() != self.ignore_index
        rows, chosen = self.scores(logits.reshape(-1, logits.shape[-1])[kept], labels.ravel()[kept])
        if len(chosen):
            losses = softmax_cross_entropy(Tensor(rows.astype(np.float64)), chosen, "none")
            self.total.add(losses.numpy())
            self.all.add(len(chosen))

    def compute(self) -> float:
        mean = _quotient(self.total, int(self.all))
        return math.exp(mean) if mean < 709 else mean if math.isnan(mean) else math.inf


def _quotient(total: ExactSum, number: int) -> float:
    """A sum divided by a number, rounded once."""
    if not number:
        return math.nan
    value = float(total)
    return float(Fraction(total.exact, number)) if math.isfinite(value) else value
