"""dtypes are NumPy's, to the letter: arrays keep theirs, Python's numbers are weak, gradients have their value's."""

from __future__ import annotations

import operator

import numpy as np
import pytest

import pullback as pb
from pullback.core.kinds import Elementwise

VALUES = {
    "float16[2]": np.array([1.5, 2.5], np.float16), "float32[2]": np.array([1.5, 2.5], np.float32),
    "float64[2]": np.array([1.5, 2.5]), "int8[2]": np.array([3, 2], np.int8), "uint8[2]": np.array([3, 2], np.uint8),
    "int64[2]": np.array([3, 2]), "bool[2]": np.array([True, False]), "float16()": np.array(1.5, np.float16),
    "float32()": np.array(1.5, np.float32), "float64()": np.array(1.5), "int64()": np.array(2),
    "bool()": np.array(1, bool), "np.float16": np.float16(1.5), "np.float32": np.float32(1.5),
    "np.float64": np.float64(1.5), "np.int8": np.int8(2), "np.int64": np.int64(2), "np.bool": np.True_,
    "float": 2.5, "int": 2, "bool": True, "large int": 1000,
}  # fmt: skip
PYTHON_S = {"float", "int", "bool", "large int"}

OPERATORS = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv, "//": operator.floordiv,
    "%": operator.mod, "**": operator.pow, "<": operator.lt, "==": operator.eq, "!=": operator.ne, ">=": operator.ge,
    "&": operator.and_, "|": operator.or_, "^": operator.xor,
}  # fmt: skip
FUNCTIONS = (
    "add", "subtract", "multiply", "divide", "floor_divide", "remainder", "maximum", "minimum", "arctan2", "logaddexp",
    "hypot", "equal", "less", "not_equal", "logical_and", "logical_xor",
)  # fmt: skip
TABLE = {
    **OPERATORS,
    **{name: getattr(np, name) for name in FUNCTIONS},
    "where": lambda a, b: np.where([True, False], a, b),
}

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # overflow of 8 bits and of infinities, as NumPy says


MIXED = {
    name: op for name, op in vars(pb).items()
    if isinstance(op, Elementwise) and op.arity == 2 and "bitwise" not in name and "shift" not in name
} | {name: f for name in dir(pb) if name.endswith("_loss") and callable(f := getattr(pb, name))} | {
    name: kind() for name in dir(pb.nn)
    if isinstance(kind := getattr(pb.nn, name), type) and kind.__module__.endswith(("nn.losses", "nn.activations"))
}  # fmt: skip
SINGLE = np.array([0.25, 0.75], np.float32)
ONES = np.array([1.0, -1.0], np.float32)


@pytest.mark.parametrize("f", MIXED.values(), ids=MIXED)
def test_arrays_and_python_s_numbers_give_the_dtype_that_tensors_give(f):
    """A number stays weak beside an array, in each place, whether the array is a tensor or not."""
    found = 0
    operands = (
        (SINGLE, ONES),
        (0.5, SINGLE),
        (SINGLE, 0.5),
        (2, SINGLE),
        (0.5, SINGLE[0]),
        (SINGLE, ONES, ONES),
        (SINGLE,),
    )
    for plain in operands:
        boxed = [pb.tensor(x) if isinstance(x, (np.ndarray, np.generic)) else x for x in plain]
        try:
            expected = f(*boxed).dtype
        except (TypeError, ValueError, pb.PullbackError):
            continue  # it takes others
        assert f(*plain).dtype == expected
        found += 1
    assert found or f.__class__.__name__ in NEITHER


NEITHER = ("CTCLoss", "CosineEmbeddingLoss", "CrossEntropyLoss", "GLU", "NLLLoss")  # of matrices: see nn/test_losses.py


def test_a_number_beside_an_array_is_weak_when_it_is_compiled_too():
    f = pb.compile(lambda x: x * pb.add(0.5, SINGLE) * pb.multiply(2, ONES) + pb.add(0.5, SINGLE[0]))
    for _ in range(3):
        assert f(pb.tensor(SINGLE)).dtype == np.float32


