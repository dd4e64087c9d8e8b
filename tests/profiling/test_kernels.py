"""Kernels of compiled code: the same program, with stamps between its kernels."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from weakref import WeakKeyDictionary

import numpy as np
import pytest

pytest.importorskip("llvmlite", reason="native code is compiled through llvmlite")

import pullback as pb
from pullback.compiler.machine import profiled
from pullback.profiling import recorder
from pullback.profiling.machine import Machine


@pytest.fixture(autouse=True)
def limits(monkeypatch):
    known = Machine({4: 1e9, 8: 1e9}, [(1, 1e9)])
    monkeypatch.setattr("pullback.profiling.profiles.machine", lambda: known)


@pytest.fixture(scope="module")
def sorting():
    """A function of which NumPy does a part in the middle, with a loop at its end."""

    @pb.compile
    def f(x):
        y = pb.exp(x) * 2.0
        y = pb.sort(y)
        h = y[0]
        for i in range(20):
            h = pb.tanh(h + y[i])
        return y.sum() + h

    f.prepare(pb.tensor(np.ones(300)))
    return f


def test_a_profiled_program_gives_the_same_bits_and_the_times_of_its_kernels(sorting):
    x = pb.tensor(np.random.default_rng(0).normal(size=300))
    expected = float(sorting(x))
    with pb.profile() as p:
        found = [float(sorting(x)) for _ in range(3)]
    assert found == [expected] * 3
    kernels = [event for event in p.events if event.kind == "kernel"]
    assert len(kernels) % 3 == 0
    names = [event.name for event in kernels[: len(kernels) // 3]]
    assert "NumPy" in " ".join(names)
    assert any(name.startswith("loop ") for name in names)
    calls = [event for event in p.events if event.kind == "call"]
    assert len(calls) == 3
    for call in calls:
        inside = [event for event in kernels if call.begin <= event.begin and event.end <= call.end]
        assert len(inside) == len(names)
        assert all(one.end <= other.begin for one, other in pairwise(inside))
        took = call.end - call.begin - sum(event.end - event.begin for event in inside)
        assert 0 < call.own <= took, "the first had to build the program with stamps, which is nobody's time"
        assert call is calls[0] or call.own == took
    for event in kernels:
        assert abs(sum(part for _, part in event.lines) - 1) < 1e-9
    assert len(p.table("kernel")) == len(set(names))
    assert "profile: a program" not in str(p)


def test_backward_kernels_belong_to_the_lines_of_the_forward_operations():
    w = pb.tensor(np.ones((40, 30), np.float32), requires_grad=True)

    @pb.compile
    def step(x):
        h = x @ w  # the product
        loss = (h * h).sum()
        loss.backward()
        with pb.no_grad():
            w.assign(w - 0.1 * w.grad)
        w.grad = None
        return loss

    step.prepare(pb.tensor(np.ones((20, 40), np.float32)))
    with pb.profile() as p:
        step(pb.tensor(np.ones((20, 40), np.float32)))
    product = [row for row in p.table("line") if row.name.endswith(f":{product_line()} in step")]
    assert product[0].flops >= 2 * (2 * 20 * 40 * 30), "forward, and the gradient of w"


def product_line():
    with Path(__file__).open(encoding="utf-8") as file:
        return next(number for number, line in enumerate(file, 1) if "# the product" in line)


def test_without_a_clock_for_native_code_calls_are_timed_whole(sorting, monkeypatch):
    monkeypatch.setattr(profiled, "clock", lambda: None)
    monkeypatch.setattr(recorder, "_stamped", WeakKeyDictionary())
    with pb.profile() as p:
        sorting(pb.tensor(np.ones(300)))
    assert [event.kind for event in p.events if event.kind in ("call", "kernel")] == ["call"]


def test_a_program_that_refuses_leaves_no_times():
    @pb.compile
    def pick(x, i):
        return pb.take(pb.exp(x) * pb.tanh(x) + pb.sin(x), i).sum()

    x, i = pb.tensor(np.ones(50)), np.array([3, 4, 5] * 20)
    pick.prepare(x, i)
    with pb.profile() as p:
        pick(x, i)
        with pytest.raises(IndexError):
            pick(x, i + 100)
    calls = [event for event in p.events if event.kind == "call"]
    kernels = [event for event in p.events if event.kind == "kernel"]
    assert len(calls) == 2
    assert kernels
    assert all(event.end <= calls[1].begin for event in kernels)


def test_the_clock_is_pythons():
    import ctypes
    import time

    found = profiled.clock()
    assert found is not None
    before = time.perf_counter_ns()
    if found.writes:
        place = ctypes.c_int64()
        assert ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)(found.address)(ctypes.byref(place)) == 0
        now = place.value
    else:
        now = ctypes.CFUNCTYPE(ctypes.c_int64)(found.address)()
    assert before <= now <= time.perf_counter_ns()
