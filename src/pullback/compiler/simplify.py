"""Algebra that holds for every bit: what does nothing goes, what is constant is computed, views of views become one.

No rule here changes a rounding, a sign of zero or a NaN; that is why `x * 1` goes, and `x + 0`, which makes +0 of −0,
stays.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from pullback.compiler.program import Constant, Equation, Operand, Program, Value
from pullback.core.opaque import Opaque
from pullback.ops import elementwise, movement
from pullback.ops.contractions import matmul_

Maker = dict[Value, Equation]
Outcome = Operand | Equation | tuple[Equation, Equation] | None


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


def _unchanged(equation: Equation, _: Maker) -> Outcome:
    (x,) = equation.operands
    return x if isinstance(x, Value) and (x.shape, x.dtype) == (equation.output.shape, equation.output.dtype) else None


def _keeps(operand: Operand, output: Value) -> bool:
    return isinstance(operand, Value) and (operand.shape, operand.dtype) == (output.shape, output.dtype)


def _multiply(equation: Equation, made: Maker) -> Outcome:
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


def _add(equation: Equation, made: Maker) -> Outcome:
    a, b = equation.operands
    if equation.output.dtype.kind == "f":
        if (inner := _negated(b, made)) is not None:
            return equation.by(elementwise.subtract, (a, inner))
        if (inner := _negated(a, made)) is not None:
            return equation.by(elementwise.subtract, (b, inner))
    return None


def _strong(equation: Equation, made: Maker) -> Outcome:
    a, b = equation.operands
    for x, other in ((a, b), (b, a)):
        known = number(other, made)
        if known is not None and np.isfinite(known) and known != 0:
            return equation.by(elementwise.multiply, (x, other))  # no 0 and no infinity: an ordinary product
    return _multiply(equation, made)


def _divide(equation: Equation, made: Maker) -> Outcome:
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


def _subtract(equation: Equation, made: Maker) -> Outcome:
    a, b = equation.operands
    known, inner = number(b, made), _negated(b, made)
    if inner is not None and equation.output.dtype.kind == "f":
        return equation.by(elementwise.add, (a, inner))
    return a if known is not None and known == 0 and not np.signbit(known) and _keeps(a, equation.output) else None


def _negative(equation: Equation, made: Maker) -> Outcome:
    return _negated(equation.operands[0], made)


def _power(equation: Equation, made: Maker) -> Outcome:
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


def _reshape(equation: Equation, made: Maker) -> Outcome:
    (x,) = equation.operands
    inner = made.get(x) if isinstance(x, Value) else None
    if inner is not None and inner.primitive is movement.reshape_:
        return equation.on(inner.operands)
    return _unchanged(equation, made)


def _transpose(equation: Equation, made: Maker) -> Outcome:
    (x,) = equation.operands
    axes = equation.params["axes"]
    if axes == tuple(range(len(axes))):
        return x
    inner = made.get(x) if isinstance(x, Value) else None
    if inner is not None and inner.primitive is movement.permute_:
        composed = tuple(inner.params["axes"][i] for i in axes)
        return Equation(movement.permute_, inner.operands, {"axes": composed}, equation.output, equation.line)
    return None


def _matmul(equation: Equation, made: Maker) -> Outcome:
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


RULES: Final[dict[str, Callable[[Equation, Maker], Outcome]]] = {
    "positive": _unchanged, "identity": _unchanged, "stop_gradient": _unchanged, "copy": _unchanged,
    "astype": _unchanged, "broadcast_to": _unchanged, "reshape": _reshape, "transpose": _transpose,
    "add": _add, "multiply": _multiply, "strong_multiply": _strong, "divide": _divide, "subtract": _subtract,
    "negative": _negative, "power": _power, "matmul": _matmul,
}  # fmt: skip

FOLDED_SIZE: Final = 4096  # constants up to this many elements are computed when the program is made


def simplify(program: Program) -> Program:
    """The same program with less to do."""
    becomes: dict[Value, Operand] = {}
    made: Maker = {}
    kept: list[Equation] = []
    for equation in program.equations:
        now: Operand | Equation = equation.on(
            tuple(becomes.get(o, o) if isinstance(o, Value) else o for o in equation.operands)
        )
        while isinstance(now, Equation):
            rule = RULES.get(now.primitive.name)
            outcome = _folded(now) or (rule(now, made) if rule is not None else None)
            if outcome is None:
                break
            if isinstance(outcome, tuple):
                first, outcome = outcome
                kept.append(first)
                made[first.output] = first
            now = outcome
        if isinstance(now, Equation):
            kept.append(now)
            made[now.output] = now
        else:
            becomes[equation.output] = now
    return program.with_equations(kept, [becomes.get(o, o) if isinstance(o, Value) else o for o in program.outputs])


def _folded(equation: Equation) -> Constant | None:
    """The value of an equation of constants."""
    primitive = equation.primitive
    small = equation.output.size <= FOLDED_SIZE and equation.output.dtype != object
    if isinstance(primitive, Opaque) or not equation.operands or not small:
        return None
    if not all(isinstance(operand, Constant) for operand in equation.operands):
        return None
    with np.errstate(all="ignore"):
        value = primitive.bind(*(o.value for o in equation.operands if isinstance(o, Constant)), **equation.params)
    return Constant(value)
