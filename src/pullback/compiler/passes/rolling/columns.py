"""Columns: where each operand of an equation that recurs comes from, time after time.

A run of equations that recur is a table: a row for each time, a column for each operand. Of a column it is asked: is
it made in the same row, carried from an earlier one, always the same, a value of a sequence at a place that moves by
a fixed step, a constant of its row, or something else from before, which then is listed? Where a row breaks with this,
the run is cut.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Final, NamedTuple, TypeAlias, final

import numpy as np

from pullback.compiler.passes.rolling.codes import Coded, Ints
from pullback.compiler.passes.rolling.periods import Run, Truths, worth
from pullback.programs.program import Constant

LEFT_WHOLE: Final = 1 << 20
RARE: Final = 8  # of so many rows one may break with what holds for the others


class Inner(NamedTuple):
    """Made in the same row, by the equation with this number in it."""

    maker: int


class Carried(NamedTuple):
    """Made by an equation of an earlier row, `len(first)` rows before; the codes of what there is at first."""

    maker: int
    first: tuple[int, ...]


class Same(NamedTuple):
    """Always the same."""

    code: int


class Along(NamedTuple):
    """An element of a family: its place at first, and how it moves."""

    family: int
    start: int
    step: int


class Listed(NamedTuple):
    """Something else from before in each row, or a constant."""

    codes: tuple[int, ...]
    constants: bool


Column: TypeAlias = Inner | Carried | Same | Along | Listed


@final
class Segment(NamedTuple):
    """Rows that are a loop.

    Attributes
    ----------
    start, period, times : int
        Its first equation, how many equations a row has, and how many rows there are.
    columns : list of Column
        For each operand of the equations of a row.
    numbers : array
        Of the indices of the first row, and by how much they move: two rows.
    """

    start: int
    period: int
    times: int
    columns: list[Column]
    numbers: Ints

    @property
    def sequential(self) -> bool:
        """Whether it is worth a loop: rows that carry nothing, of arrays that lie here and there, run as they are."""
        carries = any(isinstance(column, Carried) for column in self.columns)
        return carries or not any(isinstance(column, Listed) and not column.constants for column in self.columns)

    @property
    def stop(self) -> int:
        """The first equation behind it."""
        return self.start + self.period * self.times


def segments(coded: Coded, run: Run) -> Iterator[Segment]:
    """The loops of a run."""
    start = run.start + _phase(coded, run)
    times = (run.stop - start) // run.period
    stop = start + times * run.period
    table = coded.flat[coded.starts[start] : coded.starts[stop]].reshape(times, -1)
    numbers = coded.numbers[coded.begins[start] : coded.begins[stop]].reshape(times, -1)
    cuts = _cuts(coded, table, numbers, start, run.period)
    edges: list[int] = [0, *(np.flatnonzero(cuts[1:times]) + 1).tolist(), times]
    for a, b in itertools.pairwise(edges):
        first, last = start + (a + 1) * run.period, start + b * run.period
        if worth(b - a, coded.weights[first:last].sum()):
            found = _columns(coded, table[a:b], start + a * run.period, run.period)
            steps = np.diff(numbers[a:b], axis=0)
            if found is not None and (steps == steps[:1]).all():
                both = np.stack([numbers[a], steps[0]])
                yield Segment(start + a * run.period, run.period, b - a, found, both)


def _phase(coded: Coded, run: Run) -> int:
    """Where rows had better begin: where the fewest values are carried from one to the next."""
    period = run.period
    first = run.start + max(0, (run.stop - run.start) // period // 2 - 1) * period
    last = min(first + 3 * period, run.stop)
    read = coded.flat[coded.starts[first] : coded.starts[last]]
    readers = np.repeat(np.arange(first, last), np.diff(coded.starts[first : last + 1]))
    inside = (read >= first) & (read < first + period)
    made = np.arange(period)
    used = made.copy()  # by each value of a row, the last equation that reads it, but for those of later rows
    np.maximum.at(used, read[inside] - first, readers[inside] - first)
    used = np.minimum(used, made + period)
    together = [equation.output.dtype == object for equation in coded.equations[first : first + period]]
    weight = np.where(together, LEFT_WHOLE, 1)  # what has several outputs stays with those that pick them
    crossing = np.zeros(2 * period + 1, np.int64)
    np.add.at(crossing, made + 1, weight)
    np.add.at(crossing, used + 1, -weight)
    live = np.cumsum(crossing)[: 2 * period].reshape(2, period).sum(axis=0)
    return int(np.argmin(live))


def _cuts(coded: Coded, table: Ints, numbers: Ints, start: int, period: int) -> Truths:
    """Before which rows something breaks with what holds for most."""
    times, count = len(table), len(coded.signatures)
    rows = start + period * np.arange(times)[:, None]
    cuts = np.zeros(times + 1, bool)

    def cut(strange: Truths, *, after: bool) -> None:
        cuts[: len(strange)] |= strange.any(axis=1)
        if after:
            cuts[1 : len(strange) + 1] |= strange.any(axis=1)

    made = (table >= start) & (table < count)
    mostly = made.sum(axis=0) * 2 > times
    away, changed = table - rows, table[1:] != table[:-1]
    usual, still = _usual(away), changed.sum(axis=0) * 2 < times
    # What is made in the run: in the same row, or carried, which may be anything at first.
    moves = mostly & ~still
    cut((away != usual) & moves & (usual < 0), after=False)
    cut((away != usual) & moves & (usual >= 0), after=True)
    # What is made in the run once and for all.
    cut(((table != _usual(table)) | (away >= 0)) & mostly & still, after=True)
    # What is made before.
    cut(made & ~mostly, after=True)
    few = changed.sum(axis=0) * RARE <= times
    cuts[1:-1] |= (changed & few & ~mostly).any(axis=1)
    family, place = _families(coded, table)
    steps, other = np.diff(place, axis=0), family[1:] != family[:-1]
    broken = other | (steps != _usual(steps))
    few = broken.sum(axis=0) * RARE <= times
    cuts[1:-1] |= (broken & few & ~mostly & ~still & (_usual(family) >= 0)).any(axis=1)
    if numbers.shape[1]:
        steps = np.diff(numbers, axis=0)
        cuts[1:-1] |= (steps != _usual(steps)).any(axis=1)
    return cuts


def _usual(table: Ints) -> Ints:
    """Of each column what most of it is, if there is such a number."""
    found: Ints = np.sort(table, axis=0)[len(table) // 2]
    return found


def _families(coded: Coded, table: Ints) -> tuple[Ints, Ints]:
    """The family of each code of a table, and its place in it; -1 of those that have none."""
    known = table < len(coded.family)
    inside = np.where(known, table, 0)
    return np.where(known, coded.family[inside], -1), np.where(known, coded.place[inside], -1)


def _columns(coded: Coded, table: Ints, start: int, period: int) -> list[Column] | None:
    """What each column of a segment is; None where one is nothing that a loop could have."""
    times, count = len(table), len(coded.signatures)
    rows = start + period * np.arange(times)[:, None]
    away = table - rows
    made = (table >= start) & (table < count)
    family, place = _families(coded, table)
    steps = np.diff(place, axis=0)
    same = (table == table[0]).all(axis=0)
    along = (family == family[0]).all(axis=0) & (family[0] >= 0) & (steps == steps[0]).all(axis=0)
    found: list[Column] = []
    for column in range(table.shape[1]):
        if made[-1, column]:
            distance = int(away[-1, column])
            if not -times < distance // period <= 0:
                return None
            free = -(distance // period)
            if (away[free:, column] != distance).any() or made[:free, column].any():
                return None
            maker = distance % period
            found.append(Carried(maker, tuple(table[:free, column].tolist())) if free else Inner(maker))
        elif made[:, column].any():
            return None
        elif same[column]:
            found.append(Same(int(table[0, column])))
        elif along[column]:
            found.append(Along(int(family[0, column]), int(place[0, column]), int(steps[0, column])))
        else:
            codes = tuple(table[:, column].tolist())
            found.append(Listed(codes, all(isinstance(coded.operands[code], Constant) for code in codes)))
    return found
