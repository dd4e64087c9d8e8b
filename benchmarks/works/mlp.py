"""A training step whose time is that of its matrix products, and the memory that it takes."""

from __future__ import annotations

from collections.abc import Callable
from itertools import repeat
from typing import Any, Final

import numpy as np
from contest import COMPILED, Step, Target, Work

from works.products import products

work: Final = Work(
    "mlp", "1024-4096-1024 with relu, batch 256, float32: forward, backward, SGD, and the squared error read",
    Target(1.0, against="numpy blas", contestant=COMPILED), Target(1.25, against="torch", contestant=COMPILED),
    Target(1.0, against="torch", contestant=COMPILED, measure="resident"),
    tolerance=1e-5,
)  # fmt: skip

INPUTS, HIDDEN, OUTPUTS, BATCH, LR = 1024, 4096, 1024, 256, 0.1

Array = np.ndarray[Any, Any]


def parameters() -> tuple[Array, ...]:
    """Weights (in, out) and biases, the same for all."""
    rng = np.random.default_rng(0)
    w1, w2 = (
        rng.standard_normal(shape, np.float32) / shape[0] ** 0.5 for shape in ((INPUTS, HIDDEN), (HIDDEN, OUTPUTS))
    )
    return w1, np.zeros(HIDDEN, np.float32), w2, np.zeros(OUTPUTS, np.float32)


def batch() -> tuple[Array, Array]:
    """Inputs, and what the network should answer."""
    rng = np.random.default_rng(1)
    return rng.standard_normal((BATCH, INPUTS), np.float32), rng.standard_normal((BATCH, OUTPUTS), np.float32)


@work.contestant("numpy")
def by_hand() -> Step:
    w1, b1, w2, b2 = parameters()
    x, y = batch()

    def step() -> float:
        h = np.maximum(x @ w1 + b1, 0)
        error = h @ w2 + b2 - y
        dz = error * np.float32(2 / error.size)
        dh = dz @ w2.T * (h > 0)
        for p, dp in ((w1, x.T @ dh), (b1, dh.sum(axis=0)), (w2, h.T @ dz), (b2, dz.sum(axis=0))):
            p -= LR * dp
        return float((error * error).mean())

    return step


@work.contestant("numpy blas", compared=False)
def by_blas() -> Step:
    w1, _, w2, _ = parameters()
    return products(repeat(batch()[0]), w1, w2)


def training_step() -> Callable[[Any, Any], Any]:
    """Pullback's step, from a batch to the loss, a tensor."""
    from pullback import nn, optim

    w1, b1, w2, b2 = parameters()
    model = nn.Sequential(nn.Linear(INPUTS, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, OUTPUTS))
    model.load_state_dict({"0.weight": w1.T, "0.bias": b1, "2.weight": w2.T, "2.bias": b2})
    criterion, optimizer = nn.MSELoss(), optim.SGD(model.parameters(), lr=LR)

    def train(x: Any, y: Any) -> Any:
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        return loss

    return train


@work.contestant(COMPILED)
def compiled() -> Step:
    import pullback as pb

    return reading(pb.compile(training_step()))


@work.contestant("pullback")
def pullback() -> Step:
    return reading(training_step())


def reading(train: Callable[[Any, Any], Any]) -> Step:
    """A step that reads the loss."""
    x, y = batch()

    def step() -> float:
        return float(train(x, y).item())

    return step


@work.contestant("torch")
def torch() -> Step:
    import torch
    from torch import nn

    w1, b1, w2, b2 = map(torch.from_numpy, parameters())
    model = nn.Sequential(nn.Linear(INPUTS, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, OUTPUTS))
    model.load_state_dict({"0.weight": w1.T, "0.bias": b1, "2.weight": w2.T, "2.bias": b2})
    criterion, optimizer = nn.MSELoss(), torch.optim.SGD(model.parameters(), lr=LR)
    x, y = map(torch.from_numpy, batch())

    def step() -> float:
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        return loss.item()

    return step


@work.contestant("jax")
def jax_jit() -> Step:
    import jax
    import jax.numpy as jnp

    def loss_of(p: Any, x: Any, y: Any) -> Any:
        w1, b1, w2, b2 = p
        return ((jax.nn.relu(x @ w1 + b1) @ w2 + b2 - y) ** 2).mean()

    @jax.jit
    def update(p: Any, x: Any, y: Any) -> Any:
        loss, gradient = jax.value_and_grad(loss_of)(p, x, y)
        return jax.tree.map(lambda a, g: a - LR * g, p, gradient), loss

    state = parameters()
    x, y = map(jnp.asarray, batch())

    def step() -> float:
        nonlocal state
        state, loss = update(state, x, y)
        return float(loss)

    return step
