"""Arrays that stay in their file: larger than memory, shared between processes, read where they are looked at."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, TypeAlias, final

import numpy as np
import numpy.typing as npt

from pullback.core.errors import DataError, DTypeError
from pullback.core.files import opened

Array: TypeAlias = npt.NDArray[Any]


def open_array(path: str | os.PathLike[str], *, writable: bool = False) -> Array:
    """Map the array of an `.npy` file: none of it is read before it is looked at.

    A data set takes it as any other array, and sends it to workers by the name of its file.

    Parameters
    ----------
    path : path
        As `numpy.save` and `create_array` write it.
    writable : bool
        Whether writing to the array writes to the file.

    Raises
    ------
    DataError
        If there is no such file, it is no array, cut short, or holds Python objects.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     array = create_array(f"{folder}/a.npy", (1000, 3), np.float32)
    ...     array[7] = 1.0
    ...     array.flush()
    ...     found = open_array(f"{folder}/a.npy")
    ...     found[7].tolist(), found.flags.writeable
    ([1.0, 1.0, 1.0], False)
    """
    try:
        with opened(path):  # which complains of folders and pipes
            pass
        return np.load(path, mmap_mode="r+" if writable else "r", allow_pickle=False)
    except OSError as error:
        got = error.strerror or str(error)
        raise DataError("open_array: the file cannot be mapped", file=path, got=got) from error
    except ValueError as error:  # what NumPy says of objects, of no array, and of too few bytes
        raise DataError(
            "open_array: the file is no array, or is cut short", file=path, got=str(error).splitlines()[0],
            fix="a file that numpy.save or pb.data.create_array wrote",
        ) from error  # fmt: skip


def create_array(path: str | os.PathLike[str], shape: tuple[int, ...], dtype: Any) -> Any:
    """Make an `.npy` file of zeros and map it: what is written to the array is written to the file.

    The file takes room on the disk as it is filled, where the file system knows holes.

    Raises
    ------
    DataError
        If the file cannot be made, or one is there already.
    DTypeError
        If the dtype holds Python objects.
    """
    kind = np.dtype(dtype)
    if kind.hasobject:
        raise DTypeError("create_array: a file holds numbers", got=kind)
    if os.path.lexists(path):
        raise DataError("create_array: the file is there already", file=path, fix="another name, or open_array")
    try:
        return np.lib.format.open_memmap(os.fspath(path), mode="w+", dtype=kind, shape=shape)
    except OSError as error:
        raise DataError("create_array: the file cannot be made", file=path, got=error.strerror) from error


@final
@dataclass(frozen=True)
class Place:
    """Where an array lies in a file: what another process is sent in place of its numbers."""

    file: str
    offset: int
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def packed(array: Array) -> Array | Place:
    """An array as it is sent to another process: of one that is mapped, its place."""
    whole: Any = array
    while whole is not None and not (isinstance(whole, np.memmap) and not isinstance(whole.base, np.ndarray)):
        whole = getattr(whole, "base", None)
    if whole is None or whole.filename is None or whole.mode == "c":
        return array
    offset = array.__array_interface__["data"][0] - whole.__array_interface__["data"][0] + whole.offset
    return Place(str(whole.filename), offset, array.dtype, array.shape, array.strides)


def unpacked(sent: Array | Place) -> Array:
    """The array that was sent."""
    if not isinstance(sent, Place):
        return sent
    whole = np.memmap(sent.file, np.uint8, mode="r")
    return np.ndarray(sent.shape, sent.dtype, whole, sent.offset, sent.strides)
