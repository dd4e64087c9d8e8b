"""A ledger of what a recorded call borrows and changes, by which everything can be put back."""

from __future__ import annotations

from typing import Any, final

import numpy as np

from pullback.core.graph import Node
from pullback.tensor import Tensor


@final
class Ledger:
    """What tensors held, which gradients there were, and where generators stood, before a function changed them."""

    def __init__(self) -> None:
        self._lent: list[tuple[Tensor, Any, Any, Node | None]] = []
        self._states: dict[int, tuple[np.random.Generator, Any]] = {}
        self.grads: dict[int, tuple[Tensor, Tensor | None, bool]] = {}
        """For each owner of a gradient: itself, what it was, and whether that was looked at before it was replaced."""

    @property
    def nodes(self) -> list[tuple[Tensor, Node | None]]:
        """What each tensor stood for in the graph."""
        return [(tensor, node) for tensor, _, _, node in self._lent]

    def lend(self, tensor: Tensor) -> None:
        """Let a tensor hold an array of its own for a while, for other tensors may hold the same array."""
        outside = tensor.array
        tensor.array = own(outside)
        self._lent.append((tensor, outside, tensor.array, tensor.node))

    def replace(self, tensor: Tensor, other: Tensor) -> None:
        """Let a tensor hold what another does."""
        self._lent.append((tensor, tensor.array, None, tensor.node))
        tensor.array, tensor.node = other.array, other.node

    def draw(self, generator: np.random.Generator) -> None:
        """Note where a generator stands before it is drawn from."""
        self._states.setdefault(id(generator), (generator, generator.bit_generator.state))

    def give_back(self) -> None:
        """Let tensors hold the arrays again that they held, where they were not changed."""
        for tensor, outside, lent, _ in self._lent:
            if tensor.array is lent:
                tensor.array = outside

    def undo(self) -> None:
        """Put everything back as it was."""
        for tensor, outside, _, node in reversed(self._lent):
            tensor.array, tensor.node = outside, node
        for owner, before, _ in self.grads.values():
            if owner.node is not None:
                owner.node.grad = before
        for generator, state in self._states.values():
            generator.bit_generator.state = state


def own(array: Any) -> Any:
    """The same numbers as an object of its own, by which a value is known."""
    if isinstance(array, np.generic):
        return np.asarray(array) if isinstance(array, np.bool_) else array.copy()
    return array.view()
