"""Plain NumPy functions differentiate: written with np. alone, against differences."""

from __future__ import annotations

import numpy as np
import pytest
from tests.core.numerics import central

import pullback as pb

X = np.array([[0.3, -0.7, 1.1], [0.9, 0.4, -0.2]])
A = np.arange(6.0).reshape(3, 2) / 5

FUNCTIONS = {
    "mean": lambda x: np.mean(x), "mean of an axis": lambda x: np.mean(x, axis=0) * np.mean(x, 1, keepdims=True),
    "sum of an axis": lambda x: np.sum(x * x, axis=-1),
    "sum of axes": lambda x: np.sum(np.exp(x), axis=(0, 1), keepdims=True),
    "method with an axis": lambda x: x.sum(axis=0) * x.mean(axis=1).max(),
    "var and std": lambda x: np.var(x, axis=0, ddof=1) + np.std(x, 0),
    "max and min": lambda x: np.max(x, axis=1) - np.amin(x), "prod": lambda x: np.prod(x, axis=0),
    "cumsum": lambda x: np.cumsum(x), "norm": lambda x: np.linalg.norm(x),
    "norm of rows": lambda x: np.linalg.norm(x, axis=1) * np.linalg.norm(x, 3, axis=1),
    "norms": lambda x: np.linalg.norm(x, np.inf, axis=0) + np.linalg.norm(x, 1, axis=0),
    "concatenate": lambda x: np.concatenate([x, A.T, x * x], axis=0), "stack": lambda x: np.stack([x, x**2], axis=1),
    "matmul": lambda x: x @ A, "reflected matmul": lambda x: A @ x, "np.matmul": lambda x: np.matmul(x, A),
    "dot": lambda x: np.dot(x, A) + np.dot(A.T[0], x.T), "where": lambda x: np.where(x > 0, x**3, -x),
    "add.reduce": lambda x: np.add.reduce(x * x, axis=1), "multiply.reduce": lambda x: np.multiply.reduce(x),
    "maximum.reduce": lambda x: np.maximum.reduce(x, axis=1),
    "logaddexp.reduce": lambda x: np.logaddexp.reduce(x, axis=0),
    "einsum": lambda x: np.einsum("ij,jk,lk->il", x, A, x @ A), "einsum implicit": lambda x: np.einsum("ij,jk", x, A),
    "tensordot": lambda x: np.tensordot(x, A, ([1], [0])), "outer": lambda x: np.outer(x, A[0]),
    "trace": lambda x: np.trace(x @ A), "diag": lambda x: np.diag(x) + np.diagonal(x @ A),
    "tril": lambda x: np.tril(x) + np.triu(x, 1) * 2, "reshape": lambda x: np.reshape(x, (3, 2)) * A,
    "ravel": lambda x: np.ravel(x) ** 2, "transpose": lambda x: np.transpose(x) * A, "T": lambda x: x.T * A,
    "swapaxes": lambda x: np.swapaxes(x, 0, 1) * A, "moveaxis": lambda x: np.moveaxis(x, 0, -1) * A,
    "expand_dims": lambda x: np.expand_dims(x, 1) * x, "squeeze": lambda x: np.squeeze(x[:1] * 2),
    "broadcast_to": lambda x: np.broadcast_to(x[0], (2, 3)) * x, "flip": lambda x: np.flip(x, 1) * x,
    "roll": lambda x: np.roll(x, 1) * x, "tile": lambda x: np.tile(x, (2, 1)),
    "repeat": lambda x: np.repeat(x, 2, axis=1), "pad": lambda x: np.pad(x, ((1, 0), (0, 2))),
    "split": lambda x: np.split(x, 3, axis=1)[1] * x, "take": lambda x: np.take(x, [0, 0, 2], axis=1),
    "take_along_axis": lambda x: np.take_along_axis(x, np.array([[2], [0]]), axis=1),
    "clip": lambda x: np.clip(x, -0.5, 0.8), "maximum": lambda x: np.maximum(x, 0.1) * np.minimum(x, 0.5),
    "arithmetic": lambda x: 2 * x - x / 3 + x**2 / (1 + x * x) - np.sqrt(x * x + 1) % 1.3,
    "indexing": lambda x: x[1, ::-1] * x[[0, 1, 0], [1, 1, 2]] + x[x > 0.35].sum(),
    "hypot": lambda x: np.hypot(x, A.T), "arctan2": lambda x: np.arctan2(x, A.T + 1),
    "exponentials": lambda x: np.exp(np.sin(x)) * np.log1p(x * x) + np.expm1(x) / np.cosh(x),
    "inverses": lambda x: np.tanh(x) * np.arctan(x) + np.cbrt(x + 3) + np.arcsinh(x) * np.log2(x + 2),
    "Python's own": lambda x: sum(row.sum() for row in x) * abs(x[0, 1]) + max(x[0, 0], x[1, 1]) + pow(x[0, 2], 3),
    "float64 scalar": lambda x: np.float64(2.5) * x, "divmod": lambda x: divmod(x, 0.37)[1] * np.divmod(x, 0.5)[1],
    "ones_like": lambda x: x * np.ones_like(x) + np.zeros_like(x) + np.full_like(x, 2.0) * x,
    "shapes": lambda x: x * np.shape(x)[0] * np.ndim(x) * np.size(x), "vdot": lambda x: np.vdot(x, A),
    "vector norm of a matrix": lambda x: np.linalg.norm(x, "fro"), "atleast_2d": lambda x: np.atleast_2d(x[0]) * x,
    "broadcast_arrays": lambda x: np.broadcast_arrays(x, x[0])[1] * x, "copy": lambda x: np.copy(x) * x,
    "permute_dims": lambda x: np.permute_dims(x, (1, 0)), "concat": lambda x: np.concat([x, x], axis=1),
    "astype": lambda x: np.astype(x, np.float64) * x,
    "ravelled concatenation": lambda x: np.concatenate([x, A], axis=None),
}  # fmt: skip


