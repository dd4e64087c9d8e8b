"""How elementwise primitives become instructions: one row each. What has no row here runs as its NumPy kernel."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Final, Literal, NamedTuple

import numpy as np

from pullback.compiler.llvm import SCALARS, Function, Reg, Type
from pullback.compiler.mathematics import FUNCTIONS
from pullback.compiler.program import Constant, Equation, Operand

Write = Callable[..., Reg]


class Row(NamedTuple):
    """`write(function, *operands)` emits the operation.

    Attributes
    ----------
    takes : "result", "operands" or "truth"
        What operands are converted to first: the dtype of the result, that of all operands together, or a mask.
    kinds : str
        Kinds of the dtypes that are computed with ("f", "i", "u", "b"); others run as NumPy kernels.
    weight : int
        About how many instructions it is.
    """

    write: Write
    takes: Literal["result", "operands", "truth"] = "result"
    kinds: str = "fiu"
    weight: int = 1


def _op(of_floats: str, of_integers: str) -> Write:
    return lambda f, a, b: f.binary(of_floats if a.type.floating else of_integers, a, b)


def _compare(of_floats: str, of_integers: str) -> Write:
    return lambda f, a, b: f.compare(of_floats if a.type.floating else of_integers, a, b)


def _intrinsic(name: str) -> Write:
    return lambda f, x: f.intrinsic(name, x)


def _same(_f: Function, x: Reg) -> Reg:
    return x


def _negative(f: Function, x: Reg) -> Reg:
    return f.emit(f"fneg {x.typed}", x.type) if x.type.floating else f.binary("sub", f.const(0, x), x)


def _maximum(f: Function, a: Reg, b: Reg) -> Reg:
    """The larger; NaN where either is."""
    if not a.type.floating:
        return f.select(f.compare("sgt", a, b), a, b)
    return f.select(f.compare("uno", a, a), a, f.select(f.compare("ogt", a, b), a, b))


def _minimum(f: Function, a: Reg, b: Reg) -> Reg:
    if not a.type.floating:
        return f.select(f.compare("slt", a, b), a, b)
    return f.select(f.compare("uno", a, a), a, f.select(f.compare("olt", a, b), a, b))


def _relu(f: Function, x: Reg) -> Reg:
    return f.select(f.compare("ugt" if x.type.floating else "sgt", x, 0), x, f.const(0, x))


def _absolute(f: Function, x: Reg) -> Reg:
    return f.intrinsic("fabs", x) if x.type.floating else f.select(f.compare("slt", x, 0), _negative(f, x), x)


def _sign(f: Function, x: Reg) -> Reg:
    above, below = (f.compare("ogt", x, 0), f.compare("olt", x, 0)) if x.type.floating else (
        f.compare("sgt", x, 0), f.compare("slt", x, 0)
    )  # fmt: skip
    rest = f.select(f.compare("uno", x, x), x, f.const(0, x)) if x.type.floating else f.const(0, x)
    return f.select(above, f.const(1, x), f.select(below, f.const(-1, x), rest))


def _where(f: Function, condition: Reg, a: Reg, b: Reg) -> Reg:
    return f.select(condition, a, b)


def _clip(f: Function, x: Reg, low: Reg, high: Reg) -> Reg:
    return _minimum(f, _maximum(f, x, low), high)


def _strong_multiply(f: Function, a: Reg, b: Reg) -> Reg:
    """a·b, and 0 where a factor is 0: with masks one instruction, after two comparisons."""
    both = f.binary("and", f.compare("une", a, 0), f.compare("une", b, 0))
    return f.select(both, f.binary("fmul", a, b), f.const(0, a))


def _finite(f: Function, x: Reg) -> Reg:
    return f.compare("olt", f.intrinsic("fabs", x), f.const(math.inf, x))


def _not(f: Function, x: Reg) -> Reg:
    return f.binary("xor", x, f.const(True if x.type.scalar == "i1" else -1, x))


def _floor_divide(f: Function, a: Reg, b: Reg) -> Reg:
    """⌊a / b⌋ as NumPy has it: the quotient of a less its remainder, rounded to the nearest whole number."""
    rest, moved = _remainder(f, a, b)
    quotient = f.binary("fdiv", f.binary("fsub", a, rest), b)
    quotient = f.select(moved, f.binary("fsub", quotient, 1), quotient)
    floored = f.intrinsic("floor", quotient)
    near = f.compare("ogt", f.binary("fsub", quotient, floored), 0.5)
    whole = f.select(near, f.binary("fadd", floored, 1), floored)
    zero = f.intrinsic("copysign", f.const(0, a), f.binary("fdiv", a, b))
    whole = f.select(f.compare("oeq", quotient, 0), zero, whole)
    return f.select(f.compare("oeq", b, 0), f.binary("fdiv", a, b), whole)


def _remainder(f: Function, a: Reg, b: Reg) -> tuple[Reg, Reg]:
    """The remainder with the sign of a, and whether that is not the sign of b."""
    rest = f.binary("frem", a, b)
    other = f.binary("xor", f.compare("olt", rest, 0), f.compare("olt", b, 0))
    return rest, f.binary("and", other, f.compare("une", rest, 0))


def _mod(f: Function, a: Reg, b: Reg) -> Reg:
    """The remainder with the sign of b."""
    rest, moved = _remainder(f, a, b)
    rest = f.select(moved, f.binary("fadd", rest, b), rest)
    return f.select(f.compare("oeq", rest, 0), f.intrinsic("copysign", f.const(0, rest), b), rest)


def _elementary(name: str) -> Row:
    weights = {"exp": 12, "sigmoid": 20, "sin": 25, "cos": 25, "log": 16, "cbrt": 20, "expm1": 20, "exp2": 10}
    return Row(FUNCTIONS[name], kinds="f", weight=weights.get(name, 40))


ROWS: Final[dict[str, Row]] = {
    "add": Row(_op("fadd", "add")),
    "subtract": Row(_op("fsub", "sub")),
    "multiply": Row(_op("fmul", "mul")),
    "divide": Row(_op("fdiv", ""), kinds="f", weight=4),
    "floor_divide": Row(_floor_divide, kinds="f", weight=40),
    "mod": Row(_mod, kinds="f", weight=30),
    "negative": Row(_negative),
    **dict.fromkeys(("positive", "identity", "stop_gradient", "copy", "astype"), Row(_same, kinds="fiub", weight=0)),
    "strong_multiply": Row(_strong_multiply, kinds="f", weight=3),
    "sqrt": Row(_intrinsic("sqrt"), kinds="f", weight=6),
    "floor": Row(_intrinsic("floor"), kinds="f"),
    "ceil": Row(_intrinsic("ceil"), kinds="f"),
    "trunc": Row(_intrinsic("trunc"), kinds="f"),
    "rint": Row(_intrinsic("roundeven"), kinds="f"),
    "abs": Row(_absolute, kinds="fi"),
    "sign": Row(_sign, kinds="fi", weight=2),
    "maximum": Row(_maximum, kinds="fi", weight=2),
    "minimum": Row(_minimum, kinds="fi", weight=2),
    "relu": Row(_relu, kinds="fi"),
    "clip": Row(_clip, kinds="fi", weight=4),
    "where": Row(_where, kinds="fiub"),
    "equal": Row(_compare("oeq", "eq"), "operands", "fiub"),
    "not_equal": Row(_compare("une", "ne"), "operands", "fiub"),
    "less": Row(_compare("olt", "slt"), "operands", "fi"),
    "less_equal": Row(_compare("ole", "sle"), "operands", "fi"),
    "greater": Row(_compare("ogt", "sgt"), "operands", "fi"),
    "greater_equal": Row(_compare("oge", "sge"), "operands", "fi"),
    "logical_and": Row(_op("", "and"), "truth", "fiub"),
    "logical_or": Row(_op("", "or"), "truth", "fiub"),
    "logical_xor": Row(_op("", "xor"), "truth", "fiub"),
    "logical_not": Row(_not, "truth", "fiub"),
    "bitwise_and": Row(_op("", "and"), kinds="iub"),
    "bitwise_or": Row(_op("", "or"), kinds="iub"),
    "bitwise_xor": Row(_op("", "xor"), kinds="iub"),
    "invert": Row(_not, kinds="iub"),
    "isnan": Row(lambda f, x: f.compare("uno", x, x), "operands", "f"),
    "isinf": Row(lambda f, x: f.compare("oeq", f.intrinsic("fabs", x), f.const(math.inf, x)), "operands", "f"),
    "isfinite": Row(_finite, "operands", "f"),
    **{name: _elementary(name) for name in FUNCTIONS},
}  # fmt: skip


def dtype_of(operand: Operand) -> Any:
    """The dtype of an operand, or Python's number itself, which has none of its own."""
    if not isinstance(operand, Constant):
        return operand.dtype
    value = operand.value
    return value.dtype if hasattr(value, "dtype") else value


