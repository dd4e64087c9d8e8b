"""weight_norm: length and direction apart, the weight worked out in each call."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

import pullback as pb
from pullback import nn

X = np.random.default_rng(0).normal(size=(5, 3))


def test_it_changes_nothing_but_the_parameters():
    plain, layer = nn.Linear(3, 4, rng=0, dtype=float), nn.weight_norm(nn.Linear(3, 4, rng=0, dtype=float))
    np.testing.assert_allclose(layer(X).numpy(), plain(X).numpy(), rtol=1e-14)
    assert [name for name, _ in layer.named_parameters()] == ["bias", "weight_g", "weight_v"]
    assert not isinstance(layer.weight, nn.Parameter)


@pytest.mark.parametrize(("axis", "shape"), [(0, (4, 1, 1)), (1, (1, 3, 1)), (-1, (1, 1, 2)), (None, (1, 1, 1))])
def test_lengths_along_an_axis(axis, shape):
    layer = nn.weight_norm(nn.Conv1d(3, 4, 2, rng=0, dtype=float), axis=axis)
    assert layer.weight_g.shape == shape
    with pb.no_grad():
        layer.weight_g.assign(np.ones(shape))
    layer(np.ones((1, 3, 5)))
    axes = tuple(i for i in range(3) if axis is None or i != axis % 3)
    np.testing.assert_allclose(pb.norm(layer.weight, axis=axes).numpy(), 1.0, rtol=1e-14)


def test_it_learns_and_its_graph_is_let_go():
    layer = nn.weight_norm(nn.Linear(3, 4, rng=0, dtype=float))
    optimizer = pb.optim.SGD(layer.parameters(), lr=0.01)
    losses = []
    for _ in range(5):
        loss = (layer(X) ** 2).sum()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
        assert layer.weight.node is None
    assert losses == sorted(losses, reverse=True)


def test_a_pickle_and_a_state_keep_it():
    layer = nn.weight_norm(nn.Linear(3, 4, rng=0, dtype=float))
    other = pickle.loads(pickle.dumps(layer))
    with pb.no_grad():
        other.weight_g.assign(other.weight_g * 2)
    layer.load_state_dict(other.state_dict())
    np.testing.assert_allclose(layer(X).numpy(), other(X).numpy())


def test_what_is_no_parameter():
    with pytest.raises(pb.OptionError, match=r"(?s)no parameter 'weights'.*parameters +weight, bias"):
        nn.weight_norm(nn.Linear(3, 4), "weights")
