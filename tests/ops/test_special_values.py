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
        if np.isinf(special):
            unknown = np.isnan(expected[0][0])  # to the formula; the limits are tested in test_limits.py
            expected[0][0] = np.where(unknown, value[0], expected[0][0])
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


FORMULAS = {
    "sigmoid": pb.sigmoid, "softplus": pb.softplus, "silu": pb.silu, "gelu": pb.gelu, "erf": pb.erf,
    "gelu by tanh": lambda x: pb.gelu(x, approximate=True), "softmax": pb.softmax, "log_softmax": pb.log_softmax,
    "logsumexp": pb.logsumexp, "norm": pb.norm, "norm of order 3": lambda x: pb.norm(x, 3),
    "norm of order 1": lambda x: pb.norm(x, 1), "norm of order inf": lambda x: pb.norm(x, np.inf),
    "mean": pb.mean, "var": pb.var, "std": pb.std, "cross-entropy": lambda x: pb.cross_entropy(x, 1),
    "cross-entropy of probabilities": lambda x: pb.cross_entropy(x, np.array([0.5, 0.25, 0.25])),
    "logits": lambda x: pb.binary_cross_entropy_with_logits(x, x > 2), "mse": lambda x: pb.mse_loss(x, x[::-1]),
    "targets": lambda x: pb.binary_cross_entropy_with_logits(np.array([0.5, 1.0, 2.0]), x),
    "l1": lambda x: pb.l1_loss(x, x[::-1]), "bce": lambda x: pb.binary_cross_entropy(x > 1, x > 2),
}  # fmt: skip


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.uint32, np.uint64, np.int8, np.int64, np.bool_])
@pytest.mark.parametrize("name", FORMULAS)
def test_integers_stand_for_their_float_values(name, dtype):
    f, x = FORMULAS[name], np.array([1, 0, 5]).astype(dtype)
    compiled = pb.compile(f)
    expected = f(x.astype(float)).numpy()
    for g in (f, compiled, compiled, compiled):
        found = g(x)
        assert found.dtype.kind == "f"
        eps = float(np.finfo(np.result_type(dtype, np.float16)).eps)
        np.testing.assert_allclose(found.numpy().astype(float), expected, rtol=4 * eps, atol=4 * eps)


LARGE = {
    "int64": np.array([2**62, 2**62, 2**62 + 2**40]), "uint8": np.array([200, 100, 250], np.uint8),
    "int32": np.full(9, 2**31 - 1, np.int32), "bool": np.array([True, False, True]),
}  # fmt: skip


@pytest.mark.parametrize("name", ["mean", "var", "std"])
@pytest.mark.parametrize("x", LARGE.values(), ids=LARGE)
def test_moments_of_integers_are_computed_in_float64(name, x):
    f = getattr(pb, name)
    compiled = pb.compile(lambda x: f(x, axis=0))
    for g in (f, compiled, compiled, compiled):
        assert g(x).dtype == np.float64
        np.testing.assert_allclose(g(x).numpy(), getattr(np, name)(x), rtol=1e-12)


@pytest.mark.parametrize("base", [np.array([2, 3], np.uint8), np.array([2, 3], np.int8), np.array([2, 3])])
def test_partials_of_integers_are_worked_out_in_the_precision_of_the_result(base):
    y = np.array([0.5, 1.5])
    np.testing.assert_allclose(
        pb.grad(lambda y: (base**y).sum())(y).numpy(), base**y * np.log(base.astype(float)), rtol=1e-15
    )
    slope = pb.grad(lambda t: pb.binary_cross_entropy_with_logits(base, t, "sum"))(y)
    np.testing.assert_array_equal(slope.numpy(), [-2, -3])


@pytest.mark.parametrize("zero", [False, np.False_])
def test_the_derivative_of_a_division_by_false_is_infinite(zero):
    with np.errstate(all="ignore"):
        assert pb.grad(lambda x: (x / zero).sum())(np.ones(2)).tolist() == [np.inf, np.inf]


@pytest.mark.parametrize("f", [pb.softmax, pb.log_softmax])
@pytest.mark.parametrize("shape", [(0,), (3, 0), (0, 3), (2, 0, 3)])
def test_softmax_of_nothing_is_nothing(f, shape):
    for axis in range(len(shape)):
        x = np.zeros(shape)
        compiled = pb.compile(lambda x, axis=axis: f(x, axis))
        assert f(x, axis).shape == compiled(x).shape == compiled(x).shape == compiled(x).shape == shape
        assert pb.grad(lambda x, axis=axis: f(x, axis).sum())(x).shape == shape


def test_what_is_impossible_costs_nothing_where_it_is_not_expected():
    logits, labels = np.array([[0.0, -np.inf]]), np.array([[1.0, 0.0]])
    value, gradient = pb.value_and_grad(pb.cross_entropy)(logits, labels)
    assert value.item() == 0
    assert gradient.tolist() == [[0, 0]]
    assert pb.grad(lambda t: pb.cross_entropy(logits, t))(labels).tolist() == [[0, np.inf]]  # it would cost everything
    for x, t, loss in ((np.inf, 1.0, 0), (-np.inf, 0.0, 0), (np.inf, 0.0, np.inf), (-np.inf, 0.5, np.inf)):
        assert pb.binary_cross_entropy_with_logits(np.array([x]), np.array([t])).item() == loss
