"""Optimizers racing on Rosenbrock.

A narrow valley bends like a banana, and its bottom hardly falls. Plain descent crosses it from wall to wall, momentum
overshoots, Adam scales each direction by itself, and L-BFGS learns the valley's shape from the gradients.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import pullback as pb

RULES = {
    "SGD": lambda p: pb.optim.SGD([p], lr=0.0012),
    "momentum": lambda p: pb.optim.SGD([p], lr=0.0008, momentum=0.9),
    "RMSprop": lambda p: pb.optim.RMSprop([p], lr=0.01),
    "Adam": lambda p: pb.optim.Adam([p], lr=0.05),
}


def valley(x: Any, y: Any) -> Any:
    """Rosenbrock's function (1960); its minimum is 0, at (1, 1)."""
    return (1 - x) ** 2 + 100 * (y - x**2) ** 2


def run(rule: Any, steps: int) -> Any:
    """The way that an optimizer takes from (−1.2, 1)."""
    point = pb.tensor([-1.2, 1.0], requires_grad=True)
    optimizer = rule(point)
    way = [point.numpy().copy()]
    for _ in range(steps):
        optimizer.zero_grad()
        valley(point[0], point[1]).backward()
        optimizer.step()
        way.append(point.numpy().copy())
    return np.array(way)


def main(path: str | Path, steps: int = 1_500) -> dict[str, Any]:
    """Let them race, draw their ways to a file, and give where each ended."""
    ways = {name: run(rule, steps) for name, rule in RULES.items()}
    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axes = figure.subplots()
    x, y = np.meshgrid(np.linspace(-1.8, 1.6, 200), np.linspace(-0.6, 1.8, 160))
    axes.contourf(x, y, np.log10(valley(x, y) + 1e-3), levels=16, cmap="Greys", alpha=0.3)
    for (name, way), colour in zip(ways.items(), ("#b85408", "#7447c4", "#1c8a6a", "#175ca5"), strict=True):
        axes.plot(*way.T, color=colour, linewidth=1.4, label=f"{name}: {valley(*way[-1]):.1e}")
        axes.plot(*way[-1], "o", color=colour)
    axes.plot(1, 1, "k*", markersize=12)
    axes.set(xlim=(-1.8, 1.6), ylim=(-0.6, 1.8), title=f"after {steps:,} steps")
    axes.legend(frameon=False, loc="lower left")
    figure.savefig(path)
    return {name: way[-1] for name, way in ways.items()}


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).with_suffix(".svg").name)
