"""Running a recorded program: reading what it captured, computing, and only then writing."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import partial
from itertools import chain
from operator import itemgetter
from typing import Any, Final, final

import numpy as np
from numpy.lib.stride_tricks import as_strided

from pullback.compiler.entry import Layout
from pullback.compiler.executable import Executable
from pullback.compiler.fallback import native
from pullback.compiler.interpret import interpreter
from pullback.compiler.lower import Strides
from pullback.compiler.passes import chosen, simplified, stages
from pullback.compiler.program import Constant, Operand, Program
from pullback.compiler.record import Captured, Record
from pullback.compiler.report import report
from pullback.compiler.show import show, topics
from pullback.compiler.views import strides_of
from pullback.core.memory import empty, owned
from pullback.core.tree import children, leaves, rebuild
from pullback.tensor import Tensor

MISFIT: Final = type("Misfit", (), {"__repr__": lambda _: "misfit", "__slots__": ()})()  # arguments of another kind
HOLE: Final = type("Hole", (), {"__repr__": lambda _: "HOLE", "__slots__": ()})()
VARIANTS: Final = 4  # of strides that a program is compiled for; what lies otherwise is copied
_new: Final = object.__new__
LARGE: Final = 1 << 18  # bytes of a result from which on its memory is kept for another


@final
class Runner:
    """A program with all that a call needs.

    Parameters
    ----------
    made : Record
        The program, and what it reads and writes.
    """

    def __init__(self, made: Record) -> None:
        self.program: Program = simplified(made.program)
        self._record = made
        self._readers = [_reader(captured) for captured in made.captured]
        self._count = len(made.places)
        self._writers = [*map(_writer, made.written)]
        self._gradients = [*made.grads.values()]
        self._outputs = self.program.outputs[: len(self.program.outputs) - self.program.conditions]
        self._numbers = [i for i, output in enumerate(self._outputs) if not np.ndim(_known(output))]
        self._interpreter = None if native() else interpreter(self.program)
        self._variants: dict[tuple[Strides, ...], Variant] = {}
        self._last: Variant | None = None
        self._build = builder(_with_holes(made))

    @property
    def stages(self) -> dict[str, Program]:
        """The program as recorded and after each pass that changed it, by name and in order."""
        return dict(stages(self._record.program))

    @property
    def executables(self) -> list[Executable]:
        """What was compiled, for each way in which arrays lay."""
        return [variant.executable for variant in self._variants.values()]

    def report(self) -> str:
        """What runs, in words."""
        if self._interpreter is not None:
            return f"{len(self.program.equations)} operations, by NumPy: llvmlite is not installed"
        return "\n".join(report(executable, self.program) for executable in self.executables)

    def run(self, arguments: list[Any]) -> Any:
        """Compute, then write: if something fails, nothing has changed. MISFIT for other arrays, or failure."""
        for owner, had in self._gradients:
            if (owner.node is not None and owner.node.grad is not None) is not had:
                return MISFIT
        inputs = [*arguments, *[read() for read in self._readers]] if self._readers else arguments
        variant = self._last
        if variant is None:
            return self._run_other(inputs)
        outputs = variant.outputs(inputs)
        if variant.executable(inputs, outputs):
            return self._run_other(inputs)
        return self._finish(outputs)

    def _run_other(self, inputs: list[Any]) -> Any:
        """Run for arrays that lie otherwise than those of the last call, or on NumPy."""
        arrays = [np.asarray(x) for x in inputs]
        for array, value in zip(arrays, self.program.inputs, strict=True):
            if array.shape != value.shape or array.dtype != value.dtype:
                return MISFIT
        if self._interpreter is not None:
            with np.errstate(all="ignore"):
                outputs = [_apart(output, arrays) for output in self._interpreter(inputs)]
            count = len(outputs) - self.program.conditions
            return self._finish(outputs[:count]) if all(outputs[count:]) else MISFIT
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

    def _finish(self, outputs: list[Any]) -> Any:
        """Write what is to be written, and give the result."""
        for i in self._numbers:
            outputs[i] = outputs[i][()]
        for owner in self._record.cleared:
            owner.grad = None
        if self._writers:
            for write, array in zip(self._writers, outputs[self._count :], strict=True):
                write(array)
            del outputs[self._count :]
        for i, array in enumerate(outputs):
            outputs[i] = tensor = _new(Tensor)  # no program runs while another is recorded: nobody has to know
            tensor.array = array
            tensor.node = None
        return self._build(outputs)


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
        names = chosen()
        self.executable = Executable(
            program, given, wanted, replaces if "in_place" in names else {}, together="fuse" in names
        )  # fmt: skip
        if asked := topics():
            show(made.program, self.executable, program, asked)
        self.inputs = [Layout.of(array) for array in arrays]
        numbers = {value: i for i, value in enumerate(program.inputs)}
        in_place = {j: numbers[value] for j, value in self.executable.plan.in_place.items() if value.ndim}
        makers = [*map(_maker, self.executable.outputs)]
        self._new = None if in_place else makers
        self._outputs = [(make, in_place.get(j)) for j, make in enumerate(makers)]

    def outputs(self, inputs: Sequence[Any]) -> list[Any]:
        """Arrays for the outputs: those that they replace where nobody else can see these, else new ones."""
        if self._new is not None:
            return [make() for make in self._new]
        made = []
        for make, i in self._outputs:
            if i is not None:
                array = inputs[i]
                if sys.getrefcount(array) <= _ALONE and owned(array):
                    made.append(array)
                    continue
            made.append(make())
        return made


def _with_holes(made: Record) -> Any:
    """The tree of the results, with a HOLE wherever the program computes something."""
    values = leaves(made.result)
    for place in made.places:
        values[place] = HOLE
    return rebuild(made.result, values)


def _apart(output: Any, inputs: Sequence[Any]) -> Any:
    """An output that shares no memory with what came in, which others may change."""
    output = np.asarray(output)
    return output.copy() if any(np.may_share_memory(output, array) for array in inputs) else output


def _known(output: Operand) -> Any:
    return output.value if isinstance(output, Constant) else output


def _reader(captured: Captured) -> Callable[[], Any]:
    """What reads the array of a captured tensor."""
    tensor = captured.tensor
    if captured.gradient:
        return lambda: tensor.node.grad.array  # type: ignore[union-attr]  # it was there when this was recorded
    return lambda: tensor.array


def _writer(captured: Captured) -> Callable[[Any], None]:
    """What gives a captured tensor another array."""
    tensor = captured.tensor
    if captured.gradient:
        return lambda array: setattr(tensor, "grad", Tensor(array))
    return lambda array: setattr(tensor, "array", array)


def _maker(layout: Layout) -> Callable[[], Any]:
    """What makes an array of a layout."""
    shape, dtype = layout.shape, layout.dtype
    pattern = as_strided(np.empty(1, dtype), shape, layout.strides)
    if not pattern.flags.c_contiguous:
        return partial(np.empty_like, pattern)
    if pattern.nbytes >= LARGE:
        return partial(empty, shape, dtype)
    return partial(np.empty, shape, dtype)


def builder(tree: Any, start: int = 0) -> Callable[[list[Any]], Any]:
    """A function that gives a tree with the values of a list, from `start` on, where it has a HOLE.

    >>> builder((HOLE, "as it is", [HOLE, HOLE]))([1, 2, 3])
    (1, 'as it is', [2, 3])
    """
    parts = children(tree)
    if parts is None:
        return itemgetter(start) if tree is HOLE else lambda _: tree
    if type(tree) in (tuple, list) and tree and all(part is HOLE for part in tree):
        whole, kind = slice(start, start + len(tree)), type(tree)
        return lambda values: kind(values[whole])
    inside = []
    for _, part in parts:
        inside.append(builder(part, start))
        start += sum(leaf is HOLE for leaf in leaves(part))
    if type(tree) is tuple and len(inside) == 2:  # the quick way to a value and its gradients
        first, second = inside
        return lambda values: (first(values), second(values))
    if type(tree) is tuple:
        return lambda values: tuple([make(values) for make in inside])
    return lambda values: rebuild(tree, chain.from_iterable(leaves(make(values)) for make in inside))


def _references(arrays: Sequence[Any], number: int) -> int:
    """How many references there are to an array of a list, asked as `Variant.outputs` asks."""
    array = arrays[number]
    return sys.getrefcount(array)


_HOLDER: Final = Tensor(np.zeros(1))
_ALONE: Final = _references([_HOLDER.array], 0)  # measured: how many references a call itself holds differs
