"""How a loop of a program is written: as the operator Loop, whose body is a graph that reads what is outside of it."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from onnx import helper

from pullback.interop.onnx.sizes import Size
from pullback.interop.onnx.writer import Name, Site, Writer, element_type
from pullback.programs.loop import Loop, Read
from pullback.programs.program import Operand, Program


def written_loop(site: Site, write: Any) -> list[Name]:
    """The outputs of a loop; `write(writer, program)` writes the equations of its body."""
    outer, loop = site.writer, site.params["loop"]
    carried, reads = loop.parts(range(len(site.operands))) if not isinstance(loop.length, Size) else _parts(site, loop)
    body = loop.body
    first = [site.at(i, value.dtype) for i, value in zip(carried, body.inputs, strict=False)]
    sources = [_source(site, places, how, value) for places, how, value in
               zip(reads, loop.reads, body.inputs[loop.carried :], strict=True)]  # fmt: skip
    inner = Writer(outer.agreement, outer.symbols, outer)
    t, condition = outer.fresh("step"), outer.fresh("go_on")
    names = []
    for value in body.inputs[: loop.carried]:
        inner.names[value] = outer.fresh("carried")
        names.append(inner.names[value])
    for value, how, source in zip(body.inputs[loop.carried :], loop.reads, sources, strict=True):
        inner.names[value] = _read(inner, how, source, t, site.line)
    write(inner, body)
    results = _results(inner, loop, site.line)
    going = inner.op("Identity", condition)
    graph = helper.make_graph(
        inner.nodes, outer.fresh("body"),
        [helper.make_tensor_value_info(t, element_type(np.dtype(np.int64)), []),
         helper.make_tensor_value_info(condition, element_type(np.dtype(bool)), []),
         *(_info(outer, name, value, site.line) for name, value in zip(names, body.inputs, strict=False))],
        [helper.make_tensor_value_info(going, element_type(np.dtype(bool)), []),
         *(_info(outer, name, value, site.line) for name, value in zip(results, _outputs(body), strict=True))],
    )  # fmt: skip
    steps = site.op("Squeeze", outer.size(loop.length, site.line)) if isinstance(loop.length, Size) else outer.constant(
        loop.length, np.int64
    )  # fmt: skip
    made = outer.op("Loop", steps, outer.constant(np.True_), *first, outputs=len(results), body=graph)
    made = [made] if isinstance(made, str) else made
    return [
        name if i < loop.carried or loop.stacked[i - loop.carried] else _last(site, name) for i, name in enumerate(made)
    ]


def _parts(site: Site, loop: Loop) -> tuple[Any, Any]:
    if any(read.each for read in loop.reads):
        site.refuse(
            "a loop of an open number of steps that reads another operand at each", "stack them: np.stack(parts)"
        )
    carried = range(loop.carried)
    return carried, [[place] for place in range(loop.carried, len(site.operands))]


def _outputs(body: Program) -> list[Operand]:
    return list(body.outputs[: len(body.outputs) - body.conditions])


def _info(writer: Writer, name: Name, value: Operand, line: str) -> Any:
    dtype = value.dtype if hasattr(value, "dtype") else np.asarray(value.value).dtype
    shape = [None if isinstance(n, Size) else n for n in writer.agreement.shape(value)]
    return helper.make_tensor_value_info(name, element_type(dtype, line), shape)


def _source(site: Site, places: Any, how: Read, value: Any) -> Name:
    """What is read in the body: an operand, or one for each step, stacked."""
    if not how.each:
        operand = site.operands[places[0]]
        return site.at(places[0], None if hasattr(operand, "dtype") else value.dtype)
    parts = [site.op("Unsqueeze", site.at(i, value.dtype), site.ints(0)) for i in places]
    return site.op("Concat", *parts, axis=0)


def _read(inner: Writer, how: Read, source: Name, t: Name, line: str) -> Name:
    """An input of the body at a step."""
    if how.each:
        return inner.op("Gather", source, t, axis=0)
    for window in sorted(how.windows, key=lambda window: -window.axis):
        at, start = t, cast("Any", window.start)
        if window.step != 1:
            at = inner.op("Mul", at, inner.constant(window.step, np.int64))
        if isinstance(start, Size):
            at = inner.op("Add", at, inner.root.op("Squeeze", inner.root.size(start, line)))
        elif start:
            at = inner.op("Add", at, inner.constant(start, np.int64))
        if window.size is None:
            source = inner.op("Gather", source, at, axis=window.axis)
        else:
            begin = inner.op("Reshape", at, inner.constant(np.array([1])))
            end = inner.op("Add", begin, inner.constant(np.array([window.size], np.int64)))
            source = inner.op("Slice", source, begin, end, inner.constant(np.array([window.axis], np.int64)))
    return source


def _results(inner: Writer, loop: Loop, line: str) -> list[Name]:
    """What the body gives, each by a name of its own that it makes itself."""
    wanted = [value.dtype for value in loop.body.inputs[: loop.carried]]
    made = []
    for i, output in enumerate(_outputs(loop.body)):
        made.append(inner.op("Identity", inner.of(output, line, wanted[i] if i < loop.carried else None)))
    return made


def _last(site: Site, name: Name) -> Name:
    return site.op("Gather", name, site.const(-1, np.int64), axis=0)
