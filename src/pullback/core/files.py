"""The one door through which files come in: a file, never a folder or a pipe, and never more than fits."""

from __future__ import annotations

import errno
import os
import stat
from typing import BinaryIO


def opened(path: str | os.PathLike[str]) -> BinaryIO:
    """Open a file to be read; a pipe, which would be waited for without end, is refused.

    Raises
    ------
    OSError
        If there is no such file, it cannot be read, or it is a folder, a pipe, a device or a socket.
    """
    try:
        # A pipe is opened without waiting for one who writes to it; of a file it changes nothing.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except ValueError:  # what Python says of a name with a null character, or of no text at all
        raise OSError(errno.EINVAL, "This cannot be the name of a file", os.fspath(path)) from None
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        number = errno.EISDIR if stat.S_ISDIR(mode) else errno.EINVAL
        what = os.strerror(number) if stat.S_ISDIR(mode) else "It is a pipe or a device, and no file"
        raise OSError(number, what, os.fspath(path))
    return os.fdopen(descriptor, "rb")


def size_of(file: BinaryIO) -> int:
    """How many bytes an open file says that it has; holes count."""
    return os.fstat(file.fileno()).st_size


def read_file(path: str | os.PathLike[str], most: int) -> bytes:
    """Read a file of at most `most` bytes.

    Raises OSError as `opened` does, or if the file is larger: before anything is read.

    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "a").write_bytes(b"abc")
    ...     read_file(Path(folder, "a"), most=3)
    b'abc'
    """
    with opened(path) as file:
        size = size_of(file)
        content = file.read(most + 1) if size <= most else b""
    if max(size, len(content)) > most:
        raise OSError(errno.EFBIG, f"It has {size:,} bytes; at most {most:,} are read", os.fspath(path))
    return content
