"""Cosine and sine transforms, SciPy's, of the types 1 to 4."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

from pullback.core.axes import normalize_axis
from pullback.core.errors import OptionError, ShapeError
from pullback.core.habits import explain_keywords
from pullback.fft.fitting import axes_of, checked_length, fitted, lengths_of, norm_of
from pullback.functions.creation import asarray
from pullback.ops.fourier import DUAL, OTHER_NORM, waves_
from pullback.tensors import Tensor

Lengths = Sequence[int | None] | None


def _over(
    name: str, x: Any, type: int, s: Lengths, axes: Sequence[int] | None, norm: str | None, orthogonalize: bool | None
) -> Tensor:
    """The transform of that name over axes; the inverse of a type is its dual, scaled by the rest."""
    x = asarray(x)
    if type not in DUAL:
        raise OptionError(f"{name}: unknown type", got=type, fix="1, 2, 3 or 4")
    norm = norm_of(name, norm)
    orthogonal = norm == "ortho" if orthogonalize is None else bool(orthogonalize)
    if name.startswith("i"):
        type, norm = DUAL[type], OTHER_NORM[norm]
    places = axes_of(name, x, s, axes)
    family = name.removeprefix("i")[:3]
    for n, axis in zip(lengths_of(name, x, s, places), places, strict=True):
        checked_length(name, n)
        if n == 1 and family == "dct" and type == 1:
            raise ShapeError(f"{name}: type 1 is of two numbers or more", n=n, fix="type=2")
        x = waves_(fitted(x, n, axis), name=family, kind=type, axis=axis, norm=norm, orthogonal=orthogonal)
    return x


def _along(
    name: str, x: Any, type: int, n: int | None, axis: int, norm: str | None, orthogonalize: bool | None
) -> Tensor:  # fmt: skip
    x = asarray(x)
    s = None if n is None else (checked_length(name, operator.index(n)),)
    return _over(name, x, type, s, (normalize_axis(axis, x.ndim, name),), norm, orthogonalize)


def dct(
    x: Any, type: int = 2, n: int | None = None, axis: int = -1, norm: str | None = None, *,
    orthogonalize: bool | None = None,
) -> Tensor:  # fmt: skip
    """yₖ = 2 Σⱼ xⱼ cos(πk(2j + 1)/2n): the cosine transform along an axis, of type 2, or of 1, 3 or 4; as SciPy's.

    With `norm="ortho"`, or where `orthogonalize` says so, its matrix is orthogonal but for a factor. Raises
    OptionError for another type, ShapeError for a transform of nothing.

    >>> dct([1.0, 2.0])
    Tensor([ 6.        , -1.41421356])
    """
    return _along("dct", x, type, n, axis, norm, orthogonalize)


def idct(
    x: Any, type: int = 2, n: int | None = None, axis: int = -1, norm: str | None = None, *,
    orthogonalize: bool | None = None,
) -> Tensor:  # fmt: skip
    """The inverse of `dct` of the same type.

    >>> idct(dct([1.0, 2.0]))
    Tensor([1., 2.])
    """
    return _along("idct", x, type, n, axis, norm, orthogonalize)


def dst(
    x: Any, type: int = 2, n: int | None = None, axis: int = -1, norm: str | None = None, *,
    orthogonalize: bool | None = None,
) -> Tensor:  # fmt: skip
    """yₖ = 2 Σⱼ xⱼ sin(π(k + 1)(2j + 1)/2n): the sine transform along an axis, of type 2, or of 1, 3 or 4; as SciPy's.

    >>> dst([1.0, 2.0])
    Tensor([ 4.24264069, -2.        ])
    """
    return _along("dst", x, type, n, axis, norm, orthogonalize)


def idst(
    x: Any, type: int = 2, n: int | None = None, axis: int = -1, norm: str | None = None, *,
    orthogonalize: bool | None = None,
) -> Tensor:  # fmt: skip
    """The inverse of `dst` of the same type.

    >>> idst(dst([1.0, 2.0]))
    Tensor([1., 2.])
    """
    return _along("idst", x, type, n, axis, norm, orthogonalize)


def dctn(
    x: Any, type: int = 2, s: Lengths = None, axes: Sequence[int] | None = None, norm: str | None = None, *,
    orthogonalize: bool | None = None,
) -> Tensor:  # fmt: skip
    """The cosine transform over many axes, all by default; `s` has the length of each.

    >>> dctn([[1.0, 1.0]], norm="ortho")
    Tensor([[1.41421356, 0.        ]])
    """
    return _over("dctn", x, type, s, axes, norm, orthogonalize)


def idctn(
    x: Any, type: int = 2, s: Lengths = None, axes: Sequence[int] | None = None, norm: str | None = None, *,
    orthogonalize: bool | None = None,
) -> Tensor:  # fmt: skip
    """The inverse of `dctn` of the same type.

    >>> idctn(dctn([[1.0, 2.0]]))
    Tensor([[1., 2.]])
    """
    return _over("idctn", x, type, s, axes, norm, orthogonalize)


def dstn(
    x: Any, type: int = 2, s: Lengths = None, axes: Sequence[int] | None = None, norm: str | None = None, *,
    orthogonalize: bool | None = None,
) -> Tensor:  # fmt: skip
    """The sine transform over many axes, all by default; `s` has the length of each.

    >>> dstn([[1.0, 1.0]], norm="ortho")
    Tensor([[1.41421356, 0.        ]])
    """
    return _over("dstn", x, type, s, axes, norm, orthogonalize)


def idstn(
    x: Any, type: int = 2, s: Lengths = None, axes: Sequence[int] | None = None, norm: str | None = None, *,
    orthogonalize: bool | None = None,
) -> Tensor:  # fmt: skip
    """The inverse of `dstn` of the same type.

    >>> idstn(dstn([[1.0, 2.0]]))
    Tensor([[1., 2.]])
    """
    return _over("idstn", x, type, s, axes, norm, orthogonalize)


explain_keywords(globals())
