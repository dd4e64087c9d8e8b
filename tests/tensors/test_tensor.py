"""Tensor: Python's operators and NumPy's methods, what it shows, how it is copied, and how it becomes a number."""

from __future__ import annotations

import copy
import json
import math
import operator
import pickle
import statistics
import weakref

import numpy as np
import pytest
import scipy.integrate
import scipy.interpolate
import scipy.linalg
import scipy.ndimage
import scipy.special
import scipy.stats

import pullback as pb

A, B = np.array([[5.0, -2.0, 3.5], [0.5, 7.0, -1.0]]), np.array([2.0, -3.0, 0.5])
I, J = np.array([[5, -2, 3], [4, 7, -1]]), np.array([2, -3, 4])


def leaf(value, name=None):
    return pb.tensor(value, requires_grad=True, name=name)


ARITHMETIC = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv, "//": operator.floordiv,
    "%": operator.mod, "**": lambda a, b: abs(a) ** b, "divmod": divmod, "<": operator.lt, "<=": operator.le,
    ">": operator.gt, ">=": operator.ge, "==": operator.eq, "!=": operator.ne,
}  # fmt: skip
BITS = {"&": operator.and_, "|": operator.or_, "^": operator.xor}


def same(ours, theirs):
    if isinstance(theirs, tuple):
        return len(ours) == len(theirs) and all(map(same, ours, theirs))
    assert isinstance(ours, pb.Tensor)
    return ours.dtype == theirs.dtype and np.array_equal(ours.numpy(), theirs)


@pytest.mark.parametrize("f", ARITHMETIC.values(), ids=ARITHMETIC)
@pytest.mark.parametrize(
    "other", [B, A, B.tolist(), (2.0, 3.0, 4.0), 2.5, 3, True, np.float64(2.5), np.float32(2.5), np.array(2.0), J]
)
def test_operators_and_their_reflections(f, other):
    theirs = np.asarray(other) if isinstance(other, (list, tuple)) else other
    t = pb.tensor(A)
    assert same(f(t, other), f(A, theirs))
    assert same(f(other if f is not ARITHMETIC["**"] else pb.tensor(theirs), t), f(theirs, A))
    if not isinstance(other, (list, tuple)):
        assert same(f(t, pb.tensor(other)), f(A, np.asarray(other)))


@pytest.mark.parametrize(
    "f", [*BITS.values(), operator.floordiv, operator.mod, operator.lshift], ids=[*BITS, "//", "%", "<<"]
)
def test_operators_of_integers(f):
    t = pb.tensor(I)
    for other in (J, 3, J.tolist()):
        assert same(f(t, other), f(I, np.asarray(other)))
        assert same(f(other, t), f(np.asarray(other), I))
    if f in BITS.values():
        for other in (True, np.array([True, False, True])):
            assert same(f(t > 0, other), f(I > 0, other))
            assert same(f(other, t > 0), f(other, I > 0))
        with pytest.raises(TypeError):
            f(pb.tensor(A), 1)


UNARY = {
    "-": operator.neg,
    "+": operator.pos,
    "abs": abs,
    "round": round,
    "round 1": lambda x: round(x, 1) if isinstance(x, pb.Tensor) else np.round(x, 1),
}


@pytest.mark.parametrize("f", UNARY.values(), ids=UNARY)
def test_unary_operators(f):
    for a in (A, I):
        assert same(f(pb.tensor(a)), np.round(a) if f is round else f(a))


def test_inversion():
    assert same(~pb.tensor(I), ~I)
    assert same(~(pb.tensor(A) > 0), ~(A > 0))
    for wrong in (lambda: ~pb.tensor(A), lambda: -pb.tensor([True]), lambda: pb.tensor([True]) - pb.tensor([True])):
        with pytest.raises(pb.DTypeError):
            wrong()


def test_matrix_products():
    t = pb.tensor(A)
    assert same(t @ B, A @ B)
    assert same(t @ A.T, A @ A.T)
    assert same(A.T @ t, A.T @ A)
    assert same([1.0, 2.0] @ t, np.array([1.0, 2.0]) @ A)
    assert same(t @ pb.tensor(B), A @ B)


