"""A Gaussian process that finds its own length.

How smooth is a curve, how noisy are its points? The likelihood of the points says so. Its gradient goes through the
inverse and the determinant of a matrix: NumPy computes them, and `pb.custom_vjp` is told the derivative
(Rasmussen and Williams 2006, section 5.4).
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import pullback as pb


@pb.custom_vjp
def improbability(covariance: Any, y: Any) -> Any:
    """−log N(y; 0, K), without what does not depend on K: ½ yᵀK⁻¹y + ½ log det K."""
    k, values = np.asarray(covariance), np.asarray(y)
    return 0.5 * values @ np.linalg.solve(k, values) + 0.5 * np.linalg.slogdet(k)[1]


def _forward(covariance: Any, y: Any) -> Any:
    inverse = np.linalg.inv(np.asarray(covariance))
    return improbability(covariance, y), (inverse, inverse @ np.asarray(y))


improbability.defvjp(_forward, lambda kept, ct: (ct * 0.5 * (kept[0] - np.outer(kept[1], kept[1])), ct * kept[1]))


def kernel(a: Any, b: Any, logs: Any) -> Any:
    """How much points that lie apart have to do with each other; `logs` are of the height and the length."""
    return np.exp(2 * logs[0] - (a[:, None] - b[None, :]) ** 2 / (2 * np.exp(2 * logs[1])))


def main(path: str | Path, steps: int = 150) -> dict[str, Any]:
    """Learn, draw the curve and what is known of it to a file, and give what was found."""
    rng = np.random.default_rng(4)
    x = np.sort(rng.uniform(-4, 4, 24))
    y = np.sin(1.3 * x) + 0.15 * rng.normal(size=len(x))
    logs = pb.tensor([0.0, 1.0, -0.5], requires_grad=True)  # of height, length and noise
    optimizer, losses = pb.optim.Adam([logs], lr=0.05), []
    for _ in range(steps):
        loss = improbability(kernel(x, x, logs) + np.exp(2 * logs[2]) * np.eye(len(x)), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())

    found = logs.numpy()
    places = np.linspace(-5, 5, 200)
    k = kernel(x, x, found) + np.exp(2 * found[2]) * np.eye(len(x))
    across = kernel(places, x, found)
    middle = across @ np.linalg.solve(k, y)
    spread = np.sqrt(np.maximum(np.exp(2 * found[0]) - np.sum(across * np.linalg.solve(k, across.T).T, axis=1), 0))

    figure = Figure(figsize=(7, 3.6), layout="constrained")
    axes = figure.subplots()
    axes.fill_between(places, middle - 2 * spread, middle + 2 * spread, color="#175ca5", alpha=0.15, linewidth=0)
    axes.plot(places, middle, color="#175ca5")
    axes.plot(x, y, ".", color="#b85408")
    height, length, noise = np.exp(found)
    axes.set_title(f"height {height:.2f}, length {length:.2f}, noise {noise:.2f}")
    figure.savefig(path)
    return {"losses": losses, "noise": noise}


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).with_suffix(".svg").name)
