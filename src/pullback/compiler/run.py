"""Running a recorded program: reading what it captured, computing, and only then writing."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, final

import numpy as np
from numpy.lib.stride_tricks import as_strided

from pullback.compiler.entry import Layout
from pullback.compiler.executable import Executable
from pullback.compiler.interpret import interpreter
from pullback.compiler.lower import Strides
from pullback.compiler.passes import simplified
from pullback.compiler.program import Program
from pullback.compiler.record import Captured, Record
from pullback.compiler.views import strides_of
from pullback.core.memory import empty, owned
from pullback.core.tree import children, rebuild
from pullback.tensor import Tensor

MISFIT: Final = type("Misfit", (), {"__repr__": lambda _: "misfit", "__slots__": ()})()  # arguments of another kind
VARIANTS: Final = 4  # of strides that a program is compiled for; what lies otherwise is copied
LARGE: Final = 1 << 18  # bytes of a result from which on its memory is kept for another


@final
class Runner:
    """A program with all that a call needs.

    Parameters
    ----------
    made : Record
        The program, and what it reads and writes.
    native : bool
        Compile it; else it runs on NumPy.
    """

    def __init__(self, made: Record, *, native: bool) -> None:
        self.program: Program = simplified(made.program)
        self._record = made
        self._readers = [_reader(captured) for captured in made.captured]
        self._count = len(made.places)
        self._interpreter = None if native else interpreter(self.program)
        self._variants: dict[tuple[Strides, ...], Variant] = {}
        self._last: Variant | None = None
        self._build = builder(made.result)

    def run(self, arguments: Sequence[Any]) -> Any:
        """Compute, then write: if something fails, nothing has changed. MISFIT if shapes or dtypes are others."""
        inputs = [*arguments, *[read() for read in self._readers]]
        if self._interpreter is not None:
            return self._finish(self._interpreter(inputs))
        variant = self._last
        if variant is None:
            return self._run_other(inputs)
        outputs = variant.outputs(inputs)
        if variant.executable(inputs, outputs):
            return self._run_other(inputs)
        return self._finish(outputs)

    def _run_other(self, inputs: list[Any]) -> Any:
        """Run for arrays that lie otherwise than those of the last call."""
        arrays = [np.asarray(x) for x in inputs]
        for array, value in zip(arrays, self.program.inputs, strict=True):
            if array.shape != value.shape or array.dtype != value.dtype:
                return MISFIT
        key = tuple(map(strides_of, arrays))
        variant = self._variants.get(key)
        if variant is None and len(self._variants) < VARIANTS:
            variant = self._variants[key] = Variant(self.program, self._record, arrays)
        if variant is None:  # too many: as the first, copied where it has to be
            variant = next(iter(self._variants.values()))
            arrays = [layout.laid_out(array) for layout, array in zip(variant.inputs, arrays, strict=True)]
        self._last = variant
        outputs = variant.outputs(arrays)
        return MISFIT if variant.executable(arrays, outputs) else self._finish(outputs)

    def _finish(self, outputs: Sequence[Any]) -> Any:
        """Write what is to be written, and give the result."""
        made, count = self._record, self._count
        for owner in made.cleared:
            owner.grad = None
        for captured, array in zip(made.written, outputs[count:], strict=True):
            _write(captured, array if array.ndim else array[()])
        return self._build(iter([Tensor(array if array.ndim else array[()]) for array in outputs[:count]]))


@final
class Variant:
    """A program compiled for arrays that lie in one way, and the arrays that it writes to."""

    def __init__(self, program: Program, made: Record, arrays: Sequence[Any]) -> None:
        given = {value: strides_of(array) for value, array in zip(program.inputs, arrays, strict=True)}
        captured = {c.key: i for i, c in enumerate(made.captured, len(program.inputs) - len(made.captured))}
        written = [captured.get((id(c.tensor), False)) for c in made.written]
        wanted: list[Strides | None] = [None] * len(made.places)
        wanted += [None if i is None else strides_of(arrays[i]) for i in written]
        replaces = {
            len(made.places) + j: program.inputs[i]
            for j, (c, i) in enumerate(zip(made.written, written, strict=True))
            if i is not None and not c.gradient
        }
        self.executable = Executable(program, given, wanted, replaces)
        self.inputs = [Layout.of(array) for array in arrays]
        numbers = {value: i for i, value in enumerate(program.inputs)}
        in_place = {j: numbers[value] for j, value in self.executable.plan.in_place.items() if value.ndim}
        self._outputs = [(_maker(layout), in_place.get(j)) for j, layout in enumerate(self.executable.outputs)]

    def outputs(self, inputs: Sequence[Any]) -> list[Any]:
        """Arrays for the outputs: those that they replace where nobody else can see these, else new ones."""
        made = []
        for make, i in self._outputs:
            if i is not None:
                array = inputs[i]
                if sys.getrefcount(array) <= _ALONE and owned(array):
                    made.append(array)
                    continue
            made.append(make())
        return made


def _reader(captured: Captured) -> Callable[[], Any]:
    """What reads the array of a captured tensor."""
    tensor = captured.tensor
    if captured.gradient:
        return lambda: tensor.node.grad.array  # type: ignore[union-attr]  # it was there when this was recorded
    return lambda: tensor.array


def _write(captured: Captured, array: Any) -> None:
    if captured.gradient:
        captured.tensor.grad = Tensor(array)
    else:
        captured.tensor.array = array


def _maker(layout: Layout) -> Callable[[], Any]:
    """What makes an array of a layout."""
    shape, dtype = layout.shape, layout.dtype
    pattern = as_strided(np.empty(1, dtype), shape, layout.strides)
    if not pattern.flags.c_contiguous:
        return lambda: np.empty_like(pattern)
    if pattern.nbytes >= LARGE:
        return lambda: empty(shape, dtype)
    return lambda: np.empty(shape, dtype)


def builder(tree: Any) -> Callable[[Iterator[Any]], Any]:
    """A function that gives a tree with the next values at its leaves that are None."""
    parts = children(tree)
    if parts is None:
        return next if tree is None else lambda _: tree
    inside = [builder(part) for _, part in parts]
    if type(tree) is tuple:
        return lambda values: tuple([make(values) for make in inside])
    if type(tree) is list:
        return lambda values: [make(values) for make in inside]
    return lambda values: rebuild(tree, [make(values) for make in inside])


def _references(arrays: Sequence[Any], number: int) -> int:
    """How many references there are to an array of a list, asked as `Variant.outputs` asks."""
    array = arrays[number]
    return sys.getrefcount(array)


_HOLDER: Final = Tensor(np.zeros(1))
_ALONE: Final = _references([_HOLDER.array], 0)  # measured: how many references a call itself holds differs