@pytest.mark.parametrize("wrong", [None, "text", object(), {}, {1, 2}, [object()]])
def test_operands_that_are_no_numbers(wrong):
    for f in (operator.add, operator.mul, operator.truediv, operator.lt):
        with pytest.raises(TypeError):
            f(pb.tensor(A), wrong)
        with pytest.raises(TypeError):
            f(wrong, pb.tensor(A))


def test_recorded_operators_record():
    x = leaf(abs(A) + 1)
    for f in (operator.add, operator.sub, operator.mul, operator.truediv, operator.pow):
        for y in (f(x, 2.0), f(2.0, x), f(x, B), f(abs(B), x), f(np.float64(2), x), f(x, x), f([1.0, 2.0, 3.0], x)):
            assert y.requires_grad
            assert not y.is_leaf
    for f in (operator.lt, operator.eq, operator.ne, operator.ge):
        assert not f(x, 2.0).requires_grad


METHODS = {
    "sum": lambda x: x.sum(), "sum axis": lambda x: x.sum(axis=0), "sum positional": lambda x: x.sum(1),
    "prod": lambda x: x.prod(axis=1), "mean": lambda x: x.mean(axis=-1, keepdims=True), "var": lambda x: x.var(axis=0),
    "std": lambda x: x.std(), "max": lambda x: x.max(1), "min": lambda x: x.min(),
    "any": lambda x: (x > 6).any(axis=1), "all": lambda x: (x > -9).all(), "argmax": lambda x: x.argmax(),
    "argmin": lambda x: x.argmin(axis=0), "cumsum": lambda x: x.cumsum(axis=1), "reshape": lambda x: x.reshape(3, 2),
    "reshape tuple": lambda x: x.reshape((3, -1)), "reshape flat": lambda x: x.reshape(-1),
    "ravel": lambda x: x.ravel(), "flatten": lambda x: x.flatten(), "swapaxes": lambda x: x.swapaxes(0, 1),
    "squeeze": lambda x: x[:1].squeeze(), "squeeze axis": lambda x: x[:1].squeeze(0), "repeat": lambda x: x.repeat(2),
    "repeat axis": lambda x: x.repeat(2, axis=1), "astype": lambda x: x.astype(np.float32),
    "astype int": lambda x: x.astype(int), "take": lambda x: x.take([0, 2], axis=1),
    "diagonal": lambda x: x.diagonal(), "dot": lambda x: x.dot(B), "trace": lambda x: x.trace(),
    "clip": lambda x: x.clip(-1.0, 3.0), "round": lambda x: x.round(), "round 1": lambda x: x.round(1),
    "transpose": lambda x: x.transpose(), "transpose order": lambda x: x.transpose(1, 0),
    "transpose tuple": lambda x: x.transpose((1, 0)), "T": lambda x: x.T, "mT": lambda x: x.mT,
    "copy": lambda x: x.copy(), "getitem": lambda x: x[1, ::-1], "mask": lambda x: x[x > 0],
    "fancy": lambda x: x[[1, 0], [2, 2]], "newaxis": lambda x: x[:, None, ..., 0],
}  # fmt: skip


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_methods_as_numpy_s(method):
    ours, theirs = method(pb.tensor(A)), method(A)
    assert isinstance(ours, pb.Tensor)
    assert (ours.dtype, ours.shape) == (np.asarray(theirs).dtype, np.shape(theirs))
    assert np.allclose(ours.numpy(), theirs, rtol=1e-15)


def test_methods_beyond_numpy_s():
    x = pb.tensor([0.5, 1.0])
    for name in ("exp", "log", "sqrt", "tanh", "sigmoid", "relu", "logsumexp", "norm"):
        assert getattr(x, name)().tolist() == getattr(pb, name)(x).tolist()


def test_shape_and_the_like():
    t = pb.tensor(A.astype(np.float32))
    assert (t.shape, t.ndim, t.size, t.dtype, t.nbytes, t.device) == ((2, 3), 2, 6, np.float32, 24, "cpu")
    assert (pb.tensor(1.0).shape, pb.tensor(1.0).ndim, pb.tensor(1.0).size) == ((), 0, 1)
    with pytest.raises(AttributeError):
        t.shape = (3, 2)
    with pytest.raises(AttributeError):
        t.anything = 1
    with pytest.raises(pb.ShapeError):
        _ = pb.ones(3).mT