@pytest.mark.parametrize("f", FUNCTIONS.values(), ids=FUNCTIONS)
def test_a_numpy_function(f):
    assert np.allclose(f(pb.tensor(X)).numpy(), f(X), rtol=1e-14)
    expected = central(f, X)
    for mode in ("reverse", "forward"):
        found = pb.jacobian(f, mode=mode)(X)
        assert found.shape == expected.shape
        assert np.allclose(found.numpy(), expected, rtol=1e-7, atol=1e-8)


def test_a_function_that_knows_nothing_of_tensors():
    def rosenbrock(x):
        return np.sum(100.0 * (x[1:] - x[:-1] ** 2.0) ** 2.0 + (1 - x[:-1]) ** 2.0)

    x = np.array([1.3, 0.7, 0.8, 1.9, 1.2])
    middle, before, after = x[1:-1], x[:-2], x[2:]
    expected = np.zeros(5)
    expected[1:-1] = 200 * (middle - before**2) - 400 * (after - middle**2) * middle - 2 * (1 - middle)
    expected[0] = -400 * x[0] * (x[1] - x[0] ** 2) - 2 * (1 - x[0])
    expected[-1] = 200 * (x[-1] - x[-2] ** 2)
    assert np.allclose(pb.grad(rosenbrock)(x).numpy(), expected)
    assert np.allclose(pb.hessian(rosenbrock)(x).numpy(), central(pb.grad(rosenbrock), x), rtol=1e-6, atol=1e-5)


def test_a_small_network_written_with_numpy():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(8, 3)), rng.integers(4, size=8)
    parameters = [(rng.normal(size=(3, 5)), np.zeros(5)), (rng.normal(size=(5, 4)), np.zeros(4))]

    def loss(parameters):
        hidden = x
        for w, b in parameters[:-1]:
            hidden = np.tanh(hidden @ w + b)
        logits = hidden @ parameters[-1][0] + parameters[-1][1]
        logits = logits - np.max(logits, axis=1, keepdims=True)
        return -np.mean(logits[np.arange(8), y] - np.log(np.sum(np.exp(logits), axis=1)))

    gradient = pb.grad(loss)(parameters)
    for layer in (0, 1):
        for part in (0, 1):

            def moved(v, layer=layer, part=part):
                changed = [list(pair) for pair in parameters]
                changed[layer][part] = v
                return loss(changed)

            assert np.allclose(gradient[layer][part].numpy(), central(moved, parameters[layer][part]), atol=1e-8)
