"""Arrays written are the arrays read, in whatever layout; damage is found; other programs read the files."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from safetensors.numpy import load as plain_load
from safetensors.numpy import save as plain_save

import pullback as pb
from pullback.core.errors import CheckpointError, DTypeError
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
