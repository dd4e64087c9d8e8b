"""`PULLBACK_CHECK=1` finds programs that are wrong, and does nothing twice. Without llvmlite there is one message."""

from __future__ import annotations

import numpy as np
import pytest

import pullback as pb
from pullback import optim
from pullback.compiler.calls.call import MISFIT
from pullback.compiler.calls.check import BOUND
from pullback.compiler.calls.guarded import GuardedProgram
from pullback.compiler.machine import fallback
from pullback.compiler.machine.executable import Executable
from pullback.programs.commit import commit

x0 = np.array([[1.0, -2.0, 3.0], [0.5, 0.0, 7.0]])


@pytest.fixture(autouse=True)
def _checking(monkeypatch):
    monkeypatch.setenv("PULLBACK_CHECK", "1")


def spoil(monkeypatch, change):
    """Let programs give something else: `change` is given the list of outputs, before anything is written."""
    make = Executable.__call__

    def spoilt(self, inputs, outputs, writes=()):
        refused = make(self, inputs, outputs)
        for i, wrong in enumerate(change(list(outputs))):
            if wrong.dtype == outputs[i].dtype:
                outputs[i][...] = wrong
            else:
                outputs[i] = wrong
        return refused or commit(writes)

    monkeypatch.setattr(Executable, "__call__", spoilt)


def recorded(f, *args):
    step = pb.compile(f)
    for _ in range(2):
        step(*args)
    return step


def test_what_is_right_passes_and_happens_once():
    w, v = pb.tensor([1.0, 2.0], requires_grad=True), pb.tensor(0.0)
    opt = optim.SGD([w], lr=0.1, momentum=0.9)
    rng = np.random.default_rng(0)
    calls = []

    def step(x):
        calls.append(1) if len(calls) < 0 else None
        opt.zero_grad()
        v.assign(v + 1)
        loss = ((w * x) ** 2).sum() + pb.random.normal(rng=rng) * w.sum()
        loss.backward()
        w.grad *= 0.5
        opt.step()
        return loss

    checked = pb.compile(step)
    ours = [float(checked(np.array([k, 1.0]))) for k in range(6)]
    state = w.tolist(), w.grad.tolist(), v.item(), rng.random()
    w.requires_grad = False
    w.assign([1.0, 2.0])
    w.requires_grad = True
    v.assign(0.0)
    opt = optim.SGD([w], lr=0.1, momentum=0.9)
    rng = np.random.default_rng(0)
    assert [float(step(np.array([k, 1.0]))) for k in range(6)] == ours
    assert (w.tolist(), w.grad.tolist(), v.item(), rng.random()) == state


def test_a_wrong_number_is_named_with_its_place_and_both_values(monkeypatch):
    def change(outputs):
        outputs[0] = outputs[0].copy()
        outputs[0][1, 2] += 1e-9
        return outputs

    spoil(monkeypatch, change)
    step = recorded(lambda x: x * 2, x0)
    with pytest.raises(pb.CompileCheckError) as raised:
        step(x0)
    text = str(raised.value)
    assert text.startswith("<lambda>: result 0 is not what the function gives\n  place     (1, 2)")
    assert "function  np.float64(14.0)\n  program   np.float64(14.000000001)\n  bound     the same bits" in text
    assert isinstance(raised.value, AssertionError)


@pytest.mark.parametrize("value", [np.nan, np.inf, -0.0])
def test_special_values_are_compared(monkeypatch, value):
    def change(outputs):
        outputs[0] = outputs[0].copy()
        outputs[0][1, 1] = value
        return outputs

    spoil(monkeypatch, change)
    step = recorded(lambda x: x * 2, x0)
    with pytest.raises(pb.CompileCheckError, match=r"place +\(1, 1\)"):
        step(x0)


@pytest.mark.parametrize(("factor", "fine"), [(0.5, True), (2.0, False)])
def test_sums_and_elementary_functions_have_a_bound(monkeypatch, factor, fine):
    off = factor * BOUND * np.finfo(float).eps
    spoil(monkeypatch, lambda outputs: [output * (1 + off) for output in outputs])
    step = recorded(lambda x: pb.exp(x), x0)
    if fine:
        step(x0)
    else:
        with pytest.raises(pb.CompileCheckError, match="bound"):
            step(x0)


def test_wrong_state_gradients_and_shapes_are_named(monkeypatch):
    w = pb.tensor([1.0, 2.0], requires_grad=True, name="w")

    def step():
        (w * w).sum().backward()
        with pb.no_grad():
            w.assign(w - 0.5 * w.grad)
        w.grad = w.grad * 3

    for place, text in ((0, "step: w is not"), (1, "step: w.grad is not")):
        with monkeypatch.context() as patch:
            spoil(patch, lambda outputs, place=place: [o * 1.1 if i == place else o for i, o in enumerate(outputs)])
            w.grad = pb.tensor([0.0, 0.0])
            f = recorded(step)
            with pytest.raises(pb.CompileCheckError, match=text):
                f()
    spoil(monkeypatch, lambda outputs: [output.astype("float32") for output in outputs])
    f = recorded(lambda x: x * 2, x0)
    with pytest.raises(pb.CompileCheckError, match="another shape or dtype"):
        f(x0)


def test_a_misfit_is_recorded_again(monkeypatch):
    w = pb.tensor(x0)
    f = recorded(lambda x: (w * x).sum(), 2.0)
    monkeypatch.setattr(GuardedProgram, "run", lambda self, arrays: MISFIT)
    assert float(f(2.0)) == (x0 * 2.0).sum()


def test_without_llvmlite_there_is_one_message_and_the_same_answer(monkeypatch):
    monkeypatch.setattr(fallback, "find_spec", lambda name: None)
    fallback.native.cache_clear()
    with pytest.warns(pb.PullbackWarning, match=r"pip install 'pullback\[compile\]'"):
        first = recorded(lambda x: pb.sin(x) * 2, x0)
    second = recorded(lambda x: pb.cos(x) * 2, x0)
    assert first(x0).tolist() == (np.sin(x0) * 2).tolist()
    assert second(x0).tolist() == (np.cos(x0) * 2).tolist()
    fallback.native.cache_clear()
