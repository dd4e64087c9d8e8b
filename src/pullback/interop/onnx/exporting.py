"""From recordings to a file of ONNX: record, compare, write, check."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
import onnx
from onnx import helper

from pullback.compiler.facts import row_of
from pullback.compiler.passes.expand import written_out
from pullback.compiler.passes.prune import prune
from pullback.compiler.passes.rolling.roll import roll
from pullback.compiler.passes.stages import through
from pullback.core.errors import OptionError, PullbackError, TraceError
from pullback.core.modes import no_grad
from pullback.core.outputs import pick_
from pullback.core.tree import leaves, rebuild
from pullback.core.version import __version__
from pullback.interop.atomic import write_atomically
from pullback.interop.onnx.agreement import Agreement
from pullback.interop.onnx.inputs import Input, inputs_of, lengths_of, named_leaves, resized
from pullback.interop.onnx.loops import written_loop
from pullback.interop.onnx.rows import FIXES, ROWS
from pullback.interop.onnx.sizes import Lengths, Size
from pullback.interop.onnx.writer import Name, Site, Writer, element_type
from pullback.nn import Module
from pullback.nn.evaluating import evaluating
from pullback.ops.indexing import get_
from pullback.ops.parts import unstack_
from pullback.programs.loop import loop_
from pullback.programs.program import Equation, Operand, Program
from pullback.programs.record import Given, Hole, Record
from pullback.programs.recording import record
from pullback.programs.tracer import Tracer
from pullback.tensors import Tensor

OPSETS: Final = (18, 25)  # the oldest and the newest whose operators the rows know
MOST: Final = (1 << 31) - (1 << 20)  # bytes of a file: protobuf has no larger messages
_APART: Final = 1024  # bytes from which on a tensor goes into the second file


def export(
    f: Callable[..., Any], examples: Sequence[Any], path: str | os.PathLike[str], opset: int,
    dynamic: str | Mapping[str, Mapping[int, str]] | None,
) -> Path:  # fmt: skip
    """Write a function to a file; see `to_onnx`."""
    if not OPSETS[0] <= opset <= min(OPSETS[1], onnx.defs.onnx_opset_version()):
        raise OptionError(
            "to_onnx: no such opset", got=opset,
            fix=f"{OPSETS[0]} to {min(OPSETS[1], onnx.defs.onnx_opset_version())}; 18 runs everywhere",
        )  # fmt: skip
    inputs = inputs_of(f, examples, dynamic)
    with evaluating(f) if isinstance(f, Module) else nullcontext():
        made, agreement = _settled(f, examples, inputs)
    return _save(_model(f, made, agreement, inputs, opset), Path(path))


# Recording.


def _settled(f: Callable[..., Any], examples: Sequence[Any], inputs: Sequence[Input]) -> tuple[Record, Agreement]:
    """A recording, and what all recordings have in common; where some do not agree, others are tried."""
    failed: Exception | None = None
    for lengths in lengths_of(inputs):
        try:
            records = [_recorded(f, examples, inputs, at) for at in lengths]
            return records[0], _agreed([made.program for made in records], lengths)
        except Exception as error:
            failed = failed or error  # what the function says of longer examples is not what is wrong with it
            if not isinstance(failed, TraceError):
                raise
    assert failed is not None
    raise failed


def _recorded(f: Callable[..., Any], examples: Sequence[Any], inputs: Sequence[Input], at: Lengths) -> Record:
    arrays = iter([(number, x.name, resized(x, at)) for number, x in enumerate(inputs)])

    def fill(tracer: Tracer) -> Any:
        values = leaves(list(examples))
        for i, value in enumerate(values):
            if isinstance(value, (Tensor, np.ndarray, np.generic)):
                number, name, array = next(arrays)
                values[i] = tracer.argument(np.array(array), name, number, Tensor(np.array(array)))
        return rebuild(list(examples), values), {}

    with no_grad():
        _, made, ledger = record(f, fill, getattr(f, "__name__", type(f).__name__))
    ledger.undo()
    changed = [*_changed(made), *(label for _, label in made.rewritten), *(str(t.name) for t in made.state.values())]
    if changed:
        raise TraceError(
            "to_onnx: the function changes a tensor, which a file of ONNX cannot", changes=", ".join(changed),
            fix="model.eval(), if it is running statistics; or return the new value",
        )  # fmt: skip
    if made.unfit is not None:
        raise TraceError(f"to_onnx: {made.unfit}", fix="shapes must follow from the shapes of the arguments")
    program = made.program
    made.program = replace(program, outputs=program.outputs[: made.count], conditions=0)
    return made


def _changed(made: Record) -> Iterator[str]:
    """The tensors that a call reads and then changes, which the next call would see; and gradients."""
    places = zip(made.captured, made.program.inputs[len(made.program.inputs) - len(made.captured) :], strict=True)
    values = {captured.key: value for captured, value in places}
    used = made.program.uses()
    for captured in made.written:
        value = values.get(captured.key)
        if captured.gradient or value is None or used.get(value):
            yield captured.label


def _agreed(programs: Sequence[Program], lengths: Sequence[Lengths]) -> Agreement:
    """The programs as one: with loops for what recurs, or without where these differ with the lengths."""
    programs = [_plain(program) for program in programs]
    try:
        return Agreement([prune(through(roll, program)) for program in programs], lengths)
    except TraceError:
        return Agreement(programs, lengths)


def _plain(program: Program) -> Program:
    """A program with those composites written out that no row knows, and parts of an array as what they are."""
    equations: list[Equation] = []
    now: dict[Operand, Operand] = {}
    whole: dict[Operand, Equation] = {}  # by what has the parts of an array: the equation that takes it apart
    for given in prune(program).equations:
        equation = given.on(tuple(now.get(o, o) for o in given.operands))
        if equation.primitive is unstack_:
            whole[equation.output] = equation
            continue
        if equation.primitive is pick_ and (apart := whole.get(equation.operands[0])) is not None:
            index = (*(slice(None),) * apart.params["axis"], equation.params["index"])
            equation = replace(equation, primitive=get_, operands=apart.operands, params={"index": index})
        definition = row_of(equation.primitive).definition
        written = None if equation.primitive in ROWS or definition is None else written_out(equation, definition)
        if written is None:
            equations.append(equation)
        else:
            equations += written.equations
            now[equation.output] = written.outputs[0]  # labels that are no classes are not complained of
    outputs = tuple(now.get(o, o) for o in program.outputs)
    return prune(replace(program, equations=tuple(equations), outputs=outputs))


# Writing.


def _model(f: Any, made: Record, agreement: Agreement, inputs: Sequence[Input], opset: int) -> Any:
    program = agreement.program
    symbols = {symbol: (x.name, axis) for x in reversed(inputs) for axis, symbol in x.open.items()}
    writer = Writer(agreement, symbols)
    infos = []
    for value, x in zip(program.inputs, inputs, strict=False):
        writer.names[value] = writer.fresh(x.name)
        shape = [x.open.get(axis, n) for axis, n in enumerate(value.shape)]
        infos.append(helper.make_tensor_value_info(x.name, element_type(value.dtype), shape))
    names = {id(t): name for name, t in (*f.named_parameters(), *f.named_buffers())} if isinstance(f, Module) else {}
    for value, captured in zip(program.inputs[len(inputs) :], made.captured, strict=True):
        current = captured.current
        assert current is not None
        wanted = names.get(id(captured.tensor), captured.tensor.name or "weight")
        writer.names[value] = writer.initializer(wanted, np.asarray(current.array))
    _write(writer, program)
    outputs = list(_outputs(writer, made, program))
    _keep_used(writer, {x.name for x in outputs})
    graph = helper.make_graph(
        writer.nodes, getattr(f, "__name__", type(f).__name__).strip("<>") or "function", infos, outputs,
        initializer=list(writer.initializers.values()),
    )  # fmt: skip
    opsets = [helper.make_opsetid("", opset)]
    return helper.make_model(
        graph, producer_name="pullback", producer_version=__version__, opset_imports=opsets,
        ir_version=max(8, helper.find_min_ir_version_for(opsets)),
    )  # fmt: skip


def _write(writer: Writer, program: Program) -> None:
    """Write all equations of a program, those of loops too."""
    for equation in program.equations:
        for dtype in (o.dtype for o in (*equation.values, equation.output) if o.dtype != object):
            element_type(dtype, equation.line)
        if equation.primitive is loop_:
            writer.names[equation.output] = written_loop(Site(writer, equation), _write)
            continue
        rule = ROWS.get(equation.primitive)
        if rule is None:
            raise TraceError(
                "to_onnx: there is no operator for a primitive", primitive=equation.primitive.name,
                line=equation.line or None,
                fix=FIXES.get(equation.primitive, "do this part outside of what is exported, or write it with others"),
            )  # fmt: skip
        writer.write(equation, rule)


def _outputs(writer: Writer, made: Record, program: Program) -> Iterator[Any]:
    for name, leaf in named_leaves("output", made.result):
        if isinstance(leaf, Hole):
            operand: Any = program.outputs[leaf.number]
            source, shape = writer.of(operand, ""), writer.agreement.shape(operand)
        elif isinstance(leaf, Given):
            operand = program.inputs[leaf.number]
            source, shape = writer.names[operand], writer.agreement.shape(operand)
        elif isinstance(leaf, Tensor):
            source, shape = writer.constant(leaf.array), leaf.shape
            operand = leaf
        elif leaf is None:
            continue
        else:
            raise TraceError(
                "to_onnx: a result is no tensor", name=name, got=type(leaf).__name__, fix="return tensors alone",
            )  # fmt: skip
        dtype = operand.dtype if hasattr(operand, "dtype") else np.asarray(operand.value).dtype
        written = writer.op("Identity", source, called=name)
        dims = [_dimension(n) for n in shape]
        yield helper.make_tensor_value_info(written, element_type(dtype), dims)


def _dimension(n: Any) -> Any:
    """How a file names a length: a number, an expression of the open ones, or nothing."""
    return n if not isinstance(n, Size) else None if n.terms is None else str(n)


def _keep_used(writer: Writer, needed: set[Name]) -> None:
    """Leave out nodes and initializers that nothing uses, as a size that was asked for and not needed."""
    kept = []
    for node in reversed(writer.nodes):
        if needed.intersection(node.output):
            kept.append(node)
            needed.update(_reads(node))
    writer.nodes[:] = reversed(kept)
    writer.initializers = {name: x for name, x in writer.initializers.items() if name in needed}


def _reads(node: Any) -> Iterator[str]:
    yield from node.input
    for attribute in node.attribute:
        for inner in attribute.g.node:
            yield from _reads(inner)


def _save(model: Any, path: Path) -> Path:
    """Write a model that the checker takes; numbers beyond what one file holds into a second one beside it."""
    try:
        if sum(len(x.raw_data) for x in model.graph.initializer) < MOST:
            onnx.checker.check_model(model, full_check=True)
            return write_atomically(path, model.SerializeToString(deterministic=True))
        beside = f"{path.name}.data"
        with TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as folder:
            scratch = Path(folder)
            onnx.save_model(
                model, scratch / path.name, save_as_external_data=True, location=beside, size_threshold=_APART,
            )  # fmt: skip
            onnx.checker.check_model(scratch / path.name, full_check=True)
            (scratch / beside).replace(path.with_name(beside))
            (scratch / path.name).replace(path)
        return path
    except OSError as error:
        raise PullbackError("to_onnx: the file cannot be written", file=path, got=error.strerror or error) from error
