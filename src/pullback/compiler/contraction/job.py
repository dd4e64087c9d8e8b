"""One contraction being written: what its functions share, and how finished sums leave them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias, final

from pullback.compiler.contraction.plan import Tiling
from pullback.compiler.contraction.problem import Contraction
from pullback.compiler.instructions.llvm import I64, PTR, Function, Module, Reg, Type
from pullback.compiler.instructions.vectors import WIDE, element, first_lanes, load, store

Epilogue: TypeAlias = Callable[[Function, Reg, Reg, Reg, Reg | None], None]
"""`epilogue(function, row, column, sums, mask)`: lane l of `sums` is C[row, column + l], where the mask has it."""


def total(function: Function, *terms: Reg | int) -> Reg:
    """The sum of integers."""
    known = sum(term for term in terms if isinstance(term, int))
    result = function.const(known, I64) if known else None
    for term in terms:
        if isinstance(term, Reg):
            result = term if result is None else function.binary("add", result, term)
    return result or function.const(0, I64)


def moved(function: Function, pointer: Reg, steps: Sequence[tuple[Reg | int, int]], kind: Type) -> Reg:
    """A place so many steps away, given as pairs of an index and its stride."""
    terms = [
        at * stride if isinstance(at, int) else at if stride == 1 else function.binary("mul", at, stride)
        for at, stride in steps
    ]
    return function.address(pointer, total(function, *terms), kind)


def place_in(job: Job, function: Function, name: str, table: Sequence[int], at: Reg) -> Reg:
    """A number of a table, which is written down here."""
    full = f"{job.name}.{name}"
    if full not in job.module:
        numbers = ", ".join(f"i64 {number}" for number in table)
        job.module.define(full, f"@{full} = internal constant [{len(table)} x i64] [{numbers}]")
    return function.load(function.address(Reg(f"@{full}", PTR), at, I64), I64)


def argument(function: Function, name: str) -> Reg:
    """A parameter by its name."""
    return next(register for register in function.arguments if register.text == f"%{name}")


@final
@dataclass(frozen=True, slots=True)
class Job:
    """What the functions of one contraction share.

    Attributes
    ----------
    module, name, plan : Module, str, Tiling
        Where to write, the name of the whole, and how it is computed.
    parameters : sequence of (Type, str)
        Further parameters, handed on to wherever the epilogue is written: the last ones of `function.arguments`.
    epilogue : Epilogue
        What is done with finished sums.
    unrolled : bool
        The epilogue is written out for each vector of a tile in registers; else once, in a loop over a stored tile.
    """

    module: Module
    name: str
    plan: Tiling
    parameters: Sequence[tuple[Type, str]]
    epilogue: Epilogue
    unrolled: bool

    @property
    def what(self) -> Contraction:
        """The problem."""
        return self.plan.what

    @property
    def tail(self) -> Reg | None:
        """The mask of the last vector of a row."""
        return first_lanes(self.what.n % self.what.vector.lanes or self.what.vector.lanes, self.what.vector)

    def internal(self, name: str, parameters: Sequence[tuple[Type, str]]) -> Function:
        """A function of this module alone."""
        full = f"{self.name}.{name}"
        return Function(self.module, full, parameters, attributes=f"noinline {WIDE}", exported=False)

    def handed_on(self, function: Function) -> list[Reg]:
        """The further parameters, in a function that has them."""
        return function.arguments[len(function.arguments) - len(self.parameters) :]

    def finish(self) -> str:
        """The function that hands a stored tile to the epilogue, vector by vector."""
        name = f"{self.name}.finish"
        if name in self.module:
            return name
        kind, (_, width) = self.what.vector, self.plan.tile
        known = [(PTR, "c"), (PTR, "tile"), (I64, "row"), (I64, "column"), (I64, "rows"), (I64, "vectors")]
        function = self.internal("finish", [*known, *self.parameters])
        _, tile, row, column, rows, vectors = function.arguments[: len(known)]
        end = total(function, column, function.binary("mul", vectors, kind.lanes))
        over = function.compare("sgt", end, self.what.n)
        whole = function.binary("sub", vectors, function.cast("zext", over, I64))

        def hand(r: Reg, v: Reg, mask: Reg | None) -> None:
            sums = function.load(moved(function, tile, [(r, width), (v, kind.lanes)], kind), kind)
            at = total(function, column, function.binary("mul", v, kind.lanes))
            self.epilogue(function, total(function, row, r), at, sums, mask)

        with function.loop(0, rows) as (r, _, _):
            with function.loop(0, whole) as (v, _, _):
                hand(r, v, None)
            if self.tail is not None:
                with function.loop(whole, vectors) as (v, _, _):
                    hand(r, v, self.tail)
        function.ret()
        function.finish()
        return name


def stored(what: Contraction) -> Epilogue:
    """Store to C, or add to it."""
    kind, (down, along) = what.vector, what.c

    def epilogue(function: Function, row: Reg, column: Reg, sums: Reg, mask: Reg | None) -> None:
        place = moved(function, argument(function, "c"), [(row, down), (column, along)], kind)
        if along == 1:
            if what.accumulate:
                sums = function.binary("fadd", load(function, place, kind, mask), sums)
            store(function, sums, place, mask)
            return
        for lane in range(kind.lanes if mask is None else what.n % kind.lanes):
            there, value = function.address(place, lane * along, kind), element(function, sums, lane)
            if what.accumulate:
                value = function.binary("fadd", function.load(there, what.scalar), value)
            function.store(value, there)

    return epilogue
