"""What a function captured that learns, and that a deep copy of the function still shares with it."""

from __future__ import annotations

from functools import partial
from types import CellType, FunctionType
from typing import Any

from pullback.core.changes import Noticed
from pullback.core.tree import leaves
from pullback.tensors import Tensor


def learning(f: Any) -> str | None:
    """The first variable around a function that leads to what learns, which a copy of the function shares with it.

    >>> def step(w):
    ...     return lambda x: x * w
    >>> import numpy as np
    >>> learning(step(Tensor(np.ones(3)))), learning(step(2.0))
    ('w', None)
    """
    if not isinstance(f, FunctionType):
        return next(filter(None, map(learning, f.args)), None) if isinstance(f, partial) else None
    for name, cell in zip(f.__code__.co_freevars, f.__closure__ or (), strict=True):
        held = _inside(cell)
        parts = [*leaves(held), *leaves([*getattr(held, "__dict__", {}).values()])]
        if any(isinstance(part, (Tensor, Noticed)) for part in parts):
            return name
        if isinstance(held, FunctionType) and (inside := learning(held)):
            return inside
    return None


def _inside(cell: CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # a variable without a value yet
        return None
