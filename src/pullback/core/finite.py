"""Values that are not finite: which they are, and what is said of the operation that made the first."""

from __future__ import annotations

from typing import Any

import numpy as np

from pullback.core.errors import NotFiniteError
from pullback.core.graph import Node, known_value, user_line


def all_finite(value: Any) -> bool:
    """Whether no element is NaN or infinite; a value that is not floating-point always is finite."""
    if isinstance(value, tuple):
        return all(all_finite(part) for part in value)
    return value.dtype.kind not in "fc" or bool(np.isfinite(value).all())


def watch(name: str, node: Node, output: Any) -> None:
    """Note the user's line, and raise if a value that an operation gives is not finite."""
    node.site = user_line()
    if not all_finite(output):
        raise NotFiniteError(
            f"{name}: the value is not finite",
            operands=", ".join(describe_range(known_value(i)) for i in node.inputs),
            line=node.site,
            fix="keep the operands inside the domain, e.g. with pb.where or pb.clip before the op",
        )


def describe_range(value: Any) -> str:
    """The shape of a value and, where its numbers are known, how far they reach."""
    if isinstance(value, (np.ndarray, np.generic)) and value.size and value.dtype.kind in "fiu":
        return f"{value.shape} in [{value.min():.6g}, {value.max():.6g}]"
    return str(value.shape) if hasattr(value, "shape") else repr(value)
