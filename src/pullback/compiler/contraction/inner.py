"""A tile of inner products of rows that are contiguous along k: a vector of sums each, whose lanes are added up."""

from __future__ import annotations

from pullback.compiler.contraction.job import Job
from pullback.compiler.instructions.llvm import PTR, Reg
from pullback.compiler.instructions.vectors import add_lanes, first_lanes, load, shuffle


def inner_tile(job: Job, rows: int, columns: int) -> str:
    """The function that stores inner products of rows of A and columns of B; rows of the tile are a vector apart."""
    what, kind, copies = job.what, job.what.vector, job.plan.copies
    name = f"{job.name}.inner{rows}x{columns}"
    if name in job.module:
        return name
    function = job.internal(f"inner{rows}x{columns}", [(PTR, "a"), (PTR, "b"), (PTR, "tile")])
    a, b, tile = function.arguments
    size = rows * columns

    def step(k: Reg | int, mask: Reg | None, sums: list[Reg]) -> list[Reg]:
        def vectors(matrix: Reg, stride: int, count: int) -> list[Reg]:
            start = function.address(matrix, k, kind)
            return [load(function, function.address(start, i * stride, kind), kind, mask) for i in range(count)]

        line, lines = vectors(b, what.b[1], columns), vectors(a, what.a[0], rows)
        pairs = [(x, y) for x in lines for y in line]
        return [function.intrinsic("fma", x, y, old) for (x, y), old in zip(pairs, sums, strict=True)]

    long = kind.lanes * copies
    whole = what.k - what.k % long
    with function.loop(0, whole, long, [function.const(0, kind)] * (size * copies)) as (k, sums, after):
        for copy in range(copies):
            at = function.binary("add", k, copy * kind.lanes)
            after += step(at, None, sums[copy * size : (copy + 1) * size])
    sums = after
    for copy, rest in enumerate(range(whole, what.k, kind.lanes)):
        part = slice(copy * size, (copy + 1) * size)
        sums[part] = step(rest, first_lanes(min(kind.lanes, what.k - rest), kind), sums[part])
    for copy in range(1, copies):
        extra = sums[copy * size : (copy + 1) * size]
        sums[:size] = [function.binary("fadd", x, y) for x, y in zip(sums[:size], extra, strict=True)]

    together = kind.lanes // columns  # rows of the tile whose lanes are added up at once
    for top in range(0, rows, together):
        some = sums[top * columns : min(top + together, rows) * columns]
        added = add_lanes(function, some)
        for r in range(len(some) // columns):
            row = shuffle(function, added, added, range(r * columns, (r + 1) * columns))
            function.store(row, function.address(tile, (top + r) * kind.lanes, kind))
    function.ret()
    function.finish()
    return name
