"""Complex numbers as pairs of real ones, which loops know.

Each complex value becomes two real values where its primitive's row says how. What is given, asked for or made by NumPy
lies in memory as NumPy has it, the parts side by side: loops take it apart when they read it, and join it when they
write. So the rest of the compiler computes with real numbers alone.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, Final, final

import numpy as np

from pullback.compiler.facts import row_of
from pullback.compiler.facts.complex_numbers import Each, Formula, Pair, complex_
from pullback.compiler.passes.deduplicate import said
from pullback.compiler.passes.expand import expand, inlined
from pullback.core.modes import ModeContext
from pullback.ops.complex_parts import imag_, real_
from pullback.ops.movement import broadcast_to_, cast_
from pullback.programs.program import Constant, Equation, Operand, Program, Value
from pullback.programs.record import Hole
from pullback.programs.tracer import Tracer

KNOWN: Final[dict[str, np.dtype[Any]]] = {"complex64": np.dtype(np.float32), "complex128": np.dtype(np.float64)}
KEPT: Final = 512  # recordings

_recordings: Final[dict[Hashable, Program | None]] = {}


def reals(program: Program) -> Program:
    """The same program with complex numbers as pairs of real ones, as far as can be."""
    if not any(_is_complex(o) for e in program.equations for o in (e.output, *e.operands)):
        return program
    splitting = _Splitting()
    for equation in program.equations:
        splitting.take(equation)
    if not splitting.found:
        return program
    outputs = [splitting.whole(output) for output in program.outputs]
    return program.with_equations(splitting.equations, outputs)


def _is_complex(operand: Operand) -> bool:
    if isinstance(operand, Value):
        return operand.dtype.kind == "c"
    value = operand.value
    return isinstance(value, complex) or getattr(getattr(value, "dtype", None), "kind", "") == "c"


def _is_array(operand: Operand) -> bool:
    """Whether an operand has a dtype of its own; Python's numbers do not."""
    return isinstance(operand, Value) or hasattr(operand.value, "dtype")


def _known(operand: Operand) -> Hashable:
    """What a recording depends on."""
    if _is_array(operand):
        return operand.spec.shape, operand.spec.dtype
    assert isinstance(operand, Constant)
    return type(operand.value), repr(operand.value)


def _recorded(formula: Formula, given: Sequence[Pair], params: dict[str, Any]) -> Program | None:
    """What a formula does on parts like these; None where it leaves that to NumPy."""
    tracer = Tracer()
    with ModeContext(trace=tracer, recording=False), np.errstate(all="ignore"):
        result = formula(*(Pair(*(_stand_in(tracer, part) for part in pair)) for pair in given), **params)
        if result is NotImplemented:
            return None
        made = tracer.with_arrays(tuple(result) if isinstance(result, Pair) else (result,))
    record = tracer.finish(made, formula.__name__)
    outputs = record.program.outputs
    parts = [outputs[part.number] if isinstance(part, Hole) else Constant(part) for part in record.result]
    return expand(record.program.with_equations(record.program.equations, parts))


def _stand_in(tracer: Tracer, part: Operand) -> Any:
    if _is_array(part):
        return tracer.argument(np.ones(part.spec.shape, part.spec.dtype), "")
    return part.value if isinstance(part, Constant) else part


