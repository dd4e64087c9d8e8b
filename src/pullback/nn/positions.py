"""Positions of a sequence, added to its features or turned into them; nothing is learned."""

from __future__ import annotations

from typing import Any, final

import numpy as np

from pullback.core.axes import shape_of
from pullback.core.errors import OptionError, ShapeError
from pullback.functions.positions import rotary, sinusoidal_positions
from pullback.nn.module import Module
from pullback.nn.sizes import positive, truths
from pullback.ops.elementwise import add


@final
class SinusoidalPositions(Module):
    """x + sines and cosines of the position, of wavelengths from 2π to 2π·10000 (Vaswani et al. 2017).

    Parameters
    ----------
    d_model : int
        Features, an even number.
    max_len : int
        The longest sequence.
    batch_first : bool
        Sequences are (N, L, E), and not (L, N, E).
    dtype : dtype
        Of the table.

    Raises
    ------
    ShapeError
        When called, if the sequence is longer than the positions, or has other features.

    >>> SinusoidalPositions(4, 10)(np.zeros((2, 3, 4), np.float32)).shape
    (2, 3, 4)
    """

    def __init__(
        self, d_model: int, max_len: int = 5000, *, batch_first: bool = True, dtype: Any = np.float32
    ) -> None:  # fmt: skip
        truths("SinusoidalPositions", batch_first=batch_first)
        self.d_model = positive("SinusoidalPositions", "d_model", d_model)
        self.max_len = positive("SinusoidalPositions", "max_len", max_len)
        self.batch_first = batch_first
        self.table = sinusoidal_positions(max_len, d_model).astype(dtype)

    def forward(self, x: Any) -> Any:
        shape = shape_of(x)
        axis = len(shape) - 2 if self.batch_first else 0
        if len(shape) < 2 or shape[-1] != self.d_model or shape[axis] > self.max_len:
            order = "..., L" if self.batch_first else "L, ..."
            raise ShapeError(
                "SinusoidalPositions: the sequence is longer than the positions, or has other features",
                expected=f"({order}, {self.d_model}), L at most {self.max_len}", got=shape,
            )  # fmt: skip
        table = self.table[: shape[axis]]
        return add(x, table if self.batch_first else table.reshape(len(table), *(1,) * (len(shape) - 2), self.d_model))

    def extra_repr(self) -> str:
        return f"{self.d_model}, max_len={self.max_len}"


@final
class RotaryPositions(Module):
    """Turn pairs of features of queries and keys by angles that grow with the position (Su et al. 2021).

    Parameters
    ----------
    features : int
        Of a head, an even number.
    max_len : int
        The longest sequence.
    base : float
        The angle of pair i at position p is p / base^(2i / features).
    interleaved : bool
        Pairs are features 2i and 2i + 1; else i and i + features / 2.

    Raises
    ------
    ShapeError
        When called, if the sequence is longer than the positions, or has other features.

    >>> RotaryPositions(4, 10)(np.ones((2, 8, 3, 4), np.float32)).shape
    (2, 8, 3, 4)
    """

    def __init__(
        self, features: int, max_len: int = 4096, base: float = 10_000.0, *, interleaved: bool = False
    ) -> None:  # fmt: skip
        truths("RotaryPositions", interleaved=interleaved)
        self.features = positive("RotaryPositions", "features", features)
        if features % 2:
            raise OptionError("RotaryPositions: the features make no pairs", got=features, fix="an even number")
        self.max_len = positive("RotaryPositions", "max_len", max_len)
        self.base, self.interleaved = base, interleaved

    def forward(self, x: Any, start: int = 0) -> Any:
        shape = shape_of(x)
        if len(shape) < 2 or shape[-1] != self.features or shape[-2] + start > self.max_len:
            raise ShapeError(
                "RotaryPositions: the sequence is longer than the positions, or has other features",
                expected=f"(..., L, {self.features}), L at most {self.max_len - start}", got=shape,
            )  # fmt: skip
        return rotary(x, start, base=self.base, interleaved=self.interleaved)

    def extra_repr(self) -> str:
        return f"{self.features}, max_len={self.max_len}"
