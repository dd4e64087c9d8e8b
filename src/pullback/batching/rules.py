"""How a primitive does many examples at once: rules that take the batch in front and call primitives.

A rule is called with the primitive, the level, the operands (those that have a batch have it as their first axis),
which of them have one, and the parameters. It gives a tensor with the batch in front. Kinds derive theirs; a row whose
kind cannot states one, most often by `in_front`: which of its parameters name axes or lengths.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, TypeAlias

import numpy as np

from pullback.batching.lanes import Level
from pullback.core.axes import shape_of
from pullback.core.errors import ShapeError
from pullback.core.primitive import NUMBERS

Rule: TypeAlias = Callable[..., Any]
Shape: TypeAlias = tuple[int, ...]


def batched(name: str) -> Rule:
    """The rule of that name in `ops/batched.py`, which is loaded when a `vmap` first asks for one of them."""

    def rule(*given: Any) -> Any:
        return getattr(import_module("pullback.ops.batched"), name)(*given)

    rule.__name__ = name
    return rule


def shape_of_one(x: Any, batched: bool) -> Shape:
    """The shape of one example."""
    return shape_of(x)[1:] if batched else shape_of(x)


def aligned(operands: Sequence[Any], batched: Sequence[bool], ndim: int | None = None) -> list[Any]:
    """Operands that broadcast as those of one example do: batches in front of as many axes."""
    shapes = [shape_of_one(x, b) for x, b in zip(operands, batched, strict=True)]
    most = max(map(len, shapes)) if ndim is None else ndim
    return [
        x.reshape((len(x), *(1,) * (most - len(shape)), *shape)) if b and len(shape) < most else x
        for x, b, shape in zip(operands, batched, shapes, strict=True)
    ]


def spread(x: Any, batched: bool, level: Level) -> Any:
    """An operand with the batch in front; what is the same for all is repeated."""
    return x if batched else np.broadcast_to(x, (level.size, *shape_of(x)))


def axes_behind(axis: Any, _level: Level, shape: Shape) -> Any:
    """Axes of one example, behind that of the batch; None for all."""
    if axis is None:
        return tuple(range(1, len(shape) + 1))
    return axis + 1 if isinstance(axis, int) else tuple([i + 1 for i in axis])


def order_behind(axes: Shape, _level: Level, _shape: Shape) -> Shape:
    """An order of axes, behind that of the batch."""
    return (0, *(i + 1 for i in axes))


def shape_behind(shape: Shape, level: Level, given: Shape) -> Shape:
    """A shape, behind the batch; a length of -1 is worked out, for there may be no examples."""
    if -1 in shape:
        known = math.prod(n for n in shape if n != -1)
        total = math.prod(given)
        if not known or total % known:
            raise ShapeError("reshape: the elements do not fit", shape=given, into=shape)
        shape = tuple([total // known if n == -1 else n for n in shape])
    return (level.size, *shape)


def width_behind(width: Any, _level: Level, _shape: Shape) -> Any:
    """Widths of a border, which the batch has none of."""
    return ((0, 0), *width)


def in_front(**moved: Callable[[Any, Level, Shape], Any]) -> Rule:
    """The rule of a map that goes on as it is behind the batch, once some of its parameters are changed."""

    def rule(primitive: Any, level: Level, operands: list[Any], batched: list[bool], params: dict[str, Any]) -> Any:
        shape = shape_of_one(operands[0], batched[0])
        filled = [spread(x, b, level) for x, b in zip(operands, batched, strict=True)]
        changed = {k: moved[k](v, level, shape) if k in moved else v for k, v in params.items()}
        return primitive(*filled, **changed)

    return rule


def as_it_is(primitive: Any, _level: Level, operands: list[Any], batched: list[bool], params: dict[str, Any]) -> Any:
    """The rule of what works element by element."""
    return primitive(*aligned(operands, batched), **params)


def elementwise(primitive: Any, _level: Level, operands: list[Any], batched: list[bool], params: Any) -> Any:
    """The rule of elementwise operations; a row that a lint looks at gets a batch axis in each operand."""
    if _alike(operands, batched):
        return primitive(*operands, **params)
    given = aligned(operands, batched)
    if primitive.lint is not None:
        most = max(map(len, map(shape_of, given))) - 1
        given = [
            x.reshape((1, *x.shape)) if not b and 0 < len(shape_of(x)) == most else x
            for x, b in zip(given, batched, strict=True)
        ]
    return primitive(*given, **params)


def _alike(operands: Sequence[Any], batched: Sequence[bool]) -> bool:
    """Whether operands broadcast as they are: numbers, and batches of as many axes."""
    ndim = None
    for x, b in zip(operands, batched, strict=True):
        if not b:
            if type(x) not in NUMBERS:
                return False
        elif ndim is None:
            ndim = x.ndim
        elif x.ndim != ndim:
            return False
    return True


def reduction(primitive: Any, level: Level, operands: list[Any], batched: list[bool], params: Any) -> Any:
    """The rule of reductions, whose axes are those of one example."""
    return in_front(axis=axes_behind)(primitive, level, operands, batched, params)


def index_reduction(primitive: Any, level: Level, operands: list[Any], _batched: list[bool], params: Any) -> Any:
    """The rule of argmax and argmin, which go along one axis, or the flat array."""
    (x,), axis, keepdims = operands, params["axis"], params["keepdims"]
    if axis is not None:
        return primitive(x, axis=axis + 1, keepdims=keepdims)
    place = primitive(x.reshape((level.size, math.prod(x.shape[1:]))), axis=1, keepdims=False)
    return place.reshape((level.size, *(1,) * (x.ndim - 1))) if keepdims else place


def with_sum(product: Rule) -> Rule:
    """The rule of a bilinear map with a third operand, which is added: that of the product, and a sum."""

    def rule(primitive: Any, level: Level, operands: list[Any], batched: list[bool], params: dict[str, Any]) -> Any:
        (a, b, *added), (first, second, *third) = operands, batched
        if not first and not second:
            y, of_product = primitive(a, b, **params), False
        else:
            y, of_product = product(primitive, level, [a, b], [first, second], params), True
        if not added or added[0] is None:
            return y
        left, right = aligned([y, added[0]], [of_product, third[0]])
        return left + right

    return rule
