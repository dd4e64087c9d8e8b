"""One training a folder: a lock that the system takes back when its holder ends, however it ends."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path
from typing import Final, final

if sys.platform == "win32":
    import msvcrt
else:
    try:
        import fcntl
    except ImportError:  # a system without locks, as WebAssembly: each claim is granted
        fcntl = None  # type: ignore[assignment]  # a module where there is one

_TAKEN: Final = (errno.EAGAIN, errno.EACCES, errno.EDEADLK)


@final
class Claim:
    """A lock on a folder, which leaves no file there (on Windows, which opens no folders, `.lock`).

    Of a file system that has no locks each claim is granted.

    Raises
    ------
    BlockingIOError
        If the folder is claimed already, in this process or in another.
    OSError
        If there is no such folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._descriptor = os.open(*_what_is_locked(folder))
        try:
            _lock(self._descriptor)
        except OSError as error:
            if error.errno in _TAKEN:
                os.close(self._descriptor)
                raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN), str(folder)) from error

    def check(self) -> None:
        """Raise OSError unless the name still leads to the folder that was claimed."""
        if sys.platform != "win32" and not os.path.samestat(os.fstat(self._descriptor), self._folder.stat()):
            raise OSError(errno.ENOENT, "Another folder stands in its place", str(self._folder))

    def release(self) -> None:
        """Let others claim the folder."""
        os.close(self._descriptor)


if sys.platform == "win32":

    def _what_is_locked(folder: Path) -> tuple[Path, int]:
        return folder / ".lock", os.O_RDWR | os.O_CREAT

    def _lock(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

else:

    def _what_is_locked(folder: Path) -> tuple[Path, int]:
        return folder, os.O_RDONLY

    def _lock(descriptor: int) -> None:
        if fcntl is not None:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
