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
from pullback.core.tree import leaves
from pullback.interop.atomic import write_atomically
from pullback.programs.program import Constant, Value
from pullback.programs.record import Given, Hole, Record
from pullback.tensors import Tensor

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
    objects: Sequence[Any] = program.inputs  # where nothing is computed, too
    for part in parts:
        assert isinstance(part, NativePart)
        part.write(module=module)
        objects = part.objects
    for number, kernel in enumerate(arranged.kernels):
        module.explain(f"kernel{number}", "\n".join([_words(kernel), *_lines(kernel)]))
    arrays = [*_arrays(made, arranged, objects)]
    arrays += _again(made, arranged, arrays)
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
    places = _places(made, program)
    rewritten = {
        places.index(number): made.count + len(made.written) + j for j, (number, _) in enumerate(made.rewritten)
    }
    first = len(program.inputs) - len(made.captured)
    written_to = {c.key: made.count + j for j, c in enumerate(made.written)}
    numbers = {leaf.number: i for i, leaf in reversed([*enumerate(_results(made))]) if isinstance(leaf, Hole)}
    for number, base in enumerate(objects):
        if isinstance(base, Constant):
            yield Array(f"constant_{number}", "constant", np.asarray(base.value))
        elif base in program.inputs:
            place = program.inputs.index(base)
            if place < first:
                kind: Kind = "changed" if place in rewritten else "argument"
                yield Array(_argument(program, place), kind, _empty(base), base)
            else:
                captured = made.captured[place - first]
                kind = "state" if captured.key in written_to else "constant"
                array = np.asarray(captured.current.array)  # type: ignore[union-attr]  # it was read
                yield Array(identifier(captured.label), kind, array, captured.key)
        else:
            place = roots.index(base)
            value = _empty(fused.outputs[place])
            if place < made.count:
                yield Array(f"result_{numbers[place]}", "result", value, place)
            elif place < made.count + len(made.written):
                captured = made.written[place - made.count]
                kind = "over" if place in arranged.in_place else "new"
                yield Array(identifier(captured.label), kind, value, captured.key)
            else:
                target = next(i for i, output in rewritten.items() if output == place)
                yield Array(_argument(program, target), "new argument", value, program.inputs[target])


def _again(made: Record, arranged: Plan, arrays: Sequence[Array]) -> Iterator[Array]:
    """The results that no kernel writes: what is given back twice, or as it is; each is a copy."""
    fused = arranged.lowered.fused
    program, places = fused.program, _places(made, fused.program)
    known = {array.key for array in arrays}
    named = {array.key: array.name for array in arrays if array.kind == "result"}
    for number, leaf in enumerate(_results(made)):
        name = f"result_{number}"
        if isinstance(leaf, Hole):
            first = fused.roots.index(fused.roots[leaf.number])
            if named[first] != name:
                yield Array(name, "again", _empty(fused.outputs[leaf.number]), copied=first)
            continue
        if isinstance(leaf, Given):
            value = program.inputs[places.index(leaf.number)]
            yield Array(name, "again", _empty(value), copied=value)
            continue
        key = next((c.key for c in (*made.written, *made.captured) if c.current is leaf), (id(leaf), False))
        if key not in known:
            known.add(key)
            yield Array(identifier(leaf.name or "captured"), "beside", np.asarray(leaf.array), key)
        yield Array(name, "again", np.asarray(leaf.array), copied=key)


def _results(made: Record) -> list[Any]:
    """The arrays among the results, in their order."""
    return [leaf for leaf in leaves(made.result) if isinstance(leaf, (Hole, Given, Tensor))]


def _places(made: Record, program: Any) -> list[int]:
    """The numbers of the arguments that are inputs of the program."""
    return [number for number in range(len(made.state) + len(program.inputs)) if number not in made.state]


def _argument(program: Any, place: int) -> str:
    return identifier(program.inputs[place].name or f"argument_{place}")


def _empty(value: Value) -> Any:
    return np.zeros(value.shape, value.dtype)
