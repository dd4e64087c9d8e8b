"""What `answer` asks of NumPy, written out: a formula for each function that loops can do, by the function itself.

A formula gives NotImplemented where NumPy has to say, and a pair where there is a condition without which the function
would have complained: then the function itself is called. What only bits can say has instructions of its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from pullback.compiler.facts.indexed import LOOPS, gather_
from pullback.compiler.facts.row import Definition, Instructions, Row
from pullback.compiler.instructions.llvm import Function, Reg
from pullback.compiler.instructions.mathematics.number import Number, where
from pullback.core.discrete import Discrete
from pullback.core.primitive import Primitive
from pullback.functions import differences, floats, nan, segments, statistics
from pullback.ops import discrete, ordering
from pullback.ops.elementwise import where as select
from pullback.ops.indexing import add_into_
from pullback.ops.places import ARRAY

NUMPYS: Final = "NumPy's algorithm answers with integers"

signbit_: Final = Discrete("signbit", np.signbit, doc="Whether the sign of a number is set.")
nextafter_: Final = Discrete("nextafter", np.nextafter, doc="The next number towards another.")
exponent_: Final = Discrete(
    "exponent", lambda x: np.frexp(x)[1].astype(x.dtype), doc="That of m · 2ᵉ with ½ ≤ |m| < 1."
)


def _is_array(x: Any) -> bool:
    return hasattr(x, "dtype")


# Instructions on bits.


def _signbit(f: Function, x: Reg) -> Reg:
    return Number(f, x).negative.register


def _nextafter(f: Function, a: Reg, b: Reg) -> Reg:
    """The bits of a, as an integer, and one: away from 0 if b is further in the direction of the sign."""
    x, to = Number(f, a), Number(f, b)
    away = (x > 0.0) ^ (x > to)
    stepped = (x.bits + where(away, x.like(0.0).bits + 1, x.like(0.0).bits - 1)).real
    tiny = (to.bits & (x.like(-0.0).bits)) | 1
    made = where(x.equals(0.0), tiny.real, stepped)
    return where(x.equals(to), to, where(x.compare("uno", to), x + to, made)).register


def _exponent(f: Function, a: Reg) -> Reg:
    """The exponent's bits; those of a subnormal number once it is made a normal one."""
    x = Number(f, a)
    kind, size = x.format, abs(x)
    place = kind.digits - 1
    small = size < kind.least
    bits = where(small, size * 2.0**kind.digits, size).bits
    shifted = ((bits >> place) + kind.pattern(kind.anchor)).real - (kind.anchor + kind.bias - 1)
    exponent = where(small, shifted - float(kind.digits), shifted)
    return where(size.compare("olt", math.inf) & size.compare("une", 0.0), exponent, 0.0).register


# Formulas.


def _sign(x: Any) -> Any:
    if x.dtype.kind == "f":
        return signbit_(x)
    return x < 0 if x.dtype.kind in "iu" else NotImplemented


def _spacing(x: Any) -> Any:
    if x.dtype.kind != "f":
        return NotImplemented
    beyond = nextafter_(x, select(x < 0, x.dtype.type(-np.inf), x.dtype.type(np.inf)))
    return select(np.isinf(x), x.dtype.type(np.nan), beyond - x)


def _steps(a: Any, found: Any) -> Any:
    step = found - a
    return select(np.isfinite(step) & (a + step == found), step, step.dtype.type(0))


def _frexp(x: Any) -> Any:
    return exponent_(x).astype(np.intc) if x.dtype.kind == "f" else NotImplemented


def _power_of_two(n: Any, *, dtype: Any, first: bool) -> Any:
    if not _is_array(n) or n.dtype.kind not in "iu" or np.dtype(dtype) not in (np.float32, np.float64):
        return NotImplemented
    return np.exp2(floats.exponents(n.astype(np.int64), np.finfo(dtype), first).astype(dtype))


def _fmod(a: Any, b: Any) -> Any:
    """The remainder with the sign of a: that with the sign of b, less b where the signs are not the same."""
    dtype = np.result_type(a, b)
    if dtype.kind not in "iu":
        return NotImplemented
    rest = a % b
    return rest if dtype.kind == "u" else select((rest != 0) & ((a < 0) ^ (b < 0)), rest - b, rest)


def _isclose(a: Any, b: Any, rtol: Any, atol: Any, *, equal_nan: bool) -> Any:
    if any(_is_array(x) and x.dtype.kind not in LOOPS for x in (a, b)) or isinstance(a, complex | None):
        return NotImplemented
    if any(_is_array(x) or not isinstance(x, (int, float)) or not math.isfinite(x) for x in (rtol, atol)):
        return NotImplemented
    b = b.astype(np.result_type(b.dtype, 1.0)) if _is_array(b) else np.float64(b) if _is_array(a) else b
    close = (np.abs(a - b) <= atol + rtol * np.abs(b)) & np.isfinite(b) | (a == b)
    return close | ((a != a) & (b != b)) if equal_nan else close


