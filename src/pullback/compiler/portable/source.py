"""A compiled function as C99: the same kernels, written one number at a time; its tensors in a struct."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from pullback.compiler.compilation import SWITCHES
from pullback.compiler.emission.emit import NativePart, emit
from pullback.compiler.facts import row_of
from pullback.compiler.fusion.fuse import fuse
from pullback.compiler.fusion.views import ordered
from pullback.compiler.instructions.c import CModule, identifier
from pullback.compiler.lowering.kernels import Kernel, NumPyCall, Plan, Repeat
from pullback.compiler.lowering.lower import lower
from pullback.compiler.lowering.plan import plan
from pullback.compiler.passes.stages import chosen, stages
from pullback.compiler.portable.text import Array, Kind, is_free, written
from pullback.compiler.showing.report import describe
from pullback.core.errors import OptionError, TraceError
from pullback.interop.atomic import write_atomically
from pullback.programs.program import Constant, Value
from pullback.programs.record import Record

_WITHOUT: Final = ("block", "reals")  # it shares rows among threads; complex numbers are refused


class Source(NamedTuple):
    """The two files of a function."""

    code: str
    header: str


def plan_of(made: Record) -> Plan:
    """The kernels of a recorded function, each of which computes one number at a time.

    Raises
    ------
    TraceError
        If something in it has no loops (LAPACK, sorting, random numbers), is empty, or computes in half precision; with
        the line.
    """
    program = [*stages(made.program, [n for n in chosen(os.environ.get(SWITCHES)) if n not in _WITHOUT]).values()][-1]
    count = len(program.outputs) - program.conditions
    given = {value: ordered(value.shape) for value in program.inputs}
    captured = dict(zip((c.key for c in made.captured), _last(program.inputs, len(made.captured)), strict=True))
    replaces = {
        made.count + j: captured[c.key] for j, c in enumerate(made.written) if c.key in captured and not c.gradient
    }
    wanted = [ordered(output.spec.shape) for output in program.outputs[:count]]
    for equation in program.equations:
        if any(value.dtype.kind == "c" for value in (equation.output, *equation.values)):
            _refuse(NumPyCall(equation, "C has no loops of complex numbers here"), made.program.name)
    lowered = lower(fuse(program, given, wanted), given, wanted, plain=True)
    for kernel in lowered.kernels:
        _refuse(kernel, made.program.name)
    return plan(lowered, replaces, plain=True)


def source_of(made: Record, name: str) -> Source:
    """A recorded function as C, under a name.

    Raises TraceError as `plan_of` does.
    """
    arranged = plan_of(made)
    program = arranged.lowered.fused.program
    parts = emit(arranged)
    module = CModule()
    objects: Sequence[Any] = ()
    for part in parts:
        assert isinstance(part, NativePart)
        part.write(module=module)
        objects = part.objects
    for number, kernel in enumerate(arranged.kernels):
        module.explain(f"kernel{number}", "\n".join([_words(kernel), *_lines(kernel)]))
    arrays = [*_arrays(made, arranged, objects)]
    return Source(*written(name, made.program.name, module, arrays, arranged, checks=program.conditions > 0))


def write_source(path: str | os.PathLike[str], made: Record) -> Path:
    """Write a recorded function as C beside its header; the function is called as the file is.

    Raises TraceError as `plan_of` does; OptionError if the name does not end in `.c`; OSError.
    """
    target = Path(path)
    if target.suffix != ".c":
        raise OptionError("to_c: what kind of file is this?", got=str(path), fix="step.c; the header becomes step.h")
    if not is_free(target.stem):
        raise OptionError(
            "to_c: the function is called as the file is", got=target.name,
            fix="letters, digits and _, and no word of C's",
        )  # fmt: skip
    source = source_of(made, target.stem)
    write_atomically(target.with_suffix(".h"), source.header.encode())
    return write_atomically(target, source.code.encode())


def _last(values: Sequence[Value], count: int) -> Sequence[Value]:
    return values[len(values) - count :]


def _refuse(kernel: Kernel, name: str) -> None:
    if isinstance(kernel, NumPyCall):
        equation = kernel.equation
        raise TraceError(
            f"to_c: {equation.primitive.name} of {name} has no loops that could be written as C", why=kernel.reason,
            line=equation.line, fix="compute it outside of the function, and give it as an argument",
        )  # fmt: skip
    if isinstance(kernel, Repeat):
        for inner in kernel.plan.kernels:
            _refuse(inner, name)
        return
    selected: set[Value] = set()  # these stay in registers, as they are: a partial that is 0, ½ or 1
    for step in kernel.steps.values():
        equation = step.equation
        row = row_of(equation.primitive).instructions
        if row is not None and row.takes == "choice" and equation.output not in kernel.stores:
            selected.add(equation.output)
        if any(x.dtype == np.float16 and x not in selected for x in (*equation.values, equation.output)):
            raise TraceError(
                f"to_c: {equation.primitive.name} of {name} computes in half precision, which C99 does not have",
                line=equation.line, fix="x.astype(np.float32)",
            )  # fmt: skip


def _words(kernel: Kernel) -> str:
    return " ".join(describe(kernel).partition(";")[0].split())


def _lines(kernel: Kernel) -> Iterator[str]:
    """The lines of the user's that a kernel computes."""
    if isinstance(kernel, (NumPyCall, Repeat)):
        return
    lines = dict.fromkeys(step.equation.line for step in kernel.steps.values() if step.equation.line)
    yield from (line.rpartition("/")[2] for line in lines)


def _arrays(made: Record, arranged: Plan, objects: Sequence[Any]) -> Iterator[Array]:
    """Each object that the kernels are given, in order: what it is in C."""
    fused = arranged.lowered.fused
    program, roots = fused.program, fused.roots
    places = [number for number in range(len(made.state) + len(program.inputs)) if number not in made.state]
    rewritten = {
        places.index(number): made.count + len(made.written) + j for j, (number, _) in enumerate(made.rewritten)
    }
    first = len(program.inputs) - len(made.captured)
    written_to = {c.key: made.count + j for j, c in enumerate(made.written)}
    for number, base in enumerate(objects):
        if isinstance(base, Constant):
            yield Array(f"constant_{number}", "constant", np.asarray(base.value))
        elif base in program.inputs:
            place = program.inputs.index(base)
            if place < first:
                kind: Kind = "changed" if place in rewritten else "argument"
                yield Array(identifier(base.name or f"argument_{place}"), kind, _empty(base), base)
            else:
                captured = made.captured[place - first]
                kind = "state" if captured.key in written_to else "constant"
                array = np.asarray(captured.current.array)  # type: ignore[union-attr]  # it was read
                yield Array(identifier(captured.label), kind, array, captured.key)
        else:
            place = roots.index(base)
            value = _empty(fused.outputs[place])
            if place < made.count:
                yield Array(f"result_{place}", "result", value)
            elif place < made.count + len(made.written):
                captured = made.written[place - made.count]
                kind = "over" if place in arranged.in_place else "new"
                yield Array(identifier(captured.label), kind, value, captured.key)
            else:
                target = next(i for i, output in rewritten.items() if output == place)
                name = identifier(program.inputs[target].name or f"argument_{target}")
                yield Array(name, "new argument", value, program.inputs[target])


def _empty(value: Value) -> Any:
    return np.zeros(value.shape, value.dtype)
