"""Vertices and edges of a graph, and the short texts that describe them everywhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, final

import numpy as np

from pullback.core.primitive import Primitive
from pullback.core.spec import Spec

Kind: TypeAlias = Literal["variable", "constant", "operation", "left out"]


@final
@dataclass(frozen=True, slots=True, eq=False)
class Vertex:
    """A variable, a constant or an operation.

    Attributes
    ----------
    index : int
        Its place in the graph's topological order.
    kind : str
        `"variable"`, `"constant"`, `"operation"`, or `"left out"` where a part of a graph was cut off.
    label : str
        What a picture calls it: an operation's primitive, a variable's name, a constant's number or shape.
    id : str
        What the text calls it, unlike any other in the graph: `x`, `v0`, `c1`, `%7`.
    name : str or None
        The name that the user gave.
    params : mapping
        An operation's keyword parameters.
    value : object
        The array or number itself where it is at hand (not a copy), else None.
    results : tuple of Spec
        Shape and dtype of the value; of an operation with several outputs, of each.
    inputs : tuple of int
        The indices of the operands, in order.
    site : str
        The line that an operation was recorded on, where the graph knows it: `pb.detect_anomaly` notes lines.
    primitive : Primitive or None
        What an operation applied; a graph from a pickle no longer knows.
    """

    index: int
    kind: Kind
    label: str
    id: str
    name: str | None
    params: Mapping[str, Any] = field(repr=False)
    value: Any = field(repr=False)
    results: tuple[Spec, ...]
    inputs: tuple[int, ...]
    site: str = field(default="", repr=False)
    primitive: Primitive | None = field(default=None, repr=False)

    def __reduce__(self) -> tuple[Any, ...]:
        # Not every primitive has a pickle; what is left draws and prints, and cannot be played.
        fields = (getattr(self, name) for name in self.__slots__ if name != "primitive")
        return Vertex, tuple(fields)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the (first) value."""
        return self.results[0].shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the (first) value."""
        return self.results[0].dtype


@final
@dataclass(frozen=True, slots=True, order=True)
class Edge:
    """`tail` is operand number `operand` of `head`; both are indices of vertices."""

    tail: int
    head: int
    operand: int


def spec_text(vertex: Vertex) -> str:
    """Shape and dtype, `(32, 10) float32`; of a number that takes on the dtype of its partners, its type."""
    if type(vertex.value) in (bool, int, float, complex):
        return type(vertex.value).__name__
    texts = [f"{spec.shape} {spec.dtype}" for spec in vertex.results]
    return texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"


def params_text(params: Mapping[str, Any]) -> str:
    """Write the parameters that are set: `axis=1, keepdims=True`."""
    return ", ".join(
        f"{key}={shorten(_plain(value), 40)}"
        for key, value in params.items()
        if value is not None and value is not False
    )


def value_text(value: Any) -> str:
    """Write a value in a few characters: a number, a short list, or the range of an array's elements."""
    if isinstance(value, tuple):
        return shorten(", ".join(value_text(part) for part in value), 40)
    if value is None or isinstance(value, Spec):
        return ""
    if not hasattr(value, "shape"):
        return shorten(_number(value), 40)
    if value.ndim == 0:
        return _number(value.item())
    if value.size == 0:
        return "empty"
    if value.ndim == 1 and value.size <= 4:
        return f"[{', '.join(_number(entry) for entry in value.tolist())}]"
    if value.dtype.kind not in "biuf":
        return ""
    with np.errstate(invalid="ignore"):  # a NaN is shown as one
        return f"{_number(value.min().item())} … {_number(value.max().item())}"


def shorten(text: str, most: int) -> str:
    """Put the text on one line, cut to `most` characters; what a terminal would obey, or cannot show, is U+FFFD."""
    text = "".join(c if c.isprintable() else "\ufffd" for c in " ".join(text.split()))
    return text if len(text) <= most else text[: most - 1] + "…"


def _number(value: Any) -> str:
    return f"{value:.5g}" if isinstance(value, (float, complex)) else str(value)


def _plain(value: Any) -> str:
    """Write a parameter as a user would write it."""
    if isinstance(value, tuple):
        inner = ", ".join(_plain(part) for part in value)
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    if isinstance(value, slice):
        ends = ["" if end is None else str(end) for end in (value.start, value.stop, value.step)]
        return ":".join(ends if ends[2] else ends[:2])
    if value is Ellipsis:
        return "..."
    if isinstance(value, type):
        return value.__name__
    if isinstance(value, np.dtype):
        return str(value)
    if hasattr(value, "shape"):
        return value_text(value) if value.ndim == 0 else f"array{tuple(value.shape)}"
    if callable(value):
        return str(getattr(value, "__name__", "function"))
    return repr(value)
