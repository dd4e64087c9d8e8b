"""IDX files: what is written is read back, and what is not whole is refused."""

import gzip
import struct
import zlib

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pullback.core.errors import DataError, DTypeError
from pullback.data.idx import TYPES, read_idx, read_known, write_idx

native = st.sampled_from([dtype.newbyteorder("=") for dtype in TYPES.values()])
arrays = hnp.arrays(native, hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4))
IMAGES = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("idx")


@given(array=arrays, suffix=st.sampled_from(["", ".gz"]))
def test_what_is_written_is_read_back_bit_for_bit(folder, array, suffix):
    path = folder / f"numbers{suffix}"
    write_idx(path, array)
    back = read_idx(path)
    assert (back.dtype, back.shape, back.tobytes()) == (array.dtype, array.shape, array.tobytes())
    assert read_idx(path.read_bytes()).tobytes() == array.tobytes()
    assert back.flags.writeable


def test_numbers_are_stored_with_the_greatest_byte_first(tmp_path):
    write_idx(tmp_path / "x", np.array([[1, -2]], np.int16))
    assert (tmp_path / "x").read_bytes() == bytes.fromhex("00000b02 00000001 00000002 0001 fffe")


def test_big_endian_and_strided_arrays_are_written_by_value(tmp_path):
    array = np.arange(12, dtype=">i4").reshape(3, 4)[::-1, ::2]
    write_idx(tmp_path / "x", array)
    np.testing.assert_array_equal(read_idx(tmp_path / "x"), array)


def test_the_same_array_gives_the_same_compressed_bytes(tmp_path):
    write_idx(tmp_path / "x.gz", IMAGES)
    assert (tmp_path / "x.gz").read_bytes()[4:8] == bytes(4)  # where gzip would put the time


@given(array=arrays, data=st.data())
def test_every_truncation_is_refused_by_name(folder, array, data):
    path = folder / "whole"
    write_idx(path, array)
    content = path.read_bytes()
    cut = folder / "cut"
    cut.write_bytes(content[: data.draw(st.integers(0, len(content) - 1))])
    with pytest.raises(DataError, match="expected") as caught:
        read_idx(cut)
    assert caught.value.facts["file"] == str(cut)


@given(cut=st.integers(2, len(gzip.compress(IMAGES.tobytes())) - 1))
def test_every_truncation_of_the_compressed_file_is_refused(cut):
    with pytest.raises(DataError, match="compression is damaged"):
        read_idx(gzip.compress(IMAGES.tobytes())[:cut])


def test_trailing_bytes_are_refused():
    with pytest.raises(DataError) as caught:
        read_idx(bytes([0, 0, 8, 1, 0, 0, 0, 2, 7, 7, 7]))
    assert str(caught.value) == (
        "read_idx: the file has not the length that its header says\n"
        "  file      bytes\n"
        "  expected  10 bytes for shape (2,) of uint8\n"
        "  got       11 bytes\n"
        "  fix       delete the file and get it again"
    )


@pytest.mark.parametrize(
    "content",
    [b"", b"\0\0\x08", b"\x89PNG", b"\0\1\x08\1\0\0\0\0", b"\0\0\x0a\1\0\0\0\0", b"\0\0\x08\xff" + bytes(1020)],
    ids=["empty", "cut", "picture", "not zero", "unknown type", "too many dimensions"],
)
def test_other_files_are_not_idx_files(content):
    with pytest.raises(DataError, match="not an IDX file"):
        read_idx(content)


def test_dimensions_beyond_memory_are_refused_before_anything_is_made():
    with pytest.raises(DataError, match="length that its header says"):
        read_idx(b"\0\0\x08\3" + struct.pack(">3I", 2**32 - 1, 2**32 - 1, 2**32 - 1))


def test_empty_arrays_may_have_any_other_dimension():
    with pytest.raises(DataError, match="a shape that an array can have"):
        read_idx(b"\0\0\x0e\4" + struct.pack(">4I", 0, 2**32 - 1, 2**32 - 1, 2**32 - 1))
    assert read_idx(b"\0\0\x0e\2" + struct.pack(">2I", 0, 5)).shape == (0, 5)


def test_damaged_compression_is_refused():
    packed = bytearray(gzip.compress(bytes([0, 0, 8, 1, 0, 0, 0, 2, 7, 7])))
    packed[-6] ^= 1  # one bit of the checksum
    with pytest.raises(DataError, match="CRC"):
        read_idx(bytes(packed))


def test_types_that_idx_has_not_are_refused(tmp_path):
    with pytest.raises(DTypeError, match="int64"):
        write_idx(tmp_path / "x", np.arange(3))
    assert not (tmp_path / "x").exists()


def bomb(shape, size):
    """A header, and as many zeros as may be, compressed to a thousandth."""
    packer = zlib.compressobj(9, wbits=31)
    parts = [packer.compress(struct.pack(f">HBB{len(shape)}I", 0, 8, len(shape), *shape))]
    parts += [packer.compress(bytes(1 << 20)) for _ in range(size >> 20)]
    return b"".join([*parts, packer.flush()])


@pytest.fixture
def little_memory(monkeypatch):
    """Complain where more than two pieces are decompressed."""
    real = gzip.GzipFile.readinto
    read = []

    def counted(file, room):
        read.append(len(room))
        assert sum(read) <= 1 << 21
        return real(file, room)

    monkeypatch.setattr(gzip.GzipFile, "readinto", counted)


@pytest.mark.parametrize("shape", [(10, 10), (1 << 13, 1 << 18), (0,)], ids=["says little", "says all", "says none"])
def test_a_bomb_is_not_expanded(shape, little_memory, tmp_path):
    (tmp_path / "bomb.gz").write_bytes(bomb(shape, 1 << 26))
    with pytest.raises(DataError, match=r"length that its header says|larger than what is read"):
        read_idx(tmp_path / "bomb.gz")


def test_a_known_file_of_another_shape_is_not_expanded(little_memory, tmp_path):
    (tmp_path / "bomb.gz").write_bytes(bomb((1 << 6, 1 << 20), 1 << 26))
    with pytest.raises(DataError, match="another shape"):
        read_known(tmp_path / "bomb.gz", (60_000, 28, 28))


def test_what_may_be_read_can_be_chosen(tmp_path):
    write_idx(tmp_path / "x.gz", IMAGES)
    assert read_idx(tmp_path / "x.gz", most=24).shape == (2, 3, 4)
    for name in ("x.gz", "x"):
        write_idx(tmp_path / name, IMAGES)
        with pytest.raises(DataError, match="most=24"):
            read_idx(tmp_path / name, most=23)


def test_a_file_of_holes_is_not_read(tmp_path):
    with (tmp_path / "holes").open("wb") as file:
        file.write(struct.pack(">HBBI", 0, 8, 1, 100))
        file.truncate(1 << 40)
    with pytest.raises(DataError, match="1099511627776 bytes"):
        read_idx(tmp_path / "holes")


def test_several_members_of_gzip_are_one_file():
    content = bytes([0, 0, 8, 1, 0, 0, 0, 4, 1, 2, 3, 4])
    assert read_idx(gzip.compress(content[:9]) + gzip.compress(content[9:])).tolist() == [1, 2, 3, 4]
