"""One training step of the network that the main job trains: the figure that most users will meet first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import cycle
from typing import Any, Final

import numpy as np
from contest import COMPILED, Step, Target, Work

from works.products import products

work: Final = Work(
    "mnist", "784-64-10, batch 32, float32: forward, backward, SGD, and the loss read",
    Target(1.35, against="numpy"), Target(1.0, against="torch"),
    *(
        Target(limit, against=against, contestant=COMPILED, measure=measure)
        for measure in ("time", "early")
        for limit, against in ((0.75, "numpy blas"), (0.2, "torch"), (0.2, "jax"))
    ),
    tolerance=1e-5,
)  # fmt: skip

INPUTS, HIDDEN, CLASSES, BATCH, LR = 784, 64, 10, 32, 0.01
BATCHES: Final = 1875  # as in training, the next batch is in no cache


def parameters() -> tuple[np.ndarray[Any, Any], ...]:
    """Weights (in, out) and biases, the same for all."""
    rng = np.random.default_rng(0)
    w1 = rng.uniform(-1, 1, (INPUTS, HIDDEN)) / INPUTS**0.5
    w2 = rng.uniform(-1, 1, (HIDDEN, CLASSES)) / HIDDEN**0.5
    b1, b2 = (rng.uniform(-0.1, 0.1, n) for n in (HIDDEN, CLASSES))
    return tuple(array.astype(np.float32) for array in (w1, b1, w2, b2))


def batches() -> Iterator[tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]]:
    """Batch after batch of images, four fifths of whose pixels are 0, with labels."""
    rng = np.random.default_rng(1)
    images = np.maximum(5 * rng.random((BATCHES, BATCH, INPUTS), np.float32) - 4, 0)
    return cycle(zip(images, rng.integers(0, CLASSES, (BATCHES, BATCH)), strict=True))


@work.contestant("numpy")
def by_hand() -> Step:
    w1, b1, w2, b2 = parameters()
    data = batches()
    rows = np.arange(BATCH)

    def step() -> float:
        x, t = next(data)
        h = np.maximum(x @ w1 + b1, 0)
        z = h @ w2 + b2
        z -= z.max(axis=1, keepdims=True)
        e = np.exp(z)
        total = e.sum(axis=1, keepdims=True)
        loss = (np.log(total[:, 0]) - z[rows, t]).mean()
        dz = e / total
        dz[rows, t] -= 1
        dz /= BATCH
        dh = dz @ w2.T * (h > 0)
        for p, dp in ((w1, x.T @ dh), (b1, dh.sum(axis=0)), (w2, h.T @ dz), (b2, dz.sum(axis=0))):
            p -= LR * dp
        return float(loss)

    return step


@work.contestant("numpy blas", compared=False)
def by_blas() -> Step:
    w1, _, w2, _ = parameters()
    return products((x for x, _ in batches()), w1, w2)


def learner() -> tuple[Any, Any, Any]:
    """Pullback's network, loss and optimizer."""
    from pullback import nn, optim

    w1, b1, w2, b2 = parameters()
    model = nn.Sequential(nn.Linear(INPUTS, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, CLASSES))
    model.load_state_dict({"0.weight": w1.T, "0.bias": b1, "2.weight": w2.T, "2.bias": b2})
    return model, nn.CrossEntropyLoss(), optim.SGD(model.parameters(), lr=LR)


def training_step() -> Callable[[Any, Any], Any]:
    """The step as it is written to be compiled: from a batch to the loss, a tensor."""
    model, criterion, optimizer = learner()

    def train(x: Any, t: Any) -> Any:
        loss = criterion(model(x), t)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        return loss

    return train


@work.contestant(COMPILED)
def compiled() -> Step:
    import pullback as pb

    train = pb.compile(training_step())
    data = batches()

    def step() -> float:
        return float(train(*next(data)))

    return step


@work.contestant("pullback")
def pullback() -> Step:
    import pullback as pb

    model, criterion, optimizer = learner()
    data = batches()

    def step() -> float:
        x, t = next(data)
        loss = criterion(model(pb.tensor(x, copy=False)), t)  # as torch.from_numpy, it shares the memory
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return float(loss.item())

    return step


@work.contestant("torch")
def torch() -> Step:
    import torch
    from torch import nn

    w1, b1, w2, b2 = map(torch.from_numpy, parameters())
    model = nn.Sequential(nn.Linear(INPUTS, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, CLASSES))
    model.load_state_dict({"0.weight": w1.T, "0.bias": b1, "2.weight": w2.T, "2.bias": b2})
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=LR)
    data = batches()

    def step() -> float:
        x, t = map(torch.from_numpy, next(data))
        loss = criterion(model(x), t)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


@work.contestant("jax")
def jax_jit() -> Step:
    import jax
    import jax.numpy as jnp

    def loss_of(p: Any, x: Any, t: Any) -> Any:
        w1, b1, w2, b2 = p
        z = jax.nn.relu(x @ w1 + b1) @ w2 + b2
        return -jnp.take_along_axis(jax.nn.log_softmax(z), t[:, None], axis=1).mean()

    @jax.jit
    def update(p: Any, x: Any, t: Any) -> Any:
        loss, gradient = jax.value_and_grad(loss_of)(p, x, t)
        return jax.tree.map(lambda a, g: a - LR * g, p, gradient), loss

    state = parameters()
    data = batches()

    def step() -> float:
        nonlocal state
        state, loss = update(state, *next(data))
        return float(loss)

    return step


@work.contestant("autograd")
def autograd() -> Step:
    import autograd.numpy as anp
    from autograd import value_and_grad

    rows = np.arange(BATCH)

    def loss_of(p: Any, x: Any, t: Any) -> Any:
        w1, b1, w2, b2 = p
        z = anp.dot(anp.maximum(anp.dot(x, w1) + b1, 0), w2) + b2
        z = z - anp.max(z, axis=1, keepdims=True)
        return anp.sum(anp.log(anp.sum(anp.exp(z), axis=1)) - z[rows, t]) / BATCH

    gradient_of = value_and_grad(loss_of)
    state = parameters()
    data = batches()

    def step() -> float:
        loss, gradient = gradient_of(state, *next(data))
        for p, dp in zip(state, gradient, strict=True):
            p -= LR * dp
        return float(loss)

    return step


@work.contestant("mygrad")
def mygrad() -> Step:
    import mygrad as mg
    from mygrad.nnet.activations import relu
    from mygrad.nnet.losses import softmax_crossentropy

    w1, b1, w2, b2 = state = tuple(map(mg.tensor, parameters()))
    data = batches()

    def step() -> float:
        x, t = next(data)
        loss = softmax_crossentropy(mg.matmul(relu(mg.matmul(x, w1) + b1), w2) + b2, t)
        loss.backward()
        for p in state:
            p.data -= LR * p.grad
        return float(loss.item())

    return step