def computed_in(equation: Equation) -> np.dtype[Any]:
    """The dtype that an elementwise equation is computed with."""
    row = ROWS[equation.primitive.name]
    if row.takes == "truth":
        return np.dtype(bool)
    if row.takes == "result":
        return equation.output.dtype
    return np.result_type(*map(dtype_of, equation.operands))


def has_row(equation: Equation) -> bool:
    """Whether an equation becomes instructions: it has a row, and its dtypes are among those that the row knows."""
    row = ROWS.get(equation.primitive.name)
    if row is None or not equation.operands:
        return False
    dtypes = [np.result_type(dtype_of(o)) for o in equation.operands] + [equation.output.dtype]
    if any(str(dtype) not in SCALARS or not dtype.isnative for dtype in dtypes):
        return False
    if equation.primitive.name == "astype" and dtypes[0].kind == "f" and dtypes[1].kind in "iu":
        return False  # what is out of range is NumPy's to decide
    if row.takes == "operands" and not _comparable(equation):
        return False
    return row.takes == "truth" or computed_in(equation).kind in row.kinds


def _comparable(equation: Equation) -> bool:
    """Whether all operands are numbers of their common dtype; NumPy compares integers that are not, too."""
    dtype = computed_in(equation)
    if dtype.kind not in "iu":
        return dtype.kind == "b" or any(np.result_type(dtype_of(o)).kind not in "iu" for o in equation.operands)
    limits, numbers = np.iinfo(dtype), (o.value for o in equation.operands if isinstance(o, Constant))
    return all(limits.min <= number <= limits.max for number in numbers if type(number) is int)


