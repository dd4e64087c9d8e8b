"""Making tensors: from data of every kind, and by rule, as NumPy does."""

from __future__ import annotations

import numpy as np
import pytest

import pullback as pb


@pytest.mark.parametrize("data", [
    1, 1.5, True, 1j, [1, 2], [[1.0], [2.0]], (1, 2.5), [], [[]], np.arange(3), np.float32(2), np.ones((2, 0)),
    range(4), np.array(3), np.ones(2, ">f4"), np.arange(6)[::-2], [np.float16(1), np.float16(2)], memoryview(b"ab"),
])  # fmt: skip
def test_data_of_any_kind(data):
    t, a = pb.tensor(data), np.array(data)
    assert (t.dtype, t.shape, t.tolist()) == (a.dtype, a.shape, a.tolist())
    assert not t.requires_grad
    assert t.is_leaf


@pytest.mark.parametrize(
    "data",
    [
        "text",
        ["a", "b"],
        None,
        object(),
        [1, None],
        [[1], [1, 2]],
        [np.ones(2), np.ones(3)],
        {"a": 1},
        b"ab",
        np.datetime64("2020-01-01"),
    ],
)
def test_what_are_not_numbers(data):
    with pytest.raises(pb.DTypeError, match=r"tensor: .* not an? (rectangular )?array of numbers"):
        pb.tensor(data)


def test_dtype_name_and_requires_grad():
    t = pb.tensor([1, 2], np.float32, requires_grad=True, name="w")
    assert (t.dtype, t.name, t.requires_grad, t.is_leaf, t.grad) == (np.float32, "w", True, True, None)
    assert pb.tensor([1.7, 2.2], int).tolist() == [1, 2]
    assert pb.tensor(1, name="constant").name == "constant"


@pytest.mark.parametrize("data", [1, [1, 2], True, np.arange(3), np.zeros(2, np.uint8)])
def test_integers_asked_for_a_gradient(data):
    with pytest.raises(pb.DTypeError, match="only floating-point") as raised:
        pb.tensor(data, requires_grad=True)
    assert "dtype=float" in str(raised.value)
    with pytest.raises(TypeError):
        pb.tensor(data).requires_grad_()


def test_device():
    assert pb.tensor(1.0, device="cpu").device == "cpu"
    with pytest.raises(pb.OptionError, match="unknown device"):
        pb.tensor(1.0, device="tpu")
    with pytest.raises(pb.OptionError, match="full: unknown device"):
        pb.full(2, pb.tensor(1.0), device="tpu")
    with pytest.raises(pb.OptionError, match="linspace: unknown device"):
        pb.linspace(0.0, pb.tensor(1.0), 3, device="tpu")


def test_lists_of_tensors_are_stacked_and_differentiable():
    x = pb.tensor(2.0, requires_grad=True)
    t = pb.tensor([[x, 1.0], [x * x, np.float64(3)]])
    assert t.tolist() == [[2.0, 1.0], [4.0, 3.0]]
    (t * np.array([[1.0, 10.0], [100.0, 1000.0]])).sum().backward()
    assert x.grad.item() == 1 + 400
    assert pb.tensor([x, 3], np.float32).dtype == np.float32


def test_a_tensor_of_a_tensor_keeps_the_derivative():
    x = pb.tensor([1.0, 2.0], requires_grad=True)
    for t in (pb.tensor(x), pb.tensor(x * 1), pb.tensor(x, np.float32), pb.asarray(x, copy=True)):
        assert t.array is not x.array
        assert pb.gradients(t.sum())[x].tolist() == [1.0, 1.0]
    with pytest.raises(pb.GraphError, match="is no leaf"):
        pb.tensor(x * 3, requires_grad=True)
    leaf = pb.tensor((x * 3).detach(), requires_grad=True)
    leaf.sum().backward()
    assert leaf.grad.tolist() == [1.0, 1.0]
    assert x.grad is None


def test_asarray_passes_tensors_through():
    x = pb.tensor([1.0, 2.0], requires_grad=True)
    assert pb.asarray(x) is x
    assert pb.asarray(x, float) is x
    assert pb.asarray(x, np.float32).requires_grad
    assert pb.asarray(x, copy=True) is not x
    assert pb.asarray([1, 2]).tolist() == [1, 2]
    assert pb.asarray(np.arange(3.0), np.float32).dtype == np.float32


