"""Whole training steps, compiled, with all sorts of optimizers, give the parameters that interpreted ones give."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("llvmlite", reason="native code is made through llvmlite")

import pullback as pb
from pullback import nn, optim

OPTIMIZERS = {
    "sgd": lambda p: optim.SGD(p, lr=0.1),
    "momentum": lambda p: optim.SGD(p, lr=0.1, momentum=0.9),
    "nesterov": lambda p: optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.01),
    "damped": lambda p: optim.SGD(p, lr=0.1, momentum=0.9, dampening=0.5),
    "adam": lambda p: optim.Adam(p, lr=0.01),
    "adamw": lambda p: optim.AdamW(p, lr=0.01),
}


def network(rng=0):
    return nn.Sequential(nn.Linear(20, 33, rng=rng), nn.Tanh(), nn.Linear(33, 7, rng=rng + 1))


def batches(count):
    rng = np.random.default_rng(3)
    return [(rng.normal(size=(16, 20)).astype(np.float32), rng.integers(0, 7, 16)) for _ in range(count)]


def step_of(model):
    optimizer, criterion = optim.SGD(model.parameters(), lr=0.1), nn.CrossEntropyLoss()

    def step(x, t):
        loss = criterion(model(x), t)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        return loss

    return step


def train(make, count, *, compiled, last=False, clip=None, rates=None):
    model = network()
    optimizer = make(model.parameters())
    criterion = nn.CrossEntropyLoss()

    def step(x, t):
        if not last:
            optimizer.zero_grad()
        loss = criterion(model(x), t)
        loss.backward()
        if clip is not None:
            norm = pb.sqrt(sum((p.grad * p.grad).sum() for p in model.parameters()))
            with pb.no_grad():
                for p in model.parameters():
                    p.grad = p.grad * pb.minimum(1, clip / (norm + 1e-6))
        optimizer.step()
        if last:
            optimizer.zero_grad()
        return loss

    run = pb.compile(step) if compiled else step
    losses = []
    for number, (x, t) in enumerate(batches(count)):
        if rates is not None:
            optimizer.lr = rates[number]
        losses.append(float(run(x, t)))
    gradients = [None if p.grad is None else p.grad.numpy().copy() for p in model.parameters()]
    return losses, [p.numpy().copy() for p in model.parameters()], gradients, optimizer.state_dict()


def assert_same(found, expected):
    np.testing.assert_allclose(found[0], expected[0], rtol=2e-5)
    for got, wanted in zip(found[1], expected[1], strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-3, atol=2e-5)
    for got, wanted in zip(found[2], expected[2], strict=True):
        assert (got is None) == (wanted is None)
        if wanted is not None:
            np.testing.assert_allclose(got, wanted, rtol=1e-3, atol=2e-5)
    for name, wanted in expected[3]["state"].items():
        np.testing.assert_allclose(found[3]["state"][name], wanted, rtol=1e-3, atol=2e-5)


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers(name, last):
    make = OPTIMIZERS[name]
    assert_same(train(make, 12, compiled=True, last=last), train(make, 12, compiled=False, last=last))


def test_clipped_gradients():
    make = OPTIMIZERS["sgd"]
    assert_same(train(make, 8, compiled=True, clip=0.1), train(make, 8, compiled=False, clip=0.1))


def test_learning_rates_that_change():
    make, rates = OPTIMIZERS["adam"], [0.01 / (1 + i) for i in range(8)]
    assert_same(train(make, 8, compiled=True, rates=rates), train(make, 8, compiled=False, rates=rates))


def test_dropout_draws_what_it_would_draw():
    def losses(compiled):
        model = nn.Sequential(
            nn.Linear(20, 33, rng=0), nn.Dropout(0.5, rng=np.random.default_rng(5)), nn.Linear(33, 7, rng=1)
        )
        step = step_of(model)
        run = pb.compile(step) if compiled else step
        return [float(run(x, t)) for x, t in batches(8)]

    np.testing.assert_allclose(losses(compiled=True), losses(compiled=False), rtol=2e-5)


def test_parameters_are_written_over_only_where_nobody_looks():
    model = network()
    step = pb.compile(step_of(model))
    for x, t in batches(4):
        step(x, t)
    weight = model[0].weight
    place = weight.numpy().ctypes.data
    step(x, t)
    assert weight.numpy().ctypes.data == place, "nobody looks: it is written over"
    view, twin = weight.numpy(), weight.detach()
    before = view.copy()
    step(x, t)
    assert np.array_equal(view, before)
    assert np.array_equal(twin.numpy(), before)
    assert not np.array_equal(weight.numpy(), before)


def test_gradients_add_up_where_they_are_not_cleared():
    def run(compiled):
        model = network()
        criterion = nn.CrossEntropyLoss()

        def step(x, t):
            loss = criterion(model(x), t)
            loss.backward()
            return loss

        step = pb.compile(step) if compiled else step
        for x, t in batches(5):
            step(x, t)
        return [p.grad.numpy() for p in model.parameters()]

    for got, wanted in zip(run(compiled=True), run(compiled=False), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-5)


def test_random_numbers_are_drawn_once_whatever_the_strides_and_the_errors():
    def run(compiled):
        rng = np.random.default_rng(7)

        def step(x, t):
            return pb.cross_entropy(x + pb.random.normal(size=(3, 3), rng=rng), t)

        step = pb.compile(step) if compiled else step
        x, t, found = np.arange(9.0).reshape(3, 3), np.arange(3), []
        for number in range(8):
            if number == 5:
                before = rng.bit_generator.state
                with pytest.raises(pb.ShapeError):
                    step(x, t + 1)
                if not compiled:
                    rng.bit_generator.state = before
            found.append(float(step(x.T.copy().T if number % 2 else x, t)))
        return found, rng.random()

    ours, theirs = run(compiled=True), run(compiled=False)
    np.testing.assert_allclose(ours[0], theirs[0], rtol=1e-12)
    assert ours[1] == theirs[1]
