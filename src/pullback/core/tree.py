"""Trees: values inside nested tuples, lists and dicts, taken out in order and put back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from copy import copy
from typing import Any, Final

from pullback.core.errors import PullbackError, ShapeError

_CONTAINERS: Final = (tuple, list, dict)


def is_tree(value: Any) -> bool:
    """Whether a value is a container."""
    return isinstance(value, _CONTAINERS)


def leaves(tree: Any) -> list[Any]:
    """The values of a tree, in the order of its tuples, lists and dicts.

    >>> leaves({"w": 1, "layers": [(2, 3), 4]})
    [1, 2, 3, 4]
    """
    if not isinstance(tree, _CONTAINERS):
        return [tree]
    found: list[Any] = []
    stack = [iter(_values(tree))]
    while stack:
        for part in stack[-1]:
            if isinstance(part, _CONTAINERS):
                stack.append(iter(_values(part)))
                break
            found.append(part)
        else:
            stack.pop()
    return found


def _values(tree: Any) -> Iterable[Any]:
    return tree.values() if isinstance(tree, dict) else tree


def children(tree: Any) -> list[tuple[Any, Any]] | None:
    """The (key, subtree) pairs of a container, or None for a value."""
    if not isinstance(tree, _CONTAINERS):
        return None
    if isinstance(tree, dict):
        return list(tree.items())
    return list(enumerate(tree))


def rebuild(tree: Any, values: Iterable[Any]) -> Any:
    """A tree of the structure of `tree` that holds `values` in the order of `leaves`.

    >>> rebuild({"w": 1, "b": (2, 3)}, "xyz")
    {'w': 'x', 'b': ('y', 'z')}
    """
    return _rebuild(tree, iter(values))


def _rebuild(tree: Any, values: Iterator[Any]) -> Any:
    if not isinstance(tree, _CONTAINERS):
        return next(values)
    filled = [_rebuild(part, values) if isinstance(part, _CONTAINERS) else next(values) for part in _values(tree)]
    kind = type(tree)
    if kind is list:
        return filled
    if isinstance(tree, dict):
        if kind is dict:
            return dict(zip(tree, filled, strict=True))
        made = copy(tree)  # an OrderedDict stays one, and a defaultdict keeps its default
        made.update(zip(tree, filled, strict=True))
        return made
    if hasattr(tree, "_fields"):
        return type(tree)(*filled)  # a namedtuple
    return type(tree)(filled)


def tree_map(function: Callable[..., Any], tree: Any, *others: Any) -> Any:
    """Apply a function to each value of a tree, together with the values of others of the same structure.

    >>> tree_map(lambda a, b: a + b, {"x": 1, "y": (2,)}, {"x": 10, "y": (20,)})
    {'x': 11, 'y': (22,)}
    """
    if not others:
        return rebuild(tree, map(function, leaves(tree))) if isinstance(tree, _CONTAINERS) else function(tree)
    columns = [leaves(tree)]
    for other in others:
        same_structure(tree, other)
        columns.append(leaves(other))
    return rebuild(tree, [function(*row) for row in zip(*columns, strict=True)])


def same_structure(tree: Any, other: Any, name: str = "tree", kind: type[PullbackError] = ShapeError) -> None:
    """Raise unless two trees have the same containers and keys."""
    if structure(tree) != structure(other):
        raise kind(f"{name}: the structures differ", expected=structure(tree), got=structure(other))


def structure(tree: Any) -> str:
    """How a tree is nested, with * for each value.

    >>> structure({"w": 1, "b": (2, 3)})
    '{w: *, b: (*, *)}'
    """
    parts = children(tree)
    if parts is None:
        return "*"
    if isinstance(tree, dict):
        return "{" + ", ".join(f"{key}: {structure(part)}" for key, part in parts) + "}"
    inside = ", ".join(structure(part) for _, part in parts)
    return f"({inside})" if isinstance(tree, tuple) else f"[{inside}]"
