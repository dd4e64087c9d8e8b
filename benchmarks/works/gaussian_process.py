"""A Gaussian process: its log marginal likelihood and the gradient by length, height and noise, of 500 points."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

import numpy as np
from contest import COMPILED, Step, Target, Work

POINTS: Final = 500
START: Final = np.log([0.7, 1.2, 0.3])  # length, height, noise

work: Final = Work(
    "gaussian-process", f"a Gaussian process of {POINTS} points: log marginal likelihood and gradient",
    Target(1.3, against="numpy"), Target(0.8, against="torch"),
    Target(0.8, against="jax", contestant=COMPILED),
    tolerance=1e-7,
)  # fmt: skip


def data() -> tuple[Any, Any]:
    """Squared distances and values."""
    rng = np.random.default_rng(0)
    x = np.sort(rng.uniform(0, 10, POINTS))
    return (x[:, None] - x) ** 2, np.sin(x) + 0.3 * rng.standard_normal(POINTS)


@work.contestant("numpy")
def by_hand() -> Step:
    from scipy.linalg import cho_factor, cho_solve

    squares, y = data()

    def step() -> Any:
        length, height, noise = np.exp(START)
        kernel = height**2 * np.exp(squares * (-0.5 / length**2))
        factor = cho_factor(kernel + noise**2 * np.eye(POINTS), lower=True, overwrite_a=True, check_finite=False)
        w = cho_solve(factor, y, check_finite=False)
        inverse = cho_solve(factor, np.eye(POINTS), overwrite_b=True, check_finite=False)
        value = -0.5 * y @ w - np.log(np.diagonal(factor[0])).sum() - POINTS / 2 * math.log(2 * math.pi)
        slope = 0.5 * (np.outer(w, w) - inverse)
        by_kernel = slope * kernel
        by_length = (by_kernel * squares).sum() / length**2
        return value, np.array([by_length, 2 * by_kernel.sum(), 2 * noise**2 * np.trace(slope)])

    return step


def likelihood(
    xp: Any, cholesky: Any, solve_triangular: Callable[[Any, Any], Any], squares: Any, y: Any, eye: Any
) -> Any:
    """The objective, for a library's functions."""

    def objective(p: Any) -> Any:
        length, height, noise = xp.exp(p[0]), xp.exp(p[1]), xp.exp(p[2])
        factor = cholesky(height**2 * xp.exp(squares * (-0.5 / length**2)) + noise**2 * eye)
        z = solve_triangular(factor, y)
        return -0.5 * (z * z).sum() - xp.log(xp.diagonal(factor)).sum() - POINTS / 2 * math.log(2 * math.pi)

    return objective


@work.both_ways
def of_pullback(prepared: Callable[[Any], Any]) -> Step:
    """The step of Pullback's contestants."""
    import pullback as pb

    squares, y, eye = (pb.tensor(x) for x in (*data(), np.eye(POINTS)))
    objective = likelihood(
        pb, pb.linalg.cholesky, lambda a, b: pb.linalg.solve_triangular(a, b, lower=True), squares, y, eye
    )
    both = prepared(pb.value_and_grad(objective))
    return lambda: both(START)


@work.contestant("jax")
def of_jax() -> Step:
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", val=True)
    squares, y = data()
    solve = jax.scipy.linalg.solve_triangular
    objective = likelihood(jnp, jnp.linalg.cholesky, lambda a, b: solve(a, b, lower=True), squares, y, np.eye(POINTS))
    both = jax.jit(jax.value_and_grad(objective))
    return lambda: jax.block_until_ready(both(START))


@work.contestant("torch")
def of_torch() -> Step:
    import torch

    squares, y, eye = (torch.tensor(x) for x in (*data(), np.eye(POINTS)))
    objective = likelihood(
        torch, torch.linalg.cholesky,
        lambda a, b: torch.linalg.solve_triangular(a, b[:, None], upper=False)[:, 0], squares, y, eye,
    )  # fmt: skip

    def step() -> Any:
        p = torch.tensor(START, requires_grad=True)
        value = objective(p)
        value.backward()
        return value.detach().numpy(), p.grad.numpy()

    return step
