"""Links: what values without a derivative were computed from, so that pictures show it.

`x > 0` is no node: it carries no derivative, and must not keep the graph of `x` alive. Its tensor has a link instead,
which knows nodes weakly, and which is there as long as the tensor is, or a node that took it as an operand. What is
computed from linked values is linked too.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, final

from pullback.core.graph import Node
from pullback.core.spec import constant_of, summary_of

if TYPE_CHECKING:
    from pullback.tensor import Tensor

DEEPEST: Final = 8  # links that hang on one another: a count that goes on for ever remembers no more

LINKS: Final[dict[int, Link]] = {}  # by the `id` of the tensor; an operation asks first whether there are any


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
    tensor : weak reference
        To the tensor that it stands for.
    depth : int
        How many links hang on one another here.
    """

    __slots__ = ("aval", "depth", "inputs", "params", "primitive", "tensor")

    tensor: weakref.ref[Tensor]

    def __init__(self, primitive: Any, params: dict[str, Any], operands: Sequence[Any], result: Tensor) -> None:
        self.primitive = primitive
        self.params = params
        self.depth = 0
        self.inputs = tuple([self._input(operand) for operand in operands])
        self.aval = summary_of(result.array)
        attach(self, result)

    def _input(self, operand: Any) -> Any:
        node = getattr(operand, "node", None)
        if node is not None:
            return weakref.ref(node), node.aval
        link = LINKS.get(id(operand))
        if link is not None and link.depth < DEEPEST:
            self.depth = max(self.depth, link.depth + 1)
            return link
        return constant_of(getattr(operand, "array", operand))

    @property
    def name(self) -> str | None:
        """The name of its tensor."""
        tensor = self.tensor()
        return None if tensor is None else tensor.name

    @property
    def nodes(self) -> Iterator[Node]:
        """The nodes that it hangs on and that are still there."""
        for operand in self.inputs:
            if isinstance(operand, Link):
                yield from operand.nodes
            elif type(operand) is tuple and (node := operand[0]()) is not None:
                yield node


def attach(link: Link, tensor: Tensor) -> None:
    """Let a link stand for a tensor, until that is gone."""
    key = id(tensor)
    link.tensor = weakref.ref(tensor, lambda _: LINKS.pop(key, None))
    LINKS[key] = link


def link(primitive: Any, params: dict[str, Any], operands: Sequence[Any], result: Tensor, tracked: bool) -> None:
    """Link a result without a node to its operands, if one of them is tracked or linked itself."""
    if tracked or any(id(operand) in LINKS for operand in operands):
        Link(primitive, params, operands, result)


def relink(tensor: Tensor, result: Tensor | None) -> None:
    """A tensor takes the value of another, or one of its own: and so its link, or none."""
    LINKS.pop(id(tensor), None)
    if result is not None and (found := LINKS.get(id(result))) is not None:
        attach(found, tensor)


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
