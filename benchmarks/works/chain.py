"""A long chain of operations: no recursion, no quadratic walk, nothing left behind."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

import numpy as np
from contest import Step, Target, Work

SIZES: Final = {"25k": 25_000, "50k": 50_000, "100k": 100_000}
SLACK: Final = 1.5  # beyond linear: Python's garbage collector, and what no longer fits into the caches

work: Final = Work(
    "chain", "100,000 operations in a row, and the gradient, which is e; beside 25,000 and 50,000",
    Target(2 * SLACK, "pullback 25k", contestant="pullback 50k"),
    Target(4 * SLACK, "pullback 25k", contestant="pullback 100k"),
    Target(0, comparison="alone", contestant="pullback 100k", measure="left"),
    reference="pullback 100k",
)  # fmt: skip


def chained(x: Any, size: int) -> Any:
    """x·a + b, again and again: as many operations as `size`, and a gradient of e for any."""
    a, b = math.exp(2 / size), 1 / size
    for _ in range(size // 2):
        x = x * a + b
    return x


def of_pullback(size: int) -> Callable[[], Step]:
    """Pullback's contestant for a length of the chain."""

    def pullback() -> Step:
        import pullback as pb

        x = pb.tensor(0.5, requires_grad=True)

        def step() -> Any:
            x.grad = None
            chained(x, size).backward()
            return x.grad

        return step

    return pullback


for label, length in SIZES.items():
    work.contestant(f"pullback {label}")(of_pullback(length))


@work.contestant("numpy 100k")
def by_hand() -> Step:
    def step() -> Any:
        size = SIZES["100k"]
        chained(np.float64(0.5), size)
        gradient, a = np.float64(1), math.exp(2 / size)
        for _ in range(size // 2):
            gradient *= a
        return gradient

    return step


@work.contestant("torch 100k")
def torch() -> Step:
    import torch

    x = torch.tensor(0.5, dtype=torch.float64, requires_grad=True)

    def step() -> Any:
        x.grad = None
        chained(x, SIZES["100k"]).backward()
        return x.grad

    return step
