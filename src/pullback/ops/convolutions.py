"""Convolution: one trilinear form, and so three bilinear maps that are each other's transposes.

Of an input x (N, C, *S), a kernel w (O, C / groups, *K) and an output y (N, O, *L) the form is::

    T(x, w, y) = sum over n, o, c, l, k of  x[n, c, stride·l + dilation·k - padding] · w[o, c, k] · y[n, o, l]

`conv_` leaves y open, `conv_input_` x, `conv_weight_` w. Each one's derivative in either operand is another of them, so
every order and both modes follow. As is usual in learning, the kernel is not flipped (it is a cross-correlation).

The kernels gather the windows of a few images, as many as the cache holds, and hand them to BLAS as one product with
the weights (im2col; Chellapilla, Puri & Simard 2006, "High performance convolutional neural networks").
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from pullback.batching.rules import batched
from pullback.core.kinds import BilinearMap
from pullback.ops.windows import Pairs, Sizes, sliding, taps, window_count

BLOCK: Final = 1 << 20  # bytes of windows that are gathered at once: as many as a core's own cache holds


def padded(x: Any, padding: Pairs) -> Any:
    """An array with zeros around its last axes, or without their ends where the padding is negative."""
    if not any(map(any, padding)):
        return x
    lead = x.ndim - len(padding)
    bare = x.shape[lead:]
    lengths = [n + low + high for n, (low, high) in zip(bare, padding, strict=True)]
    result: Any = np.zeros_like(x, shape=(*x.shape[:lead], *lengths), order="C")
    kept = [slice(max(-low, 0), n + min(high, 0)) for n, (low, high) in zip(bare, padding, strict=True)]
    result[(Ellipsis, *_inside(padding, bare))] = x[(Ellipsis, *kept)]
    return result


def _inside(padding: Pairs, lengths: Sizes) -> tuple[slice, ...]:
    """Where in the padded array the elements of the bare one lie."""
    return tuple(
        slice(max(low, 0), max(low, 0) + n + min(low, 0) + min(high, 0))
        for n, (low, high) in zip(lengths, padding, strict=True)
    )


def unpadded(x: Any, padding: Pairs, lengths: Sizes) -> Any:
    """The transpose of `padded`: the bare array's share of a padded one."""
    if not any(map(any, padding)):
        return x
    if min(map(min, padding)) >= 0:
        return x[(..., *_inside(padding, lengths))]
    return padded(x, tuple((-low, -high) for low, high in padding))


def counts_of(lengths: Sizes, sizes: Sizes, stride: Sizes, padding: Pairs, dilation: Sizes) -> Sizes:
    """How many outputs there are along each axis; 0 or less where the kernel is larger than the padded input."""
    spans = [n + low + high for n, (low, high) in zip(lengths, padding, strict=True)]
    return tuple(map(window_count, spans, sizes, stride, dilation))


def _columns(x: Any, sizes: Sizes, stride: Sizes, padding: Pairs, dilation: Sizes, groups: int) -> Any:
    """The windows of some images, as columns of matrices: (n, groups, C / groups · K, L)."""
    d = len(sizes)
    found = sliding(padded(x, padding), tuple(range(2, d + 2)), sizes, stride, dilation)
    order = (0, 1, *range(d + 2, 2 * d + 2), *range(2, d + 2))
    rows = x.shape[1] // groups * math.prod(sizes)
    return found.transpose(order).reshape(x.shape[0], groups, rows, math.prod(found.shape[2 : d + 2]))


