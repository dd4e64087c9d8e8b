"""Writing stacks of small matrices: each is read into registers, side by side with others, and its result written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pullback.compiler.contraction.job import moved
from pullback.compiler.emission.elementwise import register_type
from pullback.compiler.emission.parallel import share
from pullback.compiler.emission.point import Buffers
from pullback.compiler.facts import row_of
from pullback.compiler.instructions.llvm import I64, PTR, Function, Module, Reg, Type
from pullback.compiler.instructions.matrices import Matrix
from pullback.compiler.instructions.vectors import WIDE, apart, store_apart, transpose
from pullback.compiler.lowering.matrices import Matrices
from pullback.compiler.lowering.sides import COLUMN, ROW
from pullback.compiler.lowering.steps import Access
from pullback.programs.program import Operand


def emit_matrices(module: Module, name: str, kernel: Matrices, buffers: Sequence[Operand]) -> None:
    """Define `void name(ptr table, ptr scratch, i64 piece)`, which does one piece of a stack."""
    f = module.function(name, [(PTR, "table"), (PTR, "scratch"), (I64, "piece")], attributes=WIDE, exported=False)
    table, _, piece = f.arguments
    at = Buffers(f, table, buffers)
    (step,) = kernel.steps.values()
    (store,) = kernel.stores.values()
    write = row_of(step.equation.primitive).matrices
    assert write is not None
    kind = register_type(step.equation.output.dtype, kernel.lanes)

    def one(item: Reg) -> None:
        index = _index(f, kernel, item)
        operands = [
            _read(f, _start(f, at, access, index, kind), access, shape, kind, access.along(kernel.fastest))
            for access, shape in zip(kernel.reads, kernel.shapes, strict=False)
        ]
        made = write(f, *operands, **step.equation.params)
        _write(f, _start(f, at, store, index, kind), store, made, kind, store.along(kernel.fastest))

    if kernel.items == 1:
        one(f.const(0, I64))
    else:
        with f.loop(*share(f, piece, kernel.items, kernel.pieces)) as (item, _, _):
            one(item)
    f.ret()
    f.finish()


def _index(f: Function, kernel: Matrices, item: Reg) -> dict[int, Reg]:
    """Where a block begins. The last one of a row begins so early that it is whole."""
    index: dict[int, Reg] = {}
    for label, size in reversed(kernel.sizes.items()):
        count = kernel.blocks if label == kernel.fastest else size
        outermost = label == next(iter(kernel.sizes))
        at = item if outermost else f.binary("urem", item, count)
        item = item if outermost else f.binary("udiv", item, count)
        if label == kernel.fastest and kernel.lanes:
            at = f.binary("mul", at, kernel.lanes)
            at = f.intrinsic("smin", at, f.const(size - kernel.lanes, I64)) if size % kernel.lanes else at
        index[label] = at
    return index


def _start(f: Function, at: Buffers, access: Access, index: Mapping[int, Reg], kind: Type) -> Reg:
    """The first entry of the first matrix of a block."""
    return moved(
        f, at[access.base], [(1, access.offset), *((i, access.along(label)) for label, i in index.items())], kind
    )


def _offsets(access: Access, rows: int, columns: int) -> list[list[int]]:
    down, along = access.along(ROW), access.along(COLUMN)
    return [[i * down + j * along for j in range(columns)] for i in range(rows)]


def _runs(offsets: Sequence[Sequence[int]], lanes: int, stride: int) -> list[int]:
    """Where neighbouring entries begin, as many as there are lanes: these are read, and turned, together."""
    left, runs = sorted({offset for row in offsets for offset in row}), list[int]()
    while lanes > 1 and abs(stride) > 1 and len(left) >= lanes:
        first = left[0]
        if left[:lanes] == [*range(first, first + lanes)]:
            runs.append(first)
            left = left[lanes:]
        else:
            left = left[1:]
    return runs


def _read(f: Function, start: Reg, access: Access, shape: tuple[int, int], kind: Type, stride: int) -> Matrix:
    """The entries of the matrices of a block, which are so far apart."""
    offsets, known = _offsets(access, *shape), dict[int, Reg]()
    for first in _runs(offsets, kind.lanes, stride):
        rows = [f.load(f.address(start, first + lane * stride, kind), kind) for lane in range(kind.lanes)]
        known |= zip(range(first, first + kind.lanes), transpose(f, rows), strict=True)
    for offset in dict.fromkeys(offset for row in offsets for offset in row):
        if offset not in known:
            known[offset] = _entry(f, f.address(start, offset, kind), kind, stride)
    return [[known[offset] for offset in row] for row in offsets]


def _entry(f: Function, place: Reg, kind: Type, stride: int) -> Reg:
    if not kind.lanes:
        return f.load(place, kind)
    return apart(f, place, stride, kind, None) if stride else f.splat(f.load(place, Type(kind.scalar)), kind.lanes)


def _write(f: Function, start: Reg, access: Access, made: Matrix, kind: Type, stride: int) -> None:
    """The entries of the results of a block."""
    offsets = _offsets(access, len(made), len(made[0]))
    left = {
        offset: x for row, entries in zip(offsets, made, strict=True) for offset, x in zip(row, entries, strict=True)
    }
    for first in _runs(offsets, kind.lanes, stride):
        rows = transpose(f, [left.pop(first + i) for i in range(kind.lanes)])
        for lane, row in enumerate(rows):
            f.store(row, f.address(start, first + lane * stride, kind))
    for offset, x in left.items():
        place = f.address(start, offset, kind)
        if not kind.lanes or stride == 1:
            f.store(x, place)
        else:
            store_apart(f, x, place, stride, None)
