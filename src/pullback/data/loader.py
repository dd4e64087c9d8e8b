"""Batches of a data set, in an order that the seed and the epoch alone decide."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias, final

import numpy as np
import numpy.typing as npt

from pullback.core.errors import DataError, OptionError
from pullback.data.dataset import as_dataset
from pullback.data.order import EPOCH, permutation, seed_of
from pullback.functions.random import Rng
from pullback.tensors import Tensor

Batch: TypeAlias = tuple[Tensor, ...]


@final
class DataLoader:
    """Batches of a data set: tuples of constant tensors, of shape (batch_size, …) each.

    The order of an epoch is a pure function of (seed, epoch), the same on every machine. So a run that
    stopped in the middle of an epoch goes on exactly where it was: `loader.batches(epoch, start)`.

    Parameters
    ----------
    dataset : Dataset, array or tuple of arrays
        What the batches are taken from; its length is read once.
    batch_size : int
        Samples a batch, at most the length of the data set.
    shuffle : bool
        Whether each epoch has an order of its own; else all have the order of the data set.
    drop_last : bool
        Whether to leave out the last batch if it is shorter than the others.
    collate_fn : callable, optional
        Takes the list of a batch's samples and returns its array, or the tuple of its arrays; for samples
        that cannot be stacked as they are.
    rng : None, int or numpy.random.Generator
        The seed of the orders; a generator gives one draw, once; None draws from the default one.

    Attributes
    ----------
    epoch : int
        The epoch that the next `for batch in loader` runs; each beginning moves it on by one, even if the
        loop is left early. Set it to go to another epoch.
    seed : int or None
        What the orders depend on, None where they are not shuffled; save it to resume.

    Raises
    ------
    DataError
        If the data set is empty, or smaller than a batch.
    OptionError
        If `batch_size` or `rng` is not possible.

    >>> loader = DataLoader((np.arange(5.0), np.arange(5)), batch_size=2, shuffle=True, rng=7)
    >>> len(loader), sorted(loader.order(epoch=0).tolist())
    (3, [0, 1, 2, 3, 4])
    >>> [len(labels) for values, labels in loader], loader.epoch
    ([2, 2, 1], 1)
    >>> resumed = loader.batches(epoch=0, start=2)
    >>> len(list(resumed))
    1
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int = 1,
        shuffle: bool = False,
        drop_last: bool = False,
        collate_fn: Callable[[list[Any]], Any] | None = None,
        rng: Rng = None,
    ) -> None:
        self.dataset = as_dataset(dataset)
        self.batch_size = _batch_size(batch_size, len(self.dataset))
        self.drop_last = drop_last
        self.collate_fn = collate_fn
        self.seed = seed_of(rng) if shuffle else None
        self.epoch = 0
        self._samples = len(self.dataset)

    def __len__(self) -> int:
        """Return the number of batches an epoch."""
        whole, rest = divmod(self._samples, self.batch_size)
        return whole + (rest > 0 and not self.drop_last)

    def __iter__(self) -> Iterator[Batch]:
        """Begin the epoch `self.epoch`, and move that on by one."""
        epoch = self.epoch
        self.epoch = epoch + 1
        return self.batches(epoch)

    def order(self, epoch: int) -> npt.NDArray[np.intp]:
        """Return the positions of the samples in the order of `epoch`, of shape (N,)."""
        epoch = operator.index(epoch)
        if epoch < 0:
            raise OptionError("DataLoader: an epoch is negative", epoch=epoch, fix="epochs count from 0")
        if self.seed is None:
            return np.arange(self._samples)
        return permutation(self._samples, self.seed, EPOCH, epoch)

    def batches(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        """Iterate over the batches of `epoch` from number `start`; none before it is built.

        `self.epoch` stays as it is.
        """
        start = operator.index(start)
        if not 0 <= start <= len(self):
            raise OptionError(
                "DataLoader: there is no such batch", start=start, batches=len(self), fix="batches count from 0"
            )
        return self._batches(self.order(epoch), start)

    def _batches(self, order: npt.NDArray[np.intp], start: int) -> Iterator[Batch]:
        for first in range(start * self.batch_size, len(self) * self.batch_size, self.batch_size):
            yield self._batch(order[first : first + self.batch_size])

    def _batch(self, indices: npt.NDArray[np.intp]) -> Batch:
        if self.collate_fn is None:
            return tuple([Tensor(array) for array in self.dataset.batch(indices)])
        parts = self.collate_fn([self.dataset[int(index)] for index in indices])
        parts = parts if isinstance(parts, tuple) else (parts,)
        return tuple([part if isinstance(part, Tensor) else Tensor(np.asarray(part)) for part in parts])

    def __repr__(self) -> str:
        order = "in order" if self.seed is None else f"shuffled with seed {self.seed}"
        return f"DataLoader({len(self)} batches of {self.batch_size}, {order}, of {self.dataset!r})"


def _batch_size(batch_size: Any, samples: int) -> int:
    """Return the batch size, once it is known to fit the data set."""
    try:
        size = operator.index(batch_size)
    except TypeError:
        size = 0
    if size < 1:
        raise OptionError(
            "DataLoader: batch_size is not a number of samples", batch_size=repr(batch_size), fix="1 or more"
        )
    if samples == 0:
        raise DataError("DataLoader: the data set is empty", samples=0, fix="give it at least one sample")
    if size > samples:
        raise DataError(
            "DataLoader: a batch is larger than the data set",
            batch_size=size,
            samples=samples,
            fix=f"batch_size={samples} or less",
        )
    return size
