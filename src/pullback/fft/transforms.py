"""NumPy's Fourier transforms: along one axis, two, many; of real numbers, to real numbers."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

from pullback.core.axes import normalize_axis
from pullback.core.errors import AxisError, DTypeError
from pullback.core.habits import explain_keywords
from pullback.fft.fitting import axes_of, checked_length, fitted, lengths_of, norm_of
from pullback.functions.creation import asarray
from pullback.ops.complex_parts import conj
from pullback.ops.fourier import OTHER_NORM, fft_, irfft_, rfft_
from pullback.tensors import Tensor

Lengths = Sequence[int | None] | None


def _along(name: str, a: Any, n: int | None, axis: int, norm: str | None, inverse: bool) -> Tensor:
    x = asarray(a)
    axis = normalize_axis(axis, x.ndim, name)
    n = checked_length(name, x.shape[axis] if n is None else operator.index(n))
    return fft_(fitted(x, n, axis), axes=(axis,), inverse=inverse, norm=norm_of(name, norm))


def _over(name: str, a: Any, s: Lengths, axes: Sequence[int] | None, norm: str | None, inverse: bool) -> Tensor:
    x = asarray(a)
    places = axes_of(name, x, s, axes)
    return _transformed(name, x, lengths_of(name, x, s, places), places, norm_of(name, norm), inverse)


def _transformed(
    name: str, x: Tensor, lengths: Sequence[int], axes: Sequence[int], norm: str, inverse: bool
) -> Tensor:  # fmt: skip
    """The transform over axes, the last one first; what has the right lengths is transformed at once."""
    for n in lengths:
        checked_length(name, n)
    if all(x.shape[axis] == n for n, axis in zip(lengths, axes, strict=True)):
        return fft_(x, axes=tuple(axes), inverse=inverse, norm=norm) if axes else x
    for n, axis in reversed([*zip(lengths, axes, strict=True)]):
        x = fft_(fitted(x, n, axis), axes=(axis,), inverse=inverse, norm=norm)
    return x


def fft(a: Any, n: int | None = None, axis: int = -1, norm: str | None = None) -> Tensor:
    """yₖ = Σⱼ xⱼ exp(−2πi jk/n): the Fourier transform along an axis, which is cut to n numbers or padded with 0.

    With `norm="ortho"` it is divided by √n, with "forward" by n; its inverse by the rest. Raises ShapeError for a
    transform of nothing, AxisError for an axis that is not there.

    >>> import numpy as np
    >>> fft(np.array([1.0, 0.0, -1.0, 0.0]))
    Tensor([0.+0.j, 2.+0.j, 0.+0.j, 2.+0.j], dtype=complex128)
    """
    return _along("fft", a, n, axis, norm, inverse=False)


def ifft(a: Any, n: int | None = None, axis: int = -1, norm: str | None = None) -> Tensor:
    """xⱼ = 1/n Σₖ yₖ exp(2πi jk/n): the inverse of `fft`.

    >>> import numpy as np
    >>> ifft(np.array([0.0, 2.0, 0.0, 2.0]))
    Tensor([ 1.+0.j,  0.+0.j, -1.+0.j,  0.+0.j], dtype=complex128)
    """
    return _along("ifft", a, n, axis, norm, inverse=True)


def fft2(a: Any, s: Lengths = None, axes: Sequence[int] | None = (-2, -1), norm: str | None = None) -> Tensor:
    """The Fourier transform over two axes; `s` has the length of each, -1 where it stays.

    >>> import numpy as np
    >>> fft2(np.ones((2, 2)))[0, 0]
    Tensor(4.+0.j, dtype=complex128)
    """
    return _over("fft2", a, s, axes, norm, inverse=False)


def ifft2(a: Any, s: Lengths = None, axes: Sequence[int] | None = (-2, -1), norm: str | None = None) -> Tensor:
    """The inverse of `fft2`.

    >>> import numpy as np
    >>> ifft2(np.ones((2, 2)))[0, 0]
    Tensor(1.+0.j, dtype=complex128)
    """
    return _over("ifft2", a, s, axes, norm, inverse=True)


def fftn(a: Any, s: Lengths = None, axes: Sequence[int] | None = None, norm: str | None = None) -> Tensor:
    """The Fourier transform over many axes, all by default; over an axis that is named twice, twice.

    >>> import numpy as np
    >>> fftn(np.ones((2, 1, 2))).ravel()[0]
    Tensor(4.+0.j, dtype=complex128)
    """
    return _over("fftn", a, s, axes, norm, inverse=False)


def ifftn(a: Any, s: Lengths = None, axes: Sequence[int] | None = None, norm: str | None = None) -> Tensor:
    """The inverse of `fftn`.

    >>> import numpy as np
    >>> ifftn(np.ones((2, 1, 2))).ravel()[0]
    Tensor(1.+0.j, dtype=complex128)
    """
    return _over("ifftn", a, s, axes, norm, inverse=True)


def _real(name: str, a: Any) -> Tensor:
    x = asarray(a)
    if x.dtype.kind == "c":
        raise DTypeError(
            f"{name}: the transform of real numbers", got=x.dtype, fix=f"pb.fft.{name.replace('r', '')}, or pb.real(x)"
        )
    return x


def rfft(a: Any, n: int | None = None, axis: int = -1, norm: str | None = None) -> Tensor:
    """The first n/2 + 1 outputs of the Fourier transform of real numbers; all others are conjugates of these.

    Raises DTypeError for complex numbers.

    >>> import numpy as np
    >>> rfft(np.array([1.0, 0.0, -1.0, 0.0]))
    Tensor([0.+0.j, 2.+0.j, 0.+0.j], dtype=complex128)
    """
    x = _real("rfft", a)
    axis = normalize_axis(axis, x.ndim, "rfft")
    n = checked_length("rfft", x.shape[axis] if n is None else operator.index(n))
    return rfft_(fitted(x, n, axis), axis=axis, norm=norm_of("rfft", norm))


def irfft(a: Any, n: int | None = None, axis: int = -1, norm: str | None = None) -> Tensor:
    """The n real numbers whose `rfft` is a, of which n/2 + 1 numbers are read; n is even by default.

    The imaginary part of what has to be real (the first, and for an even n the last) is not read, and its derivative
    is 0.

    >>> import numpy as np
    >>> irfft(np.array([0.0, 2.0, 0.0]))
    Tensor([ 1.,  0., -1.,  0.])
    """
    x = asarray(a)
    axis = normalize_axis(axis, x.ndim, "irfft")
    n = checked_length("irfft", 2 * (x.shape[axis] - 1) if n is None else operator.index(n))
    return irfft_(fitted(x, n // 2 + 1, axis), n=n, axis=axis, norm=norm_of("irfft", norm))


def rfft2(a: Any, s: Lengths = None, axes: Sequence[int] | None = (-2, -1), norm: str | None = None) -> Tensor:
    """The Fourier transform of real numbers over two axes: `rfft` along the last, `fft` along the other.

    >>> import numpy as np
    >>> rfft2(np.ones((2, 4))).shape
    (2, 3)
    """
    return _real_over("rfft2", a, s, axes, norm)


def rfftn(a: Any, s: Lengths = None, axes: Sequence[int] | None = None, norm: str | None = None) -> Tensor:
    """The Fourier transform of real numbers over many axes: `rfft` along the last one named, `fft` along the others.

    >>> import numpy as np
    >>> rfftn(np.ones((2, 2, 4))).shape
    (2, 2, 3)
    """
    return _real_over("rfftn", a, s, axes, norm)


def _real_over(name: str, a: Any, s: Lengths, axes: Sequence[int] | None, norm: str | None) -> Tensor:
    x = _real(name, a)
    places = _some(name, axes_of(name, x, s, axes))
    lengths = lengths_of(name, x, s, places)
    half = rfft(x, lengths[-1], places[-1], norm)
    return _transformed(name, half, lengths[:-1], places[:-1], norm_of(name, norm), inverse=False)


def _some(name: str, axes: tuple[int, ...]) -> tuple[int, ...]:
    if not axes:
        raise AxisError(f"{name}: real numbers are transformed along one axis or more", axes=axes)
    return axes


def irfft2(a: Any, s: Lengths = None, axes: Sequence[int] | None = (-2, -1), norm: str | None = None) -> Tensor:
    """The inverse of `rfft2`; s[-1] is even by default.

    >>> import numpy as np
    >>> irfft2(np.ones((2, 3))).shape
    (2, 4)
    """
    return _to_real_over("irfft2", a, s, axes, norm)


def irfftn(a: Any, s: Lengths = None, axes: Sequence[int] | None = None, norm: str | None = None) -> Tensor:
    """The inverse of `rfftn`; s[-1] is even by default.

    >>> import numpy as np
    >>> irfftn(np.ones((2, 2, 3))).shape
    (2, 2, 4)
    """
    return _to_real_over("irfftn", a, s, axes, norm)


def _to_real_over(name: str, a: Any, s: Lengths, axes: Sequence[int] | None, norm: str | None) -> Tensor:
    x = asarray(a)
    places = _some(name, axes_of(name, x, s, axes))
    lengths = lengths_of(name, x, s, places)
    if s is None or s[-1] is None:
        lengths[-1] = 2 * (x.shape[places[-1]] - 1)
    part = _transformed(name, x, lengths[:-1], places[:-1], norm_of(name, norm), inverse=True)
    return irfft(part, lengths[-1], places[-1], norm)


def hfft(a: Any, n: int | None = None, axis: int = -1, norm: str | None = None) -> Tensor:
    """The n real numbers that are the Fourier transform of numbers that are conjugates of each other, in pairs.

    Of these n/2 + 1 are given. It is to `ihfft` what `irfft` is to `rfft`.

    >>> import numpy as np
    >>> hfft(np.array([1.0, 2.0, 3.0]))
    Tensor([ 8., -2.,  0., -2.])
    """
    return irfft(conj(asarray(a)), n, axis, OTHER_NORM[norm_of("hfft", norm)])


def ihfft(a: Any, n: int | None = None, axis: int = -1, norm: str | None = None) -> Tensor:
    """The inverse of `hfft`: n/2 + 1 numbers, of n real ones.

    >>> import numpy as np
    >>> ihfft(np.array([8.0, -2.0, 0.0, -2.0]))
    Tensor([1.-0.j, 2.-0.j, 3.-0.j], dtype=complex128)
    """
    return conj(rfft(_real("ihfft", a), n, axis, OTHER_NORM[norm_of("ihfft", norm)]))


explain_keywords(globals())
