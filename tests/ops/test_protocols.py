"""`np.func(tensor)` and `tensor.method()` are the same operations as `pb.func(tensor)`, with the same derivatives."""

from __future__ import annotations

import operator

import numpy as np
import pytest
from tests.ops.case import arrays
from tests.ops.cases import CASES

import pullback as pb
from pullback.core.tree import leaves

SAMPLES = [pytest.param(case, s, id=f"{case} {s}") for case in CASES for s in case.samples if case.numpys is not None]
METHODS = [
    pytest.param(case, s, id=f"{case} {s}")
    for case in CASES for s in case.samples
    if hasattr(pb.Tensor, case.name) and case.written is type(case).written and case.name not in ("copy_", "transpose")
]  # fmt: skip
BINARY = ("add", "sub", "mul", "truediv", "pow", "matmul", "floordiv", "mod")
COMPARISONS = ("eq", "ne", "lt", "le", "gt", "ge")


def same(case, sample, other):
    """Whether another way to call the operation gives the same values, dtypes and derivatives."""
    operands = case.draw(sample)
    which = [i for i, x in enumerate(operands) if x.dtype.kind == "f"]

    def derivatives(f):
        def of_floats(*floats):
            given = [pb.asarray(x) for x in operands]
            for i, x in zip(which, floats, strict=True):
                given[i] = x
            return leaves(f(*given))

        value, back = pb.vjp(of_floats, *(operands[i] for i in which))
        return arrays(value), arrays(back([np.ones(y.shape, y.dtype) for y in value])) if case.differentiable else []

    found, gradients = derivatives(other)
    expected, expected_gradients = derivatives(lambda *xs: case.f(*xs, **sample.params))
    for ours, theirs in zip(expected + expected_gradients, found + gradients, strict=True):
        assert ours.dtype == theirs.dtype
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(("case", "sample"), SAMPLES)
def test_numpys_function_of_tensors_is_ours(case, sample):
    same(case, sample, lambda *xs: case.written(case.numpys, *xs, **sample.params))


@pytest.mark.parametrize(("case", "sample"), METHODS)
def test_methods_are_the_functions(case, sample):
    same(case, sample, lambda x, *xs: getattr(pb.asarray(x), case.name)(*xs, **sample.params))


@pytest.mark.parametrize("name", BINARY)
def test_operators_their_reflections_and_in_place_forms(name):
    f, in_place = getattr(operator, name), getattr(operator, f"i{name}")
    a, b = np.array([[1.5, 2.0], [0.5, 3.0]]), np.array([[0.5, 1.0], [2.0, 0.25]])
    expected = pb.vjp(f, a, b)[1](np.ones((2, 2)))

    def assigned(x, y):
        z = pb.identity(x)
        before = z
        z = in_place(z, y)
        assert z is before
        return z

    forms = (
        lambda x, y: f(x, y), lambda x, y: getattr(type(y), f"__r{name}__")(y, x), assigned,
    )  # fmt: skip
    for form in forms:
        value, back = pb.vjp(form, a, b)
        np.testing.assert_array_equal(value.numpy(), f(a, b))
        for found, wanted in zip(back(np.ones((2, 2))), expected, strict=True):
            np.testing.assert_array_equal(found.numpy(), wanted.numpy())
    only_right = pb.vjp(lambda y: f(a, y), b)  # NumPy's array on the left gives way to the tensor
    np.testing.assert_array_equal(only_right[1](np.ones((2, 2)))[0].numpy(), expected[1].numpy())


@pytest.mark.parametrize("name", COMPARISONS)
def test_comparisons_compare_elements(name):
    f = getattr(operator, name)
    a, b = np.array([1.0, 2.0, np.nan]), np.array([1.0, 1.0, np.nan])
    for left, right in ((pb.tensor(a), b), (a, pb.tensor(b)), (pb.tensor(a), pb.tensor(b))):
        found = f(left, right)
        assert isinstance(found, pb.Tensor)
        np.testing.assert_array_equal(found.numpy(), f(a, b))


@pytest.mark.parametrize("name", ["neg", "pos", "abs"])
def test_unary_operators(name):
    f = getattr(operator, name)
    x = np.array([-2.0, 0.5])
    value, back = pb.vjp(f, x)
    np.testing.assert_array_equal(value.numpy(), f(x))
    np.testing.assert_array_equal(
        back(np.ones(2))[0].numpy(), {"neg": -1, "pos": 1, "abs": np.sign(x)}[name] * np.ones(2)
    )


@pytest.mark.parametrize("scalar", [2, 2.0, np.float32(2), np.float64(2), np.int64(2)])
@pytest.mark.parametrize("name", ["add", "sub", "mul", "truediv", "pow"])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_promotion_of_scalars_is_numpys(name, scalar, dtype):
    f = getattr(operator, name)
    x = np.array([1.0, 2.0], dtype)
    t = pb.tensor(x, requires_grad=True)
    for found, expected in ((f(t, scalar), f(x, scalar)), (f(scalar, t), f(scalar, x))):
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found.numpy(), expected)
        gradient = pb.gradients(found.sum(), [t])[t]
        assert gradient.dtype == dtype


A, B, C = np.arange(6.0).reshape(2, 3), np.arange(12.0).reshape(3, 4), np.arange(8.0).reshape(4, 2)
EINSUMS = (
    (A, [0, 1], B, [1, 2], [0, 2]), (A, [0, 1], B, [1, 2]), (A, [..., 1], B, [1, 2], [..., 2]), (A, [5, 3]),
    (A, [0, 1], B, [1, 2], C, [2, 0], []),
)  # fmt: skip


@pytest.mark.parametrize("arguments", EINSUMS)
@pytest.mark.parametrize("optimize", [False, True, "greedy", "optimal"])
def test_einsum_takes_lists_of_labels_and_an_order(arguments, optimize):
    boxed = [pb.tensor(x) if isinstance(x, np.ndarray) else x for x in arguments]
    found = np.einsum(*boxed, optimize=optimize)
    np.testing.assert_allclose(found.numpy(), np.einsum(*arguments, optimize=optimize))
    assert pb.einsum(*boxed, optimize=optimize).tolist() == found.tolist()


def test_einsum_follows_a_path_that_is_given():
    path = ["einsum_path", (1, 2), (0, 1)]
    np.testing.assert_allclose(
        np.einsum("ij,jk,ki", pb.tensor(A), B, C, optimize=path).item(), np.einsum("ij,jk,ki", A, B, C)
    )


@pytest.mark.parametrize("call", [
    lambda: np.einsum(pb.tensor(A), [0, 60]), lambda: pb.einsum(3.0), lambda: pb.einsum(A, "ij"),
    lambda: np.einsum("ij,jk,ki", pb.tensor(A), B, C, optimize="somehow"),
])  # fmt: skip
def test_einsum_says_what_it_cannot_read(call):
    with pytest.raises(pb.OptionError, match="einsum"):
        call()


def test_a_diagonal_does_not_broadcast():
    with pytest.raises(pb.ShapeError, match="two lengths"):
        np.einsum("ii", pb.tensor(np.ones((1, 3))))
