"""Mixed programs: parts that are native and calls of NumPy, in turn."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any, TypeAlias, final

import numpy as np
from numpy.lib.stride_tricks import as_strided

from pullback.compiler.emission.emit import NativePart, Part
from pullback.compiler.lowering.kernels import NumPyCall, Plan
from pullback.compiler.machine.frame import Frame
from pullback.programs.commit import commit
from pullback.programs.interpret import kernel_of
from pullback.programs.program import Constant, Operand, Value

Array: TypeAlias = np.ndarray[Any, Any]


@final
class Mixed:
    """The parts of a program that is not one native call.

    Attributes
    ----------
    generators : list
        Of random numbers, that it draws from.
    """

    def __init__(self, plan: Plan, parts: Sequence[Part]) -> None:
        self._plan, self._parts = plan, parts
        program, self._roots = plan.lowered.fused.program, plan.lowered.fused.roots
        self._inputs, self.generators = program.inputs, program.generators
        self._kernels = {id(part): kernel_of(part.equation) for part in parts if isinstance(part, NumPyCall)}
        self._direct: dict[Operand, Operand] = {}  # operands that are what is known of a root, as it is

    def run(
        self, frame: Frame, inputs: Sequence[Any], outputs: Sequence[Array], writes: Iterable[tuple[Any, ...]]
    ) -> bool:
        """Run all parts, or nothing: what is written over what was there is written by the last one, if any.

        Gives True if it did nothing.
        """
        if frame.check is not None and frame.check(*inputs):
            return True
        known: dict[Operand, Any] = dict(zip(self._inputs, inputs, strict=True))
        known |= dict(zip(self._roots, outputs, strict=True))
        calls = iter(frame.calls)
        for part in self._parts:
            if isinstance(part, NativePart):
                call = (next(calls), *(o.value if isinstance(o, Constant) else known[o] for o in part.objects))
                if part is self._parts[-1]:
                    return commit(chain((call,), writes))
                if commit((call,)):
                    return True
            elif not self.by_numpy(part, frame, known):
                return True
        return commit(writes)

    def by_numpy(self, part: NumPyCall, frame: Frame, known: dict[Operand, Any]) -> bool:
        """Compute an equation on NumPy; tell whether it gave what it gave when it was recorded."""
        made = part.equation.output
        operands = [self._operand(operand, frame, known) for operand in part.equation.operands]
        try:
            result = self._kernels[id(part)](*operands)
        except (ValueError, IndexError, TypeError):
            return False  # the function itself says what is wrong
        if not isinstance(result, tuple) and (np.shape(result), np.asarray(result).dtype) != (made.shape, made.dtype):
            return False  # its size depends on numbers
        if made in self._plan.lowered.fused.conditions and not result:
            return False
        if made in self._roots:
            self._based(made, known[made])[...] = result
        else:
            known[made] = _own(result, operands)
        return True

    def _based(self, root: Operand, output: Array) -> Array:
        """An output as its base, of which it may be a permutation."""
        layout = self._plan.lowered.layout(root)
        return as_strided(output, layout.shape, layout.strides)

    def _operand(self, operand: Operand, frame: Frame, known: Mapping[Operand, Any]) -> Any:
        """An operand of a call of NumPy, as an array or a number; found out once where it is the same at each call."""
        if isinstance(operand, Constant):
            return operand.value
        if (direct := self._direct.get(operand)) is not None:
            return known[direct]
        if (view := frame.views.get(operand)) is not None:
            return view
        array = self._array(operand, frame.arena, known)
        root = self._plan.lowered.fused.root(self._plan.lowered.fused.view(operand).base)
        if isinstance(root, Constant) or root in self._plan.places:
            frame.views[operand] = array
        elif array is known[root] or _is_same(array, known[root]):
            self._direct[operand] = root
        return array

    def _array(self, operand: Value, arena: Array, known: Mapping[Operand, Any]) -> Any:
        fused = self._plan.lowered.fused
        view = fused.view(operand)
        base, root = view.base, fused.root(view.base)
        if isinstance(root, Constant):
            whole: Any = np.asarray(root.value)
        elif root in self._plan.places:
            place, layout = self._plan.places[root], self._plan.lowered.layout(root)
            whole = np.ndarray(layout.shape, layout.dtype, arena, place, layout.strides)
        else:
            whole = self._based(root, known[root]) if root in self._roots else known[root]
        if isinstance(whole, tuple):
            return whole  # of a primitive with several outputs
        whole = np.asarray(whole).reshape(np.shape(base.value) if isinstance(base, Constant) else base.shape)
        return _viewed(whole, view.shape, *view.strides([s // whole.itemsize for s in whole.strides]))


def _viewed(whole: Array, shape: tuple[int, ...], offset: int, strides: tuple[int, ...]) -> Array:
    """A view of an array that begins `offset` elements from its first, with strides in elements."""
    size = whole.itemsize
    steps = tuple([stride * size for stride in strides])
    if not offset and shape == whole.shape and steps == whole.strides:
        return whole
    step = size if offset >= 0 else -size
    there = as_strided(whole, (abs(offset) + 1,), (step,))[abs(offset) :]
    return as_strided(there, shape, steps)


def _is_same(array: Any, other: Any) -> bool:
    """Whether one array is the other, seen in the same way."""
    if not isinstance(other, np.ndarray):
        return False
    here, there = array.__array_interface__, other.__array_interface__
    return bool(here["data"][0] == there["data"][0] and (array.shape, array.strides) == (other.shape, other.strides))


def _own(result: Any, operands: Sequence[Any]) -> Any:
    """What NumPy computed, in order and in memory of its own: an operand may be written over while it is still used."""
    if isinstance(result, tuple):
        return tuple(_own(part, operands) for part in result)
    array = np.asarray(result)
    owns = array.base is None and not any(array is operand for operand in operands)
    return array if owns and array.flags.c_contiguous else np.array(array, order="C")
