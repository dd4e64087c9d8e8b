"""What values hold that is neither an attribute nor an item: numbers in memory, and what Python's own objects keep."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FunctionType, ModuleType
from typing import Any, Final, NamedTuple

import numpy as np

from pullback.core.origin import owner_of
from pullback.programs.dependencies import numbers
from pullback.programs.effects import SMALL, contents

LARGE: Final = 1 << 24  # bytes of an array that are compared at each call, where NumPy reads it at each call


class Holding(NamedTuple):
    """How to read what a value holds: `get(argument)`, which runs no code of the user's."""

    get: Callable[[Any], Any]
    argument: Any


def memory(value: Any) -> Holding | None:
    """The numbers that an array or a buffer holds, other libraries' too; None where there are none, or too many."""
    array = _array(value)
    if array is not None:
        if array.dtype.hasobject:
            return Holding(_objects, array)
        return Holding(numbers, array) if 0 < array.nbytes <= LARGE else None
    try:
        size = memoryview(value).nbytes
    except TypeError:
        return None
    return Holding(bytes, value) if size <= SMALL else None


def told_by_numbers(owner: Any, function: FunctionType) -> bool:
    """Whether a function is a method of another library's array, as pandas', of which the numbers are compared."""
    return owner_of(function.__code__.co_filename) == "installed" and memory(owner) is not None


def kept(value: Any) -> Holding | None:
    """The attributes of an object of Python's own library, as a queue; None where there are none."""
    own = getattr(value, "__dict__", None)
    if not isinstance(own, dict) or not own or isinstance(value, (type, ModuleType, FunctionType)):
        return None
    return Holding(contents, own) if _owner(type(value)) == "python" else None


def _array(value: Any) -> Any:
    """An array over the memory of another library's, as PyTorch's; None where it is no array."""
    if isinstance(value, np.ndarray):
        return value
    if not hasattr(type(value), "__array__") or _owner(type(value)) != "installed":
        return None
    try:
        return np.asarray(value)
    except Exception:  # noqa: BLE001 - whatever another library says, there are no numbers to look at
        return None


def _objects(array: Any) -> tuple[Any, ...]:
    return tuple(array.flat)


def _owner(kind: type) -> str:
    file = getattr(sys.modules.get(kind.__module__), "__file__", None)
    return owner_of(file) if isinstance(file, str) else "none"
