"""A tile of C in registers, to which each step of k adds a column of A times a row of B."""

from __future__ import annotations

from typing import Final

from pullback.compiler.contraction.job import Job, place_in, total
from pullback.compiler.contraction.split import Run
from pullback.compiler.instructions.llvm import I64, PTR, Function, Reg
from pullback.compiler.instructions.vectors import apart, first_lanes, prefetch

AHEAD: Final = 8  # steps of k before a row of B is needed, from the second cache
KNOWN: Final = (
    *((PTR, "a"), (PTR, "b"), (PTR, "c"), (PTR, "tile")),
    *((I64, "row"), (I64, "column"), (I64, "count"), (I64, "block")),
)


def outer_tile(job: Job, rows: int, columns: Run) -> str:
    """The function that computes a tile of so many rows and vectors, or adds one block of k to it.

    It takes panels of A and B, C, the place for unfinished sums, the tile's first row and column, the number of steps
    and of the block.
    """
    what, plan, kind = job.what, job.plan, job.what.vector
    vectors, width = columns.length, plan.tile[1]
    short = f"tile{rows}x{vectors}" + (f".{columns.tail}" if columns.tail < kind.lanes else "")
    name = f"{job.name}.{short}"
    if name in job.module:
        return name
    function = job.internal(short, [*KNOWN, *job.parameters])
    a, b, c, tile, row, column, count, block = function.arguments[: len(KNOWN)]
    down_a, along_a = (1, plan.tile[0]) if plan.pack_a else what.a
    down_b, along_b = (width, 1) if plan.pack_b else what.b
    masks = [None] * (vectors - 1) + [first_lanes(columns.tail, kind)]
    there = [None] * vectors if plan.pack_b else masks

    begun = plan.depth.start(function, block) if what.lines else None
    zero = function.const(0, kind)
    with function.loop(0, count, carried=[zero] * (rows * vectors)) as (k, sums, after):
        column_a = function.address(a, function.binary("mul", k, along_a), kind)
        if begun is None:
            far = function.binary("mul", k, down_b)
        else:
            far = place_in(job, function, "lines", what.lines, function.binary("add", begun, k))
        row_b = function.address(b, far, kind)
        line = [
            apart(function, function.address(row_b, v * kind.lanes * along_b, kind), along_b, kind, mask)
            for v, mask in enumerate(there)
        ]
        for v in range(vectors if begun is None else 0):
            prefetch(function, row_b, AHEAD * down_b + v * kind.lanes, kind)
        for r in range(rows):
            x = function.load(function.address(column_a, r * down_a, kind), what.scalar)
            x = function.splat(x, kind.lanes)
            after += [function.intrinsic("fma", x, line[v], sums[r * vectors + v]) for v in range(vectors)]
    sums = after

    places = [(r, v) for r in range(rows) for v in range(vectors)]
    if job.unrolled:
        down = [total(function, row, r) for r in range(rows)]
        along = [total(function, column, v * kind.lanes) for v in range(vectors)]
        for value, (r, v) in zip(sums, places, strict=True):
            job.epilogue(function, down[r], along[v], value, masks[v])
    else:
        _keep(job, function, [function.address(tile, r * width + v * kind.lanes, kind) for r, v in places], sums, block)
        sizes = [function.const(size, I64) for size in (rows, vectors)]
        function.call(job.finish(), c, tile, row, column, *sizes, *job.handed_on(function), kind=None)
    function.ret()
    function.finish()
    return name


def _keep(job: Job, function: Function, places: list[Reg], sums: list[Reg], block: Reg) -> None:
    """Store a tile, added to what earlier blocks of k gave; go on after the last block only."""
    blocks = job.plan.depth.parts
    first = function.compare("eq", block, 0)
    for place, new in zip(places, sums, strict=True):
        added = function.binary("fadd", function.load(place, new.type), new) if blocks > 1 else new
        function.store(function.select(first, new, added) if blocks > 1 else new, place)
    if blocks > 1:
        last, more = function.label("last"), function.label("more")
        function.branch_if(function.compare("eq", block, blocks - 1), last, more)
        function.begin(more)
        function.ret()
        function.begin(last)
