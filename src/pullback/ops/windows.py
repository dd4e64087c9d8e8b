"""Windows: views of all the places where a small box fits into an array, and the transpose, which adds them up.

What convolutions, pooling and finite differences have in common. A window slides over some axes; its own axes come
last, as NumPy's `sliding_window_view` has them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import product
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from pullback.batching.rules import axes_behind, in_front, shape_behind
from pullback.core.axes import Axes, ndim_of, normalize_axes, several, shape_of
from pullback.core.errors import OptionError, ShapeError
from pullback.core.kinds import LinearMap
from pullback.ops.movement import moveaxis, pad_, reshape

if TYPE_CHECKING:
    from pullback.tensors import Tensor

Sizes: TypeAlias = tuple[int, ...]
Pairs: TypeAlias = tuple[tuple[int, int], ...]


def window_count(length: int, size: int, stride: int = 1, dilation: int = 1) -> int:
    """How often a window fits into an axis; 0 or less where it is longer than the axis.

    >>> window_count(7, 3, 2)
    3
    """
    return (length - dilation * (size - 1) - 1) // stride + 1


def sliding(x: Any, axes: Sizes, sizes: Sizes, strides: Sizes, dilations: Sizes) -> Any:
    """The windows of an array, as a view: axes of x, then those of the window."""
    spans = tuple([d * (k - 1) + 1 for k, d in zip(sizes, dilations, strict=True)])
    view = np.lib.stride_tricks.sliding_window_view(x, spans, axes)
    if max(*strides, *dilations) == 1:
        return view
    index = [slice(None)] * view.ndim
    for i, axis in enumerate(axes):
        index[axis] = slice(None, None, strides[i])
        index[x.ndim + i] = slice(None, None, dilations[i])
    return view[tuple(index)]


def taps(ndim: int, axes: Sizes, sizes: Sizes, strides: Sizes, dilations: Sizes, counts: Sizes) -> Iterator[Any]:
    """For each place in a window, that place and the index of the elements of x that come to stand there."""
    for place in product(*map(range, sizes)):
        index = [slice(None)] * ndim
        for axis, k, stride, dilation, n in zip(axes, place, strides, dilations, counts, strict=True):
            index[axis] = slice(k * dilation, k * dilation + stride * (n - 1) + 1, stride)
        yield place, tuple(index)


def _add_windows(windows: Any, axes: Sizes, sizes: Sizes, strides: Sizes, dilations: Sizes, shape: Sizes) -> Any:
    """Zeros of `shape`, with all windows added where they lie."""
    total = np.zeros_like(windows, shape=shape, order="C")
    counts = tuple([windows.shape[axis] for axis in axes])
    if 0 not in counts:
        for place, index in taps(len(shape), axes, sizes, strides, dilations, counts):
            total[index] += windows[(..., *place)]
    return total


windows_: LinearMap = LinearMap(
    "windows", sliding, lambda ct, x, **places: add_windows_.bind(ct, shape=x.shape, **places),
    batching=in_front(axes=axes_behind),
    doc="All windows of x: its own axes, counted in windows, then the axes of a window.",
)  # fmt: skip
add_windows_: LinearMap = LinearMap(
    "add_windows", _add_windows, lambda ct, windows, shape, **places: windows_.bind(ct, **places),
    batching=in_front(axes=axes_behind, shape=shape_behind),
    doc="Zeros with windows added where they lie: the transpose of taking windows.",
)  # fmt: skip


def windows(x: Any, axes: Sizes, sizes: Sizes, strides: Sizes, dilations: Sizes, name: str) -> Any:
    """All windows of x over some axes, or a ShapeError in the name of who asks."""
    shape = shape_of(x)
    for axis, k, stride, dilation in zip(axes, sizes, strides, dilations, strict=True):
        if min(k, stride, dilation) < 1:
            raise OptionError(
                f"{name}: sizes, strides and dilations are 1 or more", size=sizes, stride=strides, dilation=dilations
            )
        if window_count(shape[axis], k, stride, dilation) < 1:
            raise ShapeError(
                f"{name}: the window is larger than the array", shape=shape, axis=axis,
                window=k if dilation == 1 else f"{dilation * (k - 1) + 1} ({k} elements, dilation {dilation})",
            )  # fmt: skip
    return windows_(x, axes=axes, sizes=sizes, strides=strides, dilations=dilations)


def sliding_window_view(x: Any, window_shape: int | Sequence[int], axis: Axes = None) -> Tensor:
    """All windows of a shape in x, as NumPy's `sliding_window_view`: y[i, k] = x[i + k].

    Raises ShapeError where a window is larger than x, or there are not as many sizes as axes.

    >>> sliding_window_view(np.array([1.0, 2.0, 3.0]), 2)
    Tensor([[1., 2.],
            [2., 3.]])
    """
    sizes = several(window_shape)
    axes = normalize_axes(axis, ndim_of(x), "sliding_window_view")
    axes = tuple(range(ndim_of(x))) if axes is None else axes
    if len(sizes) != len(axes):
        raise ShapeError("sliding_window_view: a window has a size for each axis", window=sizes, axes=axes)
    ones = (1,) * len(axes)
    return windows(x, axes, sizes, ones, ones, "sliding_window_view")


def per_axis(value: int | Sequence[int], count: int, name: str) -> Sizes:
    """A number for each axis: the same for all, or as given.

    >>> per_axis(3, 2, "stride")
    (3, 3)
    """
    given = value if isinstance(value, (tuple, list)) else (value,) * count
    if len(given) != count or not all(isinstance(n, (int, np.integer)) and type(n) is not bool for n in given):
        raise OptionError(f"{name}: not a number for each axis", got=value, fix=f"an integer, or {count} of them")
    return tuple(map(int, given))


def unfold(
    x: Any, kernel_size: int | Sequence[int], dilation: int | Sequence[int] = 1, padding: int | Sequence[int] = 0,
    stride: int | Sequence[int] = 1,
) -> Tensor:  # fmt: skip
    """The windows of images as columns: (N, C, *S) to (N, C·K, L), for K elements in a window and L windows.

    A convolution is a product with these columns, known as im2col (Chellapilla, Puri & Simard 2006).

    >>> unfold(np.arange(9.0).reshape(1, 1, 3, 3), 2)[0, :, 0]
    Tensor([0., 1., 3., 4.])
    """
    n = ndim_of(x) - 2
    if n < 1:
        raise ShapeError("unfold: needs axes (N, C, ...)", got=shape_of(x))
    widths = per_axis(padding, n, "unfold: padding")
    if any(widths):
        x = pad_(x, width=((0, 0), (0, 0), *((w, w) for w in widths)))
    sizes, steps, holes = (per_axis(v, n, f"unfold: {name}") for v, name in (
        (kernel_size, "kernel_size"), (stride, "stride"), (dilation, "dilation")))  # fmt: skip
    found = windows(x, tuple(range(2, n + 2)), sizes, steps, holes, "unfold")
    batch, channels, *counts = found.shape[: n + 2]
    ordered = moveaxis(found, tuple(range(n + 2, 2 * n + 2)), tuple(range(2, n + 2)))
    return reshape(ordered, (batch, channels * math.prod(sizes), math.prod(counts)))


def fold(
    x: Any, output_size: int | Sequence[int], kernel_size: int | Sequence[int], dilation: int | Sequence[int] = 1,
    padding: int | Sequence[int] = 0, stride: int | Sequence[int] = 1,
) -> Tensor:  # fmt: skip
    """Columns added up to images where their windows lie: the transpose of `unfold`, (N, C·K, L) to (N, C, *S).

    >>> fold(unfold(np.ones((1, 1, 3, 3)), 2), (3, 3), 2)[0, 0]
    Tensor([[1., 2., 1.],
            [2., 4., 2.],
            [1., 2., 1.]])
    """
    n = 2 if isinstance(output_size, (int, np.integer)) else len(output_size)
    lengths, sizes, holes, widths, steps = (per_axis(v, n, f"fold: {name}") for v, name in (
        (output_size, "output_size"), (kernel_size, "kernel_size"), (dilation, "dilation"), (padding, "padding"),
        (stride, "stride")))  # fmt: skip
    padded = tuple(length + 2 * w for length, w in zip(lengths, widths, strict=True))
    counts = tuple(map(window_count, padded, sizes, steps, holes))
    shape = shape_of(x)
    if len(shape) != 3 or shape[1] % math.prod(sizes) or shape[2] != math.prod(counts) or min(counts) < 1:
        raise ShapeError(
            "fold: the columns do not make such images", got=shape,
            expected=f"(N, C * {math.prod(sizes)}, {math.prod(max(n, 0) for n in counts)})", output_size=lengths,
        )  # fmt: skip
    channels = shape[1] // math.prod(sizes)
    columns = reshape(x, (shape[0], channels, *sizes, *counts))
    ordered = moveaxis(columns, tuple(range(2, n + 2)), tuple(range(n + 2, 2 * n + 2)))
    axes = tuple(range(2, n + 2))
    total = add_windows_(
        ordered, axes=axes, sizes=sizes, strides=steps, dilations=holes, shape=(shape[0], channels, *padded)
    )
    inside = tuple(slice(w, w + length) for w, length in zip(widths, lengths, strict=True))
    return total[(slice(None), slice(None), *inside)] if any(widths) else total
