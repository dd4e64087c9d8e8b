"""The nodes that a walk visits: those between what is differentiated and what was made of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple

from pullback.core.graph import Node, ancestors


class Between(NamedTuple):
    """The nodes that lie between `wrt` and some outputs, in order; and whether something else is tracked too."""

    nodes: list[Node]
    outside: bool


def between(outputs: Iterable[Node], wrt: Collection[Node]) -> Between:
    """Find the nodes on a path from `wrt` to `outputs`."""
    wrt = wrt if isinstance(wrt, (set, dict)) else set(wrt)
    oldest = min(node.serial for node in wrt)
    active: set[Node] = set()
    nodes = []
    outside = False
    for node in ancestors(outputs, oldest):
        if node in wrt or not active.isdisjoint(node.parents):
            active.add(node)
            nodes.append(node)
        elif node.primitive is None or node.serial < oldest:
            outside = True
    return Between(nodes, outside)


def made_of(output: Node, sources: Collection[Node]) -> bool:
    """Whether a value was made of `sources` and of nothing else that is tracked; quicker than `between`."""
    seen: set[Node] = set()
    stack = [output]
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        if node.primitive is None:
            if node not in sources:
                return False
        elif node in sources:
            return False  # it was made of something itself
        else:
            inputs = node.inputs
            stack += [inputs[i] for i in node.tracked]
    return True
