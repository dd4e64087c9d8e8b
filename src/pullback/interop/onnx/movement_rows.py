"""How movement, joining and indexing are written in operators of ONNX."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from pullback.core.outputs import pick_
from pullback.core.primitive import Primitive
from pullback.interop.onnx.elementwise_rows import same
from pullback.interop.onnx.sizes import Size
from pullback.interop.onnx.writer import Name, Rule, Site
from pullback.ops import indexing, movement, rows
from pullback.ops.places import ARRAY
from pullback.programs.program import Constant

END: Final = (1 << 63) - 1  # of a slice that goes to the end
_START: Final = -(1 << 63)  # and of one that goes backwards


def reshaped(site: Site, x: Name, shape: tuple[Any, ...]) -> Name:
    """The same elements in another shape; the one length that is open is left to the operator."""
    unknown = [i for i, n in enumerate(shape) if isinstance(n, Size)]
    if len(unknown) == 1 and 0 not in shape:
        return site.op("Reshape", x, site.ints(*(-1 if i in unknown else n for i, n in enumerate(shape))))
    return site.op("Reshape", x, site.vector(shape))


def _reshape(site: Site) -> Name:
    return reshaped(site, site.at(0), site.shape)


def _transpose(site: Site) -> Name:
    axes = [*site.params["axes"]]
    return site.op("Transpose", site.at(0), perm=axes) if axes else same(site)


def expanded(site: Site, x: Name, shape: tuple[Any, ...]) -> Name:
    """An array stretched to a shape."""
    return site.op("Expand", x, site.vector(shape))


def _flip(site: Site) -> Name:
    axes = tuple(site.params["axis"])
    if not axes:
        return same(site)
    many = len(axes)
    return site.op(
        "Slice", site.at(0), site.ints(*[-1] * many), site.ints(*[_START] * many), site.ints(*axes),
        site.ints(*[-1] * many),
    )  # fmt: skip


def _roll(site: Site) -> Name:
    x = site.at(0)
    for shift, axis in zip(site.params["shift"], site.params["axis"], strict=True):
        n = site.known(site.shape[axis], "the length of a rolled axis")
        if n and shift % n:
            first = n - shift % n
            tail = site.op("Slice", x, site.ints(first), site.ints(END), site.ints(axis))
            head = site.op("Slice", x, site.ints(0), site.ints(first), site.ints(axis))
            x = site.op("Concat", tail, head, axis=axis)
    return x


def _pad(site: Site) -> Name:
    width = site.params["width"]
    ends = [pair[side] for side in (0, 1) for pair in width]
    return site.op("Pad", site.at(0), site.vector(ends))


def _triangle(upper: int) -> Rule:
    return lambda site: site.op("Trilu", site.at(0), site.const(site.params["k"], np.int64), upper=upper)


def _concatenate(site: Site) -> Name:
    operands = [site.at(i, site.dtype) for i in range(len(site.operands))]
    return site.op("Concat", *operands, axis=site.params["axis"])


def _stack(site: Site) -> Name:
    axis = site.params["axis"]
    operands = [site.op("Unsqueeze", site.at(i, site.dtype), site.ints(axis)) for i in range(len(site.operands))]
    return site.op("Concat", *operands, axis=axis)


def _pick(site: Site) -> Name:
    operand = site.operands[0]
    assert not isinstance(operand, Constant)
    return site.writer.names[operand][site.params["index"]]


# Indexing.


def _getitem(site: Site) -> Name:
    """A basic index by slices; one array by Gather, several by GatherND."""
    x, index = site.at(0), _filled(site)
    places = [i for i, part in enumerate(index) if part is ARRAY]
    if not places:
        return _basic(site, x, index)
    # An integer beside arrays is one of them, as NumPy has it.
    scalars = [i for i, part in enumerate(index) if isinstance(part, (int, Size))]
    advanced = sorted([*places, *scalars])
    arrays = iter(range(1, len(site.operands)))
    if any(site.dtype_of(i).kind == "b" for i in range(1, len(site.operands))):
        site.refuse("a mask selects, as many as there are", "np.where(mask, x, 0), which keeps the shape")
    x = _basic(site, x, tuple(slice(None) if i in advanced else part for i, part in enumerate(index)))
    if len(advanced) == 1:
        return site.op("Gather", x, site.at(1, np.dtype(np.int64)), axis=advanced[0])
    found = [
        site.at(next(arrays), np.dtype(np.int64)) if i in places else site.writer.constant(index[i], np.int64)
        for i in advanced
    ]
    ndim = max(len(site.shape_of(i)) for i in range(1, len(site.operands)))
    rank = len(index)
    order = [*advanced, *(i for i in range(rank) if i not in advanced)]
    moved = site.op("Transpose", x, perm=order) if order != list(range(rank)) else x
    together = _together(site, found)
    gathered = site.op("GatherND", moved, together)
    first = advanced[0] if advanced == list(range(advanced[0], advanced[-1] + 1)) else 0
    if not first:
        return gathered
    kept = rank - len(advanced)
    back = [*range(ndim, ndim + first), *range(ndim), *range(ndim + first, ndim + kept)]
    return site.op("Transpose", gathered, perm=back)


def _together(site: Site, arrays: list[Name]) -> Name:
    """Index arrays, broadcast to each other, as vectors along a new last axis."""
    zeros = site.const(0, np.int64)
    total = arrays[0]
    for array in arrays[1:]:
        total = site.op("Add", total, array)
    total = site.op("Mul", total, zeros)
    whole = [site.op("Unsqueeze", site.op("Add", array, total), site.ints(-1)) for array in arrays]
    return site.op("Concat", *whole, axis=-1)


def _filled(site: Site) -> tuple[Any, ...]:
    """An index with a part for each axis."""
    index = site.params["index"]
    rank = len(site.shape_of(0))
    named = sum(part is not None and part is not Ellipsis for part in index)
    rest = (slice(None),) * (rank - named)
    place = next((i for i, part in enumerate(index) if part is Ellipsis), None)
    return (*index, *rest) if place is None else (*index[:place], *rest, *index[place + 1 :])


def _basic(site: Site, x: Name, index: tuple[Any, ...]) -> Name:
    """Slices, integers and new axes."""
    starts, ends, axes, steps, gone, new = [], [], [], [], [], []
    axis = place = 0
    for part in index:
        if part is None:
            new.append(place)
            place += 1
            continue
        if isinstance(part, slice):
            if (part.start, part.stop, part.step) not in ((None, None, None), (None, None, 1), (0, None, None)):
                step = site.known(1 if part.step is None else part.step, "the step of a slice")
                first, last = (0, END) if step > 0 else (END, _START)
                starts.append(first if part.start is None else part.start)
                ends.append(last if part.stop is None else part.stop)
                axes.append(axis)
                steps.append(step)
            place += 1
        else:
            gone.append((axis, part))
        axis += 1
    if axes:
        x = site.op("Slice", x, site.vector(starts), site.vector(ends), site.ints(*axes), site.ints(*steps))
    for axis, number in reversed(gone):
        at = site.writer.constant(number, np.int64) if not isinstance(number, Size) else site.op(
            "Squeeze", site.writer.size(number, site.line)
        )  # fmt: skip
        x = site.op("Gather", x, at, axis=axis)
    return site.op("Unsqueeze", x, site.ints(*new)) if new else x


def flat_places(site: Site, shape: tuple[Any, ...], first: int) -> Any:
    """Where in the flat array an index reads, known for arrays that the program holds."""
    site.known(shape, "the shape of what is written to")
    arrays = []
    for operand in site.operands[first:]:
        if not isinstance(operand, Constant):
            site.refuse(
                "it writes at places that are computed", "select with np.where, or multiply with a one-hot matrix"
            )
        arrays.append(np.asarray(operand.value))
    rest = iter(arrays)
    index = tuple(next(rest) if part is ARRAY else part for part in site.params["index"])
    return np.arange(int(np.prod(shape))).reshape(shape)[site.known(index, "an index") if not arrays else index]


def scattered(site: Site, target: Name, places: Any, values: Name, shape: tuple[Any, ...], reduction: str) -> Name:
    """Values written, or added, into an array at places of the flat one."""
    flat = site.op("Reshape", target, site.ints(-1))
    spread = site.op("Reshape", expanded(site, values, places.shape), site.ints(-1))
    places = site.writer.constant(places.reshape(-1), np.int64)
    written = site.op("ScatterElements", flat, places, spread, axis=0, reduction=reduction)
    return site.op("Reshape", written, site.ints(*shape))


def _setitem(site: Site) -> Name:
    shape = site.shape
    places = flat_places(site, shape, 2)
    return scattered(site, site.at(0, site.dtype), places, site.at(1, site.dtype), shape, "none")


def zeros(site: Site, shape: tuple[Any, ...]) -> Name:
    """Zeros of a shape."""
    return expanded(site, site.const(0), shape)


def _add_into(site: Site) -> Name:
    shape = site.shape
    places = flat_places(site, shape, 1)
    return scattered(site, zeros(site, shape), places, site.at(0, site.dtype), shape, "add")


def _rows(site: Site) -> Name:
    return site.op("Gather", site.at(0), site.at(1, np.dtype(np.int64)), axis=0)


def _add_rows(site: Site) -> Name:
    numbers = site.op("Unsqueeze", site.at(1, np.dtype(np.int64)), site.ints(-1))
    return site.op("ScatterND", zeros(site, site.shape), numbers, site.at(0), reduction="add")


ROWS: Final[dict[Primitive, Rule]] = {
    movement.reshape_: _reshape,
    movement.permute_: _transpose,
    movement.broadcast_to_: lambda site: expanded(site, site.at(0), site.shape),
    movement.flip_: _flip,
    movement.roll_: _roll,
    movement.pad_: _pad,
    movement.tril_: _triangle(0),
    movement.triu_: _triangle(1),
    movement.cast_: lambda site: site.at(0, site.dtype),
    movement.copy_: same,
    movement.concatenate_: _concatenate,
    movement.stack_: _stack,
    pick_: _pick,
    indexing.get_: _getitem,
    indexing.put_: _setitem,
    indexing.add_into_: _add_into,
    rows.rows_: _rows,
    rows.add_rows_: _add_rows,
}
