"""How a rule is made wrong: each change takes what a rule gives, an array, a number or several, and spoils it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np

import pullback as pb


def array_of(value: Any) -> Any:
    """The numbers of a value."""
    return np.asarray(value.array if isinstance(value, pb.Tensor) else value)


def each(change: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A change of each part of what a rule gives; None stands for 0, and stays."""

    def changed(value: Any) -> Any:
        if isinstance(value, (list, tuple)):
            return type(value)(changed(part) for part in value)
        return value if value is None or not array_of(value).size else change(value)

    return changed


def first(change: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A change of the first part that is there."""

    def changed(value: Any) -> Any:
        if not isinstance(value, (list, tuple)):
            return value if value is None or not array_of(value).size else change(value)
        parts = list(value)
        for place, part in enumerate(parts):
            if part is not None and array_of(part).size:
                parts[place] = changed(part)
                break
        return type(value)(parts)

    return changed


def _one_entry(value: Any) -> Any:
    numbers = array_of(value)
    factors = np.ones(numbers.shape)
    factors.reshape(-1)[np.argmax(abs(numbers.astype(complex)))] = 1.01
    return value * factors


def _backwards(value: Any) -> Any:
    return value[..., ::-1] if array_of(value).ndim else value


def _turned(value: Any) -> Any:
    shape = array_of(value).shape
    return np.swapaxes(value, -1, -2) if len(shape) > 1 and shape[-1] == shape[-2] else value


def _conjugated(value: Any) -> Any:
    return np.conj(value) if array_of(value).dtype.kind == "c" else value


def _spoiled(value: Any) -> Any:
    """Truths, integers and numbers, each as little wrong as can be."""
    kind = array_of(value).dtype.kind
    if kind == "b":
        return np.logical_not(value)
    return value + 1 if kind in "iu" else value * 1.01


CHANGES: Final[dict[str, Callable[[Any], Any]]] = {
    "× 1.01": each(lambda value: value * 1.01),
    "sign": each(lambda value: value * -1),
    "one entry": first(_one_entry),
    "a term dropped": first(lambda value: value * 0),
    "backwards": each(_backwards),
    "axes swapped": each(_turned),
    "conjugate": each(_conjugated),
}
VALUES: Final[dict[str, Callable[[Any], Any]]] = {
    "spoiled": each(_spoiled),
    "one entry": first(_one_entry),
    "examples mixed": each(lambda value: value[::-1]),
    "backwards": each(lambda value: value[..., ::-1] if array_of(value).ndim > 1 else value),
}


def differs(a: Any, b: Any) -> bool:
    """Whether a change has changed anything."""
    if isinstance(a, (list, tuple)):
        return any(map(differs, a, b))
    if a is None or b is None:
        return a is not b
    a, b = array_of(a), array_of(b)
    if a.dtype.kind not in "fc":
        return not np.array_equal(a, b)
    return not np.allclose(
        a, b, rtol=1e-12, atol=1e-300, equal_nan=True
    )  # what is the same but for rounding is the same
