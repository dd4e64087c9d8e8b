"""Half precision in loops: held as float32, and rounded by each operation, so that the bits are NumPy's."""

import warnings

import numpy as np
import pytest

import pullback as pb

rng = np.random.default_rng(0)
x = (rng.standard_normal((37, 19)) * 3).astype(np.float16)
x[0, :6] = [np.nan, np.inf, -np.inf, 65504, 6e-8, -0.0]
y = rng.standard_normal((37, 19)).astype(np.float16)
OTHERS = {"float32": y.astype(np.float32), "uint8": rng.integers(0, 255, y.shape, np.uint8), "float16": y}

PROGRAMS = {
    "a chain": lambda a, b: (a * b - a) / (b * b + 1) + 0.1,
    "a number that is weak": lambda a, b: pb.where(a > 0.1, a, b * 0.3),
    "extremes": lambda a, b: pb.maximum(a, b * 1.1) + pb.minimum(a, 0.3),
    "parts that are turned": lambda a, b: (a[1:, ::2] * b[1:, ::2]).T,
    "in one piece": lambda a, b: pb.concatenate([a * 2, a - 1], axis=1),
    "a border": lambda a, b: pb.pad(a * 2, 1),
    "stages": lambda a, b: a * 3 - (a.astype(np.float32) * b).sum(1, keepdims=True).astype(np.float16),
    "whole numbers": lambda a, b: (a * 100).astype(np.int32) + b.astype(np.int32),
    "truths": lambda a, b: (a > b).astype(np.float16) * a,
    "beyond the largest": lambda a, b: a * pb.where(b > 0, 65504.0, 1) + pb.abs(a) * 60000,
}  # fmt: skip


@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("name", PROGRAMS)
def test_programs_have_the_bits_of_numpy(name, other):
    f, b = PROGRAMS[name], OTHERS[other]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # overflow and NaN are meant
        expected = f(pb.tensor(x), pb.tensor(b)).numpy()
        compiled = pb.compile(f)
        compiled.prepare(x, b)
        found = compiled(x, b).numpy()
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)
    assert "NumPy  " not in compiled.explain()


def test_a_number_of_double_precision_is_rounded_once():
    compiled = pb.compile(lambda a: a.astype(np.float16) * 2)
    between = np.array([1 + 2**-11 + 2**-40])  # to float32 it would be a tie
    compiled.prepare(between)
    np.testing.assert_array_equal(compiled(between).numpy(), np.float16([2 + 2**-9]))
    assert "no loops for float64 and float16" in compiled.explain()


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
@pytest.mark.parametrize("name", ["maximum", "minimum", "fmax", "fmin"])
def test_shares_of_ties_split_no_loops(name, dtype):
    f = getattr(pb, name)
    given = rng.random((9, 7)).astype(dtype)
    given[0] = 0.5
    gradient = pb.grad(lambda a: (f(f(a, 0.5), a * a) * a).astype(np.float32).sum())
    compiled = pb.compile(gradient)
    compiled.prepare(given)
    np.testing.assert_array_equal(compiled(given).numpy(), gradient(given).numpy())
    assert "NumPy  " not in compiled.explain()
