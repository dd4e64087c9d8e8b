"""What an estimator is told in words: layers, activations, optimizers."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from pullback import nn, optim
from pullback.core.errors import OptionError
from pullback.core.habits import public_names
from pullback.core.modes import no_grad
from pullback.functions import random
from pullback.nn import Module, activations


def perceptron(
    inputs: int, hidden: Sequence[int], outputs: int, activation: str | Callable[[], Module],
    rng: np.random.Generator, dtype: Any,
) -> Module:  # fmt: skip
    """Linear layers of the given widths, with the activation between them; they begin as scikit-learn's do.

    Weights and biases are uniform in ±√(6 / (inputs + outputs)) of each layer; where a sigmoid follows, in ±√(2 / …).

    References
    ----------
    X. Glorot and Y. Bengio, "Understanding the difficulty of training deep feedforward neural networks", 2010.
    """
    layers: list[Module] = []
    for before, after in pairwise((inputs, *hidden, outputs)):
        layer, between = nn.Linear(before, after, dtype=dtype, rng=rng), activation_of(activation)
        bound = math.sqrt((2 if isinstance(between, nn.Sigmoid) else 6) / (before + after))
        with no_grad():
            for parameter in layer.parameters():
                parameter.assign(random.uniform(-bound, bound, parameter.shape, rng=rng, dtype=dtype))
        layers += [layer, between]
    return nn.Sequential(*layers[:-1])


def widths_of(hidden: Any) -> tuple[int, ...]:
    """The widths of the hidden layers; one number is one layer.

    Raises OptionError if a width is not a number of units.
    """
    widths = tuple(np.atleast_1d(np.asarray(hidden, dtype=object)))
    if not all(isinstance(width, (int, np.integer)) and width > 0 for width in widths):
        raise OptionError("hidden_layer_sizes: a layer has at least one unit", got=hidden, fix="(100,), or (64, 32)")
    return tuple(map(int, widths))


def activation_of(activation: str | Callable[[], Module]) -> Module:
    """The activation, by the name of its layer ("relu" is `nn.ReLU`) or made by what is given.

    Raises OptionError if there is none of that name.
    """
    return (activation if callable(activation) else _named("activation", activation, activations, Module))()


def optimizer_of(rule: str | Callable[..., Any], module: Module, lr: float | None) -> optim.Optimizer:
    """The optimizer of a module's parameters, by its name ("adam" is `optim.Adam`) or made by what is given.

    Raises OptionError if there is none of that name, or it is no optimizer.
    """
    make = rule if callable(rule) else _named("optimizer", rule, optim, optim.Optimizer)
    learned = [parameter for parameter in module.parameters() if parameter.requires_grad]
    made = make(learned) if lr is None else make(learned, lr=lr)
    if not isinstance(made, optim.Optimizer):
        raise OptionError("optimizer: this makes no optimizer", got=type(made).__name__, fix="pb.optim.Adam")
    return made


def _named(what: str, name: Any, package: Any, kind: type) -> Any:
    classes = {
        known.lower(): value
        for known in public_names(package.__name__)
        if isinstance(value := getattr(package, known), type) and issubclass(value, kind)
    }
    if not isinstance(name, str) or name.lower() not in classes:
        raise OptionError(
            f"{what}: there is none of this name", got=repr(name), fix=f"a class of {package.__name__}, or its name"
        )
    return classes[name.lower()]
