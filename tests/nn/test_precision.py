"""Mixed precision: what is half, what is single, and that it learns as single precision does."""

from __future__ import annotations

import numpy as np
import pytest

import pullback as pb
from pullback import nn
from pullback.optim import Adam, LossScaler


def network():
    return nn.Sequential(nn.Linear(3, 8, rng=0), nn.Tanh(), nn.BatchNorm1d(8), nn.Linear(8, 1, rng=1))


X = np.random.default_rng(0).normal(size=(16, 3)).astype(np.float32)
Y = np.sin(X.sum(1, keepdims=True))


def test_what_is_half_and_what_is_single():
    seen = []
    model = nn.MixedPrecision(network())
    model.model[1].register_forward_hook(lambda module, args, output: seen.append(output.dtype))
    y = model(X)
    assert seen == [np.float16]
    assert y.dtype == np.float32
    y.sum().backward()
    assert {p.dtype for p in model.parameters()} == {p.grad.dtype for p in model.parameters()} == {np.dtype("f")}
    np.testing.assert_allclose(y.numpy(), network()(X).numpy(), atol=2e-2)
    assert all(b.dtype == np.float32 for b in model.buffers() if b.ndim)


@pytest.mark.parametrize("compiled", [False, True])
def test_it_learns(compiled):
    model, plain = nn.MixedPrecision(network()), network()
    losses = []
    for net, scaler in ((model, LossScaler(2.0**8)), (plain, None)):
        optimizer = Adam(net.parameters(), lr=0.02)

        def step(x, y, net=net, scaler=scaler, optimizer=optimizer):
            loss = pb.mse_loss(net(x), y)
            if scaler is None:
                loss.backward()
                optimizer.step()
            else:
                scaler.scale(loss).backward()
                scaler.step(optimizer)
            optimizer.zero_grad()
            return loss

        run = pb.compile(step) if compiled else step
        for _ in range(60):
            loss = run(X, Y)
        losses.append(loss.item())
    assert losses[0] == pytest.approx(losses[1], abs=0.01)
    assert losses[0] < 0.1


def test_steps_that_half_precision_would_lose_are_made():
    w = nn.Linear(1, 1, bias=False, rng=0)
    with pb.no_grad():
        w.weight.assign([[1.0]])
    model = nn.MixedPrecision(w)
    optimizer = pb.optim.SGD(model.parameters(), lr=1e-4)
    for _ in range(20):
        model(np.ones((1, 1), np.float32)).sum().backward()
        optimizer.step()
        optimizer.zero_grad()
    assert w.weight.item() == pytest.approx(1 - 20e-4, rel=1e-5)


def test_what_it_refuses():
    with pytest.raises(pb.PullbackError, match="floating-point"):
        nn.MixedPrecision(nn.Linear(1, 1), int)
