"""`emit_matmul`: the function that computes a contraction, or some pieces of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, final

from pullback.compile.contraction.inner import inner_tile
from pullback.compile.contraction.job import Epilogue, Job, moved, stored
from pullback.compile.contraction.outer import outer_tile
from pullback.compile.contraction.pack import pack_columns, pack_lines, pack_rows
from pullback.compile.contraction.plan import Plan
from pullback.compile.contraction.split import Kind, Split, by_kind, kinds
from pullback.compile.contraction.vectors import WIDE, reserve
from pullback.compile.llvm import I64, PTR, Function, Module, Reg, Type

TOGETHER: Final = 8  # steps of k of which panels of A are packed at once
KNOWN: Final = ((PTR, "a"), (PTR, "b"), (PTR, "c"), (PTR, "scratch"), (I64, "first"), (I64, "last"))


def emit_matmul(
    module: Module, name: str, plan: Plan, parameters: Sequence[tuple[Type, str]] = (),
    epilogue: Epilogue | None = None, unrolled: bool = True,
) -> None:  # fmt: skip
    """Define `void name(ptr a, ptr b, ptr c, ptr scratch, i64 first, i64 last, parameters…)`.

    It computes pieces `first` to below `last` of `plan.pieces`. Pieces may run at once, each thread with `scratch_bytes(plan)`
    of its own at `scratch` (any pointer where that is 0); their number and their bits depend on nothing but the plan.

    Parameters
    ----------
    module : Module
        Where the function and those that it uses are defined.
    name : str
        Its name; the others' begin with it.
    plan : Plan
        What to compute, and how.
    parameters : sequence of (Type, str)
        What else the epilogue needs. They are the last of `function.arguments` wherever it is called.
    epilogue : callable, optional
        `epilogue(function, row, column, sums, mask)` writes what is done with a vector of finished sums, in place of
        storing it: lane l is C[row, column + l]. Lanes outside of the mask must not be written, nor their places be
        read. Every element is handed over once. Without it, sums go to C.
    unrolled : bool
        Write the epilogue out for each vector of a tile, which suits a few instructions; else it is written once or twice,
        in a loop over a tile that is stored first.
    """
    what = plan.what
    plain = epilogue or stored(what)
    job = Job(module, name, plan, tuple(parameters), plain, unrolled and (epilogue is not None or what.c[1] == 1))
    function = Function(module, name, [*KNOWN, *parameters], attributes=WIDE)
    first, last = function.arguments[4:6]
    if plan.pieces:
        buffer = None
        if plan.depth.parts == 1 and not (plan.way == "outer" and job.unrolled):
            buffer = reserve(function, plan.tile[0] * plan.tile[1], what.scalar)
        with function.loop(first, last) as (piece, _, _):
            _Piece(job, function, piece, buffer).write()
    function.ret()
    function.finish()


@final
class _Piece:
    """One piece being written: where its tiles and panels are."""

    def __init__(self, job: Job, function: Function, piece: Reg, buffer: Reg | None) -> None:
        self._job, self._function, self._buffer = job, function, buffer
        self._a, self._b, self._c, scratch = function.arguments[:4]
        plan, kind = job.plan, job.what.vector
        self._rows, self._columns = kinds(plan.rows), kinds(plan.columns, kind.lanes, job.what.n)
        size_a, size_b, _ = plan.panels
        self._panels_a, self._panels_b = scratch, function.address(scratch, size_a, kind)
        self._sums = function.address(scratch, size_a + size_b, kind)
        strips = plan.strips[1].parts
        self._top, self._bottom = self._ends(plan.strips[0], function.binary("udiv", piece, strips))
        self._left, self._right = self._ends(plan.strips[1], function.binary("urem", piece, strips))

    def _ends(self, strips: Split, at: Reg) -> tuple[Reg, Reg]:
        after = self._function.binary("add", at, 1)
        return strips.start(self._function, at), strips.start(self._function, after)

    def write(self) -> None:
        """Write the loops over blocks of k and over tiles."""
        function, plan = self._function, self._job.plan
        with function.loop(0, plan.depth.parts) as (block, _, _):
            depth = plan.depth.start(function, block), plan.depth.length(function, block), block
            if plan.pack_a:
                self._pack_a(*depth[:2])
            if plan.pack_b:
                with function.loop(self._left, self._right) as (s, _, _):
                    self._pack_b(s, *depth)
            tiles = [(self._top, self._bottom), (self._left, self._right)]
            outside, inside = tiles if plan.rows_first else tiles[::-1]
            with function.loop(*outside) as (x, _, _), function.loop(*inside) as (y, _, _):
                t, s = (x, y) if plan.rows_first else (y, x)
                write = self._outer if plan.way == "outer" else self._inner
                by_kind(
                    function, self._rows, t,
                    lambda rows: by_kind(function, self._columns, s, lambda columns: write(rows, columns, t, s, *depth)),
                )  # fmt: skip

    # Where things are.

    def _row(self, t: Reg) -> Reg:
        return self._job.plan.rows.start(self._function, t)

    def _column(self, s: Reg) -> Reg:
        start = self._job.plan.columns.start(self._function, s)
        return self._function.binary("mul", start, self._job.what.vector.lanes)

    def _corner(self, t: Reg, k: Reg) -> Reg:
        """A's element at the first row of a tile."""
        what = self._job.what
        return moved(self._function, self._a, [(self._row(t), what.a[0]), (k, what.a[1])], what.vector)

    def _head(self, s: Reg, k: Reg) -> Reg:
        """B's element at the first column of a tile."""
        what = self._job.what
        return moved(self._function, self._b, [(k, what.b[0]), (self._column(s), what.b[1])], what.vector)

    def _panel(self, panels: Reg, at: Reg, first: Reg, size: int) -> Reg:
        number = self._function.binary("sub", at, first)
        return moved(self._function, panels, [(number, size)], self._job.what.vector)

    def _panel_a(self, t: Reg) -> Reg:
        return self._panel(self._panels_a, t, self._top, self._job.plan.tile[0] * self._job.plan.deep)

    def _panel_b(self, s: Reg) -> Reg:
        return self._panel(self._panels_b, s, self._left, self._job.plan.tile[1] * self._job.plan.deep)

    def _unfinished(self, t: Reg, s: Reg) -> Reg:
        """Where the sums of a tile wait for the next block of k, or for the epilogue."""
        plan, function = self._job.plan, self._function
        if plan.depth.parts == 1:
            return self._buffer or Reg("null", PTR)
        tall, width = plan.tile
        row, column = function.binary("sub", t, self._top), function.binary("sub", s, self._left)
        steps = [(row, plan.strips[1].longest * tall * width), (column, tall * width)]
        return moved(function, self._sums, steps, self._job.what.vector)

    # What is called.

    def _pack_a(self, k: Reg, count: Reg) -> None:
        """Pack a few steps of k of all panels, then the next few: they lie in the same lines."""
        job, function = self._job, self._function

        def write(rows: Kind) -> None:
            function.call(pack_rows(job, rows.length), corner, place, steps, kind=None)

        with function.loop(0, count, TOGETHER) as (step, _, _), function.loop(self._top, self._bottom) as (t, _, _):
            corner = self._corner(t, function.binary("add", k, step))
            place = moved(function, self._panel_a(t), [(step, job.plan.rows.longest)], job.what.vector)
            left = function.binary("sub", count, step)
            steps = function.intrinsic("smin", left, function.const(TOGETHER, left))
            by_kind(function, self._rows, t, write)

    def _pack_b(self, s: Reg, k: Reg, count: Reg, _: Reg) -> None:
        job, function, what = self._job, self._function, self._job.what
        head, panel = self._head(s, k), self._panel_b(s)

        def vector(v: Reg | int, valid: int) -> None:
            steps = (v, what.vector.lanes * what.b[1]), (v, what.vector.lanes)
            places = [moved(function, x, [step], what.vector) for x, step in zip((head, panel), steps, strict=True)]
            function.call(pack_columns(job, valid), *places, count, kind=None)

        def write(columns: Kind) -> None:
            if what.b[1] == 1:
                function.call(pack_lines(job, columns), head, panel, count, kind=None)
                return
            whole = columns.length - (columns.tail < what.vector.lanes)
            with function.loop(0, whole) as (v, _, _):
                vector(v, what.vector.lanes)
            if whole < columns.length:
                vector(whole, columns.tail)

        by_kind(function, self._columns, s, write)

    def _outer(self, rows: Kind, columns: Kind, t: Reg, s: Reg, k: Reg, count: Reg, block: Reg) -> None:
        plan = self._job.plan
        a = self._panel_a(t) if plan.pack_a else self._corner(t, k)
        b = self._panel_b(s) if plan.pack_b else self._head(s, k)
        place = self._unfinished(t, s), self._row(t), self._column(s), count, block
        name = outer_tile(self._job, rows.length, columns)
        self._function.call(name, a, b, self._c, *place, *self._job.handed_on(self._function), kind=None)

    def _inner(self, rows: Kind, columns: Kind, t: Reg, s: Reg, k: Reg, *_: Reg) -> None:
        """Fill a tile one vector wide from groups of columns, and hand it to the epilogue."""
        job, function, what = self._job, self._function, self._job.what
        tile, a, b = self._unfinished(t, s), self._corner(t, k), self._head(s, k)
        whole, rest = divmod(columns.tail, job.plan.group)

        def group(at: Reg | int, size: int) -> None:
            head = moved(function, b, [(at, job.plan.group * what.b[1])], what.vector)
            place = moved(function, tile, [(at, job.plan.group)], what.vector)
            function.call(inner_tile(job, rows.length, size), a, head, place, kind=None)

        with function.loop(0, whole) as (at, _, _):
            group(at, job.plan.group)
        if rest:
            group(whole, rest)
        sizes = function.const(rows.length, I64), function.const(1, I64)
        place = tile, self._row(t), self._column(s), *sizes
        function.call(job.finish(), self._c, *place, *job.handed_on(function), kind=None)
