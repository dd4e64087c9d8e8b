"""Samplers: in which order, and how often, the samples of a data set come in an epoch.

An order is a pure function of a seed and of the epoch, as that of a shuffled `DataLoader` is; so a run goes on
anywhere. A sampler has a length and gives `order(epoch)`: positions of samples.
"""

from __future__ import annotations

import operator
from abc import ABC, abstractmethod
from typing import Any, TypeAlias, final

import numpy as np
import numpy.typing as npt

from pullback.core.errors import DataError, OptionError
from pullback.core.numbers import checked_count
from pullback.data.order import BUCKET, DRAW, EPOCH, permutation, seed_of, uniforms
from pullback.functions.random import Rng

Array: TypeAlias = npt.NDArray[Any]


class Sampler(ABC):
    """Gives the order of the samples in each epoch: subclass it, and write both methods.

    >>> class Backwards(Sampler):
    ...     def __len__(self) -> int:
    ...         return 3
    ...
    ...     def order(self, epoch: int) -> Array:
    ...         return np.array([2, 1, 0])
    """

    @abstractmethod
    def __len__(self) -> int:
        """How many positions an epoch has."""

    @abstractmethod
    def order(self, epoch: int) -> Array:
        """The positions of the samples in an epoch: the same ones each time that it is asked for."""


@final
class WeightedSampler(Sampler):
    """Each sample as often as its weight says: with replacement, or without it.

    Parameters
    ----------
    weights : array_like
        One number of at least 0 for each sample; they need not add up to 1.
    size : int, optional
        Positions an epoch; else as many as samples.
    replacement : bool
        Whether a sample may come more than once in an epoch.
    rng : None, int or numpy.random.Generator
        The seed of the orders.

    Raises
    ------
    DataError
        If a weight is negative or not finite, all are 0, or there are too few samples without replacement.

    References
    ----------
    P. S. Efraimidis and P. G. Spirakis, Weighted random sampling with a reservoir, 2006: without replacement, the
    samples with the largest u^(1/w).

    >>> order = WeightedSampler([0.0, 1.0, 3.0], size=4000, rng=0).order(epoch=0)
    >>> np.bincount(order).tolist()
    [0, 1024, 2976]
    """

    def __init__(self, weights: Any, size: int | None = None, replacement: bool = True, rng: Rng = None) -> None:
        self.weights = np.asarray(weights, np.float64)
        bad = self.weights.ndim != 1 or not np.isfinite(self.weights).all() or (self.weights < 0).any()
        if bad or not self.weights.sum() > 0:
            raise DataError(
                "WeightedSampler: these are no weights", shape=self.weights.shape,
                fix="a number of at least 0 for each sample, not all of them 0",
            )  # fmt: skip
        self.size = len(self.weights) if size is None else checked_count("WeightedSampler", "size", size, least=1)
        self.replacement = replacement
        if not replacement and self.size > (possible := int((self.weights > 0).sum())):
            raise DataError(
                "WeightedSampler: there are fewer samples than that", size=self.size, samples=possible,
                fix="replacement=True, or a smaller size",
            )  # fmt: skip
        self.seed = seed_of(rng)

    def __len__(self) -> int:
        return self.size

    def order(self, epoch: int) -> Array:
        epoch = _epoch(epoch)
        if self.replacement:
            ends = np.cumsum(self.weights)
            drawn = uniforms(self.size, self.seed, DRAW, epoch) * ends[-1]
            return np.searchsorted(ends, drawn, side="right").astype(np.intp)
        keys = np.full(len(self.weights), -np.inf)
        some = self.weights > 0
        # u^(1/w) falls as -log(u)/w rises; of u, 0 is left out.
        keys[some] = np.log(1 - uniforms(len(keys), self.seed, DRAW, epoch)[some]) / self.weights[some]
        return np.argsort(-keys, kind="stable")[: self.size]


@final
class StratifiedSampler(Sampler):
    """Each sample once an epoch, in an order in which every stretch has each class in its share of the whole.

    The samples of each class are shuffled, and laid out evenly over the epoch; so batches of any size are within one
    sample or two of the whole's proportions.

    Parameters
    ----------
    labels : array_like of int
        The class of each sample.
    rng : None, int or numpy.random.Generator
        The seed of the orders.

    >>> labels = np.array([0] * 90 + [1] * 10)
    >>> order = StratifiedSampler(labels, rng=0).order(epoch=0)
    >>> [int(labels[order[start : start + 20]].sum()) for start in range(0, 100, 20)]
    [2, 2, 2, 2, 2]
    """

    def __init__(self, labels: Any, rng: Rng = None) -> None:
        self.labels = np.asarray(labels)
        if self.labels.ndim != 1 or self.labels.dtype.kind not in "iub" or not len(self.labels):
            raise DataError(
                "StratifiedSampler: these are no labels", shape=self.labels.shape, dtype=self.labels.dtype,
                fix="an integer for each sample",
            )  # fmt: skip
        self.seed = seed_of(rng)

    def __len__(self) -> int:
        return len(self.labels)

    def order(self, epoch: int) -> Array:
        epoch = _epoch(epoch)
        shuffled = permutation(len(self.labels), self.seed, EPOCH, epoch)
        places = np.empty(len(shuffled))
        for label in np.unique(self.labels):
            mine = self.labels[shuffled] == label
            places[mine] = (np.arange(mine.sum()) + 0.5) / mine.sum()
        return shuffled[np.argsort(places, kind="stable")]


