"""Samples become a batch: trees are stacked leaf by leaf, and sequences are padded to one length."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from pullback.core.errors import DataError, DTypeError, GraphError, ShapeError
from pullback.core.origin import user_line
from pullback.tensors import Tensor

Array: TypeAlias = npt.NDArray[Any]


def collate(samples: Sequence[Any]) -> Any:
    """Stack samples along a new first axis: a tree of their structure whose leaves are arrays.

    Parameters
    ----------
    samples : sequence of trees
        Tuples and dicts, nested in any way, of arrays, tensors, numbers, and lists that are read as arrays.

    Raises
    ------
    ShapeError
        If samples have different structures, or a part has different shapes.
    DTypeError
        If a part holds no numbers.

    >>> batch = collate([{"x": [1.0, 2.0], "y": (0, 5)}, {"x": [3.0, 4.0], "y": (1, 6)}])
    >>> batch["y"]
    (array([0, 1]), array([5, 6]))
    >>> batch["x"]
    array([[1., 2.],
           [3., 4.]])
    """
    if not len(samples):
        raise DataError("collate: there are no samples", fix="give at least one")
    kinds = {_kind(sample): None for sample in samples}  # a set that keeps its order
    if len(kinds) > 1:
        raise ShapeError(
            "data: samples of one batch have different structures", structures="\n".join(map(str, list(kinds)[:3])),
            fix="return the same tree for each sample",
        )  # fmt: skip
    first = samples[0]
    if isinstance(first, dict):
        return {key: collate([sample[key] for sample in samples]) for key in first}
    if isinstance(first, tuple):
        columns = [collate(column) for column in zip(*samples, strict=True)]
        return type(first)(*columns) if hasattr(first, "_fields") else tuple(columns)
    return _stacked([as_array(sample) for sample in samples])


def _kind(sample: Any) -> str:
    """What two samples must have in common."""
    if isinstance(sample, dict):
        return "a dict of " + ", ".join(sorted(map(str, sample)))
    return f"a tuple of {len(sample)}" if isinstance(sample, tuple) else "an array"


def padded(sequences: Sequence[Any], value: Any = 0, length: int | None = None) -> tuple[Array, Array]:
    """Stack sequences of different lengths, filled up with a value; and give their lengths.

    Parameters
    ----------
    sequences : sequence of (L, …) arrays
        Alike but for the first axis.
    value : number
        What stands behind the end of the shorter ones.
    length : int, optional
        What to fill up to; else the length of the longest.

    Returns
    -------
    (N, L, …) and (N,) arrays

    >>> padded([[1, 2, 3], [4]])
    (array([[1, 2, 3],
           [4, 0, 0]]), array([3, 1]))
    """
    arrays = [as_array(sequence) for sequence in sequences]
    if not arrays:
        raise DataError("padded: there are no sequences", fix="give at least one")
    shapes = {array.shape[1:] for array in arrays}
    if len(shapes) > 1 or any(array.ndim == 0 for array in arrays):
        raise ShapeError(
            "padded: sequences may differ in their first axis only", shapes=", ".join(str(a.shape) for a in arrays[:4])
        )
    lengths = np.array([len(array) for array in arrays])
    longest = int(lengths.max())
    if length is not None and length < longest:
        raise ShapeError("padded: a sequence is longer than that", length=length, longest=longest, fix="cut it first")
    rows = np.full((len(arrays), length or longest, *arrays[0].shape[1:]), value, np.result_type(*arrays))
    for row, array in zip(rows, arrays, strict=True):
        row[: len(array)] = array
    return rows, lengths


def as_array(value: Any) -> Array:
    """The numbers of `value` as an array, without a copy where it holds one; GraphError of a tracked tensor."""
    if isinstance(value, Tensor):
        if value.requires_grad:
            raise GraphError(
                "data: a batch of a tracked tensor would lose its derivative", shape=value.shape, line=user_line(),
                fix="x.detach() for its numbers; or index the tensor itself: x[places]",
            )  # fmt: skip
        return value.numpy()
    if isinstance(value, np.memmap):
        return value  # which knows its file
    try:
        array = np.asarray(value)
    except ValueError as error:  # NumPy: rows of different lengths
        raise ShapeError("data: rows have different lengths", fix="pad them to one length") from error
    if array.dtype.hasobject or array.dtype.kind in "US":
        raise DTypeError(
            "data: these are not numbers",
            got=f"{type(value).__name__} that NumPy reads as {array.dtype}",
            fix="turn them into an array of numbers first",
        )
    return array


def _stacked(parts: list[Array]) -> Array:
    shapes = {part.shape: None for part in parts}
    if len(shapes) > 1:
        raise ShapeError(
            "data: samples of one batch have different shapes",
            shapes=", ".join(map(str, shapes)),
            fix="pass collate_fn= to pad them, or to cut them to one shape",
        )
    return np.stack(parts)
