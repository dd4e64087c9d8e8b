"""Loops: a nest as a function in LLVM IR, `void name(ptr table, ptr scratch, i64 piece)`.

`table` holds the addresses of the nest's buffers. Sums have an accumulator in each lane, and lanes are added up in a
balanced tree: the order of additions follows from the sizes alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, final

from pullback.compiler.emission import accumulate
from pullback.compiler.emission.elementwise import converted, register_type
from pullback.compiler.emission.indexed import Scatter
from pullback.compiler.emission.parallel import share
from pullback.compiler.emission.point import Buffers, Point, from_memory, held, in_memory, load, offset, store
from pullback.compiler.emission.values import Values, dtype_at
from pullback.compiler.instructions.llvm import I8, I64, PTR, Module, Reg, Type
from pullback.compiler.instructions.processor import machine
from pullback.compiler.instructions.vectors import MASKS, WIDE, first_lanes
from pullback.compiler.lowering.nest import Nest
from pullback.compiler.lowering.steps import Step
from pullback.programs.program import Operand, Value

# Instructions of a body that is written once, with a mask, where the last vector is not whole: a mask costs nothing
# where it is a register of its own, and else a fifth of the time of a body of a hundred instructions.
HEAVY, HEAVY_WITHOUT_MASKS = 100, 1_000
WORD: Final = 4  # bytes of the smallest elements that all machines read and write under a mask
LIGHT: Final = 8  # instructions of a body up to which four of it are written out, so that sums need not wait

Body = Callable[[Reg, Reg | None, int], None]


def emit_nest(module: Module, name: str, nest: Nest, buffers: Sequence[Operand]) -> None:
    """Define the function that runs one piece of a nest, whose buffers are listed in the table in this order."""
    _Loops(module, name, nest, buffers).write()


@final
class _Loops:
    """One nest being written."""

    def __init__(self, module: Module, name: str, nest: Nest, buffers: Sequence[Operand]) -> None:
        self._nest = nest
        parameters = [(PTR, "table"), (PTR, "scratch"), (I64, "piece")]
        self._f = module.function(name, parameters, attributes=WIDE, exported=False)
        table, self._scratch, self._piece = self._f.arguments
        self._sums = {v: self._accumulators(v) for v, step in nest.steps.items() if step.reduces or step.runs}
        self._buffers = Buffers(self._f, table, buffers)
        self._values = Values(self._f, self._buffers, nest.steps, self._recalled)
        self._everywhere = Point(self._f, {})
        scatter = nest.scatter
        self._scatter = scatter and Scatter(
            self._f, self._buffers, scatter, nest.stores[scatter.equation.output], nest.lanes
        )

    def write(self) -> None:
        """Write all of it."""
        f, nest = self._f, self._nest
        self._values.read_ahead(self._everywhere, frozenset())
        for value in nest.finals:
            self._begin(value)
        if nest.items == 1:
            self._item(f.const(0, I64))
        else:
            with f.loop(*share(f, self._piece, nest.items, nest.pieces)) as (item, _, _):
                self._item(item)
        for value in nest.finals:
            if not self._in_memory(value):
                self._store(value, self._total(value), self._everywhere)
        f.ret()
        f.finish()

    # Items.

    def _item(self, item: Reg) -> None:
        """Find the outer indices of an item, and run it."""
        f, nest = self._f, self._nest
        counts = {label: nest.sizes[label] for label in nest.outer}
        if nest.vector in counts:
            counts[nest.vector] = -(-nest.sizes[nest.vector] // nest.chunk)
        index: dict[int, Reg] = {}
        left = [label for label, count in counts.items() if count > 1]
        for label in reversed(counts):
            if label not in left:
                index[label] = f.const(0, I64)
            elif label == left[0]:
                index[label] = item
            else:
                index[label] = f.binary("urem", item, counts[label])
                item = f.binary("udiv", item, counts[label])
        if nest.vector not in counts:
            self._run(Point(f, index, parent=self._everywhere), 0)
            return
        vector = nest.vector
        start = f.binary("mul", index[vector], nest.chunk)
        stop = f.intrinsic("smin", f.binary("add", start, nest.chunk), f.const(nest.sizes[vector], I64))

        def body(at: Reg, mask: Reg | None, copy: int) -> None:
            self._run(Point(f, {**index, vector: at}, vector, nest.lanes, mask, self._everywhere), copy)

        self._along(start, stop, nest.sizes[vector] if counts[vector] == 1 else None, body)

    # Vectors.

    @property
    def _copies(self) -> int:
        """How many bodies of the vector loop are written out, side by side."""
        nest = self._nest
        if nest.vector is None or (nest.vector in nest.outer and nest.inner):
            return 1
        body = sum(step.weight for step in nest.steps.values())
        return 4 if body <= LIGHT and nest.sizes[nest.vector] >= 8 * nest.lanes else 1

    def _along(self, start: Reg, stop: Reg, size: int | None, body: Body) -> None:
        """Run a body for each vector from start to stop, the last with a mask; `size` is how long that is, if known."""
        f, lanes = self._f, self._nest.lanes
        at = start
        if self._heavy and (size is None or (size > lanes and size % lanes)):
            with f.loop(start, stop, lanes) as (k, _, _):
                body(k, self._left(k, stop), 0)
            return
        for copies in sorted({self._copies, 1}, reverse=True):
            step = copies * lanes
            if size is not None and size < step:
                continue
            length = f.binary("sub", stop, at)
            end = f.binary("add", at, f.binary("mul", f.binary("sdiv", length, step), step))
            with f.loop(at, end, step) as (k, _, _):
                for copy in range(copies):
                    body(f.binary("add", k, copy * lanes), None, copy)
            at, size = end, None if size is None else size % step
        if size is not None:
            if size:
                body(at, first_lanes(size, Type("i8", lanes)), 0)
            return
        some, done = f.label("some"), f.label("none")
        f.branch_if(f.compare("slt", at, stop), some, done)
        f.begin(some)
        body(at, self._left(at, stop), 0)
        f.branch(done)
        f.begin(done)

    @property
    def _heavy(self) -> bool:
        """Whether a body is so long that it is written once for whole vectors and the last."""
        nest = self._nest
        dtypes = [access.base.spec.dtype for access in nest.accesses()]
        masked = machine().width == MASKS or all(t.kind != "c" and t.itemsize >= WORD for t in dtypes)
        most = HEAVY if machine().width == MASKS else HEAVY_WITHOUT_MASKS
        return masked and sum(step.weight for step in nest.steps.values()) > most

    def _left(self, at: Reg, stop: Reg) -> Reg:
        """A mask of the lanes at a place that lie before the end."""
        f, lanes = self._f, self._nest.lanes
        each = Reg(f"<{', '.join(f'i32 {lane}' for lane in range(lanes))}>", Type("i32", lanes))
        left = f.splat(f.cast("trunc", f.binary("sub", stop, at), Type("i32")), lanes)
        return f.compare("slt", each, left)

    # What is done at a point.

    def _run(self, point: Point, copy: int) -> None:
        """All stages of an item, or of a vector of items."""
        nest = self._nest
        self._values.read_ahead(point, frozenset(nest.outer))
        for stage in range(nest.stages + 1):
            for value, step in nest.steps.items():
                if step.stage == stage and not nest.inside(step):
                    self._do(value, point, copy, stage)
            if nest.inner and stage < nest.stages:
                self._inner(stage, point)

    def _inner(self, stage: int, outside: Point) -> None:
        """The inner loops of a stage."""
        f, nest = self._f, self._nest
        roots = [
            value for value, step in nest.steps.items()
            if step.stage == stage and nest.inside(step)
            and (step.reduces or value in nest.stores or value in nest.buffered)
        ]  # fmt: skip
        if not roots:
            return
        complete = [value for value in roots if nest.steps[value].reduces and value not in nest.finals]
        for value in roots:
            if value in complete or nest.steps[value].runs:
                self._clear(value)

        def at(index: dict[int, Reg], mask: Reg | None, copy: int) -> None:
            inside = Point(f, index, nest.vector, nest.lanes, mask or outside.mask, outside)
            for value in roots:  # all is read before anything is written, perhaps over it
                self._read(value, inside, stage)
            for value in roots:
                self._do(value, inside, copy, stage)

        def loops(labels: Sequence[int], index: dict[int, Reg]) -> None:
            if not labels:
                at(index, None, 0)
            elif labels[0] == nest.vector:
                vector, size = labels[0], nest.sizes[labels[0]]
                zero, end = f.const(0, I64), f.const(size, I64)
                self._along(zero, end, size, lambda k, mask, copy: at({**index, vector: k}, mask, copy))
            else:
                with f.loop(0, nest.sizes[labels[0]]) as (i, _, _):
                    loops(labels[1:], {**index, labels[0]: i})

        loops(nest.inner, dict(outside.index))
        for value in complete:
            outside.known[value] = self._total(value, fold=nest.vector in nest.inner)
            if value in nest.stores:
                self._store(value, outside.known[value], outside)

    def _read(self, value: Value, point: Point, stage: int) -> Reg:
        """A value, or what a reduction takes in."""
        step = self._nest.steps[value]
        taken_in = step.reduces or step.runs
        return self._values.operand(step, 0, point, stage) if taken_in else self._values.value(value, point, stage)

    def _do(self, value: Value, point: Point, copy: int, stage: int) -> None:
        """Compute a value, and store it, keep it or add it up."""
        nest, step = self._nest, self._nest.steps[value]
        if self._scatter is not None:
            self._write_by_numbers(self._scatter, step, point)
            return
        register = self._read(value, point, stage)
        if step.reduces:
            self._take_in(value, register, point, copy)
            return
        if step.runs:
            self._take_in(value, register, point, copy)
            register = self._total(value, fold=False)
        if value in nest.stores:
            self._store(value, register, point)
        if value in nest.buffered:
            self._f.store(in_memory(self._f, register, value.dtype), self._kept(value, point))

    def _write_by_numbers(self, scatter: Scatter, step: Step, point: Point) -> None:
        """Write what a step is given where its numbers say."""
        operands = [(self._values.operand(step, i, point), dtype_at(step, i)) for i in range(len(step.reads))]
        (given, dtype), *_ = operands
        value = converted(self._f, given, dtype, step.equation.output.dtype)
        scatter.write(value, self._values.numbers(step, operands[1:], point), point)

    def _recalled(self, value: Value, point: Point, stage: int) -> Reg | None:
        """A value of an earlier stage, from where it is stored or kept."""
        nest, f = self._nest, self._f
        if not nest.inside(nest.steps[value]) or nest.steps[value].stage >= stage:
            return None
        if value in nest.stores:
            return load(self._buffers, nest.stores[value], value.dtype, point)
        if value in nest.buffered:
            return from_memory(f, f.load(self._kept(value, point), held(value.dtype, point.lanes)), value.dtype)
        return None

    def _store(self, value: Value, register: Reg, point: Point) -> None:
        store(self._buffers, self._nest.stores[value], register, value.dtype, point)

    def _kept(self, value: Value, point: Point) -> Reg:
        """Where the buffer holds a value."""
        nest, f = self._nest, self._f
        scale = 1 if nest.vector in nest.inner else max(nest.lanes, 1)
        sizes = dict(nest.sizes)
        if nest.vector in nest.inner:
            sizes[nest.inner[-1]] = -(-sizes[nest.inner[-1]] // nest.lanes) * nest.lanes
        place = f.binary("add", offset(point, nest.inner, sizes, scale), nest.buffered[value] * nest.buffer_size)
        return f.address(self._scratch, f.binary("mul", place, 8), I8)

    # Sums.

    def _accumulators(self, value: Value) -> list[Reg]:
        kind = register_type(value.dtype, self._nest.lanes)
        return [self._f.reserve(kind) for _ in range(self._copies)]

    def _clear(self, value: Value) -> None:
        start, kind = self._nest.steps[value].accumulator.start, register_type(value.dtype, self._nest.lanes)
        for place in self._sums[value]:
            self._f.store(self._f.const(start(value.dtype), kind), place)

    def _in_memory(self, value: Value) -> bool:
        """Whether the results of a final reduction are so many that they are added up where they are stored."""
        return bool(self._nest.steps[value].result)

    def _begin(self, value: Value) -> None:
        """Make ready what a piece adds to."""
        f, nest, access = self._f, self._nest, self._nest.stores[value]
        if nest.pieces > 1:
            place = self._buffers[access.base]
            size = f.binary("mul", self._piece, access.base.size // nest.pieces)  # type: ignore[union-attr]  # a value of its own for each piece
            self._buffers.moved[access.base] = f.address(place, size, held(value.dtype, 0))
        if not self._in_memory(value):
            self._clear(value)
            return
        start = nest.steps[value].accumulator.start
        first = f.const(start(value.dtype), register_type(value.dtype, 0))

        def loops(labels: Sequence[int], index: dict[int, Reg]) -> None:
            if not labels:
                self._store(value, first, Point(f, index))
            else:
                with f.loop(0, nest.sizes[labels[0]]) as (i, _, _):
                    loops(labels[1:], {**index, labels[0]: i})

        loops(sorted(nest.steps[value].result, key=lambda label: -abs(access.along(label))), {})

    def _take_in(self, value: Value, register: Reg, point: Point, copy: int) -> None:
        """Add an element, or one for each lane, to a reduction."""
        f, nest, step = self._f, self._nest, self._nest.steps[value]
        how = step.accumulator
        register = converted(f, register, dtype_at(step, 0), value.dtype)
        summed = point.vector is not None and point.vector not in step.result  # along the lanes
        if summed and point.mask is not None:
            nothing = f.const(how.start(value.dtype), register)
            register = f.select(point.mask, register, nothing)
        if value in nest.finals and self._in_memory(value):
            if summed:
                register = accumulate.fold(f, how, register)
                point = Point(f, point.index)
            fresh = Point(f, point.index, point.vector, point.lanes, point.mask)  # it knows no earlier sum
            before = load(self._buffers, nest.stores[value], value.dtype, fresh)
            self._store(value, accumulate.combine(f, how, before, register), point)
            return
        kind = register_type(value.dtype, nest.lanes)
        if nest.lanes and not register.type.lanes:  # an element outside of the vector loop counts in the first lane
            nothing = f.const(how.start(value.dtype), kind)
            register = f.emit(f"insertelement {nothing.typed}, {register.typed}, i64 0", kind)
        place = self._sums[value][copy]
        f.store(accumulate.combine(f, how, f.load(place, kind), register), place)

    def _total(self, value: Value, fold: bool = True) -> Reg:
        """What a reduction has come to."""
        f, how = self._f, self._nest.steps[value].accumulator
        kind = register_type(value.dtype, self._nest.lanes)
        parts = [f.load(place, kind) for place in self._sums[value]]
        while len(parts) > 1:
            parts = [accumulate.combine(f, how, a, b) for a, b in zip(parts[::2], parts[1::2], strict=True)]
        return accumulate.fold(f, how, parts[0]) if fold and kind.lanes else parts[0]