def test_length_iteration_and_unpacking():
    t = leaf(A)
    assert len(t) == 2
    first, second = t
    assert same(second.detach(), A[1])
    (first * second).sum().backward()
    assert np.array_equal(t.grad.numpy(), A[::-1])
    assert [row.tolist() for row in reversed(t)] == A[::-1].tolist()
    assert [x.item() for x in pb.tensor(B)] == B.tolist()
    assert list(pb.zeros((0, 3))) == []
    assert [x.item() for x in sorted(pb.tensor([3.0, 1.0, 2.0]), key=float)] == [1.0, 2.0, 3.0]
    for scalar in (pb.tensor(1.0), t.sum()):
        for work in (len, list, iter, reversed):
            with pytest.raises(TypeError):
                work(scalar)


def test_an_index_out_of_bounds_ends_a_loop_and_can_be_caught():
    with pytest.raises(pb.ShapeError, match="index 5 is out of bounds"):
        pb.ones(3)[5]


@pytest.mark.parametrize("wrong", [
    lambda t: t[5], lambda t: t[[0, 9]], lambda t: t[0, 0, 0], lambda t: pb.take(t, 9),
    lambda t: t.__setitem__(7, 1.0), lambda t: t[np.array([True] * 7)],
])  # fmt: skip
def test_an_index_out_of_bounds_is_an_index_error(wrong):
    with pytest.raises(IndexError):
        wrong(pb.ones((3, 2)))


def test_containment():
    t = pb.tensor(A)
    assert 7.0 in t
    assert 8.0 not in t
    assert pb.tensor(7.0) in t
    assert B not in pb.zeros(3) + 9


def test_truth():
    assert pb.tensor(1.0)
    assert not pb.tensor(0)
    assert pb.tensor([[True]])
    assert leaf(2.0) > 1
    for wrong in (pb.ones(2), pb.zeros((0, 2)), leaf([1.0, 2.0])):
        with pytest.raises(ValueError, match="ambiguous"):
            bool(wrong)


def test_numbers():
    x = pb.tensor(2.5)
    assert (float(x), int(x), complex(x), math.sqrt(x), f"{x:.3f}", round(float(x))) == (
        2.5,
        2,
        2.5 + 0j,
        math.sqrt(2.5),
        "2.500",
        2,
    )
    assert (type(float(x)), type(int(x)), type(x.item())) == (float, int, float)
    assert float(pb.tensor([[2.5]])) == 2.5
    assert [10, 20, 30][pb.tensor(1)] == 20
    assert list(range(pb.tensor(3))) == [0, 1, 2]
    assert type(pb.tensor([True]).item()) is bool
    assert np.float64(pb.tensor(2.5)) == 2.5
    for wrong in (float, int, complex, lambda t: t.item()):
        with pytest.raises(ValueError, match="exactly one number"):
            wrong(pb.ones(2))
    for wrong in (pb.tensor(1.0), pb.tensor([1])):
        with pytest.raises(TypeError):
            operator.index(wrong)


def test_item_and_tolist():
    t = leaf(A)
    assert t.item(1, 1) == 7.0
    assert t.item(-1) == -1.0
    assert t.tolist() == A.tolist()
    assert pb.tensor(3).tolist() == 3
    assert json.dumps(pb.tensor(I).tolist()) == "[[5, -2, 3], [4, 7, -1]]"


def test_equality_is_elementwise_and_hash_is_identity():
    t, u = pb.tensor(B), pb.tensor(B)
    assert (t == u).all()
    assert not (t != u).any()
    assert (t == None).tolist() == [False] * 3  # noqa: E711 (elementwise, as NumPy)
    assert (t == "text").tolist() == [False] * 3
    assert hash(t) == hash(t)
    assert {t: 1, u: 2}[u] == 2
    assert t in {t, 1}
    assert u not in {t, 1}
    t += 1
    assert {t: 1}[t] == 1
    assert weakref.ref(t)() is t


