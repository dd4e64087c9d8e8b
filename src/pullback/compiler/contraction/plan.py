"""How a contraction is computed: tiles that fit in registers, blocks that fit in caches, pieces for threads.

Everything follows from the sizes and strides by the rules below, and from the machine only where bits do not depend on
it: each element is summed in one order, which the plan states.

The method is that of K. Goto and R. van de Geijn, "Anatomy of high-performance matrix multiplication", ACM Trans. Math.
Software 34(3), 2008: a tile of C stays in registers while a panel of A, from the first cache, and a panel of B, from
the second, go by. For small matrices the panels are A and B themselves.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final, Literal, final

from pullback.compiler.contraction.problem import Contraction
from pullback.compiler.contraction.split import Split
from pullback.compiler.instructions.processor import machine

DEPTH: Final = 2048  # bytes along k in a block where panels are packed: a panel of A stays in the first cache
SHORT: Final = 1024  # the same where A's lines are far apart: a panel of B stays there too
SHALLOW: Final = 128  # steps of k in a block where few rows share a panel of B, which then stays there too
STREAM: Final = 16  # the same where B is read once, from memory: so many of its rows go by at once
LONGEST: Final = 2048  # steps of k that are ever summed in one go, for the sake of rounding errors
BLOCK: Final = 512, 1024  # rows of a piece, and bytes along its rows, about: its panels fit in the second cache
SHARE: Final = 128  # rows, or columns, of a piece at least where a panel is packed for them
WORTH: Final = 1 << 20  # operations of a piece at least: some microseconds
PIECES: Final = 16  # more are not made for the sake of threads
REUSED: Final = 24, 192  # rows, or columns, at least for which B, or A, is packed
NARROW: Final = 64  # the same of both where the registers hold few vectors; columns from which on k is cut for A's sake
APART: Final = 1024  # bytes from line to line from which on few of them lie in one page
FEW: Final = 16, 10  # rows, or columns, at most for which inner products are quicker than to transpose B
FIRST, SECOND = 32 << 10, 1 << 20  # bytes that panels may fill in the first and second cache
LINE, PAGE = 64, 4096  # bytes of a line of the cache, and of a page


@final
@dataclass(frozen=True, slots=True)
class Tiling:
    """A contraction and how to compute it; prints as one line.

    Attributes
    ----------
    what : Contraction
        The problem.
    way : "outer", "inner" or "runs"
        Outer: a tile of vectors along the columns; each step of k adds a column of A times a row of B. An element is
        one chain of fused multiply-adds in each block of k, and the blocks' sums are added in order.
        Inner: each element is the inner product of two rows that are contiguous along k. Lane l of `copies` vectors in
        turn sums the products whose k is l modulo the lanes; the vectors are added in order, the lanes in a balanced
        tree.
        Runs: the same, where k is several loops: the fastest is a run, and a block of k so many runs.
    rows, columns : Split
        Rows of C in tiles, and its columns in tiles, counted in vectors.
    depth : Split
        k in blocks.
    strips : (Split, Split)
        Tiles of rows and of columns in pieces.
    pack_a, pack_b : bool
        Whether panels of A and B are copied into scratch memory first.
    rows_first : bool
        A tile of rows meets all tiles of columns of its piece before the next does.
    group : int
        Columns of a tile, of the inner way.
    copies : int
        Accumulators of an element, of the inner way.
    turned : bool
        `what` is the problem turned: Cᵀ = Bᵀ·Aᵀ, since lanes run better along the rows of C.
    """

    what: Contraction
    way: Literal["outer", "inner", "runs"]
    rows: Split
    columns: Split
    depth: Split
    strips: tuple[Split, Split]
    pack_a: bool = False
    pack_b: bool = False
    rows_first: bool = True
    group: int = 0
    copies: int = 1
    turned: bool = False

    @property
    def pieces(self) -> int:
        """Parts that threads may compute at once; a function of the sizes alone."""
        return self.strips[0].parts * self.strips[1].parts

    @property
    def panels(self) -> tuple[int, int, int]:
        """Elements of scratch memory for A, B and unfinished sums."""
        (down, along), (rows, width) = (strip.longest for strip in self.strips), self.tile
        lanes = self.what.vector.lanes
        a = -(-down * rows * self.deep // lanes) * lanes if self.pack_a else 0
        b = along * width * self.deep if self.pack_b else 0
        return a, b, down * along * rows * width if self.depth.parts > 1 else 0

    @property
    def deep(self) -> int:
        """Steps of k that a panel has room for: whole vectors."""
        lanes = self.what.vector.lanes
        return -(-self.depth.longest // lanes) * lanes

    @property
    def tile(self) -> tuple[int, int]:
        """Rows and elements along a row of the largest tile."""
        return self.rows.longest, self.columns.longest * self.what.vector.lanes

    def __str__(self) -> str:
        what, (m, n) = self.what, self.tile
        width = n if self.way == "outer" else self.group
        packed = "".join(f", {name} packed" for name, is_so in (("A", self.pack_a), ("B", self.pack_b)) if is_so)
        blocks = f", k in {self.depth.parts} blocks" if self.depth.parts > 1 else ""
        return (
            f"{what.m}×{what.k} · {what.k}×{what.n} {what.dtype}{', turned' * self.turned}: {self.way} products,"
            f" tiles of {m}×{width}{packed}{blocks}, {self.pieces} piece{'s' * (self.pieces != 1)}"
        )


def scratch_bytes(plan: Tiling) -> int:
    """Scratch memory that each thread needs for its own, aligned to 64 bytes."""
    return sum(plan.panels) * plan.what.scalar.bits // 8


def plan(what: Contraction, *, turn: bool = True, vectors: int | None = None) -> Tiling:
    """Decide how to compute a contraction.

    Parameters
    ----------
    what : Contraction
        The problem.
    turn : bool
        It may be computed as Cᵀ = Bᵀ·Aᵀ; an epilogue then gets rows and columns exchanged, which `Tiling.turned` says.
    vectors : int, optional
        Vectors of 64 bytes that the registers hold; this machine's.
    """
    vectors, turned = vectors or machine().vectors, False
    if what.heads:
        return _runs(what, vectors)
    if turn and not what.lines and what.c[0] == 1 and (what.c[1] != 1 or what.n == 1):
        what, turned = what.turned(), True
    along_k = what.a[1] == 1 and what.b[0] == 1 and (what.b[1] != 1 or what.n == 1)
    few = what.m <= max(1, min(FEW[0], what.k // 8)) or what.n <= min(FEW[1], what.k // 8)
    decided = (_inner if along_k and few and what.m * what.n else _outer)(what, vectors)
    return replace(decided, turned=turned)


def _outer(what: Contraction, vectors: int) -> Tiling:
    (m, n, k), size = (what.m, what.n, what.k), what.scalar.bits // 8
    # A's lines are shared by neighbouring tiles, which want them at other times: four times as much for the cache.
    far_a = what.a[0] == 1 and n >= NARROW and _far(what.a[1] * size, 4 * k * m * size)
    pack_b = what.b[1] != 1 or (m >= REUSED[0] and _far(what.b[0] * size, k * n * size))
    pack_b = pack_b and not what.lines
    most = _most(what, far_a=far_a, pack_b=pack_b)
    pack_a, once = far_a and n >= REUSED[1], False
    if vectors < 32:  # a panel is a line wide, and soon the first cache does not hold its lines
        apart_a, apart_b = abs(what.a[1]) * size >= APART, abs(what.b[0]) * size >= APART
        pack_b = pack_b or (m >= NARROW and apart_b and k * n * size > FIRST and not what.lines)
        pack_a = what.a[0] == 1 and n >= NARROW and 2 * k * LINE > FIRST and (apart_a or not pack_b)
        if far_a and m >= 2 * SHARE and not what.lines:  # both go by from the second cache, in order
            pack_a, pack_b, once = n >= SHARE, True, True

    room = vectors * 3 // 4  # for the tile; the rest holds a row of B and an element of A
    wide = min(8, room // max(m, 1)) if m * 4 < room else 4 if room >= 24 else 1
    across = -(-n // what.vector.lanes)
    if pack_b and 1 < across <= wide and what.flops >= 2 * WORTH:
        wide = -(-across // 2)  # so that a second thread finds something to pack
    columns = Split.into(across, wide)
    rows = Split.into(m, max(1, room // max(columns.longest, 1)))

    depth = Split.into(k, most) if k * 4 > most * 5 else Split(k, 1)
    strips = _strips(what, rows, columns, pack_a=pack_a or once, pack_b=pack_b)
    rows_first = pack_a or pack_b or k * columns.longest * 64 > FIRST  # else B's panel stays in the first cache
    return Tiling(what, "outer", rows, columns, depth, strips, pack_a, pack_b, rows_first)


def _most(what: Contraction, *, far_a: bool, pack_b: bool) -> int:
    """Steps of k in a block, about."""
    size = what.scalar.bits // 8
    if pack_b and what.m <= SHARE // 2:
        return SHALLOW
    if far_a or pack_b:
        return (SHORT if far_a else DEPTH) // size
    return STREAM if what.m < REUSED[0] and what.k * what.n * size > SECOND else LONGEST


def _far(stride: int, size: int) -> bool:
    """Whether the lines that a panel needs lie in too many pages, or too many of them in one set of the first cache."""
    return abs(stride) >= APART and (size > SECOND or stride % PAGE == 0)


def _strips(what: Contraction, rows: Split, columns: Split, *, pack_a: bool, pack_b: bool) -> tuple[Split, Split]:
    """Cut the tiles into pieces: none whose panels leave the second cache, and enough of them for threads."""
    down, along = -(-what.m // BLOCK[0]), -(-what.n * what.scalar.bits // 8 // BLOCK[1])
    wanted = min(PIECES, what.flops // WORTH)
    if what.m < REUSED[0]:  # nothing stays in a cache: memory sets the pace, and likes long rows
        along, wanted = 1, min(4, wanted)
    # Each strip of rows packs all of B's panels again, and each strip of columns A's.
    most_down = what.m // SHARE if pack_b else rows.parts
    most_along = what.n // SHARE if pack_a else columns.parts
    while 0 < 2 * down * along <= wanted:
        room = most_down // (2 * down), most_along // (2 * along)
        if not any(room):
            break
        down, along = (2 * down, along) if room[0] > room[1] else (down, 2 * along)
    return Split(rows.parts, min(down, rows.parts)), Split(columns.parts, min(along, columns.parts))


def _inner(what: Contraction, vectors: int) -> Tiling:
    room = 24 if vectors >= 32 else 4
    group = min(what.n, 4 if what.m >= 4 else 8) if room == 24 else min(what.n, 4 if what.m == 1 else 2)
    rows = Split.into(what.m, min(16, room // group))
    columns = Split(-(-what.n // what.vector.lanes), -(-what.n // what.vector.lanes))
    copies = -(-8 // (what.m * what.n))  # enough sums at once to hide how long one addition takes
    strips = _strips(what, rows, columns, pack_a=False, pack_b=False)
    return Tiling(what, "inner", rows, columns, Split(what.k, 1), strips, group=group, copies=copies)


def _runs(what: Contraction, vectors: int) -> Tiling:
    """Inner products of windows: blocks of runs that stay in the second cache, for tiles in registers."""
    size = what.scalar.bits // 8
    group, down = (4, 6) if vectors >= 32 else (2, 3)
    rows = Split.into(what.m, down)
    lanes = what.vector.lanes
    columns = Split(-(-what.n // lanes), -(-what.n // lanes))
    run, total = what.loops[-1][0], math.prod(n for n, _, _ in what.loops[:-1])
    most = max(1, min(SECOND // 8 // (what.m * run * size), LONGEST * lanes // run))
    strips = _strips(what, rows, columns, pack_a=False, pack_b=False)
    return Tiling(what, "runs", rows, columns, Split.into(total, most), strips, group=min(group, what.n))
