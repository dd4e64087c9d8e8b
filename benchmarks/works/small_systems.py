"""Ten thousand systems of four equations: the sum of squares of their solutions, and its gradient by both sides."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from contest import COMPILED, Step, Target, Work

SYSTEMS: Final = 10_000

work: Final = Work(
    "small-systems", f"{SYSTEMS:,} systems of 4 equations: solve, and the gradient",
    Target(0.1, against="torch", contestant=COMPILED), Target(0.5, against="jax", contestant=COMPILED),
    reference="torch", tolerance=1e-7,
)  # fmt: skip


def data() -> tuple[Any, Any]:
    """Matrices far from singular, and right-hand sides."""
    rng = np.random.default_rng(0)
    return rng.standard_normal((SYSTEMS, 4, 4)) + 4 * np.eye(4), rng.standard_normal((SYSTEMS, 4, 1))


@work.both_ways
def of_pullback(prepared: Callable[[Any], Any]) -> Step:
    """The step of Pullback's contestants."""
    import pullback as pb

    a, b = data()
    both = prepared(pb.value_and_grad(lambda a, b: pb.square(pb.linalg.solve(a, b)).sum(), argnums=(0, 1)))
    return lambda: both(a, b)


@work.contestant("jax")
def of_jax() -> Step:
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", val=True)
    a, b = data()
    both = jax.jit(jax.value_and_grad(lambda a, b: jnp.square(jnp.linalg.solve(a, b)).sum(), argnums=(0, 1)))
    return lambda: jax.block_until_ready(both(a, b))


@work.contestant("torch")
def of_torch() -> Step:
    import torch

    given = data()

    def step() -> Any:
        a, b = (torch.tensor(x, requires_grad=True) for x in given)
        value = torch.linalg.solve(a, b).square().sum()
        value.backward()
        return value.detach().numpy(), (a.grad.numpy(), b.grad.numpy())

    return step