REPRS = {
    "Tensor([[1., 2.],\n        [3., 4.]])": lambda: pb.tensor([[1.0, 2.0], [3.0, 4.0]]),
    "Tensor([1, 2])": lambda: pb.tensor([1, 2]), "Tensor([ True, False])": lambda: pb.tensor([True, False]),
    "Tensor(1.5)": lambda: pb.tensor(1.5), "Tensor(3)": lambda: pb.tensor(3),
    "Tensor([1., 2.], dtype=float32)": lambda: pb.tensor([1, 2], np.float32),
    "Tensor([], dtype=float64)": lambda: pb.zeros(0),
    "Tensor([], shape=(0, 3), dtype=float64)": lambda: pb.zeros((0, 3)),
    "Tensor([nan, inf])": lambda: pb.tensor([np.nan, np.inf]),
    "Tensor([1., 2.], requires_grad=True)": lambda: leaf([1.0, 2.0]),
    "Tensor([2., 4.], grad_fn=<multiply>)": lambda: leaf([1.0, 2.0]) * 2,
    "Tensor(3., dtype=float16, grad_fn=<sum>)": lambda: pb.tensor([1.0, 2.0], np.float16, requires_grad=True).sum(),
    "Tensor([1.e-10, 1.e+10])": lambda: pb.tensor([1e-10, 1e10]),
    "Tensor([  0,   1,   2, ..., 997, 998, 999])": lambda: pb.arange(1000),
    "Tensor(0.+1.j, dtype=complex128)": lambda: pb.tensor(1j),
}  # fmt: skip


@pytest.mark.parametrize("text", REPRS)
def test_repr(text):
    with np.printoptions(threshold=100):
        assert repr(REPRS[text]()) == text
        assert str(REPRS[text]()) == text


def test_repr_follows_numpy_s_print_options():
    with np.printoptions(precision=2):
        assert repr(pb.tensor([1.23456])) == "Tensor([1.23])"
    assert repr(pb.tensor(A))[len("Tensor") :] == repr(A)[len("array") :].replace("\n ", "\n  ")


def test_format():
    assert f"{pb.tensor(1.2345):.2f}|{pb.tensor(7):03d}|{leaf(2.0).sum():.1e}" == "1.23|007|2.0e+00"
    assert f"{pb.tensor(1.5)} {leaf(2.0)} {pb.tensor(3)} {leaf(2.0) > 1}" == "1.5 2.0 3 True"
    assert f"{pb.tensor([1.5])}" == "Tensor([1.5])"
    for several in (pb.tensor([1.234]), pb.tensor(B), pb.zeros((0, 2))):
        with pytest.raises(pb.DTypeError, match=r"'\.1f' is for one number"):
            f"{several:.1f}"


def test_requires_grad_and_leaves():
    x = pb.tensor([1.0, 2.0], name="x")
    assert (x.requires_grad, x.is_leaf) == (False, True)
    assert x.requires_grad_() is x
    assert (x.requires_grad, x.is_leaf, x.name) == (True, True, "x")
    y = x * 2
    assert (y.requires_grad, y.is_leaf, y.detach().requires_grad) == (True, False, False)
    with pytest.raises(pb.GraphError, match="detach"):
        y.requires_grad = False
    y.requires_grad = True  # which it does
    x.requires_grad = False
    assert not (x * 2).requires_grad
    assert x.name == "x"
    y.sum().backward()  # what was recorded stays recorded
    with pytest.raises(pb.DTypeError, match="only floating-point"):
        pb.arange(3).requires_grad = True


def test_names():
    t = pb.tensor(1.0)
    assert t.name is None
    t.name = "first"
    t.requires_grad = True
    assert (t.name, t.node.name) == ("first", "first")
    t.name = "second"
    assert (t.name, t.node.name) == ("second", "second")
    y = t * 2
    y.name = "y"
    assert pb.gradients(y * y, [y])["y"].item() == 4.0


def test_detach_shares_the_numbers_and_nothing_else():
    x = leaf([1.0, 2.0])
    d = (x * 2).detach()
    assert d.is_leaf
    assert (x * d).sum().requires_grad
    assert pb.gradients((x * d).sum())[x].tolist() == [2.0, 4.0]


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickling_leaves(protocol):
    w = leaf(A, "w")
    (w * w).sum().backward()
    back = pickle.loads(pickle.dumps(w, protocol))
    assert np.array_equal(back.numpy(), A)
    assert (back.requires_grad, back.is_leaf, back.name) == (True, True, "w")
    assert np.array_equal(back.grad.numpy(), 2 * A)
    with pb.no_grad():
        back += 1
    assert np.array_equal(w.numpy(), A)
    for constant in (
        pb.tensor(I),
        pb.tensor(2.5),
        pb.ones(2).sum(),
        pb.tensor([True]),
        pb.zeros((0, 2)),
        pb.tensor(A).T,
    ):
        back = pickle.loads(pickle.dumps(constant, protocol))
        assert (back.dtype, back.shape, back.requires_grad) == (constant.dtype, constant.shape, False)
        assert np.array_equal(back.numpy(), constant.numpy())


