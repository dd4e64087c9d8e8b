"""A network so small that its numbers cost next to nothing: what remains is the price of a call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from contest import COMPILED, Step, Target, Work

work: Final = Work(
    "tiny", "10-16-1 with tanh, batch 32, float64: the loss and all gradients",
    Target(0.4, against="numpy", contestant=COMPILED), Target(0.25, against="jax", contestant=COMPILED),
    Target(0.08, against="torch", contestant=COMPILED),
)  # fmt: skip

INPUTS, HIDDEN, BATCH = 10, 16, 32
ARGNUMS: Final = (0, 1, 2, 3)  # the parameters among the arguments of the loss


def arguments() -> list[np.ndarray[Any, Any]]:
    """Weights (in, out) and biases, inputs and what the network should answer."""
    rng = np.random.default_rng(0)
    shapes = ((INPUTS, HIDDEN), (HIDDEN,), (HIDDEN, 1), (1,), (BATCH, INPUTS), (BATCH, 1))
    return [rng.standard_normal(shape) / max(1, shape[0]) ** 0.5 for shape in shapes]


def loss_with(tanh: Callable[[Any], Any]) -> Callable[..., Any]:
    """The mean squared error, as it is written for any library's arrays."""

    def loss(w1: Any, b1: Any, w2: Any, b2: Any, x: Any, y: Any) -> Any:
        return ((tanh(x @ w1 + b1) @ w2 + b2 - y) ** 2).mean()

    return loss


@work.contestant("numpy")
def by_hand() -> Step:
    w1, b1, w2, b2, x, y = arguments()

    def step() -> tuple[Any, Any]:
        h = np.tanh(x @ w1 + b1)
        error = h @ w2 + b2 - y
        dz = error * (2 / BATCH)
        dh = dz @ w2.T * (1 - h * h)
        return (error * error).mean(), (x.T @ dh, dh.sum(axis=0), h.T @ dz, dz.sum(axis=0))

    return step


@work.both_ways
def of_pullback(prepared: Callable[[Any], Any]) -> Step:
    """The step of Pullback's contestants, which prepare the function of the loss and its gradients."""
    import pullback as pb

    both = prepared(pb.value_and_grad(loss_with(pb.tanh), ARGNUMS))
    given = [pb.tensor(array) for array in arguments()]

    def step() -> Any:
        return both(*given)

    return step


@work.contestant("torch")
def torch() -> Step:
    import torch

    loss = loss_with(torch.tanh)
    given = [torch.from_numpy(array) for array in arguments()]
    parameters = [given[i].requires_grad_() for i in ARGNUMS]

    def step() -> tuple[Any, Any]:
        for p in parameters:
            p.grad = None
        value = loss(*given)
        value.backward()
        return value.item(), [p.grad for p in parameters]

    return step


@work.contestant("jax")
def jax_jit() -> Step:
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", val=True)
    both = jax.jit(jax.value_and_grad(loss_with(jnp.tanh), ARGNUMS))
    given = [jnp.asarray(array) for array in arguments()]

    def step() -> Any:
        return jax.block_until_ready(both(*given))

    return step
