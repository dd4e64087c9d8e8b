"""Images that differ a little each time that they are seen: shifted, turned, scaled, bent, noisy, with a part cut out.

An augmentation takes an image and a generator, and gives an image of the same shape. `Augmented` gives each sample a
generator of its own, made from a seed, the epoch and the sample's position alone: the same on every machine, in every
worker, and after a run is resumed.

Images are (height, width), or (channels, height, width), of floating-point numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias, final

import numpy as np
import numpy.typing as npt

from pullback.core.errors import DataError, DTypeError, OptionError
from pullback.core.numbers import checked_count, checked_number
from pullback.data.dataset import Dataset, as_dataset
from pullback.data.order import SAMPLE, seed_of
from pullback.functions.random import Rng

Array: TypeAlias = npt.NDArray[Any]
Augmentation: TypeAlias = Callable[[Array, np.random.Generator], Array]


@final
class Augmented(Dataset):
    """A data set whose images are changed at random, anew in each epoch.

    Parameters
    ----------
    dataset : Dataset or arrays
        Its samples are images, or tuples whose first part is one.
    *augmentations : callable
        Each takes an image and a generator, and gives an image; they are applied one after the other.
    rng : None, int or numpy.random.Generator
        The seed.

    >>> images, labels = np.zeros((3, 8, 8), np.float32), np.arange(3)
    >>> data = Augmented((images, labels), noise(0.1), rng=0)
    >>> one, again, later = data[0][0], data[0][0], data.at(epoch=1)[0][0]
    >>> bool((one == again).all()), bool((one == later).any())
    (True, False)
    """

    def __init__(self, dataset: Any, *augmentations: Augmentation, rng: Rng = None) -> None:
        self.dataset = as_dataset(dataset)
        if not augmentations or not all(map(callable, augmentations)):
            raise OptionError(
                "Augmented: these are no augmentations", got=augmentations, fix="pb.data.augment.shift(2), for instance"
            )
        self.augmentations = augmentations
        self.seed = seed_of(rng)
        self.epoch = 0

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> Any:
        sample = self.dataset[index]
        rng = _generator(self, index)
        image, *rest = sample if isinstance(sample, tuple) else (sample,)
        for augmentation in self.augmentations:
            image = augmentation(image, rng)
        return (image, *rest)

    def at(self, epoch: int) -> Augmented:
        other = Augmented(self.dataset.at(epoch), *self.augmentations, rng=self.seed)
        other.epoch = epoch
        return other


@final
class MixUp(Dataset):
    """Each sample mixed with another one: λ·x + (1 - λ)·x′, and so its label, as a share for each class.

    Parameters
    ----------
    dataset : Dataset or arrays
        Its samples are tuples of an image and the number of a class.
    classes : int
        How many classes there are.
    alpha : float
        λ is drawn from Beta(alpha, alpha).
    rng : None, int or numpy.random.Generator
        The seed.

    References
    ----------
    H. Zhang et al., mixup: Beyond Empirical Risk Minimization, 2018.

    >>> data = MixUp((np.ones((4, 2, 2), np.float32), np.arange(4)), classes=4, rng=0)
    >>> image, share = data[2]
    >>> float(round(share.sum(), 6)), bool(share[2] > 0)
    (1.0, True)
    """

    def __init__(self, dataset: Any, classes: int, alpha: float = 0.2, rng: Rng = None) -> None:
        self.dataset = as_dataset(dataset)
        self.classes = checked_count("MixUp", "classes", classes, least=1)
        self.alpha = checked_number("MixUp", "alpha", alpha, np.finfo(float).tiny)
        self.seed = seed_of(rng)
        self.epoch = 0

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> Any:
        rng = _generator(self, index)
        share = np.float32(rng.beta(self.alpha, self.alpha))
        (one, label), (other, its) = self.dataset[index], self.dataset[int(rng.integers(len(self)))]
        wrong = [each for each in (label, its) if not 0 <= each < self.classes]
        if wrong:
            raise DataError("MixUp: a label is none of the classes", label=wrong[0], classes=self.classes)
        shares = np.zeros(self.classes, np.float32)
        shares[label] += share
        shares[its] += 1 - share
        return share * _floating(one) + (1 - share) * _floating(other), shares

    def at(self, epoch: int) -> MixUp:
        made = MixUp(self.dataset.at(epoch), self.classes, self.alpha, self.seed)
        made.epoch = epoch
        return made


def _generator(data: Augmented | MixUp, index: int) -> np.random.Generator:
    """What the sample at an index draws from in its epoch."""
    position = int(index) + (len(data) if index < 0 else 0)
    return np.random.default_rng(np.random.SeedSequence(data.seed, spawn_key=(SAMPLE, data.epoch, position)))


def shift(most: float) -> Augmentation:
    """Move an image by up to `most` pixels each way, a whole number of them; what comes in is 0."""
    most = checked_count("shift", "most", most)
    return partial(_shifted, most)


def _shifted(most: int, image: Array, rng: np.random.Generator) -> Array:
    image = _floating(image)
    height, width = image.shape[-2:]
    down, right = (int(rng.integers(-most, most + 1)) for _ in range(2))
    moved = np.zeros_like(image)
    rows, columns = max(0, height - abs(down)), max(0, width - abs(right))
    top, left = max(0, down), max(0, right)
    moved[..., top : top + rows, left : left + columns] = image[
        ..., max(0, -down) : max(0, -down) + rows, max(0, -right) : max(0, -right) + columns
    ]
    return moved


def rotate(degrees: float) -> Augmentation:
    """Turn an image about its middle by up to so many degrees either way."""
    degrees = checked_number("rotate", "degrees", degrees, 0, 180)
    return partial(_rotated, degrees)


def _rotated(degrees: float, image: Array, rng: np.random.Generator) -> Array:
    angle = np.deg2rad(rng.uniform(-degrees, degrees))
    return _affine(image, np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]))


def scale(low: float, high: float) -> Augmentation:
    """Enlarge an image about its middle by a factor from `low` to `high`, of which below 1 makes it smaller."""
    low = checked_number("scale", "low", low, 1e-3)
    high = checked_number("scale", "high", high, low)
    return partial(_scaled, low, high)


def _scaled(low: float, high: float, image: Array, rng: np.random.Generator) -> Array:
    return _affine(image, np.eye(2) / rng.uniform(low, high))


def noise(std: float) -> Augmentation:
    """Add normal noise."""
    std = checked_number("noise", "std", std, 0)
    return partial(_noisy, std)


def _noisy(std: float, image: Array, rng: np.random.Generator) -> Array:
    image = _floating(image)
    return image + rng.normal(0, std, image.shape).astype(image.dtype)


def cutout(side: int) -> Augmentation:
    """Set a square to 0 whose middle is anywhere in the image.

    References
    ----------
    T. DeVries and G. W. Taylor, Improved Regularization of Convolutional Neural Networks with Cutout, 2017.
    """
    side = checked_count("cutout", "side", side, least=1)
    return partial(_cut, side)


def _cut(side: int, image: Array, rng: np.random.Generator) -> Array:
    image = _floating(image).copy()
    top, left = (int(rng.integers(length)) - side // 2 for length in image.shape[-2:])
    image[..., max(0, top) : max(0, top + side), max(0, left) : max(0, left + side)] = 0
    return image


def elastic(strength: float, smoothness: float) -> Augmentation:
    """Bend an image by a smooth random field: `strength` pixels, alike within some `smoothness` of them.

    References
    ----------
    P. Y. Simard, D. Steinkraus and J. C. Platt, Best Practices for Convolutional Neural Networks Applied to Visual
    Document Analysis, 2003.
    """
    strength = checked_number("elastic", "strength", strength, 0)
    smoothness = checked_number("elastic", "smoothness", smoothness, 1e-3)
    return partial(_bent, strength, smoothness)


def _bent(strength: float, smoothness: float, image: Array, rng: np.random.Generator) -> Array:
    from scipy import ndimage  # heavy, and only for this

    image = _floating(image)
    fields = []
    for _ in range(2):
        field = ndimage.gaussian_filter(rng.uniform(-1, 1, image.shape[-2:]), smoothness, mode="constant")
        fields.append(field * strength / max(np.abs(field).max(), np.finfo(float).tiny))
    places = np.indices(image.shape[-2:]) + np.array(fields)
    return _each_channel(image, lambda plane: ndimage.map_coordinates(plane, places, order=1, mode="grid-constant"))


def _affine(image: Array, matrix: Array) -> Array:
    """Look each pixel up where a matrix, about the middle, says."""
    from scipy import ndimage  # heavy, and only for this

    image = _floating(image)
    middle = (np.array(image.shape[-2:]) - 1) / 2
    offset = middle - matrix @ middle
    return _each_channel(
        image, lambda plane: ndimage.affine_transform(plane, matrix, offset, order=1, mode="grid-constant")
    )


def _each_channel(image: Array, change: Callable[[Array], Array]) -> Array:
    planes = image.reshape(-1, *image.shape[-2:])
    return np.stack([change(plane) for plane in planes]).reshape(image.shape).astype(image.dtype, copy=False)


def _floating(image: Any) -> Array:
    array = np.asarray(image)
    if array.dtype.kind != "f" or array.ndim not in (2, 3):
        raise DTypeError(
            "augment: this is no image", shape=array.shape, dtype=array.dtype,
            fix="(height, width) or (channels, height, width) of floating-point numbers",
        )  # fmt: skip
    return array
