"""Lists and dictionaries of modules."""

from __future__ import annotations

import numpy as np
import pytest

import pullback as pb
from pullback import nn


class Net(nn.Module):
    def __init__(self):
        self.layers = nn.ModuleList([nn.Linear(2, 3, rng=0), nn.Linear(3, 4, rng=0)])
        self.heads = nn.ModuleDict({"a": nn.Linear(4, 1, rng=0)})

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return self.heads["a"](x)


def test_names_are_those_of_places():
    net = Net()
    assert list(net.state_dict()) == [
        "layers.0.weight", "layers.0.bias", "layers.1.weight", "layers.1.bias", "heads.a.weight", "heads.a.bias",
    ]  # fmt: skip
    assert net.heads["a"].weight.name == "heads.a.weight"
    assert net(np.ones((5, 2), np.float32)).shape == (5, 1)
    with pytest.raises(pb.ShapeError, match=r"layer +layers\.0: Linear\(2, 3\)"):
        net(np.ones((5, 3), np.float32))


def test_a_list():
    layers = nn.ModuleList()
    a, b, c = (nn.Linear(2, n) for n in (1, 2, 3))
    assert layers.append(a).extend([c]).insert(1, b) is layers
    assert list(layers) == [a, b, c]
    assert (layers[1], layers[-1], len(layers)) == (b, c, 3)
    layers[0] = c
    del layers[1]
    assert list(layers) == [c, c]
    assert len(layers.parameters()) == 2
    with pytest.raises(pb.OptionError, match="cannot be called"):
        layers(np.ones(2))


def test_a_dictionary():
    parts = nn.ModuleDict({"a": nn.ReLU()})
    parts["b"] = nn.Tanh()
    assert list(parts.keys()) == list(parts) == ["a", "b"]
    assert [type(part).__name__ for part in parts.values()] == ["ReLU", "Tanh"]
    assert "a" in parts
    del parts["a"]
    assert [name for name, _ in parts.items()] == ["b"]
    assert len(parts) == 1
    with pytest.raises(pb.OptionError, match="cannot be called"):
        parts()


@pytest.mark.parametrize("wrong", [nn.ReLU, 3, None, lambda x: x])
def test_what_is_no_module(wrong):
    with pytest.raises(pb.OptionError, match="not a module"):
        nn.ModuleList([wrong])
    with pytest.raises(pb.OptionError, match="not a module"):
        nn.ModuleDict({"a": wrong})


@pytest.mark.parametrize("name", ["", "a.b", 3])
def test_what_is_no_name(name):
    with pytest.raises(pb.OptionError, match="not a name"):
        nn.ModuleDict()[name] = nn.ReLU()


@pytest.mark.parametrize("kind", [lambda *parts: nn.ModuleList(parts), nn.Sequential], ids=["list", "chain"])
def test_modules_in_a_row_change_places(kind):
    row = kind(nn.Linear(2, 3), nn.ReLU())
    row.insert(1, nn.Tanh()).extend([nn.Linear(3, 1)])
    row[2] = nn.Linear(3, 3)
    del row[1]
    assert [type(module).__name__ for module in row] == ["Linear", "Linear", "Linear"]
    assert [name for name, _ in row.named_parameters()] == [f"{i}.{n}" for i in range(3) for n in ("weight", "bias")]
    part = row[1:]
    assert type(part) is type(row)
    assert [*part] == [row[1], row[2]]