def _count(x: Any, *, axis: Any, keepdims: bool) -> Any:
    return (x if x.dtype.kind == "b" else x != 0).sum(axis, keepdims=keepdims)


def _searchsorted(x: Any, v: Any, sorter: Any = None, *, side: str) -> Any:
    """By halves: of what is left the first part is passed over where its last number is below."""
    if sorter is not None or not all(_is_array(operand) and operand.dtype.kind in LOOPS for operand in (x, v)):
        return NotImplemented
    dtype, n = np.promote_types(x.dtype, v.dtype), x.shape[0]
    if dtype.kind == "b":
        return NotImplemented
    x, key = x.astype(dtype), v.astype(dtype).reshape(v.shape or (1,))

    def passed(place: Any) -> Any:
        number = gather_(x, place, along=(None,))
        low, high = (number, key) if side == "left" else (key, number)
        below = low < high
        if dtype.kind == "f":  # NaN is behind all numbers
            below = below | ((high != high) & (low == low))
        return below if side == "left" else ~below

    start, left = np.zeros(key.shape, np.int64), n
    start = start + (key != key) * 0  # an array of the loop's
    while left > 1:
        half = left // 2
        start = start + select(passed(start + (half - 1)), half, 0)
        left -= half
    return (start + passed(start)).reshape(v.shape)


def _digitize(x: Any, bins: Any, *, right: bool) -> Any:
    """In rising edges, or in falling ones from the end; of others NumPy complains."""
    if not _is_array(bins) or bins.ndim != 1 or not _is_array(x):
        return NotImplemented
    falls = bins[0] > bins[-1]
    rising = select(falls, bins[::-1], bins)
    found = _searchsorted(rising, x, side="left" if right else "right")
    if found is NotImplemented:
        return found
    return select(falls, bins.shape[0] - found, found), (rising[1:] >= rising[:-1]).all()


def _piece(xs: Any, x: Any) -> Any:
    found = _searchsorted(xs, x, side="right")
    return found if found is NotImplemented else np.clip(found - 1, 0, xs.shape[0] - 2)


def _turns(x: Any, *, discont: Any, axis: int, period: float) -> Any:
    if x.dtype.kind != "f" or isinstance(discont, tuple) or x.shape[axis] < 2 or isinstance(period, int):
        return NotImplemented
    step = np.diff(x, axis=axis)
    high = period / 2
    within = np.mod(step + high, period) - high
    within = select((within == -high) & (step > 0), x.dtype.type(high), within)
    moved = select(np.abs(step) < (high if discont is None else discont), x.dtype.type(0), within - step)
    turns = np.rint(np.cumsum(moved, axis=axis) / period) * period
    width = [(0, 0)] * x.ndim
    width[axis] = (1, 0)
    return np.pad(turns, width)


def _place_of_number(extremum: Callable[..., Any], least: float) -> Callable[..., Any]:
    """The first place of the largest of what is not NaN; where nothing else is there, NumPy complains."""

    def formula(x: Any, *, axis: int, keepdims: bool) -> Any:
        if x.dtype.kind != "f":
            return NotImplemented
        there = x == x
        found = extremum(select(there, x, x.dtype.type(least)), axis=axis, keepdims=keepdims)
        return found, there.any(axis).all()

    return formula


def _occurrences(places: Any, *, size: int) -> Any:
    if places.ndim != 1 or places.dtype.kind not in "iu" or not size:
        return NotImplemented
    ones = select(places >= 0, 1, 0)
    return add_into_(ones, places, index=(ARRAY,), shape=(size,)), (places >= 0).all()


FORMULAS: Final[dict[Callable[..., Any], Callable[..., Any]]] = {
    np.signbit: _sign,
    np.spacing: _spacing,
    np.nextafter: lambda a, b: nextafter_(a, b),
    floats.steps: _steps,
    floats.exponent: _frexp,
    floats.power_of_two: _power_of_two,
    np.fmod: _fmod,
    np.isclose: _isclose,
    np.count_nonzero: _count,
    ordering.places_among: _searchsorted,
    np.digitize: _digitize,
    statistics.piece: _piece,
    differences.turns: _turns,
    np.nanargmax: _place_of_number(np.argmax, -math.inf),
    np.nanargmin: _place_of_number(np.argmin, math.inf),
    nan.warned: lambda empty: (empty, ~empty.any()),
    segments.occurrences: _occurrences,
}


def _answered(*operands: Any, function: Callable[..., Any], **params: Any) -> Any:
    formula = FORMULAS.get(function)
    return NotImplemented if formula is None else formula(*operands, **params)


ROWS: Final[dict[Primitive, Row]] = {
    discrete.answer_: Row(definition=Definition(_answered, NUMPYS), kernel=NUMPYS),
    signbit_: Row(Instructions(_signbit, "operands", "f")),
    nextafter_: Row(Instructions(_nextafter, kinds="f", weight=10)),
    exponent_: Row(Instructions(_exponent, kinds="f", weight=10)),
}
