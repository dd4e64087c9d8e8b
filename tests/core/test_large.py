"""Large arrays are computed in blocks, on threads, in memory that was used before; nobody can tell but by the clock."""

from __future__ import annotations

import gc
import threading

import numpy as np
import pytest

import pullback as pb
from pullback.core import blocks
from pullback.core.blocks import BLOCK, LARGE

SIZES = (LARGE - 1, LARGE, LARGE + 1, LARGE + BLOCK + 7)


def numbers(size, dtype=np.float64, low=0.1):
    """Numbers in [low, 2), all different, the same each time."""
    return (low + (2 - low) * ((np.arange(size) * 0.6180339887498949) % 1)).astype(dtype)


OPERATIONS = {
    "add": (pb.add, np.add), "multiply": (pb.multiply, np.multiply), "divide": (pb.divide, np.divide),
    "maximum": (pb.maximum, np.maximum), "power": (pb.power, np.power), "arctan2": (pb.arctan2, np.arctan2),
    "less": (pb.less, np.less), "floor_divide": (pb.floor_divide, np.floor_divide),
}  # fmt: skip

SECONDS = {
    "same shape": lambda a: a[::-1].copy(), "itself": lambda a: a, "number": lambda a: 1.5, "int": lambda a: 2,
    "float32": lambda a: np.float32(1.5), "no axes": lambda a: np.array(1.5), "one": lambda a: np.array([1.5]),
    "one of two axes": lambda a: np.array([[1.5]]), "reversed": lambda a: a[::-1],
    "broadcast": lambda a: np.broadcast_to(np.float64(1.25), a.shape), "other dtype": lambda a: a.astype(np.float32),
    "ints": lambda a: np.arange(a.size).reshape(a.shape) % 3 + 1, "booleans": lambda a: a > 0,
    "spread": lambda a: np.repeat(a, 2)[::2],
}  # fmt: skip


@pytest.mark.parametrize("second", SECONDS.values(), ids=SECONDS)
@pytest.mark.parametrize("name", OPERATIONS)
def test_values_and_gradients_are_those_of_the_whole(name, second):
    ours, theirs = OPERATIONS[name]
    a = numbers(LARGE + BLOCK + 7)
    b = second(a)
    expected = theirs(a, b)
    for first in (pb.tensor(a), pb.tensor(a, requires_grad=True)):
        found = ours(first, b)
        assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
        assert np.array_equal(found.numpy(), expected)
    turned = ours(b, pb.tensor(a))
    assert np.array_equal(turned.numpy(), theirs(b, a))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_gradient_is_that_of_the_parts(size, dtype):
    def f(x):
        return (pb.sin(x) * pb.exp(-x) + pb.where(x > 1, pb.sqrt(x), x * x) / (1 + x) - pb.maximum(x, 1.0) ** 3).sum()

    x = numbers(size, dtype)
    found = pb.grad(f)(x)
    assert (found.dtype, found.shape) == (dtype, (size,))
    parts = np.concatenate([pb.grad(f)(part).numpy() for part in np.array_split(x, 9)])
    assert np.array_equal(found.numpy(), parts)


