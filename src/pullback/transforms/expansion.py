"""Power series of what a function computes: each coefficient is computed once, when it is first asked for.

How series pass through a primitive follows from its kind. What is linear is applied to each coefficient; what is
bilinear gives sums of products; a quotient is solved for. All others follow from their derivative, the one fact that
their row states: of y = f(x) it says y′ = g(x, y)·x′, and the coefficient k of y is that of y′ before it, divided by k.
The formula g is recorded, and computed with series itself. Where it names y, or another series that is there, it gets
that one, of which only earlier coefficients are asked: exp of its own, sin of cos, and cos of sin. So the recurrences
of the elementary functions need no table.

Source: A. Griewank & A. Walther, *Evaluating Derivatives* (2008), chapter 13; of series that define themselves,
D. McIlroy, "Power series, power serious" (1999).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, final

from pullback.core.arrays import differentiable
from pullback.core.axes import dtype_of
from pullback.core.custom_kinds import CustomJVP, CustomVJP
from pullback.core.errors import NoGradientError
from pullback.core.graph import Node
from pullback.core.kinds import BilinearMap, Elementwise, LinearMap, Reduction, strong_multiply
from pullback.core.leaving import depends
from pullback.core.outputs import outputs_of, pick_
from pullback.core.primitive import Primitive
from pullback.core.tree import leaves
from pullback.ops import elementwise as ew
from pullback.ops.linalg.equal_values import refuse_equal, values_, vectors_
from pullback.programs.identity import frozen
from pullback.tensors import Tensor
from pullback.transforms.forward import jvp
from pullback.transforms.series import Series, linear, product, quotient, scaled, selected
from pullback.transforms.watching import Formula, Step, recorded

_DERIVED: Final = (Elementwise, Reduction, CustomJVP, CustomVJP)  # of which a derivative says all
_PASSING: Final = frozenset({ew.identity, ew.positive, values_, vectors_})
_PRODUCTS: Final = frozenset({ew.multiply, strong_multiply})


@final
class Known:
    """The series of the values of one run of a formula: of tracked ones by their nodes, of others by their arrays."""

    def __init__(self, formula: Formula, inputs: Sequence[Series]) -> None:
        self._by_node: dict[Node, Series] = {}
        self._by_array: dict[int, Series] = {}
        self._beside: set[Node] = set()  # that do not depend on the arguments
        self._sources = {t.node for t in formula.arguments if t.node is not None}
        for argument, series in zip(formula.arguments, inputs, strict=True):
            self.note(argument, series)

    def note(self, tensor: Tensor, series: Series) -> None:
        """Know the series of a value."""
        if tensor.node is None:
            self._by_array[id(tensor.array)] = series
        else:
            self._by_node[tensor.node] = series

    def of(self, operand: Any) -> Series:
        """The series of an operand; what is not known does not depend on the arguments, or has no rule."""
        if not isinstance(operand, Tensor):
            return Series(operand)
        node = operand.node
        if node is None:
            return self._by_array.get(id(operand.array)) or Series(operand)
        if node in self._by_node:
            return self._by_node[node]
        if node not in self._beside:
            if depends(node, self._sources):
                raise _without_rule(node.primitive)
            self._beside.add(node)
        series = self._by_node[node] = Series(operand)
        return series


@final
class Expansion:
    """Series of values, as far as they are known: what was computed of the same operands is not computed again."""

    def __init__(self) -> None:
        self._series: dict[Any, Series] = {}
        self._kept: list[Any] = []  # that keys name by identity
        self._formulas: dict[Any, Formula] = {}

    def run(self, formula: Formula, inputs: Sequence[Series], order: int | None = None) -> list[Series]:
        """The series of the results, for those of the arguments; computed up to an order, or when asked for."""
        known = Known(formula, inputs)
        for step in formula.steps:
            series = self._applied(step, [known.of(x) for x in step.operands])
            known.note(step.result, series)
            for k in range(1, (order or 0) + 1):
                series.at(k)
        return [known.of(y) for y in leaves(formula.results)]

    def _applied(self, step: Step, operands: list[Series]) -> Series:
        """The series of what a primitive makes of series."""
        primitive, params = step.primitive, step.params
        if primitive.draws:
            return Series(step.result)
        fixed = step.result.node is None
        if primitive is pick_:
            picked = self._picked(operands[0], params["index"])
            return Series(picked.first) if fixed else picked
        if primitive in _PASSING and isinstance(operands[0].first, Tensor) and not fixed:
            if primitive is vectors_:
                refuse_equal(params["name"], operands[1].first.numpy())
            return operands[0]
        key = primitive, tuple(map(self._key, operands)), frozen(params), fixed
        found = self._series.get(key)
        if found is None:
            first = outputs_of(primitive(*(x.first for x in operands), **params))
            self._kept.append(operands)
            found = self._series[key] = Series(first)
            found._more = None if fixed else self._rule(primitive, params, operands, found)
        return found

    @staticmethod
    def _key(x: Series) -> Any:
        """What tells series apart: a constant by its value where that is no tensor."""
        if not x.is_constant:
            return id(x)
        return (None, id(x.first)) if isinstance(x.first, (Tensor, tuple)) else frozen(x.first)

    def _picked(self, of: Series, index: int) -> Series:
        def more(k: int) -> Any:
            found = of.at(k)
            return None if found is None else found[index]

        return Series(of.first[index], None if of.is_constant else more)

    def _rule(self, primitive: Primitive, params: dict[str, Any], operands: list[Series], y: Series) -> Any:
        """What gives the coefficients from 1 on; None where all are 0."""
        moving = [not x.is_constant and differentiable(dtype_of(x.first)) for x in operands]
        if not any(moving) or not primitive.differentiable or not self._has_derivative(y.first):
            return None
        if isinstance(primitive, LinearMap):
            return linear(primitive, params, operands, moving)
        if isinstance(primitive, BilinearMap) or primitive in _PRODUCTS:
            return product(primitive, params, operands, y)
        if primitive is ew.divide:
            return quotient(operands, y)
        if primitive is ew.select:
            return selected(operands, y)
        if isinstance(primitive, Elementwise):
            numbers = [0 if rule is None else rule.number for rule in primitive.rules]
            if all(number is not None for n, number in enumerate(numbers) if moving[n]):
                return scaled(numbers, operands, y)
        if isinstance(primitive, _DERIVED):
            return self._derived(primitive, params, operands, moving)
        raise _without_rule(primitive)

    @staticmethod
    def _has_derivative(first: Any) -> bool:
        return any(differentiable(y.dtype) for y in (first if isinstance(first, tuple) else (first,)))

    def _derived(self, primitive: Primitive, params: Any, operands: list[Series], moving: list[bool]) -> Any:
        """From y′ = g·x′: the formula is recorded and computed with series, of which one may be y itself."""
        places = [i for i, x in enumerate(operands) if isinstance(x.first, Tensor)]
        moved = [i for i in places if moving[i]]
        slopes: list[Series] = []

        def more(k: int) -> Any:
            if not slopes:
                made = self._recorded(primitive, params, operands, places, moved)
                given = [*(operands[i] for i in places), *(operands[i].derivative() for i in moved)]
                slopes.extend(self.run(made, given))
            found = [s.at(k - 1) for s in slopes]
            if all(s is None for s in found):
                return None
            parts = [None if s is None else s / k if k > 1 else s for s in found]
            return parts[0] if len(parts) == 1 else tuple(parts)

        return more

    def _recorded(
        self, primitive: Primitive, params: Any, operands: list[Series], places: list[int], moved: list[int]
    ) -> Formula:
        """What a primitive's tangent is: its sources are the operands, and the tangents of those that move."""
        fixed = {i: x.first for i, x in enumerate(operands) if i not in places}
        specs = tuple([(operands[i].first.shape, operands[i].first.dtype) for i in places])
        key = primitive, frozen(params), specs, tuple(moved), frozen(fixed)
        if key not in self._formulas:
            self._formulas[key] = self._formula(primitive, params, operands, fixed, moved)
        return self._formulas[key]

    @staticmethod
    def _formula(
        primitive: Primitive, params: Any, operands: list[Series], fixed: dict[int, Any], moved: list[int]
    ) -> Formula:  # fmt: skip
        places = [i for i in range(len(operands)) if i not in fixed]

        def tangent(*given: Any) -> Any:
            values = dict(zip(places, given[: len(places)], strict=True)) | fixed

            def f(*xs: Any) -> Any:
                whole = values | dict(zip(moved, xs, strict=True))
                return outputs_of(primitive(*(whole[i] for i in range(len(operands))), **params))

            return jvp(f, tuple(values[i] for i in moved), given[len(places) :])[1]

        return recorded(tangent, [operands[i].first for i in [*places, *moved]])


def _without_rule(primitive: Primitive | None) -> NoGradientError:
    name = "this" if primitive is None else primitive.name
    return NoGradientError(
        f"taylor: {name} has a derivative, but no rule for power series", kind=type(primitive).__name__,
        fix="write it with pb's operations; pb.jvp, nested, gives derivatives of low order",
    )  # fmt: skip
