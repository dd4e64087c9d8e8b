"""Lanes of vectors: masked memory, shuffles, and two networks of shuffles, which transpose blocks and add lanes up.

Every vector has the same number of lanes on every machine, so that what is added to what is the same too; LLVM
splits vectors that are wider than the machine's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pullback.compiler.instructions.llvm import I32, PTR, Function, Reg, Type
from pullback.compiler.instructions.processor import machine

MASKS: Final = 64  # bytes of the registers of machines that have masks
LANES: Final = {"float32": 16, "float64": 8}
WIDE: Final = '"prefer-vector-width"="512" "min-legal-vector-width"="512"'  # else LLVM halves them on many CPUs


def first_lanes(count: int, kind: Type) -> Reg | None:
    """A mask of the first `count` lanes; None for all of them."""
    if count == kind.lanes:
        return None
    lanes = ", ".join(f"i1 {'true' if lane < count else 'false'}" for lane in range(kind.lanes))
    return Reg(f"<{lanes}>", kind.mask)


def load(function: Function, pointer: Reg, kind: Type, mask: Reg | None) -> Reg:
    """Neighbouring elements; 0 in lanes outside of the mask, whose memory is not touched."""
    if kind.scalar == "i128":
        return function.cast("bitcast", load(function, pointer, parts_of(kind), _twice(function, mask)), kind)
    if mask is None:
        return function.load(pointer, kind)
    name, align = f"llvm.masked.load.{kind.suffix}.p0", Reg(str(kind.bits // 8), I32)
    return function.call(name, pointer, align, mask, Reg("zeroinitializer", kind), kind=kind)


def parts_of(kind: Type) -> Type:
    """The parts of complex numbers, whose bits are held as integers: two for each lane."""
    return Type("float" if kind.scalar == "i64" else "double", 2 * (kind.lanes or 1))


def _twice(function: Function, mask: Reg | None) -> Reg | None:
    """A mask of complex numbers as that of their parts."""
    return mask and shuffle(function, mask, mask, [lane // 2 for lane in range(2 * mask.type.lanes)])


def _side_by_side(function: Function, vectors: Sequence[Reg]) -> Reg:
    """The lanes of all vectors, one after the other; as many vectors as a power of two."""
    now = list(vectors)
    while len(now) > 1:
        lanes = range(2 * now[0].type.lanes)
        now = [shuffle(function, x, y, lanes) for x, y in zip(now[::2], now[1::2], strict=True)]
    return now[0]


def apart(function: Function, pointer: Reg, stride: int, kind: Type, mask: Reg | None) -> Reg:
    """Elements so many apart; 0 in lanes outside of the mask, whose memory is not touched."""
    if stride == 1:
        return load(function, pointer, kind, mask)
    if kind.scalar == "i128" and mask is None:
        there = (function.address(pointer, lane * stride, kind) for lane in range(kind.lanes))
        pairs = [function.load(place, Type("double", 2)) for place in there]
        return function.cast("bitcast", _side_by_side(function, pairs), kind)
    every, align = mask or Reg("splat (i1 true)", kind.mask), Reg(str(kind.bits // 8), I32)
    name = f"llvm.masked.gather.{kind.suffix}.v{kind.lanes}p0"
    lanes = places(function, pointer, stride, kind)
    return function.call(name, lanes, align, every, Reg("zeroinitializer", kind), kind=kind)


def places(function: Function, pointer: Reg, stride: int, kind: Type) -> Reg:
    """The address of each lane, `stride` elements apart."""
    steps = ", ".join(f"i64 {lane * stride}" for lane in range(kind.lanes))
    pointers = Type("ptr", kind.lanes)
    return function.emit(f"getelementptr {kind.scalar}, ptr {pointer}, <{kind.lanes} x i64> <{steps}>", pointers)


def store(function: Function, value: Reg, pointer: Reg, mask: Reg | None) -> None:
    """Neighbouring elements; lanes outside of the mask leave memory as it is."""
    if value.type.scalar == "i128" and value.type.lanes:
        parts = function.cast("bitcast", value, parts_of(value.type))
        store(function, parts, pointer, _twice(function, mask))
        return
    if mask is None:
        function.store(value, pointer)
        return
    if mask.text.startswith("<") and machine().width < MASKS:  # known lanes; where masks are slow, or are no registers
        start, count = 0, mask.text.count("true")
        while start < count:
            size = 1 << ((count - start).bit_length() - 1)
            part = shuffle(function, value, value, range(start, start + size))
            function.store(part, function.address(pointer, start, value.type))
            start += size
        return
    name, align = f"llvm.masked.store.{value.type.suffix}.p0", Reg(str(value.type.bits // 8), I32)
    if mask.text.startswith("<") or machine().width == MASKS:
        function.call(name, value, pointer, align, mask, kind=None)
        return
    every = Type(f"i{mask.type.lanes}")  # whole vectors, as almost all are, are stored without a mask
    whole, some, done = (function.label(name) for name in ("whole", "some", "done"))
    function.branch_if(function.compare("eq", function.cast("bitcast", mask, every), -1), whole, some)
    function.begin(whole)
    function.store(value, pointer)
    function.branch(done)
    function.begin(some)
    function.call(name, value, pointer, align, mask, kind=None)
    function.branch(done)
    function.begin(done)


def store_apart(function: Function, value: Reg, pointer: Reg, stride: int, mask: Reg | None) -> None:
    """Elements so many apart; lanes outside of the mask leave memory as it is."""
    kind = value.type
    every, align = mask or Reg("splat (i1 true)", kind.mask), Reg(str(kind.bits // 8), I32)
    there = places(function, pointer, stride, kind)
    function.call(f"llvm.masked.scatter.{kind.suffix}.v{kind.lanes}p0", value, there, align, every, kind=None)


def prefetch(function: Function, pointer: Reg, offset: int, kind: Type) -> None:
    """Ask for a line that will be read soon. It may lie outside of the array: nothing is read that is not there."""
    place = function.emit(f"getelementptr {kind.scalar}, ptr {pointer}, i64 {offset}", PTR)
    read, keep, data = (Reg(str(number), I32) for number in (0, 3, 1))
    function.call("llvm.prefetch.p0", place, read, keep, data, kind=None)


def shuffle(function: Function, x: Reg, y: Reg, lanes: Sequence[int]) -> Reg:
    """Lanes of `x`, counted from 0, and of `y`, counted on from there."""
    kind = Type(x.type.scalar, len(lanes))
    chosen = ", ".join(f"i32 {lane}" for lane in lanes)
    return function.emit(f"shufflevector {x.typed}, {y.typed}, <{len(lanes)} x i32> <{chosen}>", kind)


def element(function: Function, vector: Reg, lane: int) -> Reg:
    """One lane as a scalar."""
    return function.emit(f"extractelement {vector.typed}, i64 {lane}", Type(vector.type.scalar))


def reserve(function: Function, elements: int, kind: Type) -> Reg:
    """Room on the stack, on a line of the cache of its own; only in a function's first block."""
    return function.emit(f"alloca [{elements} x {kind.scalar}], align 64", PTR)


