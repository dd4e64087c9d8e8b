"""L-BFGS beside PyTorch's, with and without a line search, out and in of a state."""

from __future__ import annotations

import numpy as np
import pytest

import pullback as pb
from pullback.optim import LBFGS

RNG = np.random.default_rng(0)
A, B = RNG.normal(size=(8, 5)), RNG.normal(size=8)


def fit(x):
    """A loss that is neither square nor steep: of a matrix and a vector."""
    return ((x[0] @ x[1]) ** 2).sum() + (1 - x[1][0]) ** 2 + 10 * ((x[1][1:] - x[1][:-1] ** 2) ** 2).sum()


STARTS = (RNG.normal(size=(4, 3)), RNG.normal(size=3))
SETTINGS = (
    {"lr": 0.1, "max_iter": 4},
    {"line_search_fn": "strong_wolfe", "max_iter": 4},
    {"line_search_fn": "strong_wolfe", "max_iter": 5, "max_eval": 7},
    {"lr": 0.05, "history_size": 3, "max_iter": 6, "tolerance_change": 1e-3},
)


def closure_of(optimizer, params):
    def closure():
        optimizer.zero_grad()
        loss = fit(params)
        loss.backward()
        return loss

    return closure


def learned(settings, starts, steps, dtype=float):
    params = [pb.tensor(x, dtype, requires_grad=True) for x in starts]
    optimizer = LBFGS(params, **settings)
    losses = [optimizer.step(closure_of(optimizer, params)).item() for _ in range(steps)]
    return params, optimizer, losses


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_it_is_pytorch_s(settings):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    theirs = [torch.tensor(x, requires_grad=True) for x in STARTS]
    optimizer = torch.optim.LBFGS(theirs, **settings)
    expected = [optimizer.step(closure_of(optimizer, theirs)).item() for _ in range(5)]
    params, _, losses = learned(settings, STARTS, 5)
    np.testing.assert_allclose(losses, expected, rtol=1e-8)
    for a, b in zip(params, theirs, strict=True):
        np.testing.assert_allclose(a.numpy(), b.detach().numpy(), rtol=1e-7)


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_a_state_goes_on_bit_for_bit(settings):
    expected, _, _ = learned(settings, STARTS, 4)
    params, first, _ = learned(settings, STARTS, 2)
    twins = [pb.tensor(p.numpy(), requires_grad=True) for p in params]
    second = LBFGS(twins, **settings)
    second.load_state_dict(first.state_dict())
    for _ in range(2):
        second.step(closure_of(second, twins))
    for a, b in zip(twins, expected, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())


def test_a_square_is_solved_and_dtypes_stay():
    x = pb.tensor(np.zeros(5, np.float32), requires_grad=True)
    optimizer = LBFGS([x], max_iter=50, line_search_fn="strong_wolfe")

    @pb.compile
    def closure():
        optimizer.zero_grad()
        loss = ((A.astype(np.float32) @ x - B.astype(np.float32)) ** 2).sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    solution, loss, _, singular = np.linalg.lstsq(A, B, rcond=None)
    # A loss that is rounded tells points apart that are farther from each other than this.
    seen = np.sqrt(np.finfo(np.float32).eps * loss.item()) / singular.min()
    np.testing.assert_allclose(x.numpy(), solution, rtol=1e-6, atol=seen)
    assert x.dtype == np.float32


def test_what_it_needs():
    x = pb.tensor([1.0], requires_grad=True)
    optimizer = LBFGS([x])
    with pytest.raises(pb.PullbackError, match=r"step\(closure\)"):
        optimizer.step()
    with pytest.raises(pb.PullbackError, match="one group"):
        optimizer.add_param_group({"params": [pb.tensor([1.0], requires_grad=True)]})
    with pytest.raises(pb.PullbackError, match="line_search_fn is unknown"):
        LBFGS([x], line_search_fn="armijo")
    with pytest.raises(pb.PullbackError, match="compile the closure"):
        pb.compile(lambda: optimizer.step(lambda: (x * x).sum()))()
