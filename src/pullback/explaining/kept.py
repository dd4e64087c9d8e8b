"""What is known of a graph that was recorded before anybody looked on."""

from __future__ import annotations

from typing import Any

import numpy as np

from pullback.core.graph import Node, ancestors, known_value
from pullback.core.spec import Spec
from pullback.explaining.case import known
from pullback.explaining.watch import Made, Walk, Watch


def kept(walk: Walk, watch: Watch) -> None:
    """Give a watch what can be known of the operations that a walk went back over.

    A value is one that was saved, for a node or for who took it; else it is computed again from its operands.
    """
    nodes = ancestors(walk.seeds)
    values: dict[Node, Any] = {}
    for node in nodes:
        for place, operand in enumerate(node.inputs):
            saved = _saved(node, place + 1)
            if type(operand) is Node and known(saved):
                values.setdefault(operand, saved)
    for node in nodes:
        own = known_value(node) if node.primitive is None else _saved(node, 0)
        if not known(values.get(node)):
            values[node] = own if known(own) or isinstance(own, tuple) else node.aval
        if node.primitive is None:
            continue
        operands = tuple(_operand(node, place, values) for place in range(len(node.inputs)))
        if isinstance(values[node], Spec) and all(x is None or known(x) for x in operands):
            values[node] = _again(node, operands)
        inputs = tuple(x if type(x) is Node else None for x in node.inputs)
        line = getattr(node, "site", "")
        watch.of_node[node] = Made(node.primitive, node.params, operands, inputs, values[node], node, line, "")


def _saved(node: Node, place: int) -> Any:
    saved = node.saved or ()
    return saved[place] if place < len(saved) else None


def _operand(node: Node, place: int, values: dict[Node, Any]) -> Any:
    operand = node.inputs[place]
    if type(operand) is Node:
        return values[operand]
    saved = _saved(node, place + 1)
    return saved if known(saved) else operand


def _again(node: Node, operands: tuple[Any, ...]) -> Any:
    """The value of a node, computed again."""
    assert node.primitive is not None
    with np.errstate(all="ignore"):
        found = node.primitive.kernel(*operands, **node.params)
    return found[0] if node.primitive.residual is not None else found
