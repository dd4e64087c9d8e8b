"""Object code on disk, so that a later process need not compile it again.

An entry is a file that is named after a hash of all that its code depends on. What is read back will run, so it is
taken only from a folder and a file that nobody else can write to, and only if it is whole: its header has a digest of
its name and its code. Anything else is as good as missing, and is replaced.

`$PULLBACK_CACHE` names another folder, and `PULLBACK_CACHE=0` switches the cache off. `$PULLBACK_CACHE_SIZE` is its
greatest size in bytes; entries that were used longest ago go first.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import struct
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Final, final

from pullback.core.errors import OptionError

FOLDER, SIZE = "PULLBACK_CACHE", "PULLBACK_CACHE_SIZE"  # variables of the environment
MOST: Final = 256 << 20
FORMAT: Final = 1
HEADER: Final = struct.Struct("<8sIQ32s")  # magic, format, length of the code, digest
SUFFIX: Final = ".object"
UNFINISHED: Final = ".tmp"
ABANDONED: Final = 3600.0  # seconds after which nobody is writing an unfinished file any more


@final
class ObjectCache:
    """A folder of object code.

    Parameters
    ----------
    folder : Path or None
        Where it is; it is made if it is missing. None for no cache.
    most : int
        Its greatest size in bytes.

    Attributes
    ----------
    obstacle : str or None
        Why nothing is read or kept; None if all is well.

    Examples
    --------
    >>> import tempfile
    >>> cache = ObjectCache(Path(tempfile.mkdtemp()))
    >>> cache.store("entry", b"code")
    >>> cache.load("entry")
    b'code'
    >>> ObjectCache(None).obstacle
    'PULLBACK_CACHE switches it off'
    """

    def __init__(self, folder: Path | None, most: int = MOST) -> None:
        self.most = most
        self.folder = Path()
        self.obstacle: str | None = f"{FOLDER} switches it off"
        if folder is not None:
            try:
                self.folder = folder.expanduser()
                self.obstacle = _obstacle(self.folder)
            except RuntimeError:
                self.obstacle = f"this user has no home folder; name another in {FOLDER}"

    @classmethod
    def of_user(cls) -> ObjectCache:
        """The cache that the environment asks for: by default, in the folder for caches of this user.

        Raises
        ------
        OptionError
            If `$PULLBACK_CACHE_SIZE` is not a whole number.
        """
        folder, size = os.environ.get(FOLDER), os.environ.get(SIZE) or str(MOST)
        if not size.isdecimal():
            raise OptionError(f"{SIZE}: a number of bytes is needed", got=size, fix=f"{SIZE}={MOST}")
        if folder is None:
            return cls(user_folder() / "pullback" / "objects", int(size))
        return cls(None if folder in ("", "0") else Path(folder), int(size))

    def load(self, name: str) -> bytes | None:
        """The code of an entry; None if it is missing, or not what was stored."""
        if self.obstacle is not None:
            return None
        try:
            with self._path(name).open("rb") as file:
                if _open_to_others(os.fstat(file.fileno())):
                    return None
                header, code = file.read(HEADER.size), file.read()
            if header != _header(name, code):
                return None
            os.utime(self._path(name))  # it was used just now
        except OSError:
            return None
        return code

    def store(self, name: str, code: bytes) -> None:
        """Keep the code of an entry, and remove others where there is too much."""
        if self.obstacle is not None or HEADER.size + len(code) > self.most:
            return
        path = self._path(name)
        scratch = self.folder / f".{secrets.token_hex(8)}{UNFINISHED}"
        binary: int = getattr(os, "O_BINARY", 0)
        try:
            # Nothing waits for the disk: what a crash leaves half written has another digest.
            with os.fdopen(os.open(scratch, os.O_CREAT | os.O_EXCL | os.O_WRONLY | binary, 0o600), "wb") as file:
                file.write(_header(name, code) + code)
            scratch.replace(path)
            self._evict(path.name)
        except OSError as error:
            if not path.exists():  # else another process keeps the same, and on Windows has it open now
                self.obstacle = f"{self.folder} cannot be written to: {error}"
            with suppress(OSError):
                scratch.unlink()

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}{SUFFIX}"

    def _evict(self, newest: str) -> None:
        """Remove what was used longest ago, and what was never finished; other processes may do so too."""
        used, total = [], 0
        for path in self.folder.iterdir():
            with suppress(OSError):
                known = path.stat()
                if path.suffix == SUFFIX:
                    used.append((path.name == newest, known.st_mtime_ns, known.st_size, path))
                elif path.suffix == UNFINISHED and known.st_mtime < time.time() - ABANDONED:
                    path.unlink()
        for _, _, size, path in sorted(used, reverse=True):
            total += size
            if total > self.most:
                with suppress(OSError):
                    path.unlink()


def user_folder() -> Path:
    """Where this system keeps files of this user that can be made again."""
    asked = os.environ.get("LOCALAPPDATA" if os.name == "nt" else "XDG_CACHE_HOME")
    return Path(asked or ("~/Library/Caches" if sys.platform == "darwin" else "~/.cache"))


def _header(name: str, code: bytes) -> bytes:
    digest = hashlib.sha256(name.encode() + code).digest()
    return HEADER.pack(b"PULLBACK", FORMAT, len(code), digest)


def _obstacle(folder: Path) -> str | None:
    """Why a folder cannot be trusted or used; it is made where it is missing."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if _open_to_others(folder.stat()):
            return f"{folder} belongs to somebody else, or others can write to it"
    except OSError as error:
        return f"{folder} cannot be used: {error}"
    return None if os.access(folder, os.W_OK | os.X_OK) else f"{folder} cannot be written to"


def _open_to_others(known: os.stat_result) -> bool:
    """Whether a file is not this user's own, or others can write to it; Windows keeps a user's folders by itself."""
    return os.name != "nt" and (known.st_uid != os.geteuid() or bool(known.st_mode & 0o022))
