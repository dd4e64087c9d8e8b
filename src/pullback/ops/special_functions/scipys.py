"""How a function of `scipy.special` becomes a kernel: SciPy is loaded when one is first called."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from pullback.core.kinds import Elementwise
from pullback.core.precision import is_half


def kernel(name: str) -> Callable[..., Any]:
    """SciPy's function of that name; of half precision it gives half precision again."""

    def of_scipy(*operands: Any) -> Any:
        from scipy import special  # heavy: only who uses it loads it

        found = getattr(special, name)(*operands)
        return found.astype(np.float16) if any(map(is_half, operands)) and _halves(operands) else found

    of_scipy.__name__ = name
    return of_scipy


def _halves(operands: tuple[Any, ...]) -> bool:
    """Whether no operand has a dtype of more digits."""
    return np.result_type(*operands).char == "e"


def row(name: str, *partials: Any, doc: str, strong: bool = True) -> Elementwise:
    """An elementwise primitive of SciPy's."""
    return Elementwise(name, kernel(name), *partials, doc=doc, strong=strong)
