"""Tensors in, graph out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterator
from dataclasses import replace
from itertools import count, zip_longest
from typing import Any, Final, final

from pullback.core.errors import GraphError
from pullback.core.graph import Node
from pullback.core.links import Link, link_of, reached
from pullback.core.primitive import Primitive
from pullback.core.spec import Spec, spec_of
from pullback.tensors import Tensor
from pullback.visualize.graphs import Graph
from pullback.visualize.vertex import Kind, Vertex, value_text


def graph(*outputs: Tensor) -> Graph:
    """Give the graph that `outputs` were computed with, as a value.

    Sources (parameters, arguments) are its variables; numbers and arrays that no gradient is asked of are its
    constants. A constant tensor has a graph of one node. Booleans and integers that were computed from variables carry
    no derivative and are no constants: they are shown with what they came from, as far as that is still there.

    Parameters
    ----------
    *outputs : Tensor
        One tensor or several, whose graphs may share nodes.

    Returns
    -------
    Graph
        Nodes, edges, orders, `find`, `text`, `to_dot` and `draw`.

    Raises
    ------
    GraphError
        When an output is not a tensor, or there is none.

    Examples
    --------
    >>> import pullback as pb
    >>> x = pb.tensor(0.5, requires_grad=True, name="x")
    >>> g = pb.graph(pb.log(x) * x)
    >>> [vertex.label for vertex in g.topological()]
    ['x', 'log', 'multiply']
    >>> g.find("x").shape
    ()
    """
    if not outputs:
        raise GraphError("graph: of what?", fix="give a tensor, or several: pb.graph(loss)")
    for output in outputs:
        if not isinstance(output, Tensor):
            raise GraphError("graph: not a tensor", got=type(output).__name__, fix="pb.graph(loss), a tensor itself")
    drafts = _Drafts()
    roots = [output.node or link_of(output) for output in outputs]
    for node in reached(root for root in roots if root is not None):
        drafts.node(node)
    places = [
        drafts.constant(output.array, output.name) if root is None else drafts.operand(root)
        for root, output in zip(roots, outputs, strict=True)
    ]
    return Graph(tuple(_named(drafts.vertices)), tuple(dict.fromkeys(places)))


@final
class _Drafts:
    """The vertices so far, still without ids; `places` tells where a node or a shared array stands."""

    def __init__(self) -> None:
        self.places: dict[Any, int] = {}
        self.vertices: list[Vertex] = []

    def node(self, node: Node) -> None:
        """Add an operation or, where no primitive made the node, a variable."""
        name = getattr(node, "name", None)
        if node.primitive is None:
            tensor = node.owner() if hasattr(node, "owner") else None
            self._add(node, "variable", "", name, node.aval if tensor is None else tensor.array)
            return
        links = getattr(node, "links", {})
        saved = (node.saved or ())[1 : 1 + len(node.inputs)]
        inputs = tuple(
            self.operand(links.get(place, kept if type(operand) is Spec and kept is not None else operand))
            for place, (operand, kept) in enumerate(zip_longest(node.inputs, saved))
            if operand is not None  # an operand that was not given
        )
        self._add(node, "operation", node.primitive.name, name, node.aval, node.params, inputs, node.primitive)

    def operand(self, operand: Any) -> int:
        """Give the place of an operand of a node or a link: a node, a link, what a link once knew, or a constant."""
        if isinstance(operand, Link):
            if operand not in self.places:
                inputs = tuple(self.operand(part) for part in operand.inputs if part is not None)
                made = operand.primitive
                self._add(operand, "operation", made.name, operand.name, operand.aval, operand.params, inputs, made)
            return self.places[operand]
        if type(operand) is tuple:
            reference, aval = operand
            node = reference()
            if node is None:
                return self._add(object(), "left out", "…", None, aval)
            return self.places[node]
        return self.places[operand] if type(operand) is Node else self.constant(operand)

    def constant(self, value: Any, name: str | None = None) -> int:
        """Add a constant, unless it is an array that is there already; give its place."""
        # Equal numbers stay apart: one box for every 2 would tie far parts of the picture together.
        key = id(value) if getattr(value, "ndim", 0) > 0 and not isinstance(value, Spec) else object()
        if key not in self.places:
            spec = spec_of(value)
            label = str(spec.shape) if spec.shape or isinstance(value, Spec) else value_text(value)
            self._add(key, "constant", label, name, value)
        return self.places[key]

    def _add(
        self,
        key: Any,
        kind: Kind,
        label: str,
        name: str | None,
        value: Any,
        params: dict[str, Any] | None = None,
        inputs: tuple[int, ...] = (),
        primitive: Primitive | None = None,
    ) -> int:
        parts = value if isinstance(value, tuple) else (spec_of(value),)
        results = tuple(Spec(part.shape, part.dtype) for part in parts)
        known = None if isinstance(value, Spec) else value
        index = self.places[key] = len(self.vertices)
        site = getattr(key, "site", "")
        made = Vertex(index, kind, label, "", name or None, params or {}, known, results, inputs, site, primitive)
        self.vertices.append(made)
        return index


def _named(vertices: list[Vertex]) -> Iterator[Vertex]:
    """Give each vertex its id: its name, numbered where it is shared; else v0 …, c0 … or %0 … by kind."""
    uses = Counter(vertex.name for vertex in vertices)
    fresh = {kind: _unused(prefix, uses) for kind, prefix in _PREFIXES.items()}
    shared = {name: _unused(f"{name}#", uses, 1) for name, number in uses.items() if name and number > 1}
    for vertex in vertices:
        names = shared.get(vertex.name) if vertex.name else fresh[vertex.kind]
        own = next(names) if names else vertex.name or ""
        yield replace(vertex, id=own, label=vertex.label or own)


_PREFIXES: Final[dict[Kind, str]] = {"variable": "v", "constant": "c", "operation": "%", "left out": "…"}


def _unused(prefix: str, taken: Container[str | None], start: int = 0) -> Iterator[str]:
    """Give prefix0, prefix1 … one after the other, without those taken."""
    return (name for number in count(start) if (name := f"{prefix}{number}") not in taken)
