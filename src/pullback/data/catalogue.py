"""The data sets that Pullback knows, each as one frozen value: images and labels or text, source and licence."""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib import resources
from typing import Any, Final, final

import numpy as np
import numpy.typing as npt

from pullback.data.dataset import TensorDataset
from pullback.data.files import Collection
from pullback.data.idx import read_idx
from pullback.data.published import CifarArchive, CompressedIdxFile, IdxFile, TextFile
from pullback.data.windows import Characters

DIGITS: Final = tuple("0123456789")

# Any copy of these files serves; the digests are of their content, whose compression differs between mirrors.
MNIST: Final = Collection(
    name="mnist",
    folders=("", "mnist", "MNIST/raw"),  # the folder itself, ours, torchvision's
    mirrors=("https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/"),
    files=(
        IdxFile(
            "train-images-idx3-ubyte.gz",
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            (60_000, 28, 28),
        ),
        IdxFile(
            "train-labels-idx1-ubyte.gz", "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5", (60_000,)
        ),
        IdxFile(
            "t10k-images-idx3-ubyte.gz",
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            (10_000, 28, 28),
        ),
        IdxFile(
            "t10k-labels-idx1-ubyte.gz", "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2", (10_000,)
        ),
    ),
)

# The digests are those that the makers publish, of the files as they give them: README of the repository.
FASHION_MNIST: Final = Collection(
    name="fashion_mnist",
    folders=("fashion_mnist", "fashion-mnist", "FashionMNIST/raw"),  # whose files are called as MNIST's
    mirrors=(
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
    ),
    files=(
        CompressedIdxFile("train-images-idx3-ubyte.gz", "8d4fb7e6c68d591d4c3dfef9ec88bf0d", (60_000, 28, 28)),
        CompressedIdxFile("train-labels-idx1-ubyte.gz", "25c81989df183df01b3e8a0aad5dffbe", (60_000,)),
        CompressedIdxFile("t10k-images-idx3-ubyte.gz", "bef4ecab320f06d8554ea6380940ec79", (10_000, 28, 28)),
        CompressedIdxFile("t10k-labels-idx1-ubyte.gz", "bb300cfdad3c16e7a12a480ee83cd310", (10_000,)),
    ),
)

# The digest is the one on the page of the data set.
CIFAR10: Final = Collection(
    name="cifar10",
    folders=("", "cifar10", "cifar-10"),
    mirrors=("https://www.cs.toronto.edu/~kriz/",),
    files=(CifarArchive("cifar-10-binary.tar.gz", "c32a1d4ab5d03f1284b67883e8d87530"),),
)

TINY_SHAKESPEARE: Final = Collection(
    name="tiny_shakespeare",
    folders=("tiny_shakespeare", "tinyshakespeare", "shakespeare_char"),
    mirrors=("https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/",),
    files=(TextFile("input.txt", "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"),),
)

COLLECTIONS: Final = (MNIST, FASHION_MNIST, CIFAR10, TINY_SHAKESPEARE)


