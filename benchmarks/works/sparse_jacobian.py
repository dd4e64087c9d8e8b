"""A sparse Jacobian: tridiagonal, of which three directions tell all, beside the dense one."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from contest import Step, Target, Work

SIZE: Final = 3_000

work: Final = Work(
    "sparse-jacobian", f"the tridiagonal Jacobian of a reaction and diffusion of {SIZE:,} points, found, and dense",
    Target(0.01, against="pullback dense"), reference="pullback dense", tolerance=1e-9,
)  # fmt: skip


def reaction(pb: Any, x: Any) -> Any:
    """Diffusion along a line, and a reaction at each point."""
    return pb.pad(x[1:], (0, 1)) + pb.pad(x[:-1], (1, 0)) - 2 * x + x**3


@work.contestant("pullback")
def sparse() -> Step:
    import pullback as pb

    x = np.random.default_rng(0).standard_normal(SIZE)
    return lambda: pb.sparse_jacobian(lambda x: reaction(pb, x), x).data


@work.contestant("pullback dense")
def dense() -> Step:
    import pullback as pb

    x = np.random.default_rng(0).standard_normal(SIZE)
    near = abs(np.subtract.outer(np.arange(SIZE), np.arange(SIZE))) <= 1
    return lambda: pb.jacobian(lambda x: reaction(pb, x))(x).numpy()[near]
