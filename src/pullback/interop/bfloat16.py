"""Bfloat16, the upper half of float32, which NumPy lacks: its bits as uint16, for storage."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


def widened(bits: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The numbers of which these are the bits, in float32.

    >>> widened(np.array([0x3F80, 0xC000], np.uint16)).tolist()
    [1.0, -2.0]
    """
    return (bits.astype(np.uint32) << 16).view(np.float32)


def narrowed(x: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The bits of the nearest bfloat16, of two the even one (IEEE 754, roundTiesToEven); a NaN stays one.

    >>> hex(narrowed(np.array([1.0], np.float32))[0])
    '0x3f80'
    """
    bits = np.asarray(x, np.float32, order="C").view(np.uint32)
    with np.errstate(over="ignore"):
        rounded = (bits + np.uint32(0x7FFF) + ((bits >> 16) & 1)) >> 16
    return np.where(np.isnan(x), np.uint32(0x7FC0), rounded).astype(np.uint16)
