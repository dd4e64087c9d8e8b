"""Writing LLVM IR as text: registers with types, one method an instruction, loops.

Text rather than llvmlite's builder: it is what one reads in LLVM's manual, and it needs nothing installed.
Source: LLVM Language Reference Manual, https://llvm.org/docs/LangRef.html.
"""

from __future__ import annotations

import re
import struct
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any, NamedTuple

import numpy as np

SCALARS = {
    "float16": "half", "float32": "float", "float64": "double", "bool": "i8", "int8": "i8", "int16": "i16",
    "int32": "i32", "int64": "i64", "uint8": "i8", "uint16": "i16", "uint32": "i32", "uint64": "i64",
    "complex64": "i64", "complex128": "i128",  # the bits of both parts, side by side
}  # fmt: skip


class Type(NamedTuple):
    """A scalar or vector type: `Type("float", 16)` is `<16 x float>`, `Type("float")` is `float`."""

    scalar: str
    lanes: int = 0

    def __str__(self) -> str:
        return f"<{self.lanes} x {self.scalar}>" if self.lanes else self.scalar

    @property
    def suffix(self) -> str:
        """As intrinsics are named after it: `v16f32`, `i64`."""
        short = {"float": "f32", "double": "f64", "half": "f16", "ptr": "p0"}.get(self.scalar, self.scalar)
        return f"v{self.lanes}{short}" if self.lanes else short

    @property
    def floating(self) -> bool:
        """Whether it holds floating-point numbers."""
        return self.scalar in ("float", "double", "half")

    @property
    def bits(self) -> int:
        """Bits of one lane."""
        named = {"float": 32, "double": 64, "half": 16, "ptr": 64}
        return named[self.scalar] if self.scalar in named else int(self.scalar[1:])

    def of(self, scalar: str) -> Type:
        """As many lanes of another scalar."""
        return Type(scalar, self.lanes)

    @property
    def integer(self) -> Type:
        """Integers of the same width and as many lanes."""
        return self.of(f"i{self.bits}")

    @property
    def mask(self) -> Type:
        """What a comparison gives."""
        return self.of("i1")


I64 = Type("i64")
I32 = Type("i32")
I8 = Type("i8")
I1 = Type("i1")
PTR = Type("ptr")


class Reg(NamedTuple):
    """A value: a register `%n`, or a constant."""

    text: str
    type: Type

    def __str__(self) -> str:
        return self.text

    @property
    def typed(self) -> str:
        """With its type, as an operand of a call."""
        return f"{self.type} {self.text}"


def constant(value: Any, kind: Type) -> Reg:
    """A number as a constant, in each lane."""
    if kind.floating:
        exact = np.float32(value) if kind.scalar == "float" else np.float64(value)
        text = f"0x{struct.unpack('<Q', struct.pack('<d', float(exact)))[0]:016X}"  # LLVM writes floats as doubles
    elif isinstance(value, (complex, np.complexfloating)):
        exact_pair = np.asarray(value, np.complex64 if kind.scalar == "i64" else np.complex128)
        text = str(int.from_bytes(exact_pair.tobytes(), sys.byteorder))
    else:
        text = ("true" if value else "false") if kind.scalar == "i1" else str(int(value))
    return Reg(f"splat ({kind.scalar} {text})" if kind.lanes else text, kind)


class Module:
    """Functions and declarations, as one text; that of another target than LLVM is a subclass."""

    def __init__(self) -> None:
        self._declared: dict[str, str] = {}
        self._defined: dict[str, str] = {}
        self._first: dict[str, str] = {}

    def declare(self, signature: str) -> None:
        """Say that a function exists elsewhere, e.g. `declare float @llvm.fabs.f32(float)` without `declare`."""
        self._declared[signature] = f"declare {signature}"

    def define(self, name: str, text: str) -> None:
        """Add a function's text."""
        self._defined[name] = text

    def length(self, name: str) -> int:
        """How many lines a function has."""
        return self._defined[name].count("\n")

    @property
    def size(self) -> int:
        """How many functions there are."""
        return len(self._defined)

    def function(
        self, name: str, parameters: Sequence[tuple[Type, str]], result: Type | None = None, attributes: str = "", *,
        exported: bool = True,
    ) -> Function:  # fmt: skip
        """A function of this module, to be written."""
        return Function(self, name, parameters, result, attributes, exported)

    def folded(self, name: str, size: int) -> str:
        """The name to call a new function by, behind `size` others: that of an earlier one that does the same."""
        new = [*islice(reversed(self._defined), self.size - size)]
        parts = [part for part in reversed(new) if part == name or part.startswith(f"{name}.")]
        text = "\n".join(self._defined[part] for part in parts)
        first = self._first.setdefault(re.sub(rf"@{re.escape(name)}(?![\w])", "@", text), name)
        if first != name:
            for part in parts:
                del self._defined[part]
        return first

    def __contains__(self, name: str) -> bool:
        return name in self._defined

    def __str__(self) -> str:
        return "\n\n".join(["\n".join(self._declared.values()), *self._defined.values()]) + "\n"


