"""Executables: a plan compiled and ready to be called with arrays."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, final

import numpy as np

from pullback.compiler import threads
from pullback.compiler.emit import RUN, emit
from pullback.compiler.fuse import fuse
from pullback.compiler.jit import Library
from pullback.compiler.lower import Call, Strides, lower
from pullback.compiler.plan import Plan, Region, plan
from pullback.compiler.program import Constant, Operand, Program, Value

Array = np.ndarray[Any, Any]


def strides_of(array: Any) -> Strides:
    """The strides of an array in elements."""
    return tuple(s // array.itemsize for s in array.strides) if isinstance(array, np.ndarray) else ()


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

    Attributes
    ----------
    in_place : dict
        Which of these may really be written over.
    """

    def __init__(
        self, program: Program, given: Mapping[Value, Strides], wanted: Sequence[Strides | None],
        replaces: Mapping[int, Value],
    ) -> None:  # fmt: skip
        fused = fuse(program, given)
        self.plan = plan(lower(fused, given, wanted), replaces)
        self.in_place = self.plan.in_place
        self._slots: dict[Operand, int] = {}
        for base in (*program.inputs, *(fused.root(fused.view(o).base) for o in fused.outputs)):
            self._slots.setdefault(base, len(self._slots))
        calls = [k for region in self.plan.regions for k in region.kernels if isinstance(k, Call)]
        self._constants: list[Array] = []
        self._slots_inputs = [self._slots[v] for v in program.inputs]
        self._slots_outputs = [self._slots[fused.root(fused.view(o).base)] for o in fused.outputs]
        for kernel in self.plan.lowered.kernels:
            for access in [] if isinstance(kernel, Call) else kernel.accesses():
                if isinstance(access.base, Constant) and access.base not in self._slots:
                    self._slots[access.base] = len(self._slots)
                    self._constants.append(np.ascontiguousarray(access.base.value))
        del calls
        count = len(self._slots) + 2
        self.module = emit(self.plan, self.plan.regions, self._slots, count)
        self.library = Library(self.module, [RUN], threads.symbols(), name=program.name)
        self._run = self.library.function(RUN, ctypes.c_void_p)
        self._pointers = np.zeros(count, np.uintp)
        self._memory = np.empty(self.plan.arena + self.plan.scratch * threads.get_threads() + 128, np.uint8)
        start = -(-self._memory.ctypes.data // 64) * 64
        self._pointers[-2:] = start, start + -(-self.plan.arena // 64) * 64
        for constant in self._constants:
            self._pointers[self._slots[next(b for b in self._slots if isinstance(b, Constant))]] = constant.ctypes.data
        consts = [b for b in self._slots if isinstance(b, Constant)]
        for base, array in zip(consts, self._constants, strict=True):
            self._pointers[self._slots[base]] = array.ctypes.data
        self.outputs = [
            (output.shape, output.dtype, fused.view(output), self.plan.lowered.layouts) for output in fused.outputs
        ]

    def __call__(self, inputs: Sequence[Array], outputs: Sequence[Array]) -> None:
        for slot, array in zip(self._slots_inputs, inputs, strict=True):
            self._pointers[slot] = np.asarray(array).ctypes.data
        for slot, array in zip(self._slots_outputs, outputs, strict=True):
            self._pointers[slot] = array.ctypes.data
        threads.pool.ensure()
        self._run(self._pointers.ctypes.data)
