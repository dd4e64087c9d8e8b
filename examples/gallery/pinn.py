"""A network that solves a differential equation.

u″ + u = 0 with u(0) = 0 and u′(0) = 1: the sine, but nobody says so. The loss is how far the network's own derivatives
are from fulfilling the equation (Raissi et al. 2019). It is a second derivative by the input, for a whole batch by
`pb.vmap`, differentiated once more by the weights.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import pullback as pb


def main(path: str | Path, steps: int = 1_500) -> dict[str, Any]:
    """Solve, draw the solution to a file, and give its largest error."""
    model = pb.nn.MLP(1, 24, 24, 1, activation=pb.nn.Tanh, rng=3, dtype=float)
    optimizer = pb.optim.Adam(model.parameters(), lr=0.005)
    places = np.linspace(0, 2 * np.pi, 40)

    def u(x: Any) -> Any:
        return x + x**2 * model(np.reshape(x, (1, 1)))[0, 0]  # which is 0 at 0, with slope 1

    curvature = pb.vmap(pb.grad(pb.grad(u)))

    @pb.compile
    def learn() -> Any:
        x = pb.tensor(places)
        loss = np.mean((curvature(x) + pb.vmap(u)(x)) ** 2)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    losses = [learn().item() for _ in range(steps)]
    found = pb.vmap(u)(places).numpy()
    error = float(np.abs(found - np.sin(places)).max())

    figure = Figure(figsize=(7, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.plot(places, np.sin(places), color="#b85408", linewidth=4, alpha=0.4, label="sine")
    left.plot(places, found, color="#175ca5", label="network")
    left.set_title(f"largest error {error:.1e}")
    left.legend(frameon=False)
    right.semilogy(losses, color="#7447c4", linewidth=0.8)
    right.set(xlabel="step", title="mean of (u″ + u)²")
    figure.savefig(path)
    return {"losses": losses, "error": error}


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).with_suffix(".svg").name)
