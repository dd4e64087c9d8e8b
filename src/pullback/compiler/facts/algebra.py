"""Algebra that holds for every bit: what an equation becomes, given how its operands are made.

No rule here changes a rounding, a sign of zero or a NaN; that is why `x * 1` goes, and `x + 0`, which makes +0 of −0,
stays.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from pullback.ops import elementwise, movement
from pullback.ops.indexing import get_
from pullback.ops.parts import unstack_
from pullback.ops.products import matmul_
from pullback.programs.program import Constant, Equation, Operand, Value

Maker: TypeAlias = dict[Value, Equation]  # by value, the equation that makes it
Outcome: TypeAlias = Operand | Equation | tuple[Equation, Equation] | None  # None where all stays as it is
Rule: TypeAlias = Callable[[Equation, Maker], Outcome]


def number(operand: Operand, made: Maker) -> Any:
    """The number that an operand is, in all places; None if it is not known."""
    while isinstance(operand, Value):
        inner = made.get(operand)
        if inner is None or inner.primitive not in (movement.broadcast_to_, movement.reshape_):
            return None
        operand = inner.operands[0]
    value = operand.value
    if isinstance(value, np.ndarray):
        first = value.reshape(-1)[:1]
        alike = first.tobytes() * value.size == value.tobytes()  # as bits: 0 is not -0
        return first[0] if alike and value.size else None
    return value


def unchanged(equation: Equation, _: Maker) -> Outcome:
    """What gives its operand back."""
    (x,) = equation.operands
    return x if isinstance(x, Value) and (x.shape, x.dtype) == (equation.output.shape, equation.output.dtype) else None


def _keeps(operand: Operand, output: Value) -> bool:
    return isinstance(operand, Value) and (operand.shape, operand.dtype) == (output.shape, output.dtype)


def multiply(equation: Equation, made: Maker) -> Outcome:
    """1·x is x; signs go to the end."""
    a, b = equation.operands
    for x, other in ((a, b), (b, a)):
        known = number(other, made)
        if _keeps(x, equation.output) and known == 1 and not isinstance(known, (bool, np.bool_)):
            return x
    for x, other in ((a, b), (b, a)):  # signs come last, so that products differ in as little as can be
        inner = _negated(x, made)
        if inner is not None and equation.output.dtype.kind == "f":
            product = Value(equation.output.shape, equation.output.dtype)
            operands = (inner, other) if x is a else (other, inner)
            return Equation(equation.primitive, operands, {}, product, equation.line), equation.by(
                elementwise.negative, (product,)
            )
    return None


def _negated(x: Operand, made: Maker) -> Operand | None:
    """Of what floating-point numbers an operand is the negative; whole ones may have none."""
    inner = made.get(x) if isinstance(x, Value) and x.dtype.kind == "f" else None
    return inner.operands[0] if inner is not None and inner.primitive is elementwise.negative else None


def add(equation: Equation, made: Maker) -> Outcome:
    """A + (−b) is a − b."""
    a, b = equation.operands
    if equation.output.dtype.kind == "f":
        if (inner := _negated(b, made)) is not None:
            return equation.by(elementwise.subtract, (a, inner))
        if (inner := _negated(a, made)) is not None:
            return equation.by(elementwise.subtract, (b, inner))
    return None


def strong(equation: Equation, made: Maker) -> Outcome:
    """Times a number that is neither 0 nor infinite it is an ordinary product."""
    a, b = equation.operands
    for x, other in ((a, b), (b, a)):
        known = number(other, made)
        if known is not None and np.isfinite(known) and known != 0:
            return equation.by(elementwise.multiply, (x, other))  # no 0 and no infinity: an ordinary product
    return multiply(equation, made)


def divide(equation: Equation, made: Maker) -> Outcome:
    """x / 1 is x; by a power of two it is a product."""
    a, b = equation.operands
    known, dtype = number(b, made), equation.output.dtype
    if known is None or isinstance(known, (bool, np.bool_)):
        return None
    if known == 1 and _keeps(a, equation.output):
        return a
    if dtype.kind != "f" or not isinstance(a, Value) or a.shape != equation.output.shape:
        return None
    mantissa, exponent = np.frexp(np.float64(known))
    # By a power of two it is exact either way, if that and its inverse are normal numbers.
    if abs(mantissa) == 0.5 and abs(exponent - 1) < np.finfo(dtype).maxexp - 2:
        return equation.by(elementwise.multiply, (a, Constant(dtype.type(1 / known))))
    return None


def subtract(equation: Equation, made: Maker) -> Outcome:
    """x − 0 is x; a − (−b) is a + b."""
    a, b = equation.operands
    known, inner = number(b, made), _negated(b, made)
    if inner is not None and equation.output.dtype.kind == "f":
        return equation.by(elementwise.add, (a, inner))
    return a if known is not None and known == 0 and not np.signbit(known) and _keeps(a, equation.output) else None


def negative(equation: Equation, made: Maker) -> Outcome:
    """−(−x) is x."""
    return _negated(equation.operands[0], made)


def power(equation: Equation, made: Maker) -> Outcome:
    """x¹ is x, x² a product, x^½ a root."""
    a, b = equation.operands
    known = number(b, made)
    if known is None or not isinstance(a, Value) or not _keeps(a, equation.output):
        return None
    if known == 1:
        return a
    if known == 2:
        return equation.by(elementwise.multiply, (a, a))
    if known == 0.5 and a.ndim and isinstance(b, Constant) and not np.ndim(b.value):  # as NumPy has it
        return equation.by(elementwise.sqrt, (a,))
    return None


def reshape(equation: Equation, made: Maker) -> Outcome:
    """Of two, the last counts."""
    (x,) = equation.operands
    inner = made.get(x) if isinstance(x, Value) else None
    if inner is not None and inner.primitive is movement.reshape_:
        return equation.on(inner.operands)
    return unchanged(equation, made)


def transpose(equation: Equation, made: Maker) -> Outcome:
    """Two are one; and one that leaves all axes is none."""
    (x,) = equation.operands
    axes = equation.params["axes"]
    if axes == tuple(range(len(axes))):
        return x
    inner = made.get(x) if isinstance(x, Value) else None
    if inner is not None and inner.primitive is movement.permute_:
        composed = tuple(inner.params["axes"][i] for i in axes)
        return Equation(movement.permute_, inner.operands, {"axes": composed}, equation.output, equation.line)
    return None


def matmul(equation: Equation, made: Maker) -> Outcome:
    """Transposes of operands become the product's flags."""
    operands, flags = list(equation.operands), [equation.params["ta"], equation.params["tb"]]
    for i in (0, 1):
        x = operands[i]
        inner = made.get(x) if isinstance(x, Value) else None
        if inner is not None and inner.primitive is movement.permute_:
            n = len(inner.params["axes"])
            if inner.params["axes"] == (*range(n - 2), n - 1, n - 2):
                operands[i], flags[i] = inner.operands[0], not flags[i]
    if flags == [equation.params["ta"], equation.params["tb"]]:
        return None
    params = {"ta": flags[0], "tb": flags[1]}
    return Equation(matmul_, tuple(operands), params, equation.output, equation.line)


