"""Modules as text."""

import numpy as np
import pytest

from pullback import nn
from pullback.core.errors import ShapeError
from pullback.functions import random


class Branches(nn.Module):
    def __init__(self):
        self.trunk = nn.Linear(4, 3)
        self.heads = {"a": nn.Linear(3, 2), "b": nn.Linear(3, 1)}
        self.unused = nn.Identity()
        self.act = nn.ReLU()

    def forward(self, x):
        x = self.act(self.act(self.trunk(x)))
        return self.heads["a"](x), {"b": self.heads["b"](x)}


def test_the_tree():
    assert repr(nn.Sequential(nn.Flatten(), nn.MLP(4, 3, 2), nn.Softmax())) == (
        "Sequential\n"
        "├── 0: Flatten()\n"
        "├── 1: MLP\n"
        "│   └── layers: Sequential\n"
        "│       ├── 0: Linear(4, 3)\n"
        "│       ├── 1: ReLU()\n"
        "│       └── 2: Linear(3, 2)\n"
        "└── 2: Softmax(axis=-1)"
    )


def test_a_layer_that_stands_in_two_places_shows_in_both():
    layer = nn.ReLU()
    assert repr(nn.Sequential(layer, layer)) == "Sequential\n├── 0: ReLU()\n└── 1: ReLU()"


def test_the_table():
    model = Branches()
    model.trunk.requires_grad_(flag=False)
    assert repr(model.summary((8, 4))) == (
        "module                     output          parameters\n"
        "Branches                   (8, 2), (8, 1)\n"
        "├── trunk: Linear(4, 3)    (8, 3)                  15\n"
        "├── heads.a: Linear(3, 2)  (8, 2)                   8\n"
        "├── heads.b: Linear(3, 1)  (8, 1)                   4\n"
        "├── unused: Identity()     not called\n"
        "└── act: ReLU()            (8, 3)\n"
        "total                                              27\n"
        "of these frozen                                    15"
    )


def test_the_parts_of_the_table():
    a, b = nn.Linear(2, 2), nn.Linear(2, 2)
    b.weight = a.weight
    summary = nn.Sequential(a, b).summary((1, 2))
    assert [row.parameters for row in summary.rows] == [0, 6, 6]
    assert (summary.parameters, summary.frozen) == (8, 0)
    assert [row.output for row in summary.rows] == ["(1, 2)"] * 3


def test_the_summary_leaves_everything_as_it_was():
    model = nn.Sequential(nn.Linear(4, 3), nn.Dropout(0.5), nn.Sequential(nn.ReLU()))
    model[2].eval()
    attributes = [dict(vars(module)) for module in model.modules()]
    random.seed(0)
    model.summary((2, 4))
    assert random.uniform().item() == (random.seed(0), random.uniform().item())[1]
    assert [dict(vars(module), training=module.training) for module in model.modules()] == [
        dict(before, training=before.get("training", True)) for before in attributes
    ]
    assert all(p.grad is None for p in model.parameters())


def test_a_failing_summary_leaves_everything_as_it_was():
    model = nn.Sequential(nn.Linear(4, 3), nn.Linear(2, 2))
    with pytest.raises(ShapeError):
        model.summary((2, 4))
    assert all("forward" not in vars(module) and module.training for module in model.modules())


def test_the_input_has_the_dtype_of_the_parameters_unless_asked():
    class Sees(nn.Module):
        def __init__(self):
            self.w = nn.Parameter(np.ones(2))

        def forward(self, x):
            self.seen = x.dtype
            return x

    model = Sees()
    model.summary((1,))
    assert model.seen == np.float64
    model.summary((1,), dtype=int)
    assert model.seen == np.int64