@pytest.mark.parametrize("layout", [
    lambda a: a.reshape(3, -1), lambda a: np.asfortranarray(a.reshape(3, -1)), lambda a: a.reshape(3, -1).T,
    lambda a: np.repeat(a, 2)[::2], lambda a: a[::-1], lambda a: np.broadcast_to(a[: a.size // 3], (3, a.size // 3)),
], ids=["rows", "columns", "transposed", "strided", "reversed", "broadcast"])  # fmt: skip
def test_every_layout(layout):
    a = layout(numbers(3 * (LARGE // 2)))
    x = pb.tensor(a, requires_grad=True, copy=False)
    y = pb.exp(x) * a + x[..., :1]
    y.backward(np.broadcast_to(2.0, y.shape))
    expected = 2 * np.exp(a) * a
    expected[..., :1] += 2.0 * (a.shape[-1])
    assert np.array_equal(y.numpy(), np.exp(a) * a + a[..., :1])
    assert np.allclose(x.grad.numpy(), expected, rtol=1e-14)


def test_rows_and_columns_broadcast():
    a, row, column = numbers(LARGE * 2).reshape(1024, -1), numbers(LARGE * 2 // 1024), numbers(1024)[:, None]
    x, r, c = (pb.tensor(v, requires_grad=True) for v in (a, row, column))
    y = x * r + c / x
    assert np.array_equal(y.numpy(), a * row + column / a)
    y.sum().backward()
    assert np.allclose(r.grad.numpy(), a.sum(axis=0))
    assert np.allclose(c.grad.numpy(), (1 / a).sum(axis=1, keepdims=True))


def test_a_singular_partial_in_one_place():
    a = numbers(LARGE + 5)
    a[-1] = 0.0
    gradient = pb.grad(lambda x: pb.where(x > 0, pb.sqrt(x), 3 * x).sum())(a).numpy()
    assert gradient[-1] == 3.0
    assert np.array_equal(gradient[:-1], 0.5 / np.sqrt(a[:-1]))
    assert pb.grad(lambda x: pb.sqrt(x).sum())(a).numpy()[-1] == np.inf


def test_higher_orders_and_forward_mode():
    a = numbers(LARGE + 5)
    second = pb.grad(lambda x: (pb.grad(lambda x: (x**3 * pb.tanh(x)).sum())(x) * 2).sum())(a)
    t = np.tanh(a)
    expected = 2 * (6 * a * t + 6 * a**2 * (1 - t**2) - 2 * a**3 * t * (1 - t**2))
    assert np.allclose(second.numpy(), expected, rtol=1e-12)
    tangent = pb.jvp(lambda x: pb.exp(x) / x, (a,), (a,))[1]
    assert np.allclose(tangent.numpy(), np.exp(a) - np.exp(a) / a, rtol=1e-12, atol=1e-15)


def test_errors_and_warnings_come_through():
    a = numbers(LARGE + 5)
    a[-1] = -1.0
    with np.errstate(invalid="raise"), pytest.raises(FloatingPointError):
        pb.log(a)
    with pytest.warns(RuntimeWarning, match="invalid value"):
        pb.log(a)
    with np.errstate(invalid="ignore"):
        assert np.isnan(pb.log(a).numpy()[-1])
        with pb.detect_anomaly(), pytest.raises(pb.NotFiniteError, match="log: the value"):
            pb.log(pb.tensor(a, requires_grad=True))


HOLDS = {
    "tensor": lambda t: t, "array": lambda t: t.array, "numpy": lambda t: t.numpy(), "view": lambda t: t.numpy()[7:],
    "transpose": lambda t: t.T.numpy(), "memoryview": lambda t: memoryview(t.numpy()), "slice": lambda t: t[5:],
    "reshape": lambda t: t.reshape(-1, 1), "iterator": lambda t: t.array.flat,
    "reinterpreted": lambda t: t.numpy().view(np.uint8), "dlpack": lambda t: np.from_dlpack(t.array),
    "closure": lambda t: (lambda a=t.array: a),
    "strided": lambda t: np.lib.stride_tricks.as_strided(t.array, (9,), (8,)),
}  # fmt: skip


def held_numbers(held):
    held = held() if callable(held) and not isinstance(held, pb.Tensor) else held
    return np.array(held.numpy() if isinstance(held, pb.Tensor) else held[:] if isinstance(held, np.flatiter) else held)


@pytest.mark.parametrize("hold", HOLDS.values(), ids=HOLDS)
def test_memory_that_somebody_sees_is_not_lent_again(hold):
    a = pb.tensor(numbers(LARGE))
    held = hold(a * 2.0)
    before = held_numbers(held)
    for factor in range(5):  # of the same size: would take the memory if it were free
        y = pb.exp(a) * float(factor)
        del y
        gc.collect()
    assert np.array_equal(held_numbers(held), before)


def test_a_graph_keeps_what_it_saved():
    x = pb.tensor(numbers(LARGE), requires_grad=True)
    loss = (pb.exp(x) * pb.sin(x)).sum()
    for _ in range(4):
        pb.exp(x.detach() * 3.0)
    loss.backward()
    gradient = x.grad
    for _ in range(4):
        pb.exp(x.detach() * 3.0)
    expected = np.exp(x.numpy()) * (np.sin(x.numpy()) + np.cos(x.numpy()))
    assert np.allclose(gradient.numpy(), expected, rtol=1e-14)


def test_many_threads_at_once():
    wrong = []

    def work(i):
        a = numbers(LARGE) + i
        for _ in range(6):
            y = pb.tensor(a) * 2.0
            z = pb.exp(-y) + y
            if not np.array_equal(z.numpy(), np.exp(-(a * 2.0)) + a * 2.0):
                wrong.append(i)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_in_place_on_large_tensors():
    t = pb.tensor(numbers(LARGE)) * 1.0
    view, before = t.numpy(), t.numpy().copy()
    t += 1.0
    t *= pb.exp(t * 0.0)
    t[5] = 7.0
    assert np.array_equal(view, before)
    expected = before + 1.0
    expected[5] = 7.0
    assert np.array_equal(t.numpy(), expected)


def test_as_many_threads_work_on_blocks_as_are_set(monkeypatch):
    used = set()

    def kernel(x):
        used.add(threading.get_ident())
        return x + 1

    x = np.zeros(32 * blocks.BLOCK)
    try:
        for count in (1, 3, 2):
            pb.set_threads(count)
            used.clear()
            assert (blocks.blockwise(kernel, [x]) == 1).all()
            assert len(used) <= count
            assert len(blocks._pool) == (count > 1)
            if count > 1:
                assert blocks._pool[0]._max_workers == count - 1
    finally:
        pb.set_threads(None)
