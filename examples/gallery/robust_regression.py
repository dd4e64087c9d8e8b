"""Robust regression.

A line through points of which some are far off. The mean of squares runs after them. Huber's loss grows only linearly
and does not; `np.where` chooses between its two parts, and its gradient is right on both sides.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import pullback as pb


def squares(error: Any) -> Any:
    """The mean of squares."""
    return np.mean(error**2)


def huber(error: Any) -> Any:
    """Half the square where an error is small, and its size, less ½, where it is not (Huber 1964)."""
    return np.mean(np.where(np.abs(error) < 1, error**2 / 2, np.abs(error) - 0.5))


def fitted(loss: Any, x: Any, y: Any, steps: int) -> Any:
    """Slope and height of the line that a loss likes best."""
    line = np.zeros(2)
    descend = pb.grad(lambda line: loss(line[0] * x + line[1] - y))
    for _ in range(steps):
        line = line - 0.1 * descend(line).numpy()
    return line


def main(path: str | Path, steps: int = 1_000) -> dict[str, Any]:
    """Fit twice, draw both lines to a file, and give what was found."""
    rng = np.random.default_rng(1)
    x = rng.uniform(-2, 2, 60)
    y = 1.5 * x - 0.5 + 0.2 * rng.normal(size=60)
    y[x > 1.4] += rng.uniform(-12, -6, (x > 1.4).sum())
    lines = {"squares": fitted(squares, x, y, steps), "Huber": fitted(huber, x, y, steps)}

    figure = Figure(figsize=(7, 3.6), layout="constrained")
    axes = figure.subplots()
    axes.plot(x, y, ".", color="#5b6570")
    ends = np.array([-2.0, 2.0])
    for (name, line), colour in zip(lines.items(), ("#b85408", "#175ca5"), strict=True):
        axes.plot(ends, line[0] * ends + line[1], color=colour, label=f"{name}: slope {line[0]:.2f}")
    axes.set_title("the points lie along a slope of 1.5, but for some")
    axes.legend(frameon=False)
    figure.savefig(path)
    return lines


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).with_suffix(".svg").name)