@final
class BucketSampler(Sampler):
    """Each sample once an epoch, in batches of samples of nearly one length, so that little has to be padded.

    A shuffled stretch of some batches is sorted by length and cut into batches, and these are shuffled. Use it with a
    `DataLoader` of the same batch size.

    Parameters
    ----------
    lengths : array_like of int
        The length of each sample.
    batch_size : int
        That of the loader.
    stretch : int
        Batches that are sorted together: more of them are padded less, and shuffled less.
    rng : None, int or numpy.random.Generator
        The seed of the orders.

    >>> lengths = np.random.default_rng(0).integers(1, 100, size=256)
    >>> order = BucketSampler(lengths, batch_size=16, rng=0).order(epoch=0)
    >>> padding = (lengths[order].reshape(-1, 16).max(axis=1) * 16).sum() - lengths.sum()
    >>> bool(padding < 0.1 * lengths.sum())
    True
    """

    def __init__(self, lengths: Any, batch_size: int, stretch: int = 64, rng: Rng = None) -> None:
        self.lengths = np.asarray(lengths)
        if self.lengths.ndim != 1 or self.lengths.dtype.kind not in "iu" or not len(self.lengths):
            raise DataError(
                "BucketSampler: these are no lengths", shape=self.lengths.shape, dtype=self.lengths.dtype,
                fix="an integer for each sample: [len(sample) for sample in data]",
            )  # fmt: skip
        self.batch_size = checked_count("BucketSampler", "batch_size", batch_size, least=1)
        self.stretch = checked_count("BucketSampler", "stretch", stretch, least=1)
        self.seed = seed_of(rng)

    def __len__(self) -> int:
        return len(self.lengths)

    def order(self, epoch: int) -> Array:
        epoch = _epoch(epoch)
        shuffled = permutation(len(self.lengths), self.seed, EPOCH, epoch)
        many = self.batch_size * self.stretch
        stretches = [shuffled[first : first + many] for first in range(0, len(shuffled), many)]
        ordered = np.concatenate([part[np.argsort(self.lengths[part], kind="stable")] for part in stretches])
        whole = len(ordered) // self.batch_size
        # The last batch, which may be shorter, stays the last.
        batches = ordered[: whole * self.batch_size].reshape(whole, self.batch_size)
        mixed = batches[permutation(whole, self.seed, BUCKET, epoch)]
        return np.concatenate([mixed.ravel(), ordered[whole * self.batch_size :]])


@final
class RankSampler(Sampler):
    """The part of one of several processes: of each order of another sampler, every `ranks`-th position from `rank` on.

    All processes have equally many positions: where they do not come out even, the first ones come once more, or with
    `drop_last` the last ones are left out. Together the first batches of all ranks are the first batch of one process.

    Parameters
    ----------
    sampler : Sampler or int
        What is divided; a number stands for as many samples, shuffled.
    rank, ranks : int
        Which process this is, from 0, and how many there are.
    rng : None, int or numpy.random.Generator
        The seed of the orders of a number of samples; the same in all processes.

    >>> [RankSampler(7, rank, 2, rng=0).order(epoch=0).tolist() for rank in (0, 1)]
    [[3, 4, 6, 5], [1, 0, 2, 3]]
    """

    def __init__(self, sampler: Sampler | int, rank: int, ranks: int, drop_last: bool = False, rng: Rng = None) -> None:
        self.rank, self.ranks = operator.index(rank), checked_count("RankSampler", "ranks", ranks, least=1)
        if not 0 <= self.rank < self.ranks:
            raise OptionError("RankSampler: there is no such rank", rank=rank, ranks=ranks, fix="ranks count from 0")
        self.sampler = sampler if isinstance(sampler, Sampler) else RandomSampler(sampler, rng)
        if drop_last and len(self.sampler) < self.ranks:
            raise DataError("RankSampler: a rank has no samples", samples=len(self.sampler), ranks=ranks)
        self.drop_last = drop_last

    def __len__(self) -> int:
        share, rest = divmod(len(self.sampler), self.ranks)
        return share + (rest > 0 and not self.drop_last)

    def order(self, epoch: int) -> Array:
        whole = self.sampler.order(epoch)
        return np.resize(whole, len(self) * self.ranks)[self.rank :: self.ranks]


@final
class RandomSampler(Sampler):
    """Each of some samples once an epoch, in a shuffled order.

    >>> sorted(RandomSampler(4, rng=0).order(epoch=3).tolist())
    [0, 1, 2, 3]
    """

    def __init__(self, size: int, rng: Rng = None) -> None:
        self.size = checked_count("RandomSampler", "size", size, least=1)
        self.seed = seed_of(rng)

    def __len__(self) -> int:
        return self.size

    def order(self, epoch: int) -> Array:
        return permutation(self.size, self.seed, EPOCH, _epoch(epoch))


def _epoch(epoch: Any) -> int:
    number = operator.index(epoch)
    if number < 0:
        raise OptionError("sampler: an epoch is negative", epoch=epoch, fix="epochs count from 0")
    return number
