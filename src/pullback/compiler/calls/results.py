"""The results of a call: a tree like the one that the function gave, with what its program computed."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from operator import itemgetter
from typing import Any

from pullback.core.tree import children, leaves, rebuild
from pullback.programs.record import Hole
from pullback.programs.record import hole as hole


def builder(tree: Any) -> Callable[[list[Any]], Any]:
    """A function that gives a tree with the values of a list where it has a Hole.

    >>> builder((hole(0), "as it is", [hole(1), hole(2), hole(0)]))([1, 2, 3])
    (1, 'as it is', [2, 3, 1])
    """
    parts = children(tree)
    if parts is None:
        return itemgetter(tree.number) if isinstance(tree, Hole) else lambda _: tree
    numbers = [part.number for _, part in parts if isinstance(part, Hole)]
    if type(tree) in (tuple, list) and numbers and numbers == [*range(numbers[0], numbers[0] + len(tree))]:
        whole, kind = slice(numbers[0], numbers[0] + len(tree)), type(tree)
        return lambda values: kind(values[whole])
    inside = [builder(part) for _, part in parts]
    if type(tree) is tuple and len(inside) == 2:  # the quick way to a value and its gradients
        first, second = inside
        return lambda values: (first(values), second(values))
    if type(tree) is tuple:
        return lambda values: tuple([make(values) for make in inside])
    return lambda values: rebuild(tree, chain.from_iterable(leaves(make(values)) for make in inside))
