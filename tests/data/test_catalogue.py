"""The data sets that Pullback knows: the embedded digits, and MNIST where it is at hand."""

import hashlib
import os
from importlib import resources

import numpy as np
import pytest

from pullback.data import DataLoader, digits, mnist
from pullback.data.catalogue import MNIST

needs_mnist = pytest.mark.skipif(
    "PULLBACK_DATA" not in os.environ, reason="real MNIST: set PULLBACK_DATA to a folder that holds its files"
)


def test_digits_are_small_images_from_0_to_1_with_their_labels():
    data = digits()
    for part, size in (data.train, 1442), (data.test, 355):
        images, labels = part.arrays
        assert (images.shape, images.dtype) == ((size, 8, 8), np.float32)
        assert (labels.shape, labels.dtype) == ((size,), np.int64)
        assert (images.min(), images.max()) == (0, 1)
        assert set(labels.tolist()) == set(range(10))
    assert data.classes == tuple("0123456789")
    assert (data.name, data.licence) == ("digits", "CC BY 4.0")
    assert "10.24432/C50P49" in data.source


def test_digits_hold_the_numbers_of_the_source():
    # The digest is of scikit-learn's load_digits, split by the rule that `digits` states.
    digest = hashlib.sha256()
    for images, labels in digits().train.arrays, digits().test.arrays:
        digest.update((images * 16).astype(np.uint8).tobytes() + labels.astype(np.uint8).tobytes())
    assert digest.hexdigest() == "eb16a5b9fcc31197ecd8be8456b687084ffc10eb4cc2efbd406de3cc793713c8"


def test_digits_equal_those_of_scikit_learn():
    source = pytest.importorskip("sklearn.datasets", reason="scikit-learn is not installed").load_digits()
    train, test = digits().train.arrays, digits().test.arrays
    tested = np.zeros(1797, bool)
    for label in range(10):
        tested[np.flatnonzero(source.target == label)[4::5]] = True
    for chosen, (images, labels) in (~tested, train), (tested, test):
        np.testing.assert_array_equal(images * 16, source.images[chosen])
        np.testing.assert_array_equal(labels, source.target[chosen])


def test_each_class_is_tested_on_a_fifth():
    train, test = (np.bincount(part.arrays[1]) for part in (digits().train, digits().test))
    np.testing.assert_array_equal(test, (train + test) // 5)


def test_digits_are_new_arrays_at_each_call():
    digits().train.arrays[0][:] = 7
    assert digits().train.arrays[0].max() == 1


def test_the_source_and_licence_lie_beside_the_digits():
    text = resources.files("pullback.data").joinpath("optdigits", "SOURCE.txt").read_text("utf-8")
    for fact in "Alpaydin", "Kaynak", "1998", "10.24432/C50P49", "CC BY 4.0":
        assert fact in text


def test_a_linear_rule_reads_most_test_digits():
    # Least squares on the pixels: it would be near 10 % if images and labels had come apart.
    (images, labels), (test_images, test_labels) = digits().train.arrays, digits().test.arrays
    weights = np.linalg.lstsq(images.reshape(-1, 64), np.eye(10)[labels])[0]
    guesses = (test_images.reshape(-1, 64) @ weights).argmax(1)
    assert (guesses == test_labels).mean() > 0.9


@needs_mnist
def test_mnist_is_70_000_images_from_0_to_1():
    data = mnist()
    for part, size in (data.train, 60_000), (data.test, 10_000):
        images, labels = part.arrays
        assert (images.shape, images.dtype) == ((size, 28, 28), np.float32)
        assert (images.min(), images.max()) == (0, 1)
        assert labels.dtype == np.int64
    assert data.train.arrays[1][:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert data.test.arrays[1][:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    images, labels = next(iter(DataLoader(data.test, 32)))
    assert (images.shape, labels.shape) == ((32, 28, 28), (32,))


def test_mnist_is_four_files_of_known_shape_and_digest():
    assert [(file.name, file.shape[0]) for file in MNIST.files] == [
        ("train-images-idx3-ubyte.gz", 60_000),
        ("train-labels-idx1-ubyte.gz", 60_000),
        ("t10k-images-idx3-ubyte.gz", 10_000),
        ("t10k-labels-idx1-ubyte.gz", 10_000),
    ]
    assert all(len(bytes.fromhex(file.digest)) == hashlib.sha256().digest_size for file in MNIST.files)
