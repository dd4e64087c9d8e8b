"""The data sets that Pullback knows, each as one frozen value: images, labels, source and licence."""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib import resources
from typing import Any, Final, final

import numpy as np
import numpy.typing as npt

from pullback.data.dataset import TensorDataset
from pullback.data.files import Collection, IdxFile
from pullback.data.idx import read_idx

_DIGITS: Final = tuple("0123456789")

# Any copy of these files serves; the digests are of their content, whose compression differs between mirrors.
MNIST: Final = Collection(
    name="mnist",
    folders=("", "mnist", "MNIST/raw"),  # the folder itself, ours, torchvision's
    mirrors=("https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/"),
    files=(
        IdxFile(
            "train-images-idx3-ubyte",
            (60_000, 28, 28),
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        ),
        IdxFile(
            "train-labels-idx1-ubyte", (60_000,), "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"
        ),
        IdxFile(
            "t10k-images-idx3-ubyte",
            (10_000, 28, 28),
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        ),
        IdxFile(
            "t10k-labels-idx1-ubyte", (10_000,), "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"
        ),
    ),
)


@final
@dataclass(frozen=True, eq=False)
class ImageSet:
    """Labelled images, split into a part to learn from and a part to test on.

    Attributes
    ----------
    name : str
        What the set is called.
    train, test : TensorDataset
        Images of shape (N, height, width), float32 from 0 (paper) to 1 (ink), and labels of shape (N,),
        int64: `images, labels = data.test.arrays`.
    classes : tuple of str
        What label k stands for.
    source, licence : str
        Who made it, where it is published, and under which terms.
    """

    name: str
    train: TensorDataset
    test: TensorDataset
    classes: tuple[str, ...]
    source: str
    licence: str


def digits() -> ImageSet:
    """Return 1,797 handwritten digits of 8 × 8 pixels, which come with Pullback.

    The test part is every fifth image of each class, in the order of the source: 355 images, 1,442 to learn
    from. People who wrote digits of the one part also wrote digits of the other, so accuracy on new
    handwriting is lower than on this test.

    Returns
    -------
    ImageSet
        With new arrays at each call; about half a megabyte.

    References
    ----------
    E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine Learning Repository,
    1998, https://doi.org/10.24432/C50P49; the test part of it, as scikit-learn's `load_digits` gives it.

    >>> images, labels = digits().train.arrays
    >>> images.shape, images.dtype, labels[:10]
    ((1442, 8, 8), dtype('float32'), array([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]))
    """
    folder = resources.files("pullback.data").joinpath("optdigits")
    images = _scaled(read_idx(folder.joinpath("images-idx3-ubyte.gz").read_bytes()), 16)
    labels = read_idx(folder.joinpath("labels-idx1-ubyte.gz").read_bytes()).astype(np.int64)
    # The source counts 0 … 9 over and over, so every fifth image of the whole would be a 4 or a 9.
    tested = np.zeros(len(labels), bool)
    for label in range(len(_DIGITS)):
        tested[np.flatnonzero(labels == label)[4::5]] = True
    return ImageSet(
        name="digits",
        train=TensorDataset(images[~tested], labels[~tested]),
        test=TensorDataset(images[tested], labels[tested]),
        classes=_DIGITS,
        source="E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI, 1998, "
        "https://doi.org/10.24432/C50P49",
        licence="CC BY 4.0",
    )


def mnist(root: str | os.PathLike[str] | None = None) -> ImageSet:
    """Return MNIST: 60,000 handwritten digits of 28 × 28 pixels to learn from, 10,000 to test on.

    The four IDX files, compressed with gzip or not, are looked for in `root`, in the folder that the
    environment variable `PULLBACK_DATA` names, and in the user's cache; in the first two also in a folder
    `mnist` or `MNIST/raw` (torchvision's) inside. What is not found is downloaded with pooch: into `root` if
    it is given, else into the cache. Each file is proved by the SHA-256 of its content.

    Parameters
    ----------
    root : path, optional
        Where to look first.

    Returns
    -------
    ImageSet
        With new arrays at each call: 220 MB as float32, for a moment 320 MB with the bytes as they are read.

    Raises
    ------
    DataError
        If a file is missing and cannot be downloaded, is cut short, damaged, or not the one that is wanted.
        It says which file, where it was looked for, where it comes from and where to put it.

    References
    ----------
    Y. LeCun, C. Cortes and C. J. C. Burges, The MNIST database of handwritten digits, 1998.

    >>> data = mnist("downloads")  # doctest: +SKIP
    >>> data.train  # doctest: +SKIP
    TensorDataset(60000 samples: (28, 28) float32, () int64)
    """
    images, labels, test_images, test_labels = MNIST.load(root)
    return ImageSet(
        name="mnist",
        train=TensorDataset(_scaled(images, 255), labels.astype(np.int64)),
        test=TensorDataset(_scaled(test_images, 255), test_labels.astype(np.int64)),
        classes=_DIGITS,
        source="Y. LeCun, C. Cortes and C. J. C. Burges, The MNIST database of handwritten digits, 1998, "
        "http://yann.lecun.com/exdb/mnist/",
        licence="CC BY-SA 3.0",
    )


def _scaled(pixels: npt.NDArray[Any], most: int) -> npt.NDArray[np.float32]:
    """Return pixels from 0 to `most` as float32 from 0 to 1, each correctly rounded."""
    scaled: npt.NDArray[np.float32] = np.divide(pixels, np.float32(most), dtype=np.float32)
    return scaled