def register_type(dtype: np.dtype[Any], lanes: int) -> Type:
    """How numbers of a dtype are held in registers: booleans as masks."""
    return Type("i1" if dtype.kind == "b" else SCALARS[str(dtype)], lanes)


def converted(f: Function, x: Reg, source: np.dtype[Any], target: np.dtype[Any]) -> Reg:
    """A register of one dtype as another, as NumPy casts."""
    if source == target:
        return x
    kind = register_type(target, x.type.lanes)
    if target.kind == "b":
        return f.compare("une" if x.type.floating else "ne", x, 0)
    if source.kind == "b":
        return f.cast("uitofp" if kind.floating else "zext", x, kind)
    if x.type.floating and kind.floating:
        return f.cast("fpext" if kind.bits > x.type.bits else "fptrunc", x, kind)
    if kind.floating:
        return f.cast("sitofp" if source.kind == "i" else "uitofp", x, kind)
    if kind.bits == x.type.bits:
        return x
    return f.cast("trunc" if kind.bits < x.type.bits else "sext" if source.kind == "i" else "zext", x, kind)


def write(f: Function, equation: Equation, operands: Sequence[tuple[Reg, np.dtype[Any]]]) -> Reg:
    """Emit an equation on registers given with their dtypes; the result is of the dtype of its output."""
    row, dtype = ROWS[equation.primitive.name], computed_in(equation)
    wanted = [dtype] * len(operands)
    if equation.primitive.name == "where":
        wanted[0] = np.dtype(bool)
    given = [converted(f, x, source, target) for (x, source), target in zip(operands, wanted, strict=True)]
    return row.write(f, *given)
