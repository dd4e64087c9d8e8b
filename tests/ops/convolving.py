"""Windows and convolutions written out as loops over places: slow, and plain enough to be believed."""

from __future__ import annotations

import itertools
import math

import numpy as np


def places(counts, kernel, stride, dilation):
    """Every output place l and kernel place k, with the place s·l + d·k of the (padded) input."""
    for at in itertools.product(*map(range, counts)):
        for k in itertools.product(*map(range, kernel)):
            yield at, k, tuple(s * i + d * j for i, j, s, d in zip(at, k, stride, dilation, strict=True))


def counted(lengths, kernel, stride, padding, dilation):
    spans = [n + a + b for n, (a, b) in zip(lengths, padding, strict=True)]
    return tuple((n - d * (k - 1) - 1) // s + 1 for n, k, s, d in zip(spans, kernel, stride, dilation, strict=True))


def terms(size, kernel, counts, stride, padding, dilation):
    """The triples (place of x, of w, of y) that a convolution multiplies and adds."""
    for at, k, padded in places(counts, kernel, stride, dilation):
        place = tuple(p - a for p, (a, _) in zip(padded, padding, strict=True))
        if all(0 <= p < n for p, n in zip(place, size, strict=True)):
            yield place, k, at


def channels(x, w, groups):
    """Which channel of x each channel of w means, for each output."""
    out, inner = w.shape[:2]
    for o in range(out):
        for c in range(inner):
            yield o, c, o // (out // groups) * inner + c


def conv(x, w, bias=None, *, stride, padding, dilation, groups):
    counts = counted(x.shape[2:], w.shape[2:], stride, padding, dilation)
    y = np.zeros((len(x), len(w), *counts), np.result_type(x, w))
    for place, k, at in terms(x.shape[2:], w.shape[2:], counts, stride, padding, dilation):
        for o, c, i in channels(x, w, groups):
            y[(slice(None), o, *at)] += x[(slice(None), i, *place)] * w[(o, c, *k)]
    return y if bias is None else y + bias


def conv_input(y, w, *, size, stride, padding, dilation, groups):
    x = np.zeros((len(y), w.shape[1] * groups, *size), np.result_type(y, w))
    for place, k, at in terms(size, w.shape[2:], y.shape[2:], stride, padding, dilation):
        for o, c, i in channels(x, w, groups):
            x[(slice(None), i, *place)] += y[(slice(None), o, *at)] * w[(o, c, *k)]
    return x


def conv_weight(x, y, *, kernel, stride, padding, dilation, groups):
    w = np.zeros((y.shape[1], x.shape[1] // groups, *kernel), np.result_type(x, y))
    for place, k, at in terms(x.shape[2:], kernel, y.shape[2:], stride, padding, dilation):
        for o, c, i in channels(x, w, groups):
            w[(o, c, *k)] += (x[(slice(None), i, *place)] * y[(slice(None), o, *at)]).sum()
    return w


def windows(x, *, axes, sizes, strides, dilations):
    counts = counted([x.shape[a] for a in axes], sizes, strides, ((0, 0),) * len(axes), dilations)
    shape = list(x.shape)
    for axis, n in zip(axes, counts, strict=True):
        shape[axis] = n
    found = np.zeros((*shape, *sizes), x.dtype)
    for at, k, place in places(counts, sizes, strides, dilations):
        found[(*indexed(x, axes, at), *k)] = x[indexed(x, axes, place)]
    return found


def add_windows(values, *, axes, sizes, strides, dilations, shape):
    total = np.zeros(shape, values.dtype)
    for at, k, place in places([values.shape[a] for a in axes], sizes, strides, dilations):
        total[indexed(total, axes, place)] += values[(*indexed(total, axes, at), *k)]
    return total


def indexed(x, axes, place):
    index = [slice(None)] * x.ndim
    for axis, i in zip(axes, place, strict=True):
        index[axis] = i
    return tuple(index)


def columns(x, kernel_size, dilation=1, padding=0, stride=1):
    """Unfold by its definition."""
    kernel, steps, holes = ((n,) * 2 if isinstance(n, int) else n for n in (kernel_size, stride, dilation))
    x = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    counts = counted(x.shape[2:], kernel, steps, ((0, 0), (0, 0)), holes)
    found = np.zeros((*x.shape[:2], *kernel, *counts), x.dtype)
    for at, k, place in places(counts, kernel, steps, holes):
        found[(slice(None), slice(None), *k, *at)] = x[(slice(None), slice(None), *place)]
    return found.reshape(len(x), -1, math.prod(counts))


def folded(x, output_size, kernel_size, dilation=1, padding=0, stride=1):
    """Fold by its definition: the transpose of `columns`, column by column of the identity."""
    inner = x.shape[1] // math.prod((kernel_size,) * 2 if isinstance(kernel_size, int) else kernel_size)
    basis = np.eye(math.prod(output_size) * inner).reshape(-1, inner, *output_size)
    ones = columns(basis, kernel_size, dilation, padding, stride)
    return np.einsum("bkl,nkl->nb", ones, x).reshape(len(x), inner, *output_size).astype(x.dtype)