@final
@dataclass(frozen=True, eq=False)
class ImageSet:
    """Labelled images, split into a part to learn from and a part to test on.

    Attributes
    ----------
    name : str
        What the set is called.
    train, test : TensorDataset
        Images of shape (N, height, width), or of colours (N, 3, height, width), float32 from 0 to 1 (of digits the
        ink), and labels of shape (N,), int64: `images, labels = data.test.arrays`.
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
    images = read_idx(folder.joinpath("images-idx3-ubyte.gz").read_bytes())
    labels = read_idx(folder.joinpath("labels-idx1-ubyte.gz").read_bytes())
    # The source counts 0 … 9 over and over, so every fifth image of the whole would be a 4 or a 9.
    tested = np.zeros(len(labels), bool)
    for label in range(len(DIGITS)):
        tested[np.flatnonzero(labels == label)[4::5]] = True
    return ImageSet(
        name="digits",
        train=_labelled(images[~tested], labels[~tested], most=16),
        test=_labelled(images[tested], labels[tested], most=16),
        classes=DIGITS,
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
    images, labels, *test = MNIST.load(root)
    return ImageSet(
        name="mnist",
        train=_labelled(images, labels),
        test=_labelled(*test),
        classes=DIGITS,
        source="Y. LeCun, C. Cortes and C. J. C. Burges, The MNIST database of handwritten digits, 1998, "
        "http://yann.lecun.com/exdb/mnist/",
        licence="CC BY-SA 3.0",
    )


def fashion_mnist(root: str | os.PathLike[str] | None = None) -> ImageSet:
    """Return Fashion-MNIST: 60,000 pictures of clothes of 28 × 28 pixels to learn from, 10,000 to test on.

    The four IDX files, compressed as they are published, are looked for as those of `mnist`, in `root` and in a folder
    `fashion_mnist`, `fashion-mnist` or `FashionMNIST/raw` of `$PULLBACK_DATA`; what is not found is downloaded.

    Parameters
    ----------
    root : path, optional
        Where to look first.

    Raises
    ------
    DataError
        As `mnist` does.

    References
    ----------
    H. Xiao, K. Rasul and R. Vollgraf, Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning
    Algorithms, 2017.

    >>> data = fashion_mnist("downloads")  # doctest: +SKIP
    """
    images, labels, *test = FASHION_MNIST.load(root)
    return ImageSet(
        name="fashion_mnist",
        train=_labelled(images, labels),
        test=_labelled(*test),
        classes=(
            "t-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot",
        ),
        source="Zalando Research, Fashion-MNIST, 2017, https://github.com/zalandoresearch/fashion-mnist",
        licence="MIT",
    )  # fmt: skip


def cifar10(root: str | os.PathLike[str] | None = None) -> ImageSet:
    """Return CIFAR-10: 50,000 colour pictures of 32 × 32 pixels to learn from, 10,000 to test on.

    The archive of its binary version, in which nothing has to be unpickled, is looked for as the files of `mnist`, and
    downloaded if it is not found: 170 MB.

    Parameters
    ----------
    root : path, optional
        Where to look first.

    Returns
    -------
    ImageSet
        With images of shape (N, 3, 32, 32): 740 MB as float32.

    Raises
    ------
    DataError
        As `mnist` does.

    References
    ----------
    A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009.

    >>> data = cifar10("downloads")  # doctest: +SKIP
    """
    *parts, test = CIFAR10.load(root)[0]
    images = np.empty((sum(len(labels) for _, labels in parts), 3, 32, 32), np.float32)
    for number, (part, _) in enumerate(parts):
        np.divide(part, np.float32(255), out=images[number * len(part) : (number + 1) * len(part)])
    return ImageSet(
        name="cifar10",
        train=TensorDataset(images, np.concatenate([labels for _, labels in parts]).astype(np.int64)),
        test=_labelled(*test),
        classes=("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
        source="A. Krizhevsky, V. Nair and G. Hinton, CIFAR-10, 2009, https://www.cs.toronto.edu/~kriz/cifar.html",
        licence="none stated; its authors ask to be cited",
    )


@final
@dataclass(frozen=True, eq=False)
class TextSet:
    """A text, split into a part to learn from and the rest, to test on.

    Attributes
    ----------
    name : str
        What the set is called.
    train, test : str
        The first nine tenths, and the last.
    characters : Characters
        Numbers for all its characters.
    source, licence : str
        Who made it, where it is published, and under which terms.
    """

    name: str
    train: str
    test: str
    characters: Characters
    source: str
    licence: str


def tiny_shakespeare(root: str | os.PathLike[str] | None = None) -> TextSet:
    """Return 1,115,394 characters from Shakespeare's plays, of 65 kinds.

    The file `input.txt` is looked for in `root`, in a folder `tiny_shakespeare`, `tinyshakespeare` or
    `shakespeare_char` of `$PULLBACK_DATA`, and in the user's cache; and downloaded if it is not found.

    Parameters
    ----------
    root : path, optional
        Where to look first.

    Raises
    ------
    DataError
        As `mnist` does.

    References
    ----------
    A. Karpathy, The Unreasonable Effectiveness of Recurrent Neural Networks, 2015; the split is nanoGPT's.

    >>> data = tiny_shakespeare("downloads")  # doctest: +SKIP
    >>> data.train[:14]  # doctest: +SKIP
    'First Citizen:'
    """
    (text,) = TINY_SHAKESPEARE.load(root)
    middle = int(len(text) * 0.9)
    return TextSet(
        name="tiny_shakespeare",
        train=text[:middle],
        test=text[middle:],
        characters=Characters(text),
        source="A. Karpathy, char-rnn, 2015, https://github.com/karpathy/char-rnn; from the plays of W. Shakespeare",
        licence="the plays are in the public domain",
    )


def _labelled(pixels: npt.NDArray[Any], labels: npt.NDArray[Any], most: int = 255) -> TensorDataset:
    """Return pixels from 0 to `most` as float32 from 0 to 1, each correctly rounded, and their labels as int64."""
    return TensorDataset(np.divide(pixels, np.float32(most), dtype=np.float32), labels.astype(np.int64))
