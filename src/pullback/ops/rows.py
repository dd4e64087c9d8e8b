"""Rows of a table by their numbers, and the transpose: values added to the rows that they came from.

As indexing, but a number outside the table is an error, below 0 too, and repeated rows are added up by sorting, which
takes a fraction of the time that `np.add.at` does.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pullback.batching.rules import batched
from pullback.core.arrays import as_operand
from pullback.core.axes import shape_of
from pullback.core.errors import AxisError, DTypeError, ShapeError
from pullback.core.kinds import LinearMap
from pullback.ops.elementwise import equal, stop_gradient, where
from pullback.ops.movement import expand_dims


def _rows(table: Any, numbers: Any) -> Any:
    if numbers.size and not (numbers.min() >= 0 and numbers.max() < len(table)):
        raise AxisError(
            "embedding: an index is outside the table", smallest=numbers.min(), largest=numbers.max(),
            expected=f"0 to {len(table) - 1}",
        )  # fmt: skip
    return table[numbers]


def _add_rows(values: Any, numbers: Any, shape: tuple[int, ...]) -> Any:
    """Zeros of `shape`, with each value added to its row."""
    table = np.zeros_like(values, shape=shape, order="C")
    flat = numbers.reshape(-1)
    if flat.size:
        order = np.argsort(flat, kind="stable")
        ordered = flat[order]
        first = np.concatenate([[0], np.flatnonzero(ordered[1:] != ordered[:-1]) + 1])
        table[ordered[first]] = np.add.reduceat(values.reshape(flat.size, *shape[1:])[order], first, axis=0)
    return table


rows_: LinearMap = LinearMap(
    "rows", _rows, lambda ct, table, numbers: add_rows_.bind(ct, numbers, shape=table.shape), None,
    batching=batched("rows"), doc="The rows of a table at some numbers.",
)  # fmt: skip
add_rows_: LinearMap = LinearMap(
    "add_rows", _add_rows, lambda ct, values, numbers, shape: rows_.bind(ct, numbers), None,
    batching=batched("add_rows"), doc="Zeros with values added to rows: the transpose of taking rows.",
)  # fmt: skip


def embedding(x: Any, weight: Any, padding_idx: int | None = None) -> Any:
    """weight[x]: for each index a row of the table.

    Parameters
    ----------
    x : array-like of integers
        Any shape.
    weight : array-like, (count, features)
        The table.
    padding_idx : int, optional
        A row to which no derivative flows; negative ones count from the end.

    Raises
    ------
    AxisError
        If an index is outside the table; below 0 too.
    DTypeError
        If the indices are not integers.

    >>> embedding([2, 0], np.array([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]))
    Tensor([[4., 5.],
            [0., 1.]])
    """
    numbers = x if hasattr(x, "dtype") else as_operand(x, "embedding")
    if numbers.dtype.kind not in "iu":
        raise DTypeError("embedding: indices are integers", got=numbers.dtype, fix="x.astype(int)")
    count = shape_of(weight)[0]
    found = rows_(weight, numbers)
    if padding_idx is None:
        return found
    if not -count <= padding_idx < count:
        raise ShapeError("embedding: padding_idx is outside the table", got=padding_idx, expected=f"below {count}")
    padding = expand_dims(equal(numbers, padding_idx % count), -1)
    return where(padding, stop_gradient(found), found)
