"""The state of an optimizer, out and in: arrays by name, and settings that JSON can hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from pullback.core.errors import CheckpointError, OptionError
from pullback.optim.checks import checked_setting
from pullback.optim.group import ParameterGroup
from pullback.tensors import Tensor


def save(owner: str, groups: Sequence[ParameterGroup]) -> dict[str, Any]:
    """Copies of all arrays, and the settings."""
    return {
        "optimizer": owner,
        "state": {name: np.array(state[key].numpy()) for name, state, key in _entries(groups)},
        "groups": [
            {
                **{name: list(v) if isinstance(v, tuple) else v for name, v in group.plain().items()},
                "params": [p.name for p in group.params],
            }
            for group in groups
        ],
    }


def load(owner: str, groups: Sequence[ParameterGroup], saved: Mapping[str, Any]) -> None:
    """Set learning rates and states to those of `saved`, once all is known to fit."""
    if not isinstance(saved, Mapping) or not {"optimizer", "state", "groups"} <= saved.keys():
        raise CheckpointError(f"{owner}.load_state_dict: this is not the state of an optimizer")
    entries = list(_entries(groups))
    elsewhere = {f"{first + place}" for first, group in _numbered(groups) for place in group.elsewhere}
    kept = {name: v for name, v in saved["state"].items() if name.partition(".")[0] not in elsewhere}
    arrays = {name: np.asarray(getattr(v, "array", v)) for name, v in kept.items()}
    complaint = next(_misfits(owner, groups, entries, saved, arrays), None)
    if complaint is not None:
        raise CheckpointError(
            f"{owner}.load_state_dict: the state does not fit the optimizer", got=complaint,
            fix="make the optimizer as the one that the state is of, with the parameters in the same order",
        )  # fmt: skip
    for group, settings in zip(groups, saved["groups"], strict=True):
        group.lr.assign(settings["lr"])
    for name, state, key in entries:
        state[key].assign(arrays[name])
    for first, group in _numbered(groups):
        if any("step" in state for state in group.states):
            group.set_counts([arrays.get(f"{i}.step") for i in range(first, first + len(group.params))])


def _numbered(groups: Sequence[ParameterGroup]) -> Iterator[tuple[int, ParameterGroup]]:
    """Each group with the number of its first parameter."""
    first = 0
    for group in groups:
        yield first, group
        first += len(group.params)


def _entries(groups: Sequence[ParameterGroup]) -> Iterator[tuple[str, dict[str, Tensor], str]]:
    """Each tensor of each state: its name in the file, the state, and its key there."""
    for first, group in _numbered(groups):
        for i, state in enumerate(group.states, start=first):
            for key in state:
                yield f"{i}.{key}", state, key


def _misfits(
    owner: str, groups: Sequence[ParameterGroup], entries: Sequence[tuple[str, dict[str, Tensor], str]],
    saved: Mapping[str, Any], arrays: Mapping[str, np.ndarray[Any, Any]],
) -> Iterator[str]:  # fmt: skip
    if saved["optimizer"] != owner:
        yield f"the state of {saved['optimizer']}"
    if len(saved["groups"]) != len(groups):
        yield f"{len(saved['groups'])} groups instead of {len(groups)}"
    for number, (group, settings) in enumerate(zip(groups, saved["groups"], strict=False)):
        names = settings.get("params", ())
        if len(names) != len(group.params):
            yield f"{len(names)} parameters instead of {len(group.params)} in group {number}"
        for p, name in zip(group.params, names, strict=False):
            if None not in (p.name, name) and p.name != name:
                yield f"parameter {name} instead of {p.name}"
        for name, value in group.settings.items():
            other = settings.get(name)
            if (tuple(other) if isinstance(other, list) else other) != value:
                yield f"{name}={other} instead of {name}={value} in group {number}"
        try:
            checked_setting(owner, "lr", settings.get("lr"), group.limits)
        except OptionError:
            yield f"lr={settings.get('lr')} in group {number}"
    expected = {name: state[key] for name, state, key in entries}
    for name in (*expected, *arrays):
        if name not in arrays or name not in expected:
            yield f"{'no' if name in expected else 'an unexpected'} array {name}"
        elif arrays[name].shape != expected[name].shape:
            yield f"{name} of shape {arrays[name].shape} instead of {expected[name].shape}"
        elif not np.can_cast(arrays[name].dtype, expected[name].dtype, "same_kind"):
            yield f"{name} of dtype {arrays[name].dtype} instead of {expected[name].dtype}"
