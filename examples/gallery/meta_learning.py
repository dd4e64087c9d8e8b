"""Learning to learn.

Each task is a sine wave of its own height and phase, of which ten points are shown. MAML looks for weights from which
*one* step of descent is enough for any wave: the gradient goes through that step, and so needs second derivatives
(Finn et al. 2017).
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import pullback as pb

RATE = 0.1


def network(w: Any, x: Any) -> Any:
    """Two hidden layers of 40."""
    hidden = np.tanh(x @ w["a"] + w["b"])
    return np.tanh(hidden @ w["c"] + w["d"]) @ w["e"] + w["f"]


def loss(w: Any, x: Any, y: Any) -> Any:
    """The mean of squares."""
    return np.mean((network(w, x) - y) ** 2)


def adapted(w: Any, x: Any, y: Any) -> Any:
    """The weights after one step on a task."""
    slopes = pb.grad(loss)(w, x, y)
    return {name: w[name] - RATE * slopes[name] for name in w}


def main(path: str | Path, steps: int = 2_500) -> dict[str, Any]:
    """Learn to learn, draw a new task to a file, and give the losses after one step."""
    rng = np.random.default_rng(0)
    shapes = {"a": (1, 40), "b": 40, "c": (40, 40), "d": 40, "e": (40, 1), "f": 1}
    w = {n: rng.normal(size=s) * (0.5 if n in "ace" else 0.0) for n, s in shapes.items()}
    weights = {name: pb.tensor(value, requires_grad=True) for name, value in w.items()}
    optimizer = pb.optim.Adam(list(weights.values()), lr=0.003)

    def wave(points: int) -> tuple[Any, Any]:
        height, phase = rng.uniform(0.5, 3), rng.uniform(0, np.pi)
        x = rng.uniform(-3, 3, (points, 1))
        return x, height * np.sin(x + phase)

    @pb.compile
    def step(x: Any, y: Any, new_x: Any, new_y: Any) -> Any:
        objective = loss(adapted(weights, x, y), new_x, new_y)
        optimizer.zero_grad()
        objective.backward()
        optimizer.step()
        return objective

    losses = []
    for _ in range(steps):
        x, y = wave(20)
        losses.append(step(x[:10], y[:10], x[10:], y[10:]).item())

    x, y = wave(10)
    places = np.linspace(-3, 3, 100)[:, None]
    figure = Figure(figsize=(7.4, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    smooth = np.convolve(losses, np.ones(min(50, steps)) / min(50, steps), "valid")
    left.semilogy(smooth, color="#7447c4")
    left.set(xlabel="tasks", title="loss on new points, after one step")
    right.plot(x, y, "o", color="#b85408", label="ten points of a new wave")
    right.plot(places, network(weights, places).numpy(), ":", color="#8a929c", label="before")
    right.plot(places, network(adapted(weights, x, y), places).numpy(), color="#175ca5", label="after one step")
    right.legend(frameon=False, fontsize=8)
    figure.savefig(path)
    return {"losses": losses}


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).with_suffix(".svg").name)
