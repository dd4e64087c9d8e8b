"""Hamiltonian Monte Carlo.

To draw points from a density, let a ball roll in its negative logarithm: it travels far, and is still where the density
is high. The gradient is what makes it roll (Neal 2011).
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import pullback as pb


def energy(x: Any) -> Any:
    """The negative logarithm of a density that is bent like a banana."""
    return x[0] ** 2 / 2 + (x[1] - x[0] ** 2 / 2) ** 2 * 3


def main(path: str | Path, draws: int = 1_500) -> dict[str, Any]:
    """Draw points, draw them to a file, and give them and how many were taken."""
    rng = np.random.default_rng(0)
    slope = pb.compile(pb.grad(energy))
    x, points, taken = np.zeros(2), [], 0
    for _ in range(draws):
        momentum = rng.normal(size=2)
        before = energy(x) + momentum @ momentum / 2
        y = x.copy()
        momentum = momentum - 0.075 * slope(y).numpy()  # leapfrog
        for last in [False] * 14 + [True]:
            y = y + 0.15 * momentum
            momentum = momentum - (0.075 if last else 0.15) * slope(y).numpy()
        if rng.random() < np.exp(before - energy(y) - momentum @ momentum / 2):
            x, taken = y, taken + 1
        points.append(x)
    cloud = np.array(points)

    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    a, b = np.meshgrid(np.linspace(-3.2, 3.2, 150), np.linspace(-1.5, 5, 150))
    axes.contour(a, b, np.exp(-energy(np.stack([a, b]))), levels=7, colors="#b85408", linewidths=0.7)
    axes.plot(*cloud.T, ".", color="#175ca5", markersize=2.5, alpha=0.6)
    axes.plot(*cloud[:25].T, color="#7447c4", linewidth=0.9, alpha=0.9)
    axes.set_title(f"{draws:,} draws, {taken / draws:.0%} taken; the first 25 are joined")
    figure.savefig(path)
    return {"points": cloud, "taken": taken / draws}


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).with_suffix(".svg").name)
