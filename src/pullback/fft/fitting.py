"""What a transform is told of axes and lengths, and numbers padded with 0 or cut to fit."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

from pullback.core.axes import normalize_axis
from pullback.core.errors import AxisError, OptionError, ShapeError
from pullback.core.habits import nearest
from pullback.ops.fourier import OTHER_NORM
from pullback.ops.movement import pad_
from pullback.tensors import Tensor


def norm_of(name: str, norm: Any) -> str:
    """How a transform is scaled; "backward" by default."""
    if norm is None:
        return "backward"
    if norm not in OTHER_NORM:
        near = nearest(norm, OTHER_NORM) if isinstance(norm, str) else None
        raise OptionError(
            f"{name}: unknown norm", got=norm, fix=f'"{near}"' if near else '"backward", "ortho" or "forward"'
        )
    return str(norm)


def axes_of(name: str, x: Tensor, s: Sequence[int | None] | None, axes: Sequence[int] | None) -> tuple[int, ...]:
    """The axes of a transform over many: those given, else as many of the last as there are lengths, else all."""
    if axes is None:
        count = x.ndim if s is None else len(s)
        if count > x.ndim:
            raise AxisError(f"{name}: more lengths than axes", s=s, shape=x.shape)
        return tuple(range(x.ndim - count, x.ndim))
    return tuple([normalize_axis(axis, x.ndim, name) for axis in axes])


def lengths_of(name: str, x: Tensor, s: Sequence[int | None] | None, axes: Sequence[int]) -> list[int]:
    """The length of each of the axes; -1 and None leave one as it is."""
    if s is None:
        return [x.shape[axis] for axis in axes]
    if len(s) != len(axes):
        raise ShapeError(f"{name}: one length for each axis", s=tuple(s), axes=tuple(axes))
    return [x.shape[a] if n is None or n == -1 else operator.index(n) for n, a in zip(s, axes, strict=True)]


def checked_length(name: str, n: int) -> int:
    """A length that a transform can have."""
    if n < 1:
        raise ShapeError(f"{name}: a transform is of one number or more", n=n, fix="give n=1 or more")
    return n


def fitted(x: Tensor, n: int, axis: int) -> Tensor:
    """x with n numbers along an axis: those at its end are cut off, or zeros follow."""
    have = x.shape[axis]
    if have == n:
        return x
    if have > n:
        return x[(slice(None),) * axis + (slice(0, n),)]
    return pad_(x, width=((0, 0),) * axis + ((0, n - have),) + ((0, 0),) * (x.ndim - axis - 1))
