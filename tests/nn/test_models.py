"""Whole models: PyTorch's weights give PyTorch's outputs and gradients, and compiled they learn as eager ones do."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from tests.nn.crosscheck import crosscheck
from tests.nn.models import MODELS

import pullback as pb
from pullback.optim import AdamW, clip_grad_norm_, schedules

EACH = pytest.mark.parametrize("model", MODELS, ids=repr)


@EACH
@pytest.mark.parametrize("dtype", [np.float64, np.float32], ids=lambda d: d.__name__)
def test_it_is_pytorch_s(model, dtype):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    found = crosscheck(model, torch, dtype)
    assert found.fits, found
    assert dtype is np.float32 or max(found) < 1e-11


@EACH
def test_pytorch_s_file_is_read_into_it(model, tmp_path):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    theirs, ours = model.theirs(torch), model.layer(np.float32)
    torch.save(theirs.state_dict(), tmp_path / "x.pt")
    ours.load_state_dict(pb.interop.load_torch(tmp_path / "x.pt"))
    theirs.eval()
    ours.eval()
    inputs = model.draw(np.float32)
    expected = theirs(*map(torch.tensor, inputs)).detach().numpy()
    np.testing.assert_allclose(ours(*inputs).numpy(), expected, rtol=1e-4, atol=1e-5 * abs(expected).max())


@EACH
def test_it_learns_compiled_as_it_does_eager(model):
    def step_of(net):
        optimizer = AdamW(net.parameters(), lr=schedules.Warmup(schedules.Cosine(1e-3, 20), 3))

        def step(*inputs):
            loss = (net(*inputs) ** 2).mean()
            loss.backward()
            clip_grad_norm_(net.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
            return loss

        return step

    net = model.layer()
    twin = copy.deepcopy(net)
    eager, compiled = step_of(net), pb.compile(step_of(twin))
    inputs = [pb.tensor(x) for x in model.draw()]
    for _ in range(5):
        a, b = eager(*inputs), compiled(*inputs)
        assert b.item() == pytest.approx(a.item(), rel=1e-7)
    state = net.state_dict()
    for name, value in twin.state_dict().items():
        np.testing.assert_allclose(value, state[name], rtol=1e-5, atol=1e-7)
