"""Equations as a formula that people read: `b·ȳ`, `−y / b`, `ȳ @ bᵀ`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from pullback.core.kinds import Elementwise, strong_multiply
from pullback.core.modes import ModeContext
from pullback.core.primitive import OPERAND_NAMES, Primitive
from pullback.ops import elementwise as ew
from pullback.ops import indexing, movement, products, reductions
from pullback.tensors import Tensor
from pullback.visualize.derivation import Derivation, Place, slope_of
from pullback.visualize.vertex import params_text

MOST: Final = 90  # characters of a formula

# How tightly things hold together: what stands in something tighter gets parentheses.
_EITHER, _SUM, _RATIO, _TERM, _SIGN, _POWER, _ATOM = range(7)


class _Text(NamedTuple):
    text: str
    holds: int = _ATOM
    guard: int = 0  # of a condition: 1 if it holds at exceptional points (0, infinities, NaN) alone, -1 if elsewhere

    def inside(self, tightness: int) -> str:
        return self.text if self.holds >= tightness else f"({self.text})"


def operand_names(count: int) -> Sequence[str]:
    """What the operands of a primitive are called: x; a, b; a, b, c; or x₁, x₂ and so on."""
    names = OPERAND_NAMES.get(count)
    return names or [f"x{''.join(chr(0x2080 + int(digit)) for digit in str(i + 1))}" for i in range(count)]


def formula(derivation: Derivation, count: int) -> str | None:
    """Write what a derivation computes, for a primitive of `count` operands; None if it would be too long to read."""
    names = operand_names(count)
    made: list[_Text] = []

    def text(place: Any) -> _Text:
        if not isinstance(place, Place):
            return _constant(place)
        if place.kind == "e":
            return made[place.number]
        dotted = {"y": "y", "c": "ȳ"}.get(place.kind) or names[place.number]
        return _Text(dotted + "\u0307" if place.kind == "t" else dotted)

    for equation in derivation.equations:
        operands = [text(operand) for operand in equation.operands]
        write = _FORMS.get(equation.primitive)
        made.append(write(operands, equation.params) if write else _call(equation.primitive, operands, equation.params))
        if len(made[-1].text) > 4 * MOST:
            return None
    result = _Text("0") if derivation.result is None else text(derivation.result)
    shown = f"[{result.text}]" if result.holds == _EITHER else result.text  # 1 where it holds, else 0
    return shown if len(shown) <= MOST else None


def slopes(primitive: Elementwise) -> list[str | None]:
    """∂y/∂x of an elementwise primitive by each operand, as formulas; None where there is no derivative.

    >>> slopes(ew.divide)
    ['1 / b', '−y / b']
    """
    count = len(primitive.rules)
    with ModeContext(recording=False, observers=()), np.errstate(all="ignore"):
        operands = [Tensor(np.asarray(0.5)) for _ in range(count)]
        saved = (primitive(*operands).array, *(operand.array for operand in operands))
    found = [slope_of(primitive, saved, operand) for operand in range(count)]
    return [None if derivation is None else formula(derivation, count) for derivation in found]


def number(value: Any) -> str:
    """A number in a few characters, with a true minus sign."""
    return f"{value:.6g}".replace("-", "−") if isinstance(value, (int, float, np.number)) else str(value)


def _constant(value: Any) -> _Text:
    if getattr(value, "ndim", 0) == 0:
        plain = value.item() if hasattr(value, "item") else value
        return _Text(number(plain), _SIGN if isinstance(plain, (int, float)) and plain < 0 else _ATOM)
    return _Text(f"array{value.shape}".replace(",)", ")"))


def _call(primitive: Primitive, operands: Sequence[_Text], params: dict[str, Any]) -> _Text:
    parts = [operand.text for operand in operands]
    if params:
        parts.append(params_text(params))
    return _Text(f"{primitive.name}({', '.join(filter(None, parts))})")


_Form = Callable[[Sequence[_Text], dict[str, Any]], _Text]


def _between(sign: str, tightness: int, right: int = 0) -> _Form:
    """An operator between its operands; one that does not associate holds its right side tighter."""

    def write(operands: Sequence[_Text], _params: Any) -> _Text:
        a, b = operands
        guard = a.guard or b.guard  # a sum of such conditions counts them
        return _Text(f"{a.inside(tightness)}{sign}{b.inside(tightness + right)}", tightness, guard)

    return write


def _product(operands: Sequence[_Text], _params: Any) -> _Text:
    a, b = operands
    if a.text == b.text:
        return _power([a, _Text("2")], {})
    if "1" in (a.text, b.text):
        return b if a.text == "1" else a
    if "−1" in (a.text, b.text):
        return _minus([b if a.text == "−1" else a], {})
    if _is_number(b.text):
        a, b = b, a
    if a.text == f"−{b.text}":
        return _minus([_power([b, _Text("2")], {})], {})
    if a.text.endswith(f"·{b.text}"):
        return _Text(f"{a.text.removesuffix(b.text)}{_power([b, _Text('2')], {}).text}", _TERM)
    return _Text(f"{a.inside(_TERM)}·{b.inside(_POWER)}", _TERM)


def _divided(operands: Sequence[_Text], _params: Any) -> _Text:
    a, b = operands
    return _Text(f"{a.inside(_RATIO)} / {b.inside(_SIGN)}", _RATIO)


def _is_number(text: str) -> bool:
    return text.lstrip("−")[:1].isdigit()


def _minus(operands: Sequence[_Text], _params: Any) -> _Text:
    (x,) = operands
    return _Text(f"−{x.inside(_RATIO)}", min(x.holds, _SIGN))


def _power(operands: Sequence[_Text], _params: Any) -> _Text:
    a, b = operands
    if b.text in ("1", "0"):
        return a if b.text == "1" else _Text("1")
    if b.text.isdigit():
        raised = b.text.translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))
        return _Text(f"{a.inside(_ATOM)}{raised}", _POWER)
    return _Text(f"{a.inside(_ATOM)}^{b.inside(_ATOM)}", _POWER)


def _select(operands: Sequence[_Text], params: Any) -> _Text:
    condition, a, b = operands
    if condition.guard:  # what happens at exceptional points is left out
        return b if condition.guard > 0 else a
    if b.text == "0":
        return _product([a, _Text(f"[{condition.text}]")], params)
    return _call(ew.select, operands, params)


def _guarding(name: str) -> _Form:
    return lambda operands, _params: _Text(f"{name}({operands[0].text})", guard=1)


def _equal(operands: Sequence[_Text], params: Any) -> _Text:
    a, b = operands
    guard = -a.guard or int(b.text == "0") if b.text == "0" or a.text != b.text else -1  # NaN alone is not itself
    return _between(" = ", _EITHER, 1)(operands, params)._replace(guard=guard)


def _differs(operands: Sequence[_Text], params: Any) -> _Text:
    a, b = operands
    return _between(" ≠ ", _EITHER, 1)(operands, params)._replace(guard=int(a.text == b.text))


def _not(operands: Sequence[_Text], params: Any) -> _Text:
    return _around("¬", "", _ATOM)(operands, params)._replace(guard=-operands[0].guard)


def _or(operands: Sequence[_Text], params: Any) -> _Text:
    for place, operand in enumerate(operands):
        if operand.guard > 0 and not operands[1 - place].guard:
            return operands[1 - place]
    return _between(" ∨ ", _EITHER, 1)(operands, params)


def _matmul(operands: Sequence[_Text], params: dict[str, Any]) -> _Text:
    sides = [f"{x.inside(_ATOM)}{'ᵀ' * params[flag]}" for x, flag in zip(operands, ("ta", "tb"), strict=False)]
    return _Text(" @ ".join(sides) + "".join(f" + {c.text}" for c in operands[2:]), _TERM)


def _matvec(operands: Sequence[_Text], params: dict[str, Any]) -> _Text:
    return _matmul(operands[::-1] if params["ta"] else operands, {"ta": False, "tb": False})


def _reshaped(operands: Sequence[_Text], params: dict[str, Any]) -> _Text:
    # Axes of length 1 make it broadcast; of that nothing need be said.
    return operands[0] if 1 in params["shape"] else _Text(f"reshape({operands[0].text})")


def _taken(operands: Sequence[_Text], params: dict[str, Any]) -> _Text:
    x, *arrays = operands
    place = params_text(params).removeprefix("index=").removeprefix("(").removesuffix(")").removesuffix(",")
    for array in arrays:
        place = place.replace("array", array.text, 1)
    return _Text(f"{x.inside(_ATOM)}[{place}]")


def _same(operands: Sequence[_Text], _params: Any) -> _Text:
    return operands[0]


def _around(left: str, right: str, tightness: int = 0) -> _Form:
    return lambda operands, _params: _Text(f"{left}{operands[0].inside(tightness)}{right}", _ATOM if right else _POWER)


_FORMS: Final[dict[Primitive, _Form]] = {
    ew.add: _between(" + ", _SUM),
    ew.subtract: _between(" − ", _SUM, 1),
    ew.gap: _between(" − ", _SUM, 1),
    ew.multiply: _product,
    strong_multiply: _product,
    ew.divide: _divided,
    ew.power: _power,
    ew.square: lambda operands, params: _power([operands[0], _Text("2")], params),
    ew.reciprocal: lambda operands, params: _divided([_Text("1"), *operands], params),
    ew.negative: _minus,
    ew.positive: _same,
    ew.identity: _same,
    ew.stop_gradient: _same,
    movement.cast_: _same,
    movement.copy_: _same,
    ew.absolute: _around("|", "|"),
    ew.sqrt: _around("√", "", _ATOM),
    ew.equal: _equal,
    ew.not_equal: _differs,
    ew.less: _between(" < ", _EITHER, 1),
    ew.less_equal: _between(" ≤ ", _EITHER, 1),
    ew.greater: _between(" > ", _EITHER, 1),
    ew.greater_equal: _between(" ≥ ", _EITHER, 1),
    ew.logical_and: _between(" ∧ ", _EITHER),
    ew.bitwise_and: _between(" ∧ ", _EITHER),
    ew.logical_or: _or,
    ew.bitwise_or: _or,
    ew.logical_not: _not,
    ew.invert: _not,
    ew.isinf: _guarding("isinf"),
    ew.isnan: _guarding("isnan"),
    ew.select: _select,
    products.matmul_: _matmul,
    products.matvec_: _matvec,
    movement.permute_: lambda operands, _params: _Text(f"{operands[0].inside(_ATOM)}ᵀ"),
    movement.reshape_: _reshaped,
    indexing.get_: _taken,
    movement.broadcast_to_: lambda operands, _params: _Text(f"broadcast({operands[0].text})"),
    reductions.sum_: lambda operands, _params: _Text(f"Σ{operands[0].inside(_ATOM)}"),
}
