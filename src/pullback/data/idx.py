"""IDX files, the format of MNIST: a magic number, the dimensions, then the numbers, all big-endian.

::

    00 00        always zero
    TT           the type of a number: a row of `TYPES`
    DD           the number of dimensions
    4 bytes      each dimension, DD times
    the numbers, the last dimension fastest

Source of the format: "The IDX file format", at the end of http://yann.lecun.com/exdb/mnist/.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import math
import os
import struct
import zlib
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

import numpy as np
import numpy.typing as npt

from pullback.core.errors import DataError, DTypeError, ShapeError
from pullback.core.files import opened, size_of

TYPES: Final[dict[int, np.dtype[Any]]] = {
    0x08: np.dtype("uint8"),
    0x09: np.dtype("int8"),
    0x0B: np.dtype(">i2"),
    0x0C: np.dtype(">i4"),
    0x0D: np.dtype(">f4"),
    0x0E: np.dtype(">f8"),
}
_CODES: Final[dict[np.dtype[Any], int]] = {dtype.newbyteorder("="): code for code, dtype in TYPES.items()}
_GZIP: Final = b"\x1f\x8b"
_MOST_DIMENSIONS: Final = 64  # NumPy's own limit
MOST: Final = 1 << 30  # bytes of an array; MNIST's largest has 47 million
_PIECE: Final = 1 << 20  # bytes that are decompressed at once


def read_idx(source: str | os.PathLike[str] | bytes, *, most: int = MOST) -> npt.NDArray[Any]:
    """Read the array of an IDX file, compressed with gzip or not.

    Parameters
    ----------
    source : path or bytes
        The file, or what it holds.
    most : int
        Bytes that the array may have: a small compressed file can hold a thousand times its size. Whatever the file
        holds, no more is read.

    Returns
    -------
    numpy.ndarray
        A new array, in the machine's byte order.

    Raises
    ------
    DataError
        If it is not an IDX file, is cut short, holds more than it says or more than `most`, or its compression is
        damaged.
    OSError
        If the file cannot be read.

    >>> read_idx(bytes([0, 0, 0x08, 2, 0, 0, 0, 1, 0, 0, 0, 3, 7, 8, 9]))
    array([[7, 8, 9]], dtype=uint8)
    """
    if isinstance(source, bytes):
        return _read(io.BytesIO(source), "bytes", len(source), most, None)[0]
    with opened(source) as file:
        return _read(file, os.fspath(source), size_of(file), most, None)[0]


def read_known(path: Path, shape: tuple[int, ...]) -> tuple[npt.NDArray[Any], str]:
    """Read the array of a file whose shape is known, and give the SHA-256 of its decompressed content too.

    Raises as `read_idx` does, and DataError before the array is read if it has another shape.
    """
    with opened(path) as file:
        return _read(file, str(path), size_of(file), MOST, shape)


def write_idx(path: str | os.PathLike[str], array: npt.ArrayLike) -> None:
    """Write an array as an IDX file, compressed with gzip if the name ends in `.gz`.

    The same array always gives the same bytes.

    Raises
    ------
    DTypeError
        If IDX has no such type: it knows uint8, int8, int16, int32, float32 and float64.
    ShapeError
        If a dimension does not fit 32 bits.
    """
    array = np.asarray(array)
    code = _CODES.get(array.dtype.newbyteorder("="))
    if code is None:
        known = ", ".join(map(str, _CODES))
        raise DTypeError("write_idx: IDX has no such type", dtype=array.dtype, fix=f"cast to one of {known}")
    if max(array.shape, default=0) >= 2**32:
        raise ShapeError("write_idx: a dimension does not fit 32 bits", shape=array.shape, fix="split the array")
    header = struct.pack(f">HBB{array.ndim}I", 0, code, array.ndim, *array.shape)
    content = header + array.astype(TYPES[code]).tobytes()
    target = Path(path)
    target.write_bytes(gzip.compress(content, mtime=0) if target.suffix == ".gz" else content)


def _read(
    raw: BinaryIO, file: str, size: int, most: int, wanted: tuple[int, ...] | None
) -> tuple[npt.NDArray[Any], str]:
    """Give the array of a file of `size` bytes and the SHA-256 of what it holds; `file` names it in errors."""
    packed = raw.read(2) == _GZIP
    raw.seek(0)
    content = cast(BinaryIO, gzip.GzipFile(fileobj=raw)) if packed else raw
    try:
        try:
            head, shape, dtype = _header(content, file)
        except DataError:
            content.read(_PIECE)  # damage in the compression is the better reason
            raise
        if wanted is not None and shape != wanted:
            raise DataError(
                f"{Path(file).name}: an array of another shape", file=file, expected=wanted, got=shape,
                fix="delete the file; it is then looked for elsewhere, or downloaded",
            )  # fmt: skip
        count = math.prod(shape) * dtype.itemsize
        if not packed and size != len(head) + count:  # before anything is made
            raise _wrong_length(file, _expected(len(head) + count, shape, dtype), size)
        if count > most:
            raise DataError(
                "read_idx: the array is larger than what is read", file=file, shape=shape, bytes=f"{count:,}",
                fix=f"read_idx(path, most={count}), if this is the right file",
            )  # fmt: skip
        try:
            array = np.empty(shape, dtype)
        except (ValueError, MemoryError) as error:  # no numbers at all, yet dimensions that overflow; or too many
            raise _wrong_length(file, f"a shape that an array can have, not {shape}", size) from error
        got = _fill(content, array.reshape(-1).view(np.uint8).data)
        more = len(content.read(1))  # none; and what makes gzip compare its checksum
    except (EOFError, OSError, zlib.error) as error:
        if not packed:
            raise
        raise DataError(
            "read_idx: the compression is damaged, or the file is cut short", file=file, expected="a whole gzip file",
            got=f"{size} bytes, of which gzip says: {error}", fix="delete the file and get it again",
        ) from error  # fmt: skip
    if got != count or more:
        found = f"more than {len(head) + count}" if more else str(len(head) + got)
        raise _wrong_length(file, _expected(len(head) + count, shape, dtype), found)
    digest = hashlib.sha256(head)
    digest.update(array.reshape(-1).view(np.uint8).data)
    return array.astype(dtype.newbyteorder("="), copy=False), digest.hexdigest()


def _header(content: BinaryIO, file: str) -> tuple[bytes, tuple[int, ...], np.dtype[Any]]:
    """Give the bytes of the header, and the shape and type that it tells."""
    magic = content.read(4)
    zero, code, ndim = struct.unpack(">HBB", magic.ljust(4, b"\xff"))
    if zero != 0 or code not in TYPES or ndim > _MOST_DIMENSIONS:
        raise DataError(
            "read_idx: this is not an IDX file",
            file=file,
            expected="a magic number 00 00 TT DD, TT a type from 08 to 0e, DD the number of dimensions",
            got=magic.hex(" ") or "an empty file",
            fix="check that this is the right file",
        )
    sizes = content.read(4 * ndim)
    if len(sizes) < 4 * ndim:
        raise _wrong_length(file, f"{4 + 4 * ndim} bytes of header", 4 + len(sizes))
    return magic + sizes, struct.unpack(f">{ndim}I", sizes), TYPES[code]


def _fill(content: BinaryIO, room: memoryview) -> int:
    """Read until the room is full or the content ends, and give the number of bytes."""
    filled = 0
    while filled < len(room) and (got := content.readinto(room[filled : filled + _PIECE])):  # type: ignore[attr-defined]  # typeshed leaves it out
        filled += got
    return filled


def _expected(size: int, shape: tuple[int, ...], dtype: np.dtype[Any]) -> str:
    return f"{size} bytes for shape {shape} of {dtype.name}"


def _wrong_length(file: str, expected: str, length: object) -> DataError:
    return DataError(
        "read_idx: the file has not the length that its header says",
        file=file,
        expected=expected,
        got=f"{length} bytes",
        fix="delete the file and get it again",
    )
