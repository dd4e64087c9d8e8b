"""Gradients of each sample: a network 784-64-10 and a batch of 64 images, `vmap` of `grad`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from contest import COMPILED, Step, Target, Work

BATCH: Final = 64

work: Final = Work(
    "per-sample", f"gradients of each of {BATCH} images by all weights of a network 784-64-10, float32",
    Target(1.0, against="torch"), Target(0.5, against="torch", contestant=COMPILED), reference="torch", tolerance=1e-4,
)  # fmt: skip


def data() -> tuple[list[Any], Any, Any]:
    """Weights, images and labels."""
    rng = np.random.default_rng(0)
    weights = [(0.05 * rng.standard_normal(s)).astype(np.float32) for s in ((64, 784), (64,), (10, 64), (10,))]
    return weights, rng.random((BATCH, 784), dtype=np.float32), rng.integers(0, 10, BATCH)


def logits(relu: Callable[[Any], Any], weights: Any, x: Any) -> Any:
    """Of one image."""
    w1, b1, w2, b2 = weights
    return relu(x @ w1.T + b1) @ w2.T + b2


@work.both_ways
def of_pullback(prepared: Callable[[Any], Any]) -> Step:
    """The step of Pullback's contestants."""
    import pullback as pb

    weights, images, labels = data()
    given = [pb.tensor(w) for w in weights]
    one = pb.grad(lambda weights, x, y: pb.cross_entropy(logits(pb.relu, weights, x), y))
    each = prepared(pb.vmap(one, in_axes=(None, 0, 0)))
    return lambda: each(given, images, labels)


@work.contestant("torch")
def of_torch() -> Step:
    import torch

    weights, images, labels = data()
    given, x, y = [torch.tensor(w) for w in weights], torch.tensor(images), torch.tensor(labels)

    def loss(weights: Any, x: Any, y: Any) -> Any:
        return torch.nn.functional.cross_entropy(logits(torch.relu, weights, x)[None], y[None])

    each = torch.func.vmap(torch.func.grad(loss), in_dims=(None, 0, 0))
    return lambda: [g.numpy() for g in each(given, x, y)]
