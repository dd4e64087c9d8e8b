"""Every row at the numbers that break formulas: ±0, subnormal, huge, infinite, NaN, equal operands; and no numbers."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from tests.ops.case import arrays
from tests.ops.cases import CASES
from tests.ops.test_values import agree

import pullback as pb

SPECIAL = (0.0, -0.0, 5e-324, -1e-310, 0.5, 1.0, -1.0, 1.5, 2.0, -3.0, 1e300, -1e300, np.inf, -np.inf, np.nan)
ELEMENTWISE = [case for case in CASES if case.elementwise and "special" not in case.skips]
DIFFERENTIABLE = [case for case in ELEMENTWISE if case.differentiable]
REDUCTIONS = [case for case in CASES if case.shapes == "reduce"]
SMOOTH_REDUCTIONS = [case for case in REDUCTIONS if case.differentiable]


def combinations(case, dtype):
    """All combinations of special numbers, one array an operand."""
    with np.errstate(over="ignore", under="ignore"):
        values = [domain_values(domain, dtype) for domain in case.operands]
    return [np.array(column) for column in zip(*itertools.product(*values), strict=True)]


def domain_values(domain, dtype):
    if domain.dtype is not None:
        return np.array([0, 1, -1, 5]).astype(domain.dtype)
    return np.array(SPECIAL).astype(dtype)


def floats(operands):
    return [i for i, x in enumerate(operands) if x.dtype.kind == "f"]


def derivatives(case, operands, params, cotangent):
    """The gradient of each floating-point operand, for one cotangent everywhere."""
    which = floats(operands)

    def f(*xs):
        given = list(operands)
        for i, x in zip(which, xs, strict=True):
            given[i] = x
        return case.f(*given, **params)

    given = tuple(operands[i] for i in which)
    with np.errstate(all="ignore"):
        value, back = pb.vjp(f, *given)
        pulled = arrays(back(np.full(value.shape, cotangent, value.dtype)))
        pushed = []
        for i in range(len(which)):
            tangents = tuple(np.full(x.shape, cotangent if i == k else 0.0) for k, x in enumerate(given))
            pushed.append(pb.jvp(f, given, tangents)[1].numpy())
    return value.numpy(), pulled, pushed


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16], ids=lambda d: d.__name__)
@pytest.mark.parametrize("case", ELEMENTWISE, ids=repr)
def test_values_are_numpys(case, dtype):
    operands = combinations(case, dtype)
    with np.errstate(all="ignore"):
        expected = arrays(case.reference(*operands))
        found = arrays(case.f(*operands))
    agree(found, expected, eps=0.0 if case.exact else float(np.finfo(dtype).eps))


@pytest.mark.parametrize("case", DIFFERENTIABLE, ids=repr)
def test_both_modes_agree(case):
    operands = combinations(case, float)
    _, pulled, pushed = derivatives(case, operands, {}, 1.0)
    for reverse, forward in zip(pulled, pushed, strict=True):
        np.testing.assert_allclose(reverse, forward, rtol=1e-13)


@pytest.mark.parametrize("case", [case for case in DIFFERENTIABLE if "nan" not in case.skips], ids=repr)
def test_a_derivative_is_nan_only_where_the_value_is(case):
    operands = combinations(case, float)
    value, pulled, _ = derivatives(case, operands, {}, 1.0)
    for i, gradient in zip(floats(operands), pulled, strict=True):
        given = ~np.any([np.isnan(x) for x in operands], axis=0)
        bad = np.isnan(gradient) & given & ~np.isnan(value)
        assert not bad.any(), f"operand {i}: " + ", ".join(
            f"{case}({', '.join(str(x[j]) for x in operands)}) = {value[j]}" for j in np.flatnonzero(bad)
        )


@pytest.mark.parametrize("case", DIFFERENTIABLE, ids=repr)
def test_what_is_not_taken_has_derivative_zero(case):
    operands = combinations(case, float)
    _, pulled, pushed = derivatives(case, operands, {}, 0.0)
    for i, reverse, forward in zip(floats(operands), pulled, pushed, strict=True):
        bad = (reverse != 0) | (forward != 0)
        assert not bad.any(), f"operand {i}: " + ", ".join(
            f"{case}({', '.join(str(x[j]) for x in operands)})" for j in np.flatnonzero(bad)
        )


@pytest.mark.parametrize("case", SMOOTH_REDUCTIONS, ids=repr)
@pytest.mark.parametrize("special", [0.0, 5e-324, 1e300, np.inf, -np.inf, np.nan])
def test_reductions_of_special_numbers(case, special):
    for row in ([special, 1.0, 2.0], [special, special, 1.0], [special] * 3):
        x = np.array([row, [1.0, 2.0, 3.0]])
        with np.errstate(all="ignore"):
            expected = arrays(case.reference(x, axis=1))
            value, pulled, pushed = derivatives(case, [x], {"axis": 1}, 1.0)
            _, none, nothing = derivatives(case, [x], {"axis": 1}, 0.0)
        if np.isnan(expected[0][0]).all() and np.isnan(value[0]).any():
            expected[0][0] = value[0]  # of a row with an infinity some functions know other elements
        agree([value], expected, eps=2.3e-16)
        assert np.isfinite(pulled[0][1]).all()  # what is special in one row stays there
        assert (none[0] == 0).all()
        assert (nothing[0] == 0).all()
        assert pushed[0].shape == value.shape


@pytest.mark.parametrize("case", REDUCTIONS, ids=repr)
@pytest.mark.parametrize(("shape", "axis"), [((0,), 0), ((2, 0), 1), ((2, 0), 0), ((0, 3), 0), ((2, 0, 3), -1)])
@pytest.mark.filterwarnings("ignore:.*(empty slice|Degrees of freedom|invalid value|divide by zero):RuntimeWarning")
def test_reductions_of_nothing(case, shape, axis):
    x = np.zeros(shape)
    try:
        expected = arrays(case.reference(x, axis=axis))
    except ValueError:
        with pytest.raises(pb.ShapeError):
            case.f(x, axis=axis)
        return
    agree(arrays(case.f(x, axis=axis)), expected, eps=2.3e-16)
    if case.differentiable:
        value, pulled, pushed = derivatives(case, [x], {"axis": axis}, 1.0)
        assert pulled[0].shape == shape
        assert pushed[0].shape == value.shape


@pytest.mark.parametrize(("zero", "slope"), [(0, np.inf), (0.0, np.inf), (-0.0, -np.inf), (np.float64(0), np.inf)])
def test_the_derivative_of_a_division_by_a_plain_zero_is_infinite(zero, slope):
    x = pb.tensor([1.0, -2.0])
    with np.errstate(all="ignore"):
        assert (pb.grad(lambda x: (x / zero).sum())(x).array == slope).all()


@pytest.mark.parametrize("reduce", [pb.mean, pb.var, pb.std])
@pytest.mark.filterwarnings("ignore:.*(Degrees of freedom|invalid value|divide by zero):RuntimeWarning")
def test_second_derivatives_of_moments_of_nothing(reduce):
    slope = pb.grad(lambda x: pb.grad(lambda x: reduce(x) ** 2)(x).sum())
    assert slope(np.zeros((2, 0))).shape == (2, 0)
