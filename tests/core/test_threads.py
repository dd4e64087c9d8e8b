"""Gradients that several threads add at once are all there."""

from __future__ import annotations

import os
import sys
import threading

import numpy as np
import pytest

import pullback as pb
from pullback.tensors import backward


@pytest.fixture
def restless():
    """Let threads take turns as often as they can."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


@pytest.mark.parametrize("create_graph", [False, True])
def test_no_gradient_is_lost_between_threads(create_graph, restless):
    leaves = [pb.tensor(np.zeros(1), requires_grad=True) for _ in range(3)]

    def work():
        for _ in range(300):
            (leaves[0] * 1.0 + leaves[1] * 2.0 + leaves[2] * 3.0).sum().backward(create_graph=create_graph)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [leaf.grad.item() for leaf in leaves] == [2400.0, 4800.0, 7200.0]


def test_no_gradient_is_lost_between_programs_and_threads(restless):
    leaf = pb.tensor(np.zeros(1), requires_grad=True)

    def step(x):
        (leaf * x).sum().backward()

    compiled = pb.compile(step)
    for _ in range(3):
        compiled(np.ones(1))

    def work(run):
        for _ in range(300):
            run(np.ones(1))

    threads = [threading.Thread(target=work, args=(run,)) for run in (compiled, compiled, compiled, step)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert leaf.grad.item() == 1203.0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")  # it is what is tested
@pytest.mark.filterwarnings("ignore:os.fork:RuntimeWarning")  # from JAX, where another test has loaded it
def test_a_child_does_not_wait_for_a_thread_of_its_parent(monkeypatch):
    held, done = threading.Event(), threading.Event()

    def hold():
        with backward.ADDING[0]:
            held.set()
            done.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    lock = backward.ADDING[0]
    child = os.fork()
    if child == 0:
        os._exit(0 if backward.ADDING[0] is not lock and backward.ADDING[0].acquire(blocking=False) else 1)
    _, status = os.waitpid(child, 0)
    done.set()
    thread.join()
    assert os.waitstatus_to_exitcode(status) == 0
