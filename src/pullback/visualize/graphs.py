"""The graph of a computation as a value: to be walked, searched, printed and drawn."""

from __future__ import annotations

import difflib
import os
from collections import deque
from dataclasses import dataclass, replace
from typing import Final, final

from pullback.core.errors import GraphError, OptionError
from pullback.visualize.dot import dot
from pullback.visualize.layout import Direction
from pullback.visualize.picture import Picture
from pullback.visualize.player import Player
from pullback.visualize.replay import replay
from pullback.visualize.sketch import sketch
from pullback.visualize.svg import svg
from pullback.visualize.text import table
from pullback.visualize.vertex import Edge, Vertex, shorten

MOST_DRAWN: Final = 5_000  # vertices in one picture
_MOST_ROWS: Final = 60  # of a repr


@final
class UnknownNameError(GraphError, KeyError):
    """A name that nothing in the graph has, or that several have."""

    __str__ = Exception.__str__  # KeyError would show the message quoted, with \n for its line ends


@final
@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Graph:
    """What some tensors were computed from; `pullback.graph` makes it.

    A graph is a value: computing goes on without changing it, and it keeps no tensor's history alive. It
    refers to arrays and does not copy them.

    Attributes
    ----------
    nodes : tuple of Vertex
        Variables, constants and operations, inputs before what is made of them.
    outputs : tuple of int
        The indices of the tensors that were asked for.

    Examples
    --------
    >>> import pullback as pb
    >>> x = pb.tensor(3.0, requires_grad=True, name="x")
    >>> g = pb.graph(pb.sin(x) * 2.0)
    >>> g
    Graph of %1: 4 nodes (1 variable, 1 constant, 2 operations), 3 edges
      x  = variable          () float64
      %0 = sin(x)            () float64
      %1 = multiply(%0, 2)   () float64
    >>> [vertex.label for vertex in g.depth_first()]
    ['multiply', 'sin', 'x', '2']
    """

    nodes: tuple[Vertex, ...]
    outputs: tuple[int, ...]

    @property
    def edges(self) -> tuple[Edge, ...]:
        """The uses: by user in topological order, each user's operands in order."""
        return tuple(Edge(tail, head.index, operand) for head in self.nodes for operand, tail in enumerate(head.inputs))

    def __len__(self) -> int:
        return len(self.nodes)

    def topological(self) -> tuple[Vertex, ...]:
        """Each vertex after its inputs: the order in which the values were made."""
        return self.nodes

    def breadth_first(self) -> tuple[Vertex, ...]:
        """From the outputs, nearest first; each once.

        This is no topological order: a vertex that is used both near an output and far from it comes before
        some that are made of it. To carry cotangents back, walk `reversed(graph.topological())`.
        """
        queue = deque(self.outputs)
        order: dict[int, Vertex] = {}
        while queue:
            index = queue.popleft()
            if index not in order:
                order[index] = self.nodes[index]
                queue.extend(self.nodes[index].inputs)
        return tuple(order.values())

    def depth_first(self) -> tuple[Vertex, ...]:
        """From the outputs, each before its operands, all of the first before the second; each once."""
        stack = list(reversed(self.outputs))
        order: dict[int, Vertex] = {}
        while stack:
            index = stack.pop()
            if index not in order:
                order[index] = self.nodes[index]
                stack.extend(reversed(self.nodes[index].inputs))
        return tuple(order.values())

    def find(self, name: str) -> Vertex:
        """Give the vertex of a name: a tensor's name, an id (`%3`, `v0`), or a label that one alone has.

        Raises
        ------
        UnknownNameError
            A GraphError and a KeyError: nothing has the name (near ones are listed), or several have.
        """
        for names in ("id", "name", "label") if isinstance(name, str) else ():
            found = [vertex for vertex in self.nodes if getattr(vertex, names) == name]
            if len(found) == 1:
                return found[0]
            if found:
                ids = [vertex.id for vertex in found]
                several = ", ".join(ids[:8]) + (f" … {len(ids) - 8:,} more" if len(ids) > 8 else "")
                raise UnknownNameError(
                    f"find: {len(found):,} nodes are called {name!r}", they=several, fix="ask for one of them"
                )
        known = dict.fromkeys(text for vertex in self.nodes for text in (vertex.id, vertex.label))
        near = difflib.get_close_matches(str(name), list(known)[:20_000], n=4)
        raise UnknownNameError(
            "find: no node has this name", got=repr(name), near=", ".join(near) or None, fix="print the graph's text()"
        )

    def nearest(self, count: int) -> Graph:
        """Give the part nearest to the outputs: about `count` nodes, with a "…" for what lies behind.

        Operations among the first `count` in breadth-first order stay; operands of theirs that do not are
        shown without what they are made of.
        """
        if count < 1:
            raise OptionError("nearest: a part has at least one node", got=count)
        kept = {vertex.index for vertex in self.breadth_first()[:count]}
        rim = {tail for index in kept for tail in self.nodes[index].inputs} - kept
        place = {old: new for new, old in enumerate(sorted(kept | rim))}
        nodes = [
            replace(vertex, index=new, inputs=tuple(place[tail] for tail in vertex.inputs))
            if old in kept or not vertex.inputs
            else replace(vertex, index=new, inputs=(), kind="left out", label="…")
            for old, new in place.items()
            for vertex in [self.nodes[old]]
        ]
        return Graph(tuple(nodes), tuple(place[index] for index in self.outputs if index in place))

    def text(self) -> str:
        """Write the graph as an aligned table, one node a line, inputs before what is made of them."""
        return f"{self._summary()}\n{table(self.nodes, self.outputs)}"

    def to_dot(self, *, values: bool = False, shapes: bool = False, direction: Direction = "TB") -> str:
        """Write the graph in Graphviz's language, with the colours and texts of `draw`."""
        return dot(sketch(self.nodes, self.outputs, values=values, shapes=shapes), _checked(direction))

    def draw(
        self,
        path: str | os.PathLike[str] | None = None,
        *,
        values: bool = False,
        shapes: bool = False,
        direction: Direction = "TB",
    ) -> Picture:
        """Draw the graph: light blue variables, orange constants, purple operations, outlined results.

        Operands enter an operation from left to right. Lines of one value run together and part where it is
        used.

        Parameters
        ----------
        path : str or path, optional
            A file ending in .svg to write as well; it is written whole or not at all.
        values, shapes : bool
            Show values (numbers, short lists, or the range of an array) and shapes with dtypes in the boxes;
            hovering over a box shows both in any case.
        direction : {"TB", "LR"}
            From the top down, or from left to right.

        Returns
        -------
        Picture
            The SVG: `str()` gives its text, `save(path)` writes it, a notebook shows it.

        Raises
        ------
        GraphError
            For more than 5,000 nodes, which no one can read; draw a part with `nearest`.
        OptionError
            For a path or a direction that is not one of the above.
        """
        _checked(direction)
        if len(self.nodes) > MOST_DRAWN:
            raise GraphError(
                "draw: the graph is too large for one picture",
                nodes=f"{len(self.nodes):,}",
                limit=f"{MOST_DRAWN:,}",
                fix="draw the part nearest to the outputs, graph.nearest(300).draw(), or print its text()",
            )
        picture = Picture(svg(sketch(self.nodes, self.outputs, values=values, shapes=shapes), direction))
        if path is not None:
            picture.save(path)
        return picture

    def play(
        self, path: str | os.PathLike[str] | None = None, *, mode: str = "reverse", title: str | None = None
    ) -> Player:
        """Make a page in which the graph runs: forward, then back with its cotangents; the reader can change inputs.

        The graph is computed again from its variables and constants. `pb.record_player` looks on while something is
        computed, and shows whole training steps.

        Parameters
        ----------
        path : str or path, optional
            A file ending in .html to write as well; it is written whole or not at all.
        mode : {"reverse", "forward"}
            Walk back from the outputs, each with a cotangent of ones (the gradient of their sum); or forward from the
            variables, each with a tangent of ones.
        title : str, optional
            Of the page.

        Returns
        -------
        Player
            `str()` gives the page, `save(path)` writes it, a notebook shows it.

        Raises
        ------
        GraphError
            If nothing was recorded, or values that it was computed from are no longer there.
        OptionError
            For a path or a mode that is not one of the above.

        >>> import pullback as pb
        >>> x = pb.tensor(3.0, requires_grad=True, name="x")
        >>> pb.graph(pb.sin(x) * x).play()
        <Player of multiply of x: 3 values, 6 steps; save('page.html') writes it>
        """
        labels = [self.nodes[index].name or self.nodes[index].label for index in self.outputs[:3]]
        variables = [vertex.id for vertex in self.nodes if vertex.kind == "variable"]
        what = f"{', '.join(labels)} of {shorten(', '.join(variables), 60)}"
        player = replay(self.nodes, self.outputs, mode, title or what)
        if path is not None:
            player.save(path)
        return player

    def _repr_svg_(self) -> str | None:
        # A notebook falls back to the repr where there is no picture.
        return str(self.draw()) if len(self.nodes) <= MOST_DRAWN else None

    def __repr__(self) -> str:
        return f"{self._summary()}\n{table(self.nodes, self.outputs, most=_MOST_ROWS)}"

    def _summary(self) -> str:
        names = ", ".join(self.nodes[index].id for index in self.outputs[:4])
        kinds: dict[str, int] = {"variable": 0, "constant": 0, "operation": 0}
        edges = 0
        for vertex in self.nodes:
            kinds[vertex.kind] = kinds.get(vertex.kind, 0) + 1
            edges += len(vertex.inputs)
        counts = ", ".join(_count(number, kind) for kind, number in kinds.items() if number)
        more = ", …" if len(self.outputs) > 4 else ""
        return f"Graph of {names}{more}: {_count(len(self.nodes), 'node')} ({counts}), {_count(edges, 'edge')}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 or noun == 'left out' else 's'}"


def _checked(direction: Direction) -> Direction:
    if direction not in ("TB", "LR"):
        raise OptionError("draw: unknown direction", got=repr(direction), fix='"TB" (top down) or "LR" (left to right)')
    return direction
