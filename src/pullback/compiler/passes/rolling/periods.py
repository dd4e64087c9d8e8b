"""Periods: where a sequence of numbers repeats itself, and how long it takes until it does.

Of each window of some numbers it is asked how long ago the same was there. Distances that occur often are periods to
try, the short ones first, so that a loop within a loop is found before the one around it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np

Ints: TypeAlias = np.ndarray[Any, np.dtype[np.int64]]
Truths: TypeAlias = np.ndarray[Any, np.dtype[np.bool_]]

WINDOW: Final = 4  # equations that are compared at once
LEAST: Final = 6  # repetitions
SAVED: Final = 48  # equations that rolling up must leave out
TRIED: Final = 200  # periods


class Run(NamedTuple):
    """A stretch that repeats itself: from `start` to below `stop`, each number the same as `period` later."""

    start: int
    stop: int
    period: int


def worth(times: int, saved: int) -> bool:
    """Whether so many repetitions, which leave out so many equations, are worth a loop."""
    return times >= LEAST and saved >= SAVED


def runs(signatures: Ints, weights: Ints) -> list[Run]:
    """The stretches that repeat themselves, in order; none overlaps another. Each number counts for its weight."""
    found: list[Run] = []
    free = np.ones(len(signatures), bool)
    total = np.concatenate([[0], np.cumsum(weights)])
    for period in _periods(signatures):
        for first, last in _stretches(signatures[period:] == signatures[:-period], period):
            for a, b in _edges(free[first:last]):
                times, saved = (b - a) // period, total[first + b] - total[first + a + period] if b - a > period else 0
                if worth(times, saved):
                    free[first + a : first + b] = False
                    found.append(Run(first + a, first + b, period))
    return sorted(found)


def _periods(signatures: Ints) -> list[int]:
    """Distances at which windows occur again, the shortest first."""
    width = min(WINDOW, len(signatures))
    mixed = signatures.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    mixed ^= mixed >> np.uint64(29)
    windows = np.zeros(len(signatures) - width + 1, np.uint64)
    for i in range(width):
        windows = windows * np.uint64(0xBF58476D1CE4E5B9) + mixed[i : i + len(windows)]
    order = np.argsort(windows, kind="stable")
    again = windows[order][1:] == windows[order][:-1]
    distances, counts = np.unique((order[1:] - order[:-1])[again], return_counts=True)
    often = distances[(counts >= LEAST) & (distances * (LEAST - 1) <= len(signatures))]
    most = often[np.argsort(-counts[np.isin(distances, often)], kind="stable")][:TRIED]
    return sorted(int(distance) for distance in most)


def _stretches(same: Truths, period: int) -> Iterator[tuple[int, int]]:
    """Where all is the same for long enough: from the first number to the end of the last repetition."""
    for start, stop in _edges(same):
        if stop - start >= period * (LEAST - 1):
            yield start, stop + period


def _edges(truths: Truths) -> list[tuple[int, int]]:
    """Where truths begin to hold, and where they end."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], truths, [False]]).astype(np.int8))).tolist()
    return [*zip(edges[::2], edges[1::2], strict=True)]