def outcome(f, *operands):
    """What a function gives: a dtype, shape and numbers; or that it refuses."""
    try:
        result = f(*operands)
    except (TypeError, ValueError, OverflowError):
        return "refused"
    result = np.asarray(result.numpy() if isinstance(result, pb.Tensor) else result)
    return result.dtype, result.shape, result.tolist()


def as_tensor(name):
    return pb.tensor(VALUES[name])


@pytest.mark.parametrize("operation", TABLE.values(), ids=TABLE)
@pytest.mark.parametrize("left", VALUES)
def test_every_pair_of_operands(operation, left):
    for right in VALUES:
        for boxed in (left,), (right,), (left, right):
            if not PYTHON_S & set(boxed):
                operands = [as_tensor(name) if name in boxed else VALUES[name] for name in (left, right)]
                # A tensor holds an array of no axes where NumPy has a scalar, and so they are compared.
                arrays = [np.asarray(VALUES[name]) if name in boxed else VALUES[name] for name in (left, right)]
                assert repr(outcome(operation, *operands)) == repr(outcome(operation, *arrays)), (left, right)


UNARY = (
    *("exp", "expm1", "exp2", "log", "log1p", "log2", "log10", "sqrt", "cbrt", "square", "sin", "cos", "tan", "arcsin"),
    *("arctan", "sinh", "cosh", "tanh", "arcsinh", "arctanh", "absolute", "sign", "floor", "ceil", "trunc", "rint"),
    *("reciprocal", "negative", "positive", "isnan", "isfinite", "logical_not", "invert", "sum", "prod", "mean", "var"),
    *("std", "max", "min", "any", "all", "argmax", "cumsum", "ravel", "transpose", "round"),
)


@pytest.mark.parametrize("name", UNARY)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int8, np.uint8, np.int64, np.bool_])
def test_functions_of_one_array(name, dtype):
    for value in (np.array([1, 0, 2]), np.array(1), np.array([[2, 1], [1, 1]])):
        a = value.astype(dtype)
        expected, found = (outcome(getattr(np, name), x) for x in (a, pb.tensor(a)))
        if expected == "refused":
            assert found == "refused"
            continue
        assert found[:2] == expected[:2]
        assert np.allclose(found[2], expected[2], rtol=2e-3 if dtype == np.float16 else 1e-6, equal_nan=True)
        if hasattr(a, name):
            assert outcome(lambda x: getattr(x, name)(), pb.tensor(a))[:2] == expected[:2]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("other", [n for n in VALUES if "bool" not in n])
def test_a_gradient_has_its_value_s_dtype_whatever_it_met(dtype, other):
    b = VALUES[other]
    x = pb.tensor(np.array([1.5, 0.5], dtype), requires_grad=True)
    (pb.sin(x * b + b) / (x + 2) - np.maximum(x, 1)).sum().backward()
    assert x.grad.dtype == dtype
    gradient = pb.grad(lambda x: ((x * b) ** 2).sum())(np.array([1.5, 0.5], dtype))
    assert gradient.dtype == dtype
    value, tangent = pb.jvp(lambda x: x * b, (np.array([1.5, 0.5], dtype),), (np.ones(2),))
    assert tangent.dtype == value.dtype == np.result_type(np.array([], dtype), b)
    again = pb.grad(lambda x: (pb.grad(lambda x: ((x * b) ** 2).sum())(x) ** 2).sum())(np.array([1.5, 0.5], dtype))
    assert again.dtype == dtype


@pytest.mark.parametrize("operation", [
    pb.add, pb.subtract, pb.multiply, pb.divide, pb.power, pb.mod, pb.maximum, pb.minimum, pb.arctan2, pb.hypot,
    pb.logaddexp, lambda a, b: pb.where(b, a, b), lambda a, b: pb.clip(a, b, 2.0),
])  # fmt: skip
@pytest.mark.parametrize("dtype", [np.bool_, np.uint8, np.int64])
def test_operands_that_carry_no_derivative_take_part_in_one(operation, dtype):
    x, other = np.array([1.5, 0.5]), np.array([1, 1], dtype)
    for f in (operation, lambda a, b: operation(b, a)):
        gradient = pb.grad(lambda x, f=f: f(x, other).sum())(x)
        expected = pb.grad(lambda x, f=f: f(x, other.astype(float)).sum())(x)
        assert gradient.tolist() == pytest.approx(expected.tolist(), rel=1e-15)


