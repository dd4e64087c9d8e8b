"""How things look in a notebook: a view is registered for a type, from above; those below know only of this file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

VIEWS: Final[dict[type, Callable[[Any], str | None]]] = {}

# What registers the views of the package; it is loaded when the first of them is asked for.
LOADERS: Final[list[Callable[[], object]]] = []


class Sheet(NamedTuple):
    """Something told as a table, for who cannot draw it: its lines may be a tree's, whose branches align in columns."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""


def html_of(thing: Any) -> str | None:
    """The view of a thing as HTML; None where there is none, for which a notebook shows the plain text."""
    while LOADERS:
        LOADERS.pop()()
    for kind in type(thing).__mro__:
        if kind in VIEWS:
            return VIEWS[kind](thing)
    return None
