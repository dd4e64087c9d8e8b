"""Arrays that a graph captured: changing one afterwards, in whatever way, does not change the derivative."""

from __future__ import annotations

import array

import numpy as np
import pytest

import pullback as pb

CHANGES = {
    "whole": lambda a: a.fill(100),
    "operator": lambda a: np.multiply(a, 3, out=a),
    "view": lambda a: a[:1].__setitem__(0, 100),
    "transposed view": lambda a: a.T.__setitem__(..., 100),
    "flat": lambda a: a.flat.__setitem__(0, 100),
    "sort": lambda a: a[::-1].sort(axis=0),
    "ufunc out": lambda a: np.add(a, 1, out=a),
    "reinterpreted": lambda a: a.view(np.uint8).fill(0),
}


def gradient_after(change, f, captured, x):
    w = pb.tensor(x, requires_grad=True)
    loss = f(w, captured).sum()
    change(captured)
    loss.backward()
    return w.grad.numpy()


OPERATIONS = {
    "multiply": lambda w, a: w * a,
    "right multiply": lambda w, a: a * w,
    "divide": lambda w, a: w / a,
    "right divide": lambda w, a: a / w,
    "power": lambda w, a: w**a,
    "matmul": lambda w, a: w @ a,
    "right matmul": lambda w, a: a @ w,
    "maximum": lambda w, a: np.maximum(w, a),
    "where": lambda w, a: np.where(a > 1.5, w, 0) * a,
    "einsum": lambda w, a: pb.einsum("ij,jk->ik", w, a),
    "linear": lambda w, a: pb.linear(a, w, a[0]),
    "clip": lambda w, a: pb.clip(w, 0.0, a) * a,
    "arctan2": lambda w, a: np.arctan2(w, a),
    "concatenate": lambda w, a: np.concatenate([w, a]) * np.concatenate([a, a]),
    "mse": lambda w, a: pb.mse_loss(w, a),
    "reshaped": lambda w, a: w * a.reshape(2, 2),
    "view": lambda w, a: w * a[::-1],
    "broadcast": lambda w, a: w * a[0],
    "chained": lambda w, a: (w * a) * (w + a) * pb.sin(w * a),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("f", OPERATIONS.values(), ids=OPERATIONS)
def test_a_change_after_capture_changes_no_gradient(f, change):
    x = np.array([[0.3, 0.7], [1.1, 1.9]])
    fresh = np.array([[1.0, 2.0], [3.0, 4.0]])
    expected = gradient_after(lambda a: None, f, fresh.copy(), x)
    assert np.array_equal(gradient_after(change, f, fresh.copy(), x), expected)


VIEWS = {
    "reshape": lambda a: pb.reshape(a, (2, 2)), "transpose": pb.transpose, "identity": pb.identity,
    "stop_gradient": pb.stop_gradient, "getitem": lambda a: pb.getitem(a, slice(None)), "flip": pb.flip,
    "broadcast_to": lambda a: pb.broadcast_to(a, (2, 2)), "squeeze": pb.squeeze,
    "swapaxes": lambda a: pb.swapaxes(a, 0, 1), "ravel": pb.ravel, "atleast_2d": pb.atleast_2d,
    "expand_dims": pb.expand_dims, "broadcast_arrays": lambda a: pb.broadcast_arrays(a, a)[0],
    "moveaxis": lambda a: pb.moveaxis(a, 0, 1),
}  # fmt: skip


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
def test_a_tensor_made_of_an_array_does_not_change_with_it(view):
    a = np.array([[1.0, 2.0], [3.0, 4.0]])
    t = view(a)
    before = t.tolist()
    w = pb.tensor(np.ones(t.shape), requires_grad=True)
    loss = (w * t).sum()
    a[...] = 100
    loss.backward()
    assert t.tolist() == before
    assert w.grad.tolist() == before


@pytest.mark.parametrize("make", [pb.tensor, pb.asarray, lambda a: pb.tensor([a, a])[0], lambda a: pb.zeros(4) + a])
def test_a_tensor_of_an_array_is_its_own(make):
    a = np.arange(4.0)
    t = make(a)
    a[:] = 100
    assert t.tolist() == [0.0, 1.0, 2.0, 3.0]


def test_index_arrays_and_masks():
    w = pb.tensor([1.0, 2.0, 3.0], requires_grad=True)
    index, mask = np.array([0, 0]), np.array([True, False, True])
    y = w[index].sum() * 10 + w[mask].sum() + pb.take(w, index).sum() * 100
    index[:], mask[:] = 1, False
    y.backward()
    assert w.grad.tolist() == [221.0, 0.0, 1.0]


def test_what_is_assigned_and_where():
    w = pb.tensor([1.0, 2.0, 3.0], requires_grad=True)
    y, index, values = w * 1, np.array([0]), np.array([5.0])
    y[index] = values
    index[:], values[:] = 2, 7
    loss = (y * y).sum()
    loss.backward()
    assert w.grad.tolist() == [0.0, 4.0, 6.0]


def test_labels_and_conditions():
    w = pb.tensor(np.ones((3, 2)), requires_grad=True)
    labels = np.array([0, 1, 0])
    loss = pb.cross_entropy(w, labels, "sum")
    labels[:] = 1 - labels
    loss.backward()
    assert w.grad.tolist() == [[-0.5, 0.5], [0.5, -0.5], [-0.5, 0.5]]


def test_memory_of_other_owners():
    owner = array.array("d", [1.0, 2.0])
    buffer, base = np.frombuffer(owner), np.arange(10.0)
    number, kind = np.array(3.0), np.array([1.0, 2.0]).view(type("Special", (np.ndarray,), {}))
    w = pb.tensor([1.0, 1.0], requires_grad=True)
    loss = (w * buffer + w * base[1:3] + w * number + w * kind).sum()
    owner[0], base[:], number[...], kind[0] = 9.0, 77.0, 77.0, 77.0
    loss.backward()
    assert w.grad.tolist() == [1 + 1 + 3 + 1, 2 + 2 + 3 + 2]


def test_lists_are_read_once():
    w, given = pb.tensor([1.0, 1.0], requires_grad=True), [1.0, 2.0]
    loss = (w * given).sum()
    given[0] = 9.0
    loss.backward()
    assert w.grad.tolist() == [1.0, 2.0]


def test_arguments_and_directions_of_transforms():
    x, direction = np.array([2.0, 3.0]), np.array([1.0, 10.0])
    y, back = pb.vjp(lambda x: x * x, x)
    _, same_back = pb.vjp(lambda x: x + 0.0, x)
    _, forward = pb.linearize(lambda x: x * x, x)
    pulled, tangent = same_back(direction)[0], pb.jvp(lambda x: x + 0.0, (x,), (direction,))[1]
    gradient = pb.grad(lambda x: (x * direction).sum())(x)
    x[:], direction[:] = 99.0, 99.0
    assert y.tolist() == [4.0, 9.0]
    assert back(np.ones(2))[0].tolist() == [4.0, 6.0]
    assert forward(np.ones(2)).tolist() == [4.0, 6.0]
    assert pulled.tolist() == tangent.tolist() == gradient.tolist() == [1.0, 10.0]


def test_a_captured_array_also_serves_higher_orders():
    a, x = np.array([1.0, 2.0]), pb.tensor([0.3, 0.7], requires_grad=True)
    loss = pb.sin(x * a).sum()
    a[:] = 50
    loss.backward(create_graph=True)
    first, x.grad = x.grad, None
    first.sum().backward()
    assert np.allclose(first.numpy(), [np.cos(0.3), 2 * np.cos(1.4)])
    assert np.allclose(x.grad.numpy(), [-np.sin(0.3), -4 * np.sin(1.4)])


def test_the_caller_s_arrays_are_never_written_to():
    a = np.array([[0.3, 0.7], [1.1, 1.9]])
    a.flags.writeable = False
    w = pb.tensor(np.ones((2, 2)), requires_grad=True)
    for f in OPERATIONS.values():
        f(w, a).sum().backward(create_graph=True)
    y = w * 1
    y[...] = a
    y += a
    y.assign(a)
    x = pb.tensor(a, copy=False)
    x += 1
    x *= a
    assert a.tolist() == [[0.3, 0.7], [1.1, 1.9]]
