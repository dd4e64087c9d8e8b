"""Newton's method with exact second derivatives: the minimum of Rosenbrock's valley (Rosenbrock 1960).

Run it with `python examples/newton.py`.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

import pullback as pb


def valley(x: Any) -> Any:
    """Σ 100·(xᵢ₊₁ − xᵢ²)² + (1 − xᵢ)², written with NumPy's operators; its minimum is 0, at (1, 1, …)."""
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def descend(start: Any, steps: int = 50) -> tuple[Any, list[float]]:
    """Take Newton steps, halved until they go down; give the last point and all values on the way."""
    x, values = np.asarray(start, float), []
    for _ in range(steps):
        value, slope = pb.value_and_grad(valley)(x)
        values.append(value.item())
        if np.abs(slope.numpy()).max() < 1e-9:
            break
        curvatures, axes = np.linalg.eigh(pb.hessian(valley)(x).numpy())
        step = axes @ (axes.T @ slope.numpy() / np.abs(curvatures))  # downhill where the valley curves down, too
        while valley(x - step) > values[-1]:
            step = step / 2
        x = x - step
    return x, values


if __name__ == "__main__":
    point, values = descend([-1.2, 1.0])
    lines = [f"{number:3}  {value:.6e}" for number, value in enumerate(values)]
    sys.stdout.write("\n".join([*lines, f"minimum at {point}", ""]))
