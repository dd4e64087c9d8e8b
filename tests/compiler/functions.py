"""Functions of every kind that a program may hold, with arguments, to be compiled and compared."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np

import pullback as pb

RNG: Final = np.random.default_rng(0)


def single(*shape: int) -> np.ndarray:
    """Normal numbers in float32."""
    return RNG.normal(size=shape).astype(np.float32)


def double(*shape: int) -> np.ndarray:
    """Normal numbers in float64."""
    return RNG.normal(size=shape)


def layer_norm(x: Any, gain: Any, bias: Any, weights: Any) -> Any:
    """A weighted sum of normalised rows."""
    mean, variance = x.mean(axis=-1, keepdims=True), x.var(axis=-1, keepdims=True)
    return (((x - mean) / pb.sqrt(variance + 1e-5) * gain + bias) * weights).sum()


def bells(x: Any) -> Any:
    """A sum of smooth functions."""
    return (pb.tanh(x) * pb.exp(-x * x) + pb.log1p(x * x)).sum()


def seed(x: Any, y: Any, z: Any) -> Any:
    """The scalar function of the computational-graph text."""
    return pb.sin(x ** (y + z)) - 3 * pb.log(x**2 * y**3)


def reductions(x: Any) -> Any:
    """All reductions, over all sorts of axes."""
    return (
        x.sum(axis=0), x.sum(axis=1), x.sum(axis=2), x.sum(axis=(0, 2)), x.sum(), x.max(axis=1), x.min(),
        x.prod(axis=0),
        (x > 0).any(axis=2), (x > -9).all(), (x > 0).sum(axis=1), x.mean(axis=(1, 2), keepdims=True),
    )  # fmt: skip


def elementary(x: Any) -> Any:
    """What has a loop of its own, at positive numbers."""
    return (
        x**3, x**-1, x**0.5, x**2.5, 2**x, x // 0.3, x % 0.3, pb.round(x), pb.sign(x - 0.5), pb.arctan2(x, x - 1),
        pb.hypot(x, 1.0), pb.logaddexp(x, 1.0), pb.erf(x), pb.cbrt(x), pb.arcsin(x / 2), pb.clip(x, 0.2, 0.6),
        pb.gelu(x), pb.gelu(x, approximate=True), pb.silu(x), pb.softplus(x), pb.leaky_relu(x - 0.5), pb.floor(3 * x),
        pb.softsign(x),
    )  # fmt: skip


def losses(p: Any, t: Any) -> Any:
    """Losses and what they are made of."""
    return (
        pb.binary_cross_entropy(p, t), pb.binary_cross_entropy_with_logits(p, t), pb.mse_loss(p, t),
        pb.logsumexp(p, axis=1), pb.log_softmax(p), pb.softmax(p.T, axis=1), pb.norm(p), pb.norm(p, axis=1),
    )  # fmt: skip


def contractions(a: Any, b: Any, c: Any) -> Any:
    """Einstein's sums and matrix products."""
    return (
        pb.einsum("ij,jk->ik", a, b), pb.einsum("bij,bjk->bik", c, c.swapaxes(1, 2)), pb.einsum("ij,kj->", a, a),
        pb.einsum("ijk,jk->i", c, b[:, :5]), pb.einsum("i,j->ij", a[0], b[0]), a @ b[:, 0], (a @ b).T,
        pb.tanh(a @ b + 1) @ b.T,
    )  # fmt: skip


def integers(x: Any, y: Any) -> Any:
    """Numbers that are not floating-point."""
    return x + y, x * y, x / y, x < y, pb.maximum(x, y), (x * 2.5).sum(), x.sum(axis=0), ~(x > y), (x > 1) & (y > 1), -x


def views(x: Any) -> Any:
    """Movement in front of, behind and between other operations."""
    return x[::2, ::-1].T + 1, x.reshape(-1)[3:9] * 2, pb.flip(x, 0) + x, x[None, :, 3], x.T, (x.T * 2).reshape(4, 12)


def kernels_of_numpy(a: Any, b: Any, places: Any) -> Any:
    """What has no loop yet, among what has."""
    joined = pb.concatenate([a, b], axis=0) * 2
    return (
        joined,
        pb.stack([a, b]).sum(axis=0),
        pb.pad(a, 1) + 1,
        pb.argmax(a, axis=1),
        pb.tril(a),
        pb.take(joined, places, axis=0).sum(),
    )


