"""Links: what values without a derivative were computed from, so that pictures show it.

`x > 0` is no node: it carries no derivative, and must not keep the graph of `x` alive. Its tensor has a link instead,
which knows nodes weakly, and which is there as long as the tensor is, or a node that took it as an operand. What is
computed from linked values is linked too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, final
from weakref import ref

from pullback.core.graph import Node
from pullback.core.spec import constant_of, summary_of

if TYPE_CHECKING:
    from pullback.tensors import Tensor

DEEPEST: Final = 8  # links that hang on one another: a count that goes on for ever remembers no more

LINKED: Final[list[None]] = []  # as long as there are links: while there are none, no operation looks for them


@final
class Link:
    """One application of a primitive that left no node.

    Attributes
    ----------
    primitive, params
        As of a node.
    inputs : tuple
        For each operand a weak reference to its node with what is known of its value, a link, or a constant.
    aval : array or Spec
        The value where it is small, else its shape and dtype.
    name : str or None
        The name of its tensor.
    depth : int
        How many links hang on one another here.
    """

    __slots__ = ("aval", "depth", "inputs", "name", "params", "primitive")

    aval: Any
    depth: int
    inputs: tuple[Any, ...]
    name: str | None
    params: dict[str, Any]
    primitive: Any

    def __init__(self) -> None:
        LINKED.append(None)

    def __del__(self) -> None:
        LINKED.pop()

    @property
    def nodes(self) -> Iterator[Node]:
        """The nodes that it hangs on and that are still there."""
        for operand in self.inputs:
            if isinstance(operand, Link):
                yield from operand.nodes
            elif type(operand) is tuple and (node := operand[0]()) is not None:
                yield node


def link_of(operand: Any) -> Link | None:
    """The link of an operand, if it is a tensor that has one."""
    found: Link | None = getattr(operand, "link", None)
    return found


def link(primitive: Any, params: dict[str, Any], operands: Sequence[Any], result: Tensor, tracked: bool) -> None:
    """Link a result without a node to its operands, if one of them is tracked or linked itself."""
    if not tracked and all(link_of(operand) is None for operand in operands):
        return
    inputs: list[Any] = []
    depth = -1
    for operand in operands:
        node = getattr(operand, "node", None)
        if node is not None:
            inputs.append((ref(node), node.aval))
            continue
        found = link_of(operand)
        if found is None:
            inputs.append(constant_of(getattr(operand, "array", operand)))
        elif found.depth < DEEPEST:
            inputs.append(found)
            depth = max(depth, found.depth)
        else:
            inputs.append(found.aval)
            depth = max(depth, 0)
    made = Link()
    made.primitive, made.params, made.inputs, made.depth = primitive, params, tuple(inputs), depth + 1
    made.aval, made.name = summary_of(result.array), None
    result.link = made


def reached(roots: Iterable[Node | Link]) -> list[Node]:
    """All nodes that `roots` are made of, by links too, inputs first."""
    seen: set[Node] = set()
    stack: list[Node] = []
    for root in roots:
        stack += root.nodes if isinstance(root, Link) else (root,)
    while stack:
        node = stack.pop()
        if node not in seen:
            seen.add(node)
            stack += node.parents
            for linked in getattr(node, "links", {}).values():
                stack += linked.nodes
    return sorted(seen, key=lambda node: node.serial)