def test_a_cast_and_back():
    x = pb.tensor(np.array([1.5, 2.5], np.float32), requires_grad=True)
    y = x.astype(np.float64)
    assert y.dtype == np.float64
    (y * np.array([1.0, 3.0])).sum().backward()
    assert (x.grad.dtype, x.grad.tolist()) == (np.float32, [1.0, 3.0])
    assert not x.astype(int).requires_grad


def test_a_path_through_another_precision_accumulates_in_its_own():
    x = pb.tensor(np.array([1.0, 2.0], np.float16), requires_grad=True)
    (x * np.float64(2) + x.astype(np.float32) * 3 + x).sum().backward()
    assert (x.grad.dtype, x.grad.tolist()) == (np.float16, [6.0, 6.0])


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_jacobians_and_hessians(dtype):
    x = np.array([1.0, 2.0], dtype)
    for mode in ("forward", "reverse"):
        assert pb.jacobian(lambda x: pb.exp(x) * x, mode=mode)(x).dtype == dtype
    assert pb.hessian(lambda x: (x**3).sum())(x).dtype == dtype
    assert pb.hvp(lambda x: (x**3).sum(), (x,), (x,)).dtype == dtype


def test_layers_of_functions_do_not_widen_float32():
    x = np.linspace(-2, 2, 6, dtype=np.float32).reshape(2, 3)
    for f in (
        pb.relu, pb.sigmoid, pb.softplus, pb.gelu, lambda x: pb.gelu(x, approximate=True), pb.silu, pb.softmax,
        pb.log_softmax, pb.leaky_relu, pb.erf, lambda x: pb.clip(x, -1, 1),
        lambda x: pb.pad(x, 1, constant_values=2.0), pb.logsumexp, pb.norm, lambda x: pb.var(x, correction=1),
        lambda x: pb.where(x > 0, x, 0.0), lambda x: x**2, lambda x: 1 / (x + 3), lambda x: x @ x.T,
        lambda x: pb.cross_entropy(x, np.array([0, 2])), lambda x: pb.mse_loss(x, np.zeros((2, 3), np.float32)),
        lambda x: pb.round(x, 1), lambda x: pb.binary_cross_entropy_with_logits(x, np.zeros((2, 3), np.float32)),
        lambda x: pb.einsum("ij,kj->ik", x, x), lambda x: pb.cumsum(x, axis=0),
        lambda x: pb.take_along_axis(x, x.argmax(axis=1, keepdims=True), 1), pb.prod,
    ):  # fmt: skip
        assert f(pb.tensor(x)).dtype == np.float32
        assert pb.grad(lambda x, f=f: f(x).sum())(x).dtype == np.float32


MANY = {
    "mean": pb.mean,
    "mean over an axis": lambda x: pb.mean(x, axis=0).sum(),
    "squared error": lambda x: pb.mse_loss(x, np.zeros(x.shape, np.float16)),
    "cross-entropy": lambda x: pb.cross_entropy(x, np.zeros(len(x), int)),
}


@pytest.mark.parametrize("record", [False, True])
@pytest.mark.parametrize("name", MANY)
def test_float16_of_more_elements_than_its_numbers_reach(name, record):
    x = np.tile(np.array([[0.5, 1.0]], np.float16), (70_000, 1))
    half, double = (pb.tensor(x, dtype, requires_grad=True) for dtype in (np.float16, np.float64))
    for source in (half, double):
        value = MANY[name](source)
        value.backward(create_graph=record)
        assert np.isclose(value.item(), MANY[name](double).item(), rtol=1e-3)
    assert half.grad.dtype == np.float16
    assert np.allclose(half.grad.numpy(), double.grad.numpy(), rtol=0, atol=1e-7)  # the distance of numbers near 0
