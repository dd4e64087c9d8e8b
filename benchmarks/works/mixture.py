"""A Gaussian mixture with triangular factors of its inverse covariances: the log-likelihood and its gradient.

An objective of GradBench. The factors are assigned to places of a matrix, column by column.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import numpy as np
from contest import COMPILED, Step, Target, Work

SIZES: Final = ((2, 5, 1000), (10, 25, 1000), (32, 25, 1000))
MANY: Final = (5, 10, 100_000)


class Mixture(NamedTuple):
    """Weights, means, logarithms of diagonals, and what is below them; and the points."""

    weights: Any
    means: Any
    diagonals: Any
    below: Any
    points: Any


def data(d: int, k: int, n: int) -> Mixture:
    """Random parameters and points."""
    rng = np.random.default_rng(0)
    normal = rng.standard_normal
    return Mixture(normal(k), rng.uniform(size=(k, d)), normal((k, d)), normal((k, d * (d - 1) // 2)), normal((n, d)))


def constant(d: int, k: int, n: int) -> float:
    """What does not depend on the parameters: of the density, and of the prior."""
    w = d + 1
    gamma = d * (d - 1) / 4 * math.log(math.pi) + sum(math.lgamma((w - j) / 2) for j in range(d))
    return k * (-w * d * math.log(2) / 2 - gamma) - n * d / 2 * math.log(2 * math.pi)


def below_the_diagonal(d: int) -> tuple[Any, Any]:
    """The places of a strictly lower triangle, column by column."""
    columns, rows = np.triu_indices(d, 1)
    return rows, columns


def likelihood(xp: Any, factors: Any, logsumexp: Any, p: Mixture) -> Any:
    """The objective, for a library's functions and factors that are made already."""
    (k, d), n = p.means.shape, len(p.points)
    moved = xp.einsum("kij,nkj->nki", factors, p.points[:, None] - p.means)
    inner = p.weights + p.diagonals.sum(1) - 0.5 * (moved**2).sum(2)
    prior = 0.5 * ((xp.exp(p.diagonals) ** 2).sum() + (p.below**2).sum())
    return logsumexp(inner, axis=1).sum() - n * logsumexp(p.weights, axis=0) - prior + constant(d, k, n)


def of_pullback(prepared: Callable[[Any], Any], sizes: tuple[int, int, int]) -> Step:
    """The step of Pullback's contestants."""
    import pullback as pb

    d, k, _ = sizes
    rows, columns = below_the_diagonal(d)
    given = data(*sizes)

    def objective(parameters: Any, points: Any) -> Any:
        p = Mixture(*parameters, points)
        factors = pb.zeros((k, d, d))
        factors[:, rows, columns] = p.below
        factors[:, range(d), range(d)] = pb.exp(p.diagonals)
        return likelihood(pb, factors, pb.logsumexp, p)

    both = prepared(pb.value_and_grad(objective))
    return lambda: both(tuple(given[:4]), given.points)


def of_jax(sizes: tuple[int, int, int]) -> Step:
    """The step of JAX."""
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", val=True)
    d, k, _ = sizes
    rows, columns = below_the_diagonal(d)
    given = data(*sizes)

    def objective(parameters: Any, points: Any) -> Any:
        p = Mixture(*parameters, points)
        factors = jnp.zeros((k, d, d)).at[:, rows, columns].set(p.below)
        factors = factors.at[:, jnp.arange(d), jnp.arange(d)].set(jnp.exp(p.diagonals))
        return likelihood(jnp, factors, jax.nn.logsumexp, p)

    both = jax.jit(jax.value_and_grad(objective))
    return lambda: jax.block_until_ready(both(tuple(given[:4]), given.points))


def work_of(sizes: tuple[int, int, int], limit: float = 1.0) -> Work:
    """The work of some sizes; Pullback's step is to take so many times as long as JAX's."""
    d, k, n = sizes
    work = Work(
        f"mixture-{d}-{k}", f"a Gaussian mixture of {k} in {d} dimensions, {n:,} points: its gradient",
        Target(limit, against="jax", contestant=COMPILED), reference="jax", tolerance=1e-8,
    )  # fmt: skip

    @work.contestant("pullback")
    def eager() -> Step:
        return of_pullback(lambda f: f, sizes)

    @work.contestant(COMPILED)
    def compiled() -> Step:
        import pullback as pb

        return of_pullback(pb.compile, sizes)

    @work.contestant("jax")
    def jax() -> Step:
        return of_jax(sizes)

    return work


small, middle, large = map(work_of, SIZES)
many = work_of(MANY, 0.3)
