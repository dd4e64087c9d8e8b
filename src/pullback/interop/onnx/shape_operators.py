"""Operators of shapes, indices and constants, as functions of tensors."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any, Final

import numpy as np
from onnx import helper

from pullback.functions.padding import pad
from pullback.interop.onnx.reading import Call
from pullback.interop.onnx.values import Operator, bounded, integers, listed, numbers, rank
from pullback.ops import elementwise, indexing, movement, ordering
from pullback.ops.places import ARRAY
from pullback.tensors import Tensor


def _cast(call: Call, x: Any) -> Any:
    return _to(call, x, call.get("to"))


def _to(call: Call, x: Any, kind: Any) -> Any:
    try:
        dtype = np.dtype(helper.tensor_dtype_to_np_dtype(int(kind)))
    except (KeyError, TypeError, ValueError):
        return call.refuse("no such type", "a type of NumPy's")
    if dtype.kind not in "biuf" or dtype.type.__module__ != "numpy":
        call.refuse(f"NumPy has no type {dtype}", "a type of NumPy's")
    return x if x.dtype == dtype else movement.astype(x, dtype)


def _constant(call: Call) -> Any:
    for name, dtype in (("value", None), ("value_float", np.float32), ("value_floats", np.float32),
                        ("value_int", np.int64), ("value_ints", np.int64)):  # fmt: skip
        if (value := call.get(name)) is not None:
            return np.array(value, dtype)
    return call.refuse("it holds no numbers")


def _constant_of_shape(call: Call, shape: Any) -> Any:
    value = call.get("value")
    one = np.zeros(1, np.float32) if value is None else value
    return np.full(bounded(call, integers(shape)), one.reshape(-1)[0], one.dtype)


def _shape(call: Call, x: Any) -> Any:
    return np.array(x.shape[slice(call.get("start", 0), call.get("end"))], np.int64)


def _range(call: Call, start: Any, limit: Any, step: Any) -> Any:
    first, last, by = (numbers(value).reshape(-1)[0] for value in (start, limit, step))
    count = max(0, math.ceil((last - first) / by)) if by else -1
    bounded(call, (count,))
    return (first + np.arange(count) * by).astype(first.dtype)


def _reshape(call: Call, x: Any, shape: Any = None) -> Any:
    lengths = listed(call, "shape", shape) or []
    if not call.get("allowzero", 0):
        lengths = [x.shape[i] if n == 0 else n for i, n in enumerate(lengths)]
    return movement.reshape(x, tuple(lengths))


def _flatten(call: Call, x: Any) -> Any:
    axis = int(call.get("axis", 1))
    axis += rank(x) if axis < 0 else 0
    return movement.reshape(x, (math.prod(x.shape[:axis]), math.prod(x.shape[axis:])))


def _squeeze(call: Call, x: Any, axes: Any = None) -> Any:
    over = listed(call, "axes", axes)
    return movement.squeeze(x, None if over is None else tuple(over))


def _unsqueeze(call: Call, x: Any, axes: Any = None) -> Any:
    return movement.expand_dims(x, tuple(listed(call, "axes", axes) or ()))


def _transpose(call: Call, x: Any) -> Any:
    return movement.permute_dims(x, call.get("perm"))


def _expand(call: Call, x: Any, shape: Any) -> Any:
    whole = bounded(call, np.broadcast_shapes(x.shape, tuple(integers(shape))))
    return movement.broadcast_to(x, whole)


def _tile(call: Call, x: Any, repeats: Any) -> Any:
    counts = integers(repeats)
    bounded(call, [n * r for n, r in zip(x.shape, counts, strict=True)])
    return movement.tile(x, tuple(counts))


def _concat(call: Call, *x: Any) -> Any:
    return movement.concatenate(list(x), int(call.get("axis", 1)))


def _split(call: Call, x: Any, sizes: Any = None) -> Any:
    axis = int(call.get("axis", 0)) % rank(x)
    lengths = listed(call, "split", sizes)
    if lengths is None:
        many = len(call.outputs)
        each = -(-x.shape[axis] // many)
        lengths = [min(each, max(0, x.shape[axis] - each * i)) for i in range(many)]
    ends = np.cumsum([0, *lengths])
    head = (slice(None),) * axis
    return tuple(indexing.getitem(x, (*head, slice(int(a), int(b)))) for a, b in pairwise(ends))


def _slice(call: Call, x: Any, starts: Any = None, ends: Any = None, axes: Any = None, steps: Any = None) -> Any:
    first, last = listed(call, "starts", starts) or [], listed(call, "ends", ends) or []
    over = listed(call, "axes", axes)
    over = list(range(len(first))) if over is None else over
    by = [1] * len(first) if steps is None else integers(steps)
    index: list[Any] = [slice(None)] * rank(x)
    for axis, a, b, step in zip(over, first, last, by, strict=True):
        n = x.shape[axis]
        begin = a + n if a < 0 else a
        end = b + n if b < 0 else b
        if step > 0:
            index[axis] = slice(min(max(begin, 0), n), min(max(end, 0), n), step)
        else:
            end = min(max(end, -1), n - 1)
            index[axis] = slice(min(max(begin, 0), n - 1), None if end < 0 else end, step)
    return indexing.getitem(x, tuple(index))


_MODES: Final = {"constant": "constant", "reflect": "reflect", "edge": "edge", "wrap": "wrap"}


def _pad(call: Call, x: Any, pads: Any = None, value: Any = None, axes: Any = None) -> Any:
    widths = listed(call, "pads", pads) or []
    over = range(rank(x)) if axes is None else [a % rank(x) for a in integers(axes)]
    many = len(widths) // 2
    whole = [(0, 0)] * rank(x)
    for axis, low, high in zip(over, widths[:many], widths[many:], strict=True):
        whole[axis] = (low, high)
    mode = call.get("mode", "constant")
    if mode not in _MODES:
        call.refuse(f"mode {mode}", f"one of {', '.join(_MODES)}")
    index = tuple(slice(max(0, -low), n - max(0, -high)) for n, (low, high) in zip(x.shape, whole, strict=True))
    if any(low < 0 or high < 0 for low, high in whole):
        x = indexing.getitem(x, index)
    width = [(max(0, low), max(0, high)) for low, high in whole]
    bounded(call, [n + low + high for n, (low, high) in zip(x.shape, width, strict=True)])
    fill = call.get("value", 0.0) if value is None else numbers(value).reshape(-1)[0]
    return pad(x, width, constant_values=fill) if mode == "constant" else pad(x, width, _MODES[mode])


def _gather(call: Call, x: Any, indices: Any) -> Any:
    return indexing.take(x, indices, int(call.get("axis", 0)))


def _gather_elements(call: Call, x: Any, indices: Any) -> Any:
    axis = int(call.get("axis", 0)) % rank(x)
    return indexing.getitem(x, _grid(indices, axis))


def _grid(indices: Any, axis: int) -> tuple[Any, ...]:
    """Numbers along each axis, and the indices along one."""
    grid: list[Any] = list(np.ogrid[tuple(slice(n) for n in indices.shape)])
    grid[axis] = indices
    return tuple(grid)


def _gather_nd(call: Call, x: Any, indices: Any) -> Any:
    return indexing.getitem(x, _points(indices, int(call.get("batch_dims", 0))))


def _points(indices: Any, batch: int) -> tuple[Any, ...]:
    """An index for each axis that the last axis of the indices names."""
    places = numbers(indices)
    before = [grid.reshape(*grid.shape, *(1,) * (places.ndim - 1 - batch))
              for grid in np.ogrid[tuple(slice(n) for n in places.shape[:batch])]] if batch else []  # fmt: skip
    return (*before, *np.moveaxis(places, -1, 0))


_WRITE: Final = "none"


def _scattered(call: Call, x: Any, index: tuple[Any, ...], updates: Any) -> Any:
    how = call.get("reduction", _WRITE)
    if how not in (_WRITE, "add"):
        call.refuse(f"reduction {how}", "none or add")
    x = x if isinstance(x, Tensor) else movement.copy_(x)
    if how == _WRITE:
        return indexing.setitem(x, index, updates)
    into = indexing.add_into_
    template = tuple(ARRAY for _ in index)
    shape = np.broadcast_shapes(*(np.shape(numbers(i)) for i in index))
    if not index:
        return elementwise.add(x, updates)
    tail = x.shape[len(index) :]
    values = movement.broadcast_to(updates, (*shape, *tail))
    return elementwise.add(x, into(values, *(numbers(i) for i in index), index=template, shape=x.shape))


def _scatter_elements(call: Call, x: Any, indices: Any, updates: Any) -> Any:
    return _scattered(call, x, _grid(numbers(indices), int(call.get("axis", 0)) % rank(x)), updates)


def _scatter_nd(call: Call, x: Any, indices: Any, updates: Any) -> Any:
    return _scattered(call, x, _points(indices, 0), updates)


def _one_hot(call: Call, indices: Any, depth: Any, values: Any) -> Any:
    many = integers(depth)[0]
    axis = int(call.get("axis", -1))
    bounded(call, (*indices.shape, many))
    off, on = numbers(values).reshape(-1)
    places = elementwise.mod(indices, many)
    axis = axis % (rank(indices) + 1)
    found = elementwise.equal(movement.expand_dims(places, axis),
                              np.arange(many).reshape((many, *(1,) * (rank(indices) - axis))))  # fmt: skip
    inside = elementwise.logical_and(elementwise.less(indices, many), elementwise.greater_equal(indices, -many))
    found = elementwise.logical_and(found, movement.expand_dims(inside, axis))
    return elementwise.where(found, on, off)


def _top_k(call: Call, x: Any, k: Any = None) -> Any:
    many = int(call.get("k", 0)) if k is None else integers(k)[0]
    values, places = ordering.topk(x, many, int(call.get("axis", -1)), largest=bool(call.get("largest", 1)))
    return values, movement.astype(places, np.int64)


def _trilu(call: Call, x: Any, k: Any = None) -> Any:
    by = 0 if k is None else integers(k)[0]
    return movement.triu(x, by) if call.get("upper", 1) else movement.tril(x, by)


def _eye_like(call: Call, x: Any) -> Any:
    made = np.eye(x.shape[0], x.shape[1], int(call.get("k", 0)))
    return _to(call, made.astype(x.dtype), call.get("dtype")) if call.get("dtype") else made.astype(x.dtype)


def _space(call: Call, x: Any) -> Any:
    """From channels into space: blocks of b × b."""
    n, c, h, w = x.shape
    b = int(call.get("blocksize"))
    if call.get("mode", "DCR") == "DCR":
        y = movement.permute_dims(movement.reshape(x, (n, b, b, c // b**2, h, w)), (0, 3, 4, 1, 5, 2))
    else:
        y = movement.permute_dims(movement.reshape(x, (n, c // b**2, b, b, h, w)), (0, 1, 4, 2, 5, 3))
    return movement.reshape(y, (n, c // b**2, h * b, w * b))


def _depth(call: Call, x: Any) -> Any:
    """And back."""
    n, c, h, w = x.shape
    b = int(call.get("blocksize"))
    order = (0, 3, 5, 1, 2, 4) if call.get("mode", "DCR") == "DCR" else (0, 1, 3, 5, 2, 4)
    y = movement.permute_dims(movement.reshape(x, (n, c, h // b, b, w // b, b)), order)
    return movement.reshape(y, (n, c * b * b, h // b, w // b))


def _dropout(call: Call, x: Any, _ratio: Any = None, training: Any = None) -> Any:
    """Nothing is dropped: a file says what a model does after it has learned."""
    if training is not None and bool(numbers(training).reshape(-1)[0]):
        call.refuse("it drops, as a model in training does", "export the model in evaluation mode")
    mask = np.ones(x.shape, bool)
    return (x, mask) if len(call.outputs) > 1 else x


OPERATORS: Final[dict[str, Operator]] = {
    "Cast": _cast, "CastLike": lambda call, x, like: movement.astype(x, like.dtype), "Concat": _concat,
    "Constant": _constant, "ConstantOfShape": _constant_of_shape, "DepthToSpace": _space, "Dropout": _dropout,
    "Expand": _expand, "EyeLike": _eye_like, "Flatten": _flatten, "Gather": _gather, "GatherElements": _gather_elements,
    "GatherND": _gather_nd, "OneHot": _one_hot, "Pad": _pad, "Range": _range, "Reshape": _reshape,
    "ScatterElements": _scatter_elements, "ScatterND": _scatter_nd, "Shape": _shape,
    "Size": lambda call, x: np.array(math.prod(x.shape), np.int64), "Slice": _slice,
    "SpaceToDepth": _depth, "Split": _split, "Squeeze": _squeeze, "Tile": _tile, "TopK": _top_k,
    "Transpose": _transpose, "Trilu": _trilu, "Unsqueeze": _unsqueeze,
}  # fmt: skip
