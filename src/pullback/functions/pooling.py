"""Pooling: the largest or the mean element of each window of signals and images.

A reduction over windows; the largest elements that tie share the derivative, as they do in `max`. Padding never wins.

>>> import pullback as pb
>>> x = pb.arange(16.0).reshape(1, 1, 4, 4)
>>> max_pool2d(x, 2)[0, 0]
Tensor([[ 5.,  7.],
        [13., 15.]])
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from pullback.core.axes import ndim_of, shape_of
from pullback.core.errors import OptionError, ShapeError
from pullback.functions.convolutions import steps
from pullback.functions.padding import pad
from pullback.ops.contractions import matmul
from pullback.ops.elementwise import divide, where
from pullback.ops.indexing import getitem
from pullback.ops.movement import moveaxis, reshape
from pullback.ops.reductions import max as largest
from pullback.ops.reductions import mean
from pullback.ops.reductions import sum as sum_over
from pullback.ops.windows import Pairs, Sizes, per_axis, sliding, window_count, windows

Size = int | Sequence[int]


def max_pool1d(
    x: Any, kernel_size: Size, stride: Size | None = None, padding: Size = 0, dilation: Size = 1,
    ceil_mode: bool = False,
) -> Any:  # fmt: skip
    """The largest element of each window of signals (N, C, L) or (C, L); see `max_pool2d`.

    >>> import pullback as pb
    >>> max_pool1d(pb.tensor([[[1.0, 3.0, 2.0, 0.0]]]), 2)
    Tensor([[[3., 2.]]])
    """
    return _max_pool("max_pool1d", 1, x, kernel_size, stride, padding, dilation, ceil_mode)


def max_pool2d(
    x: Any, kernel_size: Size, stride: Size | None = None, padding: Size = 0, dilation: Size = 1,
    ceil_mode: bool = False,
) -> Any:  # fmt: skip
    """y[n, c, i] = max_k x[n, c, stride·i + dilation·k − padding], with i and k in two dimensions.

    Parameters
    ----------
    x : array-like, (N, C, H, W) or (C, H, W)
        Images.
    kernel_size : int or two of them
        Of a window.
    stride : int or two of them, optional
        Steps between windows; else their size, so that they do not overlap.
    padding : int or two of them
        At most half a window on each side; it never is the largest.
    dilation : int or two of them
        Steps between the elements of a window.
    ceil_mode : bool
        Also take a last window that begins inside the image and reaches over its end.

    Raises
    ------
    ShapeError
        If the window is larger than the padded image.
    OptionError
        If an option is not possible.

    >>> import pullback as pb
    >>> pb.grad(lambda x: max_pool2d(x, 2).sum())(pb.tensor([[[1.0, 4.0], [4.0, 2.0]]]))
    Tensor([[[0. , 0.5],
             [0.5, 0. ]]])
    """
    return _max_pool("max_pool2d", 2, x, kernel_size, stride, padding, dilation, ceil_mode)


def avg_pool1d(
    x: Any, kernel_size: Size, stride: Size | None = None, padding: Size = 0, ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Any:  # fmt: skip
    """The mean of each window of signals (N, C, L) or (C, L); see `avg_pool2d`.

    >>> import pullback as pb
    >>> avg_pool1d(pb.tensor([[[1.0, 3.0, 2.0, 0.0]]]), 2)
    Tensor([[[2., 1.]]])
    """
    return _avg_pool("avg_pool1d", 1, x, kernel_size, stride, padding, ceil_mode, count_include_pad, None)


def avg_pool2d(
    x: Any, kernel_size: Size, stride: Size | None = None, padding: Size = 0, ceil_mode: bool = False,
    count_include_pad: bool = True, divisor_override: int | None = None,
) -> Any:  # fmt: skip
    """y[n, c, i] = Σ_k x[n, c, stride·i + k − padding] / number of k, with i and k in two dimensions.

    Parameters
    ----------
    count_include_pad : bool
        Divide by the size of the window, zeros of the padding included; False divides by how many are inside.
    divisor_override : int, optional
        Divide by this.
    x, kernel_size, stride, padding, ceil_mode
        As of `max_pool2d`.

    >>> import pullback as pb
    >>> avg_pool2d(pb.arange(16.0).reshape(1, 4, 4), 2)[0]
    Tensor([[ 2.5,  4.5],
            [10.5, 12.5]])
    """
    return _avg_pool("avg_pool2d", 2, x, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)


def adaptive_avg_pool2d(x: Any, output_size: int | Sequence[int | None]) -> Any:
    """The mean of each of a fixed number of cells: cell i of an axis is from ⌊i·n / m⌋ to ⌈(i + 1)·n / m⌉.

    Parameters
    ----------
    x : array-like, (N, C, H, W) or (C, H, W)
        Images of any size.
    output_size : int or two of them
        How many cells there are; None keeps an axis as it is.

    >>> import pullback as pb
    >>> adaptive_avg_pool2d(pb.arange(6.0).reshape(1, 2, 3), (1, 2))
    Tensor([[[2., 3.]]])
    """
    for axis, cells in zip((-2, -1), _cells("adaptive_avg_pool2d", x, output_size), strict=True):
        n = shape_of(x)[axis]
        if cells == n:
            continue
        places = np.arange(n)
        first, last = _borders(n, cells)
        shares = (places >= first[:, None]) & (places < last[:, None])
        dtype = np.result_type(getattr(x, "dtype", float), np.float16)
        weights = (shares / (last - first)[:, None]).astype(dtype)
        x = matmul(x, weights.T) if axis == -1 else matmul(weights, x)
    return x


def adaptive_max_pool2d(x: Any, output_size: int | Sequence[int | None]) -> Any:
    """The largest element of each of a fixed number of cells; see `adaptive_avg_pool2d`.

    >>> import pullback as pb
    >>> adaptive_max_pool2d(pb.arange(6.0).reshape(1, 2, 3), (1, 2))
    Tensor([[[4., 5.]]])
    """
    cells = _cells("adaptive_max_pool2d", x, output_size)
    indices, masks = [], []
    for n, m in zip(shape_of(x)[-2:], cells, strict=True):
        first, last = _borders(n, m)
        places = first[:, None] + np.arange((last - first).max(initial=0))
        masks.append(places < last[:, None])
        indices.append(np.minimum(places, n - 1))
    rows, columns = indices[0][:, None, :, None], indices[1][None, :, None, :]
    found = getitem(x, (Ellipsis, rows, columns))
    inside = masks[0][:, None, :, None] & masks[1][None, :, None, :]
    return largest(found if inside.all() else where(inside, found, -math.inf), (-2, -1))


def global_avg_pool(x: Any, keepdims: bool = False) -> Any:
    """The mean over all axes but the first two, (N, C, ...) to (N, C) (Lin, Chen & Yan 2013).

    >>> import pullback as pb
    >>> global_avg_pool(pb.ones((2, 3, 4, 4))).shape
    (2, 3)
    """
    if ndim_of(x) < 3:
        raise ShapeError("global_avg_pool: nothing to average over", expected="(N, C, ...)", got=shape_of(x))
    return mean(x, tuple(range(2, ndim_of(x))), keepdims=keepdims)


def _cells(name: str, x: Any, output_size: int | Sequence[int | None]) -> Sizes:
    if ndim_of(x) not in (3, 4):
        raise ShapeError(f"{name}: the input has other axes", expected="(N, C, H, W) or (C, H, W)", got=shape_of(x))
    given = output_size if isinstance(output_size, (tuple, list)) else (output_size,) * 2
    lengths = shape_of(x)[-2:]
    cells = per_axis([n if m is None else m for n, m in zip(lengths, given, strict=False)], 2, f"{name}: output_size")
    if min(cells) < 1 or min(lengths) < 1:
        raise ShapeError(f"{name}: a cell would have no elements", got=shape_of(x), output_size=output_size)
    return cells


def _borders(n: int, cells: int) -> tuple[Any, Any]:
    """Where the cells of an axis begin and end."""
    numbers = np.arange(cells)
    return numbers * n // cells, -(-(numbers + 1) * n // cells)


def _max_pool(
    name: str, d: int, x: Any, kernel_size: Size, stride: Size | None, padding: Size, dilation: Size, ceil_mode: bool
) -> Any:
    sizes, strides, dilations = steps(
        name, d, kernel_size=kernel_size, stride=kernel_size if stride is None else stride, dilation=dilation
    )
    widths = _widths(name, d, x, sizes, strides, padding, dilations, ceil_mode)
    return largest(_taps_first(name, d, x, sizes, strides, dilations, widths, -math.inf), 0)


def _avg_pool(
    name: str, d: int, x: Any, kernel_size: Size, stride: Size | None, padding: Size, ceil_mode: bool,
    count_include_pad: bool, divisor: int | None,
) -> Any:  # fmt: skip
    sizes, strides = steps(name, d, kernel_size=kernel_size, stride=kernel_size if stride is None else stride)
    if divisor == 0:
        raise OptionError(f"{name}: divisor_override is not 0", got=divisor)
    ones = (1,) * d
    widths = _widths(name, d, x, sizes, strides, padding, ones, ceil_mode)
    found = _taps_first(name, d, x, sizes, strides, ones, widths, 0)
    if divisor is not None:
        return divide(sum_over(found, 0), divisor)
    if not any(map(any, widths)):
        return mean(found, 0)
    # How many elements of each window count: those of the image, and of the padding that was asked for.
    counted = np.ones(shape_of(x)[-d:])
    if count_include_pad:
        counted = np.pad(counted, [(low, low) for low, _ in widths], constant_values=1)
    extra = [
        (0, max(0, n + low + high - have)) if count_include_pad else (low, high)
        for n, (low, high), have in zip(shape_of(x)[-d:], widths, counted.shape, strict=True)
    ]
    counts = sliding(np.pad(counted, extra), tuple(range(d)), sizes, strides, ones).sum(tuple(range(-d, 0)))
    return divide(sum_over(found, 0), counts.astype(found.dtype))


def _taps_first(
    name: str, d: int, x: Any, sizes: Sizes, strides: Sizes, dilations: Sizes, widths: Pairs, value: float
) -> Any:
    """The elements of windows along a new first axis, where NumPy reduces fastest: (K, ..., *L)."""
    ndim = ndim_of(x)
    if any(map(any, widths)):
        x = pad(x, ((0, 0),) * (ndim - d) + widths, constant_values=value)
    axes = tuple(range(ndim - d, ndim))
    found = windows(x, axes, sizes, strides, dilations, name)
    ordered = moveaxis(found, tuple(range(ndim, ndim + d)), tuple(range(d)))
    return reshape(ordered, (math.prod(sizes), *found.shape[:ndim]))


def _widths(
    name: str, d: int, x: Any, sizes: Sizes, strides: Sizes, padding: Size, dilations: Sizes, ceil_mode: bool
) -> Pairs:
    """The widths before and after each axis, what `ceil_mode` adds included."""
    shape = shape_of(x)
    if len(shape) not in (d + 1, d + 2):
        letters = {1: "L", 2: "H, W"}[d]
        raise ShapeError(
            f"{name}: the input has other axes", expected=f"(N, C, {letters}) or (C, {letters})", got=shape
        )
    lows = per_axis(padding, d, f"{name}: padding")
    if any(not 0 <= low <= size // 2 for low, size in zip(lows, sizes, strict=True)):
        raise OptionError(f"{name}: padding is at most half of the window", got=padding, kernel_size=sizes)
    widths = []
    for n, low, size, stride, dilation in zip(shape[-d:], lows, sizes, strides, dilations, strict=True):
        high = low
        if ceil_mode:
            count = -(-(n + 2 * low - dilation * (size - 1) - 1) // stride) + 1
            if (count - 1) * stride >= n + low:  # it would begin in the padding after the image
                count -= 1
            high = max(low, (count - 1) * stride + dilation * (size - 1) + 1 - n - low)
        if window_count(n + low + high, size, 1, dilation) < 1:
            raise ShapeError(f"{name}: the window is larger than the input", got=shape, kernel_size=sizes, padding=lows)
        widths.append((low, high))
    return tuple(widths)
