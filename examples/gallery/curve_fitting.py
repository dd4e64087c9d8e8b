"""Curve fitting with SciPy.

A damped wave is fitted to noisy points. SciPy's `least_squares` asks for the Jacobian of the residuals, and
`pb.jacobian` gives it exactly: no step size, and half as many calls of the model.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from scipy.optimize import least_squares

import pullback as pb


def wave(t: Any, parameters: Any) -> Any:
    """a·exp(−b·t)·sin(c·t + d)."""
    a, b, c, d = parameters
    return a * np.exp(-b * t) * np.sin(c * t + d)


def main(path: str | Path, points: int = 60) -> dict[str, Any]:
    """Fit, draw the fit to a file, and give what was found."""
    rng = np.random.default_rng(0)
    t, true = np.linspace(0, 6, points), np.array([2.0, 0.4, 3.0, 0.5])
    measured = wave(t, true) + 0.15 * rng.normal(size=points)

    def residuals(parameters: Any) -> Any:
        return wave(t, parameters) - measured

    start = np.array([1.0, 0.1, 2.6, 0.0])
    with_derivative = least_squares(residuals, start, jac=pb.jacobian(residuals))
    without = least_squares(residuals, start)

    figure = Figure(figsize=(7, 3.6), layout="constrained")
    axes = figure.subplots()
    axes.plot(t, measured, ".", color="#b85408", label="measured")
    axes.plot(t, wave(t, start), ":", color="#8a929c", label="where it began")
    axes.plot(t, wave(t, with_derivative.x), color="#175ca5", label="fitted")
    axes.set_title(f"{with_derivative.nfev} calls with the Jacobian, {without.nfev * 5} in all without it")
    axes.legend(frameon=False)
    figure.savefig(path)
    return {"true": true, "found": with_derivative.x}


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).with_suffix(".svg").name)