CASES: Final[dict[str, tuple[Callable[..., Any], tuple[Any, ...]]]] = {
    "scalars": (seed, (np.float64(0.5), np.float64(4), np.float64(-2.3))),
    "scalars' gradients": (
        pb.value_and_grad(seed, argnums=(0, 1, 2)),
        (np.float64(0.5), np.float64(4), np.float64(2.3)),
    ),
    "a long vector": (pb.value_and_grad(bells), (single(100_003),)),
    "in double precision": (pb.value_and_grad(bells), (double(1_001),)),
    "a Hessian": (pb.hessian(bells), (double(4),)),
    "forward mode": (lambda x, t: pb.jvp(bells, (x,), (t,)), (double(7), double(7))),
    "layer norm": (
        pb.value_and_grad(layer_norm, argnums=(0, 1, 2)),
        (single(37, 50), single(50), single(50), single(37, 50)),
    ),
    "layer norm of many rows": (layer_norm, (single(300, 1024), single(1024), single(1024), single(300, 1024))),
    "softmax of rows": (lambda x: pb.softmax(x, axis=1), (double(33, 21),)),
    "softmax of columns": (lambda x: pb.softmax(x, axis=0), (single(33, 21),)),
    "cross-entropy": (pb.value_and_grad(pb.cross_entropy), (single(33, 10), RNG.integers(0, 10, 33))),
    "reductions": (reductions, (single(5, 7, 19),)),
    "reductions of much": (lambda x: (x.sum(axis=0), x.sum(axis=1), x.sum(), x.max(axis=0)), (single(2_000, 300),)),
    "rows and columns meet": (
        lambda x, y: (x[:, None] * y + pb.exp(x)[:, None]).sum(axis=1),
        (single(9), single(9, 31)),
    ),
    "a row for all": (lambda x, y: x + pb.exp(y), (single(9, 31), single(31))),
    "a number for all": (lambda x: x / x.sum() + (x - x.mean()) ** 2, (double(10, 3),)),
    "views": (views, (single(6, 8),)),
    "contractions": (contractions, (single(5, 4), single(4, 6), single(3, 4, 5))),
    "batches of matrices": (
        lambda a, b, w: (a @ b, a @ w, pb.relu(a @ w + 1), (a @ b) * 2),
        (single(2, 3, 5, 7), single(3, 7, 9), single(7, 4)),
    ),
    "integers": (integers, (RNG.integers(-9, 9, (4, 5)), RNG.integers(1, 9, (4, 5)))),
    "two precisions": (lambda a, b: (a * b, (a * b).sum(), (b > 0) * a), (single(13, 4), double(13, 4))),
    "masks": (pb.value_and_grad(lambda x: pb.where(x > 0, pb.sqrt(x), x).sum()), (double(45),)),
    "elementary": (elementary, (RNG.random((7, 3)).astype(np.float32),)),
    "elementary in double precision": (elementary, (RNG.random(9),)),
    "losses": (losses, (RNG.random((6, 5)), RNG.random((6, 5)))),
    "NumPy in between": (kernels_of_numpy, (single(3, 3), single(3, 3), RNG.integers(0, 6, 5))),
    "half precision": (lambda x: (pb.tanh(x) * 2, (x.T @ x).sum(axis=0), x.T), (single(4, 3).astype(np.float16),)),
    "complex numbers": (lambda x: (x * 2, (x * x).T, pb.exp(x).sum(axis=0)), (single(4, 3) + 1j * single(4, 3),)),
    "deviations": (pb.grad(lambda x: x.std(axis=1).sum() + x.var()), (double(8, 9),)),
    "axes of one element": (
        lambda x: (x.sum(axis=0), x * 3, x.reshape(1, 1, 5), x.sum(axis=0, keepdims=True)),
        (single(1, 5),),
    ),
    "truth along one element": (
        lambda x, y: pb.where(pb.all(x, axis=1, keepdims=True), x, (y > 0).sum(axis=1)[:, None]),
        (double(16, 1), double(16, 1)),
    ),
    "nothing at all": (lambda x: (x * 2, x.sum(axis=0), x.sum()), (single(0, 3),)),
}  # fmt: skip
