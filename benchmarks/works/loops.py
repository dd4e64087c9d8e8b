"""Loops over steps, and their gradients: GradBench's ODE by the classical Runge-Kutta method, and its LSTM.

Pullback's contestants are plain Python loops. The objectives are those of the public suite GradBench,
https://github.com/gradbench/gradbench.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final

import numpy as np
from contest import COMPILED, Step, Target, Work

BITS, LAYERS = 14, 2

Array = np.ndarray[Any, Any]


def uniform(seed: int, *shape: int) -> Array:
    """Random numbers below 1, the same for a seed each time."""
    return np.random.default_rng(seed).uniform(size=shape)


# The ODE: y₀′ = x₀, yᵢ′ = xᵢ yᵢ₋₁, from 0 to 2.


def slope(xp: Any, x: Any, y: Any) -> Any:
    """The right side of the ODE."""
    return x * xp.concatenate([xp.ones(1), y[:-1]])


def advanced(xp: Any, x: Any, y: Any, h: float) -> Any:
    """One step of the method."""
    k1 = slope(xp, x, y)
    k2 = slope(xp, x, y + h / 2 * k1)
    k3 = slope(xp, x, y + h / 2 * k2)
    k4 = slope(xp, x, y + h * k3)
    return y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)


def arrived(xp: Any, steps: int, x: Any) -> Any:
    """The last number in the end, by a Python loop."""
    y = x * 0
    for _ in range(steps):
        y = advanced(xp, x, y, 2 / steps)
    return y[-1]


def ode_of_pullback(size: int, steps: int, prepared: Callable[[Any], Any]) -> Step:
    import pullback as pb

    x, both = pb.tensor(uniform(0, size)), prepared(pb.value_and_grad(partial(arrived, pb, steps)))

    def step() -> Any:
        value, gradient = both(x)
        return value.item(), gradient

    return step


def ode_of_jax(size: int, steps: int) -> Step:
    import jax

    jax.config.update("jax_enable_x64", True)  # noqa: FBT003  # as JAX has it
    import jax.numpy as jnp

    def f(x: Any) -> Any:
        last, _ = jax.lax.scan(lambda y, _: (advanced(jnp, x, y, 2 / steps), None), x * 0, length=steps)
        return last[-1]

    x, both = jnp.asarray(uniform(0, size)), jax.jit(jax.value_and_grad(f))

    def step() -> Any:
        return jax.block_until_ready(both(x))

    return step


def compiled(f: Any) -> Any:
    """A function as Pullback compiles it."""
    import pullback as pb

    return pb.compile(f)


def ode(name: str, size: int, steps: int) -> Work:
    """The work of so many steps of so many numbers."""
    made = Work(
        name, f"the gradient of {steps} Runge-Kutta steps of {size:,} numbers by a plain Python loop",
        Target(1.0, against="jax", contestant=COMPILED), reference="jax",
    )  # fmt: skip
    made.contestant("pullback")(partial(ode_of_pullback, size, steps, lambda f: f))
    made.contestant(COMPILED)(partial(ode_of_pullback, size, steps, compiled))
    made.contestant("jax")(partial(ode_of_jax, size, steps))
    return made


small: Final = ode("ode-small", 1_000, 10)
large: Final = ode("ode-large", 10_000, 100)


# The LSTM.


def recurrent(xp: Any, sigmoid: Any, w: Any, e: Any, states: Array, rows: Array) -> Any:
    """The loss of the LSTM, by a Python loop; `xp` has NumPy's names, or PyTorch's where they are the same."""
    hidden, cell = [states[i, 0] for i in range(LAYERS)], [states[i, 1] for i in range(LAYERS)]
    h, total = BITS, 0.0
    for t in range(len(rows) - 1):
        x = rows[t] * e[0]
        for i in range(LAYERS):
            g = xp.concatenate([x, hidden[i], x, hidden[i]]) * w[i, 0] + w[i, 1]
            change = xp.tanh(g[3 * h :])
            cell[i] = cell[i] * sigmoid(g[:h]) + sigmoid(g[h : 2 * h]) * change
            x = hidden[i] = sigmoid(g[2 * h : 3 * h]) * xp.tanh(cell[i])
        y = x * e[1] + e[2]
        total = total + (rows[t + 1] * (y - xp.log(2 + xp.exp(y).sum()))).sum()
    return -total / (h * (len(rows) - 1))


def given(length: int) -> tuple[Array, Array, Array, Array]:
    """Weights, weights at the ends, states, and rows of bits."""
    rows = (uniform(3, length + 1, BITS) > 0.5).astype(float)
    return uniform(0, LAYERS, 2, 4 * BITS) - 0.5, uniform(1, 3, BITS) - 0.5, uniform(2, LAYERS, 2, BITS), rows


def lstm_of_pullback(length: int, prepared: Callable[[Any], Any]) -> Step:
    import pullback as pb

    w, e, states, rows = map(pb.tensor, given(length))
    both = prepared(pb.value_and_grad(partial(recurrent, pb, pb.sigmoid), argnums=(0, 1)))

    def step() -> Any:
        value, gradients = both(w, e, states, rows)
        return value.item(), *gradients

    return step


def lstm_of_torch(length: int) -> Step:
    import torch

    w, e, states, rows = map(torch.from_numpy, given(length))
    w.requires_grad_()
    e.requires_grad_()

    def step() -> Any:
        w.grad = e.grad = None
        loss = recurrent(torch, torch.sigmoid, w, e, states, rows)
        loss.backward()
        return loss.item(), w.grad, e.grad

    return step


def lstm(length: int) -> Work:
    """The work of so many steps."""
    made = Work(
        f"lstm-{length}", f"the gradient of a two-layer LSTM of {BITS} over {length:,} steps by a plain Python loop",
        Target(0.015, against="torch", contestant=COMPILED), reference="torch",
    )  # fmt: skip
    made.contestant(COMPILED)(partial(lstm_of_pullback, length, compiled))
    made.contestant("torch")(partial(lstm_of_torch, length))
    return made


brief: Final = lstm(255)
long: Final = lstm(1_023)
