"""What a row of `cases.py` says of a layer, and how inputs for it are drawn."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from pullback.core.tree import leaves
from pullback.nn import Module, functional_call
from pullback.tensors import Tensor


class Integers(NamedTuple):
    """An input of integers below a number."""

    below: int
    shape: tuple[int, ...]


class Wrong(NamedTuple):
    """Inputs that do not fit, and what the error says of them."""

    says: str
    inputs: tuple[Any, ...]
    error: type[Exception] = ValueError


@dataclass(frozen=True, repr=False)
class Case:
    """One layer: how it is made, what it computes, what PyTorch calls it."""

    name: str
    make: Callable[..., Module]  # takes `rng` and `dtype` where the layer does
    inputs: tuple[Any, ...]
    oracle: Callable[..., Any]  # of the state and the inputs
    theirs: Callable[[Any], Any] | None = None  # of the module torch; None where it has no such layer
    training: bool = True  # the mode in which it is compared
    keywords: dict[str, Any] = field(default_factory=dict)  # of a call
    wrong: tuple[Wrong, ...] = ()

    def __repr__(self) -> str:
        return self.name

    def layer(self, dtype: Any = float, seed: int = 0) -> Module:
        """A layer of its own, with parameters that are no special numbers."""
        layer = self.make(rng=seed, dtype=dtype)
        rng = np.random.default_rng(seed + 1)
        for tensor in (*layer.parameters(), *layer.buffers()):
            if tensor.dtype.kind == "f":
                flag, tensor.requires_grad = tensor.requires_grad, False
                tensor.assign(rng.uniform(0.2, 1, tensor.shape) * np.where(tensor.numpy() < 0, -1, 1))
                tensor.requires_grad = flag
        return layer.train(self.training)

    def draw(self, dtype: Any = float, seed: int = 0) -> list[np.ndarray]:
        """Inputs, the same each time."""
        rng = np.random.default_rng([zlib.crc32(self.name.encode()), seed])
        return [
            rng.integers(0, x.below, x.shape)
            if isinstance(x, Integers)
            else np.asarray(
                rng.permutation(np.linspace(-2, 2, max(2, int(np.prod(x))))[: int(np.prod(x))]).reshape(x), dtype
            )
            for x in self.inputs
        ]

    def call(self, layer: Module, *inputs: Any) -> list[Tensor]:
        """The outputs of a layer, in a list."""
        return [y for y in leaves(layer(*self.arranged(inputs), **self.keywords)) if y is not None]

    def with_parameters(self, layer: Module, params: Any, *inputs: Any) -> tuple[Tensor, ...]:
        """The outputs with other parameters."""
        outputs = functional_call(layer, params, *self.arranged(inputs), **self.keywords)
        return tuple(y for y in leaves(outputs) if y is not None)

    def arranged(self, inputs: Any) -> Iterator[Any]:
        """Inputs as a layer takes them: the first state of an LSTM is a pair."""
        if "LSTM" in self.name and len(inputs) == 3:
            return iter((inputs[0], tuple(inputs[1:])))
        return iter(inputs)


def plain(make: Callable[[], Module]) -> Callable[..., Module]:
    """How a layer without parameters is made."""
    return lambda rng, dtype: make()


def typed(make: Callable[..., Module]) -> Callable[..., Module]:
    """How a layer is made whose parameters are not drawn."""
    return lambda rng, dtype: make(dtype=dtype)
