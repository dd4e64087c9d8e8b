"""Transposes go behind what is elementwise of them, where that is only given back."""

import numpy as np
import pytest

import pullback as pb

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
