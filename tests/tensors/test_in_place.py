"""Writing to tensors: the graph stays right, leaves are guarded, identity stays."""

from __future__ import annotations

import operator
from types import SimpleNamespace

import numpy as np
import pytest
from tests.core.numerics import central

import pullback as pb

X = np.array([[0.3, 0.7, 1.1], [1.9, 2.3, 0.5]])

OPERATORS = {
    "+=": (operator.iadd, operator.add), "-=": (operator.isub, operator.sub), "*=": (operator.imul, operator.mul),
    "/=": (operator.itruediv, operator.truediv), "**=": (operator.ipow, operator.pow),
    "%=": (operator.imod, operator.mod), "//=": (operator.ifloordiv, operator.floordiv),
}  # fmt: skip

OTHERS = {
    "number": lambda x: 1.5, "array": lambda x: np.array([1.5, 2.5, 0.4]), "row of itself": lambda x: x[0] + 0.1,
    "reversed": lambda x: x[::-1] + 0.1, "column": lambda x: x[:, 1:2] + 0.2, "function": lambda x: pb.exp(-x),
}  # fmt: skip


@pytest.mark.parametrize("name", OPERATORS)
@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_an_operator_in_place_is_the_operator(name, other):
    in_place, plain = OPERATORS[name]

    def writing(x):
        y = x * 2.0
        before = y
        changed = in_place(y, other(x))
        assert changed is before
        return y * y

    def functional(x):
        y = plain(x * 2.0, other(x))
        return y * y

    found = pb.jacobian(writing)(X).numpy()
    assert np.array_equal(found, pb.jacobian(functional)(X).numpy())
    if name not in ("%=", "//="):
        assert np.allclose(found, central(writing, X), rtol=1e-6, atol=1e-6)
    assert np.allclose(pb.jacobian(writing, mode="forward")(X).numpy(), found, rtol=1e-13, atol=0)


@pytest.mark.parametrize("name", OPERATORS)
def test_an_operator_with_itself(name):
    in_place, plain = OPERATORS[name]

    def writing(x):
        y = x * 1.0
        y = in_place(y, y)
        return y.sum()

    assert np.allclose(pb.grad(writing)(X).numpy(), pb.grad(lambda x: plain(x * 1.0, x * 1.0).sum())(X).numpy())


def test_matmul_in_place():
    w = pb.tensor(np.eye(2) * 2, requires_grad=True)
    y = w * 1
    y @= w
    y.sum().backward()
    assert w.grad.tolist() == [[4.0, 4.0], [4.0, 4.0]]


def test_logic_in_place():
    t = pb.tensor([True, False, True])
    t &= np.array([True, True, False])
    t |= pb.tensor([False, True, False])
    t ^= True
    assert t.tolist() == [False, False, True]


INDICES = {
    "int": 0, "negative": (-1, -1), "slice": slice(1, None), "column": (slice(None), 1),
    "step": (0, slice(None, None, -2)), "ellipsis": (..., 2),
    "mask": np.array([[True, False, True], [False, True, False]]), "rows": np.array([1, 0]),
    "pairs": (np.array([0, 1, 1]), np.array([2, 0, 1])), "row mask": np.array([False, True]), "tensor": pb.tensor([1]),
    "list": [0, 1], "empty list": [], "nothing": slice(2, 2), "all": ..., "new axis": (None, 0), "everything": (),
}  # fmt: skip


@pytest.mark.parametrize("index", INDICES.values(), ids=INDICES)
def test_assignment_is_numpy_s_and_differentiates(index):
    def assigned(x):
        y = x * 2.0
        y[index] = pb.sin(x).sum() * 0.5
        return y * x

    def numpy_s(x):
        y = x * 2.0
        y[index.numpy() if isinstance(index, pb.Tensor) else index] = np.sin(x).sum() * 0.5
        return y * x

    assert np.array_equal(assigned(pb.tensor(X)).numpy(), numpy_s(X))
    found = pb.jacobian(assigned)(X).numpy()
    assert np.allclose(found, central(assigned, X), rtol=1e-6, atol=1e-6)
    assert np.allclose(pb.jacobian(assigned, mode="forward")(X).numpy(), found)


