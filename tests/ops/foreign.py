"""An array type that is not NumPy's: it computes, and refuses every conversion to NumPy's, as a device's does."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from pullback.core.tree import tree_map


class Foreign(NDArrayOperatorsMixin):
    """An array elsewhere. It answers NumPy's protocols with arrays of its own type, and becomes no `ndarray`."""

    def __init__(self, inner: Any) -> None:
        self.inner = np.asarray(inner)

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        raise TypeError("this array lies elsewhere and becomes none of NumPy's")

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        return away(getattr(ufunc, method)(*home(inputs), **home(kwargs)))

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return away(function(*home(args), **home(kwargs)))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)  # `__array_interface__`, `__float__` and the like are conversions
        found = getattr(self.inner, name)
        if not callable(found):
            return away(found)
        return lambda *args, **kwargs: away(found(*home(args), **home(kwargs)))

    def __getitem__(self, index: Any) -> Any:
        return away(self.inner[home(index)])

    def __setitem__(self, index: Any, value: Any) -> None:
        self.inner[home(index)] = home(value)

    def __len__(self) -> int:
        return len(self.inner)

    def __bool__(self) -> bool:
        return bool(self.inner)  # one truth is read, as from a device

    def __repr__(self) -> str:
        return f"Foreign({self.inner!r})"


def home(tree: Any) -> Any:
    """Arrays of this type as NumPy's."""
    return tree_map(lambda x: x.inner if isinstance(x, Foreign) else x, tree)


def away(tree: Any) -> Any:
    """NumPy's arrays and numbers as arrays of this type."""
    return tree_map(lambda x: Foreign(x) if isinstance(x, (np.ndarray, np.generic)) else x, tree)
