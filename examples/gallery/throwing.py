"""Physics that can be differentiated.

How must a ball be thrown, against the air, to hit a target? The flight is computed step by step, and the derivative of
where it ends, by how it began, goes back through all of them.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import pullback as pb

TARGET = np.array([9.0, 3.0])
SPAN, DRAG, GRAVITY = 0.02, 0.06, np.array([0.0, -9.81])


def flight(speed: Any, steps: int = 75) -> Any:
    """The places of a ball that is thrown from (0, 1) with some speed, by small steps in time."""

    def move(state: Any, _: Any) -> tuple[Any, Any]:
        place, speed = state
        speed = speed + SPAN * (GRAVITY - DRAG * speed * np.sqrt(np.sum(speed**2)))
        place = place + SPAN * speed
        return (place, speed), place

    return pb.scan(move, (pb.tensor([0.0, 1.0]), speed), length=steps)[1]


def main(path: str | Path, throws: int = 60) -> dict[str, Any]:
    """Learn to throw, draw the flights to a file, and give how far each missed."""

    def miss(speed: Any) -> Any:
        return np.sum((flight(speed)[-1] - TARGET) ** 2)

    aim = pb.compile(pb.value_and_grad(miss))
    speed, speeds, misses = np.array([4.0, 6.0]), [], []
    for _ in range(throws):
        speeds.append(speed)
        value, slope = aim(speed)
        misses.append(float(np.sqrt(value.item())))
        speed = speed - 0.35 * slope.numpy()

    figure = Figure(figsize=(7, 3.6), layout="constrained")
    axes = figure.subplots()
    shown = [0, 1, 2, 4, 8, throws - 1]
    for number in (n for n in shown if n < throws):
        way = flight(pb.tensor(speeds[number])).numpy()
        last = number == throws - 1
        axes.plot(*way.T, color="#175ca5" if last else "#8a929c", linewidth=2 if last else 0.8)
        axes.text(*way[-1], f" {number + 1}", fontsize=8)
    axes.plot(*TARGET, "*", color="#b85408", markersize=16)
    axes.set(title=f"throw {throws} misses by {misses[-1]:.1e} m", xlabel="m", ylabel="m")
    figure.savefig(path)
    return {"misses": misses}


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).with_suffix(".svg").name)
