"""A picture of one digit, from any file, in the form of the images that a network learned from.

An image of exactly the network's size is taken as it is, once its ink is the bright part. Any other is
treated as the makers of the data sets treated theirs: the digit is cut out along its ink, shrunk or enlarged
with its proportions kept until its longer side fills the frame's box, and its ink's mass put into the middle.
Paper may be bright or dark: what the margin mostly is, is paper.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, final

import numpy as np
import numpy.typing as npt

from pullback.core.errors import DataError

Array = npt.NDArray[Any]


@final
@dataclass(frozen=True)
class Frame:
    """How a data set shows its digits: in a square of `side` pixels, the longer side of the digit `box` long."""

    side: int
    box: int


FRAMES: Final[Mapping[str, Frame]] = {"digits": Frame(side=8, box=8), "mnist": Frame(side=28, box=20)}
KINDS: Final = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP")

_LEAST, _MOST = 8, 4_096  # pixels of a side
_LONGEST: Final = 8.0  # times as long as wide: no digit is
_CONTRAST: Final = 0.1  # of ink against paper, black against white being 1
_INK: Final = 0.25  # of the darkest ink: what counts as ink at the outline


def read_digit(path: str | os.PathLike[str], frame: Frame) -> npt.NDArray[np.float32]:
    """Read the picture of one digit.

    Parameters
    ----------
    path : path
        A PNG or another kind of `KINDS`, in colours or grey, transparent or not, 8 or 16 bits.
    frame : Frame
        What to bring it to.

    Returns
    -------
    (side, side) float32
        From 0 (paper) to 1 (ink).

    Raises
    ------
    DataError
        If there is no such file, it is no image, too small or too large, or shows nothing; or if Pillow,
        which reads images, is not installed.
    """
    grey = _grey(Path(path))
    height, width = grey.shape
    if grey.shape == (frame.side, frame.side):
        return np.asarray(1 - grey if _paper(grey) > 0.5 else grey, np.float32)
    if min(grey.shape) < _LEAST or max(grey.shape) > _MOST:
        raise DataError(
            "image: the size is not one of a picture of a digit", file=path, size=f"{width} × {height}",
            fix=f"from {_LEAST} to {_MOST:,} pixels a side, or exactly {frame.side} × {frame.side}",
        )  # fmt: skip
    if max(grey.shape) > _LONGEST * min(grey.shape):
        raise DataError(
            "image: it is far too long for one digit", file=path, size=f"{width} × {height}",
            fix="cut the digit out",
        )  # fmt: skip
    ink = np.abs(grey - _paper(grey))
    if ink.max() < _CONTRAST:
        raise DataError(
            "image: nothing stands out from the paper", file=path, contrast=f"{ink.max():.0%}",
            fix="a dark digit on bright paper, or a bright one on dark",
        )  # fmt: skip
    return _framed(ink / ink.max(), frame)


def _paper(grey: Array) -> float:
    """Give the grey of the paper: the median of the margin."""
    return float(np.median(np.concatenate([grey[0], grey[-1], grey[1:-1, 0], grey[1:-1, -1]])))


def _framed(ink: Array, frame: Frame) -> npt.NDArray[np.float32]:
    """Cut the digit out along its ink, bring it to the box's size, and put its mass into the middle."""
    marked = ink > _INK
    rows, columns = np.flatnonzero(marked.any(axis=1)), np.flatnonzero(marked.any(axis=0))
    digit = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = frame.box / max(digit.shape)
    digit = _resized(digit, [max(1, round(length * scale)) for length in digit.shape])
    middles = [float((axis * digit).sum() / digit.sum()) for axis in np.indices(digit.shape)]
    framed = np.zeros((frame.side, frame.side), np.float32)
    starts = [
        min(max(round((frame.side - 1) / 2 - middle), 0), frame.side - length)
        for middle, length in zip(middles, digit.shape, strict=True)
    ]
    framed[starts[0] : starts[0] + digit.shape[0], starts[1] : starts[1] + digit.shape[1]] = digit
    return framed


def _resized(digit: Array, shape: list[int]) -> Array:
    from PIL import Image  # comes with matplotlib, in the extra "viz"

    image = Image.fromarray(digit.astype(np.float32))
    resized: Array = np.asarray(image.resize((shape[1], shape[0]), Image.Resampling.BILINEAR))
    return np.asarray(resized / resized.max(), np.float32)  # thin strokes fade as they shrink


def _grey(path: Path) -> Array:
    """Read an image as grey from 0 (black) to 1 (white), transparent parts as white."""
    try:
        from PIL import Image, UnidentifiedImageError  # comes with matplotlib, in the extra "viz"
    except ImportError:
        raise DataError(
            "image: Pillow, which reads images, is not installed", fix="pip install 'pullback[viz]'"
        ) from None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=KINDS) as image:
                return _levels(image)
    except UnidentifiedImageError:
        raise DataError(
            "image: the file is no image of a kind that is read", file=path, fix=f"one of {', '.join(KINDS)}"
        ) from None
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise DataError("image: it is far too large", file=path, fix=f"at most {_MOST:,} pixels a side") from error
    except FileNotFoundError:
        raise DataError("image: there is no such file", file=path) from None
    except (OSError, SyntaxError, ValueError) as error:  # what Pillow raises for a damaged file
        raise DataError(
            "image: the file cannot be read, or is damaged", file=path, got=getattr(error, "strerror", None) or error
        ) from error


def _levels(image: Any) -> Array:
    from PIL import Image  # comes with matplotlib, in the extra "viz"

    if image.mode.startswith("I"):  # 16 bits, which Pillow's own conversion would cut off at 255
        return np.asarray(image, np.float64) / 65_535
    coloured = image.convert("RGBA")
    grey = [
        np.asarray(Image.alpha_composite(Image.new("RGBA", image.size, paper), coloured).convert("L"), float) / 255
        for paper in ("white", "black")
    ]
    on_white, on_black = grey
    return on_white if np.ptp(on_white) >= _CONTRAST else on_black  # white ink on nothing
