"""A function of many numbers as one of two, so that its derivatives of any order can be compared with differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from pullback.core.tree import leaves, rebuild


def along(f: Callable[..., Any], *args: Any) -> tuple[Callable[[Any, Any], Any], float, float]:
    """How far to go from `args` in two directions, as a function, and 0 for each: what `check_grads` takes.

    Directions move every floating-point number, each by another part of its size. So a derivative that is wrong in
    one entry is wrong along them, while differences need a few calls instead of a few for each entry. It is for
    functions that have no rules of their own: the rules of the operations are checked entry by entry.
    """
    rng = np.random.default_rng(2)
    values = leaves(args)
    ways = [[part(rng, x) for x in values] for _ in range(2)]

    def moved(a: Any, b: Any) -> Any:
        rows = zip(values, *ways, strict=True)
        return f(*rebuild(args, [x if s is None else x + (a * s + b * t) for x, s, t in rows]))

    return moved, 0.0, 0.0


def part(rng: np.random.Generator, x: Any) -> Any:
    """A direction of the shape of an argument; None if it is not floating-point."""
    numbers = np.asarray(getattr(x, "array", x))
    if numbers.dtype.kind != "f":
        return None
    size = np.where(numbers == 0, 1.0, np.minimum(abs(numbers), 1.0))
    return rng.uniform(0.5, 1.5, numbers.shape) * rng.choice([-1.0, 1.0], numbers.shape) * size
