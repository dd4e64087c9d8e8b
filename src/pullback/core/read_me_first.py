"""Read me first: what Pullback is made of, in a hundred lines that run: `python -m pullback.core.read_me_first`.

A *node* is one application of a primitive. A *primitive* belongs to a *kind* and states the one fact that its kind
cannot know. A *walk* follows nodes; `pull` carries cotangents back. These three are the library. Tensors, which are
arrays with their nodes, and several hundred primitives stand above them.

Here they are used by themselves, on numbers. Nothing in this file is a model of something: `Node`, the two kinds and
`pull` are those that run when a network learns.
"""

from __future__ import annotations

import sys
from typing import Any, Final

import numpy as np

from pullback.core.graph import Node, node_of, source
from pullback.core.kinds import Elementwise, LinearMap
from pullback.core.primitive import Primitive
from pullback.core.walks import pull

# A primitive is a row: a name, a kernel, and its kind's one fact. Of an elementwise function that is its partial
# derivatives. The names of their arguments say what they need: y the value, x (or a and b) the operands. Of a linear
# map it is the transpose, in each operand: what carries a cotangent of the value back to that operand. A sum hands its
# cotangent on to both.

ROWS: Final[tuple[Primitive, ...]] = (
    Elementwise("square", lambda x: x * x, lambda x: 2 * x),
    Elementwise("sine", np.sin, lambda x: np.cos(x)),
    Elementwise("product", lambda a, b: a * b, lambda b: b, lambda a: a),
    LinearMap("total", lambda a, b: a + b, lambda ct, a, b: ct, lambda ct, a, b: ct),
)
PRIMITIVES: Final = {row.name: row for row in ROWS}


def variable(value: float) -> Node:
    """A node that no primitive made: what derivatives are taken by."""
    return source(np.float64(value))


def apply(name: str, *operands: Any) -> Node:
    """Run a primitive's kernel, and write down that it ran: on what, and what came of it.

    `Primitive.__call__` does this for tensors. It keeps only what the derivatives name, and nothing at all where no
    operand is a node. Here everything is kept.
    """
    primitive = PRIMITIVES[name]
    values = [operand.aval if isinstance(operand, Node) else operand for operand in operands]
    output = np.float64(primitive.kernel(*values))
    return node_of(primitive, operands, output, saved=(output, *values))


def gradient(result: Node, *by: Node) -> list[Any]:
    """The derivative of a result by some nodes: the cotangent 1 at the result, carried back along the graph.

    `pull` takes the newest pending node each time. Nodes are numbered as they are made, so whatever uses a node has
    been visited before it, and its cotangent is complete: the sum over all its uses.

    >>> x = variable(3.0)
    >>> y = apply("total", apply("square", x), apply("product", 5.0, x))  # x² + 5x
    >>> [float(d) for d in gradient(y, x)]
    [11.0]
    """
    found = pull([(result, np.float64(1.0))], wrt=by)
    return [found.get(node, np.float64(0.0)) for node in by]


def told(node: Node, name: str) -> str:
    """A node in a line: where it stands, what made it of which others, and its value."""
    if node.primitive is None:
        return f"node {node.serial}: {name} = {node.aval:g}, a source"
    parts = [f"node {x.serial}" if isinstance(x, Node) else f"{x:g}" for x in node.inputs]
    return f"node {node.serial}: {node.primitive.name}({', '.join(parts)}) = {node.aval:.6g}"


def main() -> str:
    """Compute sin(x·y) + x² at (0.5, 3), and both derivatives; check them against chords; tell it in words."""

    def f(x: Any, y: Any) -> list[Node]:
        inner = apply("product", x, y)
        outer = apply("sine", inner)
        squared = apply("square", x)
        return [inner, outer, squared, apply("total", outer, squared)]

    x, y = variable(0.5), variable(3.0)
    *between, result = f(x, y)
    lines = [told(x, "x"), told(y, "y"), *(told(node, "") for node in (*between, result))]
    h = 1e-6
    for name, slope, (dx, dy) in zip("xy", gradient(result, x, y), ((h, 0.0), (0.0, h)), strict=True):
        up, down = (f(variable(0.5 + s * dx), variable(3.0 + s * dy))[-1].aval for s in (1, -1))
        lines.append(f"d/d{name} = {slope:.9f}, by a chord {(up - down) / (2 * h):.9f}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.stdout.write(f"{main()}\n\nGo on with graph.py, primitive.py, kinds.py and walks.py, in this folder.\n")
