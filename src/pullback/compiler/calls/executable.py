"""Executables: a program compiled for arrays that lie in given ways, ready to be called with them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, groupby
from typing import Any, Final, TypeAlias, final

import numpy as np
from numpy.lib.stride_tricks import as_strided

from pullback.compiler.contraction import blas
from pullback.compiler.emission.emit import RUN, buffers_of, emit
from pullback.compiler.fusion.fuse import fuse
from pullback.compiler.lowering.kernels import Kernel, NumPyCall, Region, Repeat, Strides
from pullback.compiler.lowering.lower import lower
from pullback.compiler.lowering.plan import plan
from pullback.compiler.lowering.products import Product
from pullback.compiler.machine import threads
from pullback.compiler.machine.entry import Entry, Layout, nothing
from pullback.compiler.machine.jit import Library
from pullback.core.threads import get_threads
from pullback.programs.commit import commit
from pullback.programs.interpret import kernel_of
from pullback.programs.ledger import drawn
from pullback.programs.program import Constant, Operand, Program, Value

Array: TypeAlias = np.ndarray[Any, Any]

LONG: Final = 20_000  # instructions, about, during which Python's other threads may run


@final
@dataclass(frozen=True, slots=True)
class NativeCall:
    """Regions that run in one native call, and the objects that it is given."""

    code: Library
    objects: tuple[Operand, ...]
    layouts: tuple[Layout, ...]
    long: bool


@final
class Frame:
    """The memory of one call at a time, and the functions that work in it."""

    def __init__(
        self, arena: int, scratch: int, native_calls: Sequence[NativeCall], checks: Sequence[Layout] | None
    ) -> None:
        self.threads = get_threads()
        self.memory = np.empty(arena + scratch * self.threads + 192, np.uint8)
        first = -self.memory.ctypes.data % 64
        start = self.memory.ctypes.data + first
        self.arena = self.memory[first : first + arena]

        def constants() -> tuple[Sequence[int], Any]:
            return (start, start + -(-arena // 64) * 64, self.threads), self.memory

        self.calls: list[Callable[..., int]] = [
            Entry(call.layouts, call.code.address(RUN), constants, long=call.long).take().call for call in native_calls
        ]
        self.check = None if checks is None else Entry(checks, nothing()).take().call
        """Looks at the inputs, where no native code does before NumPy begins."""


@final
class Executable:
    """A program for inputs with given strides.

    Parameters
    ----------
    program : Program
        What to compute.
    given : mapping
        The strides of the inputs, in elements.
    wanted : sequence
        Those of the outputs, None where they do not matter.
    replaces : mapping
        By number of an output, the input that it replaces and may be written over.
    together : bool
        Let equations share loops.

    Attributes
    ----------
    plan : Plan
        What is run.
    native_calls : list of NativeCall
        Native code; what NumPy does runs in between.
    outputs : list of Layout
        How the outputs lie.
    """

    def __init__(
        self, program: Program, given: Mapping[Value, Strides], wanted: Sequence[Strides | None],
        replaces: Mapping[int, Value], *, together: bool = True,
    ) -> None:  # fmt: skip
        self._program = program
        self._key = [*given.values(), *wanted, together]
        self._fused = fuse(program, given, wanted, together=together)
        self.plan = plan(lower(self._fused, given, wanted), replaces)
        self._roots = [self._fused.root(self._fused.view(output).base) for output in self._fused.outputs]
        self.outputs = [self._layout(output) for output in self._fused.outputs]
        self.native_calls: list[NativeCall] = []
        self._steps: list[NativeCall | NumPyCall] = []
        for called, regions in groupby(self.plan.regions, lambda r: isinstance(r.kernels[0], NumPyCall)):
            if called:
                self._steps += [
                    kernel for region in regions for kernel in region.kernels if isinstance(kernel, NumPyCall)
                ]
            else:
                self.native_calls.append(self._native(list(regions)))
                self._steps.append(self.native_calls[-1])
        given_too = self.native_calls[0].objects[len(program.inputs) + len(self._roots) :] if self.native_calls else ()
        self._plain = len(self._steps) == len(self.native_calls) == 1 and all(
            isinstance(o, Constant) for o in given_too
        )
        self._constants = [operand.value for operand in given_too if isinstance(operand, Constant)]
        self._generators = program.generators
        first_is_native = bool(self._steps) and isinstance(self._steps[0], NativeCall)
        self._checks = None if first_is_native else [self._layout(value) for value in program.inputs]
        self._parallel = any(region.threaded for region in self.plan.regions)
        self._free: list[Frame] = []

    def __call__(self, inputs: Sequence[Any], outputs: Sequence[Array], writes: Iterable[tuple[Any, ...]] = ()) -> bool:
        """Compute `outputs`, then make the calls of `writes`, all in one step (`commit`) or nothing.

        Gives True if it did nothing: an input does not fit, or a condition does not hold.
        """
        if self._parallel:
            threads.pool.ensure()
        try:
            frame = self._free.pop()
        except IndexError:
            frame = None
        if frame is None or (self._parallel and frame.threads < get_threads()):  # fewer would run alone
            frame = Frame(self.plan.arena, self.plan.scratch, self.native_calls, self._checks)
        if self._plain:
            refused = commit(chain(((frame.calls[0], *inputs, *outputs, *self._constants),), writes))
            self._free.append(frame)
            return refused
        undo, keep = drawn(self._generators)
        try:
            return self._run(frame, inputs, outputs, chain(writes, keep))
        finally:
            any(undo)
            self._free.append(frame)

    # Native code.

    def _layout(self, value: Operand) -> Layout:
        """How a value that is stored, or a view of one, lies in memory."""
        if isinstance(value, Constant):
            return Layout.of(value.value)
        view = self._fused.view(value)
        _, strides = view.strides(self.plan.lowered.layouts[view.base])
        return Layout(value.dtype, value.shape, tuple(s * value.dtype.itemsize for s in strides))

    def _native(self, regions: list[Region]) -> NativeCall:
        kernels = [kernel for region in regions for kernel in region.kernels if not isinstance(kernel, NumPyCall)]
        bases = (self._fused.root(base) for kernel in kernels for base in buffers_of(kernel))
        outside = (base for base in bases if base not in self.plan.places)
        objects = tuple(dict.fromkeys((*self._program.inputs, *self._roots, *outside)))
        shown = dict(zip(self._roots, self.outputs, strict=True))  # as they are given from outside
        layouts = [shown[base]._replace(writes=True) if base in shown else self._layout(base) for base in objects]
        slots = {base: i for i, base in enumerate(objects)}
        known_by = "\n".join(
            map(str, (self._program, *layouts, self.plan.in_place, self.plan.arena, self._key, len(self.native_calls)))
        )
        code = Library(
            lambda: emit(self.plan, regions, slots, len(objects) + 3), [RUN], self._symbols(kernels),
            name=self._program.name, key=known_by,
        )  # fmt: skip
        return NativeCall(code, objects, tuple(layouts), sum(kernel.cost for kernel in kernels) > LONG)

    @staticmethod
    def _symbols(kernels: Sequence[Kernel]) -> dict[str, int]:
        """What native code calls; BLAS is looked for only where it is needed, for that loads SciPy."""
        called = any(map(_calls_blas, kernels))
        return threads.symbols() | (blas.symbols() if called else {})

    # Native code and NumPy in turn.

    def _run(
        self, frame: Frame, inputs: Sequence[Any], outputs: Sequence[Array], writes: Iterable[tuple[Any, ...]]
    ) -> bool:
        """Run all, or nothing: what is written over what was there is written by the last step, if any."""
        if frame.check is not None and frame.check(*inputs):
            return True
        known: dict[Operand, Any] = dict(zip(self._program.inputs, inputs, strict=True))
        known |= dict(zip(self._roots, outputs, strict=True))
        calls = iter(frame.calls)
        for step in self._steps:
            if isinstance(step, NativeCall):
                call = (next(calls), *(o.value if isinstance(o, Constant) else known[o] for o in step.objects))
                if step is self._steps[-1]:
                    return commit(chain((call,), writes))
                if commit((call,)):
                    return True
            elif not self._by_numpy(step, known, frame):
                return True
        return commit(writes)

    def _by_numpy(self, step: NumPyCall, known: dict[Operand, Any], frame: Frame) -> bool:
        """Compute an equation on NumPy; tell whether it gave what it gave when it was recorded."""
        operands = [self._array(operand, known, frame) for operand in step.equation.operands]
        made = step.equation.output
        try:
            result = kernel_of(step.equation)(*operands)
        except (ValueError, IndexError, TypeError):
            return False  # the function itself says what is wrong
        if not isinstance(result, tuple) and (np.shape(result), np.asarray(result).dtype) != (made.shape, made.dtype):
            return False  # its size depends on numbers
        if made in self._fused.conditions and not result:
            return False
        if made in self._roots:
            self._based(made, known[made])[...] = result
        else:
            known[made] = _own(result, operands)
        return True

    def _based(self, root: Operand, output: Array) -> Array:
        """An output as its base, of which it may be a permutation."""
        layout = self._layout(root)
        return as_strided(output, layout.shape, layout.strides)

    def _array(self, operand: Operand, known: Mapping[Operand, Any], frame: Frame) -> Any:
        """An operand of a call of NumPy, as an array or a number."""
        if isinstance(operand, Constant):
            return operand.value
        view = self._fused.view(operand)
        base, root = view.base, self._fused.root(view.base)
        if isinstance(root, Constant):
            whole: Any = np.asarray(root.value)
        elif root in self.plan.places:
            place, layout = self.plan.places[root], self._layout(root)
            whole = np.ndarray(layout.shape, layout.dtype, frame.arena, place, layout.strides)
        else:
            whole = self._based(root, known[root]) if root in self._roots else known[root]
        if isinstance(whole, tuple):
            return whole  # of a primitive with several outputs
        whole = np.asarray(whole).reshape(np.shape(base.value) if isinstance(base, Constant) else base.shape)
        return _viewed(whole, view.shape, *view.strides([s // whole.itemsize for s in whole.strides]))


def _calls_blas(kernel: Kernel) -> bool:
    """Whether a kernel calls BLAS, or one of a loop's body does."""
    if isinstance(kernel, Repeat):
        return any(map(_calls_blas, kernel.inside))
    return isinstance(kernel, Product) and kernel.choice.way == "blas"


def _viewed(whole: Array, shape: tuple[int, ...], offset: int, strides: tuple[int, ...]) -> Array:
    """A view of an array that begins `offset` elements from its first, with strides in elements."""
    size = whole.itemsize
    step = size if offset >= 0 else -size
    there = as_strided(whole, (abs(offset) + 1,), (step,))[abs(offset) :]
    return as_strided(there, shape, tuple(stride * size for stride in strides))


def _own(result: Any, operands: Sequence[Any]) -> Any:
    """What NumPy computed, in order and in memory of its own: an operand may be written over while it is still used."""
    if isinstance(result, tuple):
        return tuple(_own(part, operands) for part in result)
    array = np.asarray(result)
    owns = array.base is None and not any(array is operand for operand in operands)
    return array if owns and array.flags.c_contiguous else np.array(array, order="C")
