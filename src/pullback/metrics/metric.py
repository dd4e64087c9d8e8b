"""A metric: what batches add up to."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Self, TypeAlias

import numpy as np
import numpy.typing as npt

from pullback.core.errors import CheckpointError, DataError, DTypeError, ShapeError
from pullback.metrics.running import Running

Array: TypeAlias = npt.NDArray[Any]


class Metric(ABC):
    """Adds up, batch by batch, what a model says beside what is true: subclass it, and write `update` and `compute`.

    What a subclass keeps between batches are `Running` attributes: counts, exact sums and samples. So the value does
    not depend on how the samples were divided into batches, nor on their order.

    >>> from pullback.metrics.running import Counts
    >>> class Zeros(Metric):
    ...     def __init__(self):
    ...         self.zeros = Counts()
    ...
    ...     def update(self, output, target):
    ...         self.zeros.add((self.array(output) == 0).sum())
    ...
    ...     def compute(self):
    ...         return int(self.zeros)
    >>> metric = Zeros()
    >>> metric.update([0, 1], None)
    >>> metric.update([0, 0], None)
    >>> metric.compute()
    3
    """

    higher_is_better: ClassVar[bool] = True
    """Which of two values is the better one."""

    @abstractmethod
    def update(self, output: Any, target: Any) -> None:
        """Add a batch: what the model gave, and what is true."""

    @abstractmethod
    def compute(self) -> Any:
        """The value for all that was added; NaN where nothing was."""

    def reset(self) -> None:
        """Begin anew."""
        for _, part in self._parts():
            part.clear()

    def merge(self, other: Self) -> None:
        """Add what another metric, of another process perhaps, was given."""
        for (_, mine), (_, theirs) in zip(self._parts(), other._parts(), strict=True):
            mine.merge(theirs)

    def state_dict(self) -> dict[str, Any]:
        """All that a continuation needs, as a tree that a checkpoint takes."""
        return {name: part.state() for name, part in self._parts()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a state.

        Raises CheckpointError if it is of another metric.
        """
        try:
            for name, part in self._parts():
                part.restore(state[name])
        except (KeyError, TypeError, ValueError) as error:
            raise CheckpointError(
                f"{type(self).__name__}.load_state_dict: this is no state of this metric", got=repr(error)[:80]
            ) from error

    def _parts(self) -> Iterator[tuple[str, Running]]:
        return ((name, value) for name, value in vars(self).items() if isinstance(value, Running))

    # What subclasses check with.

    @staticmethod
    def array(value: Any) -> Array:
        """The numbers of a tensor or of what NumPy reads."""
        return value.numpy() if hasattr(value, "numpy") else np.asarray(value)

    def pair(self, output: Any, target: Any) -> tuple[Array, Array]:
        """Two arrays of one shape, or ShapeError."""
        one, other = self.array(output), self.array(target)
        if one.shape != other.shape:
            raise ShapeError(
                f"{type(self).__name__}: output and target have different shapes", output=one.shape,
                target=other.shape, fix="one number for each target",
            )  # fmt: skip
        return one, other

    def classes(self, labels: Any, number: int | None) -> Array:
        """Labels as a vector of integers, each of them one of `number` classes."""
        array = self.array(labels)
        if array.dtype.kind not in "iub":
            raise DTypeError(
                f"{type(self).__name__}: labels are integers", got=array.dtype, shape=array.shape,
                fix="the number of the class of each sample",
            )  # fmt: skip
        array = array.ravel().astype(np.int64)
        outside = array[(array < 0) | (array >= (np.inf if number is None else number))]
        if outside.size:
            raise DataError(
                f"{type(self).__name__}: a label is none of the classes", label=outside[0], classes=number,
                fix="labels from 0 to classes - 1",
            )  # fmt: skip
        return array

    def scores(self, output: Any, target: Any) -> tuple[Array, Array]:
        """Scores of shape (N, C) and labels of shape (N,), from (..., C) and (...)."""
        scores, labels = self.array(output), self.array(target)
        if scores.ndim == 0 or scores.shape[:-1] != labels.shape:
            raise ShapeError(
                f"{type(self).__name__}: scores and labels do not fit", scores=scores.shape, labels=labels.shape,
                fix="scores of shape (..., classes), labels of shape (...)",
            )  # fmt: skip
        rows = scores.reshape(-1, scores.shape[-1])
        return rows, self.classes(labels, rows.shape[1])
