"""Full-batch training of a small network: all that lies between the layers is many times as large as a cache."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any, Final

import numpy as np
from contest import COMPILED, Step, Target, Work

work: Final = Work(
    "full-batch", "4-32-16-4 with tanh, 10,000 rows, float32: the squared error, backward, Adam",
    Target(0.28, against="jax", contestant=COMPILED), Target(0.18, against="torch fused", contestant=COMPILED),
    reference="jax", tolerance=1e-4,
)  # fmt: skip

SIZES, ROWS, LR, BETAS, EPS = (4, 32, 16, 4), 10_000, 1e-3, (0.9, 0.999), 1e-8


def parameters() -> list[np.ndarray[Any, Any]]:
    """Weights (out, in) and biases, layer by layer."""
    rng = np.random.default_rng(0)
    shapes = [shape for n, m in pairwise(SIZES) for shape in ((m, n), (m,))]
    return [(rng.uniform(-1, 1, shape) / 4).astype(np.float32) for shape in shapes]


def batch() -> tuple[Any, Any]:
    """Inputs and what the network should answer."""
    rng = np.random.default_rng(1)
    return rng.standard_normal((ROWS, SIZES[0]), np.float32), rng.standard_normal((ROWS, SIZES[-1]), np.float32)


@work.both_ways
def of_pullback(prepared: Callable[[Any], Any]) -> Step:
    """The step of Pullback's contestants."""
    import pullback as pb
    from pullback import nn, optim

    one, two, three = (nn.Linear(n, m, rng=0) for n, m in pairwise(SIZES))
    model = nn.Sequential(one, nn.Tanh(), two, nn.Tanh(), three)
    names = (f"{2 * layer}.{part}" for layer in range(3) for part in ("weight", "bias"))
    model.load_state_dict(dict(zip(names, parameters(), strict=True)))
    optimizer = optim.Adam(model.parameters(), lr=LR, betas=BETAS, eps=EPS)

    def train(x: Any, y: Any) -> Any:
        loss = ((model(x) - y) ** 2).mean()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        return loss

    step, given = prepared(train), [pb.tensor(array) for array in batch()]
    return lambda: float(step(*given))


@work.contestant("torch fused")
def torch_fused() -> Step:
    import torch
    from torch import nn

    one, two, three = (nn.Linear(n, m) for n, m in pairwise(SIZES))
    model = nn.Sequential(one, nn.Tanh(), two, nn.Tanh(), three)
    with torch.no_grad():
        for p, value in zip(model.parameters(), parameters(), strict=True):
            p.copy_(torch.from_numpy(value))
    optimizer = torch.optim.Adam(model.parameters(), lr=LR, betas=BETAS, eps=EPS, fused=True)
    x, y = map(torch.from_numpy, batch())

    def step() -> float:
        optimizer.zero_grad()
        loss = ((model(x) - y) ** 2).mean()
        loss.backward()
        optimizer.step()
        return float(loss.item())

    return step


@work.contestant("jax")
def jax_jit() -> Step:
    import jax
    import jax.numpy as jnp

    def loss_of(p: Any, x: Any, y: Any) -> Any:
        h = jnp.tanh(x @ p[0].T + p[1])
        h = jnp.tanh(h @ p[2].T + p[3])
        return ((h @ p[4].T + p[5] - y) ** 2).mean()

    @jax.jit
    def update(p: Any, m: Any, v: Any, count: Any, x: Any, y: Any) -> Any:
        loss, g = jax.value_and_grad(loss_of)(p, x, y)
        m = [BETAS[0] * a + (1 - BETAS[0]) * b for a, b in zip(m, g, strict=True)]
        v = [BETAS[1] * a + (1 - BETAS[1]) * b * b for a, b in zip(v, g, strict=True)]
        first, second = 1 - BETAS[0] ** count, 1 - BETAS[1] ** count
        p = [a - LR * (b / first) / (jnp.sqrt(c / second) + EPS) for a, b, c in zip(p, m, v, strict=True)]
        return p, m, v, count + 1, loss

    p = [jnp.asarray(array) for array in parameters()]
    state = p, [jnp.zeros_like(a) for a in p], [jnp.zeros_like(a) for a in p], jnp.float32(1)
    x, y = map(jnp.asarray, batch())

    def step() -> float:
        nonlocal state
        *state, loss = update(*state, x, y)
        return float(loss)

    return step
