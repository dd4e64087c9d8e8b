"""The graph: nodes that point at their inputs, and nothing that points back.

A node is one application of a primitive. A *source* (a parameter, the argument of `grad`) is a node that no primitive
made. Nodes are numbered as they are made, so inputs always have smaller numbers than what is made of them: sorting
by number is a topological order, and the largest number of a set depends on none of the others.

Because nodes point at inputs only, there are no reference cycles: a graph dies by reference counting, without
recursion, when its last tensor does.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import count
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import weakref

    from pullback.core.links import Link
    from pullback.core.primitive import Primitive

NO_PARAMS: Final[dict[str, Any]] = {}  # of all nodes whose primitive takes none
next_serial: Final[Callable[[], int]] = count().__next__

_serial: Final = attrgetter("serial")


class Node:
    """One application of a primitive, or, with `primitive` None, a source.

    Attributes
    ----------
    primitive : Primitive or None
        What made the value.
    inputs : tuple
        For each operand its node, or the constant itself (a number, an array, or a Spec where it was not kept).
    params : dict
        Keyword parameters of the primitive.
    saved : tuple or None
        The output and the operands that the derivative needs, None in the places that it does not; None once freed.
    aval : array or Spec
        The value where it is small, else its shape and dtype.
    serial : int
        Number in the order of creation.
    tracked : tuple of int
        Which operands are nodes.
    name, site, links, grad, owner
        Set where there is one: a name to find it by; the user's line (where somebody looks on); what constant
        operands were computed from, by their places (`links.py`); of a source, the accumulated gradient and a weak
        reference to the tensor that it stands for.
    """

    __slots__ = (
        "__weakref__", "aval", "grad", "inputs", "links", "name", "owner", "params", "primitive", "saved", "serial",
        "site", "tracked",
    )  # fmt: skip

    primitive: Primitive | None
    inputs: tuple[Any, ...]
    params: dict[str, Any]
    saved: tuple[Any, ...] | None
    aval: Any
    serial: int
    tracked: tuple[int, ...]
    name: str
    site: str
    links: dict[int, Link]
    grad: Any
    owner: weakref.ref[Any]

    def __repr__(self) -> str:
        kind = "source" if self.primitive is None else self.primitive.name
        return f"<Node {self.serial}: {kind} {self.aval.shape if hasattr(self.aval, 'shape') else ''}>"

    @property
    def parents(self) -> list[Node]:
        """The inputs that are nodes."""
        inputs = self.inputs
        return [inputs[i] for i in self.tracked]


# Whether there ever was a complex source; as long as there is none, no walk to the sources asks each for its dtype.
COMPLEX_SOURCES: Final = [False]


def source(aval: Any) -> Node:
    """Make a node that no primitive made, of the shape and dtype of `aval`."""
    if aval.dtype.kind == "c":
        COMPLEX_SOURCES[0] = True
    node = Node()
    node.primitive = None
    node.inputs = ()
    node.params = NO_PARAMS
    node.saved = ()
    node.aval = aval
    node.grad = None
    node.tracked = ()
    node.serial = next_serial()
    return node


def node_of(primitive: Primitive, inputs: Sequence[Any], aval: Any, saved: tuple[Any, ...], **params: Any) -> Node:
    """Make a node for values that are there already; `inputs` are nodes, and constants as nodes keep them."""
    node = Node()
    node.primitive = primitive
    node.inputs = tuple(inputs)
    node.params = params or NO_PARAMS
    node.saved = saved
    node.aval = aval
    node.tracked = tuple(i for i, parent in enumerate(inputs) if type(parent) is Node)
    node.serial = next_serial()
    return node


def known_value(operand: Any) -> Any:
    """The value of an operand where it can still be found, else something with its shape and dtype."""
    if type(operand) is not Node:
        return operand
    owner = operand.owner() if hasattr(operand, "owner") else None
    return operand.aval if owner is None else owner.array


def ancestors(roots: Iterable[Node], oldest: int = 0) -> list[Node]:
    """All nodes that `roots` are made of, themselves included, inputs first.

    Nodes numbered below `oldest` are listed, but not what they are made of.
    """
    seen: set[Node] = set()
    stack = list(roots)
    while stack:
        node = stack.pop()
        if node not in seen:
            seen.add(node)
            if node.serial >= oldest:
                inputs = node.inputs
                stack += [inputs[i] for i in node.tracked]
    return sorted(seen, key=_serial)


def frontier(roots: Iterable[Node], arguments: Collection[Node], start: int) -> list[Node]:
    """The nodes numbered below `start` that `roots` were made of, other than by way of the arguments."""
    roots = list(roots)
    reached = {node for node in roots if node.serial < start and node not in arguments}
    for node in ancestors(roots, start):
        if node.serial >= start and node not in arguments:
            reached.update(parent for parent in node.parents if parent.serial < start and parent not in arguments)
    return sorted(reached, key=_serial)
