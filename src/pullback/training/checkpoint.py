"""The state of a run as one safetensors file: the network as `model.*`, all else as `rest.*` and a note.

Whatever is not the network (the optimizer's memory, the states of generators, the step) is a tree of dicts,
lists, numbers, texts and arrays. Its arrays become arrays of the file, its shape a note of JSON: nothing is
ever unpickled, and one atomic write keeps all parts of one step together.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from pullback.core.errors import CheckpointError
from pullback.interop import safetensors
from pullback.interop.safetensors import Arrays
from pullback.tensors import Tensor

MODEL: Final = "model."
REST: Final = "rest"
FORMAT: Final = "1"  # of the note; another number is refused


class Checkpoint(NamedTuple):
    """What a file holds: the network's arrays by name, and the rest."""

    model: Arrays
    rest: Any


def save(path: Path, model: Mapping[str, Any], rest: Any) -> None:
    """Write a checkpoint, whole or not at all.

    Raises
    ------
    CheckpointError
        If the file cannot be written; an old one stays as it is.
    """
    arrays: dict[str, Any] = {MODEL + name: array for name, array in model.items()}
    try:
        shape = json.dumps(pack(rest, REST, arrays))
    except (RecursionError, ValueError) as error:
        if isinstance(error, CheckpointError):
            raise
        raise CheckpointError(
            "checkpoint: this cannot be saved", got=error, fix="fewer levels, fewer digits"
        ) from error
    try:
        safetensors.save(path, arrays, {"pullback": FORMAT, REST: shape})
    except OSError as error:
        raise CheckpointError(
            "checkpoint: the file cannot be written; an older one stays as it was",
            file=path,
            got=error.strerror,
            fix="make room, or resume the run in another folder",
        ) from error


def load(path: Path) -> Checkpoint:
    """Read a checkpoint and prove it.

    Raises
    ------
    CheckpointError
        If the file is missing, damaged (its checksum differs), or no checkpoint of a run.
    """
    arrays, notes = safetensors.load(path, proved=True)
    if notes.get("pullback") != FORMAT or REST not in notes:
        raise CheckpointError(
            "checkpoint: the file is no checkpoint of a run", file=path, got=notes.get("pullback"),
            expected=f"format {FORMAT}",
            fix="a file that `pullback train` or checkpoint.save wrote; pb.interop.safetensors.load reads others",
        )  # fmt: skip
    model = {name.removeprefix(MODEL): array for name, array in arrays.items() if name.startswith(MODEL)}
    try:
        return Checkpoint(model, unpack(json.loads(notes[REST]), arrays))
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise CheckpointError(
            "checkpoint: the note about its parts cannot be read", file=path, note=REST, got=repr(error)[:80],
            fix="take an older copy",
        ) from error  # fmt: skip


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Name the file in the complaints of networks and optimizers that a checkpoint does not fit them."""
    try:
        yield
    except CheckpointError as error:
        raise CheckpointError(error.what, **{"file": path, **error.facts}) from error


def part(rest: Mapping[str, Any], key: str, *kinds: type) -> Any:
    """A part of a checkpoint, or CheckpointError if it is missing or of another type."""
    if key not in rest:
        raise CheckpointError("checkpoint: a key is missing", key=key)
    if type(rest[key]) not in kinds:
        raise CheckpointError("checkpoint: a key is of the wrong type", key=key, got=type(rest[key]).__name__)
    return rest[key]


def count(rest: Mapping[str, Any], key: str) -> int:
    """A part of a checkpoint that is a whole number."""
    number: int = part(rest, key, int)
    if not 0 <= number < 2**63:
        raise CheckpointError("checkpoint: a number cannot be so", key=key, got=number)
    return number


def of_optimizers(states: dict[str, Any]) -> dict[str, Any]:
    """The states of optimizers by name, as a checkpoint keeps them: one that has no name stands alone."""
    return dict(states[""]) if list(states) == [""] else {"optimizers": states}


def optimizer_states(rest: Mapping[str, Any]) -> dict[str, Any]:
    """The states of optimizers by name that a checkpoint keeps."""
    kept = part(rest, "optimizer", dict)
    states = kept.get("optimizers", {"": kept})
    if not isinstance(states, dict) or not all(isinstance(state, dict) for state in states.values()):
        raise CheckpointError(
            "checkpoint: a key is of the wrong type", key="optimizer.optimizers", got=repr(states)[:80]
        )
    for state in states.values():
        if not isinstance(state.get("state"), dict):
            raise CheckpointError(
                "checkpoint: the state of the optimizer is missing or of the wrong type", key="optimizer.state",
                got=repr(state.get("state"))[:80],
            )  # fmt: skip
    return states


def groups_of(state: Any) -> list[dict[str, Any]]:
    """The groups in the state of an optimizer, or CheckpointError if it has none."""
    groups = state.get("groups") if isinstance(state, dict) else None
    if not isinstance(groups, list) or not all(isinstance(group, dict) for group in groups):
        raise CheckpointError("checkpoint: the state of the optimizer has no groups", key="optimizer")
    return groups


def pack(tree: Any, name: str, arrays: dict[str, Any]) -> Any:
    """Give the shape of a tree as JSON, whose lists begin with what they stand for; put its arrays aside."""
    if isinstance(tree, dict):
        strange = [key for key in tree if not (key is None or isinstance(key, (bool, int, float, str)))]
        if strange:
            raise CheckpointError("checkpoint: this cannot be the key of a dict", at=name, got=repr(strange[0]))
        return ["dict", [[key, pack(part, f"{name}.{key}", arrays)] for key, part in tree.items()]]
    if isinstance(tree, (list, tuple)):
        return ["list", [pack(part, f"{name}.{place}", arrays) for place, part in enumerate(tree)]]
    if isinstance(tree, (Tensor, np.ndarray, np.generic)):
        while name in arrays:  # {"a.b": x, "a": {"b": y}} names two alike
            name += "'"
        arrays[name] = tree
        return ["array", name]
    if tree is None or isinstance(tree, (bool, int, float, str)):
        return tree
    raise CheckpointError("checkpoint: this cannot be saved", at=name, got=type(tree).__name__)


def unpack(shape: Any, arrays: Arrays) -> Any:
    """The tree of which `pack` gave the shape, and put the arrays aside."""
    if not isinstance(shape, list):
        return shape
    kind, parts = shape
    match kind:
        case "dict":
            return {key: unpack(part, arrays) for key, part in parts}
        case "list":
            return [unpack(part, arrays) for part in parts]
        case "array":
            return arrays[parts]
    raise ValueError(f"no kind of part is called {kind!r}")