def test_assigned_values_get_their_gradient():
    x, v = pb.tensor(X, requires_grad=True), pb.tensor([5.0, 6.0], requires_grad=True)
    y = x * x
    y[:, 1] = v * v
    y.sum().backward()
    assert v.grad.tolist() == [10.0, 12.0]
    expected = 2 * X
    expected[:, 1] = 0
    assert np.array_equal(x.grad.numpy(), expected)


def test_where_an_index_repeats_the_last_value_counts():
    v = pb.tensor([1.0, 2.0, 3.0, 4.0], requires_grad=True)
    y = pb.zeros(3)
    y[[0, 1, 0, 1]] = v * v
    (y * np.array([1.0, 10.0, 100.0])).sum().backward()
    assert y.tolist() == [9.0, 16.0, 0.0]
    assert v.grad.tolist() == [0.0, 0.0, 6.0, 80.0]


def test_a_broadcast_value():
    v = pb.tensor([[1.0], [2.0]], requires_grad=True)
    y = pb.zeros((2, 3))
    y[...] = v
    y[:, 0] = v[0]
    (y * np.arange(6.0).reshape(2, 3)).sum().backward()
    assert v.grad.tolist() == [[0 + 3 + 1 + 2], [4 + 5]]


def test_a_constant_becomes_recorded():
    x = pb.tensor([1.0, 2.0], requires_grad=True)
    y = pb.zeros(2)
    y += x
    y[0] = x[1] * 3
    assert y.requires_grad
    y.sum().backward()
    assert x.grad.tolist() == [0.0, 4.0]


def test_old_uses_keep_the_old_value():
    x = pb.tensor([1.0, 2.0], requires_grad=True)
    y = x * 2
    square = y * y
    y += 10
    y[0] = 0
    (square.sum() + y.sum()).backward()
    assert x.grad.tolist() == [8.0, 16.0 + 2.0]


def test_swapping_elements():
    x = pb.tensor([1.0, 2.0], requires_grad=True)
    y = x * 1
    y[0], y[1] = y[1], y[0]
    (y * np.array([1.0, 10.0])).sum().backward()
    assert y.tolist() == [2.0, 1.0]
    assert x.grad.tolist() == [10.0, 1.0]


def test_fill_and_assign():
    x = pb.tensor([1.0, 2.0], requires_grad=True)
    y = x * x
    y.fill(3.0)
    z = x * x
    z.assign(x * 5)
    (y * z).sum().backward()
    assert x.grad.tolist() == [15.0, 15.0]
    z.assign([7.0, 8.0])
    assert not z.requires_grad
    with pytest.raises(pb.ShapeError, match="another shape"):
        z.assign([1.0, 2.0, 3.0])


WRITES = {
    "+=": lambda t: operator.iadd(t, 1.0), "*=": lambda t: operator.imul(t, 2.0),
    "**=": lambda t: operator.ipow(t, 2.0), "[]": lambda t: t.__setitem__(0, 1.0),
    "[...]": lambda t: t.__setitem__(..., 1.0), "fill": lambda t: t.fill(1.0),
    "assign": lambda t: t.assign([1.0, 2.0]), "out": lambda t: np.add(t, 1.0, out=t),
}  # fmt: skip


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_a_leaf_is_guarded_and_the_fix_named(write):
    w = pb.tensor([1.0, 2.0], requires_grad=True, name="weight")
    with pytest.raises(pb.GraphError, match=r"no_grad") as raised:
        write(w)
    assert "weight" in str(raised.value)
    assert "test_in_place.py" in str(raised.value)
    assert w.tolist() == [1.0, 2.0]


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_under_no_grad_a_leaf_stays_the_leaf_that_it_is(write):
    w = pb.tensor([1.0, 2.0], requires_grad=True, name="weight")
    twin = pb.tensor([1.0, 2.0])
    w.grad = pb.ones(2)
    node, gradient = w.node, w.grad
    with pb.no_grad():
        write(w)
    write(twin)
    assert w.tolist() == twin.tolist()
    assert w.node is node
    assert w.grad is gradient
    assert (w.requires_grad, w.is_leaf, w.name) == (True, True, "weight")
    (w * w).sum().backward()
    assert np.array_equal(w.grad.numpy(), 1 + 2 * w.numpy())


def test_a_graph_made_before_a_step_keeps_the_old_parameters():
    for size in (3, 1000):
        w = pb.tensor(np.full(size, 0.5), requires_grad=True)
        loss = pb.sin(w * w).sum()
        with pb.no_grad():
            w -= 100.0
            w *= 3.0
        loss.backward()
        assert np.allclose(w.grad.numpy(), 2 * 0.5 * np.cos(0.25))


