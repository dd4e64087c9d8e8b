"""The words of a formula on the command line: all that one may write in it, each with what it means.

What is not listed here is refused, so a formula can compute and do nothing else.
"""

from __future__ import annotations

import ast
import math
import re
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

# Functions by the names that they have elsewhere.
ELSEWHERE: Final[Mapping[str, str]] = {
    "ln": "log", "lg": "log10", "ld": "log2", "tg": "tan", "tan2": "arctan2", "atan2": "arctan2", "pow": "power",
    "asin": "arcsin", "acos": "arccos", "atan": "arctan", "arctg": "arctan", "sh": "sinh", "ch": "cosh", "th": "tanh",
    "asinh": "arcsinh", "acosh": "arccosh", "atanh": "arctanh", "sgn": "sign", "fabs": "abs", "average": "mean",
    "logistic": "sigmoid", "expit": "sigmoid", "swish": "silu", "inner": "dot", "if": "where", "length": "norm",
}  # fmt: skip


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

_RAISED, _RAISED_PLAIN = "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿˣ", "0123456789+-nx"
_PLAIN: Final = str.maketrans(_RAISED + "₀₁₂₃₄₅₆₇₈₉", _RAISED_PLAIN + "0123456789")

# How mathematics is written on paper, and how it is written here; each is tried in turn.
_REWRITES: Final[tuple[tuple[str, Any], ...]] = (
    (
        rf"(?<![A-Za-z_])([A-Za-z_]\w*)([{_RAISED}]+)\s*(\([^()]*\))",
        lambda m: f"{m[1]}{m[3]}**{m[2].translate(_PLAIN)}",
    ),  # sin²(x)
    (rf"[{_RAISED}]+", lambda m: f"**{m[0].translate(_PLAIN)}"),
    (r"√\s*(\(|\w+)", lambda m: "sqrt(" if m[1] == "(" else f"sqrt({m[1]})"),
    (r"\|([^|]+)\|", r"abs(\1)"),
    (r"(?<=[\w)])\s*(?=[π∞])", "*"),
    (r"(?<=\))\s*(?=[\w(])", "*"),  # (x + 1)(x - 1)
    (r"(?<=[π∞])\s*(?=[\w(])", "*"),
    (r"^\s*\w+(\([\w, ]*\))?\s*=(?!=)\s*", ""),  # y = ..., f(x) = ...
    (rf"\b({'|'.join(FUNCTIONS)})\s+(\w+)(?!\s*\()", r"\1(\2)"),  # sin x
    (r"(?<![\w.])(\d++(?:\.\d*+)?)(?![eE][+-]?\d)\s*(?=[A-Za-z_(])", r"\1*"),  # 3x
)
_SIGNS: Final = str.maketrans({
    "−": "-", "–": "-", "—": "-", "×": "*", "·": "*", "⋅": "*", "∗": "*", "÷": "/", "∕": "/", "⁄": "/",
    "≤": "<=", "≥": ">=", "≠": "!=", "π": "pi", "∞": "inf", "ℯ": "e",
})  # fmt: skip


def as_written_here(text: str) -> str | None:
    """The formula with the signs of this vocabulary, or None if that makes no formula of it.

    >>> as_written_here("2π − sin²(x) × √x")
    '2*pi - sin(x)**2 * sqrt(x)'
    """
    plain = text
    for pattern, instead in _REWRITES:
        plain = re.sub(pattern, instead, plain)
    plain = plain.translate(_SIGNS).translate(_PLAIN)
    try:
        ast.parse(plain, mode="eval")
    except (SyntaxError, RecursionError, MemoryError, ValueError):
        return None
    return None if plain == text else plain
