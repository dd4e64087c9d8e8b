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
import math
import os
import struct
import zlib
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from pullback.core.errors import DataError, DTypeError, ShapeError

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


def read_idx(source: str | os.PathLike[str] | bytes) -> npt.NDArray[Any]:
    """Read the array of an IDX file, compressed with gzip or not.

    Parameters
    ----------
    source : path or bytes
        The file, or what it holds.

    Returns
    -------
    numpy.ndarray
        A new array, in the machine's byte order.

    Raises
    ------
    DataError
        If it is not an IDX file, is cut short, holds more than it says, or its compression is damaged.
    OSError
        If the file cannot be read.

    >>> read_idx(bytes([0, 0, 0x08, 2, 0, 0, 0, 1, 0, 0, 0, 3, 7, 8, 9]))
    array([[7, 8, 9]], dtype=uint8)
    """
    if isinstance(source, bytes):
        content, file = source, "bytes"
    else:
        content, file = Path(source).read_bytes(), str(source)
    return np.require(parse(decompress(content, file), file), requirements="W")


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


def decompress(content: bytes, file: str) -> bytes:
    """Return what `content` holds once gzip is undone; `file` names it in errors."""
    if not content.startswith(_GZIP):
        return content
    try:
        return gzip.decompress(content)
    except (EOFError, OSError, zlib.error) as error:
        raise DataError(
            "read_idx: the compression is damaged, or the file is cut short",
            file=file,
            expected="a whole gzip file",
            got=f"{len(content)} bytes, of which gzip says: {error}",
            fix="delete the file and get it again",
        ) from error


def parse(content: bytes, file: str) -> npt.NDArray[Any]:
    """Return the array that the bytes of an IDX file describe, a view of them where they are its numbers."""
    zero, code, ndim = struct.unpack(">HBB", content[:4].ljust(4, b"\xff"))
    if zero != 0 or code not in TYPES or ndim > _MOST_DIMENSIONS:
        raise DataError(
            "read_idx: this is not an IDX file",
            file=file,
            expected="a magic number 00 00 TT DD, TT a type from 08 to 0e, DD the number of dimensions",
            got=content[:4].hex(" ") or "an empty file",
            fix="check that this is the right file",
        )
    start = 4 + 4 * ndim
    header = content[4:start]
    if len(header) < 4 * ndim:
        raise _wrong_length(file, f"{start} bytes of header", len(content))
    shape = struct.unpack(f">{ndim}I", header)
    dtype = TYPES[code]
    size = start + math.prod(shape) * dtype.itemsize
    if len(content) != size:
        raise _wrong_length(file, f"{size} bytes for shape {shape} of {dtype.name}", len(content))
    try:
        array = np.frombuffer(content, dtype, offset=start).reshape(shape)
    except ValueError as error:  # no numbers at all, yet dimensions that overflow
        raise _wrong_length(file, f"a shape that an array can have, not {shape}", len(content)) from error
    return array.astype(dtype.newbyteorder("="), copy=False)


def _wrong_length(file: str, expected: str, length: int) -> DataError:
    return DataError(
        "read_idx: the file has not the length that its header says",
        file=file,
        expected=expected,
        got=f"{length} bytes",
        fix="delete the file and get it again",
    )
