"""`emit_matmul`: the function that computes a contraction, or some pieces of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, final

from pullback.compiler.contraction.inner import inner_tile
from pullback.compiler.contraction.job import Epilogue, Job, moved, stored
from pullback.compiler.contraction.outer import outer_tile
from pullback.compiler.contraction.pack import pack_columns, pack_lines, pack_rows
from pullback.compiler.contraction.plan import Tiling
from pullback.compiler.contraction.runs import run_tile
from pullback.compiler.contraction.split import Split, call_one, run_of, runs
from pullback.compiler.instructions.llvm import I64, PTR, Function, Module, Reg, Type
from pullback.compiler.instructions.vectors import WIDE, reserve

TOGETHER: Final = 8  # steps of k of which panels of A are packed at once
KNOWN: Final = ((PTR, "a"), (PTR, "b"), (PTR, "c"), (PTR, "scratch"), (I64, "first"), (I64, "last"))


def emit_matmul(
    module: Module, name: str, plan: Tiling, parameters: Sequence[tuple[Type, str]] = (),
    epilogue: Epilogue | None = None, unrolled: bool = True,
) -> None:  # fmt: skip
    """Define `void name(ptr a, ptr b, ptr c, ptr scratch, i64 first, i64 last, parameters…)`.

    It computes pieces `first` to below `last` of `plan.pieces`. Pieces may run at once, each thread with
    `scratch_bytes(plan)` of its own at `scratch` (any pointer where that is 0). How many there are, and what bits they
    give, follows from the plan.

    Parameters
    ----------
    module : Module
        Where the function and those that it uses are defined.
    name : str
        Its name; the others' begin with it.
    plan : Tiling
        What to compute, and how.
    parameters : sequence of (Type, str)
        What else the epilogue needs. They are the last of `function.arguments` wherever it is called.
    epilogue : callable, optional
        `epilogue(function, row, column, sums, mask)` writes what is done with a vector of finished sums, in place of
        storing it: lane l is C[row, column + l]. Lanes outside of the mask must not be written, nor their places be
        read. Every element is handed over once. Without it, sums go to C.
    unrolled : bool
        Write the epilogue out for each vector of a tile, which suits a few instructions; else it is written once or
        twice, in a loop over a tile that is stored first.
    """
    what = plan.what
    # Unfinished sums are stored between blocks of k, and scattered stores are many instructions.
    direct = unrolled and plan.depth.parts == 1 and (epilogue is not None or what.c[1] == 1)
    job = Job(module, name, plan, tuple(parameters), epilogue or stored(what), direct)
    function = Function(module, name, [*KNOWN, *parameters], attributes=f"optsize {WIDE}")  # loops that call tiles
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
    """One piece being written: where its tiles and panels are, and what is called for them."""

    def __init__(self, job: Job, function: Function, piece: Reg, buffer: Reg | None) -> None:
        self._job, self._function, self._buffer = job, function, buffer
        given_a, given_b, self._c, scratch = function.arguments[:4]
        plan, kind = job.plan, job.what.vector
        self._a, self._b = (given_b, given_a) if plan.turned else (given_a, given_b)
        self._rows, self._columns = runs(plan.rows), runs(plan.columns, kind.lanes, job.what.n)
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
            k, count = plan.depth.start(function, block), plan.depth.length(function, block)
            if plan.pack_a:
                self._pack_a(k, count)
            if plan.pack_b:
                self._pack_b(k, count)
            tiles = [(self._top, self._bottom), (self._left, self._right)]
            outside, inside = tiles if plan.rows_first else tiles[::-1]
            with function.loop(*outside) as (x, _, _), function.loop(*inside) as (y, _, _):
                t, s = (x, y) if plan.rows_first else (y, x)
                if plan.way == "outer":
                    self._outer(t, s, k, count, block)
                else:
                    self._inner(t, s, k, count, block)

    def _moved(self, pointer: Reg, *steps: tuple[Reg | int, int]) -> Reg:
        return moved(self._function, pointer, steps, self._job.what.vector)

    # Where things are.

    def _row(self, t: Reg) -> Reg:
        return self._job.plan.rows.start(self._function, t)

    def _column(self, s: Reg) -> Reg:
        start = self._job.plan.columns.start(self._function, s)
        return self._function.binary("mul", start, self._job.what.vector.lanes)

    def _corner(self, t: Reg, k: Reg | int) -> Reg:
        """A's element at the first row of a tile."""
        down, along = self._job.what.a
        return self._moved(self._a, (self._row(t), down), (k, along))

    def _head(self, s: Reg, k: Reg | int) -> Reg:
        """B's element at the first column of a tile."""
        down, along = self._job.what.b
        return self._moved(self._b, (k, down), (self._column(s), along))

    def _panel_a(self, t: Reg) -> Reg:
        number = self._function.binary("sub", t, self._top)
        return self._moved(self._panels_a, (number, self._job.plan.tile[0] * self._job.plan.deep))

    def _panel_b(self, s: Reg) -> Reg:
        number = self._function.binary("sub", s, self._left)
        return self._moved(self._panels_b, (number, self._job.plan.tile[1] * self._job.plan.deep))

    def _waiting(self, t: Reg, s: Reg) -> Reg:
        """Where the sums of a tile wait for the next block of k, or for the epilogue."""
        plan, function = self._job.plan, self._function
        if plan.depth.parts == 1:
            return self._buffer or Reg("null", PTR)
        size = plan.tile[0] * plan.tile[1]
        row, column = function.binary("sub", t, self._top), function.binary("sub", s, self._left)
        return self._moved(self._sums, (row, plan.strips[1].longest * size), (column, size))

    # What is called.

    def _pack_a(self, k: Reg, count: Reg) -> None:
        """Pack a few steps of k of all panels, then the next few: neighbouring panels share lines."""
        job, function = self._job, self._function
        names = [pack_rows(job, rows.length) for rows in self._rows]
        with function.loop(0, count, TOGETHER) as (step, _, _), function.loop(self._top, self._bottom) as (t, _, _):
            left = function.binary("sub", count, step)
            steps = function.intrinsic("smin", left, function.const(TOGETHER, left))
            corner = self._corner(t, function.binary("add", k, step))
            place = self._moved(self._panel_a(t), (step, job.plan.tile[0]))
            which = run_of(function, self._rows, t)
            call_one(function, f"{job.name}.pack_a", names, which, corner, place, steps)

    def _pack_b(self, k: Reg, count: Reg) -> None:
        job, function, what = self._job, self._function, self._job.what
        lanes, table = what.vector.lanes, f"{job.name}.pack_b"
        with function.loop(self._left, self._right) as (s, _, _):
            head, panel = self._head(s, k), self._panel_b(s)
            if what.b[1] == 1:
                names = [pack_lines(job, columns) for columns in self._columns]
                call_one(function, table, names, run_of(function, self._columns, s), head, panel, count)
                return
            # One vector of columns at a time; the last one may have fewer.
            each = Split(job.plan.columns.total, job.plan.columns.total)
            ends = runs(each, lanes, what.n)
            names = [pack_columns(job, end.tail) for end in ends]
            first, vectors = job.plan.columns.start(function, s), job.plan.columns.length(function, s)
            with function.loop(0, vectors) as (v, _, _):
                places = self._moved(head, (v, lanes * what.b[1])), self._moved(panel, (v, lanes))
                which = run_of(function, ends, function.binary("add", first, v))
                call_one(function, table, names, which, *places, count)

    def _outer(self, t: Reg, s: Reg, k: Reg, count: Reg, block: Reg) -> None:
        job, function, plan, what = self._job, self._function, self._job.plan, self._job.what
        a = self._panel_a(t) if plan.pack_a else self._corner(t, k)
        b = self._panel_b(s) if plan.pack_b else self._head(s, k)
        place = self._waiting(t, s), self._row(t), self._column(s), count, block
        # Packed columns are whole vectors, so that only the epilogue minds where the last one ends.
        across = self._columns if job.unrolled or not plan.pack_b else runs(plan.columns, what.vector.lanes)
        names = [outer_tile(job, rows.length, columns) for rows in self._rows for columns in across]
        which = function.binary("mul", run_of(function, self._rows, t), len(across))
        which = function.binary("add", which, run_of(function, across, s))
        call_one(function, f"{job.name}.tiles", names, which, a, b, self._c, *place, *job.handed_on(function))

    def _inner(self, t: Reg, s: Reg, k: Reg, count: Reg, block: Reg) -> None:
        """Fill a tile one vector wide, group by group of columns, and hand it to the epilogue after the last block."""
        job, function, what, group = self._job, self._function, self._job.what, self._job.plan.group
        tile, a, b, column = self._waiting(t, s), self._corner(t, 0), self._head(s, 0), self._column(s)
        sizes, runs_over = [group, what.n % group] if what.n % group else [group], bool(what.heads)
        one = run_tile if runs_over else inner_tile
        names = [one(job, rows.length, size) for rows in self._rows for size in sizes]
        left = function.binary("sub", function.const(what.n, I64), column)
        end = function.intrinsic("smin", left, function.const(what.vector.lanes, left))
        with function.loop(0, end, group) as (at, _, _):
            less = function.compare("sgt", function.binary("add", at, group), left)
            which = function.binary("mul", run_of(function, self._rows, t), len(sizes))
            which = function.binary("add", which, function.cast("zext", less, I64))
            places = self._moved(b, (at, what.b[1])), self._moved(tile, (at, 1))
            runs_of = (function.binary("add", column, at), k, count, block) if runs_over else ()
            call_one(function, f"{job.name}.inner", names, which, a, *places, *runs_of)
        rows, vectors = job.plan.rows.length(function, t), function.const(1, I64)
        place = tile, self._row(t), column, rows, vectors
        last, after = function.label("last"), function.label("after")
        function.branch_if(function.compare("eq", block, job.plan.depth.parts - 1), last, after)
        function.begin(last)
        function.call(job.finish(), self._c, *place, *job.handed_on(function), kind=None)
        function.branch(after)
        function.begin(after)
