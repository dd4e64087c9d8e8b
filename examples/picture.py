"""The graph of a formula as a picture, with the values and the gradients of its variables.

Run it with `python examples/picture.py formula.svg`.
"""

from __future__ import annotations

import sys

import pullback as pb


def formula(x: pb.Tensor, y: pb.Tensor, z: pb.Tensor) -> pb.Tensor:
    """sin(x^(y + z)) − 3·log(x²·y³)."""
    return pb.sin(x ** (y + z)) - 3 * pb.log(x**2 * y**3)


def main(path: str) -> str:
    """Draw the graph to a file, and give the value and the gradients as text."""
    point = {"x": 0.5, "y": 4.0, "z": -2.3}
    variables = [pb.tensor(value, requires_grad=True, name=name) for name, value in point.items()]
    f = formula(*variables)
    pb.graph(f).draw(path, values=True)
    found = pb.gradients(f)
    rows = [f"df/d{name} = {found[name].item():.6f}" for name in point]
    return "\n".join([f"f = {f.item():.6f}", *rows, f"drawn to {path}", ""])


if __name__ == "__main__":
    sys.stdout.write(main(sys.argv[1] if len(sys.argv) > 1 else "formula.svg"))
