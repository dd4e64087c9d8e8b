"""Twins in mpmath: the value and the partial derivatives of every elementwise operation, activation and loss.

They are written from the definitions, in numbers of 200 bits without bounds of size. Operations that NumPy has too have
no value here: theirs is NumPy's, to the bit (`test_special_values.py`).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import mpmath
from mpmath import mp

mp.prec = 200
ALPHA, SCALE = 1.6732632423543772, 1.0507009873554805  # of SELU


class Twin(NamedTuple):
    """What an operation is: its value, None where it is NumPy's; and for each operand its partial derivative.

    `exact` are the operands whose 0 is no limit but meant: targets, and what is multiplied with them. `ties` says that
    infinite operands are equally so, where it depends on that; else the value is NaN there.
    """

    value: Callable[..., Any] | None
    partials: tuple[Callable[..., Any] | float, ...]
    exact: tuple[int, ...] = ()
    ties: bool = False


def numpys(*partials: Callable[..., Any] | float) -> Twin:
    return Twin(None, partials)


def ours(value: Callable[..., Any], *partials: Callable[..., Any] | float, **facts: Any) -> Twin:
    return Twin(value, partials, **facts)


def sigmoid(x):
    return 1 / (1 + mp.exp(-x)) if x > 0 else mp.exp(x) / (1 + mp.exp(x))


def softplus(x):
    return max(x, mp.mpf(0)) + mp.log1p(mp.exp(-abs(x)))


def normal(x):
    return mp.mpf(x > 0) if abs(x) > 1000 else mp.erfc(-x / mp.sqrt(2)) / 2


def density(x):
    return mp.exp(-x * x / 2) / mp.sqrt(2 * mp.pi)


def gate(x):
    return sigmoid(2 * mp.sqrt(2 / mp.pi) * (x + mp.mpf("0.044715") * x**3))  # (1 + tanh u) / 2 = sigmoid(2u)


def slope_of_gate(x):
    g = gate(x)
    return g * gate(-x) * 2 * mp.sqrt(2 / mp.pi) * (1 + 3 * mp.mpf("0.044715") * x * x)


def power(a, b):
    if a < 0 and b != mp.floor(b):
        raise ValueError
    size = mp.exp(b * mp.log(abs(a)))
    return -size if a < 0 and mp.floor(b / 2) * 2 != b else size


def sign(x):
    return mp.sign(x)


def elu(x, a=1):
    return x if x > 0 else a * mp.expm1(x)


def slope_of_elu(x, a=1):
    return 1 if x > 0 else a * mp.exp(x)


def limited(low, high):
    return lambda x: min(max(x, mp.mpf(low)), mp.mpf(high))


def between(low, high, slope=1):
    """The derivative of what is limited, which is 0 at the ends."""
    return lambda x: slope if low < x < high else 0


def bounded_logs(p, t=0):
    """log p and log(1 − p), but at least -100."""
    if not 0 <= p <= 1 or abs(t) >= HUGE:
        raise ValueError
    lowest = mp.mpf(-100)
    return max(mp.log(p), lowest) if p else lowest, max(mp.log1p(-p), lowest) if p < 1 else lowest


def entropy(p, t):
    yes, no = bounded_logs(p, t)
    return -(t * yes + (1 - t) * no)


def slope_of_entropy(p, t):
    yes, no = bounded_logs(p, t)
    return no - yes


def chosen(a, b):
    """1 where a is larger; where they tie, a convention says."""
    if a == b:
        raise ValueError
    return int(a > b)


TWINS: Final[dict[str, Twin]] = {
    "add": numpys(1, 1),
    "subtract": numpys(1, -1),
    "gap": numpys(1, -1),
    "multiply": numpys(lambda a, b: b, lambda a, b: a),
    "strong_multiply": numpys(lambda a, b: b, lambda a, b: a),
    "divide": numpys(lambda a, b: 1 / b, lambda a, b: -a / b / b),
    "floor_divide": numpys(0, 0),
    "mod": numpys(1, lambda a, b: -mp.floor(a / b)),
    "negative": numpys(-1),
    "positive": numpys(1),
    "power": numpys(
        lambda a, b: b * power(a, b - 1) if b else mp.mpf(0),
        lambda a, b: power(a, b) * mp.log(a),
    ),
    "reciprocal": numpys(lambda x: -1 / x / x),
    "square": numpys(lambda x: 2 * x),
    "identity": numpys(1),
    "exp": numpys(mp.exp),
    "exp2": numpys(lambda x: mp.power(2, x) * mp.log(2)),
    "expm1": numpys(mp.exp),
    "log": numpys(lambda x: 1 / x),
    "log1p": numpys(lambda x: 1 / (1 + x)),
    "log2": numpys(lambda x: 1 / (x * mp.log(2))),
    "log10": numpys(lambda x: 1 / (x * mp.log(10))),
    "sqrt": numpys(lambda x: 1 / (2 * mp.sqrt(x))),
    "cbrt": numpys(lambda x: 1 / (3 * mp.cbrt(x * x))),
    "logaddexp": numpys(lambda a, b: sigmoid(a - b), lambda a, b: sigmoid(b - a)),
    "hypot": numpys(lambda a, b: a / mp.hypot(a, b), lambda a, b: b / mp.hypot(a, b)),
    "sin": numpys(mp.cos),
    "cos": numpys(lambda x: -mp.sin(x)),
    "tan": numpys(lambda x: mp.sec(x) ** 2),
    "arcsin": numpys(lambda x: 1 / mp.sqrt((1 - x) * (1 + x))),
    "arccos": numpys(lambda x: -1 / mp.sqrt((1 - x) * (1 + x))),
    "arctan": numpys(lambda x: 1 / (1 + x * x)),
    "arctan2": numpys(lambda a, b: b / (a * a + b * b), lambda a, b: -a / (a * a + b * b)),
    "sinc": numpys(lambda x: -mp.pi**2 * x / 3 if abs(x) < 1e-20 else (mp.cos(mp.pi * x) - mp.sinc(mp.pi * x)) / x),
    "sinh": numpys(mp.cosh),
    "cosh": numpys(mp.sinh),
    "tanh": numpys(lambda x: mp.sech(x) ** 2),
    "arcsinh": numpys(lambda x: 1 / mp.sqrt(1 + x * x)),
    "arccosh": numpys(lambda x: 1 / (mp.sqrt(x - 1) * mp.sqrt(x + 1))),
    "arctanh": numpys(lambda x: 1 / ((1 - x) * (1 + x))),
    "abs": numpys(sign),
    "sign": numpys(0),
    "floor": numpys(0),
    "ceil": numpys(0),
    "trunc": numpys(0),
    "rint": numpys(0),
    "maximum": numpys(chosen, lambda a, b: chosen(b, a)),
    "minimum": numpys(lambda a, b: chosen(-a, -b), lambda a, b: chosen(-b, -a)),
    "relu": ours(lambda x: max(x, mp.mpf(0)), lambda x: 1 if x > 0 else 0),
    "leaky_relu": ours(
        lambda x, s: x if x > 0 else s * x, lambda x, s: 1 if x > 0 else s, lambda x, s: min(x, 0)
    ),
    "softsign": ours(lambda x: x / (1 + abs(x)), lambda x: (1 + abs(x)) ** -2),
    "mish": ours(lambda x: x * mp.tanh(softplus(x)),
                 lambda x: mp.tanh(softplus(x)) + x * sigmoid(x) * mp.sech(softplus(x)) ** 2),
    "glu": ours(lambda a, b: a * sigmoid(b), lambda a, b: sigmoid(b), lambda a, b: a * sigmoid(b) * sigmoid(-b)),
    "elu": ours(elu, slope_of_elu),
    "celu": ours(elu, slope_of_elu),
    "selu": ours(lambda x: SCALE * elu(x, ALPHA), lambda x: SCALE * slope_of_elu(x, ALPHA)),
    "relu6": ours(limited(0, 6), between(0, 6)),
    "hardtanh": ours(limited(-1, 1), between(-1, 1)),
    "hardsigmoid": ours(lambda x: limited(0, 6)(x + 3) / 6, between(-3, 3, mp.mpf(1) / 6)),
    "hardswish": ours(lambda x: x * limited(0, 6)(x + 3) / 6, lambda x: int(x > 0) if abs(x) >= 3 else x / 3 + 0.5),
    "sigmoid": ours(sigmoid, lambda x: sigmoid(x) * sigmoid(-x)),
    "softplus": ours(softplus, sigmoid),
    "erf": ours(mp.erf, lambda x: 2 / mp.sqrt(mp.pi) * mp.exp(-x * x)),
    "silu": ours(lambda x: x * sigmoid(x), lambda x: sigmoid(x) * (1 + x * sigmoid(-x))),
    "gelu": ours(lambda x: x * normal(x), lambda x: normal(x) + x * density(x)),
    "tanh_gelu": ours(lambda x: x * gate(x), lambda x: gate(x) + x * slope_of_gate(x)),
    "binary_cross_entropy": ours(
        entropy, lambda p, t: (p - t) / max(p * (1 - p), mp.mpf("1e-12")), slope_of_entropy,
    ),
    "binary_cross_entropy_with_logits": ours(
        lambda x, t: x * ((x > 0) - t) + mp.log1p(mp.exp(-abs(x))), lambda x, t: sigmoid(x) - t, lambda x, t: -x,
        exact=(0, 1),
    ),
    "mse_loss": ours(lambda p, t: (p - t) ** 2, lambda p, t: 2 * (p - t), lambda p, t: 2 * (t - p)),
    "l1_loss": ours(lambda p, t: abs(p - t), lambda p, t: sign(p - t), lambda p, t: sign(t - p)),
    # Of two logits: the first of softmax, and what the first costs as the true class.
    "softmax": ours(
        lambda a, b: sigmoid(a - b), lambda a, b: sigmoid(a - b) * sigmoid(b - a),
        lambda a, b: -sigmoid(a - b) * sigmoid(b - a), ties=True,
    ),
    "log_softmax": ours(
        lambda a, b: -softplus(b - a), lambda a, b: sigmoid(b - a), lambda a, b: -sigmoid(b - a), ties=True
    ),
    "logsumexp": ours(
        lambda a, b: max(a, b) + softplus(-abs(a - b)), lambda a, b: sigmoid(a - b), lambda a, b: sigmoid(b - a),
        ties=True,
    ),
    **dict.fromkeys(("softmax_cross_entropy", "cross_entropy of probabilities"), ours(
        lambda a, b: softplus(b - a), lambda a, b: -sigmoid(b - a), lambda a, b: sigmoid(b - a), ties=True
    )),
}  # fmt: skip


class NoLimitError(Exception):
    """No way leads there, or different ways lead to different places."""


HUGE: Final = mp.mpf(2) ** 4200
WAYS: Final = {  # how a special number is approached; any other is itself
    0.0: (1 / HUGE, -1 / HUGE),
    float("inf"): (HUGE, HUGE**2),
    float("-inf"): (-HUGE, -(HUGE**2)),
}


def limit(f: Any, point: tuple[float, ...], info: Any, exact: tuple[int, ...] = (), ties: bool = False) -> float:
    """The limit of f at a point as a float, by all ways within the domain; raises NoLimitError."""
    if not callable(f):
        return float(f)
    found = []
    for way in [next(_ways(point, exact))] if ties else _ways(point, exact):
        try:
            value = f(*way)
        except (ValueError, ZeroDivisionError):
            continue  # outside of the domain
        if isinstance(value, mpmath.mpc) or mp.isnan(value):
            continue
        found.append(rounded(mp.mpf(value), info))
    if not found or not all(math.isclose(x, found[0], rel_tol=1e-12) for x in found):
        raise NoLimitError
    return found[0]


def _ways(point, exact):
    alone = [(mp.mpf(x),) if i in exact and x == 0 else WAYS.get(x, (mp.mpf(x),)) for i, x in enumerate(point)]
    return itertools.product(*alone)


def rounded(x: Any, info: Any) -> float:
    """What a number of mpmath's is among the numbers of a dtype: not yet rounded, but with its ends."""
    if abs(x) >= mp.mpf(2) ** int(info.maxexp):
        return float("inf") if x > 0 else float("-inf")
    return 0.0 if abs(x) < mp.mpf(float(info.smallest_subnormal)) / 2 else float(x)
