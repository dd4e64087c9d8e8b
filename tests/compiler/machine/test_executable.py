"""Executables: each call at a time has memory of its own, which is used again and goes with its program."""

from __future__ import annotations

import gc
import threading
import weakref

import numpy as np
import pytest

pytest.importorskip("llvmlite", reason="native code is compiled through llvmlite")

import pullback as pb
from pullback.compiler.machine.frame import Frame


@pytest.fixture
def chain(set_threads):
    """A program whose intermediate values lie in an arena, long enough for other threads to come between."""
    set_threads(1)
    f = pb.compile(lambda a, b: pb.exp(pb.tanh(a) @ b) @ b)
    f.prepare(*arguments(0))
    f(*arguments(0))
    return f


def arguments(seed):
    return 0.1 * np.random.default_rng(seed).normal(size=(2, 60, 60))


def test_threads_do_not_share_a_frame(chain):
    expected = [chain(*arguments(number)).numpy() for number in range(6)]
    (executable,) = chain._most_used("memory").executables
    assert executable.plan.arena > 0
    assert len(executable.free) == 1, "one call at a time uses one frame, again and again"
    wrong = []

    def work(number):
        given = arguments(number)
        answers = (chain(*given).numpy() for _ in range(150))
        wrong.extend(number for answer in answers if not np.array_equal(answer, expected[number]))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert 1 <= len(executable.free) <= 6


def test_the_memory_of_a_frame_goes_with_its_program():
    f = pb.compile(lambda a, b: pb.exp(pb.tanh(a) @ b) @ b)
    f.prepare(*arguments(0))
    f(*arguments(0))
    (executable,) = f._most_used("memory").executables
    memory = weakref.ref(executable.free[0]._memory)
    assert memory() is not None
    del executable, f
    gc.collect()
    assert memory() is None


def test_frames_work_in_memory_of_their_own(chain):
    (executable,) = chain._most_used("memory").executables
    one, other = (Frame(executable.outline, executable.codes) for _ in range(2))
    before = other._memory.copy()
    a, b = arguments(1)
    assert one.calls[0](a, b, np.empty((60, 60))) == 0
    assert np.array_equal(other._memory, before)
    assert not np.array_equal(one._memory[: executable.plan.arena], before[: executable.plan.arena])
