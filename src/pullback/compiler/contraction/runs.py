"""A tile of inner products of windows: a vector of sums each, over some runs of elements that lie side by side."""

from __future__ import annotations

from typing import Final

from pullback.compiler.contraction.job import Job, place_in
from pullback.compiler.instructions.llvm import I64, PTR, Reg
from pullback.compiler.instructions.vectors import add_lanes, apart, first_lanes, load, shuffle, store

KNOWN: Final = (
    *((PTR, "a"), (PTR, "b"), (PTR, "tile")),
    *((I64, "column"), (I64, "first"), (I64, "count"), (I64, "block")),
)


def run_tile(job: Job, rows: int, columns: int) -> str:
    """The function that adds up so many runs, from the first on, of rows of A and columns of B, to a tile.

    It takes A at its first row, B, the tile, the first column, the first run, the number of runs and of the block of
    them; rows of the tile are a vector apart.
    """
    what, kind = job.what, job.what.vector
    name = f"{job.name}.runs{rows}x{columns}"
    if name in job.module:
        return name
    function = job.internal(f"runs{rows}x{columns}", KNOWN)
    a, b, tile, column, first, count, block = function.arguments
    *outside, (long, _, along_b) = what.loops
    size, whole = rows * columns, long - long % kind.lanes
    heads = [place_in(job, function, "heads", what.heads, function.binary("add", column, i)) for i in range(columns)]
    heads = [function.address(b, head, kind) for head in heads]

    with function.loop(0, count, carried=[function.const(0, kind)] * size) as (run, before, added):
        at, far_a, far_b = function.binary("add", first, run), function.const(0, I64), function.const(0, I64)
        for number, (n, step_a, step_b) in enumerate(reversed(outside)):
            last = number == len(outside) - 1
            index = at if last else function.binary("urem", at, n)
            at = at if last else function.binary("udiv", at, n)
            far_a = function.binary("add", far_a, function.binary("mul", index, step_a))
            far_b = function.binary("add", far_b, function.binary("mul", index, step_b))
        here_a, here_b = function.address(a, far_a, kind), [function.address(head, far_b, kind) for head in heads]

        def step(
            k: Reg | int, mask: Reg | None, sums: list[Reg], here_a: Reg = here_a, here_b: list[Reg] = here_b
        ) -> list[Reg]:
            far = k * along_b if isinstance(k, int) else function.binary("mul", k, along_b)
            line = [apart(function, function.address(head, far, kind), along_b, kind, mask) for head in here_b]
            start = function.address(here_a, k, kind)
            lines = [load(function, function.address(start, r * what.a[0], kind), kind, mask) for r in range(rows)]
            pairs = zip(((x, y) for x in lines for y in line), sums, strict=True)
            return [function.intrinsic("fma", x, y, old) for (x, y), old in pairs]

        sums = before
        if whole:
            with function.loop(0, whole, kind.lanes, before) as (k, inside, after):
                after += step(k, None, inside)
            sums = after
        if whole < long:
            sums = step(whole, first_lanes(long - whole, kind), sums)
        added += sums

    begins = function.compare("eq", block, 0)
    valid, together = first_lanes(columns, kind), kind.lanes // columns
    for top in range(0, rows, together):
        some = added[top * columns : min(top + together, rows) * columns]
        folded = add_lanes(function, some)
        for r in range(len(some) // columns):
            lanes = [r * columns + lane % columns for lane in range(kind.lanes)]
            row, place = shuffle(function, folded, folded, lanes), function.address(tile, (top + r) * kind.lanes, kind)
            more = function.binary("fadd", load(function, place, kind, valid), row)
            store(function, function.select(begins, row, more), place, valid)
    function.ret()
    function.finish()
    return name
