"""An array type as CuPy's is: it takes no array of NumPy's beside it, and becomes none unless that is asked for."""

from __future__ import annotations

from typing import Any

import numpy as np
from tests.ops.foreign import Foreign, known_to_cupy

from pullback.core.tree import leaves, tree_map


class Strict(Foreign):
    """An array of a device that there is not."""

    device = "strict"

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        known_to_cupy(ufunc, method, **kwargs)
        return _away(getattr(ufunc, method)(*_home(inputs), **_home(kwargs)))

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        known_to_cupy(function, **kwargs)
        if function is np.ravel_multi_index:
            kwargs = {"mode": "wrap", **kwargs}  # as is usual there
        return _away(function(*_home(args), **_home(kwargs)))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        found = getattr(self.inner, name)
        if not callable(found):
            return _away(found)
        return lambda *args, **kwargs: _away(found(*_home(args), **_home(kwargs)))

    def __getitem__(self, index: Any) -> Any:
        return Strict(self.inner[tree_map(_inner, index)])  # places may be NumPy's, as CuPy has it

    def __setitem__(self, index: Any, value: Any) -> None:
        self.inner[tree_map(_inner, index)] = _home(value)


def _inner(x: Any) -> Any:
    return x.inner if isinstance(x, Strict) else x


def _home(tree: Any) -> Any:
    for x in leaves(tree):
        if isinstance(x, np.ndarray):
            raise TypeError(f"Unsupported type {type(x)}")
    return tree_map(_inner, tree)


def _away(tree: Any) -> Any:
    return tree_map(lambda x: Strict(x) if isinstance(x, (np.ndarray, np.generic)) else x, tree)
