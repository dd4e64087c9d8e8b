"""Modules made of modules: a chain, and the chain that is called a multi-layer perceptron."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any, Self, final

import numpy as np

from pullback.core.errors import GraphError, OptionError
from pullback.functions import random
from pullback.nn.activations import ReLU
from pullback.nn.collections import InOrder
from pullback.nn.linear import Linear
from pullback.nn.module import Module


@final
class Sequential(InOrder):
    """fₙ(… f₂(f₁(x))): each module is given what the one before it gives.

    Indexing gives a module, slicing a shorter chain of the same modules.

    Raises OptionError if a layer is not a module.

    >>> from pullback.nn import Linear, ReLU
    >>> model = Sequential(Linear(4, 8), ReLU())
    >>> model.append(Linear(8, 2))
    Sequential
    ├── 0: Linear(4, 8)
    ├── 1: ReLU()
    └── 2: Linear(8, 2)
    >>> model[1], len(model), model[:2](np.ones((5, 4), np.float32)).shape
    (ReLU(), 3, (5, 8))
    """

    def __init__(self, *layers: Module) -> None:
        super().__init__(layers)

    def add(self, layer: Module) -> Self:
        """Put a module at the end."""
        return self.append(layer)

    def _checked(self, module: Any) -> Module:
        if not isinstance(module, Module):
            raise OptionError("Sequential: a layer is not a module", got=repr(module), fix=_fix(module))
        return module

    def forward(self, x: Any) -> Any:
        for layer in self._modules:
            x = layer(x)
            if x is None:
                raise GraphError(
                    "Sequential: a layer gave nothing", layer=layer, fix="return the result in its forward"
                )
        return x


def _fix(layer: Any) -> str:
    if isinstance(layer, type) and issubclass(layer, Module):
        return f"make one: {layer.__name__}()"
    return "Sequential(*layers)" if isinstance(layer, (list, tuple)) else "write it as a class with a forward"


@final
class MLP(Module):
    """A multi-layer perceptron: affine layers with an activation between each two.

    Parameters
    ----------
    *sizes : int
        Numbers of features: of the input, of the hidden layers, of the output.
    activation : callable
        Makes an activation: `ReLU`, `Tanh`, `lambda: LeakyReLU(0.1)`.
    rng : None, int or numpy.random.Generator
        What all parameters are drawn from.
    dtype : dtype
        Of the parameters.

    Raises
    ------
    OptionError
        If there are fewer than two sizes, or an activation is given in place of what makes it.

    >>> MLP(784, 64, 10, rng=0)
    MLP
    └── layers: Sequential
        ├── 0: Linear(784, 64)
        ├── 1: ReLU()
        └── 2: Linear(64, 10)
    """

    def __init__(
        self, *sizes: int, activation: Callable[[], Module] = ReLU, rng: random.Rng = None,
        dtype: Any = np.float32,
    ) -> None:  # fmt: skip
        if len(sizes) < 2:
            raise OptionError("MLP: the sizes do not make a layer", got=sizes, fix="MLP(inputs, ..., outputs)")
        if isinstance(activation, Module):
            raise OptionError(
                "MLP: each hidden layer makes its own activation", got=repr(activation),
                fix=f"activation={type(activation).__name__}",
            )  # fmt: skip
        if not callable(activation):
            raise OptionError("MLP: an activation is what makes one", got=repr(activation), fix="activation=pb.nn.Tanh")
        generator = random.generator(rng)
        self.layers = Sequential()
        for i, (inputs, outputs) in enumerate(pairwise(sizes)):
            if i:
                self.layers.append(activation())
            self.layers.append(Linear(inputs, outputs, rng=generator, dtype=dtype))

    def forward(self, x: Any) -> Any:
        return self.layers(x)
