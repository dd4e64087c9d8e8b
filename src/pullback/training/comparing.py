"""Where two runs part: the first step after which a tensor has other bits, and which tensor that is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from pullback.core.errors import OptionError
from pullback.functions.random import default_generator
from pullback.training import checkpoint
from pullback.training.checkpoint import Checkpoint, optimizer_states
from pullback.training.loop import Loop
from pullback.training.resuming import Told, loop_for, resumed
from pullback.training.run_folder import RunFolder
from pullback.training.settings import differences
from pullback.training.task import task_of


class Difference(NamedTuple):
    """What was found, in words, and whether anything differs."""

    differs: bool
    lines: list[str]


def first_difference(one: RunFolder, other: RunFolder, *, replay: bool = True) -> Difference:
    """Compare two runs: their settings, what they saved, and, step by step, what they do.

    Parameters
    ----------
    one, other : RunFolder
        Of runs with settings, as `pullback train` makes them.
    replay : bool
        Make both again and take their steps side by side, until a tensor differs.

    Raises
    ------
    OptionError
        If a run stopped before anything was saved.
    CheckpointError
        If a checkpoint cannot be read.
    """
    states = [_saved(folder) for folder in (one, other)]
    told = [Told.of(state) for state in states]
    lines = [f"{name}: {here} and {there}" for name, (here, there) in _settings(told).items()]
    if lines:
        lines = ["settings differ", *(f"  {line}" for line in lines)]
    at_end = None
    if told[0].step == told[1].step:
        at_end = next(_differing(*map(_tensors, states)), None)
        lines.append(
            f"step {told[0].step:,}, as saved: " + (f"{at_end} differs" if at_end else "all tensors have the same bits")
        )
        if at_end is None and not replay:
            return Difference(differs=False, lines=lines)
    else:
        lines.append(f"saved at different steps: {told[0].step:,} and {told[1].step:,}")
    if not replay:
        return Difference(differs=at_end is not None, lines=lines)
    if at_end is None and told[0].step == told[1].step and not _settings(told):
        return Difference(differs=False, lines=lines)
    return _replayed([_again(folder) for folder in (one, other)], min(t.step for t in told), lines, at_end)


def _replayed(loops: list[Loop], last: int, lines: list[str], at_end: str | None) -> Difference:
    """Take the steps of both runs side by side."""
    groups = [loop.groups() for loop in loops]
    found = next(_differing(*[_tensors(loop.trainer.checkpoint()) for loop in loops]), None)
    if found:
        return Difference(differs=True, lines=[*lines, f"first difference: before step 1, {found}"])
    for loop in loops:
        loop.trainer.model.train()
    shared = default_generator().bit_generator  # of which each run has a state of its own
    drawn = [shared.state, shared.state]
    for step in range(1, last + 1):
        losses = []
        for place, (loop, group) in enumerate(zip(loops, groups, strict=True)):
            shared.state = drawn[place]
            batches, ends = next(group)
            losses.append(loop.learn(batches)[0])
            loop.count(ends)
            drawn[place] = shared.state
        found = next(_differing(*[_tensors(loop.trainer.checkpoint()) for loop in loops]), None)
        if found:
            shown = f", with losses {losses[0]:.9g} and {losses[1]:.9g} before it"
            return Difference(differs=True, lines=[*lines, f"first difference: step {step:,}, {found}{shown}"])
    said = f"taken again on this machine, steps 1 to {last:,} are the same to the last bit"
    return Difference(differs=at_end is not None, lines=[*lines, said])


def _saved(folder: RunFolder) -> Checkpoint:
    if not folder.checkpoint.exists():
        raise OptionError(
            "diff: the run stopped before anything was saved", folder=folder.path,
            fix=f"pullback train --resume {folder.quoted}",
        )  # fmt: skip
    return checkpoint.load(folder.checkpoint)


def _again(folder: RunFolder) -> Loop:
    """A run from its beginning, without a folder."""
    settings, _ = resumed(folder, {})
    return loop_for(task_of(settings), settings, None)


def _settings(told: list[Told]) -> Mapping[str, tuple[Any, Any]]:
    """The settings that differ, but for how long the runs are."""
    found = differences(told[0].settings, told[1].settings)
    return {name: pair for name, pair in found.items() if name not in ("epochs", "steps")}


def _tensors(state: Checkpoint) -> dict[str, Any]:
    """All arrays of a state that learning changes, by name: weights first."""
    found = {**state.model}
    for name, one in optimizer_states(state.rest).items():
        found |= {" ".join(filter(None, ("optimizer", name, key))): array for key, array in one["state"].items()}
    return found


def _differing(one: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[str]:
    """The tensors that are not the same to the last bit, each with how many of its numbers and the first of them."""
    for name in dict.fromkeys([*one, *other]):
        if name not in one or name not in other:
            yield f"{name} is in {'A' if name in one else 'B'} alone"
            continue
        a, b = np.asarray(one[name]), np.asarray(other[name])
        if a.shape != b.shape or a.dtype != b.dtype:
            yield f"{name}: {a.dtype}{a.shape} and {b.dtype}{b.shape}"
        elif a.tobytes() != b.tobytes():
            bits = f"u{a.dtype.itemsize}"
            unequal = np.ascontiguousarray(a).view(bits) != np.ascontiguousarray(b).view(bits)
            place = tuple(map(int, np.argwhere(unequal)[0]))
            yield f"{name}: {unequal.sum():,} of {a.size:,} numbers, first at {place}: {a[place]!r} and {b[place]!r}"
