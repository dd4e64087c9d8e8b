"""Batches of a data set, in an order that the seed and the epoch alone decide."""

from __future__ import annotations

import multiprocessing as mp
import operator
import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final, TypeAlias, final

import numpy as np
import numpy.typing as npt

from pullback.core.errors import AxisError, DataError, OptionError
from pullback.core.numbers import checked_count
from pullback.core.tree import tree_map
from pullback.data.collate import as_array
from pullback.data.dataset import Dataset, as_dataset
from pullback.data.order import EPOCH, permutation, seed_of
from pullback.data.samplers import Sampler
from pullback.data.workers import Workers
from pullback.functions.random import Rng
from pullback.tensors import Tensor

Batch: TypeAlias = Any  # a tuple of tensors, or the tree that a sample is
METHODS: Final = tuple(mp.get_all_start_methods())


@final
class DataLoader:
    """Batches of a data set: tuples of constant tensors of shape (batch_size, …), or trees of them, as samples are.

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
    sampler : Sampler, optional
        Gives the order of each epoch, in place of `shuffle`.
    num_workers : int
        Processes that make batches ahead, while others are learned from; 0 makes each when it is asked for. What they
        draw from the generators of their process follows from the seed, the epoch and the number of the batch, however
        many there are.
    start_method : {"fork", "spawn", "forkserver"}, optional
        How they are started; else forked on Linux, which is quick and needs nothing pickled, and spawned elsewhere.

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
        self, dataset: Any, batch_size: int = 1, shuffle: bool = False, drop_last: bool = False,
        collate_fn: Callable[[list[Any]], Any] | None = None, rng: Rng = None, *, sampler: Sampler | None = None,
        num_workers: int = 0, start_method: str | None = None,
    ) -> None:  # fmt: skip
        self.dataset = as_dataset(dataset)
        if sampler is not None and (shuffle or not isinstance(sampler, Sampler)):
            raise OptionError(
                "DataLoader: a sampler gives the order" if shuffle else "DataLoader: this is no sampler",
                sampler=type(sampler).__name__, shuffle=shuffle, fix="a pb.data.Sampler, and shuffle=False",
            )  # fmt: skip
        self.sampler = sampler
        self._samples = len(self.dataset) if sampler is None else len(sampler)
        self.batch_size = _batch_size(batch_size, self._samples)
        self.drop_last = drop_last
        self.collate_fn = collate_fn
        self.seed = seed_of(rng) if shuffle else None
        self.epoch = 0
        self.num_workers = checked_count("DataLoader", "num_workers", num_workers)
        self.start_method = start_method or ("fork" if sys.platform == "linux" else "spawn")
        if self.start_method not in METHODS:
            raise OptionError("DataLoader: there is no such start_method", got=start_method, fix=", ".join(METHODS))
        self._worker_seed = 0 if not num_workers else self.seed if self.seed is not None else seed_of(rng)
        self._idle: list[Workers] = []  # processes that wait for the next epoch

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
        if self.sampler is not None:
            return self._checked(self.sampler.order(epoch))
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
        return self._batches(epoch, self.order(epoch), start)

    def _batches(self, epoch: int, order: npt.NDArray[np.intp], start: int) -> Iterator[Batch]:
        firsts = range(start * self.batch_size, len(self) * self.batch_size, self.batch_size)
        orders = [order[first : first + self.batch_size] for first in firsts]
        if not self.num_workers:
            dataset = self.dataset.at(epoch)
            for indices in orders:
                yield tensors(made(dataset, self.collate_fn, indices))
            return
        make = partial(made_in, self.dataset, self.collate_fn)
        workers = (
            self._idle.pop()
            if self._idle
            else Workers(make, self.num_workers, self.start_method, int(self._worker_seed or 0))
        )
        done = False
        try:
            for arrays in workers.batches(epoch, orders, start):
                yield tensors(arrays)
            done = True
        finally:
            if done:
                self._idle.append(workers)  # for the next epoch
            else:
                workers.close()

    def _checked(self, order: Any) -> npt.NDArray[np.intp]:
        """The order of a sampler, once all its positions are known to be in the data set."""
        order, size = np.asarray(order), len(self.dataset)
        if order.ndim != 1 or order.dtype.kind not in "iu" or len(order) != self._samples:
            raise DataError(
                "DataLoader: the sampler gives no order", shape=order.shape, dtype=order.dtype,
                expected=f"({self._samples},) integers",
            )  # fmt: skip
        if len(order) and not 0 <= order.min() <= order.max() < size:
            raise AxisError(
                "DataLoader: the sampler gives a position that is not in the data set",
                position=order.min() if order.min() < 0 else order.max(), samples=size,
                fix=f"positions go from 0 to {size - 1}",
            )  # fmt: skip
        return order.astype(np.intp, copy=False)

    def __repr__(self) -> str:
        order = "in order" if self.seed is None else f"shuffled with seed {self.seed}"
        order = order if self.sampler is None else f"by {type(self.sampler).__name__}"
        return f"DataLoader({len(self)} batches of {self.batch_size}, {order}, of {self.dataset!r})"


def made_in(dataset: Dataset, collate_fn: Any, epoch: int, indices: npt.NDArray[np.intp]) -> Any:
    """The arrays of a batch of an epoch: what a worker makes."""
    return made(dataset.at(epoch), collate_fn, indices)


def made(dataset: Dataset, collate_fn: Any, indices: npt.NDArray[np.intp]) -> Any:
    """The arrays of a batch, in the tree that they go into."""
    if collate_fn is None:
        return dataset.batch(indices)
    parts = collate_fn([dataset[int(index)] for index in indices])
    parts = parts if isinstance(parts, (tuple, dict)) else (parts,)
    return tree_map(lambda part: as_array(part) if isinstance(part, Tensor) else np.asarray(part), parts)


def tensors(batch: Any) -> Batch:
    """A batch of constant tensors."""
    if type(batch) is tuple and all(type(part) is np.ndarray for part in batch):  # the usual one, quickly
        return tuple([Tensor(part) for part in batch])
    return tree_map(lambda part: Tensor(np.asarray(part)), batch)


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