def test_under_no_grad_an_intermediate_becomes_what_was_computed_a_constant():
    x = pb.tensor([1.0, 2.0], requires_grad=True)
    y = x * x
    with pb.no_grad():
        y += 1
    assert y.tolist() == [2.0, 5.0]
    assert not y.requires_grad  # as for y = y + 1 in its place


@pytest.mark.parametrize(("dtype", "value", "result"), [
    (np.float32, np.float64(0.5), np.float32), (np.float32, 0.5, np.float32), (np.float16, np.arange(2.0), np.float16),
    (np.int32, np.int64(3), np.int32), (np.int64, True, np.int64), (np.float64, np.float32(1), np.float64),
])  # fmt: skip
def test_the_dtype_stays(dtype, value, result):
    t, a = pb.tensor(np.ones(2, dtype)), np.ones(2, dtype)
    t += value
    a += value
    assert t.dtype == result
    assert np.array_equal(t.numpy(), a)


@pytest.mark.parametrize(("dtype", "value"), [(int, 0.5), (int, np.ones(2)), (bool, 1), (np.uint8, -1.0), (float, 1j)])
def test_a_dtype_that_does_not_fit(dtype, value):
    t, a = pb.ones(2, dtype), np.ones(2, dtype)
    with pytest.raises(TypeError):
        a += value
    with pytest.raises(pb.DTypeError):
        t += value
    assert t.tolist() == [1, 1]


def test_a_shape_that_does_not_fit():
    t = pb.ones(3)
    for value in (np.ones((2, 3)), np.ones(4), np.ones((1, 3))):
        with pytest.raises(pb.ShapeError):
            t += value
    assert t.tolist() == [1.0, 1.0, 1.0]


def test_writing_to_a_float32_tensor_gives_gradients_of_each_dtype():
    x, y = pb.tensor([1.0, 2.0], requires_grad=True), pb.tensor(np.ones(2, np.float32), requires_grad=True) * 1
    y += x
    y.sum().backward()
    assert (y.dtype, x.grad.dtype) == (np.float32, np.float64)


def test_numpy_s_out():
    x = pb.tensor([1.0, 2.0], requires_grad=True)
    target = pb.zeros(2)
    assert np.multiply(x, x, out=target) is target
    target.sum().backward()
    assert x.grad.tolist() == [2.0, 4.0]
    a = np.ones(2)
    with pytest.raises(pb.GraphError, match="a = a \\+ t"):
        a += x
    with pytest.raises(pb.GraphError, match="drop"):
        np.add(x, 1.0, out=a)
    with pytest.raises(pb.GraphError, match="drop"):
        a[:] = x
    assert a.tolist() == [1.0, 1.0]


LOST = [
    "t[0][1] = 5.0",
    "t.T[0] = 3.0",
    "t.ravel()[0:2] = 1.0",
    "np.fliplr(t)[0] = 1.0",
    "t[0][:] = 1.0",
    "t[[0, 1]][0] = 1.0",
]


@pytest.mark.parametrize("write", LOST)
@pytest.mark.parametrize("tracked", [False, True])
def test_a_write_that_would_be_lost_is_refused(write, tracked):
    t = pb.tensor(np.zeros((2, 3)), requires_grad=tracked) * 1
    with pytest.raises(pb.GraphError, match="would be lost"):
        exec(write, {"np": np, "t": t})
    assert not t.numpy().any()


def test_a_write_to_what_something_holds_is_none_of_them():
    t, box = pb.zeros((2, 3)), SimpleNamespace()
    row = t[0]
    row[1] = 7.0
    t[0] = row
    box.w, held, by_name = t, [t], {"w": t}
    box.w[0, 0] = held[0][0, 0] + 1
    held[0][1, 0] = by_name["w"][0, 0] = 2.0
    t[1] += 1.0
    t.__setitem__((1, 2), 4.0)
    operator.setitem(t, (1, 1), 3.0)
    (named := t[1])[0] = 9.0

    def inner():
        t[0, 2] = 5.0

    inner()
    assert named.tolist() == [9.0, 3.0, 4.0]
    assert t.tolist() == [[2.0, 7.0, 5.0], [3.0, 3.0, 4.0]]
