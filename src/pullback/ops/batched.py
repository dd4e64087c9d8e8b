"""How operations do all examples of a `vmap` at once whose rule is more than moving a parameter.

Each rule is called as `batching/rules.py` says: operands that are `batched` have their examples along the first axis.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from pullback.batching.rules import Shape, aligned, in_front, shape_behind, shape_of_one, spread
from pullback.core.axes import ndim_of
from pullback.core.primitive import Primitive
from pullback.ops.labels import within_
from pullback.ops.places import ARRAY, filled

_LETTERS: Final = "zyxwvutsrqponmlkjihgfedcbaZYXWVUTSRQPONMLKJIHGFEDCBA"


def array_of(x: Any) -> Any:
    """The array of a tensor, or an array itself."""
    return x.array if isinstance(x, Primitive.tensor) else x


def reshape(primitive: Any, level: Any, operands: list[Any], batched: list[bool], params: dict[str, Any]) -> Any:
    """The shape of one example, behind the batch; units stay units."""
    found = in_front(shape=shape_behind)(primitive, level, operands, batched, params)
    if level.units is not None and array_of(operands[0]) is level.units:
        level.units = array_of(found)
    return found


def _by_units(level: Any, a: Any, b: Any, params: dict[str, Any]) -> Any:
    """What a product with units is: the other matrix, row by row or column by column; None if it is no such product."""
    first = array_of(a) is level.units
    units, other = (a, b) if first else (b, a)
    if not hasattr(other, "mT") or other.ndim != 2 or units.ndim != 3 or units.dtype != other.dtype:
        return None
    turned = params["tb" if first else "ta"]
    if units.shape[1 if first != params["ta" if first else "tb"] else 2] != 1:
        return None
    found = other.mT if first == turned else other
    return found.reshape((found.shape[0], 1, found.shape[1]) if first else (*found.shape, 1))


def matmul(primitive: Any, level: Any, operands: list[Any], batched: list[bool], params: dict[str, Any]) -> Any:
    """Products of stacks; many matrices, or columns, with one matrix is one product, of all their rows."""
    a, b = operands
    if level.units is not None and (array_of(a) is level.units) != (array_of(b) is level.units) and not all(batched):
        found = _by_units(level, a, b, params)
        if found is not None:
            return found
    if batched == [True, False] and a.ndim == 3 and ndim_of(b) == 2:
        count, rows, columns = a.shape
        if params["ta"] and columns == 1:
            product = primitive(a.reshape((count, rows)), b, ta=False, tb=params["tb"])
            return product.reshape((count, 1, product.shape[1]))
        alike = getattr(array_of(a), "strides", (1, 1))[1] == 0  # as those of many points that begin alike
        if not params["ta"] and rows > 1 and alike:
            product = primitive(a[:, 0], b, **params)
            return np.broadcast_to(product.reshape((count, 1, product.shape[1])), (count, rows, product.shape[1]))
    if batched == [False, True] and ndim_of(a) == 2 and b.ndim == 3 and b.shape[1 if params["tb"] else 2] == 1:
        product = primitive(b.reshape((b.shape[0], b.shape[1] * b.shape[2])), a, ta=False, tb=not params["ta"])
        return product.reshape((*product.shape, 1))
    return primitive(*aligned(operands, batched), **params)


def einsum(primitive: Any, _level: Any, operands: list[Any], batched: list[bool], params: dict[str, Any]) -> Any:
    """A further label, of the examples."""
    terms = [params["left"], params["right"]]
    label = next(letter for letter in _LETTERS if letter not in "".join(terms))
    left, right = (label + term if b else term for term, b in zip(terms, batched, strict=True))
    return primitive(*operands, left=left, right=right, out=label + params["out"])


def broadcast_to(primitive: Any, level: Any, operands: list[Any], batched: list[bool], params: dict[str, Any]) -> Any:
    """The rule of broadcasting: new axes stand behind the batch."""
    shape = params["shape"]
    (x,) = aligned(operands, batched, len(shape))
    return primitive(x, shape=(level.size, *shape))


def triangle(primitive: Any, _level: Any, operands: list[Any], batched: list[bool], params: dict[str, Any]) -> Any:
    """The rule of triangles: NumPy makes a matrix of a vector, whose rows are all the same."""
    (x,), (shape,) = operands, map(shape_of_one, operands, batched)
    if len(shape) == 1:
        x = np.broadcast_to(x.reshape((len(x), 1, *shape)), (len(x), *shape, *shape))
    return primitive(x, **params)


# Indexing: a static template, and arrays for the places that hold `ARRAY` in it.


def _is_split(index: tuple[Any, ...], arrays: Sequence[Any]) -> bool:
    """Whether something stands between index arrays (integers count): NumPy then puts their axes first."""
    places = [i for i, part in enumerate(index) if part is ARRAY or isinstance(part, int)]
    return bool(arrays) and places[-1] - places[0] >= len(places)


def _depth(arrays: Sequence[Any]) -> int:
    """How many axes index arrays have together."""
    return max(1 if a.dtype.kind == "b" else ndim_of(a) for a in arrays)


def _numbers(x: Any) -> Any:
    return np.asarray(getattr(x, "array", x))


def _selected(shape: Shape, index: tuple[Any, ...], arrays: Sequence[Any]) -> Shape:
    """The shape of what an index selects."""
    blank = np.broadcast_to(np.empty((), bool), shape)
    return blank[filled(index, tuple(map(_numbers, arrays)))].shape


def _with_elements(shape: Shape, index: tuple[Any, ...]) -> Shape:
    """A shape in which there is something to index along all axes that arrays index."""
    parts = [part for part in index if part is not None]
    if Ellipsis in parts:
        at = parts.index(Ellipsis)
        parts[at : at + 1] = [slice(None)] * (len(shape) - len(parts) + 1)
    parts += [slice(None)] * (len(shape) - len(parts))
    return tuple(max(n, 1) if part is ARRAY else n for n, part in zip(shape, parts, strict=True))


def _positions(
    primitive: Any, arrays: Sequence[Any], batched: Sequence[bool], shape: Shape, index: tuple[Any, ...]
) -> Any:
    """Where in the flat array the elements lie that each example selects."""
    if any(b and a.dtype.kind == "b" for a, b in zip(arrays, batched, strict=True)):
        raise primitive.unbatched("how many elements a mask selects differs from example to example; pb.where selects")
    index, arrays, batched = _without_masks(index, arrays, batched)
    given = aligned(arrays, batched)
    most = max(len(shape_of_one(a, b)) for a, b in zip(arrays, batched, strict=True))
    places: Any = Primitive.tensor(np.arange(math.prod(shape)).reshape(shape))[filled(index, tuple(given))]
    shape = _with_elements(shape, index)
    one = _selected(shape, index, [np.zeros((1,) * most, int)] * len(arrays))
    none = _selected(shape, index, [np.zeros((0, *(1,) * most), int)] * len(arrays))
    lead = next(i for i, n in enumerate(none) if n == 0 and none[:i] + none[i + 1 :] == one)
    return np.moveaxis(places, lead, 0)


def _without_masks(index: tuple[Any, ...], arrays: Sequence[Any], batched: Sequence[bool]) -> tuple[Any, ...]:
    """The same index, with the places that masks name in place of the masks."""
    template: list[Any] = []
    found: list[Any] = []
    flags: list[bool] = []
    rest = iter(zip(arrays, batched, strict=True))
    for part in index:
        if part is not ARRAY:
            template.append(part)
            continue
        array, flag = next(rest)
        parts = _numbers(array).nonzero() if array.dtype.kind == "b" else (array,)
        template += [ARRAY] * len(parts)
        found += parts
        flags += [flag] * len(parts)
    return tuple(template), found, flags


def _own(places: Any, level: Any, shape: Shape) -> Any:
    """Positions in the flat array of all examples."""
    return places + (np.arange(level.size) * math.prod(shape)).reshape((-1, *(1,) * (places.ndim - 1)))


def get(primitive: Any, level: Any, operands: list[Any], batched: list[bool], params: dict[str, Any]) -> Any:
    """Each example is indexed; where the index is its own, by positions in the flat array."""
    x, *arrays = operands
    index = params["index"]
    if any(batched[1:]):
        shape = shape_of_one(x, batched[0])
        places = _positions(primitive, arrays, batched[1:], shape, index)
        return primitive(x.reshape((-1,)), _own(places, level, shape) if batched[0] else places, index=(ARRAY,))
    found = primitive(x, *arrays, index=(slice(None), *index))
    return np.moveaxis(found, _depth(arrays), 0) if _is_split(index, arrays) else found


def add_into(primitive: Any, level: Any, operands: list[Any], batched: list[bool], params: dict[str, Any]) -> Any:
    """Zeros for each example, with its values added."""
    values, *arrays = operands
    index, shape = params["index"], params["shape"]
    values = spread(values, batched[0], level)
    if any(batched[1:]):
        places = _own(_positions(primitive, arrays, batched[1:], shape, index), level, shape)
        flat = primitive(values, places, index=(ARRAY,), shape=(level.size * math.prod(shape),))
        return flat.reshape((level.size, *shape))
    if _is_split(index, arrays):
        values = np.moveaxis(values, 0, _depth(arrays))
    return primitive(values, *arrays, index=(slice(None), *index), shape=(level.size, *shape))


def put(primitive: Any, level: Any, operands: list[Any], batched: list[bool], params: dict[str, Any]) -> Any:
    """A copy of each example, with its values assigned."""
    x, values, *arrays = operands
    index = params["index"]
    shape = shape_of_one(x, batched[0])
    value_shape = shape_of_one(values, batched[1])
    if index == (ARRAY,) and batched[2] and arrays[0].dtype.kind == "b" and math.prod(value_shape) == 1:
        mask = arrays[0].reshape((*arrays[0].shape, *(1,) * (len(shape) - arrays[0].ndim + 1)))
        single = values.reshape((-1, *(1,) * len(shape))) if batched[1] else values
        return np.where(mask, single, spread(x, batched[0], level)).astype(x.dtype)
    x = spread(x, batched[0], level)
    if not any(batched[2:]) and not _is_split(index, arrays):
        if batched[1]:
            (values,) = aligned([values], [True], len(_selected(shape, index, arrays)))
        return primitive(x, values, *arrays, index=(slice(None), *index))
    if any(batched[2:]):
        places = _positions(primitive, arrays, batched[2:], shape, index)
    else:
        one: Any = Primitive.tensor(np.arange(math.prod(shape)).reshape(shape))[filled(index, tuple(arrays))]
        places = np.broadcast_to(one, (level.size, *one.shape))
    if batched[1]:
        (values,) = aligned([values], [True], places.ndim - 1)
    values = np.broadcast_to(values, places.shape)
    return primitive(x.reshape((-1,)), values, _own(places, level, shape), index=(ARRAY,)).reshape(x.shape)


# Rows of tables.


def _checked(numbers: Any, count: int) -> Any:
    """Numbers of rows, once they are found to be in the table of their own example."""
    return within_(numbers, low=0, high=count - 1, name="embedding")


def rows(primitive: Any, level: Any, operands: list[Any], batched: list[bool], params: dict[str, Any]) -> Any:
    """The tables of all examples are one, in which each has its own rows."""
    table, numbers = operands
    if not batched[0]:
        return primitive(table, numbers, **params)
    own = _own(spread(_checked(numbers, table.shape[1]), batched[1], level), level, table.shape[1:2])
    return primitive(table.reshape((-1, *table.shape[2:])), own, **params)


def add_rows(primitive: Any, level: Any, operands: list[Any], batched: list[bool], params: dict[str, Any]) -> Any:
    """Into one table, in which each example has its own rows."""
    values, numbers = (spread(x, b, level) for x, b in zip(operands, batched, strict=True))
    count, *features = params["shape"]
    total = primitive(values, _own(numbers, level, (count,)), shape=(level.size * count, *features))
    return total.reshape((level.size, count, *features))


def cross_entropy(primitive: Any, level: Any, operands: list[Any], batched: list[bool], params: dict[str, Any]) -> Any:
    """The losses of all samples, then the sum or the mean over those of each example."""
    x, labels = (spread(x, b, level) for x, b in zip(operands, batched, strict=True))
    axis, keepdims = params["axis"], params["keepdims"]
    losses = primitive(x, labels, axis=(x.ndim - 1,), keepdims=keepdims, mean=False)
    if axis is not None:
        return losses
    samples = tuple(range(1, losses.ndim))
    over = losses.mean if params["mean"] else losses.sum
    return over(axis=samples, keepdims=keepdims) if samples else losses


# Convolutions: examples that have kernels of their own are groups of channels, all others are images.


def _as_images(x: Any) -> Any:
    return x.reshape((-1, *x.shape[2:]))


def _as_channels(x: Any) -> Any:
    return np.moveaxis(x, 0, 1).reshape((x.shape[1], -1, *x.shape[3:]))


def _from_channels(y: Any, level: Any) -> Any:
    apart = y.reshape((y.shape[0], level.size, y.shape[1] // level.size if level.size else 0, *y.shape[2:]))
    return np.moveaxis(apart, 1, 0)


def convolution(primitive: Any, level: Any, operands: list[Any], batched: list[bool], params: dict[str, Any]) -> Any:
    """Of images and kernels, to images."""
    x, w = operands
    if not batched[1]:
        y = primitive(_as_images(x), w, **params)
        return y.reshape((level.size, -1, *y.shape[1:]))
    x = _as_channels(spread(x, batched[0], level))
    y = primitive(x, _as_images(w), **{**params, "groups": params["groups"] * level.size})
    return _from_channels(y, level)


def convolution_weight(
    primitive: Any, level: Any, operands: list[Any], batched: list[bool], params: dict[str, Any]
) -> Any:
    """Of two sets of images, to kernels."""
    x, y = (_as_channels(spread(x, b, level)) for x, b in zip(operands, batched, strict=True))
    w = primitive(x, y, **{**params, "groups": params["groups"] * level.size})
    return w.reshape((level.size, -1, *w.shape[1:]))
