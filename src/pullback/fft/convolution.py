"""Convolution by Fourier transforms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pullback.core.axes import normalize_axes
from pullback.core.errors import OptionError, ShapeError
from pullback.core.habits import explain_keywords
from pullback.fft.transforms import fftn, ifftn, irfftn, rfftn
from pullback.functions.creation import asarray, zeros
from pullback.tensors import Tensor


def smooth(n: int) -> int:
    """The least number from n on that has no prime factor above 5: of these a transform is quick."""
    best = 1 << max(n - 1, 0).bit_length()
    five = 1
    while five < best:
        three = five
        while three < best:
            whole = three << max(-(-n // three) - 1, 0).bit_length()
            best = min(best, whole)
            three *= 3
        five *= 5
    return best


def fftconvolve(in1: Any, in2: Any, mode: str = "full", axes: int | Sequence[int] | None = None) -> Tensor:
    """yₖ = Σⱼ aⱼ bₖ₋ⱼ over some axes, all by default: the product of Fourier transforms, transformed back.

    For long arrays it takes n log n steps; `pb.convolve` sums. The other axes broadcast. As SciPy's: `mode` is "full",
    "same" (of the shape of `in1`, from the middle), or "valid" (where the smaller one lies within the other).

    Raises ShapeError for shapes that do not fit; OptionError for another mode.

    >>> fftconvolve(np.array([1.0, 2.0]), np.array([1.0, 1.0, 1.0])).numpy().round(12)
    array([1., 3., 3., 2.])
    """
    a, b = asarray(in1), asarray(in2)
    if mode not in ("full", "same", "valid"):
        raise OptionError("fftconvolve: unknown mode", got=mode, fix='"full", "same" or "valid"')
    if a.ndim != b.ndim:
        raise ShapeError("fftconvolve: as many axes in both", in1=a.shape, in2=b.shape)
    found = normalize_axes(axes, a.ndim, "fftconvolve")
    places = tuple(range(a.ndim)) if found is None else found
    others = [i for i in range(a.ndim) if i not in places]
    if any(a.shape[i] != b.shape[i] and 1 not in (a.shape[i], b.shape[i]) for i in others):
        raise ShapeError("fftconvolve: the axes beside do not broadcast", in1=a.shape, in2=b.shape, axes=places)
    if not a.size or not b.size:
        return zeros((0,), np.result_type(a.dtype, b.dtype))
    if mode == "valid":
        larger = [a.shape[i] >= b.shape[i] for i in places]
        if not all(larger):
            if not all(a.shape[i] <= b.shape[i] for i in places):
                raise ShapeError(
                    'fftconvolve: with mode="valid" one is as large as the other in all axes', in1=a.shape, in2=b.shape
                )
            a, b = b, a
    whole = [a.shape[i] + b.shape[i] - 1 for i in places]
    if places:
        s = [smooth(n) for n in whole]
        complex_ = "c" in (a.dtype.kind, b.dtype.kind)
        there, back = (fftn, ifftn) if complex_ else (rfftn, irfftn)
        product = back(there(a, s, places) * there(b, s, places), s, places)
    else:
        product = a * b
    cut: list[Any] = [slice(None)] * a.ndim
    for i, n in zip(places, whole, strict=True):
        count = {"full": n, "same": a.shape[i], "valid": a.shape[i] - b.shape[i] + 1}[mode]
        cut[i] = slice((n - count) // 2, (n - count) // 2 + count)
    return product[tuple(cut)]


explain_keywords(globals())
