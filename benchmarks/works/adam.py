"""Adam alone: each parameter, its gradient and two moments, read and written once at best."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from contest import COMPILED, Step, Target, Work

work: Final = Work(
    "adam", "a step of Adam on 1,000,000 float32 in 20 arrays, gradients given",
    Target(0.8, against="torch fused", contestant=COMPILED),
    tolerance=1e-6,
)  # fmt: skip

NUMBERS: Final = 1_000_000
LAYERS: Final = (784, 512, 512, 256, 256, 128, 128, 64, 64, 32, 10)  # a weight and a bias between any two
LR, BETAS, EPS = 1e-3, (0.9, 0.999), 1e-8


def shapes() -> list[tuple[int, ...]]:
    """Of ten matrices and ten vectors; the last vector is as long as is left."""
    sizes = list(zip(LAYERS[1:], LAYERS, strict=False))
    found = [*sizes, *((out,) for out, _ in sizes[:-1])]
    return [*found, (NUMBERS - sum(map(math.prod, found)),)]


def arrays() -> tuple[list[np.ndarray[Any, Any]], list[np.ndarray[Any, Any]]]:
    """Parameters and gradients."""
    rng = np.random.default_rng(0)
    parameters, gradients = ([rng.standard_normal(shape, np.float32) for shape in shapes()] for _ in range(2))
    return parameters, gradients


@work.contestant("numpy")
def by_hand() -> Step:
    parameters, gradients = arrays()
    beta1, beta2 = BETAS
    states = [(p, g, np.zeros_like(p), np.zeros_like(p)) for p, g in zip(parameters, gradients, strict=True)]
    count = 0

    def step() -> Any:
        nonlocal count
        count += 1
        root = math.sqrt(1 - beta2**count)
        rate = LR * root / (1 - beta1**count)
        for p, g, m, v in states:
            m *= beta1
            m += (1 - beta1) * g
            v *= beta2
            v += (1 - beta2) * (g * g)
            p -= rate * m / (np.sqrt(v) + EPS * root)
        return parameters

    return step


def of_pullback() -> tuple[Any, Any]:
    """Pullback's parameters, which have their gradients, and optimizer."""
    import pullback as pb
    from pullback import optim

    numbers, gradients = arrays()
    parameters = [pb.tensor(p, requires_grad=True) for p in numbers]
    for p, g in zip(parameters, gradients, strict=True):
        p.grad = g
    return parameters, optim.Adam(parameters, lr=LR, betas=BETAS, eps=EPS)


@work.contestant(COMPILED)
def compiled() -> Step:
    import pullback as pb

    parameters, optimizer = of_pullback()
    update = pb.compile(lambda: optimizer.step())

    def step() -> Any:
        update()
        return [p.numpy() for p in parameters]

    return step


@work.contestant("pullback")
def pullback() -> Step:
    parameters, optimizer = of_pullback()

    def step() -> Any:
        optimizer.step()
        return [p.numpy() for p in parameters]

    return step


def of_torch(*, fused: bool) -> Step:
    """The step of PyTorch's contestants."""
    import torch

    parameters, gradients = ([torch.from_numpy(array) for array in part] for part in arrays())
    for p, g in zip(parameters, gradients, strict=True):
        p.requires_grad_().grad = g
    optimizer = torch.optim.Adam(parameters, lr=LR, betas=BETAS, eps=EPS, fused=fused)

    def step() -> Any:
        optimizer.step()
        return parameters

    return step


@work.contestant("torch")
def torch() -> Step:
    return of_torch(fused=False)


@work.contestant("torch fused")
def torch_fused() -> Step:
    return of_torch(fused=True)
