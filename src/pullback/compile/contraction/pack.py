"""Copying panels of A and B into scratch memory, in the order in which a tile reads them."""

from __future__ import annotations

from pullback.compile.contraction.job import Job, moved
from pullback.compile.contraction.split import Kind
from pullback.compile.contraction.vectors import first_lanes, load, store, transpose
from pullback.compile.llvm import I64, PTR, Function, Reg, Type

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
        for r in range(0, rows, kind.lanes):
            mask = first_lanes(min(kind.lanes, rows - r), kind)
            values = load(function, moved(function, matrix, [(k, what.a[1]), (r, 1)], kind), kind, mask)
            store(function, values, moved(function, panel, [(k, job.plan.rows.longest), (r, 1)], kind), mask)
    function.ret()
    function.finish()
    return name


def pack_columns(job: Job, columns: Kind) -> str:
    """The function that copies a panel of B: all columns of one k lie together, up to whole vectors."""
    what, kind, width = job.what, job.what.vector, job.plan.tile[1]
    short = f"pack_b{columns.length}.{columns.tail}"
    name = f"{job.name}.{short}"
    if name in job.module:
        return name
    function = job.internal(short, KNOWN)
    matrix, panel, count = function.arguments
    lanes, mask = kind.lanes, first_lanes(columns.tail, kind)

    def line(k: Reg, v: int, mask: Reg | None) -> None:
        """Copy a row of neighbours."""
        values = load(function, moved(function, matrix, [(k, what.b[0]), (v, lanes)], kind), kind, mask)
        function.store(values, moved(function, panel, [(k, width), (v, lanes)], kind))

    def block(k: Reg, v: Reg | int, valid: int) -> None:
        """Transpose a square block of columns that are contiguous along k."""
        inside = _below(function, function.binary("sub", count, k), lanes)
        start = moved(function, matrix, [(k, what.b[0]), (v, lanes * what.b[1])], kind)
        given = [load(function, function.address(start, j * what.b[1], kind), kind, inside) for j in range(valid)]
        given += [function.const(0, kind)] * (lanes - valid)
        place = moved(function, panel, [(k, width), (v, lanes)], kind)
        for step, values in enumerate(transpose(function, given)):
            function.store(values, function.address(place, step * width, kind))

    def scattered(k: Reg, v: Reg | int, valid: int) -> None:
        """Copy a row whose elements lie anywhere."""
        values = function.const(0, kind)
        start = moved(function, matrix, [(k, what.b[0]), (v, lanes * what.b[1])], kind)
        for lane in range(valid):
            one = function.load(function.address(start, lane * what.b[1], kind), what.scalar)
            values = function.emit(f"insertelement {values.typed}, {one.typed}, i64 {lane}", kind)
        function.store(values, moved(function, panel, [(k, width), (v, lanes)], kind))

    if what.b[1] == 1:
        with function.loop(0, count) as (k, _, _):
            for v in range(columns.length):
                line(k, v, mask if v == columns.length - 1 else None)
    else:
        write, step = (block, lanes) if what.b[0] == 1 else (scattered, 1)
        whole = columns.length - (mask is not None)
        with function.loop(0, whole) as (v, _, _), function.loop(0, count, step) as (k, _, _):
            write(k, v, lanes)
        if mask is not None:
            with function.loop(0, count, step) as (k, _, _):
                write(k, whole, columns.tail)
    function.ret()
    function.finish()
    return name