def transpose(function: Function, rows: Sequence[Reg]) -> list[Reg]:
    """Transpose a square block: as many vectors as lanes.

    First the small blocks within 16 bytes of each vector, for which every machine has instructions; then these blocks
    change places as wholes.
    """
    lanes = rows[0].type.lanes
    few = min(128 // rows[0].type.bits, lanes)
    apart = [_woven(function, rows[top : top + few], 1, few) for top in range(0, lanes, few)]
    made = [_woven(function, column, few, lanes) for column in zip(*apart, strict=True)]
    return [made[row % few][row // few] for row in range(lanes)]


def _woven(function: Function, rows: Sequence[Reg], size: int, reach: int) -> list[Reg]:
    """Transpose pieces of so many lanes: those of row i become the i-th ones of all, within each `reach` of lanes.

    A perfect shuffle of the pieces, done as often as it takes to exchange the two halves of an index. Each shuffle is
    one instruction where the machine can pick lanes from two vectors.
    """
    lanes, count = rows[0].type.lanes, len(rows)
    pieces = [start + piece for start in range(0, lanes, reach) for piece in range(0, reach // 2, size)]
    low = [at + lane for piece in pieces for at in (piece, lanes + piece) for lane in range(size)]
    high = [lane + reach // 2 for lane in low]
    now = list(rows)
    for _ in range(count.bit_length() - 1):
        pairs = list(zip(now[: count // 2], now[count // 2 :], strict=True))
        now = [shuffle(function, x, y, woven) for x, y in pairs for woven in (low, high)]
    return now


def add_lanes(function: Function, vectors: Sequence[Reg]) -> Reg:
    """The sum over the lanes of each vector; that of the i-th is in lane i. At most as many vectors as lanes.

    Each step folds two neighbours into one vector, half of whose lanes belong to the first and half to the second, so
    that all are added up together. The additions of one vector are a balanced tree, whatever the others are.
    """
    lanes, width, now = vectors[0].type.lanes, vectors[0].type.lanes, list(vectors)
    while width > 1:  # each vector holds several sums, each spread over `width` lanes that lie together
        width //= 2
        low = [start + lane for start in range(0, lanes, 2 * width) for lane in range(width)]
        low += [lanes + lane for lane in low]
        high = [lane + width for lane in low]
        pairs = [(now[i], now[min(i + 1, len(now) - 1)]) for i in range(0, len(now), 2)]
        now = [function.binary("fadd", shuffle(function, x, y, low), shuffle(function, x, y, high)) for x, y in pairs]
    return now[0]
