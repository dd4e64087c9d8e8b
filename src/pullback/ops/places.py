"""Indices as templates: what is static in them, with places for the arrays among them."""

from __future__ import annotations

from typing import Any, Final

ARRAY: Final = type("ArrayPlace", (), {"__repr__": lambda _: "array", "__slots__": ()})()  # where an index array goes


def filled(index: tuple[Any, ...], arrays: tuple[Any, ...]) -> tuple[Any, ...]:
    """An index whose places for arrays are filled."""
    if not arrays:
        return index
    rest = iter(arrays)
    return tuple(next(rest) if part is ARRAY else part for part in index)
