"""Published files: what one is called, how it is read, and by which digest it is known to be whole."""

from __future__ import annotations

import hashlib
import tarfile
import zlib
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias, final

import numpy as np
import numpy.typing as npt

from pullback.core.errors import DataError
from pullback.core.files import opened, read_file
from pullback.data.idx import read_known

Array: TypeAlias = npt.NDArray[Any]

_ANOTHER: Final = "delete the file; it is then looked for elsewhere, or downloaded"
_MOST_TEXT: Final = 1 << 28  # bytes


@dataclass(frozen=True)
class PublishedFile(ABC):
    """A file that others publish.

    Attributes
    ----------
    name : str
        What it is called where it is published.
    digest : str
        What it is known by.
    """

    name: str
    digest: str

    @property
    def names(self) -> tuple[str, ...]:
        """The names under which it is looked for."""
        return (self.name,)

    @property
    def said(self) -> str:
        """What it is called in messages."""
        return self.name

    @abstractmethod
    def read(self, path: Path) -> Any:
        """What the file at a path holds, once it is proved to be this one.

        Raises DataError if it is not; OSError if it cannot be read.
        """


@final
@dataclass(frozen=True)
class IdxFile(PublishedFile):
    """An array, compressed or not: known by the SHA-256 of its content, whose compression differs between mirrors."""

    shape: tuple[int, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return (self.name.removesuffix(".gz"), self.name)

    @property
    def said(self) -> str:
        return f"{self.name} (or {self.name.removesuffix('.gz')}, decompressed)"

    def read(self, path: Path) -> Array:
        array, digest = read_known(path, self.shape)
        check(path, "SHA-256", self.digest, digest)
        return array


@final
@dataclass(frozen=True)
class CompressedIdxFile(PublishedFile):
    """An array in a compressed file that is known by its MD5, as its makers published it."""

    shape: tuple[int, ...]

    def read(self, path: Path) -> Array:
        check(path, "MD5", self.digest, file_digest(path, "md5"))
        return read_known(path, self.shape)[0]


@final
@dataclass(frozen=True)
class TextFile(PublishedFile):
    """A text, known by its SHA-256."""

    def read(self, path: Path) -> str:
        content = read_file(path, _MOST_TEXT)
        check(path, "SHA-256", self.digest, hashlib.sha256(content).hexdigest())
        return content.decode()


@final
@dataclass(frozen=True)
class CifarArchive(PublishedFile):
    """The binary version of CIFAR-10, known by its MD5: rows of a label and 3,072 bytes, red, green and blue.

    Source of the format: "Binary version", https://www.cs.toronto.edu/~kriz/cifar.html.
    """

    rows: int = 10_000  # of each part
    parts: tuple[str, ...] = (*(f"data_batch_{number}.bin" for number in range(1, 6)), "test_batch.bin")

    def read(self, path: Path) -> list[tuple[Array, Array]]:
        """The images (rows, 3, 32, 32) and labels (rows,) of each part, as bytes."""
        check(path, "MD5", self.digest, file_digest(path, "md5"))
        found: dict[str, tuple[Array, Array]] = {}
        try:
            with tarfile.open(path, "r:gz") as archive:
                for member in archive:
                    name = Path(member.name).name
                    if name in self.parts and member.isfile():
                        file = archive.extractfile(member)
                        assert file is not None
                        found[name] = self._part(path, name, file.read(self.rows * 3_073 + 1))
        except (tarfile.TarError, EOFError, zlib.error) as error:
            raise DataError(f"{path.name}: the archive is damaged", file=path, got=str(error), fix=_ANOTHER) from error
        missing = [name for name in self.parts if name not in found]
        if missing:
            raise DataError(f"{path.name}: the archive lacks a part", file=path, missing=", ".join(missing))
        return [found[name] for name in self.parts]

    def _part(self, path: Path, name: str, content: bytes) -> tuple[Array, Array]:
        table = np.frombuffer(content, np.uint8)
        if table.size != self.rows * 3_073 or table.reshape(-1, 3_073)[:, 0].max() > 9:
            raise DataError(
                f"{path.name}: a part is no part of CIFAR-10", file=path, part=name, got=f"{table.size:,} bytes",
                expected=f"{self.rows:,} rows of a label from 0 to 9 and 3,072 bytes",
            )  # fmt: skip
        table = table.reshape(-1, 3_073)
        return table[:, 1:].reshape(-1, 3, 32, 32), table[:, 0]


def check(path: Path, kind: str, expected: str, got: str) -> None:
    """Refuse a file with another digest."""
    if got != expected:
        raise DataError(
            f"{path.name}: a damaged or changed file", file=path, expected=f"{kind} {expected}",
            got=f"{kind} {got}", fix=_ANOTHER,
        )  # fmt: skip


def file_digest(path: Path, kind: str) -> str:
    """The digest of a file's bytes."""
    with opened(path) as file:
        return hashlib.file_digest(file, kind).hexdigest()  # type: ignore[arg-type]  # typeshed leaves readinto out
