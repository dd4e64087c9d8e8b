"""Entering a parallel region, as native code does: the function that it calls stands in `machine/threads/`."""

from __future__ import annotations

from pullback.compiler.emission.names import PARALLEL
from pullback.compiler.instructions.llvm import I64, PTR, Function, Reg, constant


def share(f: Function, piece: Reg, items: int, pieces: int) -> tuple[Reg, Reg]:
    """The first of the items that a piece does, and the first of the next piece."""
    first, last = (
        f.binary("udiv", f.binary("mul", number, items), pieces) for number in (piece, f.binary("add", piece, 1))
    )
    return first, last


def emit_parallel(function: Function, task: str, context: Reg, pieces: Reg | int, most: Reg | int) -> None:
    """Call `task(ptr context, i64 piece, i64 worker)` for each piece, on several threads at once, and wait for all.

    A piece runs once, on any thread. A worker runs one piece at a time, and its number is less than `most`: where the
    pool has more threads by now, as another thread may have seen to meanwhile, the caller does all the work. So it does
    in a region that is entered inside of another. The caller is worker 0.
    """
    numbers = (n if isinstance(n, Reg) else constant(n, I64) for n in (pieces, most))
    function.call(PARALLEL, Reg(f"@{task}", PTR), context, *numbers, kind=None)
