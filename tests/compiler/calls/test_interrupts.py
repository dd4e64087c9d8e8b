"""A call of a program is all or nothing: Ctrl-C leaves the state before it or after it, whenever it comes."""

from __future__ import annotations

import signal
import sys
import threading

import numpy as np
import pytest

import pullback as pb
from pullback import nn, optim
from pullback.compiler.machine import fallback
from pullback.core.modes import ModeContext, current_mode

x0 = np.random.default_rng(0).normal(size=(8, 4)).astype(np.float32)
labels = np.arange(8) % 3


def adam_step():
    """A step whose state is of all kinds: parameters, moments, a count, gradients, a buffer, a generator."""
    model = nn.Sequential(nn.Linear(4, 300, rng=0), nn.ReLU(), nn.Dropout(0.5, rng=np.random.default_rng(1)))
    last = nn.Linear(300, 3, rng=1)
    optimizer = optim.Adam([*model.parameters(), *last.parameters()], lr=0.01)
    rng = np.random.default_rng(2)
    mean = pb.zeros(3)

    @pb.compile
    def step(x, labels):
        optimizer.zero_grad()
        logits = last(model(x)) + pb.random.normal(size=3, rng=rng, dtype=np.float32)
        loss = pb.cross_entropy(logits, labels)
        loss.backward()
        optimizer.step()
        mean.assign(mean * 0.9 + logits.detach().mean(axis=0))
        return loss

    for _ in range(4):
        step(x0, labels)
    (group,) = optimizer.param_groups
    tensors = [*group.params, *(t for state in group.states for t in state.values()), mean]
    generators = [rng, *(g for _, g in model.named_generators())]
    return lambda: step(x0, labels), tensors, generators


def plain_step():
    """A step that is one native call, and writes over what was there."""
    model = nn.Linear(4, 3, rng=0)
    optimizer = optim.Adam(model.parameters(), lr=0.01)

    @pb.compile
    def step(x, labels):
        loss = pb.cross_entropy(model(x), labels)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        return loss

    for _ in range(4):
        step(x0, labels)
    (group,) = optimizer.param_groups
    return lambda: step(x0, labels), [*group.params, *(t for s in group.states for t in s.values())], []


def state(tensors, generators):
    grads = [None if t.grad is None else t.grad.numpy().tobytes() for t in tensors]
    return [t.numpy().tobytes() for t in tensors], grads, [str(g.bit_generator.state) for g in generators]


def restore(tensors, generators, saved):
    arrays, grads, states = saved
    for t, array, grad in zip(tensors, arrays, grads, strict=True):
        t.array, t.grad = array.copy(order="K"), None if grad is None else grad
    for g, then in zip(generators, states, strict=True):
        g.bit_generator.state = then


def traced(call, last=None):
    """Call while counting the instructions of Pullback's own code; KeyboardInterrupt comes at the last, if one is."""
    count = 0

    def trace(frame, event, _):
        nonlocal count
        if "pullback" not in frame.f_code.co_filename:
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        if event == "opcode":
            count += 1
            if count == last:
                raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    sys._getframe().f_trace_opcodes = True  # Python 3.12 looks once, while the tracer is set, whether anyone wants them
    sys.settrace(trace)
    try:
        call()
    finally:
        sys.settrace(before)
    return count


def instructions(call):
    """How many instructions a call takes."""
    traced(call)  # Python 3.13 sees most instructions of a function from its second traced call on
    return traced(call)


def interrupted_at(number, call):
    """Whether a call was interrupted at its instruction of a number."""
    try:
        traced(call, number)
    except KeyboardInterrupt:
        return True
    return False


@pytest.mark.parametrize("native", [True, False])
@pytest.mark.parametrize("make", [plain_step, adam_step])
@pytest.mark.filterwarnings("ignore::pullback.PullbackWarning")
def test_an_exception_at_any_instruction_leaves_all_or_nothing(make, native, monkeypatch):
    if not native:
        monkeypatch.setattr(fallback, "find_spec", lambda name: None)
        fallback.native.cache_clear()
    call, tensors, generators = make()
    fallback.native.cache_clear()
    arrays, grads = [t.array.copy(order="K") for t in tensors], [t.grad for t in tensors]
    saved = arrays, grads, [g.bit_generator.state for g in generators]
    before = state(tensors, generators)
    call()
    after = state(tensors, generators)
    assert before != after
    total = instructions(call)
    seen = set()
    for number in {*range(1, total, total // 40), *range(total - 60, total, 2)}:
        traced(call)  # in peace, so that the next one takes as many instructions as the first
        restore(tensors, generators, saved)
        assert state(tensors, generators) == before
        assert interrupted_at(number, call)
        now = state(tensors, generators)
        assert now in (before, after), f"torn at instruction {number} of {total}"
        seen.add(now == after)
    assert seen == {False, True}


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="Windows has no timer that sends signals")
@pytest.mark.parametrize("make", [plain_step, adam_step])
def test_signals_leave_all_or_nothing(make):
    assert threading.current_thread() is threading.main_thread()
    call, tensors, generators = make()
    twin, expected, lots = make()  # steps on by itself to where the other must be
    rng = np.random.default_rng(0)

    def stop(*_):
        raise KeyboardInterrupt

    handler = signal.signal(signal.SIGALRM, stop)
    came = 0
    try:
        for _ in range(60):
            try:
                signal.setitimer(signal.ITIMER_REAL, rng.uniform(2e-6, 4e-4))
                for _ in range(20):
                    call()
                    twin_behind = state(expected, lots) != state(tensors, generators)
                    if twin_behind:
                        twin()
            except KeyboardInterrupt:
                came += 1
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
            for _ in range(3):
                if state(expected, lots) == state(tensors, generators):
                    break
                twin()
            assert state(expected, lots) == state(tensors, generators)
    finally:
        signal.signal(signal.SIGALRM, handler)
    assert came > 0


def test_an_interrupt_at_the_end_of_a_recording_leaves_no_trace():
    w = pb.tensor([1.0, 2.0])
    leave, came = ModeContext.__exit__.__code__, []

    def trace(frame, event, _):
        if frame.f_code is leave and current_mode().trace is not None and not came:
            came.append(event)
            raise KeyboardInterrupt

    @pb.compile
    def step(x):
        w.assign(w * x)
        return w.sum()

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        with pytest.raises(KeyboardInterrupt):
            step(2.0)
    finally:
        sys.settrace(before)
    assert came == ["call"]
    assert current_mode().trace is None
    assert w.tolist() == [1.0, 2.0]
    assert [step(2.0).item() for _ in range(4)] == [6.0, 12.0, 24.0, 48.0]
