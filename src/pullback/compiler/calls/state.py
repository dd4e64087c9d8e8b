"""What a program can change, as it is at one moment: to be put back, or compared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from pullback.core.graph import Node
from pullback.programs.record import Record
from pullback.tensors import Tensor


class State(NamedTuple):
    """What a program can change, as it is."""

    tensors: list[tuple[Tensor, Any, Node | None]]
    gradients: list[tuple[Tensor, Tensor | None, Any]]
    generators: list[tuple[np.random.Generator, Any]]

    @classmethod
    def of(cls, made: Record, besides: Iterable[Tensor] = ()) -> State:
        """The state that a program reads and writes, and that of some tensors besides."""
        owners = {id(c.tensor): c.tensor for c in (*made.captured, *made.written)}
        owners |= {id(tensor): tensor for tensor in besides}
        owners |= {id(owner): owner for owner in (*made.cleared, *(owner for owner, _ in made.grads.values()))}
        return cls(
            [(t, t.array, t.node) for t in owners.values()],
            [(t, t.grad, None if t.grad is None else t.grad.array) for t in owners.values()],
            [(g, g.bit_generator.state) for g in made.program.generators],
        )

    def restore(self) -> None:
        """Put everything back."""
        for tensor, array, node in self.tensors:
            tensor.array, tensor.node = array, node
        for tensor, gradient, array in self.gradients:
            if tensor.node is not None:
                tensor.node.grad = gradient
            if gradient is not None:
                gradient.array = array
        for generator, state in self.generators:
            generator.bit_generator.state = state

    def named(self) -> Iterator[tuple[str, Any]]:
        """Each array, and what to call it."""
        for number, ((tensor, array, _), (_, _, gradient)) in enumerate(zip(self.tensors, self.gradients, strict=True)):
            name = tensor.name or f"captured tensor {number}"
            yield name, array
            yield f"{name}.grad", gradient

    def copied(self) -> None:
        """Put everything back, but as copies, which may be written to."""
        self.restore()
        for tensor, array, _ in self.tensors:
            tensor.array = array.copy()
        for tensor, gradient, array in self.gradients:
            if gradient is not None and tensor.node is not None:
                tensor.node.grad = Tensor(array.copy())
