"""Statistics of batch normalization that are found anew: PyTorch's, and nothing else is changed."""

import numpy as np
import pytest

import pullback as pb
from pullback import nn
from pullback.optim import SWA

BATCHES = np.random.default_rng(0).normal(size=(5, 4, 3, 6, 6)).astype(np.float32)


def network():
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, rng=0), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Dropout(0.0), nn.BatchNorm1d(64)
    )


def test_it_is_pytorch_s():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    ours = network()
    ours(BATCHES[0] * 3)
    theirs = torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Dropout(0.0),
        torch.nn.BatchNorm1d(64),
    )  # fmt: skip
    theirs.load_state_dict({name: torch.tensor(value) for name, value in ours.state_dict().items()})
    torch.optim.swa_utils.update_bn([torch.tensor(x) for x in BATCHES], theirs)
    nn.update_bn([(x, "label") for x in BATCHES], ours)
    for name, value in theirs.state_dict().items():
        np.testing.assert_allclose(ours.state_dict()[name], value.numpy(), rtol=1e-5, atol=1e-6)
    assert ours[1].momentum == 0.1


def test_modes_and_parameters_stay():
    model = network().eval()
    model[4].training = True
    before = {name: p.numpy().copy() for name, p in model.named_parameters()}
    nn.update_bn(BATCHES, model)
    assert [m.training for m in model] == [False, False, False, False, True, False]
    assert all((before[name] == p.numpy()).all() for name, p in model.named_parameters())
    assert all(p.grad is None for p in model.parameters())


def test_averages_are_evaluated_with_statistics_of_their_own():
    model, batches = nn.Sequential(nn.Linear(6, 4, rng=0), nn.BatchNorm1d(4)), BATCHES[:, :, 0, 0]
    average = SWA(model.parameters())
    average.update()
    with pb.no_grad():
        for p in model.parameters():
            p.assign(p.numpy() + 0.5)
    average.update()
    with average.applied():
        nn.update_bn(batches, model)
        y, bias = model.eval()(batches.reshape(-1, 6)).numpy(), model[1].bias.numpy()
        np.testing.assert_allclose(y.mean(0), bias, atol=1e-5)
    assert bias.tolist() == pytest.approx([0.25] * 4)


def test_without_batches_nothing_is_changed():
    model = network()
    model(BATCHES[0])
    before = model.state_dict()
    with pytest.raises(pb.PullbackError, match="no batches"):
        nn.update_bn([], model)
    assert all((before[name] == value).all() for name, value in model.state_dict().items())
    nn.update_bn([], nn.Linear(1, 1))
