"""Convolutions, written out: padding first, then one of two forms of one product of windows, neither of which pads.

An input's gradient is a convolution again, of the output's with the kernel turned round; where outputs are several
steps apart, it is one for each step.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any, Final

import numpy as np

from pullback.core.kinds import LinearMap
from pullback.ops.convolutions import conv_, conv_weight_
from pullback.ops.movement import pad_
from pullback.ops.windows import Pairs, Sizes

HELD: Final = ("float32", "float64")  # dtypes of which products are emitted


def _correlate(x: Any, w: Any, *, stride: Sizes, dilation: Sizes) -> Any:
    """y[n, g, o, l] = Σ x[n, g, c, stride·l + dilation·k] · w[g, o, c, k]."""
    made = conv_.kernel(_joined(x, 1), _joined(w, 0), **_plain(stride, dilation, x.shape[1]))
    return made.reshape(x.shape[0], *w.shape[:2], *made.shape[2:])


def _correlate_weight(x: Any, y: Any, *, kernel: Sizes, stride: Sizes, dilation: Sizes) -> Any:
    """w[g, o, (c, k)] = Σ x[n, g, c, stride·l + dilation·k] · y[n, g, o, l]."""
    made = conv_weight_.kernel(_joined(x, 1), _joined(y, 1), kernel=kernel, **_plain(stride, dilation, x.shape[1]))
    return made.reshape(*y.shape[1:3], -1)


def _joined(x: Any, axis: int) -> Any:
    """Two axes as one."""
    return x.reshape(*x.shape[:axis], x.shape[axis] * x.shape[axis + 1], *x.shape[axis + 2 :])


def _plain(stride: Sizes, dilation: Sizes, groups: int) -> dict[str, Any]:
    return {"stride": stride, "dilation": dilation, "groups": groups, "padding": ((0, 0),) * len(stride)}


correlate_: Final = LinearMap("correlate", _correlate, None)
correlate_weight_: Final = LinearMap("correlate_weight", _correlate_weight, None)


def convolution(x: Any, w: Any, c: Any = None, *, stride: Sizes, padding: Pairs, dilation: Sizes, groups: int) -> Any:
    """A convolution of what is padded, group by group."""
    if not _held(x, w):
        return NotImplemented
    made = correlate_(
        _grouped(_around(x, padding), 1, groups), _grouped(w, 0, groups), stride=stride, dilation=dilation
    )
    y = _joined(made, 1)
    return y if c is None else y + c


def convolution_weight(
    x: Any, y: Any, *, kernel: Sizes, stride: Sizes, padding: Pairs, dilation: Sizes, groups: int
) -> Any:  # fmt: skip
    """The kernel's gradient, of the input that is padded."""
    if not _held(x, y):
        return NotImplemented
    given = _grouped(_around(x, padding), 1, groups), _grouped(y, 1, groups)
    made = correlate_weight_(*given, kernel=kernel, stride=stride, dilation=dilation)
    return made.reshape(y.shape[1], x.shape[1] // groups, *kernel)


def convolution_input(
    y: Any, w: Any, c: Any = None, *, size: Sizes, stride: Sizes, padding: Pairs, dilation: Sizes, groups: int
) -> Any:  # fmt: skip
    """The input's gradient: a convolution of the output's, with zeros around, by the kernel backwards."""
    if not _held(y, w):
        return NotImplemented
    weights, lows = _grouped(w, 0, groups), [low for low, _ in padding]
    if max(stride) == 1:
        reach = [d * (k - 1) - low for d, k, low in zip(dilation, w.shape[2:], lows, strict=True)]
        x = _backwards(y, weights, reach, size, dilation)
    elif max(dilation) == 1:
        x = _by_phases(y, weights, size, stride, lows)
    else:
        reach = [d * (k - 1) - low for d, k, low in zip(dilation, w.shape[2:], lows, strict=True)]
        x = _backwards(_spread(y, stride), weights, reach, size, dilation)
    return x if c is None else x + c


def _backwards(y: Any, w: Any, before: Sequence[int], lengths: Sequence[int], dilation: Sizes) -> Any:
    """A convolution by a kernel backwards, so many zeros before y, and as many after it as these lengths take.

    y is (N, G·O, *L) and w (G, O, C, *K); the result is (N, G·C, *lengths).
    """
    kernel = w.shape[3:]
    ends = (
        length + d * (k - 1) - n - low
        for length, d, k, n, low in zip(lengths, dilation, kernel, y.shape[2:], before, strict=True)
    )
    turned = np.moveaxis(w, 1, 2)[(..., *(slice(None, None, -1),) * len(kernel))]
    given = _grouped(_around(y, tuple(zip(before, ends, strict=True))), 1, w.shape[0])
    return _joined(correlate_(given, turned, stride=(1,) * len(kernel), dilation=dilation), 1)


def _by_phases(y: Any, w: Any, size: Sizes, stride: Sizes, lows: Sequence[int]) -> Any:
    """Where outputs are s apart: what is r after a multiple of s is reached by each s-th weight from the r-th on.

    So the gradient is put together of s convolutions along each axis, none of which multiplies by zeros in between.
    """
    d = len(size)
    counts = [-(-(n + low) // s) for n, low, s in zip(size, lows, stride, strict=True)]
    phases = [min(s, k) for s, k in zip(stride, w.shape[3:], strict=True)]  # those that anything reaches
    found = []
    for starts in product(*map(range, phases)):
        part = w[(..., *(slice(r, None, s) for r, s in zip(starts, stride, strict=True)))]
        found.append(_backwards(y, part, [k - 1 for k in part.shape[3:]], counts, (1,) * d))
    apart = np.stack(found).reshape(*phases, *found[0].shape)
    order = (d, d + 1, *(i for axis in range(d) for i in (d + 2 + axis, axis)))
    rest = tuple(pair for s, n in zip(stride, phases, strict=True) for pair in ((0, 0), (0, s - n)))
    apart = apart.transpose(order)
    apart = pad_(apart, width=((0, 0), (0, 0), *rest)) if any(map(any, rest)) else apart
    whole = apart.reshape(*apart.shape[:2], *(n * s for n, s in zip(counts, stride, strict=True)))
    return whole[(slice(None), slice(None), *(slice(low, low + n) for low, n in zip(lows, size, strict=True)))]


def _held(a: Any, b: Any) -> bool:
    """Whether both are of one dtype that products are emitted for."""
    return a.dtype == b.dtype and str(a.dtype) in HELD


def _grouped(x: Any, axis: int, groups: int) -> Any:
    """An axis as groups, and what is in each."""
    return x.reshape(*x.shape[:axis], groups, x.shape[axis] // groups, *x.shape[axis + 1 :])


def _around(x: Any, padding: Pairs) -> Any:
    """Zeros around the last axes, or these without their ends where the padding is negative."""
    lengths = x.shape[x.ndim - len(padding) :]
    kept = tuple(slice(max(-low, 0), n + min(high, 0)) for n, (low, high) in zip(lengths, padding, strict=True))
    if min(map(min, padding)) < 0:
        x = x[(Ellipsis, *kept)]
    widths = tuple((max(low, 0), max(high, 0)) for low, high in padding)
    return pad_(x, width=((0, 0), (0, 0), *widths)) if any(map(any, widths)) else x


def _spread(y: Any, stride: Sizes) -> Any:
    """Each element along the last axes followed by zeros, as many as outputs are apart."""
    if max(stride) == 1:
        return y
    lead, lengths = y.shape[:2], y.shape[2:]
    apart = y.reshape(*lead, *(n for length in lengths for n in (length, 1)))
    width = tuple(pair for step in stride for pair in ((0, 0), (0, step - 1)))
    spread = pad_(apart, width=((0, 0), (0, 0), *width))
    return spread.reshape(*lead, *(n * step for n, step in zip(lengths, stride, strict=True)))
