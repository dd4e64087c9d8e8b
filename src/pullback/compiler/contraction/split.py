"""Cutting a length into parts that are as equal as can be, and calling the function for the kind of part at hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from pullback.compiler.instructions.llvm import I64, PTR, Function, Reg


class Split(NamedTuple):
    """`total` things in `parts` runs, of which the first ones are longer by one where it does not divide."""

    total: int
    parts: int

    @classmethod
    def into(cls, total: int, most: int) -> Split:
        """As few parts as leave none with more than `most`."""
        return cls(total, -(-total // most))

    @property
    def longer(self) -> int:
        """How many parts are longer by one."""
        return self.total % self.parts if self.parts else 0

    @property
    def short(self) -> int:
        """The length of the others."""
        return self.total // self.parts if self.parts else 0

    @property
    def longest(self) -> int:
        """The length of the first part."""
        return self.short + bool(self.longer)

    def start(self, function: Function, part: Reg) -> Reg:
        """Where a part begins; that of `parts` is `total`."""
        begin = function.binary("mul", part, self.short)
        return function.binary("add", begin, function.intrinsic("smin", part, function.const(self.longer, part)))

    def length(self, function: Function, part: Reg) -> Reg:
        """How long a part is."""
        longer = function.cast("zext", function.compare("slt", part, self.longer), part.type)
        return function.binary("add", longer, self.short)


class Run(NamedTuple):
    """A run of equal parts: their length, the lanes of their last vector, and the first part that is not of the run."""

    length: int
    tail: int
    end: int


def runs(split: Split, lanes: int = 1, elements: int = 0) -> list[Run]:
    """The runs of parts in order. Of a split of vectors, the last one's last vector ends where the elements end."""
    tail = elements % lanes or lanes
    whole = split.parts - (tail < lanes)
    found: list[Run] = []
    for kind in (
        Run(split.longest, lanes, min(split.longer, whole)),
        Run(split.short, lanes, whole),
        Run(split.short, tail, split.parts),
    ):
        if kind.end > (found[-1].end if found else 0):
            found.append(kind)
    return found


def run_of(function: Function, found: Sequence[Run], part: Reg) -> Reg:
    """The index of the kind of a part."""
    index = function.const(0, I64)
    for kind in found[:-1]:
        after = function.cast("zext", function.compare("sge", part, kind.end), I64)
        index = function.binary("add", index, after)
    return index


def call_one(function: Function, table: str, names: Sequence[str], index: Reg, *operands: Reg) -> None:
    """Call one of some functions that take the same parameters. `table` names the list, which is made here."""
    # An array of pointers rather than branches: one call to compile, and no loop that LLVM would write out for each.
    if table not in function.module:
        pointers = ", ".join(f"ptr @{name}" for name in names)
        function.module.define(table, f"@{table} = internal constant [{len(names)} x ptr] [{pointers}]")
    place = function.address(Reg(f"@{table}", PTR), index, PTR)
    chosen = function.load(place, PTR)
    function.do(f"call void {chosen}({', '.join(operand.typed for operand in operands)})")
