"""Composite primitives, written out in the primitives that loops are made of.

A definition is a function of tensors; it gives NotImplemented where the parameters are already simple. It is recorded
once, on arrays of the right shapes, and its equations take the place of the one. What is not here, and has no loop of
its own, runs as its NumPy kernel.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from pullback.compiler.program import Equation, Operand, Program, Value
from pullback.compiler.record import Tracer
from pullback.core.axes import reduced_size
from pullback.core.kinds import kept_shape
from pullback.core.modes import ModeContext
from pullback.ops.contractions import matmul_


def _mean(x: Any, axis: Any, keepdims: bool) -> Any:
    return x.sum(axis, keepdims) / reduced_size(x.shape, axis)


def _logsumexp(x: Any, axis: Any, keepdims: bool) -> Any:
    largest = x.max(axis, keepdims=True)
    largest = np.where(np.isfinite(largest), largest, 0)
    total = np.log(np.exp(x - largest).sum(axis, keepdims=True)) + largest
    return total if keepdims else total.squeeze(axis)


def _cross_entropy(x: Any, labels: Any, axis: Any, keepdims: bool, mean: bool) -> Any:
    shifted = x - x.max(-1, keepdims=True)
    total = np.log(np.exp(shifted).sum(-1))
    picked = np.where(labels[..., None] == np.arange(x.shape[-1]), shifted, 0).sum(-1)
    losses = total - picked
    if axis is None:
        losses = losses.sum()
        return losses / (math.prod(labels.shape) or 1) if mean else losses
    return losses[..., None] if keepdims else losses


def _deviation(x: Any, axis: Any) -> Any:
    return x - x.sum(axis, keepdims=True) / reduced_size(x.shape, axis)


def _var(x: Any, axis: Any, keepdims: bool, correction: float) -> Any:
    deviation = _deviation(x, axis)
    return (deviation * deviation).sum(axis, keepdims) / (reduced_size(x.shape, axis) - correction)


def _kept(name: str) -> Callable[..., Any]:
    """A reduction that keeps its axes is one that does not, reshaped: so both are found to be the same."""

    def kept(x: Any, axis: Any, keepdims: bool) -> Any:
        return getattr(x, name)(axis).reshape(kept_shape(x.shape, axis)) if keepdims else NotImplemented

    return kept


DEFINITIONS: Final[dict[str, Callable[..., Any]]] = {
    **{name: _kept(name) for name in ("sum", "max", "min", "prod")},
    "mean": _mean,
    "logsumexp": _logsumexp,
    "softmax_cross_entropy": _cross_entropy,
    "var": _var,
    "std": lambda x, **params: np.sqrt(_var(x, **params)),
    "matmul": lambda a, b, c=None, **flags: NotImplemented if c is None else matmul_(a, b, **flags) + c,
    "square": lambda x: x * x,
    "reciprocal": lambda x: 1 / x,
}


def expand(program: Program) -> Program:
    """The same program with composites written out."""
    equations: list[Equation] = []
    renamed: dict[Value, Operand] = {}
    for equation in program.equations:
        definition = DEFINITIONS.get(equation.primitive.name)
        known = equation.on(tuple(renamed.get(o, o) if isinstance(o, Value) else o for o in equation.operands))
        inner = None if definition is None else _recorded(definition, known)
        if inner is None:
            equations.append(known)
        else:
            equations += inner[0]
            renamed[equation.output] = inner[1]
    return program.with_equations(
        equations, [renamed.get(o, o) if isinstance(o, Value) else o for o in program.outputs]
    )


def _recorded(definition: Callable[..., Any], equation: Equation) -> tuple[list[Equation], Operand] | None:
    """The equations of a definition on the operands of an equation, and the value that they give."""
    if not all(isinstance(operand, Value) for operand in equation.operands):
        return None
    tracer = Tracer()
    tensors = [tracer.argument(np.ones(v.shape, v.dtype), "") for v in equation.values]
    with ModeContext(trace=tracer, recording=False), np.errstate(all="ignore"):
        result = definition(*tensors, **equation.params)
    if result is NotImplemented:
        return None
    inner = expand(tracer.finish(result, equation.primitive.name).program)
    outer: dict[Value, Operand] = dict(zip(inner.inputs, equation.operands, strict=True))
    made = []
    for step in inner.equations:
        operands = tuple(outer.get(o, o) if isinstance(o, Value) else o for o in step.operands)
        made.append(Equation(step.primitive, operands, step.params, step.output, equation.line))
    (output,) = inner.outputs
    if output.dtype != equation.output.dtype or output.shape != equation.output.shape:  # type: ignore[union-attr]  # no constant: made of the operands
        return None  # NumPy rounds in another dtype (float16): leave it to the kernel
    return made, outer.get(output, output) if isinstance(output, Value) else output
