"""Every transform, again and again and from eight threads: memory stays as it is, and so do the answers."""

from __future__ import annotations

import gc
import os
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import pullback as pb
from pullback.core.tree import leaves

X = np.linspace(-1.0, 2.0, 12).reshape(3, 4)
STATM = Path("/proc/self/statm")


def f(x):
    return (pb.tanh(x @ x.T) * pb.exp(-x[:, :3])).sum()


def backward(x):
    w = pb.tensor(x, requires_grad=True)
    f(w).backward()
    return w.grad


def twice(x):
    w = pb.tensor(x, requires_grad=True)
    f(w).backward(create_graph=True)
    (first,) = [w.grad]
    w.grad = None
    (first * first).sum().backward()
    return w.grad


@pb.custom_vjp
def cube(x):
    return x * x * x


cube.defvjp(lambda x: (cube(x), x), lambda x, ct: (3 * x * x * ct,))


def explained(x):
    w = pb.tensor(x, requires_grad=True)
    return pb.tensor(pb.explain(lambda: f(w), w)[0].gradient)


TRANSFORMS = {
    "backward": backward,
    "backward twice": twice,
    "grad": pb.grad(f),
    "grad of grad": pb.grad(lambda x: (pb.grad(f)(x) ** 2).sum()),
    "vjp": lambda x: pb.vjp(f, x)[1](1.0),
    "jvp": lambda x: pb.jvp(f, (x,), (x,)),
    "linearize": lambda x: pb.linearize(f, x)[1](x),
    "jacobian": pb.jacobian(lambda x: pb.tanh(x).sum(axis=0)),
    "hessian": lambda x: pb.hessian(f)(x),
    "vmap": pb.vmap(lambda row: pb.softmax(row)),
    "vmap of grad": pb.vmap(pb.grad(lambda row: (pb.tanh(row) ** 2).sum())),
    "grad of vmap": pb.grad(lambda x: pb.vmap(pb.tanh)(x).sum()),
    "checkpoint": pb.grad(lambda x: pb.checkpoint(f)(x)),
    "scan": pb.grad(lambda x: pb.scan(lambda c, row: (pb.tanh(c + row), c), x[0], x)[0].sum()),
    "a rule of one's own": pb.grad(lambda x: cube(x).sum()),
    "sparse_jacobian": lambda x: pb.tensor(pb.sparse_jacobian(pb.tanh, x[0]).toarray()),
    "compile": pb.compile(pb.value_and_grad(f)),
    "explain": explained,
}  # fmt: skip


def numbers(result):
    return [np.asarray(x) for x in leaves(result)]


def again(step, times):
    for _ in range(times):
        step(X)


@pytest.mark.parametrize("name", TRANSFORMS)
def test_no_object_is_left_behind(name):
    step, times, growth = TRANSFORMS[name], 20, []
    again(step, times)
    for _ in range(6):  # caches fill at first
        gc.collect()
        before = sys.getallocatedblocks()
        again(step, times)
        gc.collect()
        growth.append(sys.getallocatedblocks() - before)
        if growth[-1] < times:
            break
    assert min(growth) < times, f"more than an object a step: {growth}"


@pytest.mark.long
@pytest.mark.skipif(not STATM.exists(), reason="what is resident is read from /proc, which Linux has")
@pytest.mark.parametrize("name", TRANSFORMS)
def test_resident_memory_is_flat_over_10_000_steps(name):
    def resident():
        return int(STATM.read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")

    step = TRANSFORMS[name]
    again(step, 500)
    before = resident()
    again(step, 10_000)
    assert resident() - before < 2**20


@pytest.fixture
def restless():
    """Let threads take turns as often as they can."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(interval)


def test_eight_threads_agree_with_one(restless):
    inputs = [X + 0.1 * number for number in range(8)]
    again(TRANSFORMS["compile"], 2)  # calls that are recorded may round otherwise than the program
    alone = [{name: numbers(step(x)) for name, step in TRANSFORMS.items()} for x in inputs]
    found: list[dict[str, object]] = [{} for _ in inputs]
    ready = threading.Barrier(len(inputs))

    def work(number):
        ready.wait()
        for turn in range(len(TRANSFORMS)):  # each begins elsewhere
            name = [*TRANSFORMS][(turn + 3 * number) % len(TRANSFORMS)]
            found[number][name] = numbers(TRANSFORMS[name](inputs[number]))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(len(inputs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for one, many in zip(alone, found, strict=True):
        assert one.keys() == many.keys()
        for name, arrays in one.items():
            for a, b in zip(arrays, many[name], strict=True):
                np.testing.assert_array_equal(a, b, err_msg=name)
