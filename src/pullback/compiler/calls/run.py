"""Running a recorded program: reading what it captured, computing, and only then writing."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import chain, repeat
from operator import itemgetter
from typing import Any, Final, final

import numpy as np
from numpy.lib.stride_tricks import as_strided

from pullback.compiler.calls.executable import Executable
from pullback.compiler.fusion.views import strides_of
from pullback.compiler.lowering.kernels import Strides
from pullback.compiler.machine.entry import Layout
from pullback.compiler.machine.fallback import native
from pullback.compiler.passes.stages import chosen, simplified, stages
from pullback.compiler.showing.report import report
from pullback.compiler.showing.show import show, topics
from pullback.core.memory import empty, owned
from pullback.core.tree import children, leaves, rebuild
from pullback.programs.commit import commit
from pullback.programs.interpret import interpreter
from pullback.programs.ledger import drawn, set_array, set_grad, write_all
from pullback.programs.program import Constant, Operand, Program
from pullback.programs.record import Captured, Hole, Record
from pullback.programs.record import hole as hole
from pullback.tensors import Tensor
from pullback.tensors.backward import ADDING

MISFIT: Final = type("Misfit", (), {"__repr__": lambda _: "misfit", "__slots__": ()})()  # arguments of another kind
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
        self._count = made.count
        self._written = [captured.tensor for captured in made.written if not captured.gradient]
        self._graded = [captured.tensor for captured in made.written if captured.gradient]
        self._gradients = [*made.grads.values()]
        read = {id(captured.tensor) for captured in made.captured if captured.gradient}
        self._adds = any(id(tensor) in read for tensor in self._graded)
        places = [number for number in range(len(made.state) + len(self.program.inputs)) if number not in made.state]
        self._rewritten = [places.index(number) for number, _ in made.rewritten]
        self._outputs = self.program.outputs[: len(self.program.outputs) - self.program.conditions]
        self._numbers = [i for i, output in enumerate(self._outputs[: made.count]) if not np.ndim(_known(output))]
        foreign = any(not value.dtype.isnative for value in self.program.inputs)  # swapped bytes are NumPy's alone
        self._interpreter = interpreter(self.program) if foreign or not native() else None
        self._variants: dict[tuple[Strides, ...], Variant] = {}
        self._last: Variant | None = None
        self._build = builder(made.result)

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
            why = "the bytes of an argument are swapped" if native() else "llvmlite is not installed"
            return f"{len(self.program.equations)} operations, by NumPy: {why}"
        return "\n".join(report(executable, self.program) for executable in self.executables)

    def run(self, arguments: list[Any]) -> Any:
        """Compute, then write: if something fails, nothing has changed. MISFIT for other arrays, or failure."""
        if not self._adds:
            return self._run(arguments)
        with ADDING[0]:
            return self._run(arguments)

    def _run(self, arguments: list[Any]) -> Any:
        for owner, had in self._gradients:
            if (owner.node is not None and owner.node.grad is not None) is not had:
                return MISFIT
        inputs = [*arguments, *[read() for read in self._readers]] if self._readers else arguments
        variant = self._last
        if variant is None:
            return self._run_other(inputs)
        outputs = variant.outputs(inputs)
        writes = self._writes(inputs, outputs)
        if writes is None or variant.executable(inputs, outputs, writes):
            return self._run_other(inputs)
        return self._finish(outputs)

    def _run_other(self, inputs: list[Any]) -> Any:
        """Run for arrays that lie otherwise than those of the last call, or on NumPy."""
        arrays = [np.asarray(x) for x in inputs]
        for array, value in zip(arrays, self.program.inputs, strict=True):
            if array.shape != value.shape or array.dtype != value.dtype:
                return MISFIT
        if self._interpreter is not None:
            return self._interpret(inputs, arrays)
        key = tuple(map(strides_of, arrays))
        variant = self._variants.get(key)
        if variant is None and len(self._variants) < VARIANTS:
            variant = self._variants[key] = Variant(self.program, self._record, arrays)
        if variant is None:  # too many: as the first, copied where it has to be
            variant = next(iter(self._variants.values()))
            arrays = [layout.laid_out(array) for layout, array in zip(variant.inputs, arrays, strict=True)]
        self._last = variant
        outputs = variant.outputs(arrays)
        writes = self._writes(inputs, outputs)
        if writes is None or variant.executable(arrays, outputs, writes):
            return MISFIT
        return self._finish(outputs)

    def _interpret(self, inputs: Sequence[Any], arrays: Sequence[Any]) -> Any:
        """Run on NumPy."""
        assert self._interpreter is not None
        undo, keep = drawn(self.program.generators)
        try:
            with np.errstate(all="ignore"):
                outputs = [_apart(output, arrays) for output in self._interpreter(inputs)]
            made, conditions = outputs[: len(self._outputs)], outputs[len(self._outputs) :]
            fits = all(map(_fits, made, self._outputs)) and all(conditions)
            writes = self._writes(inputs, made) if fits else None
            if writes is None:
                return MISFIT
            commit(chain(writes, keep))
        except (ValueError, IndexError, TypeError):
            return MISFIT  # the function itself says what is wrong
        finally:
            any(undo)
        return self._finish(made)

    def _writes(self, inputs: Sequence[Any], outputs: Sequence[Any]) -> Iterator[tuple[Any, ...]] | None:
        """All that is to be written, as calls of C's (see `commit`); None if it cannot be."""
        if len(outputs) == self._count and not self._record.cleared:
            return iter(())
        tensors, graded, at = self._written, self._graded, self._count
        writes: Iterator[tuple[Any, ...]] = zip(repeat(set_array), tensors, outputs[at:], strict=False)
        if graded or self._record.cleared:
            at += len(tensors)
            nodes = [owner.node for owner in graded]
            cleared = [owner.node for owner in self._record.cleared]
            if None in nodes or None in cleared:
                return None
            gradients = [Tensor(array) for array in outputs[at : at + len(graded)]]
            writes = chain(
                zip(repeat(set_grad), cleared, repeat(None)), writes, zip(repeat(set_grad), nodes, gradients)
            )
        if self._rewritten:
            arrays = [inputs[place] for place in self._rewritten]
            if not all(type(array) is np.ndarray and array.flags.writeable for array in arrays):
                return None
            at = self._count + len(tensors) + len(graded)
            writes = chain(writes, zip(repeat(write_all), arrays, repeat(...), outputs[at:]))
        return writes

    def _finish(self, outputs: list[Any]) -> Any:
        """Give the result."""
        del outputs[self._count :]
        for i in self._numbers:
            outputs[i] = outputs[i][()]
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
        wanted: list[Strides | None] = [None] * made.count
        wanted += [None if i is None else strides_of(arrays[i]) for i in written]
        wanted += [None] * len(made.rewritten)
        replaces = {
            made.count + j: program.inputs[i]
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


def _fits(array: Any, output: Operand) -> bool:
    """Whether NumPy computed what was computed when the program was recorded."""
    value = _known(output)
    return np.shape(array) == np.shape(value) if isinstance(output, Constant) else array.shape == output.shape


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


def _maker(layout: Layout) -> Callable[[], Any]:
    """What makes an array of a layout."""
    shape, dtype = layout.shape, layout.dtype
    pattern = as_strided(np.empty(1, dtype), shape, layout.strides)
    if not pattern.flags.c_contiguous:
        return partial(np.empty_like, pattern)
    if pattern.nbytes >= LARGE:
        return partial(empty, shape, dtype)
    return partial(np.empty, shape, dtype)


def builder(tree: Any) -> Callable[[list[Any]], Any]:
    """A function that gives a tree with the values of a list where it has a Hole.

    >>> builder((hole(0), "as it is", [hole(1), hole(2), hole(0)]))([1, 2, 3])
    (1, 'as it is', [2, 3, 1])
    """
    parts = children(tree)
    if parts is None:
        return itemgetter(tree.number) if isinstance(tree, Hole) else lambda _: tree
    numbers = [part.number for _, part in parts if isinstance(part, Hole)]
    if type(tree) in (tuple, list) and numbers and numbers == [*range(numbers[0], numbers[0] + len(tree))]:
        whole, kind = slice(numbers[0], numbers[0] + len(tree)), type(tree)
        return lambda values: kind(values[whole])
    inside = [builder(part) for _, part in parts]
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
