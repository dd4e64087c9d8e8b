"""Layers that change the size of images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, final

from pullback.functions import resizing
from pullback.nn.module import Module


@final
class Upsample(Module):
    """Bring (N, C, ...) to another size: see `pb.nn.upsample`.

    >>> import pullback as pb
    >>> Upsample(scale_factor=2)(pb.ones((5, 3, 4, 4))).shape
    (5, 3, 8, 8)
    """

    def __init__(
        self, size: int | Sequence[int] | None = None, scale_factor: float | Sequence[float] | None = None,
        mode: str = "nearest", align_corners: bool = False,
    ) -> None:  # fmt: skip
        self.size, self.scale_factor, self.mode, self.align_corners = size, scale_factor, mode, align_corners

    def forward(self, x: Any) -> Any:
        return resizing.upsample(x, self.size, self.scale_factor, self.mode, self.align_corners)

    def extra_repr(self) -> str:
        given = f"scale_factor={self.scale_factor}" if self.size is None else f"size={self.size}"
        return f"{given}, mode={self.mode!r}" + (", align_corners=True" if self.align_corners else "")


@final
class PixelShuffle(Module):
    """(N, C·r², H, W) to (N, C, H·r, W·r) (Shi et al. 2016): see `pb.nn.pixel_shuffle`.

    >>> import pullback as pb
    >>> PixelShuffle(2)(pb.ones((5, 12, 4, 4))).shape
    (5, 3, 8, 8)
    """

    def __init__(self, upscale_factor: int) -> None:
        self.upscale_factor = upscale_factor

    def forward(self, x: Any) -> Any:
        return resizing.pixel_shuffle(x, self.upscale_factor)

    def extra_repr(self) -> str:
        return f"{self.upscale_factor}"
