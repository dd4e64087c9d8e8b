"""What makes two of Python's values the same: for what cannot change by itself its value, for all else its identity."""

from __future__ import annotations

from typing import Any, Final, final

import numpy as np

PLAIN: Final = (int, float, complex, bool, str, bytes, type(None), np.generic, np.dtype, type(Ellipsis), slice, range)


@final
class Identity:
    """An object as part of a key: it equals itself alone."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Identity) and self.value is other.value

    def __hash__(self) -> int:
        return id(self.value)

    def __repr__(self) -> str:
        name = getattr(self.value, "__name__", None)
        return str(name) if name else f"a {type(self.value).__name__}"


def frozen(value: Any) -> Any:
    """A value as part of a key: what cannot change by itself by value, all else by identity."""
    if isinstance(value, (tuple, list)):
        return type(value), tuple(map(frozen, value))
    if isinstance(value, dict):
        return dict, tuple((frozen(name), frozen(part)) for name, part in value.items())
    if isinstance(value, np.ndarray) and value.dtype != object:
        return np.ndarray, value.shape, value.dtype, value.tobytes()
    if isinstance(value, PLAIN):
        return type(value), repr(value) if isinstance(value, (float, complex, slice, range)) else value
    return Identity(value)