@final
class _Splitting:
    """The equations so far, and what is known as parts.

    Attributes
    ----------
    found : bool
        Whether anything is computed by parts.
    """

    def __init__(self) -> None:
        self.equations: list[Equation] = []
        self.found = False
        self._parts: dict[Value, Pair] = {}
        self._joined: dict[Value, Value] = {}  # what has parts, as it lies in memory
        self._apart: set[Value] = set()  # what is known by its parts alone
        self._moved: dict[Value, Equation] = {}  # what moves something that is in memory: of whichever is asked for

    def take(self, equation: Equation) -> None:
        """Take in one equation, or what does the same with real numbers."""
        rule = row_of(equation.primitive).pairs if self._fits(equation) else None
        if isinstance(rule, Each):
            self._each(equation, rule)
        elif rule is None or not self._formula(equation, rule):
            self.equations.append(equation.on(tuple(map(self.whole, equation.operands))))

    def _fits(self, equation: Equation) -> bool:
        """Whether there are complex numbers in an equation, of kinds that have parts, and none that is empty."""
        values = [*equation.values, equation.output]
        some = any(map(_is_complex, (*equation.operands, equation.output)))
        constants = [o.value.dtype for o in equation.operands if isinstance(o, Constant) and hasattr(o.value, "dtype")]
        dtypes = [*(value.dtype for value in values), *constants]
        known = all(dtype.isnative and (dtype.kind != "c" or str(dtype) in KNOWN) for dtype in dtypes)
        return some and known and all(value.size and value.dtype != object for value in values)

    # By a formula.

    def _formula(self, equation: Equation, formula: Formula) -> bool:
        """Take in what a formula says; whether it says something."""
        given = [self._part(operand) for operand in equation.operands]
        flat = [part for pair in given for part in pair]
        key = formula, tuple(map(_known, flat)), said(equation.params)
        if key not in _recordings:
            if len(_recordings) >= KEPT:
                _recordings.clear()
            _recordings[key] = _recorded(formula, given, equation.params)
        recording = _recordings[key]
        if recording is None:
            return False
        written = inlined(recording, filter(_is_array, flat), equation.line)
        self.equations += written.equations
        self.found = True
        output = equation.output
        if output.dtype.kind == "c":
            self._note(output, Pair(*written.outputs))
        else:
            (number,) = written.outputs
            self.equations.append(Equation(cast_, (number,), {"dtype": output.dtype}, output, equation.line))
        return True

    def _part(self, operand: Operand) -> Pair:
        """The parts of an operand; of a real one 0 is the imaginary part."""
        return self.parts(operand) if _is_complex(operand) else Pair(operand, Constant(0.0))

    # To each part.

    def _each(self, equation: Equation, how: Each) -> None:
        operands, output = equation.operands, equation.output
        if row_of(equation.primitive).places is not None and len(operands) == 1 and self._is_whole(operands[0]):
            self._moved[output] = equation
            return
        stop = len(operands) if how.many is None else how.first + how.many
        pairs = [self._part(o) if how.first <= i < stop else Pair(o, o) for i, o in enumerate(operands)]
        made = []
        for number in range(2):
            given = tuple(
                self._full(pair[number], operands[i].spec.shape, KNOWN[str(output.dtype)])
                if how.first <= i < stop and row_of(equation.primitive).instructions is None
                else pair[number]
                for i, pair in enumerate(pairs)
            )
            part = Value(output.shape, KNOWN[str(output.dtype)])
            self.equations.append(Equation(equation.primitive, given, equation.params, part, equation.line))
            made.append(part)
        self.found = True
        self._note(output, Pair(*made))

    def _note(self, output: Value, pair: Pair) -> None:
        dtype = KNOWN[str(output.dtype)]
        self._parts[output] = Pair(*(self._full(part, output.shape, dtype) for part in pair))
        self._apart.add(output)

    def _full(self, part: Operand, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Operand:
        """A part in a shape and dtype."""
        if isinstance(part, Constant) and (np.shape(part.value), np.result_type(part.value)) != (shape, dtype):
            part = Constant(np.asarray(part.value, dtype))
        elif isinstance(part, Value) and part.dtype != dtype:
            part = self._made(cast_, (part,), {"dtype": dtype}, part.shape, dtype)
        if part.spec.shape != shape:
            part = self._made(broadcast_to_, (part,), {"shape": shape}, shape, dtype)
        return part

    # Parts and wholes.

    def parts(self, operand: Operand) -> Pair:
        """The parts of a complex value or number."""
        if isinstance(operand, Constant):
            value = operand.value
            arrays = hasattr(value, "dtype") and np.ndim(value)
            return Pair(*(Constant(np.ascontiguousarray(x) if arrays else x) for x in (value.real, value.imag)))
        if operand not in self._parts:
            dtype, shape = KNOWN[str(operand.dtype)], operand.shape
            moved = self._moved.get(operand)
            if moved is not None:
                inner = self.parts(moved.operands[0])
                found = [self._made(moved.primitive, (part,), moved.params, shape, dtype) for part in inner]
            else:
                found = [self._made(part, (operand,), {}, shape, dtype) for part in (real_, imag_)]
            self._parts[operand] = Pair(*found)
        return self._parts[operand]

    def _is_whole(self, operand: Operand) -> bool:
        return isinstance(operand, Value) and operand not in self._apart

    def whole(self, operand: Operand) -> Operand:
        """A value as it lies in memory."""
        if not isinstance(operand, Value) or (operand not in self._apart and operand not in self._moved):
            return operand
        if operand not in self._joined:
            if operand in self._moved:
                equation = self._moved[operand]
                made = self._made(
                    equation.primitive, (self.whole(equation.operands[0]),), equation.params, operand.shape,
                    operand.dtype,
                )  # fmt: skip
            else:
                made = self._made(complex_, self._parts[operand], {}, operand.shape, operand.dtype)
            self._joined[operand] = made
        return self._joined[operand]

    def _made(
        self, primitive: Any, operands: Sequence[Operand], params: dict[str, Any], shape: tuple[int, ...],
        dtype: np.dtype[Any],
    ) -> Value:  # fmt: skip
        """One more equation, and what it makes."""
        value = Value(shape, dtype)
        self.equations.append(Equation(primitive, tuple(operands), params, value))
        return value
