"""Running a recorded program: reading what it captured, computing, and only then writing."""

from __future__ import annotations

from typing import Any, Final, final

import numpy as np

from pullback.compiler.deduplicate import deduplicate
from pullback.compiler.interpret import interpreter
from pullback.compiler.program import Program
from pullback.compiler.prune import prune
from pullback.compiler.record import Captured, Record
from pullback.core.tree import leaves, rebuild
from pullback.tensor import Tensor

MISFIT: Final = object()  # what a runner gives when arrays, or captured tensors, are not as they were recorded


@final
class Runner:
    """A program with all that a call needs."""

    def __init__(self, made: Record) -> None:
        self._record = made
        self._program: Program = prune(deduplicate(made.program))
        self._run = interpreter(self._program)
        self._specs = [(c, c.current.shape, c.current.dtype) for c in made.captured if c.current is not None]

    def fits(self, arrays: list[Any]) -> bool:
        """Whether the arguments and the captured tensors are as they were recorded."""
        for array, value in zip(arrays, self._program.inputs, strict=False):
            if array.shape != value.shape or array.dtype != value.dtype:
                return False
        for captured, shape, dtype in self._specs:
            now = captured.current
            if now is None or now.shape != shape or now.dtype != dtype:
                return False
        return all((owner.grad is not None) == had for owner, had in self._record.grads.values())

    def run(self, arguments: list[Any]) -> Any:
        """Compute, then write: if something fails, nothing has changed. MISFIT where arrays are others."""
        if not self.fits(arguments):
            return MISFIT
        made = self._record
        arrays = arguments + [captured.current.array for captured in made.captured if captured.current is not None]
        with np.errstate(all="ignore"):
            outputs = [_kept(output, arrays) for output in self._run(arrays)]
        results, writes = outputs[: len(made.places)], outputs[len(made.places) :]
        for owner in made.cleared:
            owner.grad = None
        for captured, array in zip(made.written, writes, strict=True):
            _write(captured, array)
        tree = leaves(made.result)
        for place, array in zip(made.places, results, strict=True):
            tree[place] = Tensor(array)
        return rebuild(made.result, tree)


def _kept(output: Any, inputs: list[Any]) -> Any:
    """An output that shares no memory with what came in, which others may change."""
    shared = any(np.may_share_memory(output, array) for array in inputs)
    return output.copy() if shared and isinstance(output, np.ndarray) else output


def _write(captured: Captured, array: Any) -> None:
    if captured.gradient:
        captured.tensor.grad = Tensor(array)
    else:
        captured.tensor.array = array
