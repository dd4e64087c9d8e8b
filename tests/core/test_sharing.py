"""No tensor changes because another one is written to: attacks on writing without a copy."""

from __future__ import annotations

import copy
import ctypes
import pickle
import threading

import numpy as np
import pytest

import pullback as pb

WRITES = {
    "+= number": lambda t: t.__iadd__(1.0), "-= array": lambda t: t.__isub__(np.full(t.shape, 7.0)),
    "*= tensor": lambda t: t.__imul__(pb.full(t.shape, 3.0)),
    "/= list": lambda t: t.__itruediv__(np.full(t.shape, 2.0).tolist()), "**= 2": lambda t: t.__ipow__(2),
    "//=": lambda t: t.__ifloordiv__(2.0), "[...]": lambda t: t.__setitem__(..., 5.0), "fill": lambda t: t.fill(9.0),
    "twice": lambda t: t.__iadd__(1.0).__iadd__(1.0),
    "itself": lambda t: t.__iadd__(t), "minus itself": lambda t: t.__isub__(t), "no_grad": lambda t: without(t),
}  # fmt: skip


def without(t):
    with pb.no_grad():
        t += 1.0
        t *= 2.0


@pytest.fixture(params=WRITES.values(), ids=WRITES)
def write(request):
    return request.param


SEEN = {
    "numpy": lambda t: t.numpy(), "numpy of a part": lambda t: t.numpy()[1:], "asarray": np.asarray,
    "array": lambda t: t.array, "memoryview": lambda t: memoryview(t.numpy()),
    "raw memoryview": lambda t: memoryview(t.array), "flat": lambda t: t.array.flat,
    "nditer": lambda t: np.nditer(t.array), "ctypes": lambda t: np.ctypeslib.as_ctypes(t.array),
    "dlpack": lambda t: np.from_dlpack(t.array), "slice": lambda t: t[1:], "transpose": lambda t: t.T,
    "reshape": lambda t: t.reshape(-1), "ravel": lambda t: t.ravel(), "expand_dims": lambda t: pb.expand_dims(t, 0),
    "broadcast_to": lambda t: pb.broadcast_to(t, (3, *t.shape)), "detach": lambda t: t.detach(),
    "identity": pb.identity, "positive": lambda t: +t, "copy": copy.copy, "deepcopy": copy.deepcopy,
    "same array": lambda t: pb.Tensor(t.array), "flip": pb.flip, "swapaxes": lambda t: t.swapaxes(0, -1),
    "asarray of ours": lambda t: pb.tensor(t, copy=False), "pickled": lambda t: pickle.loads(pickle.dumps(t)),
    "split": lambda t: pb.split(t, 2)[1], "stack": lambda t: pb.stack([t, t]), "squeeze": lambda t: t.squeeze(),
    "iterated": lambda t: list(t)[1], "strided": lambda t: np.lib.stride_tricks.as_strided(t.array, (2,), (8,)),
    "astype": lambda t: t.astype(float), "closure": lambda t: (lambda a: lambda: a)(t.array),
    "assigned": lambda t: pb.zeros(t.shape).assign(t), "in a list": lambda t: [t.array],
    "diagonal": lambda t: pb.diagonal(pb.outer(t, t)) if t.ndim == 1 else t.diagonal(),
}  # fmt: skip


def numbers(seen):
    if callable(seen) and not isinstance(seen, pb.Tensor):
        seen = seen()
    if isinstance(seen, pb.Tensor):
        seen = seen.array
    if isinstance(seen, (np.flatiter, np.nditer, list)):
        seen = [np.array(v) for v in seen]
    if isinstance(seen, ctypes.Array):
        seen = np.ctypeslib.as_array(seen)
    return np.array(seen).tolist()


@pytest.mark.parametrize("look", SEEN.values(), ids=SEEN)
@pytest.mark.parametrize("shape", [(4,), (2, 2)])
def test_what_was_seen_before_does_not_change(look, shape, write):
    t = pb.zeros(shape) + np.arange(1.0, 5.0).reshape(shape)
    seen = look(t)
    before = numbers(look(t) if isinstance(seen, (np.nditer, np.flatiter)) else seen)
    write(t)
    assert numbers(seen) == before


def test_the_other_way_round(write):
    t = pb.arange(4) * 1.0
    for view in (t[1:], t.reshape(2, 2), t.T, t.detach(), pb.identity(t), copy.copy(t), pb.flip(t), pb.asarray(t) + 0):
        write(view)
    assert t.tolist() == [0.0, 1.0, 2.0, 3.0]


