"""One operation on 0-d tensors, recorded, beside the same operation of NumPy's: what a node costs."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final

import numpy as np
from contest import Step, Target, Work

OPERANDS: Final = (0.5, 1.5)

# Each operation as it is written for any library's operands, and how many of the operands it takes.
OPERATIONS: Final[dict[str, tuple[str, Callable[[Any], Callable[..., Any]], int]]] = {
    "multiply": ("x * y", lambda _library: lambda x, y: x * y, 2),
    "sin": ("sin(x)", lambda library: library.sin, 1),
}


def comparison(name: str, text: str, of: Callable[[Any], Callable[..., Any]], arity: int) -> Work:
    """The work of one operation."""
    work = Work(
        f"recorded-{name}", f"{text} of 0-d tensors, recorded; the excess over NumPy's on the same 0-d arrays",
        Target(1.3e-6, against="numpy", comparison="excess"), comparison="excess",
    )  # fmt: skip

    @work.contestant("numpy")
    def bare() -> Step:
        return partial(of(np), *map(np.array, OPERANDS[:arity]))

    @work.contestant("pullback")
    def pullback() -> Step:
        import pullback as pb

        return partial(of(pb), *(pb.tensor(number, requires_grad=True) for number in OPERANDS[:arity]))

    @work.contestant("torch")
    def torch() -> Step:
        import torch

        make = partial(torch.tensor, dtype=torch.float64, requires_grad=True)
        return partial(of(torch), *map(make, OPERANDS[:arity]))

    @work.contestant("mygrad")
    def mygrad() -> Step:
        import mygrad as mg

        return partial(of(mg), *map(mg.tensor, OPERANDS[:arity]))

    return work


multiply, sin = (comparison(name, *facts) for name, facts in OPERATIONS.items())
