"""Where samples come from: mapped files, windows of tokens, folders, archives; and how they become batches."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pullback.core.errors import DataError, DTypeError, ShapeError
from pullback.data import (
    Characters,
    DataLoader,
    ImageFolder,
    TensorDataset,
    TokenWindows,
    collate,
    create_array,
    open_array,
    padded,
    tiny_shakespeare,
)
from pullback.data.catalogue import COLLECTIONS, TINY_SHAKESPEARE
from pullback.data.published import CifarArchive, CompressedIdxFile, TextFile


class Pair(NamedTuple):
    x: object
    y: object


def test_trees_are_stacked_leaf_by_leaf():
    batch = collate([{"a": Pair(n, (np.full(2, n), [n, n])), "b": n / 2} for n in range(3)])
    assert isinstance(batch["a"], Pair)
    assert batch["a"].x.tolist() == [0, 1, 2]
    assert batch["a"].y[0].shape == batch["a"].y[1].shape == (3, 2)
    assert batch["b"].tolist() == [0, 0.5, 1]


@pytest.mark.parametrize(
    ("samples", "kind", "words"),
    [
        ([{"a": 1}, {"b": 1}], ShapeError, "different structures"),
        ([(1,), {"a": 1}], ShapeError, "different structures"),
        ([{"a": (1, 2)}, {"a": (1,)}], ShapeError, "different structures"),
        ([{"a": np.ones(2)}, {"a": np.ones(3)}], ShapeError, "different shapes"),
        (["ab", "cd"], DTypeError, "not numbers"),
        ([None], DTypeError, "not numbers"),
        ([], DataError, "no samples"),
    ],
)
def test_what_does_not_go_together_is_told(samples, kind, words):
    with pytest.raises(kind, match=words):
        collate(samples)


@given(st.lists(st.lists(st.integers(0, 9), max_size=5), min_size=1, max_size=5), st.integers(0, 3))
def test_padding_fills_up(rows, more):
    longest = max(map(len, rows))
    arrays = [np.array(row, int) for row in rows]
    full, lengths = padded(arrays, -1, longest + more)
    assert lengths.tolist() == [len(row) for row in rows]
    assert full.tolist() == [row + [-1] * (longest + more - len(row)) for row in rows]


def test_sequences_of_vectors_are_padded_and_others_refused():
    full, _ = padded([np.ones((2, 3), np.float32), np.ones((1, 3), np.float32)])
    assert (full.shape, full.dtype, full[1, 1].sum()) == ((2, 2, 3), np.float32, 0)
    for sequences, words in (([np.ones((2, 3)), np.ones((2, 2))], "first axis"), ([3.0], "first axis")):
        with pytest.raises(ShapeError, match=words):
            padded(sequences)
    with pytest.raises(ShapeError, match="longer than that"):
        padded([[1, 2, 3]], length=2)
    with pytest.raises(DataError, match="no sequences"):
        padded([])


@given(st.integers(1, 12), st.integers(1, 9), st.integers(13, 40))
def test_windows_are_slices_of_the_tokens(context, stride, size):
    tokens = np.arange(size, dtype=np.uint8)
    data = TokenWindows(tokens, context, stride)
    assert len(data) == len(range(0, size - context, stride))
    for index in range(len(data)):
        window, following = data[index]
        assert window.tolist() == list(range(index * stride, index * stride + context))
        assert (following == window + 1).all()
        assert window.dtype == np.int64
    windows, following = data.batch(np.array([len(data) - 1, 0]))
    np.testing.assert_array_equal(windows, [data[-1][0], data[0][0]])
    np.testing.assert_array_equal(following, windows + 1)
    with pytest.raises(IndexError):
        data[len(data)]


def test_what_has_no_windows_is_told():
    with pytest.raises(DataError, match="too few tokens"):
        TokenWindows(np.arange(4), 4)
    with pytest.raises(DTypeError, match="no tokens"):
        TokenWindows(np.ones(4), 2)


@given(st.text(min_size=1), st.data())
def test_characters_are_numbers_and_back(text, data):
    alphabet = Characters(text)
    part = "".join(data.draw(st.lists(st.sampled_from(text))))
    assert alphabet.decode(alphabet.encode(part)) == part
    assert len(alphabet) == len(set(text))


def test_a_character_that_is_not_known_is_told():
    with pytest.raises(DataError, match="'z'"):
        Characters("abc").encode("az")
    for text in ("", "\U0001f600é a", "\udc80x"):  # nothing, beyond 16 bits, half of a pair
        alphabet = Characters(text)
        assert alphabet.decode(alphabet.encode(text)) == text
        assert alphabet.encode(text).dtype == np.int64


def test_a_mapped_array_is_not_read_as_a_whole(tmp_path):
    path = tmp_path / "large.npy"
    array = create_array(path, (1 << 20, 1 << 15), np.float32)  # 128 GB, as a hole
    array[123_456, 7] = 5.0
    array.flush()
    data = TensorDataset(open_array(path))
    (batch,) = next(DataLoader(data, 2, sampler=None).batches(0, start=61_728))
    assert batch.shape == (2, 1 << 15)
    assert batch.numpy()[0, 7] == 5.0
    assert data[123_456][0][7] == 5.0


def test_a_mapped_array_is_written_where_that_is_asked_for(tmp_path):
    create_array(tmp_path / "a.npy", (3,), float).flush()
    with pytest.raises(ValueError, match="read-only"):
        open_array(tmp_path / "a.npy")[0] = 1
    array = open_array(tmp_path / "a.npy", writable=True)
    array[0] = 1
    array.flush()
    assert np.load(tmp_path / "a.npy").tolist() == [1, 0, 0]


def test_what_cannot_be_mapped_is_told(tmp_path):
    np.save(tmp_path / "objects.npy", np.array([None]), allow_pickle=True)
    np.save(tmp_path / "cut.npy", np.ones(100))
    os.truncate(tmp_path / "cut.npy", 300)
    (tmp_path / "text.npy").write_text("no array")
    for name in ("objects", "cut", "text", "absent"):
        with pytest.raises(DataError, match=f"{name}.npy"):
            open_array(tmp_path / f"{name}.npy")
    with pytest.raises(DataError, match="there already"):
        create_array(tmp_path / "text.npy", (2,), float)
    with pytest.raises(DataError, match="cannot be made"):
        create_array(tmp_path / "no" / "a.npy", (2,), float)
    with pytest.raises(DTypeError, match="numbers"):
        create_array(tmp_path / "b.npy", (2,), object)


@pytest.fixture
def pictures(tmp_path):
    for folder, colour in (("dogs", (255, 0, 0)), ("cats", (0, 255, 0))):
        (tmp_path / folder).mkdir()
        for number in range(2):
            Image.new("RGB", (10 + number, 6), colour).save(tmp_path / folder / f"{number}.png")
    (tmp_path / "cats" / "notes.txt").write_text("no picture")
    return tmp_path


def test_images_of_folders_are_labelled_by_them(pictures):
    data = ImageFolder(pictures, 4)
    assert (data.classes, data.labels.tolist()) == (("cats", "dogs"), [0, 0, 1, 1])
    images, labels = next(DataLoader(data, 4).batches(0))
    assert (images.shape, images.dtype, labels.tolist()) == ((4, 3, 4, 4), np.float32, [0, 0, 1, 1])
    assert images.numpy()[0, :, 0, 0].tolist() == [0, 1, 0]
    assert images.numpy()[3, :, 0, 0].tolist() == [1, 0, 0]
    assert ImageFolder(pictures, (4, 5), grey=True)[0][0].shape == (1, 4, 5)


def test_an_image_that_is_damaged_is_named(pictures):
    (pictures / "dogs" / "0.png").write_bytes(b"no picture")
    data = ImageFolder(pictures, 4)
    with pytest.raises(DataError, match=r"dogs.0\.png"):
        data[2]
    for folder, words in ((pictures / "none", "no such folder"), (pictures / "cats", "no images")):
        with pytest.raises(DataError, match=words):
            ImageFolder(folder, 4)


def archive(parts):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as file:
        for name, content in parts.items():
            entry = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            entry.size = len(content)
            file.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def rows(label, number=2):
    pixels = np.arange(number * 3_072, dtype=np.uint32).astype(np.uint8).reshape(number, 3_072)
    return np.concatenate([np.full((number, 1), label, np.uint8), pixels], axis=1).tobytes()


def cifar(path, content):
    path.write_bytes(content)
    file = CifarArchive("a.tar.gz", hashlib.md5(content).hexdigest(), rows=2, parts=("one.bin", "two.bin"))
    return file.read(path)


def test_the_binary_archive_is_read(tmp_path):
    one, two = cifar(tmp_path / "a.tar.gz", archive({"two.bin": rows(7), "readme": b"", "one.bin": rows(3)}))
    assert one[1].tolist() == [3, 3]
    assert two[1].tolist() == [7, 7]
    assert one[0].shape == (2, 3, 32, 32)
    np.testing.assert_array_equal(one[0].ravel(), np.arange(2 * 3_072).astype(np.uint8))


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"one.bin": rows(3)}, "lacks a part"),
        ({"one.bin": rows(3)[:-1], "two.bin": rows(3)}, "no part of CIFAR-10"),
        ({"one.bin": rows(3, 3), "two.bin": rows(3)}, "no part of CIFAR-10"),
        ({"one.bin": rows(10), "two.bin": rows(3)}, "no part of CIFAR-10"),
    ],
)
def test_an_archive_that_is_another_is_told(tmp_path, parts, words):
    with pytest.raises(DataError, match=words):
        cifar(tmp_path / "a.tar.gz", archive(parts))


def test_an_archive_that_is_cut_short_is_told(tmp_path):
    with pytest.raises(DataError, match="the archive is damaged"):
        cifar(tmp_path / "a.tar.gz", archive({"one.bin": os.urandom(6_146), "two.bin": rows(3)})[:-900])


def test_published_digests_are_asked_for(tmp_path):
    (tmp_path / "a").write_bytes(b"another file")
    for file in (TextFile("a", "00"), CompressedIdxFile("a", "00", (1,)), CifarArchive("a", "00")):
        with pytest.raises(DataError, match="damaged or changed"):
            file.read(tmp_path / "a")
    assert TextFile("a", hashlib.sha256(b"another file").hexdigest()).read(tmp_path / "a") == "another file"


def test_every_collection_has_its_digests():
    lengths = {"md5": 32, "sha256": 64}
    for collection in COLLECTIONS:
        assert all(len(file.digest) in lengths.values() for file in collection.files)
        assert len({file.digest for file in collection.files}) == len(collection.files)


def test_the_real_text_is_read(monkeypatch):
    base = os.environ.get("PULLBACK_DATA")
    if not base or not any(Path(base, folder, "input.txt").exists() for folder in TINY_SHAKESPEARE.folders):
        pytest.skip("tiny_shakespeare is not here: name its folder in $PULLBACK_DATA")
    data = tiny_shakespeare()
    assert len(data.train + data.test) == 1_115_394
    assert data.train.startswith("First Citizen:\nBefore we proceed")
    assert len(data.characters) == 65
    assert len(data.train) == 1_003_854
