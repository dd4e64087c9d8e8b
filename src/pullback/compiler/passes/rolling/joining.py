"""Joining: what is stacked or concatenated of elements that follow each other is a slice of the array that they are of.

So `np.stack(ys)`, of a list that a loop has filled, is what the loop has stacked anyway.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple, TypeAlias

from pullback.compiler.passes.rolling.codes import Coded
from pullback.core.primitive import Primitive
from pullback.ops.indexing import get_
from pullback.ops.movement import concatenate_, permute_, reshape_, stack_
from pullback.programs.program import Equation, Operand, Value

FEW: Final = 3  # elements that are joined as they are


class Slice(NamedTuple):
    """Elements of a family: the first, by how much the place moves, and how many."""

    family: int
    start: int
    step: int
    length: int


Piece: TypeAlias = Slice | int  # or the code of one operand


def pieces(coded: Coded, number: int) -> list[Piece] | None:
    """The operands of an equation that joins, those that follow each other as slices; None where there are none."""
    equation = coded.equations[number]
    if equation.primitive not in (stack_, concatenate_):
        return None
    codes: list[int] = coded.flat[coded.starts[number] : coded.starts[number + 1]].tolist()
    found: list[Piece] = []
    at = 0
    while at < len(codes):
        end, step = _follow(coded, codes, at)
        if end - at > FEW:
            found.append(Slice(int(coded.family[codes[at]]), int(coded.place[codes[at]]), step, end - at))
            at = end
        else:
            found.append(codes[at])
            at += 1
    return found if any(isinstance(piece, Slice) for piece in found) else None


def _follow(coded: Coded, codes: Sequence[int], at: int) -> tuple[int, int]:
    """How far elements of one family follow each other from one on, and by which step."""

    def element(i: int) -> tuple[int, int]:
        known = i < len(codes) and codes[i] < len(coded.family)
        return (int(coded.family[codes[i]]), int(coded.place[codes[i]])) if known else (-1, -1)

    family, first = element(at)
    if family < 0 or not _plain(coded, family):
        return at + 1, 1
    other, second = element(at + 1)
    step, end = second - first, at + 1
    while other == family and step and element(end) == (family, first + step * (end - at)):
        end += 1
    return end, step


def _plain(coded: Coded, family: int) -> bool:
    """Whether an element is all that there is along the first axis at its place."""
    _, index, _ = coded.families[family]
    return index is None or index.template == ("at",)


def joined(equation: Equation, parts: Sequence[tuple[Operand, Slice | None]], made: list[Equation]) -> None:
    """Write an equation that joins operands, or slices of arrays; the equations are put at the end of `made`."""
    axis, stacks = equation.params["axis"], equation.primitive is stack_
    whole = [_part(equation, operand, piece, axis, stacks=stacks, made=made) for operand, piece in parts]
    last, shape = equation.output, equation.output.shape
    if stacks and axis:
        last = Value((shape[axis], *shape[:axis], *shape[axis + 1 :]), last.dtype)
    if len(whole) == 1 and isinstance(whole[0], Value):
        made.append(Equation(reshape_, (whole[0],), {"shape": last.shape}, last, equation.line))
    else:
        made.append(Equation(concatenate_, tuple(whole), {"axis": 0 if stacks else axis}, last, equation.line))
    if last is not equation.output:
        axes = (*range(1, axis + 1), 0, *range(axis + 1, equation.output.ndim))
        made.append(Equation(permute_, (last,), {"axes": axes}, equation.output, equation.line))


def _part(
    equation: Equation, operand: Operand, piece: Slice | None, axis: int, *, stacks: bool, made: list[Equation]
) -> Operand:  # fmt: skip
    """A part as it is concatenated: what is stacked has its new axis first."""

    def make(primitive: Primitive, x: Operand, shape: tuple[int, ...], params: dict[str, Any]) -> Value:
        output = Value(shape, x.dtype if isinstance(x, Value) else equation.output.dtype)
        made.append(Equation(primitive, (x,), params, output, equation.line))
        return output

    if piece is None:
        one = equation.output.shape[:axis] + equation.output.shape[axis + 1 :]
        return make(reshape_, operand, (1, *one), {"shape": (1, *one)}) if stacks else operand
    assert isinstance(operand, Value)
    stop: int | None = piece.start + piece.step * piece.length
    index = (slice(piece.start, stop if stop is not None and stop >= 0 else None, piece.step),)
    taken = make(get_, operand, (piece.length, *operand.shape[1:]), {"index": index})
    if stacks:
        return taken
    order = (*range(1, axis + 1), 0, *range(axis + 1, taken.ndim))
    moved = make(permute_, taken, tuple(taken.shape[i] for i in order), {"axes": order})
    shape = (*moved.shape[:axis], piece.length * moved.shape[axis + 1], *moved.shape[axis + 2 :])
    return make(reshape_, moved, shape, {"shape": shape})
