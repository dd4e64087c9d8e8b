"""Chains of 100,000 operations: linear work, no recursion, and nothing left behind."""

from __future__ import annotations

import gc
import sys
import weakref
from contextlib import contextmanager

import numpy as np
import pytest

import pullback as pb
from pullback.core.graph import Node

LENGTH = 100_000


def chain(x, length=LENGTH):
    for _ in range(length // 2):
        x = x * 1.00001 + 0.0
    return x


@contextmanager
def little_stack():
    """Leave room for a few dozen frames: what recursed per node would fail at once."""
    depth, frame = 0, sys._getframe()
    while frame is not None:
        depth, frame = depth + 1, frame.f_back
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(depth + 60)
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


@contextmanager
def without_collector():
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def nodes_alive():
    return sum(type(o) is Node for o in gc.get_objects())


def test_build_walk_and_free():
    with without_collector(), little_stack():
        before = nodes_alive()
        x = pb.tensor(1.0, requires_grad=True)
        y = chain(x)
        last = weakref.ref(y.node)
        assert nodes_alive() - before == LENGTH + 1
        y.backward()
        assert x.grad.item() == pytest.approx(1.00001 ** (LENGTH // 2))
        del y
        assert last() is None
        assert nodes_alive() - before == 1  # the leaf


def test_free_without_walking():
    with without_collector(), little_stack():
        before = nodes_alive()
        x = pb.tensor(np.ones(3), requires_grad=True)
        y = chain(x)
        del y, x
        assert nodes_alive() == before


def test_an_in_place_chain():
    with little_stack():
        x = pb.tensor([1.0, 2.0], requires_grad=True)
        y = x * 1.0
        for _ in range(20_000):
            y += x
        y.sum().backward()
    assert x.grad.tolist() == [20_001.0, 20_001.0]


@pytest.mark.parametrize("transform", [
    lambda f, x: pb.grad(f)(x), lambda f, x: pb.jvp(f, (x,), (1.0,))[1], lambda f, x: pb.vjp(f, x)[1](1.0)[0],
    lambda f, x: pb.linearize(f, x)[1](1.0), lambda f, x: pb.jacobian(f, mode="forward")(x),
], ids=["grad", "jvp", "vjp", "linearize", "jacobian"])  # fmt: skip
def test_transforms_of_a_chain(transform):
    with little_stack():
        found = transform(lambda x: chain(x, 20_000), 1.0)
    assert found.item() == pytest.approx(1.00001**10_000)


def test_second_order_of_a_chain():
    def power(x, n=1000):
        y = x
        for _ in range(n - 1):
            y = y * x
        return y

    x = 1.001
    with little_stack():
        assert pb.grad(pb.grad(power))(x).item() == pytest.approx(1000 * 999 * x**998)
        assert pb.hessian(power)(x).item() == pytest.approx(1000 * 999 * x**998)


def test_checkpoints_nested_in_a_row():
    step = pb.checkpoint(lambda x: chain(x, 100))

    def f(x):
        for _ in range(50):
            x = step(x)
        return x

    assert pb.grad(f)(1.0).item() == pytest.approx(1.00001**2500)


def calls_made(work):
    """How many Python functions a piece of work calls: a clock that a busy machine does not disturb."""
    count = 0

    def counter(_frame, event, _argument):
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(counter)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize("shape", ["chain", "diamonds", "star", "in place"])
def test_work_is_linear(shape):
    def work(n):
        x = pb.tensor(1.0 if shape == "chain" else [1.0, 2.0], requires_grad=True)
        if shape == "chain":
            y = chain(x, n)
        elif shape == "diamonds":
            y = x
            for _ in range(n // 3):
                y = y * 0.5 + y * 0.5  # each doubles the number of paths
        elif shape == "star":
            y = pb.stack([x * i for i in range(n)])
        else:
            y = x * 1
            for _ in range(n):
                y *= 1.0
        y.sum().backward()

    work(100)
    small, large = (calls_made(lambda n=n: work(n)) for n in (1_000, 4_000))
    assert large < 4.2 * small


def test_a_number_of_paths_beyond_all_counting():
    x = pb.tensor(1.0, requires_grad=True)
    y = x
    for _ in range(1000):
        y = y * 0.5 + y * 0.5  # 2**1000 paths
    y.backward()
    assert x.grad.item() == 1.0
