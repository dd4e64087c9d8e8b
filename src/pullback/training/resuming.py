"""Going on with a run: what its checkpoint tells of its settings, and that its config.toml tells the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Self

from pullback.core.errors import CheckpointError, OptionError
from pullback.training import checkpoint
from pullback.training.checkpoint import Checkpoint, count, groups_of, of_optimizers, optimizer_states, part
from pullback.training.loop import Loop
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
from pullback.training.task import Task


class Told(NamedTuple):
    """What a checkpoint of a run tells of its settings, each part of the type that it has to be."""

    settings: Settings
    before: Settings | None
    changes: list[Change]
    step: int

    @classmethod
    def of(cls, saved: Checkpoint) -> Self:
        """Read the parts, or raise CheckpointError with the key that is missing or wrong."""
        rest = saved.rest if isinstance(saved.rest, dict) else {}
        return cls(
            settings=_settings(part(rest, "settings", dict), "settings"),
            before=_settings(part(rest, "before", dict), "before") if "before" in rest else None,
            changes=[_change(change) for change in part(rest, "changes", list)],
            step=count(rest, "step"),
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


def loop_for(task: Task, settings: Settings, folder: RunFolder | None, saved: Checkpoint | None = None) -> Loop:
    """The loop of a run with settings: from its beginning, or from where it was saved.

    What differs of the settings that may is noted as a change.

    Raises
    ------
    CheckpointError
        If the state is of another model, another optimizer or other settings; the first key that does not fit is named.
    """
    trainer = task.trainer
    trainer.notes = {"settings": settings.kept(), "changes": []}
    loop = Loop(
        trainer, task.train, task.tests, epochs=settings.epochs, steps=settings.steps, folder=folder,
        evaluate_every=task.evaluate_every, log_every=task.log_every,
    )  # fmt: skip
    changes: list[Change] = []
    if saved is not None:
        told = Told.of(saved)
        changed = differences(told.settings, settings)
        fixed = {name: pair for name, pair in changed.items() if name not in RESUMABLE | ADJUSTABLE}
        adjusted = {name for name in changed if name in ADJUSTABLE}
        trainer.restore(_adjusted(saved, settings, adjusted))  # whose complaint says more than that settings differ
        if fixed:
            differ = {name: f"{there} there, {here} here" for name, (there, here) in fixed.items()}
            raise CheckpointError(
                "checkpoint: it is of a run with other settings", **differ,
                fix="settings as they are there, or a new run",
            )  # fmt: skip
        changes = told.changes + [Change(told.step, name, *changed[name]) for name in changed if name in adjusted]
        trainer.notes["changes"] = [list(change) for change in changes]
        loop.new = bool(changed)
        if changed:
            trainer.notes["before"] = told.settings.kept()
    if folder is not None:
        folder.text = settings.toml() + "".join(f"{change}\n" for change in changes)
    return loop


def _adjusted(saved: Checkpoint, settings: Settings, names: set[str]) -> Checkpoint:
    """A checkpoint in which the optimizers have the settings that were changed on purpose."""
    if not names:
        return saved
    own = {"lr": settings.rate, "weight_decay": settings.weight_decay, "momentum": settings.inertia}
    states = {}
    for name, state in optimizer_states(saved.rest).items():
        groups = [{**group, **{n: own[n] for n in names if n in group}} for group in groups_of(state)]
        states[name] = {**state, "groups": groups}
    return Checkpoint(saved.model, {**saved.rest, "optimizer": of_optimizers(states)})


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
            + (f"; to change the run: --resume {folder.quoted} {options}" if may else ""),
        )  # fmt: skip


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
