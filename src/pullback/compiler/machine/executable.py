"""Executables: a program compiled for arrays that lie in given ways, ready to be called with them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any, Final, final

import numpy as np
from numpy.lib.stride_tricks import as_strided

from pullback.compiler.lowering.layout import Layout
from pullback.compiler.machine import threads
from pullback.compiler.machine.frame import Frame
from pullback.compiler.machine.jit import Library
from pullback.compiler.machine.outline import Outline
from pullback.core.memory import empty, owned
from pullback.core.threads import get_threads
from pullback.programs.commit import commit
from pullback.programs.ledger import drawn
from pullback.tensors import Tensor

if TYPE_CHECKING:
    from pullback.compiler.lowering.kernels import Plan
    from pullback.compiler.machine.mixed import Mixed

NOTHING: Final[tuple[tuple[Any, ...], ...]] = ()  # to be written
LARGE: Final = 1 << 18  # bytes of an output from which on its memory is kept for another


@final
class Executable:
    """A program for inputs that lie in given ways.

    Parameters
    ----------
    outline : Outline
        What is run.
    codes : list of Library
        The native parts.
    planned : callable
        Gives the plan, for those who look at it: of a program that was compiled before, there is none yet.
    mixed : Mixed, optional
        The parts, where NumPy runs some of them.
    known_by : str, optional
        All that it follows from, if that can be said.

    Attributes
    ----------
    outline, codes, mixed, known_by
        As above.
    inputs, outputs : tuple of Layout
        How they lie.
    """

    def __init__(
        self, outline: Outline, codes: list[Library], planned: Callable[[], Plan], mixed: Mixed | None = None,
        known_by: str | None = None,
    ) -> None:  # fmt: skip
        self.outline, self.codes, self.mixed, self.known_by = outline, codes, mixed, known_by
        self._planned = planned
        self.inputs, self.outputs = outline.inputs, outline.outputs
        self._constants, self._parallel = outline.constants, outline.threaded
        self.free: list[Frame] = []  # that no call uses now
        in_place = {j: i for j, i in outline.replaces if self.inputs[i].shape}
        makers = [*map(_maker, self.outputs)]
        self._makers = None if in_place else makers
        self._replacing = [(make, in_place.get(j)) for j, make in enumerate(makers)]

    @property
    def plan(self) -> Plan:
        """What is run, kernel by kernel."""
        return self._planned()

    def arrays_for(self, inputs: Sequence[Any]) -> list[Any]:
        """Arrays for the outputs: those that they replace where nobody else can see these, else new ones."""
        if self._makers is not None:
            return [make() for make in self._makers]
        made = []
        for make, i in self._replacing:
            if i is not None:
                array = inputs[i]
                if sys.getrefcount(array) <= _ALONE and owned(array):
                    made.append(array)
                    continue
            made.append(make())
        return made

    def __call__(
        self, inputs: Sequence[Any], outputs: Sequence[Any], writes: Iterable[tuple[Any, ...]] = NOTHING
    ) -> bool:
        """Compute `outputs`, then make the calls of `writes`, all in one step (`commit`) or nothing.

        Gives True if it did nothing: an input does not fit, or a condition does not hold.
        """
        if self._parallel:
            threads.pool.ensure()
        try:
            frame = self.free.pop()
        except IndexError:
            frame = None
        if frame is None or (self._parallel and frame.threads < get_threads()):  # fewer would run alone
            frame = Frame(self.outline, self.codes)
        mixed = self.mixed
        if mixed is None and writes is NOTHING:
            refused = bool(frame.calls[0](*inputs, *outputs, *self._constants))
            self.free.append(frame)
            return refused
        if mixed is None:
            refused = commit(chain(((frame.calls[0], *inputs, *outputs, *self._constants),), writes))
            self.free.append(frame)
            return refused
        undo, keep = drawn(mixed.generators)
        try:
            return mixed.run(frame, inputs, outputs, chain(writes, keep))
        finally:
            any(undo)
            self.free.append(frame)


def _maker(layout: Layout) -> Callable[[], Any]:
    """What makes an array of a layout."""
    shape, dtype = layout.shape, layout.dtype
    pattern = as_strided(np.empty(1, dtype), shape, layout.strides)
    if not pattern.flags.c_contiguous:
        return partial(np.empty_like, pattern)
    if pattern.nbytes >= LARGE:
        return partial(empty, shape, dtype)
    return partial(np.empty, shape, dtype)


def _references(arrays: Sequence[Any], number: int) -> int:
    """How many references there are to an array of a list, asked as `Executable.arrays_for` asks."""
    array = arrays[number]
    return sys.getrefcount(array)


_HOLDER: Final = Tensor(np.zeros(1))
_ALONE: Final = _references([_HOLDER.array], 0)  # measured: how many references a call itself holds differs
