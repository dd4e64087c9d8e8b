"""One row a function of `pb.fft`: what it is given, and its twin in NumPy or SciPy, by which values are judged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import scipy.fft

from pullback import fft as pf

RNG: Final = np.random.default_rng(0)


def real(*shape: int) -> Any:
    """Normal numbers."""
    return RNG.normal(size=shape)


def complex_(*shape: int) -> Any:
    """Normal numbers, with imaginary parts."""
    return RNG.normal(size=shape) + 1j * RNG.normal(size=shape)


@dataclass(frozen=True, repr=False, eq=False)
class Case:
    """A function of one array, and the keywords of a call of it."""

    name: str
    x: Any
    params: dict[str, Any]
    theirs: Any = np.fft

    def __repr__(self) -> str:
        said = "".join(f" {k}={v}" for k, v in self.params.items())
        return f"{self.name} {self.x.dtype.char}{self.x.shape}{said}"

    def f(self, x: Any) -> Any:
        """Pullback's."""
        return getattr(pf, self.name)(x, **self.params)

    def twin(self, x: Any) -> Any:
        """NumPy's or SciPy's."""
        return getattr(self.theirs, self.name)(x, **self.params)


def rows(make: Callable[..., Any], names: str, *calls: tuple[tuple[int, ...], dict[str, Any]]) -> list[Case]:
    """The rows of functions that are called alike."""
    return [Case(name, make(*shape), params) for name in names.split() for shape, params in calls]


ALONG: Final = (
    ((5,), {}), ((2, 6), {"norm": "ortho"}), ((1,), {"n": 3}), ((6, 2), {"n": 3, "axis": 0, "norm": "forward"}),
    ((2, 3), {"n": 7}), ((3, 2, 2), {"axis": -2, "n": 4}),
)  # fmt: skip
OVER: Final = (
    ((3, 4), {}), ((2, 3, 2), {"axes": (0, 2), "s": (3, 5)}), ((2, 3, 4), {"axes": (-1, 0), "norm": "ortho"}),
    ((2, 2, 3), {"axes": (2,), "s": (-1,)}),
)  # fmt: skip
TWICE: Final = (((2, 3), {"axes": (1, 1)}), ((2, 3), {"axes": (0, 0), "s": (3, 4)}), ((2, 3), {"axes": ()}))
SHIFTED: Final = (((5,), {}), ((4, 3), {}), ((4, 3), {"axes": -1}), ((2, 5, 2), {"axes": (0, 1)}))

CASES: Final = (
    *rows(complex_, "fft ifft irfft hfft", *ALONG),
    *rows(real, "fft rfft ihfft irfft", *ALONG),
    *rows(complex_, "fft2 ifft2 fftn ifftn irfft2 irfftn", *OVER),
    *rows(real, "rfft2 rfftn", *OVER),
    *rows(complex_, "fftn ifftn", *TWICE),
    *rows(real, "fftshift ifftshift", *SHIFTED),
    *(Case(name, real(*shape), {"type": kind, "n": n, "axis": 0, "norm": norm, "orthogonalize": whole}, scipy.fft)
      for name in ("dct", "idct", "dst", "idst") for kind in (1, 2, 3, 4)
      for shape, n, norm, whole in (((4, 2), None, None, None), ((3,), 5, "ortho", False), ((2,), 2, "forward", True))),
    *(Case(name, real(2, 3), {"type": kind, "s": (3, 2), "axes": (0, 1)}, scipy.fft)
      for name in ("dctn", "idctn", "dstn", "idstn") for kind in (1, 2)),
)  # fmt: skip
