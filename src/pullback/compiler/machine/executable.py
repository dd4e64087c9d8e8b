"""Executables: a program compiled for arrays that lie in given ways, ready to be called with them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import chain
from typing import Any, Final, final

import numpy as np
from numpy.lib.stride_tricks import as_strided

from pullback.compiler.contraction import blas
from pullback.compiler.emission.emit import NativePart, Part
from pullback.compiler.emission.module import RUN
from pullback.compiler.lowering.kernels import Plan
from pullback.compiler.lowering.layout import Layout
from pullback.compiler.machine import threads
from pullback.compiler.machine.frame import Frame
from pullback.compiler.machine.jit import Library
from pullback.core.memory import empty, owned
from pullback.core.threads import get_threads
from pullback.programs.commit import commit
from pullback.programs.ledger import drawn
from pullback.programs.program import Constant
from pullback.tensors import Tensor

NOTHING: Final[tuple[tuple[Any, ...], ...]] = ()  # to be written
LARGE: Final = 1 << 18  # bytes of an output from which on its memory is kept for another


def load(
    plan: Plan, parts: Sequence[Part], known_by: Iterable[object], others: Mapping[str, int] | None = None
) -> Executable:
    """Make the native parts of a plan code, from disk where it is known by what it follows from.

    `others` are the addresses of further functions that it calls.
    """
    program, codes, known_by = plan.lowered.fused.program, list[Library](), (*known_by,)
    for part in parts:
        if isinstance(part, NativePart):
            follows_from = (*known_by, *part.layouts, plan.in_place, plan.arena, len(codes))
            symbols = threads.symbols() | (blas.symbols() if part.calls_blas else {})  # looking for BLAS loads SciPy
            symbols |= others or {}
            codes.append(Library(part.write, [RUN], symbols, name=program.name, key="\n".join(map(str, follows_from))))
    return Executable(plan, parts, codes, known_by)


@final
class Executable:
    """A program for inputs that lie in given ways.

    Attributes
    ----------
    plan : Plan
        What is run.
    codes : list of Library
        The native parts; what NumPy does runs in between.
    inputs, outputs : list of Layout
        How they lie.
    known_by : tuple
        What its code follows from.
    """

    def __init__(self, plan: Plan, parts: Sequence[Part], codes: list[Library], known_by: tuple[object, ...]) -> None:
        fused = plan.lowered.fused
        self.plan, self.codes, self.parts, self.known_by = plan, codes, parts, known_by
        self.inputs = [*map(plan.lowered.layout, fused.program.inputs)]
        self.outputs = [*map(plan.lowered.layout, fused.outputs)]
        only = parts[0] if len(parts) == 1 else None
        self._is_one_call = isinstance(only, NativePart)
        self._constants = (
            [o.value for o in only.objects if isinstance(o, Constant)] if isinstance(only, NativePart) else []
        )
        self._parallel = any(region.threaded for region in plan.regions)
        self._generators = fused.program.generators
        self.free: list[Frame] = []  # that no call uses now
        numbers = {value: i for i, value in enumerate(fused.program.inputs)}
        in_place = {j: numbers[value] for j, value in plan.in_place.items() if value.ndim}
        makers = [*map(_maker, self.outputs)]
        self._makers = None if in_place else makers
        self._replacing = [(make, in_place.get(j)) for j, make in enumerate(makers)]

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
            frame = Frame(self.plan, self.parts, self.codes)
        if self._is_one_call and writes is NOTHING:
            refused = bool(frame.calls[0](*inputs, *outputs, *self._constants))
            self.free.append(frame)
            return refused
        if self._is_one_call:
            refused = commit(chain(((frame.calls[0], *inputs, *outputs, *self._constants),), writes))
            self.free.append(frame)
            return refused
        undo, keep = drawn(self._generators)
        try:
            return frame.run(inputs, outputs, chain(writes, keep))
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
