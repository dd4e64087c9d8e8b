"""NumPy's protocols: ufuncs and array functions on tensors find Pullback's operations, or say that there is none."""

from __future__ import annotations

import numpy as np
import pytest
from tests.core.numerics import central

import pullback as pb
from pullback.core.kinds import Elementwise
from pullback.ops import elementwise

A = np.array([[0.5, -0.2, 0.8], [0.1, 0.7, -0.4]])


def leaf(value=A):
    return pb.tensor(value, requires_grad=True)


UFUNCS = sorted(
    op.name for op in vars(elementwise).values()
    if isinstance(op, Elementwise) and isinstance(getattr(np, op.name, None), np.ufunc)
)  # fmt: skip


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", UFUNCS)
def test_each_ufunc_of_ours_answers_numpy_s(name):
    ufunc = getattr(np, name)
    if name.endswith("shift"):
        operands = [np.arange(A.size).reshape(A.shape), np.arange(A.size).reshape(A.shape) % 5]
    elif name.startswith(("bitwise", "invert")):
        operands = [np.abs(A) > 0.3] * ufunc.nin
    else:
        operands = [A, A[::-1] + 0.05][: ufunc.nin]
    expected = ufunc(*operands)
    for boxed in range(1, 2**ufunc.nin):
        mixed = [pb.tensor(x) if boxed >> i & 1 else x for i, x in enumerate(operands)]
        found = ufunc(*mixed)
        assert isinstance(found, pb.Tensor)
        assert found.dtype == expected.dtype
        assert np.allclose(found.numpy(), expected, rtol=1e-14, equal_nan=True)


def test_scipy_s_ufuncs_too():
    from scipy.special import erf, expit

    assert np.allclose(expit(pb.tensor(A)).numpy(), expit(A))
    assert np.allclose(
        pb.jacobian(lambda x: erf(x) * expit(x))(A).numpy(), central(lambda x: erf(x) * expit(x), A), atol=1e-9
    )


def test_a_ufunc_that_we_do_not_have():
    from scipy.special import dawsn

    for call in (lambda: dawsn(leaf()), lambda: dawsn(leaf(), dtype=float)):
        with pytest.raises(pb.OptionError, match=r"scipy\.special\.dawsn: tensors do not support") as raised:
            call()
        assert "t.numpy()" in str(raised.value)


@pytest.mark.parametrize("options", [
    {"dtype": np.float32}, {"where": np.array([True, False, True])}, {"casting": "unsafe"}, {"order": "F"},
    {"subok": False},
])  # fmt: skip
def test_options_of_ufuncs(options):
    found = np.add(leaf(), 1.0, **options)
    expected = np.add(A, 1.0, **options, **({"out": np.zeros((2, 3))} if "where" in options else {}))
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found.detach().numpy(), expected)
    assert found.requires_grad


def test_a_dtype_that_operands_do_not_become():
    with pytest.raises(pb.DTypeError, match=r"np\.add: operands do not become this dtype"):
        np.add(leaf(), 1.0, dtype=int)


def test_where_of_a_ufunc_keeps_what_out_has():
    target = pb.tensor(np.full((2, 3), 9.0))
    x = leaf()
    assert np.multiply(x, 2.0, out=target, where=A > 0) is target
    np.testing.assert_array_equal(target.detach().numpy(), np.where(A > 0, 2 * A, 9.0))
    target.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), np.where(A > 0, 2.0, 0.0))


REDUCTIONS = {
    "add": np.add.reduce, "multiply": np.multiply.reduce, "maximum": np.maximum.reduce, "minimum": np.minimum.reduce,
    "logaddexp": np.logaddexp.reduce, "all": np.logical_and.reduce, "any": np.logical_or.reduce,
}  # fmt: skip


