"""Activations that are compositions, against their formulas."""

from __future__ import annotations

import math

import numpy as np
import pytest
from tests.core.numerics import central

import pullback as pb

X = np.array([[-3.0, -0.5, 0.0], [0.25, 1.0, 4.0]])


def phi(x):
    return np.vectorize(lambda v: 0.5 * (1 + math.erf(v / math.sqrt(2))))(x)


FORMULAS = {
    "softmax": (pb.softmax, lambda x: np.exp(x) / np.exp(x).sum(-1, keepdims=True)),
    "softmax of columns": (lambda x: pb.softmax(x, axis=0), lambda x: np.exp(x) / np.exp(x).sum(0)),
    "log_softmax": (pb.log_softmax, lambda x: x - np.log(np.exp(x).sum(-1, keepdims=True))),
    "log_softmax of columns": (lambda x: pb.log_softmax(x, 0), lambda x: x - np.log(np.exp(x).sum(0))),
    "silu": (pb.silu, lambda x: x / (1 + np.exp(-x))),
    "gelu": (pb.gelu, lambda x: x * phi(x)),
    "gelu by tanh": (
        lambda x: pb.gelu(x, approximate=True),
        lambda x: 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
    ),
}


@pytest.mark.parametrize("name", FORMULAS)
def test_value_and_derivative(name):
    f, formula = FORMULAS[name]
    assert np.allclose(f(X).numpy(), formula(X), rtol=1e-13, atol=1e-16)
    expected = central(formula, X)
    for mode in ("forward", "reverse"):
        assert np.allclose(pb.jacobian(f, mode=mode)(X).numpy(), expected, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("x", [[1e4, -1e4, 0.0], [-1e4, -1e4, -1e4], [1e308, 1e308, 9e307], [0.0, -np.inf, 1.0]])
def test_softmax_does_not_overflow(x):
    x = np.array(x)
    with np.errstate(over="raise", invalid="raise"):
        p = pb.softmax(x).numpy()
    assert np.isfinite(p).all()
    assert p.sum() == pytest.approx(1.0)
    assert np.isfinite(pb.jacobian(pb.softmax)(x).numpy()).all()


def test_activations_saturate_quietly():
    x = np.array([-1e4, 1e4])
    with np.errstate(over="raise", invalid="raise"):
        assert pb.silu(x).tolist() == [0.0, 1e4]
        assert pb.gelu(x).tolist() == [0.0, 1e4]
        assert pb.gelu(x, approximate=True).tolist() == [0.0, 1e4]


def test_one_of_no_axes_and_lists():
    assert pb.softmax([0.0, 0.0]).tolist() == [0.5, 0.5]
    assert pb.silu([0.0]).tolist() == [0.0]
    assert pb.gelu(0.0, approximate=True).item() == 0.0
    assert pb.softmax(np.array([1, 1])).tolist() == [0.5, 0.5]
    with pytest.raises(pb.AxisError):
        pb.softmax(np.ones(3), axis=1)
    with pytest.raises(pb.OptionError, match="True or False"):
        pb.gelu(1.0, approximate="tanh")
