"""A row: all that the compiler knows of one primitive."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple, TypeAlias, final

import numpy as np

from pullback.compiler.facts.algebra import Rule
from pullback.compiler.facts.complex_numbers import Each, Formula
from pullback.compiler.facts.places import Assembly, Movement
from pullback.compiler.instructions.llvm import Reg

Write: TypeAlias = Callable[..., Reg]


class Instructions(NamedTuple):
    """How an elementwise primitive is computed in registers: `write(function, *operands)` emits it.

    Attributes
    ----------
    takes : "result", "operands", "truth" or "choice"
        What operands are converted to first: the dtype of the result; that of all operands together; truths; a truth,
        and the others to the dtype of the result.
    kinds : str
        Kinds of the dtypes that are computed with ("f", "i", "u", "b", "c"); others run as NumPy kernels.
    weight : int
        About how many instructions it is.
    signed : bool
        It compares whole numbers with their signs. Those that have none are given so that their order is the same.
    unsigned : callable, optional
        What is emitted for whole numbers without a sign, where it is something else.
    """

    write: Write
    takes: Literal["result", "operands", "truth", "choice"] = "result"
    kinds: str = "fiu"
    weight: int = 1
    signed: bool = False
    unsigned: Write | None = None


class Accumulator(NamedTuple):
    """How a reduction takes in one number after the other.

    Attributes
    ----------
    start : callable
        What a reduction of nothing gives, by dtype; of the largest of nothing, what is below all.
    combine : callable
        Emits two results as one.
    of_truths : "and" or "or"
        What combines two truths.
    kinds : str
        Kinds of the dtypes that it takes in.
    unsigned : callable, optional
        What emits two results of whole numbers without a sign as one, where that is something else.
    """

    start: Callable[[np.dtype[Any]], Any]
    combine: Write
    of_truths: Literal["and", "or"]
    kinds: str = "fiub"
    unsigned: Write | None = None


class Definition(NamedTuple):
    """How a composite is written out in other primitives: as its kernel does it, which is recorded.

    Attributes
    ----------
    formula : callable, optional
        What is recorded in place of a kernel that cannot be. It gives NotImplemented where it does not hold, and a pair
        where there is a condition without which the primitive would have complained.
    because : str
        Why the kernel cannot be recorded.
    exact : bool
        The formula depends on the numbers of arrays that the program holds.
    outputs : int
        How many the primitive has; of several the formula gives a tuple.
    gives : int, optional
        Of several, how many the formula gives, from the first; where others are used the kernel is left to NumPy.
    """

    formula: Callable[..., Any] | None = None
    because: str = ""
    exact: bool = False
    outputs: int = 1
    gives: int | None = None

    @property
    def given(self) -> int:
        """How many outputs the formula gives."""
        return self.outputs if self.gives is None else self.gives


RECORDED: Final = Definition()


@final
@dataclass(frozen=True, slots=True)
class Row:
    """The facts of one primitive. Each says one way in which it becomes native code, or something that helps.

    Attributes
    ----------
    instructions : Instructions, optional
        Of what is computed at each element by itself.
    definition : Definition, optional
        Of what is composed of other primitives.
    places : callable, optional
        Of movement: where the elements of the result lie in the operand.
    accumulator : Accumulator, optional
        Of a reduction.
    parts : callable, optional
        Of what puts operands together: where each one goes in the result.
    indexed : "reads" or "writes", optional
        Of what reads, or writes, at places that arrays of numbers say.
    running : Accumulator, optional
        Of what combines along one axis, and gives all that came in between.
    contraction : "matrices", "windows" or "weights", optional
        Of a product of matrices, which is emitted for its shapes or left to BLAS; of windows with weights; of windows
        with what was made of them, which gives weights.
    pairs : callable or Each, optional
        Of complex numbers: the parts of the result by those of the operands; or that each part goes its own way.
    matrices : callable, optional
        Of an operation on small matrices: what writes it, entry by entry, in registers.
    algebra : callable, optional
        What an equation becomes that can be had for less, with the same bits.
    alone : bool
        NumPy's kernel is as quick where nothing is fused with it: it copies whole stretches, or needs one look.
    rounds : bool
        Native code may differ from NumPy's kernel in the last places, or in the sign of a 0.
    kernel : str
        Why it runs as its NumPy kernel, where none of these ways will do.
    """

    instructions: Instructions | None = None
    definition: Definition | None = None
    places: Movement | None = None
    accumulator: Accumulator | None = None
    parts: Assembly | None = None
    indexed: Literal["reads", "writes"] | None = None
    running: Accumulator | None = None
    contraction: Literal["matrices", "windows", "weights"] | None = None
    pairs: Formula | Each | None = None
    matrices: Callable[..., list[list[Reg]]] | None = None
    algebra: Rule | None = None
    alone: bool = False
    rounds: bool = False
    kernel: str = ""
