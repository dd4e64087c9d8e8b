"""The folder of a run: what lies in it, under which names, and when it may be written."""

from __future__ import annotations

import os
from itertools import count
from pathlib import Path
from typing import Final, final

from pullback.core.errors import OptionError
from pullback.interop.atomic import LEFTOVERS, write_atomically
from pullback.training.settings import Settings, layered, read_toml

DEFAULT_PARENT: Final = Path("runs")


@final
class RunFolder:
    """A run on the disk: settings, metrics, the checkpoint, and pictures.

    Attributes
    ----------
    path : Path
        The folder.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)

    @property
    def config(self) -> Path:
        """The settings, as TOML."""
        return self.path / "config.toml"

    @property
    def metrics(self) -> Path:
        """What was measured, a line of JSON each."""
        return self.path / "metrics.jsonl"

    @property
    def checkpoint(self) -> Path:
        """The network, and all that is needed to go on."""
        return self.path / "model.safetensors"

    @classmethod
    def create(cls, out: str | os.PathLike[str] | None, settings: Settings) -> RunFolder:
        """Make the folder of a new run: `out`, or the first of runs/digits-1, runs/digits-2 ... that is free.

        Raises
        ------
        OptionError
            If the folder cannot be written, or a run lies there already.
        """
        try:
            folder = cls._numbered(settings.data) if out is None else cls._named(Path(out))
            write_atomically(folder.config, settings.toml().encode())
        except OSError as error:
            raise OptionError(
                "run: the folder cannot be written", folder=out or DEFAULT_PARENT, got=error.strerror,
                fix="name another: --out DIR",
            ) from error  # fmt: skip
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

    @classmethod
    def _named(cls, path: Path) -> RunFolder:
        folder = cls(path)
        path.mkdir(parents=True, exist_ok=True)
        taken = next(filter(Path.exists, (folder.checkpoint, folder.config, folder.metrics)), None)
        if taken is not None:
            raise OptionError(
                "run: a run lies there already", folder=path, found=taken.name,
                fix=f"go on with it: --resume {path}; or name another folder: --out DIR",
            )  # fmt: skip
        return folder

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> RunFolder:
        """Find the folder of a run, and clear away what a killed process left half-written.

        Raises
        ------
        OptionError
            If no run lies there.
        """
        folder = cls(path)
        if not (folder.config.is_file() and folder.checkpoint.is_file()):
            missing = folder.checkpoint.name if folder.config.is_file() else folder.config.name
            raise OptionError(
                "run: no run lies there", folder=path, missing=missing,
                fix="name the folder that `pullback train` told, e.g. runs/digits-1",
            )  # fmt: skip
        for leftover in folder.path.glob(LEFTOVERS):
            leftover.unlink(missing_ok=True)
        return folder

    def settings(self) -> Settings:
        """Read the settings of the run."""
        return layered(read_toml(self.config))
