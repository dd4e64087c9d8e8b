"""A file of ONNX as a module: its numbers are parameters, its nodes functions of tensors, so that it trains on."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import Any, Final, final

import numpy as np

from pullback.core.errors import OptionError, PullbackError, ShapeError
from pullback.core.modes import ModeContext
from pullback.interop.onnx import layer_operators, operators, shape_operators
from pullback.interop.onnx.reading import Call, Graph, read
from pullback.interop.onnx.values import Operator, numbers
from pullback.nn import Module, Parameter
from pullback.ops import movement
from pullback.tensors import Tensor

OPERATORS: Final[dict[str, Operator]] = {
    **operators.OPERATORS,
    **shape_operators.OPERATORS,
    **layer_operators.OPERATORS,
}
FLOW: Final = ("Loop", "If")  # whose bodies are graphs
_MOST_STEPS: Final = 1 << 20  # of a loop
# Operands that say how an operator works, and are not learned.
_FIXED: Final[dict[str, tuple[int, ...]]] = {
    "BatchNormalization": (3, 4), "Clip": (1, 2), "Pad": (2,), "Resize": (1, 2, 3), "Upsample": (1,), "Dropout": (1,),
    "OneHot": (2,), "Range": (0, 1, 2),
}  # fmt: skip


def load(path: str | os.PathLike[str]) -> Imported:
    """The module of a file; see `from_onnx`."""
    graph = read(path)
    _require_known(graph)
    return Imported(graph)


def _require_known(graph: Graph) -> None:
    for call in graph.calls:
        if call.kind not in OPERATORS and call.kind not in FLOW:
            raise OptionError(
                "from_onnx: no function is known for an operator", operator=call.kind,
                node=call.name or ", ".join(call.outputs),
                fix="export the model with others, or write this part with pullback and join the two",
            )  # fmt: skip
        for value in call.attributes.values():
            if isinstance(value, Graph):
                _require_known(value)


@final
class Imported(Module):
    """A model that was read from a file; call it with its inputs, in their order or by name.

    Attributes
    ----------
    inputs, outputs : tuple of str
        Their names in the file.
    weights : dict
        The parameters by their names in the file.
    """

    def __init__(self, graph: Graph) -> None:
        self.inputs, self.outputs = graph.inputs, graph.outputs
        self.weights: dict[str, Parameter] = {}
        self._graph = graph
        self._held: dict[str, str] = {}  # by name in the file: the buffer that holds it
        fixed = {
            name for call in _all_calls(graph) for i in _FIXED.get(call.kind, ()) for name in call.inputs[i : i + 1]
        }
        for name, array in graph.arrays.items():
            if array.dtype.kind != "f" or not array.ndim or not np.isfinite(array).all():  # as a mask of -inf
                continue
            if name in fixed:
                attribute = f"kept_{re.sub(r'[^0-9A-Za-z_]', '_', name)}_{len(self._held)}"
                self.register_buffer(attribute, Tensor(array))
                self._held[name] = attribute
            else:
                self.weights[name] = Parameter(array)

    def forward(self, *args: Any, **named: Any) -> Any:
        given = dict(zip(self.inputs, args, strict=False)) | named
        if len(args) > len(self.inputs) or set(given) != set(self.inputs):
            raise ShapeError(
                "from_onnx: the inputs are others", expected=", ".join(self.inputs),
                got=", ".join(given) if len(args) <= len(self.inputs) else f"{len(args)} of them",
            )  # fmt: skip
        values: dict[str, Any] = {name: _tensor(value) for name, value in given.items()}
        values |= self.weights
        values |= {name: getattr(self, attribute) for name, attribute in self._held.items()}
        results = _run(self._graph, values)
        results = [result if isinstance(result, Tensor) else movement.copy_(result) for result in results]
        return results[0] if len(results) == 1 else tuple(results)

    def extra_repr(self) -> str:
        return f"{', '.join(self.inputs)} -> {', '.join(self.outputs)}, {len(self._graph.calls)} operators"


def _all_calls(graph: Graph) -> Sequence[Call]:
    found = list(graph.calls)
    for call in graph.calls:
        for value in call.attributes.values():
            if isinstance(value, Graph):
                found += _all_calls(value)
    return found


def _tensor(value: Any) -> Any:
    return value if isinstance(value, Tensor) else Tensor(np.asarray(value))


def _run(graph: Graph, values: dict[str, Any]) -> list[Any]:
    """The outputs of a graph for the values of names; what is known beforehand is computed as plain arrays."""
    for name, array in graph.arrays.items():
        values.setdefault(name, array)
    for call in graph.calls:
        operands = [values[name] if name else None for name in call.inputs]
        while operands and operands[-1] is None:
            operands.pop()
        try:
            made = _apply(call, operands, values)
        except PullbackError as error:
            error.note_first("node", call.name or f"{call.kind} of {', '.join(call.outputs)}")
            raise
        except (TypeError, ValueError, IndexError, KeyError, AttributeError, ZeroDivisionError, OverflowError) as error:
            raise ShapeError(
                f"from_onnx: {call.kind}: its operands do not fit", node=call.name or ", ".join(call.outputs),
                shapes=", ".join(str(np.shape(x)) for x in operands if x is not None), why=error,
            ) from error  # fmt: skip
        results = made if isinstance(made, tuple) else (made,)
        values.update({name: result for name, result in zip(call.outputs, results, strict=False) if name})
    return [values[name] for name in graph.outputs]


def _apply(call: Call, operands: list[Any], values: dict[str, Any]) -> Any:
    if call.kind == "If":
        return _if(call, operands, values)
    if call.kind == "Loop":
        return _loop(call, operands, values)
    operator = OPERATORS[call.kind]
    if any(isinstance(x, Tensor) for x in operands):
        return operator(call, *operands)
    with ModeContext(trace=None, recording=False):  # of what the file itself says: no part of what is recorded
        made = operator(call, *operands)
    return tuple(map(_plain, made)) if isinstance(made, tuple) else _plain(made)


def _plain(value: Any) -> Any:
    return value.array if isinstance(value, Tensor) else value


def _if(call: Call, operands: list[Any], values: dict[str, Any]) -> Any:
    chosen = call.get("then_branch") if bool(numbers(operands[0]).reshape(-1)[0]) else call.get("else_branch")
    return tuple(_run(chosen, dict(values)))


def _loop(call: Call, operands: list[Any], values: dict[str, Any]) -> Any:
    """Steps of a body: the number of the step, whether to go on, and what is carried; the rest is stacked."""
    body: Graph = call.get("body")
    given: list[Any] = operands + [None] * max(0, 2 - len(operands))
    most, going, carried = given[0], given[1], given[2:]
    steps = _MOST_STEPS if most is None else int(numbers(most).reshape(-1)[0])
    rows: list[list[Any]] = []
    step = 0
    while step < steps and (going is None or bool(numbers(going).reshape(-1)[0])):
        if step >= _MOST_STEPS:
            raise ShapeError("from_onnx: Loop: there are too many steps", expected=f"at most {_MOST_STEPS:,}")
        inner = values | dict(zip(body.inputs, [np.array(step), going, *carried], strict=True))
        going, *results = _run(body, inner)
        carried, row = results[: len(carried)], results[len(carried) :]
        rows.append(row)
        step += 1
    if not rows and len(call.outputs) > len(carried):
        call.refuse("it has no step, and what it would have given is not known")
    stacked = [movement.stack([_tensor(x) for x in column]) for column in zip(*rows, strict=True)]
    return (*carried, *stacked)