@pytest.mark.parametrize("reduce", REDUCTIONS.values(), ids=REDUCTIONS)
def test_reductions_by_ufuncs(reduce):
    for options in (
        {},
        {"axis": 1},
        {"axis": None},
        {"axis": (0, 1)},
        {"axis": -1, "keepdims": True},
        {"out": None, "dtype": None},
    ):
        if reduce is np.logaddexp.reduce and isinstance(options.get("axis"), (tuple, type(None))) and "axis" in options:
            continue  # NumPy's own reduces over one axis only
        found, expected = reduce(pb.tensor(A), **options), reduce(A, **options)
        assert found.shape == np.shape(expected)
        assert np.allclose(found.numpy(), expected)
    initial = reduce in (np.logical_and.reduce, np.logical_or.reduce) or 2.0
    found, expected = reduce(pb.tensor(A), initial=initial), reduce(A, initial=initial)
    assert np.allclose(found.numpy(), expected)


FUNCTIONS = {
    "sort_complex": lambda x: np.sort_complex(x[0]), "save": lambda x: np.save("never.npy", x),
    "packbits": lambda x: np.packbits(x > 0) * np.emath.sqrt(np.sort_complex(x)),
}  # fmt: skip


@pytest.mark.parametrize("f", FUNCTIONS.values(), ids=FUNCTIONS)
def test_a_function_that_we_do_not_have(f):
    with pytest.raises(pb.OptionError, match=r"np\.[\w.]+: tensors do not support this function"):
        f(leaf())


@pytest.mark.parametrize("call", [
    lambda x: np.concatenate([x, x], casting="unsafe"), lambda x: np.clip(x, 0, 1, casting="unsafe"),
    lambda x: np.sum(x, axis=0, out=np.zeros(3)),
])  # fmt: skip
def test_options_of_functions_that_we_do_not_have(call):
    with pytest.raises((pb.OptionError, pb.GraphError), match=r"np\.\w+: "):
        call(leaf())


@pytest.mark.parametrize("call", [
    lambda x: np.sum(x, axis=0, out=None), lambda x: np.mean(x, dtype=None), lambda x: np.sum(x, where=True),
    lambda x: np.max(x, axis=1, keepdims=True), lambda x: np.var(x, ddof=1),
    lambda x: np.std(x, axis=0, ddof=1, keepdims=True), lambda x: np.var(x, correction=1),
    lambda x: np.clip(x, 0.0, None), lambda x: np.clip(x, min=0.0), lambda x: np.clip(x, a_min=-0.3, a_max=0.6),
    lambda x: np.around(x, 1), lambda x: np.tile(x, reps=2),
    lambda x: np.concatenate(np.split(x, indices_or_sections=3, axis=1)),
])  # fmt: skip
def test_options_that_are_numpy_s_defaults_or_ours(call):
    assert np.allclose(call(pb.tensor(A)).numpy(), call(A))


def test_answers_without_a_derivative_are_numpy_s():
    x = leaf()
    assert np.allclose(x, A) is True
    assert np.allclose(A, x * 2) is False
    assert np.array_equal(x, A) is True
    assert np.array_equiv(x, A) is True
    assert np.count_nonzero(x) == 6
    assert np.isclose(x, A, rtol=1e-3).all()
    assert (np.shape(x), np.ndim(x), np.size(x)) == ((2, 3), 2, 6)
    assert np.result_type(x, np.float32) == np.float64
    assert np.can_cast(x.dtype, np.float32, "same_kind")


def test_arrays_like_a_tensor_are_arrays():
    x = leaf(A.astype(np.float32))
    for like in (np.zeros_like(x), np.ones_like(x), np.full_like(x, 2), np.empty_like(x)):
        assert (type(like), like.dtype, like.shape) == (np.ndarray, np.float32, (2, 3))
    assert np.zeros_like(x, dtype=int).dtype == int
    assert np.full_like(x, pb.tensor(2.0)).tolist() == np.full_like(A, 2.0).tolist()
    filled = np.full_like(x, x[0, 0])
    assert pb.gradients(filled.sum())[x].tolist() == [[6, 0, 0], [0, 0, 0]]


def test_out_is_a_tensor_or_nothing():
    target = pb.zeros((2, 3))
    assert np.exp(leaf(), out=target) is target
    assert target.requires_grad
    assert np.add(A, A, out=pb.zeros((2, 3))).tolist() == (2 * A).tolist()
    array = np.zeros((2, 3))
    with pytest.raises(pb.GraphError, match="would drop its gradient"):
        np.exp(leaf(), out=array)
    with pytest.raises(pb.GraphError, match="a = a \\+ t"):
        array += leaf()
    with pytest.raises(pb.GraphError):
        np.exp(leaf(), array)  # the same by position
    assert not array.any()


