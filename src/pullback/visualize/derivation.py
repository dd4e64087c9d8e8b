"""A rule of derivation as equations: the rule itself, run once on operands that only have names.

Rules are written with NumPy's functions and the project's own, so they run on tensors; while they do, each operation is
noted. So a formula that is shown, and a derivative that a page computes anew, come from the one place where the
derivative is written.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple, final

import numpy as np

from pullback.core.custom_kinds import CustomJVP, CustomVJP
from pullback.core.errors import PullbackError
from pullback.core.graph import Node
from pullback.core.kinds import BilinearMap, Elementwise, LinearMap, Reduction
from pullback.core.leaving import RuleExits
from pullback.core.modes import ModeContext
from pullback.core.primitive import Primitive
from pullback.tensors import Tensor


class Place(NamedTuple):
    """What an equation refers to.

    `kind` is "y" (the value), "x" (operand `number`), "c" (the cotangent of the value), "t" (the tangent of
    operand `number`) or "e" (the result of equation `number`).
    """

    kind: str
    number: int = 0


class Equation(NamedTuple):
    """One operation of a rule; an operand is a Place, or a constant."""

    primitive: Primitive
    operands: tuple[Any, ...]
    params: dict[str, Any]


class Derivation(NamedTuple):
    """Equations, and what comes of them: a Place, or a constant."""

    equations: tuple[Equation, ...]
    result: Any


# Whose rules depend on the operands, the value and the parameters alone; others keep more than that.
_KINDS: Final = (Elementwise, Reduction, LinearMap, BilinearMap, CustomJVP, CustomVJP)


def slope_of(primitive: Primitive, saved: Sequence[Any], operand: int) -> Derivation | None:
    """∂y/∂x of an elementwise primitive by an operand; None for other kinds, and where there is no derivative."""
    rule = primitive.rules[operand] if isinstance(primitive, Elementwise) else None
    return None if rule is None else _derived(saved, lambda values, _notes: rule.at(values))


def pull_of(node: Node, saved: Sequence[Any], cotangent: Any, operand: int) -> Derivation | None:
    """What a node's cotangent gives to an operand; None if that cannot be written down."""
    primitive = node.primitive
    if not isinstance(primitive, _KINDS):
        return None

    def rule(values: Sequence[Any], notes: _Notes) -> Any:
        return primitive.vjp(node, notes.named(cotangent, Place("c")), values, [operand])[0]

    return _derived(saved[: 1 + len(node.inputs)], rule)  # without the residual: it is computed again


def push_of(node: Node, saved: Sequence[Any], tangent: Any, operand: int) -> Derivation | None:
    """What the tangent of one operand gives to that of the value; None if that cannot be written down."""
    primitive = node.primitive
    if not isinstance(primitive, _KINDS):
        return None

    def rule(values: Sequence[Any], notes: _Notes) -> Any:
        tangents: list[Any] = [None] * len(node.inputs)
        tangents[operand] = notes.named(tangent, Place("t", operand))
        return primitive.jvp(node, tangents, values)

    return _derived(saved[: 1 + len(node.inputs)], rule)  # without the residual: it is computed again


def _derived(saved: Sequence[Any], rule: Callable[[Sequence[Any], _Notes], Any]) -> Derivation | None:
    notes = _Notes()
    places = [Place("y"), *(Place("x", i) for i in range(len(saved) - 1))]
    values = [notes.named(value, place) for value, place in zip(saved, places, strict=True)]
    try:
        with ModeContext(trace=notes, recording=False, observers=(), exits=RuleExits()), np.errstate(all="ignore"):
            return notes.finish(rule(values, notes))
    except (PullbackError, TypeError, ValueError, AttributeError):
        return None  # a rule of the user's that looks at numbers, or takes nothing but arrays


_NUMBERS: Final = (bool, int, float, complex, type(None))  # not NumPy's, of which float64 is a float


@final
class _Notes:
    """Watches a rule, and writes its equations down; a value is known by its array."""

    def __init__(self) -> None:
        self._equations: list[Equation] = []
        self._places: dict[int, Place] = {}
        self._kept: list[Any] = []

    def named(self, value: Any, place: Place) -> Any:
        """A tensor that stands for a value; a plain number stays one, for rules ask."""
        if type(value) in _NUMBERS:
            return value
        if isinstance(value, tuple):
            return tuple(None if v is None else self.named(v, Place("?")) for v in value)
        array = np.array(getattr(value, "array", value))[()]  # a copy, which nothing else is
        return self._note(Tensor(array), place)

    def _note(self, tensor: Tensor, place: Place) -> Tensor:
        self._kept += [tensor, tensor.array]
        self._places[id(tensor)] = place
        if not isinstance(tensor.array, np.bool_):  # of which there are but two
            self._places[id(tensor.array)] = place
        return tensor

    def _place(self, operand: Any) -> Any:
        if not isinstance(operand, (Tensor, np.ndarray, np.generic)):
            return operand
        array = getattr(operand, "array", operand)
        return self._places.get(id(operand)) or self._places.get(id(array), array)

    def apply(self, primitive: Primitive, operands: tuple[Any, ...], params: dict[str, Any]) -> Any:
        with ModeContext(trace=None):
            result = primitive(*operands, **params)
        self._equations.append(Equation(primitive, tuple(map(self._place, operands)), params))
        return self._note(result, Place("e", len(self._equations) - 1))

    def write(self, tensor: Tensor, result: Tensor) -> None:
        place = self._place(result)
        with ModeContext(trace=None):
            tensor.become(result)
        if isinstance(place, Place):
            self._note(tensor, place)

    def made(self, tensor: Tensor) -> None:
        """A rule's own constants need no note."""

    touch_grad = replace_grad = watch = made
    draws = 0

    def finish(self, result: Any) -> Derivation | None:
        """The equations that the result needs, numbered anew."""
        if isinstance(result, tuple):
            return None
        needed: dict[int, int] = {}
        stack = [self._place(result)]
        while stack:
            place = stack.pop()
            if isinstance(place, Place) and place.kind == "?":
                return None
            if isinstance(place, Place) and place.kind == "e" and place.number not in needed:
                needed[place.number] = 0
                stack += self._equations[place.number].operands
        needed = {old: new for new, old in enumerate(sorted(needed))}

        def renumbered(place: Any) -> Any:
            return Place("e", needed[place.number]) if isinstance(place, Place) and place.kind == "e" else place

        equations = (self._equations[old] for old in needed)
        return Derivation(
            tuple(e._replace(operands=tuple(map(renumbered, e.operands))) for e in equations),
            renumbered(self._place(result)),
        )
