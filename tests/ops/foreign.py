"""An array type that is not NumPy's: it computes, and refuses every conversion to NumPy's, as a device's does.

What CuPy lacks of NumPy it lacks too: methods of ufuncs but those of sums and products, kinds of sorting, and some
functions. Source: cupy/_core/_kernel.pyx (`reduce` and its kin), cupy/_core/core.pyx (`__array_ufunc__`,
`__array_function__`, `_check_kind_sort`) and cupy/__init__.py of CuPy 13 to 15.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from pullback.core.tree import tree_map

METHODS: Final = {
    "reduce": {"add", "multiply"}, "accumulate": {"add", "multiply"}, "reduceat": {"add"},
    "at": {"add", "subtract", "maximum", "minimum", "bitwise_and", "bitwise_or", "bitwise_xor"},
}  # fmt: skip
KEYWORDS: Final = {"axis", "dtype", "out", "keepdims"}  # of these methods
LACKING: Final = frozenset({
    "block", "einsum_path", "frompyfunc", "geomspace", "histogram_bin_edges", "insert", "matvec", "nanpercentile",
    "nanquantile", "polyder", "polydiv", "polyint", "spacing", "unstack", "vecdot", "vecmat",
})  # fmt: skip


def known_to_cupy(function: Any, method: str = "__call__", **kwargs: Any) -> None:
    """Raise what CuPy raises where it cannot do what NumPy can."""
    name = function.__name__
    if name in METHODS.get(method, {name}):
        kind = kwargs.get("kind") if name in ("sort", "argsort") else None
        if name not in LACKING and kind in (None, "stable") and (method == "__call__" or kwargs.keys() <= KEYWORDS):
            return
    raise NotImplementedError(f"{name}.{method} of {kwargs} is not supported by arrays elsewhere")


class Foreign(NDArrayOperatorsMixin):
    """An array elsewhere. It answers NumPy's protocols with arrays of its own type, and becomes no `ndarray`."""

    def __init__(self, inner: Any) -> None:
        self.inner = np.asarray(inner)

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        raise TypeError("this array lies elsewhere and becomes none of NumPy's")

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        known_to_cupy(ufunc, method, **kwargs)
        return away(getattr(ufunc, method)(*home(inputs), **home(kwargs)))

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        known_to_cupy(function, **kwargs)
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
