"""Writing a file so that a crash at any moment leaves the old file or the new one, never a part."""

from __future__ import annotations

import errno
import os
import secrets
import time
from glob import escape
from pathlib import Path
from typing import Final

WINDOWS: Final = os.name == "nt"
_PATIENCE: Final = (0.01, 0.03, 0.1, 0.3, 1.0)  # seconds between attempts
_UNKNOWN: Final = (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP)  # of file systems that sync no folders


def write_atomically(path: str | os.PathLike[str], content: bytes) -> Path:
    """Write a file that is either whole or, if anything fails, as it was before.

    The content goes into a new file beside it and onto the disk; only then does it take the name, and the
    folder that records the name goes onto the disk too.

    Raises
    ------
    OSError
        If the folder is missing or not writable, or the disk is full.

    References
    ----------
    T. S. Pillai et al., All File Systems Are Not Created Equal, OSDI 2014: what must be synced, and in which
    order.
    """
    target = Path(path)
    scratch = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
    try:
        with scratch.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        replace(scratch, target)
    except BaseException as error:
        scratch.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno is not None:  # of a full disk it has no name, else the scratch's
            raise OSError(error.errno, error.strerror, str(target)) from error
        raise
    _sync_folder(target.parent)
    return target


def replace(scratch: Path, target: Path) -> None:
    """Give a file the name of another. Windows refuses as long as somebody has that one open, which soon passes."""
    for delay in _PATIENCE if WINDOWS else ():
        try:
            scratch.replace(target)
        except PermissionError:
            time.sleep(delay)
        else:
            return
    scratch.replace(target)


def clear_leftovers(path: Path) -> None:
    """Remove what processes that were killed as they wrote a file left beside it.

    Only for who knows that nobody else is writing it now.
    """
    for leftover in path.parent.glob(f".{escape(path.name)}.*.tmp"):
        leftover.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    if WINDOWS:
        return  # Windows keeps names safe by itself, and opens no folders
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _UNKNOWN:
            raise
    finally:
        os.close(descriptor)
