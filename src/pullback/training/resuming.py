"""Going on with a run: what its checkpoint tells, and that its config.toml tells the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Self

from pullback.core.errors import CheckpointError, OptionError
from pullback.training import checkpoint
from pullback.training.checkpoint import Checkpoint
from pullback.training.run_folder import RunFolder
from pullback.training.settings import (
    ADJUSTABLE,
    MACHINE,
    RESUMABLE,
    ROWS,
    Change,
    Settings,
    differences,
    layered,
    read_toml,
)


class Told(NamedTuple):
    """What a checkpoint of a run tells besides the network, each part of the type that it has to be."""

    settings: Settings
    before: Settings | None
    changes: list[Change]
    step: int
    loss_sum: float
    loss_count: int
    optimizer: Mapping[str, Any]
    generators: Mapping[str, Any]

    @classmethod
    def of(cls, saved: Checkpoint) -> Self:
        """Read the parts, or raise CheckpointError with the key that is missing or wrong."""
        rest = saved.rest if isinstance(saved.rest, dict) else {}
        return cls(
            settings=_settings(_part(rest, "settings", dict), "settings"),
            before=_settings(_part(rest, "before", dict), "before") if "before" in rest else None,
            changes=[_change(change) for change in _part(rest, "changes", list)],
            step=_count(rest, "step"),
            loss_sum=float(_part(rest, "loss_sum", float, int)),
            loss_count=_count(rest, "loss_count"),
            optimizer=_part(rest, "optimizer", dict),
            generators=_part(rest, "generators", dict),
        )


def resumed(folder: RunFolder, options: Mapping[str, Any]) -> tuple[Settings, Checkpoint | None]:
    """Give the settings with which a run goes on, and its checkpoint: None if it stopped before the first one.

    Raises
    ------
    OptionError
        If config.toml is not the one that the run was made with.
    CheckpointError
        If the checkpoint cannot be read, or is none of a run.
    """
    written = read_toml(folder.config) if folder.config.exists() else None
    if not folder.checkpoint.exists():
        return layered(written or {}, options), None
    saved = checkpoint.load(folder.checkpoint)
    with checkpoint.naming(folder.checkpoint):
        told = Told.of(saved)
    machine = {}
    if written is not None:
        _agree(folder, layered(written), told)
        machine = {name: value for name, value in written.items() if name in MACHINE}
    return layered(told.settings.kept(), machine, options), saved


def _agree(folder: RunFolder, written: Settings, told: Told) -> None:
    """Refuse a config.toml that says otherwise than the checkpoint; but between two writes it may say the last."""
    changed = differences(told.settings, written)
    if changed and (told.before is None or differences(told.before, written)):
        lines = [f"{name}: {there} in the checkpoint, {here} here" for name, (there, here) in changed.items()]
        may = [name for name, (_, here) in changed.items() if name in RESUMABLE | ADJUSTABLE and here is not None]
        options = " ".join(ROWS[name].option(name, changed[name][1]) for name in may)
        raise OptionError(
            "run: config.toml is not the one that the run was made with", file=folder.config, differs="\n".join(lines),
            fix="put it back, or delete it: the checkpoint has all of it"
            + (f"; to change the run: --resume {folder.path} {options}" if may else ""),
        )  # fmt: skip


def _part(rest: Mapping[str, Any], key: str, *kinds: type) -> Any:
    if key not in rest:
        raise CheckpointError("checkpoint: a key is missing", key=key)
    if type(rest[key]) not in kinds:
        raise CheckpointError("checkpoint: a key is of the wrong type", key=key, got=type(rest[key]).__name__)
    return rest[key]


def _count(rest: Mapping[str, Any], key: str) -> int:
    number: int = _part(rest, key, int)
    if not 0 <= number < 2**63:
        raise CheckpointError("checkpoint: a number cannot be so", key=key, got=number)
    return number


def _settings(kept: Mapping[str, Any], key: str) -> Settings:
    try:
        return layered(kept)
    except OptionError as error:
        raise CheckpointError(error.what, key=key, **error.facts) from error


def _change(change: Any) -> Change:
    if not (isinstance(change, list) and len(change) == 4 and change[1] in ROWS):
        raise CheckpointError(
            "checkpoint: a change of the settings cannot be read", key="changes", got=repr(change)[:80]
        )
    return Change(*change)
