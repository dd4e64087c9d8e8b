"""Copying panels of A and B into scratch memory, in the order in which a tile reads them."""

from __future__ import annotations

from collections.abc import Sequence

from pullback.compiler.contraction.job import Job, moved
from pullback.compiler.contraction.split import Run
from pullback.compiler.instructions.llvm import I64, PTR, Function, Reg, Type
from pullback.compiler.instructions.processor import machine
from pullback.compiler.instructions.vectors import first_lanes, load, store, transpose

KNOWN = ((PTR, "matrix"), (PTR, "panel"), (I64, "count"))


def _below(function: Function, count: Reg, lanes: int) -> Reg:
    """The mask of the first lanes, of a number that is known when it runs."""
    kind = Type("i32", lanes)
    each = Reg(f"<{', '.join(f'i32 {lane}' for lane in range(lanes))}>", kind)
    return function.compare("slt", each, function.splat(function.cast("trunc", count, Type("i32")), lanes))


def pack_rows(job: Job, rows: int) -> str:
    """The function that copies a panel of A whose rows are neighbours in memory: all rows of one k lie together."""
    what, kind = job.what, job.what.vector
    name = f"{job.name}.pack_a{rows}"
    if name in job.module:
        return name
    function = job.internal(f"pack_a{rows}", KNOWN)
    matrix, panel, count = function.arguments
    with function.loop(0, count) as (k, _, _):
        start = moved(function, matrix, [(k, what.a[1])], kind)
        place = moved(function, panel, [(k, job.plan.tile[0])], kind)
        for r in range(0, rows, kind.lanes):
            mask = first_lanes(min(kind.lanes, rows - r), kind)
            values = load(function, function.address(start, r, kind), kind, mask)
            store(function, values, function.address(place, r, kind), mask)
    function.ret()
    function.finish()
    return name


def pack_lines(job: Job, columns: Run) -> str:
    """The function that copies a panel of B whose columns are neighbours: all columns of one k lie together."""
    what, kind, width = job.what, job.what.vector, job.plan.tile[1]
    short = f"pack_b{columns.length}.{columns.tail}"
    name = f"{job.name}.{short}"
    if name in job.module:
        return name
    function = job.internal(short, KNOWN)
    matrix, panel, count = function.arguments
    masks = [None] * (columns.length - 1) + [first_lanes(columns.tail, kind)]
    with function.loop(0, count) as (k, _, _):
        start, place = moved(function, matrix, [(k, what.b[0])], kind), moved(function, panel, [(k, width)], kind)
        for v, mask in enumerate(masks):
            values = load(function, function.address(start, v * kind.lanes, kind), kind, mask)
            function.store(values, function.address(place, v * kind.lanes, kind))
    function.ret()
    function.finish()
    return name


def pack_columns(job: Job, valid: int) -> str:
    """The function that copies a vector's width of other columns of B, so many of which there are; the rest is 0."""
    what, kind, width = job.what, job.what.vector, job.plan.tile[1]
    name = f"{job.name}.pack_b{valid}"
    if name in job.module:
        return name
    function = job.internal(f"pack_b{valid}", KNOWN)
    matrix, panel, count = function.arguments
    heads = [function.address(matrix, column * what.b[1], kind) for column in range(valid)]
    if what.b[0] == 1:  # contiguous along k: transpose square blocks, else gather each row
        _turned(function, heads, panel, count, kind, width)
    else:
        with function.loop(0, count) as (k, _, _):
            values, far = function.const(0, kind), function.binary("mul", k, what.b[0])
            for lane, head in enumerate(heads):
                one = function.load(function.address(head, far, kind), what.scalar)
                values = function.emit(f"insertelement {values.typed}, {one.typed}, i64 {lane}", kind)
            function.store(values, moved(function, panel, [(k, width)], kind))
    function.ret()
    function.finish()
    return name


def _turned(function: Function, heads: Sequence[Reg], panel: Reg, count: Reg, kind: Type, width: int) -> None:
    """Copy columns that are contiguous to rows `width` apart, in square blocks that fit in registers."""
    side = min(machine().width * 8 // kind.bits, kind.lanes)
    block = Type(kind.scalar, side)

    def copy(k: Reg, mask: Reg | None) -> None:
        for first in range(0, kind.lanes, side):
            some = [function.address(head, k, kind) for head in heads[first : first + side]]
            given = [load(function, place, block, mask) for place in some]
            rows = transpose(function, [*given, *[function.const(0, block)] * (side - len(given))])
            for step, values in enumerate(rows):
                function.store(values, moved(function, panel, [(k, width), (1, step * width), (1, first)], kind))

    whole = function.binary("sub", count, function.binary("urem", count, side))
    with function.loop(0, whole, side) as (k, _, _):
        copy(k, None)
    with function.loop(whole, count, side) as (k, _, _):
        copy(k, _below(function, function.binary("sub", count, k), side))
