"""Writing C99 in place of LLVM IR: the same methods, one statement of C for an instruction.

What loops, kernels and elementwise primitives write through `Function` becomes C by giving them a `CModule`: of one
number at a time, since C has no vectors. Integers wrap around as NumPy's do. Source: ISO/IEC 9899:1999.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import numpy as np

from pullback.compiler.instructions.llvm import I1, I64, PTR, Function, Module, Reg, Type

NAMES: Final = {
    "float": "float", "double": "double", "ptr": "char *", "i64": "int64_t", "i32": "int32_t", "i16": "int16_t",
    "i8": "int8_t", "i1": "bool",
}  # fmt: skip
_OPERATORS: Final = {
    "fadd": "+", "fsub": "-", "fmul": "*", "fdiv": "/", "add": "+", "sub": "-", "mul": "*", "and": "&", "or": "|",
    "xor": "^", "shl": "<<", "sdiv": "/", "srem": "%", "udiv": "/", "urem": "%", "ashr": ">>", "lshr": ">>",
}  # fmt: skip
_UNSIGNED: Final = {"add", "sub", "mul", "shl", "udiv", "urem", "lshr"}  # done without signs: they may wrap around
_ORDERS: Final = {"eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
_OPPOSITE: Final = {"eq": "!=", "ne": "==", "lt": ">=", "le": ">", "gt": "<=", "ge": "<"}

# Functions of the C library, by what LLVM or an elementary function is called.
_LIBRARY: Final = {
    "fabs": "fabs", "sqrt": "sqrt", "floor": "floor", "ceil": "ceil", "trunc": "trunc", "roundeven": "rint",
    "copysign": "copysign", "fma": "fma", "exp": "exp", "exp2": "exp2", "expm1": "expm1", "log": "log",
    "log1p": "log1p", "log2": "log2", "log10": "log10", "cbrt": "cbrt", "hypot": "hypot", "power": "pow", "sin": "sin",
    "cos": "cos", "tan": "tan", "arcsin": "asin", "arccos": "acos", "arctan": "atan", "arctan2": "atan2",
    "sinh": "sinh", "cosh": "cosh", "tanh": "tanh", "arcsinh": "asinh", "arccosh": "acosh", "arctanh": "atanh",
    "erf": "erf",
}  # fmt: skip


class CModule(Module):
    """Functions in C."""

    def function(
        self, name: str, parameters: Sequence[tuple[Type, str]], result: Type | None = None, attributes: str = "", *,
        exported: bool = True,
    ) -> Function:  # fmt: skip
        return CFunction(self, name, parameters, result)

    def declare(self, signature: str) -> None:
        """Nothing: what is called stands above, or in <math.h>."""

    def explain(self, name: str, text: str) -> None:
        """Put a comment above a function, if it is there: what does the same as another is not."""
        if name in self._defined:
            lines = "\n   ".join(text.replace("*/", "* /").splitlines())
            self._defined[name] = f"/* {lines} */\n{self._defined[name]}"

    def __str__(self) -> str:
        return "\n\n".join(self._defined.values()) + "\n"


class CFunction(Function):
    """One function being written in C.

    Registers are variables that are set once; places in memory, and what is computed of indices alone, are expressions.
    """

    linkage = "static "

    def __init__(
        self, module: Module, name: str, parameters: Sequence[tuple[Type, str]], result: Type | None = None
    ) -> None:
        super().__init__(module, name, parameters, result)
        self.arguments = [Reg(n, t) for t, n in parameters]
        given = ", ".join(f"{_declared(t, n)}" for t, n in parameters)
        self._opening = f"{self.linkage}{NAMES[result.scalar] if result else 'void'} {identifier(name)}({given})"
        self._written: list[tuple[int, str, str]] = []  # depth, the variable that it makes and does no more, the text
        self._depth = 1
        self._indices: set[str] = set()
        self._places: dict[str, tuple[str, str, str]] = {}  # address: where it is counted from, how far, in what

    def finish(self) -> None:
        names = [argument.text for argument in self.arguments]
        kept: list[str] = []
        used: set[str] = set()
        for depth, made, text in reversed(self._written):
            if not made or made in used:
                used.update(_WORD.findall(text))
                kept.append("    " * depth + text)
        unused = [f"    (void){name};" for name in names if name not in used]
        self.module.define(self.name, "\n".join([self._opening, "{", *unused, *reversed(kept), "}"]))

    # Instructions.

    def do(self, instruction: str) -> None:
        self._written.append((self._depth, "", instruction))

    def emit(self, instruction: str, kind: Type) -> Reg:
        if kind.lanes:
            raise TypeError(f"C has no vectors: {instruction}")
        name = f"r{self._count}"
        self._count += 1
        self._written.append((self._depth, name, f"{_declared(kind, f'const {name}', const=True)} = {instruction};"))
        return Reg(name, kind)

    def negative(self, x: Reg) -> Reg:
        return self.emit(f"-{x}", x.type)

    def reserve(self, kind: Type, count: int | None = None) -> Reg:
        name = f"m{self._count}"
        self._count += 1
        held = kind.of("i8") if kind.scalar == "i1" else kind
        self._written.append((self._depth, name, f"{_declared(held, name)}[{count or 1}];"))
        return self._at(name, "0", kind)

    def const(self, value: Any, like: Reg | Type) -> Reg:
        return literal(value, like.type if isinstance(like, Reg) else like)

    def binary(self, op: str, a: Reg, b: Reg | float) -> Reg:
        right = b if isinstance(b, Reg) else self.const(b, a)
        if op == "frem":
            return self.emit(f"{_suffixed('fmod', a.type)}({a}, {right})", a.type)
        if a.type == I64 and self._is_index(a) and self._is_index(right) and op in _OPERATORS:
            text = _folded(_OPERATORS[op], a.text, right.text)
            self._indices.add(text)
            return Reg(text, I64)
        if a.type.scalar == "i1":
            return self.emit(f"{a} {_OPERATORS[op]} {right}", I1)
        if op in _UNSIGNED:
            plain = f"u{NAMES[a.type.scalar]}"
            wide = plain if a.type.bits >= 32 else "uint32_t"  # narrow ones would be multiplied as signed ints
            return self.emit(
                f"({NAMES[a.type.scalar]})(({wide})({plain}){a} {_OPERATORS[op]} ({wide})({plain}){right})", a.type
            )
        cast = "" if a.type.floating or a.type.bits >= 32 else f"({NAMES[a.type.scalar]})"
        text = f"{a} {_OPERATORS[op]} {right}"
        return self.emit(f"{cast}({text})" if cast else text, a.type)

    def intrinsic(self, name: str, *operands: Reg, kind: Type | None = None) -> Reg:
        a, *others = operands
        if name in ("smin", "smax"):
            return self.select(self.compare("slt" if name == "smin" else "sgt", a, others[0]), a, others[0])
        found = self.library(name, *operands)
        if found is None:
            raise TypeError(f"C has no {name}")
        return found

    def library(self, name: str, *operands: Reg) -> Reg | None:
        kind = operands[0].type
        if name not in _LIBRARY or not kind.floating:
            return None
        return self.emit(f"{_suffixed(_LIBRARY[name], kind)}({', '.join(map(str, operands))})", kind)

    def call(self, name: str, *operands: Reg, kind: Type | None, apart: bool = False) -> Reg:
        text = f"{identifier(name)}({', '.join(map(str, operands))})"
        if kind is None:
            self.do(f"{text};")
            return Reg("", Type("void"))
        made = self.emit(text, kind)
        self._written[-1] = (self._depth, "", self._written[-1][2])  # it may do more than give a number
        return made

    def compare(self, predicate: str, a: Reg, b: Reg | float) -> Reg:
        right = b if isinstance(b, Reg) else self.const(b, a)
        if predicate == "uno":
            return self.emit(f"isnan({a})" if a == right else f"isnan({a}) || isnan({right})", I1)
        order = predicate[-2:]
        if a.type.floating and predicate[0] == "u" and order != "ne":  # true of NaN too: not the opposite
            return self.emit(f"!({a} {_OPPOSITE[order]} {right})", I1)
        cast = f"(u{NAMES[a.type.scalar]})" if not a.type.floating and predicate[0] == "u" else ""
        return self.emit(f"{cast}{a} {_ORDERS[order]} {cast}{right}", I1)

    def select(self, condition: Reg, a: Reg, b: Reg) -> Reg:
        return self.emit(f"{condition} ? {a} : {b}", a.type)

    def cast(self, op: str, a: Reg, kind: Type) -> Reg:
        if a.type == kind:
            return a
        target = NAMES[kind.scalar]
        if op == "bitcast":
            return self.emit(self.bits(a, kind), kind)
        if kind == I1:
            return self.emit(f"({a} & 1) != 0", kind)
        unsigned = f"(u{NAMES[a.type.scalar]})" if op in ("zext", "uitofp") and a.type != I1 else ""
        text = f"({target}){unsigned}{a}"
        if kind == I64 and self._is_index(a):
            self._indices.add(text)
            return Reg(text, kind)
        return self.emit(text, kind)

    def bits(self, a: Reg, kind: Type) -> str:
        """The bits of a number as another of the same width."""
        return f"{a.type.scalar}_as_{kind.scalar}({a})"

    # Memory.

    def address(self, pointer: Reg, offset: Reg | int, kind: Type, *, inside: bool = True) -> Reg:
        far = str(offset)
        name = NAMES[kind.scalar if kind.scalar != "i1" else "i8"]
        start, before, counted = self._places.get(pointer.text, (pointer.text, "0", name))
        if counted != name and before == "0":
            counted = name
        if counted != name:  # counted in something else so far: from there on
            start, before = f"({pointer})", "0"
        return self._at(start, _folded("+", before, far), Type(kind.scalar))

    def _at(self, start: str, far: str, kind: Type) -> Reg:
        name = NAMES[kind.scalar if kind.scalar != "i1" else "i8"]
        space = "" if name.endswith("*") else " "
        text = f"(char *)(({name}{space}*){start} + {far})"
        self._places[text] = start, far, name
        return Reg(text, PTR)

    def _element(self, pointer: Reg, kind: Type) -> str:
        name = NAMES[kind.scalar if kind.scalar != "i1" else "i8"]
        start, far, counted = self._places.get(pointer.text, (pointer.text, "0", name))
        if counted != name:
            start, far = f"({pointer})", "0"
        space = "" if name.endswith("*") else " "
        return f"(({name}{space}*){start})[{far}]"

    def load(self, pointer: Reg, kind: Type) -> Reg:
        text = self._element(pointer, kind)
        return self.emit(f"{text} != 0" if kind == I1 else text, kind)

    def load_once(self, pointer: Reg, kind: Type) -> Reg:
        return self.load(pointer, kind)

    def store(self, value: Reg, pointer: Reg) -> None:
        self.do(f"{self._element(pointer, value.type)} = {value};")

    def number_of(self, table: Sequence[int], at: Reg) -> Reg:
        name = f"numbers{self._count}"
        self._count += 1
        full = f"{identifier(self.name)}_{name}"
        self.module.define(
            f"{self.name}.{name}", f"{self.linkage}const int64_t {full}[] = {{{', '.join(map(str, table))}}};"
        )
        text = f"{full}[{at}]"
        self._indices.add(text)
        return Reg(text, I64)

    # Control.

    def ret(self, value: Reg | None = None) -> None:
        if value is not None:
            self.do(f"return {value};")

    def require(self, truth: Reg) -> None:
        self.do(f"if (!{truth}) return 1;")

    @contextmanager
    def loop(
        self, start: Reg | int, stop: Reg | int, step: int = 1, carried: Sequence[Reg] = ()
    ) -> Iterator[tuple[Reg, list[Reg], list[Reg]]]:
        name = f"i{self._count}"
        self._count += 1
        self._indices.add(name)
        entering = [Reg(f"{name}c{n}", value.type) for n, value in enumerate(carried)]
        for inside, first in zip(entering, carried, strict=True):
            self.do(f"{_declared(inside.type, inside.text)} = {first};")
        self.do(f"for ({self.counted(name, start, stop, step)}) {{")
        self._depth += 1
        leaving: list[Reg] = []
        yield Reg(name, I64), entering, leaving
        later = [f"{inside.text}n" for inside in entering]
        for inside, other, out in zip(entering, later, leaving, strict=True):
            self.do(f"{_declared(inside.type, other)} = {out};")
        for inside, other in zip(entering, later, strict=True):
            self.do(f"{inside} = {other};")
        self._depth -= 1
        self.do("}")
        leaving[:] = entering

    def counted(self, name: str, start: Reg | int, stop: Reg | int, step: int) -> str:
        """How a loop counts."""
        return f"int64_t {name} = {start}; {name} < {stop}; {name} += {step}"

    def _is_index(self, x: Reg) -> bool:
        return x.text in self._indices or bool(re.fullmatch(r"-?\d+", x.text)) or x.text == "piece"


_WORD: Final = re.compile(r"\w+")


def identifier(name: str) -> str:
    """A name as C has it."""
    return re.sub(r"\W", "_", name)


def _declared(kind: Type, name: str, *, const: bool = False) -> str:
    """A declaration; of a pointer that is set once, the pointer is constant, and not what it points at."""
    held = NAMES[kind.scalar]
    if const and kind != PTR:
        return f"const {held} {name.removeprefix('const ')}"
    return f"{held}{'' if held.endswith('*') else ' '}{name}"


def _suffixed(name: str, kind: Type) -> str:
    return f"{name}f" if kind.scalar == "float" else name


def _folded(operator: str, a: str, b: str) -> str:
    """An expression of indices, without what changes nothing."""
    if operator in "+-" and b == "0":
        return a
    if operator == "+" and a == "0":
        return b
    if operator in "*/" and b == "1":
        return a
    if operator == "*" and "0" in (a, b):
        return "0"
    if re.fullmatch(r"-?\d+", a) and re.fullmatch(r"-?\d+", b) and operator in "+-*":
        return str({"+": int(a) + int(b), "-": int(a) - int(b), "*": int(a) * int(b)}[operator])
    return f"({a} {operator} {b})"


def literal(value: Any, kind: Type) -> Reg:
    """A number as a constant of C."""
    if not kind.floating:
        if kind.scalar == "i1":
            return Reg("true" if value else "false", kind)
        number = (int(value) + 2 ** (kind.bits - 1)) % 2**kind.bits - 2 ** (kind.bits - 1)
        return Reg("INT64_MIN" if number == -(2**63) else f"{number}", kind)
    number = np.float32(value) if kind.scalar == "float" else np.float64(value)
    if math.isnan(number):
        return Reg("NAN", kind)
    if math.isinf(number):
        return Reg("INFINITY" if number > 0 else "-INFINITY", kind)
    text = repr(float(number)) if kind.scalar == "double" else f"{np.format_float_scientific(number, unique=True)}f"
    return Reg(f"({text})" if text.startswith("-") else text, kind)
