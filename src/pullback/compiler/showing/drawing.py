"""Programs as graphs: to be searched and drawn like those of tensors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from pullback.core.spec import Spec
from pullback.programs.program import Constant, Operand, Program, Value
from pullback.visualize import Graph, Vertex
from pullback.visualize.vertex import Kind


def graph_of(program: Program) -> Graph:
    """The graph of a program: its inputs are variables, its numbers constants.

    >>> import pullback as pb
    >>> step = pb.compile(lambda x: pb.sin(x) ** pb.sin(x))
    >>> values = [step(pb.tensor(0.5)) for _ in range(3)]
    >>> [vertex.label for vertex in step.graph("record").nodes], [vertex.label for vertex in step.graph().nodes]
    (['argument 0', 'sin', 'sin', 'power'], ['argument 0', 'sin', 'power'])
    """
    program.renamed()
    vertices: list[Vertex] = []
    places: dict[Operand, int] = {}

    def add(operand: Operand, kind: Kind, label: str, inputs: tuple[int, ...], params: Mapping[str, Any]) -> None:
        known: Any = operand.value if isinstance(operand, Constant) else None
        spec = Spec(np.shape(known), np.result_type(known)) if isinstance(operand, Constant) else operand.spec
        index = places[operand] = len(vertices)
        name = repr(operand) if isinstance(operand, Value) else f"c{index}"
        vertices.append(Vertex(index, kind, label, name, None, params, known, (spec,), inputs))

    def place(operand: Operand) -> int:
        if operand not in places:
            add(operand, "constant", repr(operand).removeprefix("const "), (), {})
        return places[operand]

    for value in program.inputs:
        add(value, "variable", repr(value), (), {})
    for equation in program.equations:
        inputs = tuple(map(place, equation.operands))
        add(equation.output, "operation", equation.primitive.name, inputs, equation.params)
    return Graph(tuple(vertices), tuple(dict.fromkeys(map(place, program.outputs))))