def test_copying_leaves():
    w = leaf(B, "w")
    (w * w).sum().backward()
    shallow, deep = copy.copy(w), copy.deepcopy(w)
    for other in (shallow, deep):
        assert (other.requires_grad, other.is_leaf, other.name, other.tolist()) == (True, True, "w", B.tolist())
        assert other.node is not w.node
    assert deep.grad.tolist() == w.grad.tolist()
    with pb.no_grad():
        deep += 1
        deep.grad *= 2
        shallow += 5
    assert w.tolist() == B.tolist()
    assert w.grad.tolist() == (2 * B).tolist()
    pair = copy.deepcopy([w, {"same": w}])
    assert pair[0] is pair[1]["same"]
    assert copy.deepcopy(pb.tensor(I)).tolist() == I.tolist()


def test_parameters_pickle_and_copy_as_parameters():
    p = pb.nn.Parameter(B)
    for other in (pickle.loads(pickle.dumps(p)), copy.copy(p), copy.deepcopy(p)):
        assert type(other) is pb.nn.Parameter
        assert other.requires_grad
        assert other.tolist() == B.tolist()


def test_recorded_tensors_are_tied_to_their_graph():
    y = leaf(B) * 2
    for work in (pickle.dumps, copy.deepcopy):
        with pytest.raises(pb.GraphError, match=r"detach\(\)"):
            work(y)
        with pytest.raises(pb.GraphError, match=r"detach\(\)"):
            pb.grad(lambda x, work=work: len(work(x)) * x.sum())(B)
        assert work(y.detach()) is not None
    copied = copy.copy(y)
    copied += 1
    assert (copied - y).tolist() == [1.0] * 3
    assert copied.node is not y.node


def test_the_derivative_of_copy_passes():
    assert pb.grad(lambda x: (x.copy() * 3).sum())(B).tolist() == [3.0] * 3


def test_numpy_gives_a_view_that_cannot_be_written_to():
    x = leaf(B)
    view = x.numpy()
    assert type(view) is np.ndarray
    assert not view.flags.writeable
    assert np.shares_memory(view, x.array)
    with pytest.raises(ValueError, match="read-only"):
        view[0] = 1
    assert type(x.sum().numpy()) is np.ndarray
    assert (x * 2).numpy().tolist() == [4.0, -6.0, 1.0]


def test_asarray_of_a_constant_is_a_copy():
    t = pb.tensor(B)
    for a in (
        np.asarray(t),
        np.array(t),
        np.asarray(t, np.float32),
        np.asarray(t, copy=True),
        np.array(t, float),
        np.ascontiguousarray(t),
    ):
        a[...] = 9
    assert t.tolist() == B.tolist()
    assert np.asarray(t, np.float32).dtype == np.float32
    assert np.asarray(pb.tensor(2.5)).shape == ()
    np.testing.assert_allclose(t, B)


def test_asarray_without_a_copy():
    t = pb.tensor(B)
    view = np.asarray(t, copy=False)
    assert np.shares_memory(view, t.array)
    assert not view.flags.writeable
    with pytest.raises(ValueError, match="copy"):
        np.asarray(t, np.float32, copy=False)


@pytest.mark.parametrize(
    "convert",
    [
        np.asarray,
        np.array,
        lambda x: np.array([x, x]),
        lambda x: np.asarray(x, copy=True),
        lambda x: np.ascontiguousarray(x),
        lambda x: np.asarray([x[0]]),
    ],
)
def test_asarray_of_a_recorded_tensor_would_drop_its_gradient(convert):
    for x in (leaf(B), leaf(B) * 2):
        with pytest.raises(pb.GraphError, match="would drop the gradient") as raised:
            convert(x)
        assert "t.numpy()" in str(raised.value)
        assert "test_tensor.py" in str(raised.value)


