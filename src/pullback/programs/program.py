"""A program: what a function did, as a flat list of equations in which each value is made once (SSA).

It prints, and it verifies itself. Passes take one and give another; none changes one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any, final

import numpy as np

from pullback.core.errors import GraphError
from pullback.core.primitive import Primitive
from pullback.core.spec import Spec, spec_of


@final
class Value:
    """One value of a program: its shape and dtype, and a name to print."""

    __slots__ = ("dtype", "name", "shape")

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype[Any], name: str | None = None) -> None:
        self.shape = shape
        self.dtype = dtype
        self.name = name

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes of all elements."""
        return self.size * self.dtype.itemsize

    @property
    def spec(self) -> Spec:
        """Shape and dtype."""
        return Spec(self.shape, self.dtype)

    def __repr__(self) -> str:
        return self.name or f"%{id(self):x}"


@final
@dataclass(slots=True, eq=False)  # frozen, it would take three times as long to make; nobody changes one
class Constant:
    """A number or an array that the program holds."""

    value: Any

    @property
    def spec(self) -> Any:
        """Something with its shape and dtype."""
        return spec_of(self.value)

    def __repr__(self) -> str:
        value = self.value
        if getattr(value, "ndim", 0):
            return f"const {value.dtype}{list(value.shape)}"
        return f"{value}" if isinstance(value, (int, float, complex)) or value is None else f"{value.dtype}({value})"


Operand = Value | Constant


@final
@dataclass(slots=True, eq=False)  # likewise
class Equation:
    """output = primitive(operands, params); `line` is the user's."""

    primitive: Primitive
    operands: tuple[Operand, ...]
    params: dict[str, Any]
    output: Value
    line: str = ""

    def __repr__(self) -> str:
        params = "".join(f", {name}={value!r}" for name, value in self.params.items())
        operands = ", ".join(map(repr, self.operands))
        shape = "×".join(map(str, self.output.shape)) or "number"
        return f"{self.output!r} = {self.primitive.name}({operands}{params})  : {self.output.dtype} {shape}"

    def on(self, operands: tuple[Operand, ...]) -> Equation:
        """The same operation on other operands."""
        return self if operands == self.operands else replace(self, operands=operands)

    def by(self, primitive: Primitive, operands: tuple[Operand, ...]) -> Equation:
        """The same output by another operation, one without parameters."""
        return replace(self, primitive=primitive, operands=operands, params={})

    @property
    def values(self) -> Iterator[Value]:
        """The operands that are made elsewhere."""
        return (operand for operand in self.operands if isinstance(operand, Value))


@final
@dataclass(frozen=True, slots=True)
class Program:
    """Inputs, equations in order, and outputs.

    Parameters
    ----------
    inputs : tuple of Value
        Given from outside: arguments first, then what the function captured.
    equations : tuple of Equation
        In an order in which each operand is made before it is used.
    outputs : tuple of Value or Constant
        What is asked for: results first, then what is written to captured tensors, then conditions.
    conditions : int
        How many conditions there are: truths without which nothing may be written.
    """

    inputs: tuple[Value, ...]
    equations: tuple[Equation, ...]
    outputs: tuple[Operand, ...]
    name: str = field(default="program", compare=False)
    conditions: int = 0

    @property
    def generators(self) -> list[np.random.Generator]:
        """The generators of random numbers that it draws from, each once."""
        params = [param for equation in self.equations for param in equation.params.values()]
        return [*{id(g): g for g in params if isinstance(g, np.random.Generator)}.values()]

    def verify(self) -> Program:
        """Give the program back, or raise GraphError: each value is made once, and before its use."""
        made: set[Operand] = set(self.inputs)
        if len(made) != len(self.inputs):
            raise GraphError(f"{self.name}: an input is given twice", inputs=self.inputs)
        for equation in self.equations:
            for value in equation.operands:
                if value not in made and type(value) is Value:
                    raise GraphError(f"{self.name}: a value is used before it is made", value=value, equation=equation)
            if equation.output in made:
                raise GraphError(f"{self.name}: a value is made twice", equation=equation)
            made.add(equation.output)
        for output in self.outputs:
            if isinstance(output, Value) and output not in made:
                raise GraphError(f"{self.name}: an output is never made", value=output)
        return self

    def renamed(self) -> Program:
        """The same values, named in order: inputs keep their names, the others are %0, %1, and so on."""
        names = {value.name for value in self.inputs}
        free = (f"y{number}" for number in count() if f"y{number}" not in names)
        for value in self.inputs:
            if value.name is None or value.name.startswith("%"):  # it was computed before, and is given now
                value.name = next(free)
        for number, equation in enumerate(self.equations):
            equation.output.name = f"%{number}"
        return self

    def __str__(self) -> str:
        self.renamed()
        inputs = ", ".join(f"{v!r}: {v.dtype}{list(v.shape)}" for v in self.inputs)
        lines = [f"{self.name}({inputs}):", *(f"  {equation!r}" for equation in self.equations)]
        return "\n".join([*lines, f"  return {', '.join(map(repr, self.outputs))}"])

    def with_equations(self, equations: Iterable[Equation], outputs: Sequence[Operand] | None = None) -> Program:
        """The same inputs, other equations."""
        return replace(self, equations=tuple(equations), outputs=self.outputs if outputs is None else tuple(outputs))

    def uses(self) -> dict[Value, int]:
        """How often each value is used, by equations and as an output."""
        counts: dict[Value, int] = {}
        for equation in self.equations:
            for value in equation.values:
                counts[value] = counts.get(value, 0) + 1
        for output in self.outputs:
            if isinstance(output, Value):
                counts[output] = counts.get(output, 0) + 1
        return counts
