"""Sinking: what a loop only adds to a sum, or only writes to its own place, is done at once after the loop.

A sum of products of matrices, as the gradient of a weight, is one product of all their rows. What is added into a row
that moves, as the gradient of `x[t]`, is stacked and stored as it is; and so is what is assigned to one. What a loop
gives as it was given it is taken from there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final, NamedTuple, TypeAlias, final

import numpy as np

from pullback.compiler.passes.lifting.places import Place
from pullback.compiler.passes.lifting.stacks import Around, Writing, bytes_of, loop_equation, progression
from pullback.compiler.passes.prune import prune
from pullback.core.outputs import pick_
from pullback.ops.elementwise import add, positive
from pullback.ops.indexing import add_into_, put_
from pullback.ops.movement import permute_, reshape_
from pullback.ops.places import ARRAY
from pullback.ops.products import matmul_
from pullback.programs.loop import Read, loop_
from pullback.programs.program import Constant, Equation, Operand, Program, Value

ROOM: Final = 4  # a step may stack so many times the bytes that it reads and stacks anyway

Stack: TypeAlias = Callable[[Operand], Operand]  # what a value of the body is at all steps, for all after the loop
Write: TypeAlias = Callable[[Writing, Operand, Stack], Operand]  # of what there was before, what there is then


class Late(NamedTuple):
    """What is done after a loop: the values of the body that it needs of all steps, and what writes it."""

    needs: tuple[Value, ...]
    write: Write


def sink(program: Program) -> Program:
    """The same program with sums and stores after its loops."""
    picks: dict[Operand, dict[int, Value]] = {}
    for equation in program.equations:
        if equation.primitive is pick_:
            picks.setdefault(equation.operands[0], {})[equation.params["index"]] = equation.output
    made: list[Equation] = []
    gone: set[Operand] = set()
    for equation in program.equations:
        if equation.primitive is loop_:
            written = _Sinking(equation, picks.get(equation.output, {})).written()
            made += [equation] if written is None else written
            gone |= set() if written is None else {equation.output}
        elif equation.primitive is not pick_ or equation.operands[0] not in gone:
            made.append(equation)
    return prune(program.with_equations(made)) if gone else program


@final
class _Sinking:
    """One loop: what can be done after it, and the equations that take its place."""

    def __init__(self, equation: Equation, picked: dict[int, Value]) -> None:
        self._around = around = Around(equation)
        self._picked = picked
        self._readers: dict[Value, list[Equation]] = {}
        for reader in around.body.equations:
            for value in dict.fromkeys(reader.values):
                self._readers.setdefault(value, []).append(reader)
        nexts, given, _ = around.loop.outputs
        moving = [v for v, (how, _) in around.reads.items() if how.windows or how.each]
        stacked = [o for o, all_ in zip(given, around.loop.stacked, strict=True) if all_]
        self._room = ROOM * sum(map(bytes_of, (*moving, *stacked)))
        self._stacked = {o: i for i, (o, all_) in enumerate(zip(given, around.loop.stacked, strict=True)) if all_}
        self._more: list[Value] = []  # what is stacked besides
        self._kept: dict[int, list[Operand]] = {}  # by what is carried: what is added to it in the loop still
        self._late: dict[int, list[Late]] = {}
        self._instead: dict[Operand, tuple[Read, Sequence[Operand]]] = {}  # what is read in place of a value
        for number, (carried, after) in enumerate(zip(around.body.inputs, nexts, strict=False)):
            if isinstance(after, Value) and after is not carried:
                self._ask(number, carried, after)

    def _ask(self, number: int, carried: Value, after: Value) -> None:
        """Note what of one carried value can be done after the loop."""
        if (stored := self._stored(number, carried, after)) is not None:
            self._kept[number], self._late[number] = [], [stored]
            return
        terms = self._terms(carried, after)
        found = [self._collected(term) for term in terms]
        if any(found):
            self._kept[number] = [term for term, late in zip(terms, found, strict=True) if late is None]
            self._late[number] = [late for late in found if late is not None]

    def _terms(self, carried: Value, after: Value) -> list[Operand]:
        """What is added to a carried value, one after the other; nothing where it is used otherwise, too."""
        around, terms, at = self._around, list[Operand](), carried
        while at is not after:
            readers = self._readers.get(at, [])
            if around.uses.get(at) != 1 or len(readers) != 1:
                return []
            (reader,) = readers
            if reader.primitive is not add or reader.output.spec != carried.spec:
                return []
            a, b = reader.operands
            terms.append(b if a is at else a)
            at = reader.output
        return terms if around.uses[after] == 1 else []

    # What can be done later.

    def _collected(self, term: Operand) -> Late | None:
        """A term of a sum over all steps, if it is a product or is added into a place that moves."""
        around, moves = self._around, list[Equation]()
        while isinstance(term, Value) and around.uses[term] == 1 and (maker := around.made.get(term)) is not None:
            if maker.primitive in (permute_, reshape_):
                moves.append(maker)
                (term,) = maker.operands
                continue
            rule = {matmul_: self._product, add_into_: self._placed}.get(maker.primitive)
            late = None if rule is None else rule(maker)
            return None if late is None else Late(late.needs, partial(_summed, moves, late.write))
        return None

    def _product(self, maker: Equation) -> Late | None:
        a, b, *rest = maker.operands
        if rest or not isinstance(a, Value) or not isinstance(b, Value) or a.ndim != 2 or b.ndim != 2:
            return None
        same = maker.output.dtype == a.dtype == b.dtype
        if not same or any(self._around.is_same(self._base(x)) for x in (a, b)) or not self._make_room(a, b):
            return None
        ta, tb = maker.params["ta"], maker.params["tb"]

        def write(writing: Writing, _: Operand, stack: Stack) -> Operand:
            left, right = _rows(writing, stack(a), first=ta), _rows(writing, stack(b), first=not tb)
            out = maker.output
            return writing.apply(matmul_, (left, right), out.shape, out.dtype, {"ta": True, "tb": False})

        return Late((a, b), write)

    def _placed(self, maker: Equation) -> Late | None:
        """What is added into zeros at a place that moves."""
        values, *arrays = maker.operands
        place = self._place(maker.params["index"], arrays)
        if place is None or not isinstance(values, Value):
            return None
        out = maker.output

        def write(writing: Writing, _: Operand, stack: Stack) -> Operand:
            return place.written(writing, add_into_, (), stack(values), out, {"shape": out.shape})

        return Late((values,), write)

    def _stored(self, number: int, carried: Value, after: Value) -> Late | None:
        """What is assigned to a place of a carried array that moves, where nothing but that place is read before."""
        around, maker = self._around, self._around.made.get(after)
        if maker is None or maker.primitive is not put_ or maker.operands[0] is not carried or around.uses[after] != 1:
            return None
        _, values, *arrays = maker.operands
        index, place = maker.params["index"], self._place(maker.params["index"], arrays)
        if place is None or (isinstance(values, Constant) and np.ndim(values.value)):
            return None
        if isinstance(values, Value) and (values is carried or values.shape != place.shape(carried.shape)):
            return None
        others = [reader for reader in self._readers[carried] if reader is not maker]
        if around.uses[carried] != 1 + len(others) or (others and not isinstance(place.part, slice)):
            return None
        if any(not _reads_alike(reader, index, arrays) for reader in others):
            return None
        if others:
            if not place.alone:
                return None
            assert isinstance(place.part, slice)
            window = place.window
            for reader in others:
                self._instead[reader.output] = Read((window,)), [around.inits[number]]

        def write(writing: Writing, before: Operand, stack: Stack) -> Operand:
            given = stack(values) if isinstance(values, Value) else values
            return place.written(writing, put_, (before,), given, after, {})

        return Late((values,) if isinstance(values, Value) else (), write)

    def _place(self, index: tuple[Any, ...], arrays: Sequence[Operand]) -> Place | None:
        """The place of an index, one array of which moves from row to row of a table."""
        if len(arrays) != 1 or index.count(ARRAY) != 1:
            return None
        found = self._around.window(arrays[0])
        if found is None or found[0].axis or isinstance(found[1], Value):
            return None
        window, table = found
        assert isinstance(table, Constant)
        rows = np.asarray(table.value)[progression(window.start, window.step, self._around.loop.length)]
        if rows.ndim > 2 or rows.dtype.kind not in "iu" or not rows.size or rows.min() < 0:
            return None
        return Place(index, rows)

    def _make_room(self, *values: Value) -> bool:
        """Whether stacking some values takes no more memory than there is for it."""
        bases = [value for value in map(self._base, values) if isinstance(value, Value)]
        more = [value for value in dict.fromkeys(bases) if not self._is_there(value)]
        size = sum(map(bytes_of, more))
        if size > self._room:
            return False
        self._room -= size
        self._more += [value for value in more if value not in self._more]
        return True

    def _is_there(self, value: Operand) -> bool:
        """Whether a value of all steps is an array already."""
        return self._around.is_laid(value) or value in self._stacked or value in self._more

    def _base(self, value: Operand) -> Operand:
        """What a value is another shape or order of."""
        while isinstance(value, Value) and (maker := self._around.made.get(value)) is not None:
            (inner, *_) = maker.operands or (None,)
            if maker.primitive not in (permute_, reshape_) or not isinstance(inner, Value):
                break
            value = inner
        return value

    # Writing.

    def written(self) -> list[Equation] | None:
        """The loop, what it gives, and what is done after it; None if nothing is."""
        around = self._around
        loop, body = around.loop, around.body
        nexts, given, conditions = loop.outputs
        handed = {i + loop.carried for o, i in self._stacked.items() if around.is_laid(self._base(o))}
        if not self._late and not handed & self._picked.keys():
            return None
        needs = (value for lates in self._late.values() for late in lates for value in map(self._base, late.needs))
        more = dict.fromkeys(value for value in (*self._more, *needs) if isinstance(value, Value))
        self._more = [value for value in more if value not in self._stacked and not around.is_laid(value)]
        carried = [i for i in range(loop.carried) if i not in self._late or self._kept[i]]
        equations, ends = self._equations(carried)
        reads = dict(around.reads)
        reads |= {value: way for value, way in self._instead.items() if isinstance(value, Value)}
        outputs = (*(ends.get(i, nexts[i]) for i in carried), *given, *self._more, *conditions)
        inputs = (*(body.inputs[i] for i in carried), *reads)
        small = prune(replace(body, inputs=inputs, equations=equations, outputs=outputs))
        stacked = (*loop.stacked, *[True] * len(self._more))
        inits = [around.inits[i] for i in carried]
        made = loop_equation(around, small.verify(), inits, [*reads.values()], stacked)
        writing = Writing(made.line)
        writing.made.append(made)
        places: dict[int, Value] = {}

        def pick(index: int, output: Value) -> Value:
            if index not in places:
                writing.made.append(Equation(pick_, (made.output,), {"index": index}, output, made.line))
                places[index] = output
            return places[index]

        for index, output in self._picked.items():
            if index >= loop.carried and index not in handed:
                pick(index - loop.carried + len(carried), output)
            elif index < loop.carried and index not in self._late:
                pick(carried.index(index), output)

        def stack(value: Operand) -> Operand:
            assert isinstance(value, Value)
            if around.is_laid(value):
                return around.laid(writing, value)
            number = None if around.is_laid(self._base(value)) else self._stacked.get(value)
            if number is None and value in self._more:
                number = len(given) + self._more.index(value)
            if number is not None:
                return pick(len(carried) + number, Value((loop.length, *value.shape), value.dtype))
            maker = around.made[value]
            inner = stack(maker.operands[0])
            if maker.primitive is reshape_:
                return writing.reshaped(inner, (loop.length, *value.shape))
            return writing.permuted(inner, (0, *(axis + 1 for axis in maker.params["axes"])))

        for index in handed & self._picked.keys():
            whole = (stack(given[index - loop.carried]),)
            writing.made.append(Equation(positive, whole, {}, self._picked[index], made.line))
        for index, lates in self._late.items():
            if index in self._picked:
                self._finish(index, lates, writing, stack, pick, carried)
        return writing.made

    def _finish(
        self, index: int, lates: list[Late], writing: Writing, stack: Stack, pick: Callable[[int, Value], Value],
        carried: list[int],
    ) -> None:  # fmt: skip
        """Write down what becomes of a carried value after the loop."""
        output = self._picked[index]
        before: Operand = self._around.inits[index]
        if index in carried:
            before = pick(carried.index(index), Value(output.shape, output.dtype))
        for late in lates:
            before = late.write(writing, before, stack)
        last = writing.made[-1]
        assert last.output is before
        writing.made[-1] = replace(last, output=output)

    def _equations(self, carried: list[int]) -> tuple[tuple[Equation, ...], dict[int, Operand]]:
        """The equations of the body without what is done later, and the ends of sums of which a part stays."""
        around, ends = self._around, dict[int, Operand]()
        nexts, _, _ = around.loop.outputs
        gone: set[Equation] = set()
        again: list[Equation] = []
        for number in self._late:
            at: Operand = around.body.inputs[number]
            while at is not nexts[number] and isinstance(at, Value):
                last = next(r for r in self._readers[at] if r.primitive in (add, put_) and r not in gone)
                gone.add(last)
                at = last.output
            if number in carried:
                total: Operand = around.body.inputs[number]
                for term in self._kept[number]:
                    like = around.body.inputs[number]
                    again.append(Equation(add, (total, term), {}, Value(like.shape, like.dtype), last.line))
                    total = again[-1].output
                ends[number] = total
        kept = [e for e in around.body.equations if e not in gone and e.output not in self._instead]
        return (*kept, *again), ends


def _reads_alike(reader: Equation, index: tuple[Any, ...], arrays: Sequence[Operand]) -> bool:
    """Whether an equation reads the place that is written to, and nothing else."""
    return reader.params.get("index") == index and [*reader.operands[1:]] == [*arrays]


def _summed(moves: Sequence[Equation], write: Write, writing: Writing, before: Operand, stack: Stack) -> Operand:
    """What there was before, and a sum, moved as each of its terms was."""
    total = write(writing, before, stack)
    for move in reversed(moves):
        out = move.output
        total = writing.apply(move.primitive, (total,), out.shape, out.dtype, move.params)
    return writing.apply(add, (before, total), total.spec.shape, total.spec.dtype, {})


def _rows(writing: Writing, stack: Operand, *, first: bool) -> Operand:
    """A stack of matrices as one whose rows are what is summed over: their rows if `first`, else their columns."""
    steps, rows, columns = stack.spec.shape
    if first:
        return writing.reshaped(stack, (steps * rows, columns))
    if columns != 1:
        stack = writing.permuted(stack, (0, 2, 1))
    return writing.reshaped(stack, (steps * columns, rows))
