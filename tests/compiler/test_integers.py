"""Whole numbers of each size, with a sign and without: natively to the last bit what NumPy gives."""

from __future__ import annotations

import numpy as np
import pytest

import pullback as pb

DTYPES = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
TWO = {
    "floor_divide": lambda a, b: a // b, "mod": lambda a, b: a % b,
    "left_shift": lambda a, b: a << b, "right_shift": lambda a, b: a >> b,
    "maximum": np.maximum, "minimum": np.minimum, "less": lambda a, b: a < b, "multiply": lambda a, b: a * b,
}  # fmt: skip
ONE = {
    "max": lambda x: x.max(), "min of columns": lambda x: x.min(0), "max of rows": lambda x: x.max(1),
    "largest of many": lambda x: (x + 0).max(0), "products": lambda x: np.cumprod(x, 1),
    "products down": lambda x: np.cumprod(x, 0), "sums and products": lambda x: x.sum(0) + x.prod(0),
}  # fmt: skip


def numbers(dtype):
    """Small ones, those at the ends, and others."""
    limits = np.iinfo(dtype)
    known = [0, 1, 2, 3, 7, limits.max, limits.max - 1, limits.min, limits.min // 2 + 1, limits.max // 3]
    known += [-1, -2, -7] if limits.min else [8 * np.dtype(dtype).itemsize]
    rng = np.random.default_rng(0)
    return np.array([*known, *rng.integers(limits.min, limits.max, 17, dtype, endpoint=True)], dtype)


def compare(f, *given):
    """Run natively what NumPy computes, and ask for the same bits."""
    step = pb.compile(lambda *x: f(*x))
    with np.errstate(all="ignore"):
        expected = f(*given)
        for _ in range(3):
            found = step(*map(pb.tensor, given))
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found.numpy(), expected)
    return step.explain()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", TWO)
def test_two_numbers(name, dtype):
    some = numbers(dtype)
    a, b = (np.ascontiguousarray(x) for x in np.broadcast_arrays(some[:, None], some))
    assert "NumPy  " not in compare(TWO[name], a, b)


@pytest.mark.parametrize("dtype", ["int8", "int32", "int64"])
def test_with_a_sign_beside_without(dtype):
    a, b = (np.ascontiguousarray(x) for x in np.broadcast_arrays(numbers(dtype)[:, None], numbers("uint64")))
    for f in (np.less, np.less_equal, np.greater, np.greater_equal, np.equal, np.not_equal):
        assert "NumPy  " not in compare(f, a, b)
        assert "NumPy  " not in compare(f, b, a)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ONE)
def test_along_axes(name, dtype):
    told = compare(ONE[name], np.resize(numbers(dtype), (5, 23)))
    assert "NumPy  " not in told or np.dtype(dtype).itemsize == 2  # sums of 16 bits are NumPy's


@pytest.mark.parametrize("axis", [0, 1, 2, None])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_running_products(dtype, axis):
    x = np.random.default_rng(0).uniform(-1.5, 1.5, (4, 19, 6)).astype(dtype)
    x[1, 3, 2], x[2, 5, 1], x[0, 1, 0] = 0, np.inf, np.nan
    for f in (lambda x: np.cumprod(x, axis), lambda x: np.cumprod(x + 1, axis)):
        assert "NumPy  " not in compare(f, x)
    slope = pb.compile(pb.grad(lambda x: (np.cumprod(x, axis) * 2).sum()))
    y = pb.tensor(np.abs(x[3]) + 0.5) if axis != 2 else pb.tensor(np.abs(x[3:4]) + 0.5)
    for _ in range(3):
        found = slope(y)
    np.testing.assert_allclose(found.numpy(), pb.grad(lambda x: (np.cumprod(x, axis) * 2).sum())(y).numpy(), rtol=1e-4)
