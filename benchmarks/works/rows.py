"""What goes along the rows of a matrix, forward and backward: layer norm, and softmax with cross-entropy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from contest import COMPILED, Step, Target, Work

ROWS, COLUMNS = 4096, 1024
EPS: Final = 1e-5
TARGET: Final = Target(0.8, against="torch", contestant=COMPILED)

layer_norm: Final = Work(
    "layer-norm", f"layer norm of {ROWS} × {COLUMNS} float32, a weighted sum of it, and the gradients in x, g and b",
    TARGET, tolerance=1e-3,  # the loss is a sum of four million numbers of either sign
)  # fmt: skip
cross_entropy: Final = Work(
    "cross-entropy", f"softmax with cross-entropy of {ROWS} × {COLUMNS} float32, summed, and the gradient",
    TARGET, tolerance=1e-5,
)  # fmt: skip

Array = np.ndarray[Any, Any]


def normal(seed: int, *shape: int) -> Array:
    """Random numbers, the same for a seed each time."""
    return np.random.default_rng(seed).standard_normal(shape, np.float32)


def layer() -> tuple[Array, Array, Array, Array]:
    """Rows, scale, shift, and the weights of the sum."""
    return normal(0, ROWS, COLUMNS), 1 + normal(1, COLUMNS) / 10, normal(2, COLUMNS), normal(3, ROWS, COLUMNS)


def scores() -> tuple[Array, Array]:
    """Rows, and the class of each."""
    return 3 * normal(0, ROWS, COLUMNS), np.random.default_rng(1).integers(0, COLUMNS, ROWS)


@layer_norm.contestant("numpy")
def layer_norm_by_hand() -> Step:
    x, g, b, weights = layer()

    def step() -> tuple[Any, Any]:
        centred = x - x.mean(axis=1, keepdims=True)
        scale = 1 / np.sqrt((centred * centred).mean(axis=1, keepdims=True) + EPS)
        centred *= scale
        d = weights * g
        inner = (d * centred).mean(axis=1, keepdims=True)
        dx = (d - d.mean(axis=1, keepdims=True) - centred * inner) * scale
        return ((centred * g + b) * weights).sum(), (dx, (weights * centred).sum(axis=0), weights.sum(axis=0))

    return step


def of_pullback(prepared: Callable[[Any], Any], f: Callable[..., Any], argnums: Any, given: tuple[Array, ...]) -> Step:
    """The step of Pullback's contestants, which prepare the function of the value and its gradients."""
    import pullback as pb

    both = prepared(pb.value_and_grad(f, argnums))
    tensors = [pb.tensor(array) for array in given]

    def step() -> Any:
        return both(*tensors)

    return step


def summed_layer_norm(x: Any, g: Any, b: Any, weights: Any) -> Any:
    """The layer norm, written with Pullback's operations."""
    import pullback as pb

    mean = x.mean(axis=1, keepdims=True)
    normed = (x - mean) / pb.sqrt(x.var(axis=1, keepdims=True) + EPS)
    return ((normed * g + b) * weights).sum()


@layer_norm.contestant(COMPILED)
def layer_norm_compiled() -> Step:
    import pullback as pb

    return of_pullback(pb.compile, summed_layer_norm, (0, 1, 2), layer())


@layer_norm.contestant("pullback")
def layer_norm_pullback() -> Step:
    return of_pullback(lambda f: f, summed_layer_norm, (0, 1, 2), layer())


def of_torch(f: Callable[..., Any], variables: int, given: tuple[Array, ...]) -> Step:
    """The step of PyTorch's contestants: f, and its gradients in the first arguments."""
    import torch

    tensors = [torch.from_numpy(array) for array in given]
    leaves = [t.requires_grad_() for t in tensors[:variables]]

    def step() -> tuple[Any, Any]:
        for leaf in leaves:
            leaf.grad = None
        value = f(*tensors)
        value.backward()
        return value.item(), [leaf.grad for leaf in leaves]

    return step


@layer_norm.contestant("torch")
def layer_norm_torch() -> Step:
    from torch.nn import functional

    return of_torch(
        lambda x, g, b, weights: (functional.layer_norm(x, (COLUMNS,), g, b, EPS) * weights).sum(), 3, layer()
    )


def of_jax(f: Callable[..., Any], argnums: Any, given: tuple[Array, ...]) -> Step:
    """The step of JAX's contestants."""
    import jax
    import jax.numpy as jnp

    both = jax.jit(jax.value_and_grad(f, argnums))
    arrays = [jnp.asarray(array) for array in given]

    def step() -> Any:
        return jax.block_until_ready(both(*arrays))

    return step


@layer_norm.contestant("jax")
def layer_norm_jax() -> Step:
    import jax.numpy as jnp

    def f(x: Any, g: Any, b: Any, weights: Any) -> Any:
        normed = (x - x.mean(axis=1, keepdims=True)) / jnp.sqrt(x.var(axis=1, keepdims=True) + EPS)
        return ((normed * g + b) * weights).sum()

    return of_jax(f, (0, 1, 2), layer())


@cross_entropy.contestant("numpy")
def cross_entropy_by_hand() -> Step:
    x, labels = scores()
    rows = np.arange(ROWS)

    def step() -> tuple[Any, Any]:
        shifted = x - x.max(axis=1, keepdims=True)
        e = np.exp(shifted)
        total = e.sum(axis=1, keepdims=True)
        value = (np.log(total[:, 0]) - shifted[rows, labels]).sum()
        e /= total
        e[rows, labels] -= 1
        return value, e

    return step


def summed_cross_entropy(x: Any, labels: Any) -> Any:
    """The loss, by Pullback's own function."""
    import pullback as pb

    return pb.cross_entropy(x, labels, reduction="sum")


@cross_entropy.contestant(COMPILED)
def cross_entropy_compiled() -> Step:
    import pullback as pb

    return of_pullback(pb.compile, summed_cross_entropy, 0, scores())


@cross_entropy.contestant("pullback")
def cross_entropy_pullback() -> Step:
    return of_pullback(lambda f: f, summed_cross_entropy, 0, scores())


@cross_entropy.contestant("torch")
def cross_entropy_torch() -> Step:
    from torch.nn import functional

    return of_torch(lambda x, labels: functional.cross_entropy(x, labels, reduction="sum"), 1, scores())


@cross_entropy.contestant("jax")
def cross_entropy_jax() -> Step:
    import jax
    import jax.numpy as jnp

    def f(x: Any, labels: Any) -> Any:
        return -jnp.take_along_axis(jax.nn.log_softmax(x), labels[:, None], axis=1).sum()

    return of_jax(f, 0, scores())
