"""Slips of beginners: what is said names what was got, and how it is written."""

from __future__ import annotations

import traceback

import numpy as np
import pytest

import pullback as pb

X = np.array([1.0, 2.0, 3.0])
W = pb.tensor(X, requires_grad=True)


class Forgetful(pb.nn.Module):
    def forward(self, x):
        x * 2


SLIPS = {
    # A function and its value in each other's place, or the value given too soon.
    "vmap": (lambda: pb.vmap(np.sin, X), "in_axes says by number", "pb.vmap(f)(x)"),
    "vjp": (lambda: pb.vjp(np.sin)(X), "there are no primals", "pb.vjp(f, x)"),
    "vjp, turned": (lambda: pb.vjp(X, np.sin), "this is not a function", "pb.vjp"),
    "scan": (lambda: pb.scan(0.0, lambda c, x: (c, x), X), "this is not a function", "pb.scan(f, init, xs)"),
    "fori": (lambda: pb.fori_loop(0, 3, 1.0, lambda i, c: c), "not a function", "pb.fori_loop(start, stop,"),
    "while": (lambda: pb.while_loop(0.0, lambda c: c, 1.0), "not a function", "pb.while_loop(cond, body, init)"),
    "cond": (lambda: pb.cond(X[0] > 0, 1.0, 2.0), "not a function", "pb.cond(pred, true_fn, false_fn, *operands)"),
    "switch": (lambda: pb.switch(0, [1.0, 2.0]), "not a function", "pb.switch(index, branches, *operands)"),
    "map": (lambda: pb.map(X, np.sin), "not a function", "pb.map(f, xs)"),
    "step": (lambda: pb.optim.SGD([W], lr=0.1).step(W.sum()), "not a function", "loss.backward(), and then step()"),
    # A layer that was not made before it was called.
    "ReLU": (lambda: pb.nn.ReLU(X), "made first, and then called", "ReLU()(...)"),
    "loss": (lambda: pb.nn.MSELoss(X, X), "made first, and then called", "MSELoss()(...)"),
    "loss of one": (lambda: pb.nn.CrossEntropyLoss(X[None]), "an array is no setting", "Loss()(prediction, target)"),
    # A forward without a return.
    "forward": (lambda: pb.nn.Sequential(Forgetful(), pb.nn.ReLU())(X), "gave nothing", "return the result"),
}  # fmt: skip


@pytest.mark.parametrize("name", SLIPS)
def test_a_slip_is_explained(name):
    slip, said, fix = SLIPS[name]
    with pytest.raises(pb.PullbackError) as raised:
        slip()
    first, *facts = str(raised.value).splitlines()
    assert said in first
    assert facts[-1].startswith("  fix")
    assert fix in facts[-1]


def test_a_list_of_numbers_that_was_meant_as_an_array_is_named():
    with pytest.raises(TypeError, match="can't multiply sequence") as raised:
        pb.grad(lambda x: (x * x).sum())([1.0, 2.0])
    assert "grad: a list of numbers is a tree of arguments" in "".join(traceback.format_exception(raised.value))
    assert pb.grad(lambda x: x[0] * x[1])([3.0, 4.0]) == [4.0, 3.0]