def _blocks(count: int, rows: int, columns: int, dtype: np.dtype[Any]) -> Iterator[slice]:
    """Images in blocks whose windows fit into the cache."""
    step = max(1, BLOCK // max(1, rows * columns * dtype.itemsize))
    return (slice(i, i + step) for i in range(0, count, step))


def _conv(
    x: Any, w: Any, c: Any = None, *, stride: Sizes, padding: Pairs, dilation: Sizes, groups: int
) -> Any:  # fmt: skip
    sizes = w.shape[2:]
    counts = counts_of(x.shape[2:], sizes, stride, padding, dilation)
    n, outputs, length = x.shape[0], w.shape[0], math.prod(counts)
    matrices = w.reshape(groups, outputs // groups, -1)
    dtype = np.result_type(x, w)
    y = np.empty_like(x, dtype=dtype, shape=(n, groups, outputs // groups, length), order="C")
    for block in _blocks(n, math.prod(w.shape[1:]) * groups, length, dtype):
        np.matmul(matrices, _columns(x[block], sizes, stride, padding, dilation, groups), out=y[block])
    y = y.reshape(n, outputs, *counts)
    if c is None:
        return y
    if c.dtype == dtype:
        y += c
        return y
    return y + c


def _conv_input(
    y: Any, w: Any, c: Any = None, *, size: Sizes, stride: Sizes, padding: Pairs, dilation: Sizes, groups: int
) -> Any:  # fmt: skip
    sizes, counts = w.shape[2:], y.shape[2:]
    n, outputs, length = y.shape[0], w.shape[0], math.prod(counts)
    channels = w.shape[1] * groups
    matrices = w.reshape(groups, outputs // groups, -1).mT
    dtype = np.result_type(y, w)
    rows = y.reshape(n, groups, outputs // groups, length)
    spans = tuple(s + low + high for s, (low, high) in zip(size, padding, strict=True))
    x = np.zeros_like(y, dtype=dtype, shape=(n, channels, *spans), order="C")
    axes = tuple(range(2, len(size) + 2))
    places = list(taps(x.ndim, axes, sizes, stride, dilation, counts)) if length else []
    for block in _blocks(n, math.prod(w.shape[1:]) * groups, length, dtype):
        columns = np.matmul(matrices, rows[block]).reshape(-1, channels, *sizes, *counts)
        target = x[block]
        for place, index in places:
            target[index] += columns[(slice(None), slice(None), *place)]
    x = unpadded(x, padding, size)
    return x if c is None else x + c


def _conv_weight(
    x: Any, y: Any, *, kernel: Sizes, stride: Sizes, padding: Pairs, dilation: Sizes, groups: int
) -> Any:  # fmt: skip
    n, outputs, length = y.shape[0], y.shape[1], math.prod(y.shape[2:])
    channels = x.shape[1] // groups
    rows = y.reshape(n, groups, outputs // groups, length)
    dtype = np.result_type(x, y)
    total = np.zeros_like(
        y, dtype=dtype, shape=(groups, outputs // groups, channels * math.prod(kernel)), order="C"
    )  # fmt: skip
    for block in _blocks(n, channels * groups * math.prod(kernel), length, dtype):
        columns = _columns(x[block], kernel, stride, padding, dilation, groups)
        total += np.add.reduce(np.matmul(rows[block], columns.mT), axis=0)
    return total.reshape(outputs, channels, *kernel)


conv_: BilinearMap = BilinearMap(
    "convolution", _conv,
    lambda ct, w, x, **p: conv_input_.bind(ct, w, size=x.shape[2:], **p),
    lambda ct, x, w, **p: conv_weight_.bind(x, ct, kernel=w.shape[2:], **p),
    batching=batched("convolution"),
    doc="The output of a convolution, of input and kernel: y[n, o, l] = sum of x[n, c, l + k] · w[o, c, k].",
)  # fmt: skip
conv_input_: BilinearMap = BilinearMap(
    "convolution_input", _conv_input,
    lambda ct, w, y, size, **p: conv_.bind(ct, w, **p),
    lambda ct, y, w, size, **p: conv_weight_.bind(ct, y, kernel=w.shape[2:], **p),
    batching=batched("convolution"),
    doc="The transpose of a convolution in its input, of output and kernel; a transposed convolution.",
)  # fmt: skip
conv_weight_: BilinearMap = BilinearMap(
    "convolution_weight", _conv_weight,
    lambda ct, y, x, kernel, **p: conv_input_.bind(y, ct, size=x.shape[2:], **p),
    lambda ct, x, y, kernel, **p: conv_.bind(x, ct, **p),
    batching=batched("convolution_weight"),
    doc="The transpose of a convolution in its kernel, of input and output.",
)  # fmt: skip
