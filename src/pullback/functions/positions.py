"""Positions of a sequence as numbers that attention can use."""

from __future__ import annotations

from typing import Any

import numpy as np

from pullback.core.axes import shape_of
from pullback.core.errors import OptionError, ShapeError
from pullback.ops.elementwise import multiply, subtract
from pullback.ops.indexing import getitem
from pullback.ops.movement import concatenate, reshape, stack


def sinusoidal_positions(length: int, features: int, base: float = 10_000.0) -> np.ndarray[Any, Any]:
    """sin(p / b^(2i / d)) and cos of the same for positions p, in columns 2i and 2i + 1 (Vaswani et al. 2017).

    Raises OptionError if the features are not an even number.

    >>> sinusoidal_positions(2, 2).round(3).tolist()
    [[0.0, 1.0], [0.841, 0.54]]
    """
    angles = _angles("sinusoidal_positions", np.arange(length), features, base)
    return np.stack([np.sin(angles), np.cos(angles)], axis=-1).reshape(length, features)


def rotary(x: Any, start: int = 0, *, base: float = 10_000.0, interleaved: bool = False) -> Any:
    """Turn pairs of features by angles that grow with the position (Su et al. 2021).

    After it, a product of a query and a key depends on how far apart they are, and not on where they stand.

    Parameters
    ----------
    x : array-like, (..., L, E)
        Queries or keys.
    start : int
        The position of the first.
    base : float
        The angle of pair i at position p is p / base^(2i / E).
    interleaved : bool
        Pairs are features 2i and 2i + 1, as in the paper; else i and i + E / 2, as in GPT-NeoX and Llama.

    Raises
    ------
    OptionError
        If the features are not an even number.

    >>> import pullback as pb
    >>> rotary(pb.tensor([[1.0, 0.0], [1.0, 0.0]]))
    Tensor([[1.        , 0.        ],
            [0.54030231, 0.84147098]])
    """
    shape = shape_of(x)
    if len(shape) < 2:
        raise ShapeError("rotary: the input has other axes", expected="(..., L, E)", got=shape)
    angles = _angles("rotary", np.arange(start, start + shape[-2]), shape[-1], base)
    dtype = x.dtype if hasattr(x, "dtype") and x.dtype.kind == "f" else np.dtype(float)
    cos, sin = np.cos(angles).astype(dtype), np.sin(angles).astype(dtype)
    if interleaved:
        halves = [getitem(x, (..., slice(i, None, 2))) for i in (0, 1)]
    else:
        half = shape[-1] // 2
        halves = [getitem(x, (..., slice(0, half))), getitem(x, (..., slice(half, None)))]
    a, b = halves
    turned = [subtract(multiply(a, cos), multiply(b, sin)), multiply(a, sin) + multiply(b, cos)]
    return reshape(stack(turned, -1), shape) if interleaved else concatenate(turned, -1)


def _angles(name: str, positions: Any, features: int, base: float) -> Any:
    if features % 2 or features < 2:
        raise OptionError(f"{name}: the features make no pairs", got=features, fix="an even number")
    return positions[:, None] / base ** (np.arange(0, features, 2) / features)