def test_out_is_no_tensor_that_is_tracked():
    x = leaf()
    target = x * 2.0
    for call in (lambda: np.exp(x, out=target), lambda: np.sum(x, axis=0, keepdims=True, out=target[:1])):
        with pytest.raises(pb.GraphError, match="out= is a tracked tensor") as raised:
            call()
        assert "t[...] =" in str(raised.value)
    np.testing.assert_array_equal(target.detach().numpy(), 2 * A)


def test_out_has_the_shape_and_takes_the_dtype():
    single = pb.zeros((2, 3), dtype=np.float32)
    assert np.exp(pb.tensor(A), out=single) is single
    assert single.dtype == np.float32
    assert np.sum(leaf(), axis=0, out=pb.zeros(3)).requires_grad
    with pytest.raises(pb.ShapeError, match="out= has another shape"):
        np.exp(leaf(), out=pb.zeros(3))
    with pytest.raises(pb.DTypeError, match="dtype of out="):
        np.exp(leaf(), out=pb.zeros((2, 3), dtype=int))


def test_out_of_a_ufunc_with_two_results():
    whole, rest = pb.zeros((2, 3)), pb.zeros((2, 3))
    found = np.modf(leaf(3 * A), out=(rest, whole))
    assert found[0] is rest
    assert found[1] is whole
    np.testing.assert_array_equal(rest.detach().numpy(), np.modf(3 * A)[0])
    assert rest.requires_grad
    assert np.divmod(A, 0.4, pb.zeros((2, 3)))[1].tolist() == np.divmod(A, 0.4)[1].tolist()
    with pytest.raises(pb.OptionError, match=r"np\.frexp: where="):
        np.frexp(leaf(), where=A > 0)


def test_a_tolerance_may_be_a_tensor():
    assert np.isclose(A, A + 1e-3, rtol=pb.tensor(0.1)).all()
    assert np.allclose(A, A + 1e-9, rtol=leaf(np.array(1e-5)))


def test_a_tensor_of_one_number_is_shown_as_numpy_shows_it():
    assert np.array_repr(pb.tensor(0.5)) == np.array_repr(np.array(0.5))
    assert np.array_str(pb.tensor(0.5)) == np.array_str(np.array(0.5))


def test_an_operand_too_many_is_not_written_to():
    target = pb.zeros((2, 3))
    for call in (lambda: pb.sin(pb.tensor(A), target), lambda: pb.exp(A, target), lambda: pb.hypot(A, A, target)):
        with pytest.raises(TypeError):
            call()
    assert not target.numpy().any()


def test_numpy_s_arrays_and_scalars_give_way():
    x = leaf()
    for y in (
        A * x,
        A + x,
        A - x,
        A / x,
        A**2 * x,
        np.float64(2) * x,
        np.float32(2) - x,
        A.T @ x,
        np.maximum(A, x),
        np.array(2.0) * x,
    ):
        assert isinstance(y, pb.Tensor)
        assert y.requires_grad
    for y in (x > A, x > A, np.float64(0) == x):
        assert isinstance(y, pb.Tensor)


def test_a_subclass_of_ndarray_gives_way_too():
    special = A.view(type("Special", (np.ndarray,), {}))
    assert isinstance(special * leaf(), pb.Tensor)
    assert isinstance(leaf() * special, pb.Tensor)
    assert isinstance(leaf() * np.ma.masked_array(A), pb.Tensor)


def test_nothing_of_ours_is_called_by_a_wrong_name():
    with pytest.raises(pb.OptionError):
        np.sort_complex(leaf(np.ones(2)))
    stack = np.arange(12.0).reshape(2, 2, 3)
    assert np.linalg.trace(leaf(stack)).tolist() == np.linalg.trace(stack).tolist()  # of the last two axes
    assert np.trace(leaf(stack)).tolist() == np.trace(stack).tolist()  # of the first two