class Function:
    """One function being written, block by block; of another target than LLVM it is a subclass.

    Parameters
    ----------
    module : Module
        What it will be part of, once `finish` is called.
    name : str
        Without the @.
    parameters : sequence of (Type, name)
        Its arguments become registers `%name`.
    result : Type or None
        What it returns.
    attributes : str
        Such as `alwaysinline`; `internal` linkage where `exported` is false.
    """

    def __init__(
        self, module: Module, name: str, parameters: Sequence[tuple[Type, str]], result: Type | None = None,
        attributes: str = "", exported: bool = True,
    ) -> None:  # fmt: skip
        self.module = module
        self.name = name
        self.result = result
        self.arguments = [Reg(f"%{n}", t) for t, n in parameters]
        self._head = f"define {'' if exported else 'internal '}{result or 'void'} @{name}("
        self._head += ", ".join(f"{t} {'noalias ' if t == PTR else ''}%{n}" for t, n in parameters)
        self._head += f") nounwind {attributes} {{"
        self._lines: list[str] = ["entry:"]
        self._block = "entry"
        self._count = 0
        self.in_place = 0  # lines of others that are put in place of their calls

    def finish(self) -> None:
        """Add the function to its module."""
        self.module.define(self.name, "\n".join([self._head, *self._lines, "}"]))

    def emit(self, instruction: str, kind: Type) -> Reg:
        """An instruction that gives a value."""
        register = Reg(f"%r{self._count}", kind)
        self._count += 1
        self._lines.append(f"  {register} = {instruction}")
        return register

    def do(self, instruction: str) -> None:
        """An instruction that gives none."""
        self._lines.append(f"  {instruction}")

    def negative(self, x: Reg) -> Reg:
        """−x of a floating-point number: its sign, turned."""
        return self.emit(f"fneg {x.typed}", x.type)

    def reserve(self, kind: Type, count: int | None = None) -> Reg:
        """Memory for one value, or for `count` of them, as long as the function runs."""
        return self.emit(f"alloca {kind if count is None else f'[{count} x {kind}]'}, align 64", PTR)

    def const(self, value: Any, like: Reg | Type) -> Reg:
        """A number, in the type of another value."""
        return constant(value, like.type if isinstance(like, Reg) else like)

    def binary(self, op: str, a: Reg, b: Reg | float) -> Reg:
        """An operation of two: `fadd`, `fsub`, `fmul`, `fdiv`, `add`, `mul`, `shl`, `lshr`, `and`, `xor`, `sdiv`, …."""
        right = b if isinstance(b, Reg) else self.const(b, a)
        return self.emit(f"{op} {a.type} {a}, {right}", a.type)

    def intrinsic(self, name: str, *operands: Reg, kind: Type | None = None) -> Reg:
        """A call of `llvm.name`, overloaded by its first operand: `fma`, `fabs`, `sqrt`, `floor`, `roundeven`, …."""
        first = operands[0].type
        return self.call(f"llvm.{name}.{first.suffix}", *operands, kind=kind or first)

    def library(self, name: str, *operands: Reg) -> Reg | None:
        """An elementary function by its name, where the target has one; LLVM has none that is in vectors."""
        return None

    def call(self, name: str, *operands: Reg, kind: Type | None, apart: bool = False) -> Reg:
        """A call of a function, declared if this module does not define it; `apart`, it stays a call."""
        if name not in self.module:
            self.module.declare(f"{kind or 'void'} @{name}({', '.join(str(o.type) for o in operands)})")
        text = f"call {kind or 'void'} @{name}({', '.join(o.typed for o in operands)}){' noinline' * apart}"
        if kind is None:
            self.do(text)
            return Reg("void", Type("void"))
        return self.emit(text, kind)

    def compare(self, predicate: str, a: Reg, b: Reg | float) -> Reg:
        """`oeq`, `olt`, `une` … of floats, `eq`, `slt`, `ult` … of integers."""
        right = b if isinstance(b, Reg) else self.const(b, a)
        return self.emit(f"{'fcmp' if a.type.floating else 'icmp'} {predicate} {a.type} {a}, {right}", a.type.mask)

    def select(self, condition: Reg, a: Reg, b: Reg) -> Reg:
        """`a` where the condition holds, else `b`."""
        return self.emit(f"select {condition.typed}, {a.typed}, {b.typed}", a.type)

    def cast(self, op: str, a: Reg, kind: Type) -> Reg:
        """The same in another type: `bitcast`, `fpext`, `fptrunc`, `sitofp`, `fptosi`, `zext`, `sext`, `trunc`, …."""
        return a if a.type == kind else self.emit(f"{op} {a.typed} to {kind}", kind)

    # Memory.

    def address(self, pointer: Reg, offset: Reg | int, kind: Type, *, inside: bool = True) -> Reg:
        """The place of an element, counted in elements of the scalar of `kind`; not `inside` if it may not be there."""
        at, known = offset if isinstance(offset, Reg) else constant(offset, I64), "inbounds " * inside
        return self.emit(f"getelementptr {known}{kind.scalar}, ptr {pointer}, i64 {at}", PTR)

    def load(self, pointer: Reg, kind: Type) -> Reg:
        """Elements from memory; a vector from neighbouring places."""
        return self.emit(f"load {kind}, ptr {pointer}, align {kind.bits // 8 or 1}", kind)

    def load_once(self, pointer: Reg, kind: Type) -> Reg:
        """Load what nothing changes while the program runs: LLVM may do it once for all."""
        self.module.define("0", "!0 = !{}")
        return self.emit(f"load {kind}, ptr {pointer}, align {kind.bits // 8}, !invariant.load !0", kind)

    def store(self, value: Reg, pointer: Reg) -> None:
        """Elements to memory."""
        self.do(f"store {value.typed}, ptr {pointer}, align {value.type.bits // 8 or 1}")

    def number_of(self, table: Sequence[int], at: Reg) -> Reg:
        """A number of a table, which becomes a constant of the module."""
        name = f"{self.name}.numbers{self._count}"
        self._count += 1
        numbers = ", ".join(f"i64 {number}" for number in table)
        self.module.define(name, f"@{name} = internal constant [{len(table)} x i64] [{numbers}]")
        return self.load(self.address(Reg(f"@{name}", PTR), at, I64), I64)

    def splat(self, value: Reg, lanes: int) -> Reg:
        """A scalar in each lane."""
        kind = Type(value.type.scalar, lanes)
        one = self.emit(f"insertelement {kind} poison, {value.typed}, i64 0", kind)
        return self.emit(f"shufflevector {kind} {one}, {kind} poison, <{lanes} x i32> zeroinitializer", kind)

    # Control.

    def label(self, name: str) -> str:
        """A name for a block that no other has."""
        self._count += 1
        return f"{name}{self._count}"

    def begin(self, label: str) -> None:
        """Go on in a new block."""
        self._lines.append(f"{label}:")
        self._block = label

    @property
    def block(self) -> str:
        """The block that is being written."""
        return self._block

    def branch(self, label: str) -> None:
        """Go to a block."""
        self.do(f"br label %{label}")

    def branch_if(self, condition: Reg, then: str, otherwise: str) -> None:
        """Go to one of two blocks."""
        self.do(f"br i1 {condition}, label %{then}, label %{otherwise}")

    def ret(self, value: Reg | None = None) -> None:
        """Return."""
        self.do(f"ret {value.typed}" if value is not None else "ret void")

    def require(self, truth: Reg) -> None:
        """Go on only if a truth holds; else return 1."""
        holds, fails = self.label("holds"), self.label("fails")
        self.branch_if(truth, holds, fails)
        self.begin(fails)
        self.ret(self.const(1, I64))
        self.begin(holds)

    @contextmanager
    def loop(
        self, start: Reg | int, stop: Reg | int, step: int = 1, carried: Sequence[Reg] = ()
    ) -> Iterator[tuple[Reg, list[Reg], list[Reg]]]:
        """Count an index from `start` to below `stop`.

        Yields (index, carried values as they enter the body, list to append what they become to). After the loop that
        list holds the values as they left it.
        """
        first = start if isinstance(start, Reg) else constant(start, I64)
        last = stop if isinstance(stop, Reg) else constant(stop, I64)
        before, head, body, done = self._block, self.label("head"), self.label("body"), self.label("done")
        self.branch(head)
        self.begin(head)
        place = len(self._lines)
        index = Reg(f"%{head}.i", I64)
        entering = [Reg(f"%{head}.c{n}", value.type) for n, value in enumerate(carried)]
        self.branch_if(self.compare("slt", index, last), body, done)
        self.begin(body)
        leaving: list[Reg] = []
        yield index, entering, leaving
        after = self.binary("add", index, step)
        end = self._block
        self.branch(head)
        phis = [f"  {index} = phi i64 [ {first}, %{before} ], [ {after}, %{end} ]"]
        for value, inside, out in zip(carried, entering, leaving, strict=True):
            phis.append(f"  {inside} = phi {value.type} [ {value}, %{before} ], [ {out}, %{end} ]")
        self._lines[place:place] = phis
        self.begin(done)
        leaving[:] = entering
