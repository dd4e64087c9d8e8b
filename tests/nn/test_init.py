"""First values: the ranges and spreads of the papers, for shapes and in place."""

import math

import numpy as np
import pytest

from pullback.core.errors import ShapeError
from pullback.nn import Linear, Parameter, init

FANS = {(300, 200): (200, 300), (40, 30, 3, 5): (450, 600)}  # shape: (fan_in, fan_out)
ROWS = [
    (init.he_uniform, lambda i, o: math.sqrt(6 / i), True),
    (init.he_normal, lambda i, o: math.sqrt(2 / i), False),
    (init.glorot_uniform, lambda i, o: math.sqrt(6 / (i + o)), True),
    (init.glorot_normal, lambda i, o: math.sqrt(2 / (i + o)), False),
]


@pytest.mark.parametrize("shape", FANS)
@pytest.mark.parametrize(("function", "scale", "uniform"), ROWS)
def test_spread(function, scale, uniform, shape):
    drawn = function(shape, rng=0, dtype=float).numpy()
    expected = scale(*FANS[shape])
    n = drawn.size
    assert drawn.shape == shape
    if uniform:
        assert expected * (1 - 20 / n) < abs(drawn).max() <= expected
        expected /= math.sqrt(3)
    assert drawn.std() == pytest.approx(expected, rel=4 / math.sqrt(2 * n))
    assert abs(drawn.mean()) < 4 * expected / math.sqrt(n)


@pytest.mark.parametrize("function", [row[0] for row in ROWS])
def test_a_parameter_is_filled_in_place_with_the_same_numbers(function):
    p = Parameter(np.zeros((3, 2)), name="w")
    assert function(p, rng=0) is p
    assert p.requires_grad
    assert p.tolist() == function((3, 2), rng=0, dtype=float).tolist()
    assert function((3, 2), rng=0).dtype == np.float32


@pytest.mark.parametrize("function", [row[0] for row in ROWS])
@pytest.mark.parametrize("shape", [(), (3,), 3, (0, 3)])
def test_what_has_no_fans(function, shape):
    with pytest.raises(ShapeError, match=function.__name__):
        function(shape)


def test_zeros_and_ones():
    p = Parameter(np.full(2, 7.0))
    assert init.ones(p) is p
    assert p.tolist() == [1.0, 1.0]
    assert init.zeros(p).tolist() == [0.0, 0.0]
    assert init.zeros((2, 1)).tolist() == [[0.0], [0.0]]
    assert init.ones(2, dtype=float).dtype == p.dtype == float


def test_orthogonal():
    for shape in ((3, 5), (5, 3), (4, 2, 2)):
        w = init.orthogonal(shape, rng=0, dtype=float, gain=2.0).numpy().reshape(shape[0], -1)
        small = w @ w.T if w.shape[0] <= w.shape[1] else w.T @ w
        np.testing.assert_allclose(small, 4 * np.eye(len(small)), atol=1e-12)


def test_truncated_normal():
    w = init.truncated_normal((200, 200), 1.0, 2.0, 0.0, 2.0, rng=0).numpy()
    assert ((w >= 0) & (w <= 2)).all()
    assert w.dtype == np.float32
    assert w.mean() == pytest.approx(1, abs=0.02)


def test_sparse():
    w = init.sparse((10, 50), 0.3, rng=0).numpy()
    assert ((w == 0).sum(0) == 3).all()
    assert w[w != 0].std() == pytest.approx(0.01, rel=0.15)


@pytest.mark.parametrize(("name", "variance"), [("lecun_normal", 1 / 300), ("lecun_uniform", 1 / 300)])
def test_lecun(name, variance):
    w = getattr(init, name)((400, 300), rng=0).numpy()
    assert w.var() == pytest.approx(variance, rel=0.05)


def test_they_fill_what_is_there():
    layer = Linear(4, 4)
    for fill in (init.orthogonal, init.truncated_normal, init.lecun_normal):
        assert fill(layer.weight, rng=0) is layer.weight