RULES = {
    "zeros": lambda m: m.zeros((2, 3)), "zeros of a number": lambda m: m.zeros(3),
    "zeros of a dtype": lambda m: m.zeros(2, dtype=np.int8), "zeros of no axes": lambda m: m.zeros(()),
    "ones": lambda m: m.ones([2, 2]), "ones of a dtype": lambda m: m.ones(2, np.float32),
    "full": lambda m: m.full((2, 2), 7), "full of a dtype": lambda m: m.full(2, 7, np.float16),
    "full of a row": lambda m: m.full((2, 2), np.array([1.0, 2.0])), "arange": lambda m: m.arange(5),
    "arange from": lambda m: m.arange(2, 5), "arange by": lambda m: m.arange(0.0, 1.0, 0.25),
    "arange down": lambda m: m.arange(5, 0, -2), "arange of a dtype": lambda m: m.arange(3, dtype=np.float32),
    "arange of none": lambda m: m.arange(3, 1), "linspace": lambda m: m.linspace(0, 1, 5),
    "linspace open": lambda m: m.linspace(0.0, 1.0, 4, endpoint=False),
    "linspace of one": lambda m: m.linspace(2, 3, 1),
    "linspace of a dtype": lambda m: m.linspace(0, 1, 3, dtype=np.float32), "eye": lambda m: m.eye(3),
    "eye wide": lambda m: m.eye(2, 4, 1), "eye of a dtype": lambda m: m.eye(2, dtype=np.int64),
    "eye below": lambda m: m.eye(3, k=-1), "zeros_like": lambda m: m.zeros_like(np.ones((2, 3), np.float32)),
    "ones_like": lambda m: m.ones_like(np.arange(3)), "full_like": lambda m: m.full_like(np.arange(3), 2.7),
    "zeros_like of a dtype": lambda m: m.zeros_like(np.ones(2), dtype=np.int16),
    "ones_like of a list": lambda m: m.ones_like([1.5, 2.5]),
    "full_like of a dtype": lambda m: m.full_like(np.arange(3), 2.7, dtype=float),
}  # fmt: skip


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_by_rule_as_numpy(rule):
    ours, theirs = rule(pb), rule(np)
    assert isinstance(ours, pb.Tensor)
    assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape)
    assert np.array_equal(ours.numpy(), theirs)


def test_empty_and_likes_of_tensors():
    assert (pb.empty((2, 3)).shape, pb.empty(2, np.float32).dtype) == ((2, 3), np.float32)
    x = pb.tensor(np.ones(2, np.float32), requires_grad=True)
    for like in (pb.zeros_like(x), pb.ones_like(x * 2), pb.full_like(x, 3)):
        assert (like.dtype, like.shape, like.requires_grad) == (np.float32, (2,), False)


@pytest.mark.parametrize("make", [
    lambda v: pb.full((2, 3), v), lambda v: pb.full(3, v, np.float32), lambda v: pb.full_like(np.ones((3, 2)), v),
    lambda v: pb.full_like(pb.ones(4), v),
])  # fmt: skip
def test_filling_with_a_tensor_is_differentiable(make):
    v = pb.tensor(2.0, requires_grad=True)
    filled = make(v)
    assert np.all(filled.numpy() == 2.0)
    filled.sum().backward()
    assert v.grad.item() == filled.size


def test_one_hot():
    assert pb.one_hot([1, 0], 3).tolist() == [[0, 1, 0], [1, 0, 0]]
    assert pb.one_hot(np.array([[1], [2]]), 3).shape == (2, 1, 3)
    assert pb.one_hot(pb.tensor(2), 4, dtype=float).tolist() == [0, 0, 1, 0]
    assert (pb.one_hot([], 3).shape, pb.one_hot([1], 2).dtype) == ((0, 3), np.float32)
    assert pb.one_hot([3, -1], 3).tolist() == [[0, 0, 0], [0, 0, 0]]  # of no class
    for wrong in ([1.0, 0.0], [True, False], [1.5]):
        with pytest.raises(pb.DTypeError, match="must be integers"):
            pb.one_hot(wrong, 3)


def test_a_shape_may_hold_tensors():
    n = pb.tensor(2)
    assert pb.zeros(n).shape == (2,)
    assert pb.ones((n, 3)).shape == (2, 3)
    assert pb.eye(n).shape == (2, 2)
    assert pb.arange(n).tolist() == [0, 1]


def test_each_call_makes_memory_of_its_own():
    a, b = pb.zeros(3), pb.zeros(3)
    a += 1
    assert b.tolist() == [0.0, 0.0, 0.0]
