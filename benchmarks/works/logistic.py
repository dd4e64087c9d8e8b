"""Logistic regression: the loss of 2,000 samples of 20 numbers, and its gradient."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from contest import COMPILED, Step, Target, Work

work: Final = Work(
    "logistic", "logistic regression, 2000 × 20, float64: the loss and its gradient",
    Target(1.0, against="numpy", contestant=COMPILED), Target(0.5, against="jax", contestant=COMPILED),
)  # fmt: skip

SAMPLES, INPUTS = 2000, 20


def arguments() -> tuple[Any, Any, Any]:
    """Weights, samples, and their classes, 1 and −1."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((SAMPLES, INPUTS))
    return rng.standard_normal(INPUTS) / 10, x, np.where(x @ rng.standard_normal(INPUTS) > 0, 1.0, -1.0)


def loss_with(log1p: Callable[[Any], Any], exp: Callable[[Any], Any]) -> Callable[..., Any]:
    """The loss as it is written for any library's arrays."""
    return lambda w, x, y: log1p(exp(-y * (x @ w))).mean()


@work.contestant("numpy")
def by_hand() -> Step:
    w, x, y = arguments()

    def step() -> tuple[Any, Any]:
        e = np.exp(-y * (x @ w))
        return np.log1p(e).mean(), x.T @ (-y * e / (1 + e)) / SAMPLES

    return step


@work.both_ways
def of_pullback(prepared: Callable[[Any], Any]) -> Step:
    """The step of Pullback's contestants, which prepare the function of the loss and its gradient."""
    import pullback as pb

    both = prepared(pb.value_and_grad(loss_with(pb.log1p, pb.exp)))
    given = [pb.tensor(array) for array in arguments()]
    return lambda: both(*given)


@work.contestant("jax")
def jax() -> Step:
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", val=True)
    both = jax.jit(jax.value_and_grad(loss_with(jnp.log1p, jnp.exp)))
    given = [jnp.asarray(array) for array in arguments()]
    return lambda: jax.block_until_ready(both(*given))
