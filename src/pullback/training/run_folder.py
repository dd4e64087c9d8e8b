"""The folder of a run: what lies in it, under which names, and who may write there."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Final, final

from pullback.core.errors import OptionError
from pullback.interop.atomic import clear_leftovers, write_atomically
from pullback.training.claim import Claim

DEFAULT_PARENT: Final = Path("runs")


@final
class RunFolder:
    """A run on the disk: settings, metrics, the checkpoint, and pictures.

    Attributes
    ----------
    path : Path
        The folder.
    text : str
        What its config.toml is to say; nothing, and there is none.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.text = ""
        self._claim: Claim | None = None

    @property
    def quoted(self) -> str:
        """The path as a command line takes it."""
        path = str(self.path)
        return shlex.quote(f"./{path}" if path.startswith("-") else path)

    @property
    def config(self) -> Path:
        """The settings, as TOML: a copy for people of what the checkpoint holds."""
        return self.path / "config.toml"

    @property
    def metrics(self) -> Path:
        """What was measured, a line of JSON each."""
        return self.path / "metrics.jsonl"

    @property
    def checkpoint(self) -> Path:
        """The model, and all that is needed to go on."""
        return self.path / "model.safetensors"

    @property
    def best(self) -> Path:
        """The same, of the step that was best, where a callback keeps it."""
        return self.path / "best.safetensors"

    @property
    def samples(self) -> Path:
        """What a model of text wrote on the way, a line of JSON each."""
        return self.path / "samples.jsonl"

    @classmethod
    def create(cls, out: str | os.PathLike[str] | None, name: str, text: str = "") -> RunFolder:
        """Make the folder of a new run: `out`, or the first of runs/NAME-1, runs/NAME-2 ... that is free.

        Raises
        ------
        OptionError
            If the folder cannot be written, or a run lies there already.
        """
        with writing(out or DEFAULT_PARENT, "name another: --out DIR"):
            folder = cls._numbered(name) if out is None else cls(out)
            folder.text = text
            folder.path.mkdir(parents=True, exist_ok=True)
            with folder.held():
                folder._refuse_another_run()
                folder.write_config()
        return folder

    @classmethod
    def _numbered(cls, name: str) -> RunFolder:
        DEFAULT_PARENT.mkdir(parents=True, exist_ok=True)
        for number in count(1):
            path = DEFAULT_PARENT / f"{name}-{number}"
            try:
                path.mkdir()  # fails where another run was quicker
            except FileExistsError:
                continue
            return cls(path)
        raise AssertionError("numbers have no end")

    def _refuse_another_run(self) -> None:
        taken = next(filter(os.path.lexists, (self.config, self.checkpoint, self.metrics)), None)
        if taken is not None:
            alone = "move it away" if taken == self.metrics else f"go on with it: --resume {self.quoted}"
            raise OptionError(
                "run: a run lies there already", folder=self.path, found=taken.name,
                fix=f"{alone}; or name another folder: --out DIR",
            )  # fmt: skip

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> RunFolder:
        """Find the folder of a run; nothing there is changed.

        Raises
        ------
        OptionError
            If no run lies there.
        """
        folder = cls(path)
        if not any(map(os.path.exists, (folder.config, folder.checkpoint))):
            raise OptionError(
                "run: no run lies there", folder=path, missing=folder.config.name,
                fix="name the folder that `pullback train` told, e.g. runs/digits-1",
            )  # fmt: skip
        return folder

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep other trainings out; within, one may hold the folder again.

        What a training that was killed left half-written is cleared away.

        Raises
        ------
        OptionError
            If another training works there.
        """
        if self._claim is not None:
            yield
            return
        with writing(self.path, "name another folder"):
            try:
                self._claim = Claim(self.path)
            except BlockingIOError:
                raise OptionError(
                    "run: another training works there", folder=self.path,
                    fix="wait until it ends, stop it, or name another folder: --out DIR",
                ) from None  # fmt: skip
        try:
            with writing(self.path, "let the folder be written to"):
                for file in (self.config, self.metrics, self.checkpoint, self.best):  # which only a training writes
                    clear_leftovers(file)
            yield
        finally:
            self._claim.release()
            self._claim = None

    def check(self) -> None:
        """Raise OSError if the folder that is held is gone, or another one stands in its place."""
        if self._claim is not None:
            self._claim.check()

    def write_config(self) -> None:
        """Write the settings, and what was changed on the way, unless they stand there."""
        text = self.text.encode()
        if text and not (self.config.is_file() and self.config.read_bytes() == text):
            write_atomically(self.config, text)


@contextmanager
def writing(folder: str | os.PathLike[str], fix: str) -> Iterator[None]:
    """Say of which folder it is that something cannot be written there."""
    try:
        yield
    except (OSError, ValueError) as error:  # a ValueError is about a name that no file can have
        if isinstance(error, OptionError):
            raise
        got = error.strerror if isinstance(error, OSError) else error
        raise OptionError("run: the folder cannot be written", folder=folder, got=got, fix=fix) from error
