"""Composite primitives, written out in the primitives that loops are made of.

A definition is a function of tensors; it gives NotImplemented where the parameters are already simple, and a pair where
there is a condition without which the primitive would have complained. It is recorded once, on arrays of the right
shapes, and its equations take the place of the one. What is not here, and has no loop of its own, runs as its NumPy
kernel.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np

from pullback.compiler.program import Equation, Operand, Program, Value
from pullback.compiler.tracer import Tracer
from pullback.core.axes import reduced_size
from pullback.core.kinds import kept_shape
from pullback.core.modes import ModeContext
from pullback.ops.contractions import matmul_
from pullback.ops.elementwise import add


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
    classes = x.shape[-1]
    picked = np.where(labels[..., None] == np.arange(classes), shifted, 0).sum(-1)
    known = (labels >= 0) & (labels < classes)
    losses = total - picked
    if axis is None:
        losses = losses.sum()
        losses = losses / (math.prod(labels.shape) or 1) if mean else losses
    elif keepdims:
        losses = losses[..., None]
    return losses, known.all()  # NumPy's kernel complains of a label that is no class


def _deviation(x: Any, axis: Any) -> Any:
    return x - x.sum(axis, keepdims=True) / reduced_size(x.shape, axis)


def _var(x: Any, axis: Any, keepdims: bool, correction: float) -> Any:
    deviation = _deviation(x, axis)
    return (deviation * deviation).sum(axis, keepdims) / (reduced_size(x.shape, axis) - correction)


def _einsum(a: Any, b: Any, left: str, right: str, out: str) -> Any:
    """A product of matrices: labels that all have are batches, those of both operands alone are summed."""
    a, left = _summed(a, left, right + out)
    b, right = _summed(b, right, left + out)
    batch = [x for x in left if x in right and x in out]
    inner = [x for x in left if x in right and x not in out]
    rows, columns = [x for x in left if x not in right], [x for x in right if x not in left]
    sizes = dict(zip(left + right, a.shape + b.shape, strict=True))

    def matrix(x: Any, labels: str, *parts: list[str]) -> Any:
        order = [label for part in (batch, *parts) for label in part]
        x = x.transpose(tuple(labels.index(label) for label in order))
        shape = [sizes[label] for label in batch] + [math.prod(sizes[label] for label in part) for part in parts]
        return x.reshape(tuple(shape))

    if (*a.shape, *b.shape) != tuple(sizes[label] for label in left + right):
        return NotImplemented  # an axis of one element is repeated

    product = matrix(a, left, rows, inner) @ matrix(b, right, inner, columns)
    made = [*batch, *rows, *columns]
    return product.reshape(tuple(sizes[label] for label in made)).transpose(tuple(made.index(label) for label in out))


def _summed(x: Any, labels: str, needed: str) -> tuple[Any, str]:
    """An operand without the axes that nothing else has."""
    gone = tuple(i for i, label in enumerate(labels) if label not in needed)
    return (x.sum(gone) if gone else x), "".join(label for label in labels if label in needed)


def _norm(x: Any, axis: Any, keepdims: bool) -> Any:
    largest = np.abs(x).max(axis, keepdims=True)
    scale = np.where((largest > 0) & np.isfinite(largest), largest, 1)  # squares neither overflow nor vanish
    scaled = x / scale
    total = np.sqrt((scaled * scaled).sum(axis, keepdims=True)) * scale
    left = () if axis is None else tuple(n for i, n in enumerate(x.shape) if i not in axis)
    return total if keepdims else total.reshape(left)


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
    "norm": _norm,
    "einsum": _einsum,
    "leaky_relu": lambda x, slope: np.where(x > 0, x, slope * x),
    "binary_cross_entropy": lambda p, t: -(t * np.maximum(np.log(p), -100) + (1 - t) * np.maximum(np.log1p(-p), -100)),
    "logits_cross_entropy": lambda x, t: np.maximum(x, 0) - x * t + np.log1p(np.exp(-np.abs(x))),
    "square": lambda x: x * x,
    "reciprocal": lambda x: 1 / x,
}


def expand(program: Program) -> Program:
    """The same program with composites written out."""
    equations: list[Equation] = []
    conditions: list[Operand] = []
    renamed: dict[Value, Operand] = {}

    def now(operands: Sequence[Operand]) -> tuple[Operand, ...]:
        return tuple(renamed.get(o, o) if isinstance(o, Value) else o for o in operands)

    for given in program.equations:
        equation = given.on(now(given.operands))
        definition = DEFINITIONS.get(equation.primitive.name)
        inner = None if definition is None else _recorded(definition, equation)
        if inner is not None:
            equations += inner[0]
            renamed[equation.output], *others = inner[1]
            conditions += others
        elif equation.primitive is matmul_ and len(equation.operands) == 3:
            equations += _without_sum(equation)
        else:
            equations.append(equation)
    outputs = (*now(program.outputs), *conditions)
    return replace(program.with_equations(equations, outputs), conditions=program.conditions + len(conditions))


def _without_sum(equation: Equation) -> tuple[Equation, Equation]:
    """A product to which something is added, as two equations."""
    a, b, c = equation.operands
    product = Value(equation.output.shape, equation.output.dtype)
    first = Equation(matmul_, (a, b), equation.params, product, equation.line)
    return first, equation.by(add, (product, c))


def _recorded(definition: Callable[..., Any], equation: Equation) -> tuple[list[Equation], list[Operand]] | None:
    """The equations of a definition on the operands of an equation, and what they give: the value, then conditions."""
    if not all(isinstance(o, Value) and o.size and o.dtype != np.float16 for o in equation.operands):
        return None  # of numbers, of nothing, and what is rounded in between: NumPy knows best
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
    output, *_ = inner.outputs
    if output.dtype != equation.output.dtype or output.shape != equation.output.shape:  # type: ignore[union-attr]  # no constant: made of the operands
        return None  # NumPy has its own idea of the dtype: leave it to the kernel
    return made, [outer.get(o, o) if isinstance(o, Value) else o for o in inner.outputs]
