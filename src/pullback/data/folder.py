"""Images in folders, one folder a class."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any, Final, TypeAlias, final

import numpy as np
import numpy.typing as npt

from pullback.core.errors import DataError
from pullback.core.files import opened
from pullback.core.numbers import checked_count
from pullback.data.dataset import Dataset

Array: TypeAlias = npt.NDArray[Any]

KINDS: Final = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP")
_ENDINGS: Final = frozenset({".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".webp"})


@final
class ImageFolder(Dataset):
    """Images of a folder with one folder a class: samples are (channels, height, width) float32, 0 to 1, and a class.

    An image is read when it is asked for, and brought to one size: shrunk or enlarged until it covers that, and cut at
    its edges.

    Parameters
    ----------
    root : path
        Holds a folder for each class; the classes are numbered in the order of their names.
    size : int or (int, int)
        Height and width; one number is both.
    grey : bool
        One channel, instead of red, green and blue.

    Attributes
    ----------
    classes : tuple of str
        The names of the folders.
    paths : list of Path
    labels : (N,) int64

    Raises
    ------
    DataError
        If there is no such folder, or it holds no images; and, as it is asked for, if an image cannot be read, with its
        file. Or if Pillow, which reads images, is not installed.
    """

    def __init__(self, root: str | os.PathLike[str], size: int | tuple[int, int], grey: bool = False) -> None:
        self.root = Path(root)
        height, width = (size, size) if isinstance(size, int) else size
        self.height = checked_count("ImageFolder", "size", height, least=1)
        self.width = checked_count("ImageFolder", "size", width, least=1)
        self.grey = grey
        if not self.root.is_dir():
            raise DataError("ImageFolder: there is no such folder", folder=root)
        folders = sorted(path for path in self.root.iterdir() if path.is_dir())
        found = [
            (path, number)
            for number, folder in enumerate(folders)
            for path in sorted(folder.rglob("*"))
            if path.suffix.lower() in _ENDINGS
        ]
        if not found:
            raise DataError(
                "ImageFolder: there are no images", folder=root, classes=len(folders),
                fix="a folder for each class, with images in it: " + ", ".join(sorted(_ENDINGS)),
            )  # fmt: skip
        self.classes = tuple(folder.name for folder in folders)
        self.paths = [path for path, _ in found]
        self.labels = np.array([number for _, number in found], np.int64)

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> tuple[Array, np.int64]:
        return self._read(self.paths[index]), self.labels[index]

    def _read(self, path: Path) -> Array:
        try:
            from PIL import Image, ImageOps  # comes with matplotlib, in the extra "viz"
        except ImportError:
            raise DataError(
                "image: Pillow, which reads images, is not installed", fix="pip install 'pullback[viz]'"
            ) from None
        try:
            with warnings.catch_warnings(), opened(path) as file:
                warnings.simplefilter("ignore")  # what Pillow thinks of a damaged note beside the pixels
                warnings.simplefilter("error", Image.DecompressionBombWarning)
                with Image.open(file, formats=KINDS) as image:
                    upright = ImageOps.exif_transpose(image).convert("L" if self.grey else "RGB")
                    fitted = ImageOps.fit(upright, (self.width, self.height), Image.Resampling.BILINEAR)
        except Exception as error:
            raise DataError(
                "image: the file cannot be read, or is damaged", file=path,
                got=getattr(error, "strerror", None) or str(error) or type(error).__name__,
            ) from error  # fmt: skip
        pixels = np.asarray(fitted, np.float32) / np.float32(255)
        return pixels[None] if self.grey else np.ascontiguousarray(pixels.transpose(2, 0, 1))

    def __repr__(self) -> str:
        return f"ImageFolder({len(self)} images of {len(self.classes)} classes)"
