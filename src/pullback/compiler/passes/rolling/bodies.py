"""Bodies: the equations of one row of a segment as a program of its own, and what it is given at each step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple, TypeAlias, final

import numpy as np

from pullback.compiler.passes.deduplicate import identity_of
from pullback.compiler.passes.rolling.codes import Coded, Index, index_of
from pullback.compiler.passes.rolling.columns import Along, Carried, Inner, Listed, Same, Segment
from pullback.core.kinds import Elementwise
from pullback.ops.indexing import get_
from pullback.ops.places import ARRAY
from pullback.programs.loop import Loop, Read, Window, loop_
from pullback.programs.program import Constant, Equation, Operand, Program, Value

TABLE: Final = 1 << 22  # bytes of constants, one a step, up to which they are stacked


class Family(NamedTuple):
    """In place of an operand: all of a family, by its number."""

    number: int


Source: TypeAlias = int | Family | Constant | tuple[int, ...]  # codes, but for families and tables


class Here(NamedTuple):
    """In place of a column: what is an input of the body already."""

    value: Value


class Unfit(Exception):  # noqa: N818  # it is caught where it is raised for, and nobody is told
    """A segment is no loop after all."""


@final
class Body:
    """A segment as the body of a loop.

    Parameters
    ----------
    coded : Coded
        The program that it is a segment of.
    segment : Segment
        Which.

    Attributes
    ----------
    equations : list of Equation
        Of the body.
    made : list of Operand
        For each equation of a row, what stands for its output in the body.
    carried : list of (Value, code)
        What is carried, and what there is at first.
    read : list of (Value, Read, Source)
        What is read.

    Raises
    ------
    Unfit
        If something in it moves that no loop can move.
    """

    def __init__(self, coded: Coded, segment: Segment) -> None:
        self.segment = segment
        self.equations: list[Equation] = []
        self.made: list[Operand] = []
        self.carried: list[tuple[Value, int]] = []
        self.read: list[tuple[Value, Read, Source]] = []
        self._coded = coded
        self._next: list[Value | int] = []  # for each carried value, another one or the number of an equation
        self._known: dict[Any, Value] = {}
        columns, numbers = iter(segment.columns), iter(segment.numbers.T.tolist())
        first = coded.equations[segment.start : segment.start + segment.period]
        for equation in first:
            self._take(equation, [next(columns) for _ in equation.operands], numbers)

    def program(self, outputs: Sequence[int]) -> Program:
        """The body as a program that gives these of its values besides what it carries."""
        nexts = [self.made[x] if isinstance(x, int) else x for x in self._next]
        inputs = (*(value for value, _ in self.carried), *(value for value, _, _ in self.read))
        given = (*nexts, *(self.made[number] for number in outputs))
        return Program(inputs, tuple(self.equations), given, "body").verify()

    def final(self, number: int) -> int | None:
        """Which of the carried values an equation makes, if one."""
        return next((i for i, x in enumerate(self._next) if x == number and isinstance(x, int)), None)

    # One equation.

    def _take(self, equation: Equation, columns: list[Any], numbers: Iterator[list[int]]) -> None:
        if equation.primitive is loop_:
            equation, columns = self._within(equation, columns, numbers)
        moves = self._moves(equation, numbers)
        if moves is not None and any(step for _, step in moves[1]):
            moved = self._moved(equation, columns, *moves)
            if isinstance(moved, Value):  # it was an element of a sequence, and no more
                self.made.append(moved)
                return
            equation, columns = moved
        operands = tuple(self._operand(equation, place, column) for place, column in enumerate(columns))
        output = Value(equation.output.shape, equation.output.dtype)
        self.equations.append(replace(equation, operands=operands, output=output))
        self.made.append(output)

    def _moves(self, equation: Equation, numbers: Iterator[list[int]]) -> tuple[Index, list[list[int]]] | None:
        """The index of an equation, and for each of its numbers where it begins and by how much it moves."""
        index = index_of(equation)
        return None if index is None else (index, [next(numbers) for _ in index.numbers])

    def _moved(
        self, equation: Equation, columns: list[Any], index: Index, moves: list[list[int]]
    ) -> tuple[Equation, list[Any]] | Value:
        """An equation whose index moves: by a window of its operand, or by an array of where it is at each step."""
        given, at = equation.params["index"], iter(moves)
        windows, parts, arrays = list[Window](), list[Any](), list[int]()
        fixed = equation.primitive is get_ and isinstance(columns[0], Same) and ARRAY not in given
        times = self.segment.times
        tables: list[Constant] = []
        for part, template, axis in zip(given, index.template, index.axes, strict=True):
            if template == "at":
                start, step = next(at)
                if fixed:
                    windows.append(Window(axis, start, step, 1))
                    parts.append(0)
                elif not step:
                    parts.append(part)
                else:
                    arrays.append(len(parts))
                    parts.append(ARRAY)
                    tables.append(Constant(start + step * np.arange(times)))
            elif isinstance(template, int):
                (start, step), (stop, other) = next(at), next(at)
                if step != other:
                    raise Unfit
                if step and not fixed:
                    if arrays or any(part is ARRAY or isinstance(part, int) for part in given):
                        raise Unfit  # NumPy would take several arrays together
                    arrays.append(len(parts))
                    parts.append(ARRAY)
                    tables.append(Constant(np.add.outer(step * np.arange(times), np.arange(start, stop, template))))
                elif step:
                    windows.append(Window(axis, start, step, stop - start))
                    parts.append(slice(0, stop - start, template))
                else:
                    parts.append(part)
            else:
                parts.append(part)
        if not fixed:
            return self._by_arrays(equation, columns, parts, arrays, tables)
        code = columns[0].code
        if all(template == "at" for template in index.template):
            return self._read(Read(tuple(window._replace(size=None) for window in windows)), code)
        value = self._read(Read(tuple(windows)), code)
        return replace(equation, params=equation.params | {"index": tuple(parts)}), [Here(value)]

    def _within(
        self, equation: Equation, columns: list[Any], numbers: Iterator[list[int]]
    ) -> tuple[Equation, list[Any]]:
        """A loop in the body, whose windows move: it is given a window of each operand, in which they do not."""
        loop: Loop = equation.params["loop"]
        carried, given = loop.parts(columns)
        reads: list[Read] = []
        operands: list[Any] = [*carried]
        for read, own in zip(loop.reads, given, strict=True):
            moves = [next(numbers) for _ in read.windows]
            if not any(step for _, step in moves):
                reads.append(read)
                operands += own
                continue
            if not isinstance(own[0], Same):
                raise Unfit
            inner, outer = list[Window](), list[Window]()
            for window, (start, step) in zip(read.windows, moves, strict=True):
                low = start + min(0, window.step * (loop.length - 1))
                span = abs(window.step) * (loop.length - 1) + (window.size or 1)
                inner.append(window._replace(start=start - low) if step else window)
                outer += [Window(window.axis, low, step, span)] if step else []
            reads.append(Read(tuple(inner)))
            operands.append(Here(self._read(Read(tuple(outer)), own[0].code)))
        moved = Loop(loop.body, loop.length, loop.carried, reads, loop.stacked)
        return replace(equation, params={"loop": moved}), operands

    def _by_arrays(
        self, equation: Equation, columns: list[Any], parts: list[Any], arrays: list[int], tables: list[Constant]
    ) -> tuple[Equation, list[Any]]:
        """An equation whose index has arrays in place of integers that move."""
        given = equation.params["index"]
        ahead = len(equation.operands) - sum(part is ARRAY for part in given)
        old = iter(zip(equation.operands[ahead:], columns[ahead:], strict=True))
        operands, now = [*equation.operands[:ahead]], [*columns[:ahead]]
        new = iter(tables)
        for place, part in enumerate(parts):
            if place in arrays:
                value = self._read(Read((Window(0, 0, 1),)), next(new))
                operands.append(value)
                now.append(Here(value))
            elif part is ARRAY:
                operand, column = next(old)
                operands.append(operand)
                now.append(column)
        params = equation.params | {"index": tuple(parts)}
        return replace(equation, operands=tuple(operands), params=params), now

    # One operand.

    def _operand(self, equation: Equation, place: int, column: Any) -> Operand:
        if isinstance(column, Inner):
            return self.made[column.maker]
        if isinstance(column, Same) and isinstance(known := self._coded.operands[column.code], Constant):
            return known
        if isinstance(column, Carried):
            return self._carry(column)
        if isinstance(column, Listed) and column.constants:
            return self._table(equation, place, column.codes)
        return self._input(column)

    def _input(self, column: Any) -> Value:
        if isinstance(column, Here):
            return column.value
        if isinstance(column, Same):
            return self._read(Read(), column.code)
        if isinstance(column, Listed):
            if any(isinstance(self._coded.operands[code], Constant) for code in column.codes):
                raise Unfit
            return self._read(Read(each=True), column.codes)
        assert isinstance(column, Along)
        return self._along(column)

    def _along(self, column: Along) -> Value:
        """An element of a family, at a place that moves."""
        whole, index, sample = self._coded.families[column.family]
        if index is None:
            return self._read(Read((Window(0, column.start, column.step),)), Family(column.family))
        number = index.template.index("at")
        axis, maker = index.axes[number], self._coded.equations[sample]
        if len(index.template) == 1:
            return self._read(Read((Window(axis, column.start, column.step),)), whole)
        value = self._read(Read((Window(axis, column.start, column.step, 1),)), whole)
        key = value, column.family
        if key not in self._known:
            parts = [0 if i == number else part for i, part in enumerate(maker.params["index"])]
            output = self._known[key] = Value(maker.output.shape, maker.output.dtype)
            self.equations.append(Equation(get_, (value,), {"index": tuple(parts)}, output, maker.line))
        return self._known[key]

    def _read(self, how: Read, source: Source) -> Value:
        """An input of the body."""
        key = how, identity_of(source) if isinstance(source, Constant) else source
        if key not in self._known:
            shape, dtype = self._spec(source)
            for window in sorted(how.windows, reverse=True):
                shape = (*shape[: window.axis], *filter(None, (window.size,)), *shape[window.axis + 1 :])
            value = self._known[key] = Value(shape, dtype, f"x{len(self.read)}")
            self.read.append((value, how, source))
        return self._known[key]

    def _spec(self, source: Source) -> tuple[tuple[int, ...], Any]:
        """The shape and dtype of what is read."""
        if isinstance(source, Family):
            _, _, sample = self._coded.families[source.number]
            made = self._coded.equations[sample].output
            return (1, *made.shape), made.dtype
        if isinstance(source, Constant):
            operand: Operand = source
        else:
            operand = self._coded.operands[source if isinstance(source, int) else source[0]]
        return operand.spec.shape, operand.spec.dtype

    def _carry(self, column: Carried) -> Value:
        """What is carried, by as many places as there are rows between."""
        if column not in self._known:
            like = self._coded.equations[self.segment.start + column.maker].output
            if like.dtype == object:
                raise Unfit  # of several outputs, which are picked elsewhere
            chain = [Value(like.shape, like.dtype, f"c{len(self.carried) + i}") for i in range(len(column.first))]
            self.carried += zip(chain, column.first, strict=True)
            self._next += [*chain[1:], column.maker]
            self._known[column] = chain[0]
        return self._known[column]

    def _table(self, equation: Equation, place: int, codes: tuple[int, ...]) -> Value:
        """Constants that differ from step to step, stacked."""
        values = [self._coded.operands[code].value for code in codes]  # type: ignore[union-attr]  # each is a constant
        table = np.stack([np.asarray(value) for value in values])
        if not hasattr(values[0], "dtype"):  # Python's numbers take the dtype that the equation computes with
            if not isinstance(equation.primitive, Elementwise):
                raise Unfit
            known = [o.value if isinstance(o, Constant) else o.dtype for o in equation.operands]
            dtype = np.result_type(*(getattr(x, "dtype", x) for x in known))
            kept = table.astype(dtype)
            if table.dtype.kind in "iu" and (kept != table).any():
                raise Unfit
            table = kept
        if table.nbytes > TABLE or table.dtype == object:
            raise Unfit
        constant = Constant(table)
        key = codes, table.dtype
        if key not in self._known:
            self._known[key] = self._read(Read((Window(0, 0, 1),)), constant)
        return self._known[key]
