"""Programs as graphs: to be searched and drawn like those of tensors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, final

import numpy as np

from pullback.core.spec import Spec
from pullback.programs.loop import Loop, loop_
from pullback.programs.program import Constant, Equation, Operand, Program, Value
from pullback.visualize import Graph, Vertex
from pullback.visualize.vertex import Kind


def graph_of(program: Program) -> Graph:
    """The graph of a program: its inputs are variables, its numbers constants, and a loop is preceded by its body.

    >>> import pullback as pb
    >>> step = pb.compile(lambda x: pb.sin(x) ** pb.sin(x))
    >>> values = [step(pb.tensor(0.5)) for _ in range(3)]
    >>> [vertex.label for vertex in step.graph("record").nodes], [vertex.label for vertex in step.graph().nodes]
    (['argument 0', 'sin', 'sin', 'power'], ['argument 0', 'sin', 'power'])
    """
    program.renamed()
    vertices = _Vertices()
    for value in program.inputs:
        vertices.add(value, "variable", repr(value), "", (), {})
    vertices.take(program, "")
    return Graph(tuple(vertices.made), tuple(dict.fromkeys(map(vertices.place, program.outputs))))


@final
class _Vertices:
    """The vertices of a graph that is being made, and where each operand is among them."""

    def __init__(self) -> None:
        self.made: list[Vertex] = []
        self._places: dict[Operand, int] = {}

    def add(
        self, operand: Operand, kind: Kind, label: str, within: str, inputs: tuple[int, ...], params: Mapping[str, Any]
    ) -> None:  # fmt: skip
        """A vertex for an operand, whose name begins with that of the loop that it is `within`."""
        known: Any = operand.value if isinstance(operand, Constant) else None
        spec = Spec(np.shape(known), np.result_type(known)) if isinstance(operand, Constant) else operand.spec
        index = self._places[operand] = len(self.made)
        name = f"{within}{operand!r}" if isinstance(operand, Value) else f"c{index}"
        self.made.append(Vertex(index, kind, label, name, None, params, known, (spec,), inputs))

    def place(self, operand: Operand) -> int:
        """Where an operand is; a constant becomes a vertex where it is met first."""
        if operand not in self._places:
            self.add(operand, "constant", repr(operand).removeprefix("const "), "", (), {})
        return self._places[operand]

    def take(self, program: Program, within: str) -> None:
        """The equations of a program whose inputs there are."""
        for equation in program.equations:
            if equation.primitive is loop_:
                self._loop(equation, within)
            else:
                inputs = tuple(map(self.place, equation.operands))
                self.add(equation.output, "operation", equation.primitive.name, within, inputs, equation.params)

    def _loop(self, equation: Equation, within: str) -> None:
        """A loop: what its body is given is made of its operands, and the loop of what its body gives."""
        loop: Loop = equation.params["loop"]
        inside, body = f"{within}{equation.output!r}.", loop.body.renamed()
        carried, read = loop.parts(equation.operands)
        ways: list[tuple[str, dict[str, Any], list[Operand]]] = [("carried", {}, [first]) for first in carried]
        ways += [("read", {"at": repr(how)}, [*x]) for how, x in zip(loop.reads, read, strict=True)]
        for value, (label, params, operands) in zip(body.inputs, ways, strict=True):
            self.add(value, "operation", label, inside, tuple(map(self.place, operands)), params)
        self.take(body, inside)
        given = tuple(map(self.place, body.outputs))
        self.add(equation.output, "operation", "loop", within, given, {"steps": loop.length})
