"""Fourier, cosine and sine transforms: linear maps, whose transposes are transforms again.

The matrix of a Fourier transform is symmetric, so the transform is its own transpose. That of real numbers has n/2 + 1
outputs, for all others are conjugates of these; its transpose is the inverse of such a one, which counts those twice.
Cosine and sine transforms are an orthogonal matrix between two diagonal ones. Numbers are padded and cut before, by
movement.

Source: C. Van Loan, *Computational Frameworks for the Fast Fourier Transform* (1992), chapters 1 and 4.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from pullback.batching.rules import axes_behind, in_front
from pullback.core.kinds import LinearMap
from pullback.core.memory import empty

Axes = tuple[int, ...]

# What scales the transform of the other direction.
OTHER_NORM: Final = {"backward": "forward", "ortho": "ortho", "forward": "backward"}


LARGE: Final = 1 << 18  # bytes from which on memory that was used before is much the quicker


def _fft(x: Any, axes: Axes, inverse: bool, norm: Any) -> Any:
    if len(axes) == 1:  # NumPy's functions of many axes take longer to come to the point
        out = empty(x.shape, x.dtype) if type(x) is np.ndarray and x.nbytes >= LARGE and x.dtype.char in "FD" else None
        return (np.fft.ifft if inverse else np.fft.fft)(x, axis=axes[0], norm=norm, out=out)
    return (np.fft.ifftn if inverse else np.fft.fftn)(x, axes=axes, norm=norm)


fft_: LinearMap = LinearMap(
    "fft", _fft, lambda ct, x, axes, inverse, norm: fft_.bind(ct, axes=axes, inverse=inverse, norm=norm),
    batching=in_front(axes=axes_behind),
    doc="The Fourier transform over some axes, or its inverse; the map is its own transpose.",
)  # fmt: skip


def counted(n: int, axis: int, ndim: int, dtype: Any, inner: float) -> Any:
    """1 at the ends of n/2 + 1 outputs, which are real, and `inner` between them, where each stands for two."""
    count = n // 2 + 1
    weights = np.full(count, inner, dtype)
    weights[0] = 1
    if n % 2 == 0:
        weights[-1] = 1
    return weights.reshape((count, *(1,) * (ndim - axis - 1)))


def _real_of(ct: Any) -> np.dtype[Any]:
    """The dtype of the parts of complex numbers."""
    return np.empty(0, ct.dtype).real.dtype


def _rfft_transposed(ct: Any, x: Any, axis: int, norm: str) -> Any:
    n = x.shape[axis]
    halves = np.conj(ct * counted(n, axis, ct.ndim, _real_of(ct), 0.5))
    return irfft_.bind(halves, n=n, axis=axis, norm=OTHER_NORM[norm])


def _irfft_transposed(ct: Any, _x: Any, n: int, axis: int, norm: str) -> Any:
    both = np.conj(rfft_.bind(ct, axis=axis, norm=OTHER_NORM[norm]))
    return both * counted(n, axis, ct.ndim, ct.dtype, 2)


rfft_: LinearMap = LinearMap(
    "rfft", lambda x, axis, norm: np.fft.rfft(x, axis=axis, norm=norm), _rfft_transposed,
    batching=in_front(axis=axes_behind), doc="The n/2 + 1 outputs of the Fourier transform of n real numbers.",
)  # fmt: skip
irfft_: LinearMap = LinearMap(
    "irfft", lambda x, n, axis, norm: np.fft.irfft(x, n=n, axis=axis, norm=norm), _irfft_transposed,
    batching=in_front(axis=axes_behind), doc="The n real numbers of which x is the Fourier transform, by `rfft`.",
)  # fmt: skip

# By the name and the type of a transform: of which type its transpose is, and where, in the orthogonal matrix, inputs
# and outputs have another factor than in the plain one: √2 for inputs, 1/√2 for outputs.
DUAL: Final = {1: 1, 2: 3, 3: 2, 4: 4}
INPUTS: Final[dict[tuple[str, int], tuple[int, ...]]] = {("dct", 1): (0, -1), ("dct", 3): (0,), ("dst", 3): (-1,)}
OUTPUTS: Final[dict[tuple[str, int], tuple[int, ...]]] = {("dct", 1): (0, -1), ("dct", 2): (0,), ("dst", 2): (-1,)}
ROOT: Final = 2**0.5


def _waves(x: Any, name: str, kind: int, axis: int, norm: str, orthogonal: bool) -> Any:
    from scipy import fft  # heavy: only who uses it loads it

    transform = fft.dct if name == "dct" else fft.dst
    return transform(x, type=kind, axis=axis, norm=norm, orthogonalize=orthogonal)


def _scaled(x: Any, places: tuple[int, ...], factor: float, axis: int) -> Any:
    """x with what stands at some places of an axis scaled."""
    if not places:
        return x
    factors = np.ones(x.shape[axis], _real_of(x))
    factors[list(places)] = factor
    return x * factors.reshape((-1, *(1,) * (x.ndim - axis - 1)))


def _waves_transposed(ct: Any, _x: Any, name: str, kind: int, axis: int, norm: str, orthogonal: bool) -> Any:
    if not orthogonal:
        ct = _scaled(ct, OUTPUTS.get((name, kind), ()), ROOT, axis)
    found = waves_.bind(ct, name=name, kind=DUAL[kind], axis=axis, norm=norm, orthogonal=True)
    return found if orthogonal else _scaled(found, INPUTS.get((name, kind), ()), 1 / ROOT, axis)


waves_: LinearMap = LinearMap(
    "waves", _waves, _waves_transposed, batching=in_front(axis=axes_behind),
    doc="The cosine or sine transform of some type along an axis; its transpose is that of the dual type.",
)  # fmt: skip
