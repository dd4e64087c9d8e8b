"""Split a data set at random into parts that share no sample."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pullback.core.errors import DataError
from pullback.data.dataset import Subset, as_dataset
from pullback.data.order import SPLIT, permutation, seed_of
from pullback.functions.random import Rng


def random_split(dataset: Any, parts: Sequence[float], rng: Rng = None) -> list[Subset]:
    """Split a data set at random into parts that share no sample and leave none out.

    Fractions are turned into lengths by largest remainders, so that each part is within one sample of its
    fraction of the whole.

    Parameters
    ----------
    dataset : Dataset, array or tuple of arrays
        N samples.
    parts : sequence of int or of float
        Lengths that add up to N, or fractions that add up to 1.
    rng : None, int or numpy.random.Generator
        What the split depends on; an int always gives the same split.

    Raises
    ------
    DataError
        If the parts are negative, mixed, or do not add up.

    >>> train, test = random_split(np.arange(10.0), [0.8, 0.2], rng=0)
    >>> len(train), len(test)
    (8, 2)
    """
    whole = as_dataset(dataset)
    lengths = _lengths(list(parts), len(whole))
    order = permutation(len(whole), seed_of(rng), SPLIT)
    return [Subset(whole, part) for part in np.split(order, np.cumsum(lengths)[:-1])]


def _lengths(parts: list[float], size: int) -> list[int]:
    """Return how many of `size` samples each part gets."""
    whole_numbers = all(isinstance(part, (int, np.integer)) for part in parts)
    total = sum(parts)
    if not parts or min(parts) < 0 or (total != size if whole_numbers else abs(total - 1) > 1e-6):
        raise DataError(
            "random_split: the parts do not add up to the data set",
            parts=parts,
            total=total,
            samples=size,
            fix=f"give lengths that add up to {size}, or fractions that add up to 1.0",
        )
    if whole_numbers:
        return [int(part) for part in parts]
    shares = np.asarray(parts) / total * size
    lengths = np.floor(shares).astype(int)
    neediest = np.argsort(lengths - shares, kind="stable")
    lengths[neediest[: size - lengths.sum()]] += 1
    return [int(length) for length in lengths]
