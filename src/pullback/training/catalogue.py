"""The recipes that come with Pullback: what each trains, which settings it takes, and which are usual; one row each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple


class Usual(NamedTuple):
    """What an optimizer does where nothing else is said; a momentum of None is one that it does not have."""

    lr: float
    momentum: float | None


OPTIMIZERS: Final[Mapping[str, Usual]] = {
    "sgd": Usual(0.02, 0.9),
    "adam": Usual(0.002, None),
    "adamw": Usual(0.002, None),
}


class Recipe(NamedTuple):
    """A training that is known by its name: where it is made, and what its settings are."""

    meaning: str
    make: str  # module:function, of pullback.training
    usual: Mapping[str, Any]
    takes: frozenset[str] = frozenset()  # settings without a usual value


# What every recipe takes, and a model of one's own too.
COMMON: Final = frozenset({"recipe", "factory", "options", "epochs", "steps", "seed", "threads", "compile"})

_RULE: Final = frozenset({"optimizer", "lr", "momentum", "weight_decay"})
_MLP: Final[Mapping[str, Any]] = {
    "hidden": (64,), "dropout": 0.0, "batch_size": 32, "optimizer": "adam", "weight_decay": 0.0, "epochs": 30,
}  # fmt: skip

RECIPES: Final[Mapping[str, Recipe]] = {
    "digits-mlp": Recipe(
        "handwritten digits that come with Pullback, 8 x 8, by affine layers", "images:mlp",
        {**_MLP, "data": "digits"}, _RULE | {"data_dir"},
    ),
    "mnist-mlp": Recipe(
        "MNIST, handwritten digits of 28 x 28, by affine layers", "images:mlp", {**_MLP, "data": "mnist"},
        _RULE | {"data_dir"},
    ),
    "mnist-cnn": Recipe(
        "MNIST, by two convolutions: at least 99.2 % after 5 epochs", "images:cnn",
        {"batch_size": 64, "optimizer": "adam", "lr": 0.003, "weight_decay": 0.0, "dropout": 0.25, "epochs": 5},
        _RULE | {"data_dir"},
    ),
    "lenet5": Recipe(
        "MNIST, by LeNet-5: at least 98.0 % after 10 epochs", "images:lenet5",
        {"batch_size": 64, "optimizer": "adam", "lr": 3e-4, "weight_decay": 0.0, "epochs": 10}, _RULE | {"data_dir"},
    ),
    "shakespeare-lstm": Recipe(
        "Shakespeare's plays by characters, by an LSTM: at most 1.65 nats", "text:lstm",
        {"batch_size": 32, "width": 128, "layers": 2, "context": 64, "dropout": 0.0, "lr": 0.004, "weight_decay": 0.01,
         "warmup": 100, "clip": 1.0, "steps": 6000, "evaluate_every": 500},
        frozenset({"data_dir"}),
    ),
    "shakespeare-gpt": Recipe(
        "Shakespeare's plays by characters, by a transformer: at most 1.88 nats", "text:gpt",
        {"batch_size": 12, "width": 128, "layers": 4, "heads": 4, "context": 64, "lr": 0.003, "weight_decay": 0.1,
         "warmup": 100, "clip": 1.0, "steps": 2000, "evaluate_every": 250},
        frozenset({"data_dir"}),
    ),
}  # fmt: skip
DEFAULT: Final = "digits-mlp"
