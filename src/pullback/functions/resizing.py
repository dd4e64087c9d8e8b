"""Images of other sizes: elements repeated, interpolated, or moved from channels into space."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from pullback.core.axes import ndim_of, shape_of
from pullback.core.errors import OptionError, ShapeError
from pullback.ops.contractions import matmul
from pullback.ops.indexing import take
from pullback.ops.movement import permute_dims, reshape, swapaxes

_LINEAR: Final = {"linear": 1, "bilinear": 2, "trilinear": 3}


def upsample(
    x: Any, size: int | Sequence[int] | None = None, scale_factor: float | Sequence[float] | None = None,
    mode: str = "nearest", align_corners: bool = False,
) -> Any:  # fmt: skip
    """Bring the axes of (N, C, ...) after the first two to another size.

    Parameters
    ----------
    size : int or a number for each axis
        The new lengths; or else
    scale_factor : float or a number for each axis
        By what the lengths are multiplied, rounded down.
    mode : {"nearest", "linear", "bilinear", "trilinear"}
        Take the nearest element before, or interpolate along one, two or three axes.
    align_corners : bool
        The first and the last elements keep their places; else elements are cells, and the borders of the image do.

    Raises
    ------
    OptionError
        If not exactly one of size and scale factor is given, or the mode is not known.
    ShapeError
        If the mode does not fit the number of axes.

    >>> import pullback as pb
    >>> upsample(pb.tensor([[[1.0, 3.0]]]), scale_factor=2)
    Tensor([[[1., 1., 3., 3.]]])
    >>> upsample(pb.tensor([[[1.0, 3.0]]]), size=3, mode="linear", align_corners=True)
    Tensor([[[1., 2., 3.]]])
    """
    shape = shape_of(x)
    d = len(shape) - 2
    if d < 1 or d > 3 or _LINEAR.get(mode, d) != d:
        raise ShapeError(f"upsample: the input has other axes than mode {mode!r} means", got=shape)
    if mode != "nearest" and mode not in _LINEAR:
        raise OptionError("upsample: unknown mode", got=repr(mode), fix=", ".join(["nearest", *_LINEAR]))
    if align_corners and mode == "nearest":
        raise OptionError("upsample: align_corners is of the modes that interpolate", mode=mode)
    if (size is None) == (scale_factor is None):
        raise OptionError("upsample: give size or scale_factor", size=size, scale_factor=scale_factor)
    factors: Sequence[float | None]
    if size is None:
        factors = scale_factor if isinstance(scale_factor, (tuple, list)) else (scale_factor,) * d  # type: ignore[assignment]  # not None, as was checked
        lengths: Sequence[int] = [math.floor(n * f) for n, f in zip(shape[2:], factors, strict=True)]  # type: ignore[operator]  # not None, as was checked
    else:
        lengths = size if isinstance(size, (tuple, list)) else (size,) * d  # type: ignore[assignment]  # not None, as was checked
        factors = (None,) * d
    if min(lengths) < 1 or 0 in shape[2:]:
        raise ShapeError("upsample: the output would be empty", got=shape, output=tuple(lengths))
    for i, (length, factor) in enumerate(zip(lengths, factors, strict=True)):
        x = _along(x, i + 2, length, factor, mode, align_corners)
    return x


def _along(x: Any, axis: int, length: int, factor: float | None, mode: str, align_corners: bool) -> Any:
    n = shape_of(x)[axis]
    step = n / length if factor is None else 1 / factor
    if mode == "nearest":
        return take(x, np.minimum((np.arange(length) * step).astype(np.intp), n - 1), axis)
    if align_corners:
        places = np.arange(length) * ((n - 1) / (length - 1) if length > 1 else 0)
    else:
        places = np.maximum((np.arange(length) + 0.5) * step - 0.5, 0)
    first = np.minimum(places.astype(np.intp), n - 1)
    share = places - first
    weights = np.zeros((length, n))
    np.add.at(weights, (np.arange(length), first), 1 - share)
    np.add.at(weights, (np.arange(length), np.minimum(first + 1, n - 1)), share)
    weights = weights.astype(np.result_type(getattr(x, "dtype", float), np.float16))
    last = ndim_of(x) - 1
    if axis == last:
        return matmul(x, weights.T)
    if axis == last - 1:
        return matmul(weights, x)
    return swapaxes(matmul(swapaxes(x, axis, last), weights.T), axis, last)


def pixel_shuffle(x: Any, upscale_factor: int) -> Any:
    """(N, C·r², H, W) to (N, C, H·r, W·r): channels become the pixels of an r × r square (Shi et al. 2016).

    Raises ShapeError if r² does not divide the channels.

    >>> import pullback as pb
    >>> pixel_shuffle(pb.arange(4.0).reshape(1, 4, 1, 1), 2)
    Tensor([[[[0., 1.],
              [2., 3.]]]])
    """
    r = upscale_factor
    if not isinstance(r, int) or r < 1:
        raise OptionError("pixel_shuffle: upscale_factor is an integer, 1 or more", got=r)
    shape = shape_of(x)
    if len(shape) < 3 or shape[-3] % (r * r):
        raise ShapeError("pixel_shuffle: the channels do not divide", expected=f"(..., C * {r * r}, H, W)", got=shape)
    *batch, channels, height, width = shape
    lead, b = tuple(batch), len(batch)
    parts = reshape(x, (*lead, channels // (r * r), r, r, height, width))
    order = (*range(b), *(b + i for i in (0, 3, 1, 4, 2)))
    return reshape(permute_dims(parts, order), (*lead, channels // (r * r), height * r, width * r))