@pytest.mark.parametrize("size", [3, 5000])
def test_what_a_graph_holds_does_not_change(size, write):
    w = pb.tensor(np.full(size, 2.0), requires_grad=True)
    constant, inner = pb.full(size, 3.0), w * 1.0
    loss = (w * constant + inner * inner * pb.sin(constant)).sum()
    write(constant)
    write(inner)
    loss.backward()
    assert np.allclose(w.grad.numpy(), 3.0 + 4.0 * np.sin(3.0))


def test_constants_that_pictures_show_do_not_change(write):
    w, constant = pb.tensor([1.0, 2.0], requires_grad=True), pb.full(2, 3.0)
    y = w + constant  # whose derivative needs neither
    write(constant)
    assert y.node.inputs[1].tolist() == [3.0, 3.0]


def test_the_gradient_that_a_recorded_graph_holds(write):
    p = pb.tensor([1.0, 2.0], requires_grad=True)
    (p**3).sum().backward(create_graph=True)
    loss = (p.grad * p.grad).sum()
    with pb.no_grad():
        write(p.grad)
    p.grad = None
    loss.backward()
    assert p.grad.tolist() == [36.0, 288.0]  # d(9p⁴) = 36p³


def test_a_number_that_was_taken():
    t = pb.tensor(1.0)
    array = t.array
    for other in (t + 0.0, pb.Tensor(t.array), t.detach(), t.numpy()):
        t += 1.0
        t *= 2.0
        assert float(other) == 1.0 or other is not t
        t.assign(1.0)
    assert array == 1.0


def test_the_caller_s_memory():
    a = np.ones(4)
    view = a[1:]
    for t in (pb.tensor(a, copy=False), pb.Tensor(a), pb.tensor(view, copy=False), pb.Tensor(view)):
        t += 1
        t *= 5
    assert a.tolist() == [1.0] * 4
    t = pb.tensor(a, copy=False)
    base = a[:2]
    del a, view  # now the view alone keeps the memory alive
    t += 1
    assert base.tolist() == [1.0, 1.0]


def test_read_only_memory():
    a = np.ones(3)
    a.flags.writeable = False
    t = pb.Tensor(a)
    del a
    t += 1
    assert t.tolist() == [2.0, 2.0, 2.0]


def test_results_are_right_where_operands_overlap():
    t = pb.arange(6).astype(float).reshape(2, 3)
    t += t[0]
    assert t.tolist() == [[0.0, 2.0, 4.0], [3.0, 5.0, 7.0]]
    t += t[::-1]
    assert t.tolist() == [[3.0, 7.0, 11.0], [3.0, 7.0, 11.0]]
    t -= t
    assert t.tolist() == [[0.0] * 3] * 2


def test_an_operand_with_code_of_its_own():
    t, seen = pb.zeros(3), []

    class Lazy:
        dtype, ndim, shape = np.dtype(float), 1, (3,)

        def __array__(self, dtype=None, copy=None):
            seen.append(t.numpy())
            return np.ones(3)

    t += Lazy()
    assert np.array_equal(t.numpy(), np.ones(3))
    assert seen
    assert all(np.array_equal(view, np.zeros(3)) for view in seen)


def test_a_step_of_a_parameter_that_another_thread_has_looked_at():
    w = pb.tensor(np.zeros(1000), requires_grad=True)
    looked, stepped = threading.Barrier(2), threading.Barrier(2)
    seen = []

    def reader():
        for _ in range(20):
            view = w.detach()
            before = view.numpy().copy()
            looked.wait(10)
            stepped.wait(10)
            seen.append(np.array_equal(view.numpy(), before))

    thread = threading.Thread(target=reader)
    thread.start()
    with pb.no_grad():
        for _ in range(20):
            looked.wait(10)
            w += 1.0
            stepped.wait(10)
    thread.join()
    assert seen == [True] * 20
    assert np.array_equal(w.numpy(), np.full(1000, 20.0))


def test_writing_without_a_copy_happens_where_nobody_looks():
    # Else an optimizer's step would cost an allocation, and the attacks above would test nothing.
    t = pb.zeros(1000)
    address = t.array.__array_interface__["data"][0]
    for _ in range(3):
        t += 1.0
        t *= 2.0
    assert t.array.__array_interface__["data"][0] == address
    assert np.all(t.numpy() == 14.0)
