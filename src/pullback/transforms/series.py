"""Power series, whose coefficients are computed when they are asked for, and how they pass through what is linear."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, final

import numpy as np

from pullback.core.axes import broadcast, dtype_of, shape_of
from pullback.core.kinds import LinearMap
from pullback.core.primitive import Primitive
from pullback.ops import elementwise as ew


@final
class Series:
    """Coefficients, of which the first is given, and the others are computed in order; None stands for 0.

    Parameters
    ----------
    first : Tensor, number, or tuple
        The coefficient 0; of a primitive with several outputs, all of them.
    more : callable, optional
        `more(k)` gives the coefficient k from 1 on; a constant has none.
    """

    __slots__ = ("_known", "_more", "first")

    def __init__(self, first: Any, more: Callable[[int], Any] | None = None) -> None:
        self.first = first
        self._known: list[Any] = []
        self._more = more

    @property
    def is_constant(self) -> bool:
        """Whether all coefficients but the first are 0."""
        return self._more is None

    def at(self, k: int) -> Any:
        """The coefficient k."""
        if k == 0:
            return self.first
        if self._more is None:
            return None
        while len(self._known) < k:
            self._known.append(self._more(len(self._known) + 1))
        return self._known[k - 1]

    def derivative(self) -> Series:
        """The series of the derivative."""

        def scaled(k: int) -> Any:
            found = self.at(k + 1)
            return found if found is None or k == 0 else found * (k + 1)

        first = scaled(0)
        return Series(np.zeros(self.first.shape, self.first.dtype) if first is None else first, scaled)


def plus(a: Any, b: Any) -> Any:
    """The sum of two coefficients, each of which may be None."""
    return b if a is None else a if b is None else a + b


def total(terms: Any) -> Any:
    """The sum of coefficients."""
    found = None
    for term in terms:
        found = plus(found, term)
    return found


# Each gives what gives the coefficients of y from 1 on, from the series of the operands; or None where all are 0.


def linear(primitive: LinearMap, params: Any, operands: list[Series], moving: list[bool]) -> Any:
    """Of a linear map: it is applied to each coefficient."""
    movers = [primitive.variadic or primitive._transpose(i) is not None for i in range(len(operands))]
    if not any(m and c for m, c in zip(moving, movers, strict=True)):
        return None

    def more(k: int) -> Any:
        found = [x.at(k) if c else x.first for x, c in zip(operands, movers, strict=True)]
        if all(y is None for y, c in zip(found, movers, strict=True) if c):
            return None
        return primitive(*(_zeros(x.first) if y is None else y for x, y in zip(operands, found, strict=True)), **params)

    return more


def product(primitive: Primitive, params: Any, operands: list[Series], y: Series) -> Any:
    """Of a bilinear map: yₖ = Σⱼ B(aⱼ, bₖ₋ⱼ)."""
    a, b, *added = operands

    def term(j: int, k: int) -> Any:
        left, right = a.at(j), b.at(k - j)
        return None if left is None or right is None else primitive(left, right, **params)

    def more(k: int) -> Any:
        found = total(term(j, k) for j in range(k + 1))
        return _whole(plus(found, added[0].at(k)) if added and added[0].first is not None else found, y)

    return more


def quotient(operands: list[Series], y: Series) -> Any:
    """Of a quotient, from y·b = a."""
    a, b = operands

    def more(k: int) -> Any:
        known = total(
            None if b.at(j) is None or y.at(k - j) is None else b.at(j) * y.at(k - j) for j in range(1, k + 1)
        )
        rest = plus(a.at(k), None if known is None else -known)
        return None if rest is None else _whole(ew.divide(rest, b.first), y)

    return more


def selected(operands: list[Series], y: Series) -> Any:
    """Of a choice between two."""
    condition, a, b = operands

    def more(k: int) -> Any:
        left, right = a.at(k), b.at(k)
        if left is None and right is None:
            return None
        return _whole(ew.select(condition.first, 0 if left is None else left, 0 if right is None else right), y)

    return more


def scaled(numbers: Sequence[Any], operands: list[Series], y: Series) -> Any:
    """Of what has numbers for partial derivatives, as a sum."""
    if not any(number for number, x in zip(numbers, operands, strict=True) if not x.is_constant):
        return None

    def times(number: float, c: Any) -> Any:
        return None if c is None or number == 0 else c if number == 1 else -c if number == -1 else c * number

    return lambda k: _whole(total(times(n, x.at(k)) for n, x in zip(numbers, operands, strict=True)), y)


def _zeros(like: Any) -> Any:
    return np.zeros(shape_of(like), dtype_of(like))


def _whole(coefficient: Any, y: Series) -> Any:
    """A coefficient in the shape and dtype of the series' values."""
    if coefficient is None:
        return None
    found = broadcast(coefficient, y.first.shape)
    return found if found.dtype == y.first.dtype else found.astype(y.first.dtype)
