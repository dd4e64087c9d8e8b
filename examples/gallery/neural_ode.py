"""A neural differential equation.

A spiral is given as points in time. A small network says how fast a point moves, a Runge-Kutta rule follows it, and
the gradient goes back through all steps of the rule (Chen et al. 2018). `pb.scan` keeps the loop a loop.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import pullback as pb

SPAN = 0.08


def true_speed(x: Any) -> Any:
    """The spiral: it turns, and falls towards the middle."""
    return np.stack([-0.15 * x[0] + 2.0 * x[1], -2.0 * x[0] - 0.15 * x[1]]) / (0.6 + np.sum(x**2) / 4)


def path_of(speed: Any, start: Any, steps: int) -> Any:
    """Points along the way, by the classical rule of Runge and Kutta."""

    def step(x: Any, _: Any) -> tuple[Any, Any]:
        a = speed(x)
        b = speed(x + SPAN / 2 * a)
        c = speed(x + SPAN / 2 * b)
        d = speed(x + SPAN * c)
        x = x + SPAN / 6 * (a + 2 * b + 2 * c + d)
        return x, x

    return pb.scan(step, start, length=steps)[1]


def main(path: str | Path, steps: int = 400, length: int = 60) -> dict[str, Any]:
    """Learn the speed, draw both ways to a file, and give the losses."""
    start = np.array([2.0, 0.0])
    seen = path_of(true_speed, start, length).numpy()
    model = pb.nn.MLP(2, 24, 2, activation=pb.nn.Tanh, rng=0, dtype=float)
    optimizer = pb.optim.Adam(model.parameters(), lr=0.01)

    @pb.compile
    def learn() -> Any:
        loss = np.mean((path_of(model, pb.tensor(start), length) - seen) ** 2)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    losses = [learn().item() for _ in range(steps)]
    with pb.no_grad():
        followed = path_of(model, pb.tensor(start), length).numpy()

    figure = Figure(figsize=(7, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.plot(*seen.T, ".", color="#b85408", label="seen")
    left.plot(*followed.T, color="#175ca5", label="followed by the network's speed")
    left.set_aspect("equal")
    left.legend(frameon=False, fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.1))
    right.semilogy(losses, color="#7447c4")
    right.set(xlabel="step", title="mean square of the distance")
    figure.savefig(path)
    return {"losses": losses}


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).with_suffix(".svg").name)
