"""Products: Kronecker's, inner and outer ones, cross products, and convolutions of sequences."""

from __future__ import annotations

from typing import Any

import numpy as np

from pullback.core.axes import normalize_axis
from pullback.core.complex import conjugate
from pullback.core.errors import OptionError, ShapeError
from pullback.core.habits import explain_keywords
from pullback.functions.creation import asarray
from pullback.functions.padding import pad
from pullback.ops.contractions import einsum, matmul, tensordot
from pullback.ops.movement import broadcast_to, expand_dims, flip, moveaxis, reshape, stack
from pullback.ops.windows import sliding_window_view
from pullback.tensors.tables import serve


def einsum_path(subscripts: Any, *operands: Any, optimize: Any = "greedy") -> Any:
    """The order in which `einsum` contracts pairs of operands, as NumPy gives it: the pairs, and a table in words.

    >>> einsum_path("ij,jk,kl->il", np.ones((2, 9)), np.ones((9, 9)), np.ones((9, 2)))[0]
    ['einsum_path', (0, 1), (0, 1)]
    """
    return np.einsum_path(subscripts, *operands, optimize=optimize)


def inner(a: Any, b: Any) -> Any:
    """Σ a·b over the last axes of both; with a number, the product.

    >>> inner(np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    Tensor(11.)
    """
    x, y = asarray(a), asarray(b)
    if x.ndim == 0 or y.ndim == 0:
        return x * y
    return tensordot(x, y, axes=((-1,), (-1,)))


def vecdot(x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    """Σ ā·b along one axis, broadcasting the others; the conjugate of a complex a.

    >>> vecdot(np.ones((2, 3)), np.array([1.0, 2.0, 3.0]))
    Tensor([6., 6.])
    """
    a, b = asarray(x1), asarray(x2)
    if not a.ndim or not b.ndim:
        raise ShapeError("vecdot: a number has no axes", left=a.shape, right=b.shape, fix="a * b")
    if axis != -1:
        a, b = (moveaxis(x, normalize_axis(axis, x.ndim, "vecdot"), -1) for x in (a, b))
    if a.shape[-1] != b.shape[-1]:
        raise ShapeError("vecdot: the vectors have two lengths", left=a.shape, right=b.shape)
    a = conjugate(a)
    return einsum("...i,...i->...", a, b) if a.dtype.kind != "b" or b.dtype.kind != "b" else matmul(
        expand_dims(a, -2), expand_dims(b, -1))[..., 0, 0]  # fmt: skip


def matvec(x1: Any, x2: Any, /) -> Any:
    """The product of matrices and vectors, in the last axes.

    >>> matvec(np.ones((2, 3)), np.ones((4, 3))).shape
    (4, 2)
    """
    return matmul(asarray(x1), expand_dims(asarray(x2), -1))[..., 0]


def vecmat(x1: Any, x2: Any, /) -> Any:
    """The product of vectors, conjugated, and matrices, in the last axes.

    >>> vecmat(np.ones((4, 2)), np.ones((2, 3))).shape
    (4, 3)
    """
    return matmul(expand_dims(conjugate(asarray(x1)), -2), asarray(x2))[..., 0, :]


def kron(a: Any, b: Any) -> Any:
    """Each element of a times all of b, in its place.

    >>> kron(np.array([1.0, 2.0]), np.array([1.0, 1.0]))
    Tensor([1., 1., 2., 2.])
    """
    x, y = asarray(a), asarray(b)
    ndim = max(x.ndim, y.ndim)
    x = reshape(x, (1,) * (ndim - x.ndim) + x.shape)
    y = reshape(y, (1,) * (ndim - y.ndim) + y.shape)
    product = reshape(x, tuple(n for m in x.shape for n in (m, 1))) * reshape(
        y, tuple(n for m in y.shape for n in (1, m))
    )
    return reshape(product, tuple(m * n for m, n in zip(x.shape, y.shape, strict=True)))


def cross(a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None) -> Any:
    """The vector product of vectors of three numbers; of two numbers, the third of the product.

    >>> cross(np.array([1.0, 0.0, 0.0]), np.array([0.0, 1.0, 0.0]))
    Tensor([0., 0., 1.])
    """
    if axis is not None:
        axisa = axisb = axisc = axis
    x, y = asarray(a), asarray(b)
    x = moveaxis(x, axisa, -1)
    y = moveaxis(y, axisb, -1)
    lengths = x.shape[-1], y.shape[-1]
    if not set(lengths) <= {2, 3}:
        raise ShapeError("cross: vectors have two or three numbers", left=x.shape, right=y.shape)
    a0, a1, a2, b0, b1, b2 = _three(x) + _three(y)
    last = a0 * b1 - a1 * b0
    if lengths == (2, 2):
        return last
    shape = last.shape
    parts = [a1 * b2 - a2 * b1, a2 * b0 - a0 * b2, last]
    return moveaxis(stack([broadcast_to(p, shape) for p in parts], -1), -1, axisc)


def _three(v: Any) -> list[Any]:
    """The numbers of vectors, of which the third may be missing."""
    return [*(v[..., i] for i in range(v.shape[-1])), 0][:3]


def convolve(a: Any, v: Any, mode: str = "full") -> Any:
    """Σ aᵢ vₖ₋ᵢ of two sequences: all of it, its middle of a's length ("same"), or where they overlap whole ("valid").

    >>> convolve(np.array([1.0, 2.0]), np.array([1.0, 1.0]))
    Tensor([1., 3., 2.])
    """
    x, y = _sequences(a, v, "convolve")
    if y.size > x.size:
        x, y = y, x
    return _sliding(x, flip(y), mode, "convolve")


def correlate(a: Any, v: Any, mode: str = "valid") -> Any:
    """Σ aᵢ₊ₖ v̄ᵢ of two sequences; the conjugate of a complex v.

    >>> correlate(np.array([1.0, 2.0, 3.0]), np.array([0.0, 1.0]))
    Tensor([2., 3.])
    """
    x, y = _sequences(a, v, "correlate")
    y = conjugate(y)
    if y.size > x.size:
        return flip(_sliding(y, x, mode, "correlate"))
    return _sliding(x, y, mode, "correlate")


def _sequences(a: Any, v: Any, name: str) -> tuple[Any, Any]:
    x, y = (reshape(s, (1,)) if s.ndim == 0 else s for s in (asarray(a), asarray(v)))
    if x.ndim != 1 or y.ndim != 1 or not x.size or not y.size:
        raise ShapeError(f"{name}: two sequences that are not empty", a=x.shape, v=y.shape)
    return x, y


def _sliding(x: Any, y: Any, mode: str, name: str) -> Any:
    """Products of y with each window of x, which is the longer."""
    n, m = x.size, y.size
    before = {"full": m - 1, "same": m // 2 if name == "correlate" else m - 1 - (m - 1) // 2, "valid": 0}.get(mode)
    if before is None:
        raise OptionError(f"{name}: unknown mode", mode=mode, fix="full, same or valid")
    count = {"full": n + m - 1, "same": n, "valid": n - m + 1}[mode]
    after = count + m - 1 - before - n
    padded = pad(x, (before, after)) if before or after else x
    return matmul(sliding_window_view(padded, m), y)


explain_keywords(globals())
serve(globals())
