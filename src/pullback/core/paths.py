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
        elif node.serial < oldest or (node.primitive is None and node.owner() is not None):  # else nobody can ask
            outside = True
    return Between(nodes, outside)


def made_of(output: Node, sources: Collection[Node]) -> bool:
    """Whether a value was made of `sources`, which nothing made, and of nothing else that is tracked.

    It is quicker than `between`, and says False of a source itself.
    """
    for node in sources:
        if node.primitive is not None:
            return False
    seen = set(sources)
    stack = [output]
    while stack:
        node = stack.pop()
        if node.primitive is None:
            return False
        inputs = node.inputs
        for i in node.tracked:
            parent = inputs[i]
            if parent not in seen:
                seen.add(parent)
                stack.append(parent)
    return True
