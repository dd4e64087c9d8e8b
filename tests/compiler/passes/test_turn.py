"""Transposes go behind what is elementwise of them, where that is only given back."""

import numpy as np
import pytest

import pullback as pb
from pullback.core.tree import leaves

X = np.random.default_rng(0).standard_normal((2, 3, 4))


def turned(f, *args):
    step = pb.compile(f)
    for _ in range(3):
        found = step(*args)
    return found, "turn" in step.stages


@pytest.mark.parametrize(
    ("f", "expected"),
    [
        (lambda x: np.sin(x.transpose(2, 0, 1) * 2), True),
        (lambda x: x.T / (1 + np.exp(-x.T)), True),
        (lambda x: np.where(x.transpose(1, 0, 2) > 0, x.transpose(1, 0, 2), 0.5), True),
        (lambda x: (x.T * 2, np.sin(x.T * 2) + 1), True),
        (lambda x: (x.T * 2).sum(0), False),  # something else reads it
        (lambda x: x.transpose(2, 1, 0) * np.arange(12.0).reshape(4, 3, 1) * 2, False),  # it is stretched
        (lambda x: x.T * x.reshape(4, 3, 2), False),
    ],
)
def test_values_and_memory_are_as_those_of_the_function(f, expected):
    (found, there), wanted = turned(f, pb.tensor(X)), f(pb.tensor(X))
    for a, b in zip(
        found if isinstance(found, tuple) else (found,), wanted if isinstance(wanted, tuple) else (wanted,), strict=True
    ):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-14)
        if expected:
            assert a.numpy().strides == b.numpy().strides
    assert there is expected


def _shared(x):
    y = x.T * 2  # read by a product too, as it lies
    return np.sin(y) + 1, y @ x


@pytest.mark.parametrize("side", [3, 4])
def test_what_others_read_stays_and_so_does_what_is_made_of_it(side):
    x = X[0, :, :side]  # a square, in which wrong places have right shapes, and none
    found, _ = turned(_shared, x)
    for a, b in zip(found, _shared(x), strict=True):
        np.testing.assert_allclose(a.numpy(), b, rtol=1e-14)


def test_transposes_of_factors_and_their_derivatives():
    def f(a):
        factor = pb.linalg.cholesky(((a + a.T) / 2).T).T
        return np.log1p(factor**2 + pb.imag(factor) ** 2).sum()

    def all_of(a):
        return pb.value_and_grad(f)(a), pb.hvp(f, (a,), (np.ones_like(a),))

    a = X[0, :, :3] @ X[0, :, :3].T + 3 * np.eye(3)
    step = pb.compile(all_of)
    for scale in (1.0, 1.0, 1.01, 0.98):
        for one, other in zip(leaves(step(a * scale)), leaves(all_of(a * scale)), strict=True):
            np.testing.assert_allclose(one.numpy(), other.numpy(), rtol=1e-9)