def test_the_line_named_is_the_user_s_where_numpy_stands_between():
    with pytest.raises(pb.GraphError) as raised:
        np.sum([leaf(1.0), leaf(2.0)])
    assert "test_tensor.py" in str(raised.value)


@pytest.mark.parametrize(
    ("call", "theirs", "ours"),
    [
        (lambda x: np.full(3, x[0]), "numpy.full", "pb.full"),
        (lambda x: np.vectorize(lambda number: number**2)(x), "numpy.vectorize", "pb.vectorize"),
        (scipy.special.softmax, "scipy.special.softmax", "pb.special.softmax"),
        (lambda x: scipy.linalg.expm(np.diag(x)), "scipy.linalg.expm", "pb.linalg.expm"),
        (scipy.stats.norm.logpdf, "scipy.stats.norm.logpdf", "pb.stats.norm.logpdf"),
        (lambda x: scipy.interpolate.interp1d([0, 5], [0, 5])(x), "interpolate.interp1d", "pb.interpolate.interp1d"),
        (lambda x: scipy.integrate.quad(lambda t: x[0] * t, 0, 1)[0], "scipy.integrate.quad", "pb.integrate.quad"),
        (lambda x: scipy.ndimage.gaussian_filter(x, 1.0), "scipy.ndimage.gaussian_filter", ""),
    ],
)
def test_an_error_about_arrays_names_the_function_that_asks_and_ours(call, theirs, ours):
    with pytest.raises(pb.GraphError) as raised:
        pb.grad(lambda x: call(x).sum())(B)
    assert theirs in str(raised.value)
    assert (f"fix    {ours}, which differentiates" in str(raised.value)) == bool(ours)


@pytest.mark.parametrize("call", [statistics.mean, statistics.stdev, statistics.variance])
def test_statistics_of_python_names_ours(call):
    x = leaf(1.0)
    for numbers in ([x, x * 2.0], pb.tensor([1.0, 2.0])):
        with pytest.raises(TypeError, match=r"exact ratios carry no derivative(.|\n)*pb\.mean"):
            call(numbers)


def test_a_tensor_that_is_no_place():
    for call in (lambda t: np.identity(t), lambda t: np.roll(pb.ones(2), t), lambda t: [1, 2][t]):
        with pytest.raises(pb.DTypeError, match=r"not one integer(.|\n)*int\(t\)"):
            call(pb.tensor(1.5))


def test_the_namespace():
    assert pb.ones(2).__array_namespace__() is pb
    assert pb.ones(2).__array_namespace__(api_version="2024.12") is pb
    with pytest.raises(pb.GraphError, match="unknown version"):
        pb.ones(2).__array_namespace__(api_version="1999.01")


def test_setting_grad_casts_to_the_dtype_of_its_tensor():
    w = pb.tensor(np.ones(2, np.float32), requires_grad=True)
    w.grad = [1.0, 2.0]
    assert w.grad.dtype == np.float32


def test_setting_grad_casts_tensors_too():
    w = pb.tensor(np.ones(2, np.float32), requires_grad=True)
    w.grad = pb.tensor([1.0, 2.0])
    assert w.grad.dtype == np.float32


def test_floor_division_and_remainders_have_derivatives():
    found = pb.grad(lambda x: (x % 1.5 + x // 1.5 + divmod(x, 2.0)[1] + 7.0 % x).sum())(np.array([4.0, 5.5]))
    assert found.tolist() == [2.0 - 1.0, 2.0 - 1.0]


def test_powers_of_every_kind():
    x = leaf([0.5, 2.0])
    (x**2 + x**-1 + x**0.5 + x**0 + 2.0**x + x**x).sum().backward()
    v = np.array([0.5, 2.0])
    assert np.allclose(x.grad.numpy(), 2 * v - v**-2 + 0.5 * v**-0.5 + 2**v * np.log(2) + v**v * (np.log(v) + 1))
    assert pb.grad(lambda x: x**2)(0.0).item() == 0.0
    assert pb.grad(lambda x: x**0)(0.0).item() == 0.0
    assert pb.grad(lambda x: x**1)(0.0).item() == 1.0
    assert pb.grad(lambda x: x**3)(-2.0).item() == 12.0
