"""What is answered with integers or truths, by a function of NumPy's: one primitive serves all, for none has a rule."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from pullback.batching.rules import as_it_is, axes_behind, in_front
from pullback.core.arrays import HELD
from pullback.core.discrete import Discrete
from pullback.core.outputs import outputs_of
from pullback.ops import elementwise

# How functions do all examples of a `vmap`. Each that `answer` is given stands in one of these lists: in one call,
# element by element, along the axes that they are told, or along the last axes, whatever is in front;
BY_ELEMENT: Final[set[Callable[..., Any]]] = {
    np.imag, np.isreal, np.iscomplex, np.isclose, np.unravel_index, np.zeros_like
}  # fmt: skip
ALONG: Final[set[Callable[..., Any]]] = {np.argsort, np.argpartition, np.count_nonzero, np.nanargmax, np.nanargmin}
STACKS: Final[set[Callable[..., Any]]] = {np.linalg.qr, np.linalg.svd}
# in one call while only operands at these places have examples, for it is element by element in them;
IN_OPERANDS: Final[dict[Callable[..., Any], range]] = {np.digitize: range(1), np.isin: range(1)}
# or one after the other within one kernel, and why.
ONE_BY_ONE: Final[dict[Callable[..., Any], str]] = {}


def by_element(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let it be known that a function works element by element."""
    BY_ELEMENT.add(function)
    return function


def in_operands(places: range) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Let it be known that a function works element by element in some of its operands, whatever the others are."""

    def known(function: Callable[..., Any]) -> Callable[..., Any]:
        IN_OPERANDS[function] = places
        return function

    return known


def one_by_one(why: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Let it be known that a function takes one example, and why."""

    def known(function: Callable[..., Any]) -> Callable[..., Any]:
        ONE_BY_ONE[function] = why
        return function

    return known


def along(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let it be known that a function works along `axis`, counted from the front."""
    ALONG.add(function)
    return function


def of_stacks(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let it be known that a function works along the last axes of its operands, which have the same in front."""
    STACKS.add(function)
    return function


def _apply(*arrays: Any, function: Callable[..., Any], **params: Any) -> Any:
    found = function(*arrays, **params)
    return tuple(map(_array, found)) if isinstance(found, (tuple, list)) else _array(found)


def _array(found: Any) -> Any:
    return found if type(found) in HELD else np.asarray(found)


def _answered(primitive: Any, level: Any, operands: list[Any], batched: list[bool], params: dict[str, Any]) -> Any:
    """The rule of what goes element by element, or along axes; of other functions the kernel takes one by one."""
    function = params["function"]
    free = IN_OPERANDS.get(function, ())
    if free and all(i in free for i, b in enumerate(batched) if b):
        return as_it_is(primitive, level, operands, batched, params)
    if isinstance(function, np.ufunc) or function in BY_ELEMENT:
        return as_it_is(primitive, level, operands, batched, params)
    if function in STACKS:
        return in_front()(primitive, level, operands, batched, params)
    if function in ALONG and (params.get("axis", -1) is not None or function is np.count_nonzero):
        return in_front(axis=axes_behind)(primitive, level, operands, batched, params)
    if not level.size:
        raise primitive.unbatched(f"{function.__name__} takes one example, and there is none")
    return primitive(*operands, **params | {"function": _of_each, "one": function, "batched": tuple(batched)})


def _of_each(*arrays: Any, one: Callable[..., Any], batched: tuple[bool, ...], **params: Any) -> Any:
    """What a function gives of each example, stacked."""
    count = next(len(x) for x, b in zip(arrays, batched, strict=True) if b)
    each = [one(*(x[i] if b else x for x, b in zip(arrays, batched, strict=True)), **params) for i in range(count)]
    if isinstance(each[0], (tuple, list)):
        return tuple(map(np.stack, zip(*each, strict=True)))
    return np.stack(each)


answer_ = Discrete("answer", _apply, doc="A function of NumPy's on the numbers; its answer carries no derivative.")
answer_.batching = _answered
find_ = Discrete("find", _apply, doc="As `answer`, where it depends on the numbers how many it gives: `nonzero`.")


def answer(function: Callable[..., Any], *operands: Any, **params: Any) -> Any:
    """A function of NumPy's, which carries no derivative, of tensors; a recorded program calls it again.

    >>> answer(np.signbit, np.array([-1.0, 2.0]))
    Tensor([ True, False])
    """
    return outputs_of(answer_(*operands, function=function, **params))


def find(function: Callable[..., Any], *operands: Any, **params: Any) -> Any:
    """The same for a function that gives more or fewer numbers, as it finds them.

    >>> find(np.flatnonzero, np.array([0.0, 2.0]))
    Tensor([1])
    """
    return outputs_of(find_(*operands, function=function, **params))


bitwise_left_shift, bitwise_right_shift = elementwise.left_shift, elementwise.right_shift
