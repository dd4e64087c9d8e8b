"""The words of a formula on the command line: all that one may write in it, each with what it means.

What is not listed here is refused, so a formula can compute and do nothing else.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from pullback.functions import activations
from pullback.ops import contractions, reductions
from pullback.ops import elementwise as ew

CONSTANTS: Final[Mapping[str, float]] = {"pi": math.pi, "e": math.e, "inf": math.inf}

UNARY: Final[Mapping[type[ast.unaryop], Callable[[Any], Any]]] = {ast.UAdd: ew.positive, ast.USub: ew.negative}

BINARY: Final[Mapping[type[ast.operator], Callable[[Any, Any], Any]]] = {
    ast.Add: ew.add,
    ast.Sub: ew.subtract,
    ast.Mult: ew.multiply,
    ast.Div: ew.divide,
    ast.FloorDiv: ew.floor_divide,
    ast.Mod: ew.mod,
    ast.Pow: ew.power,
    ast.MatMult: contractions.matmul,
}

COMPARISONS: Final[Mapping[type[ast.cmpop], Callable[[Any, Any], Any]]] = {
    ast.Lt: ew.less,
    ast.LtE: ew.less_equal,
    ast.Gt: ew.greater,
    ast.GtE: ew.greater_equal,
    ast.Eq: ew.equal,
    ast.NotEq: ew.not_equal,
}

# Syntax that people try, and what to write instead.
INSTEAD: Final[Mapping[type, str]] = {
    ast.BitXor: "the power of x is x ** 2",
    ast.IfExp: "where(x > 0, a, b) chooses",
    ast.BoolOp: "where(x > 0, where(x < 1, a, b), b) has both conditions; so has 0 < x < 1",
    ast.Attribute: "functions stand by themselves: sin(x)",
    ast.Lambda: "write the formula itself",
}


class Function(NamedTuple):
    """A function that a formula may call, and with how many arguments."""

    call: Callable[..., Any]
    arguments: int


def _rows(module: Any, arguments: int, names: str) -> dict[str, Function]:
    return {name: Function(getattr(module, name), arguments) for name in names.split()}


FUNCTIONS: Final[Mapping[str, Function]] = {
    "abs": Function(ew.absolute, 1),
    **_rows(ew, 1, "exp exp2 expm1 log log1p log2 log10 sqrt cbrt square reciprocal"),
    **_rows(ew, 1, "sin cos tan arcsin arccos arctan sinh cosh tanh arcsinh arccosh arctanh"),
    **_rows(ew, 1, "sign floor ceil round relu leaky_relu sigmoid softplus erf stop_gradient"),
    **_rows(ew, 2, "maximum minimum power arctan2 hypot logaddexp"),
    **_rows(ew, 3, "where clip"),
    **_rows(activations, 1, "gelu silu softmax log_softmax"),
    **_rows(reductions, 1, "sum mean prod max min var std norm logsumexp cumsum"),
    **_rows(contractions, 2, "dot outer"),
}
