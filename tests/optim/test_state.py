"""States of optimizers: continuing is bit for bit what not stopping is, and nothing that does not fit is taken."""

import json

import numpy as np
import pytest

from pullback import nn
from pullback.core.errors import CheckpointError
from pullback.optim import SGD, Adam, AdamW

KINDS = [
    (SGD, {"lr": 0.1}),
    (SGD, {"lr": 0.1, "momentum": 0.9, "dampening": 0.1, "weight_decay": 0.01}),
    (SGD, {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
    (Adam, {"lr": 0.01}),
    (AdamW, {"lr": 0.01, "betas": (0.5, 0.9)}),
]


class Training:
    def __init__(self, kind, settings, seed):
        self.model = nn.MLP(3, 4, 2, rng=seed)
        self.optimizer = kind(self.model.parameters(), **settings)

    def steps(self, batches):
        for number in batches:
            self.model.layers[0].bias.requires_grad = number not in (1, 2, 5)  # rests
            x = np.random.default_rng(number).normal(size=(5, 3)).astype(np.float32)
            self.optimizer.zero_grad()
            (self.model(x) ** 2).sum().backward()
            self.optimizer.step()
            self.optimizer.lr *= 0.9

    def state(self):
        """Both states as a file would hold them: arrays, and JSON."""
        state = self.optimizer.state_dict()
        rest = json.loads(json.dumps({key: value for key, value in state.items() if key != "state"}))
        return self.model.state_dict(), {"state": state["state"], **rest}


@pytest.mark.parametrize(("kind", "settings"), KINDS)
@pytest.mark.parametrize("stop", [1, 3])
@pytest.mark.parametrize("used", [0, 2])
def test_continuing_is_exact(kind, settings, stop, used):
    straight, first, second = (Training(kind, settings, seed) for seed in (0, 0, 1))
    straight.steps(range(7))
    first.steps(range(stop))
    second.steps(range(used))  # in place also where something was learned before
    model, optimizer = first.state()
    tensors = [t for state in second.optimizer.param_groups[0].states for key, t in state.items() if key != "step"]
    rate = second.optimizer.lr
    second.model.load_state_dict(model)
    second.optimizer.load_state_dict(optimizer)
    second.steps(range(stop, 7))
    for name, array in straight.model.state_dict().items():
        np.testing.assert_array_equal(second.model.state_dict()[name], array, strict=True)
    expected, found = straight.optimizer.state_dict(), second.optimizer.state_dict()
    assert found["groups"] == expected["groups"]
    assert found["state"].keys() == expected["state"].keys()
    for name, array in expected["state"].items():
        np.testing.assert_array_equal(found["state"][name], array, strict=True)
    after = [t for state in second.optimizer.param_groups[0].states for key, t in state.items() if key != "step"]
    assert all(a is b for a, b in zip(tensors, after, strict=True))
    assert second.optimizer.lr is rate


def test_the_form():
    training = Training(SGD, {"lr": 0.1, "momentum": 0.9}, 0)
    state = training.optimizer.state_dict()
    assert state["optimizer"] == "SGD"
    assert list(state["state"]) == ["0.momentum", "1.momentum", "2.momentum", "3.momentum"]
    assert state["groups"] == [
        {
            "lr": 0.1,
            "momentum": 0.9,
            "nesterov": False,
            "weight_decay": 0.0,
            "dampening": 0.0,
            "params": ["layers.0.weight", "layers.0.bias", "layers.2.weight", "layers.2.bias"],
        }
    ]
    state["state"]["0.momentum"][:] = 7  # a copy
    assert not training.optimizer.param_groups[0].states[0]["momentum"].array.any()


def test_counts_are_shared_again_after_loading():
    training = Training(Adam, {}, 0)
    training.steps(range(4))
    states = training.optimizer.param_groups[0].states
    training.optimizer.load_state_dict(training.optimizer.state_dict())
    assert [float(state["step"]) for state in states] == [4, 2, 4, 4]
    assert states[0]["step"] is states[2]["step"] is states[3]["step"]
    assert states[0]["step"] is not states[1]["step"]


def changed(path, value):
    def change(state):
        *way, last = path
        for key in way:
            state = state[key]
        if value is None:
            del state[last]
        else:
            state[last] = value

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (changed(["optimizer"], "AdamW"), "the state of AdamW"),
        (changed(["optimizer"], None), "not the state of an optimizer"),
        (changed(["state"], None), "not the state of an optimizer"),
        (changed(["groups"], []), "0 groups instead of 1"),
        (changed(["groups", 0, "params"], ["a"]), "1 parameters instead of 4"),
        (changed(["groups", 0, "params", 1], "other.bias"), r"other\.bias instead of layers\.0\.bias"),
        (changed(["groups", 0, "betas"], [0.5, 0.9]), r"betas=\[0\.5, 0\.9\] instead of betas=\(0\.9, 0\.999\)"),
        (changed(["groups", 0, "lr"], None), "lr=None in group 0"),
        (changed(["state", "1.m"], None), r"no array 1\.m"),
        (changed(["state", "9.m"], np.zeros(1)), r"an unexpected array 9\.m"),
        (changed(["state", "1.m"], np.zeros(5)), r"1\.m of shape \(5,\) instead of \(4,\)"),
        (changed(["state", "1.m"], np.zeros(4, complex)), r"1\.m of dtype complex128"),
        (changed(["groups", 0, "lr"], -1.0), r"lr=-1\.0 in group 0"),
    ],
)
def test_what_does_not_fit_is_named_and_changes_nothing(change, message):
    training = Training(Adam, {"lr": 0.01}, 0)
    training.steps(range(2))
    other = Training(Adam, {"lr": 0.5}, 1)
    before = other.optimizer.state_dict()
    state = training.optimizer.state_dict()
    change(state)
    with pytest.raises(CheckpointError, match=message):
        other.optimizer.load_state_dict(state)
    after = other.optimizer.state_dict()
    assert after["groups"] == before["groups"]
    for name, array in before["state"].items():
        np.testing.assert_array_equal(after["state"][name], array, strict=True)


def test_unnamed_parameters_go_by_their_order():
    a, b = nn.Parameter([1.0]), nn.Parameter([2.0, 3.0])
    saved = SGD([a, b], lr=0.1, momentum=0.9).state_dict()
    assert saved["groups"][0]["params"] == [None, None]
    SGD([nn.Parameter([1.0]), nn.Parameter([2.0, 3.0])], lr=0.2, momentum=0.9).load_state_dict(saved)
    with pytest.raises(CheckpointError, match="shape"):
        SGD([b, a], lr=0.1, momentum=0.9).load_state_dict(saved)
