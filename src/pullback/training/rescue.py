"""Saving what was learned when its folder cannot be written: there if possible, else in a folder of its own."""

from __future__ import annotations

import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from pullback.core.errors import CheckpointError
from pullback.training import checkpoint
from pullback.training.measurements import MeasurementLog
from pullback.training.run_folder import RunFolder

if TYPE_CHECKING:
    from pullback.training.trainer import Trainer


def rescued(trainer: Trainer, folder: RunFolder, log: MeasurementLog) -> tuple[str | None, str | None]:
    """Save a run in the first place that takes it: its folder, the system's folder for temporary files, home.

    Returns
    -------
    saved, fix : str or None
        Where, and how to go on from there; None if no place takes it.
    """
    if trainer.others is not None and trainer.others.shares_state:
        return None, None  # one rank alone does not have it all
    state = trainer.checkpoint()
    with suppress(OSError, CheckpointError):  # the log alone may be what cannot be written
        folder.check()
        checkpoint.save(folder.checkpoint, *state)
        return _told(folder, trainer, "make room, or let the folder be written to; then ")
    for parent in (tempfile.gettempdir, Path.home):
        with suppress(OSError, CheckpointError, RuntimeError):  # no such folder; no home
            place = RunFolder(tempfile.mkdtemp(prefix=f"pullback-{folder.path.name}-", dir=parent()))
            checkpoint.save(place.checkpoint, *state)
            place.text = folder.text
            place.write_config()
            with suppress(OSError):
                place.metrics.write_bytes(log.text())
            return _told(place, trainer, "go on from there: ")
    return None, None


def _told(folder: RunFolder, trainer: Trainer, first: str) -> tuple[str, str]:
    return f"{folder.checkpoint}, of step {trainer.step}", f"{first}pullback train --resume {folder.quoted}"


def unwritten(error: OSError | CheckpointError) -> tuple[object, object]:
    """The file that could not be written, and why."""
    if isinstance(error, CheckpointError):
        return error.facts.get("file"), error.facts.get("got")
    return error.filename, error.strerror or error
