"""Whole derivatives: Jacobians of a network at many points, and the Hessian of a logistic loss."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from contest import COMPILED, Step, Target, Work

WIDTH: Final = 100
POINTS: Final = 16
ROWS, PARAMETERS = 1_000, 50

network: Final = Work(
    "jacobian", f"Jacobians {WIDTH} → {WIDTH} of a tanh network of three layers, at {POINTS} points",
    Target(0.5, against="torch"), Target(0.1, against="autograd"), Target(0.6, against="jax", contestant=COMPILED),
    reference="torch", tolerance=1e-7,
)  # fmt: skip
logistic: Final = Work(
    "hessian", f"the Hessian of a logistic loss: {PARAMETERS} parameters, {ROWS:,} rows",
    Target(0.5, against="torch"), Target(0.1, against="autograd"), Target(0.7, against="jax", contestant=COMPILED),
    reference="torch", tolerance=1e-7,
)  # fmt: skip


def layers() -> tuple[list[Any], list[Any], Any]:
    """Weights, biases and points."""
    rng = np.random.default_rng(0)
    weights = [rng.standard_normal((WIDTH, WIDTH)) / 10 for _ in range(3)]
    return weights, [rng.standard_normal(WIDTH) / 10 for _ in range(3)], rng.standard_normal((POINTS, WIDTH))


def rows() -> tuple[Any, Any, Any]:
    """Rows, labels and parameters."""
    rng = np.random.default_rng(0)
    labels = (rng.random(ROWS) < 0.5).astype(float)
    return rng.standard_normal((ROWS, PARAMETERS)), labels, 0.1 * rng.standard_normal(PARAMETERS)


def forward(xp: Any, weights: list[Any], biases: list[Any]) -> Callable[[Any], Any]:
    """The network at one point."""

    def f(x: Any) -> Any:
        for w, b in zip(weights[:-1], biases[:-1], strict=True):
            x = xp.tanh(x @ w + b)
        return x @ weights[-1] + biases[-1]

    return f


def loss(softplus: Callable[[Any], Any], x: Any, y: Any) -> Callable[[Any], Any]:
    """The mean of log(1 + exp z) − y·z."""

    def f(w: Any) -> Any:
        z = x @ w
        return (softplus(z) - y * z).mean()

    return f


@network.both_ways
def network_of_pullback(prepared: Callable[[Any], Any]) -> Step:
    """The step of Pullback's contestants."""
    import pullback as pb

    weights, biases, points = layers()
    jacobians = prepared(pb.vmap(pb.jacobian(forward(pb, weights, biases))))
    return lambda: jacobians(points)


@logistic.both_ways
def logistic_of_pullback(prepared: Callable[[Any], Any]) -> Step:
    """The same of the Hessian."""
    import pullback as pb

    x, y, w = rows()
    hessian = prepared(pb.hessian(loss(pb.softplus, x, y)))
    return lambda: hessian(w)


@network.contestant("torch")
def network_of_torch() -> Step:
    import torch

    weights, biases, points = ([torch.tensor(x) for x in some] for some in layers())
    jacobians = torch.func.vmap(torch.func.jacrev(forward(torch, weights, biases)))
    stacked = torch.stack(points)
    return lambda: jacobians(stacked).numpy()


@network.contestant("jax")
def network_of_jax() -> Step:
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", val=True)
    weights, biases, points = layers()
    jacobians = jax.jit(jax.vmap(jax.jacrev(forward(jnp, weights, biases))))
    return lambda: jax.block_until_ready(jacobians(points))


@network.contestant("autograd")
def network_of_autograd() -> Step:
    import autograd
    import autograd.numpy as anp

    weights, biases, points = layers()
    jacobian = autograd.jacobian(forward(anp, weights, biases))
    return lambda: np.stack([jacobian(x) for x in points])


@logistic.contestant("torch")
def logistic_of_torch() -> Step:
    import torch

    x, y, w = map(torch.tensor, rows())
    hessian = torch.func.hessian(loss(torch.nn.functional.softplus, x, y))
    return lambda: hessian(w).numpy()


@logistic.contestant("jax")
def logistic_of_jax() -> Step:
    import jax

    jax.config.update("jax_enable_x64", val=True)
    x, y, w = rows()
    hessian = jax.jit(jax.hessian(loss(jax.nn.softplus, x, y)))
    return lambda: jax.block_until_ready(hessian(w))


@logistic.contestant("autograd")
def logistic_of_autograd() -> Step:
    import autograd
    import autograd.numpy as anp

    x, y, w = rows()
    hessian = autograd.hessian(lambda w: anp.mean(anp.logaddexp(0, anp.dot(x, w)) - y * anp.dot(x, w)))
    return lambda: hessian(w)
