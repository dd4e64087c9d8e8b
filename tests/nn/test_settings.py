"""Settings that layers are made with: what each does, and what is none."""

from __future__ import annotations

import numpy as np
import pytest

from pullback import nn
from pullback.core.errors import OptionError


def test_running_statistics_of_images():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    mine = nn.InstanceNorm2d(3, 1e-3, 0.3, affine=True, track_running_stats=True, dtype=float)
    theirs = torch.nn.InstanceNorm2d(3, 1e-3, 0.3, affine=True, track_running_stats=True, dtype=torch.float64)
    images = np.random.default_rng(0).normal(2, size=(3, 2, 3, 4, 5))
    for training in (True, True, False):
        mine.train(training)
        theirs.train(training)
        for x in images:
            np.testing.assert_allclose(
                mine(x).numpy(), theirs(torch.tensor(x)).detach().numpy(), rtol=1e-10, atol=1e-12
            )
    assert mine.state_dict().keys() == theirs.state_dict().keys()
    for name, value in list(theirs.state_dict().items())[:-1]:  # PyTorch does not count these batches
        np.testing.assert_allclose(mine.state_dict()[name], value.numpy(), rtol=1e-12)


@pytest.mark.parametrize(
    "layer", [nn.BatchNorm1d(3, bias=False), nn.BatchNorm2d(3, bias=False), nn.GroupNorm(3, 3, bias=False),
              nn.InstanceNorm2d(3, affine=True, bias=False)], ids=repr,
)  # fmt: skip
def test_scales_without_a_bias(layer):
    assert [*dict(layer.named_parameters())] == ["weight"]
    assert "bias=False" in repr(layer)


NO_TRUTHS = {
    "Linear": lambda: nn.Linear(2, 3, bias="False"), "Conv2d": lambda: nn.Conv2d(2, 3, 3, bias=None),
    "LSTM": lambda: nn.LSTM(2, 3, batch_first="False"), "GRUCell": lambda: nn.GRUCell(2, 3, bias=0),
    "BatchNorm2d": lambda: nn.BatchNorm2d(3, affine="no"), "Bilinear": lambda: nn.Bilinear(2, 3, 4, bias=5),
    "MultiHeadAttention": lambda: nn.MultiHeadAttention(4, 2, batch_first=1),
    "TransformerEncoderLayer": lambda: nn.TransformerEncoderLayer(4, 2, norm_first="yes"),
}  # fmt: skip


@pytest.mark.parametrize("name", NO_TRUTHS)
def test_what_is_no_truth(name):
    with pytest.raises(OptionError, match=rf"{name}: \w+ is a truth\n  got .*\n  fix  True or False"):
        NO_TRUTHS[name]()


@pytest.mark.parametrize("settings", [{"eps": -1.0}, {"eps": "1e-5"}, {"momentum": 1.5}, {"momentum": float("nan")}])
@pytest.mark.parametrize("kind", [nn.BatchNorm1d, nn.BatchNorm2d, nn.InstanceNorm2d, nn.LayerNorm, nn.RMSNorm])
def test_what_no_normalization_has(kind, settings):
    if "momentum" in settings and kind in (nn.LayerNorm, nn.RMSNorm):
        pytest.skip("it has no momentum")
    with pytest.raises(OptionError, match=f"{kind.__name__}: {next(iter(settings))} is not possible"):
        kind(3, **settings)
