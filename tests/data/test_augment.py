"""Augmentations: what each does to an image, the same wherever and whenever it is asked for."""

from __future__ import annotations

import numpy as np
import pytest

from pullback.core.errors import DataError, DTypeError, OptionError
from pullback.data import Augmented, DataLoader, MixUp, Subset, augment

IMAGE = np.zeros((9, 9), np.float32)
IMAGE[4, 2:7] = 1
ALL = {
    "shift": augment.shift(2), "rotate": augment.rotate(30), "scale": augment.scale(0.7, 1.4),
    "noise": augment.noise(0.1), "cutout": augment.cutout(4), "elastic": augment.elastic(2.0, 2.0),
}  # fmt: skip


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("shape", [(9, 9), (1, 9, 9), (3, 9, 9), (5, 9)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_shape_and_dtype_stay_and_the_image_is_left_alone(name, shape, dtype):
    image = np.random.default_rng(0).uniform(size=shape).astype(dtype)
    before = image.copy()
    made = ALL[name](image, np.random.default_rng(1))
    assert (made.shape, made.dtype) == (shape, dtype)
    np.testing.assert_array_equal(image, before)
    assert any(not np.array_equal(ALL[name](image, np.random.default_rng(seed)), image) for seed in range(5))
    np.testing.assert_array_equal(made, ALL[name](image, np.random.default_rng(1)))


@pytest.mark.parametrize("name", ["shift", "rotate", "scale", "cutout", "elastic"])
def test_channels_move_together(name):
    plane = np.random.default_rng(0).uniform(size=(9, 9)).astype(np.float32)
    made = ALL[name](np.stack([plane, plane]), np.random.default_rng(5))
    np.testing.assert_array_equal(made[0], made[1])


def test_a_shift_is_numpys_roll_with_zeros():
    rng = np.random.default_rng(0)
    image = rng.uniform(1, 2, (6, 7)).astype(np.float32)
    for seed in range(30):
        twin = np.random.default_rng(seed)
        down, right = (int(twin.integers(-9, 10)) for _ in range(2))
        expected = np.zeros_like(image)
        for row in range(6):
            for column in range(7):
                if 0 <= row - down < 6 and 0 <= column - right < 7:
                    expected[row, column] = image[row - down, column - right]
        np.testing.assert_array_equal(augment.shift(9)(image, np.random.default_rng(seed)), expected)


class Fixed:
    """In place of a generator: the number that is wanted."""

    def __init__(self, number):
        self.number = number

    def uniform(self, *_):
        return self.number


@pytest.mark.parametrize(("degrees", "turns"), [(90, 1), (180, 2), (-90, -1)])
def test_quarter_turns_are_exact(degrees, turns):
    image = np.random.default_rng(0).uniform(size=(8, 8))
    turned = augment.rotate(180)(image, Fixed(degrees))
    np.testing.assert_allclose(turned, np.rot90(image, turns), atol=1e-9)


def test_a_scale_of_two_doubles_a_line():
    larger = augment.scale(2, 2)(IMAGE, Fixed(2.0))
    assert (larger[4] == 1).all()
    assert larger.sum() > 1.8 * IMAGE.sum()


def test_a_cut_out_square_has_its_size_inside_of_the_image():
    sizes = {int((augment.cutout(3)(np.ones((9, 9)), np.random.default_rng(seed)) == 0).sum()) for seed in range(60)}
    assert max(sizes) == 9
    assert sizes <= {4, 6, 9}  # at an edge it is cut off


def test_noise_has_its_deviation():
    made = augment.noise(0.5)(np.zeros((200, 200)), np.random.default_rng(0))
    assert abs(made.std() - 0.5) < 0.01
    assert abs(made.mean()) < 0.01


def test_an_elastic_image_moves_no_farther_than_its_strength():
    image = np.add.outer(np.zeros(40), np.arange(40.0))  # its value is its column
    made = augment.elastic(3.0, 4.0)(image, np.random.default_rng(0))[5:-5, 5:-5]
    moved = np.abs(made - image[5:-5, 5:-5])
    assert 1 < moved.max() <= 3 + 1e-9
    assert np.abs(np.diff(made - image[5:-5, 5:-5], axis=0)).max() < 1  # smooth


def test_samples_have_numbers_of_their_own_in_each_epoch():
    images = np.zeros((4, 5, 5), np.float32)
    data = Augmented(images, augment.noise(1.0), rng=2)
    seen = {data.at(epoch)[index][0].tobytes() for epoch in range(3) for index in range(4)}
    assert len(seen) == 12
    np.testing.assert_array_equal(data[-1], data[3])
    np.testing.assert_array_equal(data.batch(np.array([2, 0]))[0], [data[2][0], data[0][0]])
    loader = DataLoader(Subset(data, [3, 1]), 2)
    (first,) = loader.batches(1)
    np.testing.assert_array_equal(first[0].numpy(), [data.at(1)[3][0], data.at(1)[1][0]])


def test_mix_up_mixes_labels_as_it_mixes_images():
    images = np.eye(4, dtype=np.float32)[:, None] * np.ones((1, 3, 1), np.float32)
    data = MixUp((images, np.arange(4)), 4, alpha=1.0, rng=0)
    for index in range(4):
        image, shares = data[index]
        np.testing.assert_allclose(image, np.ones((3, 1)) * shares, rtol=1e-6)
        np.testing.assert_allclose(shares.sum(), 1, rtol=1e-6)
    batch, labels = data.batch(np.arange(4))
    assert (batch.shape, batch.dtype, labels.dtype) == ((4, 3, 4), np.float32, np.float32)
    assert not np.array_equal(data.at(1)[0][0], data[0][0])


WRONG = [
    (lambda: augment.shift(1)(np.zeros((3, 3), int), None), DTypeError, "no image"),
    (lambda: augment.shift(1)(np.zeros(3), None), DTypeError, "no image"),
    (lambda: augment.shift(-1), OptionError, "most"),
    (lambda: augment.rotate(270), OptionError, "degrees"),
    (lambda: augment.scale(2, 1), OptionError, "high"),
    (lambda: augment.noise(-1), OptionError, "std"),
    (lambda: augment.cutout(0), OptionError, "side"),
    (lambda: Augmented(np.zeros((2, 3, 3))), OptionError, "no augmentations"),
    (lambda: MixUp((np.zeros((2, 3, 3)), np.array([0, 5])), 2)[1], DataError, "none of the classes"),
    (lambda: MixUp((np.zeros((2, 3, 3)), np.array([0, 1])), 2, alpha=0), OptionError, "alpha"),
]


@pytest.mark.parametrize(("call", "kind", "words"), WRONG, ids=[str(n) for n in range(len(WRONG))])
def test_what_cannot_be_is_refused(call, kind, words):
    with pytest.raises(kind, match=words):
        call()