def getitem(equation: Equation, _: Maker) -> Outcome:
    """Slices that take all there is."""
    x, *arrays = equation.operands
    index = equation.params["index"]
    if arrays or not isinstance(x, Value) or x.shape != equation.output.shape or len(index) > x.ndim:
        return None
    whole = (isinstance(part, slice) and part.indices(n) == (0, n, 1) for part, n in zip(index, x.shape, strict=False))
    return x if all(whole) else None


def put(equation: Equation, _: Maker) -> Outcome:
    """What is written over all of an array takes its place."""
    _x, values, *arrays = equation.operands
    out, whole = equation.output, all(part in (Ellipsis, slice(None)) for part in equation.params["index"])
    if isinstance(values, Constant) and out.dtype.kind == "f":
        values = Constant(np.asarray(values.value).astype(out.dtype))
    now = values.value if isinstance(values, Constant) else values
    if not whole or arrays or getattr(now, "dtype", None) != out.dtype:
        return None
    if now.shape == out.shape:
        return values
    return Equation(movement.broadcast_to_, (values,), {"shape": out.shape}, out, equation.line)


def pick(equation: Equation, made: Maker) -> Outcome:
    """A part of an array along an axis is read where it lies."""
    (x,) = equation.operands
    inner = made.get(x) if isinstance(x, Value) else None
    if inner is None or inner.primitive is not unstack_:
        return None
    index = (slice(None),) * inner.params["axis"] + (equation.params["index"],)
    return Equation(get_, inner.operands, {"index": index}, equation.output, equation.line)
