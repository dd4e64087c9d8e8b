"""What an elementary function is: how it is written into a program, and how wrong it may be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple, final

from pullback.compiler.instructions.llvm import Function, Reg
from pullback.compiler.instructions.mathematics.number import Number
from pullback.compiler.instructions.vectors import WIDE

IN_PLACE: Final = 300  # lines that calls in a function may become, about; for LLVM takes its time for each line


class Bounds(NamedTuple):
    """Bounds of an error for float and for double, in units of the last place of the true result."""

    single: float
    double: float


@final
class Elementary:
    """A function of numbers, with the bounds of its error.

    Called with the function that is being written and registers of one type, it calls a function of the same module,
    and writes it first where it is missing: one for each type of operands. LLVM puts it in place of the first calls of
    a loop: 5 to 25 % faster to run. The others stay calls, which compile faster; the bits are the same.
    """

    def __init__(self, write: Callable[..., Number], ulp: Bounds) -> None:
        self.name = write.__name__
        self.ulp = ulp
        self._write = write
        self.__doc__ = write.__doc__

    def __call__(self, function: Function, *operands: Reg) -> Reg:
        kind = operands[0].type
        if (known := function.library(self.name, *operands)) is not None:
            return known
        name = f"pullback.{self.name}.{kind.suffix}"
        if name not in function.module:
            parameters = [(kind, letter) for letter, _ in zip("xy", operands, strict=False)]
            body = function.module.function(name, parameters, kind, f"alwaysinline {WIDE}", exported=False)
            body.ret(self._write(*(Number(body, argument) for argument in body.arguments)).register)
            body.finish()
        apart = function.in_place > IN_PLACE
        function.in_place += function.module.length(name)
        return function.call(name, *operands, kind=kind, apart=apart)


def elementary(*, single: float, double: float) -> Callable[[Callable[..., Number]], Elementary]:
    """Make an elementary function of one of numbers, with the bounds of its error."""
    return lambda write: Elementary(write, Bounds(single, double))
