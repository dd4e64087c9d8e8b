"""Spelling: a program as text that is the same in every process, and only for programs that do the same.

Values are numbered in order, primitives are known by the module that holds them, and of numbers and arrays each bit is
spelled. What cannot be spelled so, as a primitive or an object of the user's, leaves the whole program without a text.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable
from hashlib import sha256
from typing import Any, Final, NamedTuple, final

import numpy as np

from pullback.core.primitive import Primitive
from pullback.ops.places import ARRAY
from pullback.programs.loop import Loop
from pullback.programs.program import Constant, Operand, Program, Value

WHOLE: Final = 256  # bytes of an array up to which they are spelled; of more their digest is

_names: Final[dict[Primitive, str]] = {}  # of Pullback's own


class Spelling(NamedTuple):
    """The text of a program, and the arrays that it holds, in the order of their first appearance."""

    text: str
    arrays: list[Any]


def spelled(program: Program, left: Callable[[Primitive], bool] | None = None) -> Spelling | None:
    """A program as text; None if something in it cannot be told from other things that look like it.

    What things are called, and the user's lines, are no part of it. What is `left` to NumPy, whatever it
    computes and of what, need be no more than a name: that is enough for those who spell the rest of the program.

    >>> from pullback.ops.elementwise import add
    >>> from pullback.programs.program import Equation
    >>> def double(name):
    ...     x, y = Value((3,), np.dtype(float), name), Value((3,), np.dtype(float))
    ...     return Program((x,), (Equation(add, (x, x), {}, y),), (y,))
    >>> spelled(double("x")) == spelled(double("z"))
    True
    """
    writer = _Writer(left)
    try:
        writer.program(program)
    except _UnspeltError:
        return None
    return Spelling("\n".join(writer.lines), writer.arrays)


class _UnspeltError(Exception):
    """There is something that cannot be spelled."""


@final
class _Writer:
    """The lines of a text that is being written."""

    def __init__(self, left: Callable[[Primitive], bool] | None) -> None:
        self.lines: list[str] = []
        self.arrays: list[Any] = []
        self._left = left
        self._loosely = left is not None  # whether what is being written need be no more than a name
        self._places: dict[int, int] = {}  # of arrays, by their id
        self._values: dict[Value, int] = {}
        self._specs: dict[tuple[Any, ...], str] = {}

    def program(self, program: Program) -> None:
        """A line that counts, then one for each input and equation, and one for the outputs."""
        self.lines.append(f"{len(program.inputs)}:{len(program.equations)}:{program.conditions}")
        self._loosely = self._left is not None
        self.lines += map(self._made, program.inputs)
        primitives = {equation.primitive for equation in program.equations}
        if not primitives <= _names.keys() and not _find(primitives - _names.keys()) and self._left is None:
            raise _UnspeltError
        for equation in program.equations:
            self._loosely = self._left is not None and self._left(equation.primitive)
            operands = ",".join(map(self._operand, equation.operands))
            params = self.said(equation.params) if equation.params else ""
            name = _names.get(equation.primitive) or self._other(equation.primitive.name)
            self.lines.append(f"{self._made(equation.output)}={name}({operands}){params}")
        self._loosely = False
        self.lines.append(",".join(map(self._operand, program.outputs)))

    def _made(self, value: Value) -> str:
        self._values[value] = len(self._values)
        spec = value.shape, value.dtype
        return self._specs.get(spec) or self._specs.setdefault(spec, f"{self._dtype(value.dtype)}{value.shape}")

    def _operand(self, operand: Operand) -> str:
        return self.said(operand.value) if isinstance(operand, Constant) else f"%{self._values[operand]}"

    def said(self, value: Any) -> str:
        """A number, an array, or a parameter. Types are compared exactly: what others are made of nobody knows."""
        kind = type(value)
        if kind is int or kind is bool or kind is str or kind is bytes or value is None or value is Ellipsis:
            return repr(value)
        if kind is float:
            return "f" + struct.pack("<d", value).hex()
        if kind is complex:
            return "c" + struct.pack("<dd", value.real, value.imag).hex()
        if kind is tuple or kind is list:
            return f"{kind.__name__}({','.join(map(self.said, value))})"
        if kind is dict:
            return "{" + ",".join(f"{self.said(name)}:{self.said(part)}" for name, part in value.items()) + "}"
        if kind is slice or kind is range:
            return f"{kind.__name__}({','.join(map(self.said, (value.start, value.stop, value.step)))})"
        if kind is np.ndarray:
            return self._array(value)
        if isinstance(value, np.dtype):
            return self._dtype(value)
        if isinstance(value, np.generic):
            return f"{self._dtype(value.dtype)}:{value.tobytes().hex()}"
        if kind is type and (value in (bool, int, float, complex) or issubclass(value, np.generic)):
            return f"type {value.__module__}.{value.__qualname__}"
        if kind is Loop:
            return self._loop(value)
        return "place" if value is ARRAY else self._other(kind)

    def _other(self, what: Any) -> str:
        if not self._loosely:
            raise _UnspeltError
        return f"?{what!r}"

    def _array(self, array: Any) -> str:
        """An array by its bits and how they lie; one that was there before by its number."""
        place = self._places.get(id(array))
        if place is None:
            place = self._places[id(array)] = len(self.arrays)
            self.arrays.append(array)
            if array.dtype.hasobject:
                return self._other(array.dtype)
            content = array.tobytes()
            bits = content.hex() if len(content) <= WHOLE else sha256(content).hexdigest()
            return f"array {place} {self._dtype(array.dtype)}{array.shape}{array.strides}:{bits}"
        return f"array {place}"

    def _dtype(self, dtype: np.dtype[Any]) -> str:
        """A dtype of numbers; that of an output which is several has no numbers itself."""
        return dtype.str if dtype.kind in "biufcO" and not dtype.metadata else self._other(dtype)

    def _loop(self, loop: Loop) -> str:
        """A loop, with a body that has values of its own."""
        outside, loosely, self._values = self._values, self._loosely, {}
        start = len(self.lines)
        self.program(loop.body)
        self._values, self._loosely = outside, loosely
        body, self.lines[start:] = self.lines[start:], []
        reads = [(read.each, [tuple(window) for window in read.windows]) for read in loop.reads]
        what = self.said([loop.length, loop.carried, reads, loop.stacked, loop.strand])
        return f"loop {what} [{';'.join(body)}]"


def _find(missing: set[Primitive]) -> bool:
    """Note the names of primitives: where Pullback keeps them, and what computes them; whether all have one."""
    ours, ids = sys.modules["pullback"].__path__[0], {*map(id, missing)}
    names = [name for name in sys.modules if name.startswith("pullback.")]
    for name in sorted(names, key=lambda name: (not name.startswith("pullback.ops."), name)):
        module = sys.modules[name]
        if not str(getattr(module, "__file__", "")).startswith(ours):
            continue
        for attribute, value in [*vars(module).items()]:
            if id(value) in ids:
                kernel = getattr(value.kernel, "__module__", ""), getattr(value.kernel, "__qualname__", "")
                _names[value] = f"{name}.{attribute}:{value.name}:{'.'.join(map(str, kernel))}"
                ids.remove(id(value))
        if not ids:
            return True
    return False
