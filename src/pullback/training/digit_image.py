"""A picture of one digit, from any file, in the form of the images that a network learned from.

An image of exactly the network's size is taken as it is, once its ink is the bright part and its paper black. Any
other is treated as the makers of the data sets treated theirs: the digit is cut out along its ink, shrunk or enlarged
with its proportions kept until its longer side fills the frame's box, and its ink's mass put into the middle.
Paper may be bright, dark or grey: what the margin mostly is, is paper.
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
from pullback.core.files import opened

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
        A PNG or another kind of `KINDS`, in colours or grey, transparent or not, of 1 to 32 bits or floating-point;
        turned as its EXIF note says.
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
    grey = _grey(Path(path), frame)
    height, width = grey.shape
    if grey.shape == (frame.side, frame.side):
        return _as_it_is(grey, Path(path))
    if max(grey.shape) > _LONGEST * min(grey.shape):
        raise DataError(
            "image: it is far too long for one digit", file=path, size=f"{width} × {height}",
            fix="cut the digit out",
        )  # fmt: skip
    ink = np.abs(grey - _paper(grey))
    _check_contrast(ink, Path(path))
    return _framed(ink / ink.max(), frame)


def _as_it_is(grey: Array, path: Path) -> npt.NDArray[np.float32]:
    """Make the paper 0 and the ink bright: of paper that is pure this only turns dark into bright."""
    paper = grey.max() if _paper(grey) > (grey.min() + grey.max()) / 2 else grey.min()
    ink = np.abs(grey - paper)
    _check_contrast(ink, path)
    return np.asarray(ink if paper in (0, 1) else ink / ink.max(), np.float32)


def _check_contrast(ink: Array, path: Path) -> None:
    if ink.max() < _CONTRAST:
        raise DataError(
            "image: nothing stands out from the paper", file=path, contrast=f"{ink.max():.0%}",
            fix="a dark digit on bright paper, or a bright one on dark",
        )  # fmt: skip


def _check_size(path: Path, width: int, height: int, frame: Frame) -> None:
    """Refuse what is too small or too large, before its pixels are read."""
    if (width, height) != (frame.side, frame.side) and not _LEAST <= min(width, height) <= max(width, height) <= _MOST:
        raise DataError(
            "image: the size is not one of a picture of a digit", file=path, size=f"{width} × {height}",
            fix=f"from {_LEAST} to {_MOST:,} pixels a side, or exactly {frame.side} × {frame.side}",
        )  # fmt: skip


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


def _grey(path: Path, frame: Frame) -> Array:
    """Read an image as grey from 0 (black) to 1 (white), transparent parts as white."""
    try:
        from PIL import Image, ImageOps, UnidentifiedImageError  # comes with matplotlib, in the extra "viz"
    except ImportError:
        raise DataError(
            "image: Pillow, which reads images, is not installed", fix="pip install 'pullback[viz]'"
        ) from None
    try:
        with warnings.catch_warnings(), opened(path) as file:
            warnings.simplefilter("ignore")  # what Pillow thinks of a damaged note beside the pixels
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(file, formats=KINDS) as image:
                _check_size(path, *image.size, frame)
                return _levels(ImageOps.exif_transpose(image))
    except DataError:
        raise
    except UnidentifiedImageError:
        raise DataError(
            "image: the file is no image of a kind that is read", file=path, fix=f"one of {', '.join(KINDS)}"
        ) from None
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise DataError("image: it is far too large", file=path, fix=f"at most {_MOST:,} pixels a side") from error
    except FileNotFoundError:
        raise DataError("image: there is no such file", file=path) from None
    except Exception as error:  # Pillow raises many kinds for files that are damaged
        raise DataError(
            "image: the file cannot be read, or is damaged", file=path,
            got=getattr(error, "strerror", None) or str(error) or type(error).__name__,
        ) from error  # fmt: skip


def _levels(image: Any) -> Array:
    from PIL import Image  # comes with matplotlib, in the extra "viz"

    if image.mode.startswith(("I", "F")):  # which Pillow's own conversion would cut off at 255
        return _scaled(np.asarray(image, np.float64), 16 if ";16" in image.mode else None)
    coloured = image.convert("RGBA")
    grey = [
        np.asarray(Image.alpha_composite(Image.new("RGBA", image.size, paper), coloured).convert("L"), float) / 255
        for paper in ("white", "black")
    ]
    on_white, on_black = grey
    return on_white if np.ptp(on_white) >= _CONTRAST else on_black  # white ink on nothing


def _scaled(levels: Array, bits: int | None) -> Array:
    """Bring levels to 0 to 1; where the file does not say how large they may be, by the least range that has them."""
    if not np.isfinite(levels).all():
        raise ValueError("its levels are not all numbers")
    if levels.min() < 0:
        return (levels - levels.min()) / max(np.ptp(levels), np.finfo(float).tiny)
    ranges = [1.0, 2.0**8 - 1, 2.0**16 - 1, 2.0**32 - 1, levels.max()] if bits is None else [2.0**bits - 1]
    return levels / next(most for most in ranges if most >= levels.max())
