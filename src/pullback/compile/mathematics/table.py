"""The table of functions: what each is called, how it is written into a program, how wrong it may be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from pullback.compile.llvm import Function, Reg
from pullback.compile.mathematics.number import Number


class Written(Protocol):
    """Writes a function of one or two numbers."""

    __name__: str

    def __call__(self, *numbers: Number) -> Number:
        """Emit it."""


FUNCTIONS: Final[dict[str, Callable[..., Reg]]] = {}
ULP: Final[dict[str, tuple[float, float]]] = {}


def elementary(*, single: float, double: float) -> Callable[[Callable[..., Number]], Callable[..., Number]]:
    """Enter a function in the table, with the bounds of its error in ULP for float and for double."""

    def enter(write: Callable[..., Number]) -> Callable[..., Number]:
        def emit(function: Function, *operands: Reg) -> Reg:
            return write(*(Number(function, operand) for operand in operands)).register

        name = write.__name__
        FUNCTIONS[name] = emit
        ULP[name] = (single, double)
        return write

    return enter
