"""Values that are not finite: which they are, and what is said of the operation that made the first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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


def check_derivative(node: Node, given: Sequence[Any], found: Sequence[Any], what: str) -> None:
    """Raise where a walk's first value that is not finite was made: finite went in, and came out otherwise."""
    given, found = list(_parts(given)), list(_parts(found))
    if all(map(all_finite, given)) and not all(map(all_finite, found)):
        assert node.primitive is not None
        raise NotFiniteError(
            f"{node.primitive.name}: the derivative is not finite",
            operands=", ".join(describe_range(known_value(i)) for i in node.inputs),
            **{what: ", ".join(map(describe_range, given))},
            line=getattr(node, "site", "recorded outside detect_anomaly"),
            fix="keep the operands away from the singular point, e.g. sqrt(x + 1e-12) or pb.where",
        )


def _parts(values: Sequence[Any]) -> Iterator[Any]:
    for value in values:
        if isinstance(value, tuple):
            yield from _parts(value)
        elif value is not None:
            yield getattr(value, "array", value)
