"""A ledger of what a recorded call borrows and changes, by which everything can be put back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import starmap
from operator import call
from typing import Any, final

import numpy as np

from pullback.core.graph import Node
from pullback.programs.commit import commit
from pullback.tensors import Tensor


@final
class Ledger:
    """What tensors held, which gradients there were, and where generators stood, before a function changed them."""

    def __init__(self) -> None:
        self._lent: list[tuple[Tensor, Any, Any, Node | None]] = []
        self._states: dict[int, tuple[np.random.Generator, Any]] = {}
        self._arrays: list[tuple[Any, Any]] = []
        self.grads: dict[int, tuple[Tensor, Tensor | None, bool]] = {}
        """For each owner of a gradient: itself, what it was, and whether that was looked at before it was replaced."""

    @property
    def nodes(self) -> list[tuple[Tensor, Node | None]]:
        """What each tensor stood for in the graph."""
        return [(tensor, node) for tensor, _, _, node in self._lent]

    def lend(self, tensor: Tensor) -> None:
        """Let a tensor hold an array of its own for a while, for other tensors may hold the same array."""
        outside = tensor.array
        lent = own(outside)
        self._lent.append((tensor, outside, lent, tensor.node))
        tensor.array = lent

    def replace(self, tensor: Tensor, other: Tensor) -> None:
        """Let a tensor hold what another does."""
        self._lent.append((tensor, tensor.array, None, tensor.node))
        commit(((set_array, tensor, other.array), (set_node, tensor, other.node)))

    def write(self, array: Any, numbers: Any) -> None:
        """Write to an array of the caller's."""
        self._arrays.append((array, array.copy()))
        array[...] = numbers

    def draw(self, generator: np.random.Generator) -> None:
        """Note where a generator stands before it is drawn from."""
        self._states.setdefault(id(generator), (generator, generator.bit_generator.state))

    def give_back(self) -> None:
        """Let tensors hold the arrays again that they held, where they were not changed."""
        commit([(set_array, tensor, outside) for tensor, outside, lent, _ in self._lent if tensor.array is lent])

    def undo(self) -> None:
        """Put everything back as it was, in one step."""
        commit([
            *[(set_array, tensor, outside) for tensor, outside, _, _ in reversed(self._lent)],
            *[(set_node, tensor, node) for tensor, _, _, node in reversed(self._lent)],
            *[(set_grad, owner.node, before) for owner, before, _ in self.grads.values() if owner.node is not None],
            *[(write_all, array, ..., numbers) for array, numbers in reversed(self._arrays)],
            *[(setattr, g.bit_generator, "state", state) for g, state in self._states.values()],
        ])  # fmt: skip


def drawn(generators: Iterable[np.random.Generator]) -> tuple[Iterator[Any], tuple[tuple[Any, ...], ...]]:
    """What puts generators back where they stand now when it is gone through, and the calls after which it does not.

    Going through it is one step of C's: `any(undo)`, in a `finally`.
    """
    back = [(setattr, g.bit_generator, "state", g.bit_generator.state) for g in generators]
    return starmap(call, back), ((back.clear,),)


# Writes as C does them, for `commit`.
set_array: Any = vars(Tensor)["array"].__set__
set_node: Any = vars(Tensor)["node"].__set__
set_grad: Any = vars(Node)["grad"].__set__
write_all: Any = np.ndarray.__setitem__


def own(array: Any) -> Any:
    """The same numbers as an object of its own, by which a value is known."""
    if isinstance(array, np.generic):
        return np.asarray(array) if isinstance(array, np.bool_) else array.copy()
    return array.view()
