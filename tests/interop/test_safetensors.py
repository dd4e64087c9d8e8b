"""Arrays written are the arrays read, in whatever layout; damage is found; other programs read the files."""

from __future__ import annotations

import gzip
import json
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from safetensors.numpy import load as plain_load
from safetensors.numpy import save as plain_save

import pullback as pb
from pullback.core.errors import CheckpointError, DTypeError, OptionError
from pullback.interop import safetensors

DTYPES = ("f8", "f4", "f2", "c8", "i8", "i4", "i2", "i1", "u8", "u4", "u2", "u1", "?")
SHAPES = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)
ARRAYS = st.sampled_from(DTYPES).flatmap(lambda dtype: hnp.arrays(dtype, SHAPES))


def same(one, other):
    return one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()


NAMES = st.text(min_size=1, max_size=8)


@given(st.dictionaries(NAMES, ARRAYS, max_size=3), st.dictionaries(NAMES, st.text(), max_size=2))
def test_what_is_written_is_read(arrays, notes):
    found, found_notes = safetensors.decode(safetensors.encode(arrays, notes), "bytes")
    assert found_notes == notes
    assert found.keys() == arrays.keys()
    assert all(same(found[name], arrays[name]) for name in arrays)


LAYOUTS = {
    "transposed": lambda x: x.T,
    "strided": lambda x: x[:, ::2],
    "reversed": lambda x: x[::-1],
    "broadcast": lambda x: np.broadcast_to(x[0], (3, 4)),
    "Fortran": np.asfortranarray,
    "0-d": lambda x: x[1, 1],
    "empty": lambda x: x[:0],
    "big-endian": lambda x: x.astype(">f4"),
    "tensor": lambda x: pb.tensor(x, requires_grad=True),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_numbers_survive_any_memory_layout(layout):
    array = LAYOUTS[layout](np.arange(12, dtype=np.float32).reshape(3, 4))
    content = safetensors.encode({"x": array})
    expected = np.asarray(array.numpy() if isinstance(array, pb.Tensor) else array, np.float32)
    for found in (safetensors.decode(content, "bytes")[0], plain_load(content)):
        assert found["x"].shape == expected.shape
        assert found["x"].tolist() == expected.tolist()


def test_a_file_of_another_program_needs_no_checksum():
    content = plain_save({"w": np.ones(2)}, {"format": "pt"})
    arrays, notes = safetensors.decode(content, "bytes")
    assert arrays["w"].tolist() == [1.0, 1.0]
    assert notes == {"format": "pt"}


CONTENT = safetensors.encode({"model.w": np.arange(4.0), "model.b": np.float32(1)}, {"step": "3"})


@given(st.integers(0, len(CONTENT) * 8 - 1))
def test_one_flipped_bit_is_found(bit):
    damaged = bytearray(CONTENT)
    damaged[bit // 8] ^= 1 << bit % 8
    try:
        arrays, notes = safetensors.decode(bytes(damaged), "w.safetensors")
    except CheckpointError:
        return
    # Only the word that names the checksum can be lost so.
    assert len(notes.keys() - {"step"}) == 1
    assert arrays["model.w"].tolist() == [0.0, 1.0, 2.0, 3.0]
    with pytest.raises(CheckpointError, match="no checksum"):
        safetensors.decode(bytes(damaged), "w.safetensors", proved=True)


@given(st.integers(0, len(CONTENT) - 1))
def test_a_file_cut_short_is_refused(length):
    with pytest.raises(CheckpointError, match="damaged"):
        safetensors.decode(CONTENT[:length], "w.safetensors")


@given(st.binary(max_size=200))
def test_any_other_bytes_are_refused(content):
    with pytest.raises(CheckpointError):
        safetensors.decode(content, "bytes")


def test_a_hostile_header_is_not_read():
    with pytest.raises(CheckpointError, match="header"):
        safetensors.decode((1 << 40).to_bytes(8, "little") + b"{}", "bytes")


def test_what_the_format_cannot_hold_is_named():
    with pytest.raises(DTypeError, match="names"):
        safetensors.encode({"names": np.array(["a"])})
    with pytest.raises(DTypeError, match="complex128"):
        safetensors.encode({"z": np.ones(2, complex)})


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(CheckpointError, match=r"absent\.safetensors"):
        safetensors.load(tmp_path / "absent.safetensors")


def test_equal_arrays_and_notes_give_equal_bytes():
    notes = {f"note {place}": str(place) for place in range(9)}
    arrays = {name: np.arange(3, dtype=kind) for name, kind in (("b", "f4"), ("ä", "f8"), ("a", "f4"))}
    contents = {safetensors.encode(arrays, notes) for _ in range(5)}
    contents.add(safetensors.encode(dict(reversed(arrays.items())), dict(reversed(notes.items()))))
    (content,) = contents
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    assert list(header["__metadata__"]) == sorted(header["__metadata__"])
    assert int.from_bytes(content[:8], "little") % 8 == 0
    assert plain_load(content).keys() == arrays.keys()


@pytest.mark.parametrize(
    ("arrays", "notes"),
    [
        ({"__metadata__": np.ones(1)}, {}), ({1: np.ones(1)}, {}), ({"\ud800": np.ones(1)}, {}),
        ({}, {"sha256": "mine"}), ({}, {1: "a"}), ({}, {"a": 1}), ({}, {"a": "\udfff"}), ({}, {None: "a"}),
    ],
)  # fmt: skip
def test_names_and_notes_that_the_format_cannot_keep_are_refused(arrays, notes):
    with pytest.raises(OptionError, match="safetensors"):
        safetensors.encode(arrays, notes)


FOREIGN = {
    "PyTorch's": (b"PK\x03\x04" + bytes(26) + b"model/data.pkl" + bytes(60), "load_torch"),
    "an old one of PyTorch's": (b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M", "PyTorch pickle"),
    "a pickle": (pickle.dumps({"w": 1.0}, 4), "PyTorch pickle"),
    "npz": (b"PK\x03\x04" + bytes(26) + b"weight.npy" + bytes(60), "np.load"),
    "zip": (b"PK\x03\x04" + bytes(26) + b"readme.txt" + bytes(60), "zip archive"),
    "npy": (b"\x93NUMPY\x01\x00" + bytes(60), "np.load"),
    "HDF5": (b"\x89HDF\r\n\x1a\n" + bytes(60), "h5py"),
    "gzip": (gzip.compress(CONTENT), "gzip"),
    "Git LFS": (b"version https://git-lfs.github.com/spec/v1\noid sha256:00", "git lfs pull"),
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_a_file_of_another_format_is_told(kind, tmp_path):
    content, words = FOREIGN[kind]
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(CheckpointError, match=words) as caught:
        safetensors.load(tmp_path / "file")
    if "PyTorch" in words:
        assert "save_file(torch.load(" in caught.value.facts["fix"]
    with pytest.raises(CheckpointError, match=words):
        safetensors.decode(content, "bytes")


def test_a_header_whose_length_looks_like_another_format_is_read():
    length = int.from_bytes(b"\x80\x02}", "little")  # as a pickle begins
    text = b"{}".ljust(length)
    assert safetensors.decode(length.to_bytes(8, "little") + text, "bytes") == ({}, {})


def test_a_file_that_is_longer_than_it_says_is_not_read(tmp_path):
    path = safetensors.save(tmp_path / "w", {"w": np.ones(3)})
    with path.open("ab") as file:
        file.truncate(1 << 40)
    with pytest.raises(CheckpointError, match="1,099,511,627,776 bytes"):
        safetensors.load(path)


def framed(header):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text


STRANGE = {
    "a list": [], "a number": 7, "null": None, "an entry that is none": {"a": 1}, "no offsets": {"a": {"dtype": "F32"}},
    "offsets of text": {"a": {"dtype": "F32", "shape": [1], "data_offsets": ["0", "4"]}},
    "a shape that overflows": {"a": {"dtype": "F32", "shape": [0, 2**62, 2**62], "data_offsets": [0, 0]}},
    "notes that are none": {"__metadata__": 3}, "a note that is no text": {"__metadata__": {"a": {}}},
    "deep": b"[" * 50_000, "deep objects": b'{"a":' * 50_000, "null characters": bytes(100),
    "a huge number": b"1" * 9_999,
}  # fmt: skip


@pytest.mark.parametrize("kind", STRANGE)
def test_a_header_that_says_what_cannot_be_is_damaged(kind):
    with pytest.raises(CheckpointError, match="damaged"):
        safetensors.decode(framed(STRANGE[kind]), "bytes")
