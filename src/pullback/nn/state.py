"""Loading a module's state: all of it fits, or nothing is changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any, Final, NamedTuple

import numpy as np

from pullback.core.errors import CheckpointError
from pullback.core.leaving import require_kept
from pullback.core.modes import no_grad
from pullback.tensors import Tensor

_SHOWN: Final = 8  # names in a message


class Unmatched(NamedTuple):
    """The names that only one side had."""

    missing: list[str]
    unexpected: list[str]


def load(owner: str, places: Mapping[str, Tensor], state: Mapping[str, Any], strict: bool) -> Unmatched:
    """Set the tensors at `places` to the arrays of `state` by name, in place."""
    if not isinstance(state, Mapping):
        raise CheckpointError(
            f"{owner}.load_state_dict: a state is a mapping of names to arrays", got=type(state).__name__,
            fix="the first of the two that safetensors.load gives" if isinstance(state, tuple) else None,
        )  # fmt: skip
    arrays = {name: _array(owner, name, state[name]) for name in places if name in state}
    found = {id(places[name]) for name in arrays}  # a shared tensor is found under any of its names
    unmatched = Unmatched(
        missing=[name for name, tensor in places.items() if id(tensor) not in found],
        unexpected=[name for name in state if name not in places],
    )
    wrong = list(_misfits(places, arrays))
    if wrong or (strict and any(unmatched)):
        raise CheckpointError(
            f"{owner}.load_state_dict: the state does not fit the model",
            missing=_listed(unmatched.missing), unexpected=_listed(unmatched.unexpected),
            wrong=_listed(wrong, "\n"),
            fix="load it into a model made as the one that it was saved from"
            + ("" if wrong else ", or the part that fits with strict=False"),
        )  # fmt: skip
    require_kept(
        f"{owner}.load_state_dict",
        state.values(),
        "pb.nn.functional_call runs a module on tensors in place of its parameters",
    )
    with no_grad():
        for name, array in arrays.items():
            places[name].assign(array)
    return unmatched


def _array(owner: str, name: str, value: Any) -> np.ndarray[Any, Any]:
    try:
        return np.asarray(getattr(value, "array", value))
    except (TypeError, RuntimeError, ValueError) as error:  # of other libraries' arrays that NumPy cannot read
        raise CheckpointError(
            f"{owner}.load_state_dict: a value does not become an array", key=name, got=type(value).__name__,
            why=error, fix="for a tensor of PyTorch's, value.detach().float().cpu()",
        ) from error  # fmt: skip


def _misfits(places: Mapping[str, Tensor], arrays: Mapping[str, np.ndarray[Any, Any]]) -> Iterable[str]:
    first: dict[int, str] = {}
    for name, array in arrays.items():
        tensor = places[name]
        twin = first.setdefault(id(tensor), name)
        if array.shape != tensor.shape:
            yield f"{name}: shape {array.shape} instead of {tensor.shape}"
        elif not np.can_cast(array.dtype, tensor.dtype, "same_kind"):
            yield f"{name}: dtype {array.dtype} instead of {tensor.dtype}"
        elif twin != name and not np.array_equal(array, arrays[twin], equal_nan=True):
            yield f"{name}: other numbers than {twin}, which is the same tensor"


def _listed(names: list[str], separator: str = ", ") -> str | None:
    more = [f"and {len(names) - _SHOWN} more"] if len(names) > _SHOWN else []
    return separator.join([*islice(names, _SHOWN), *more]) or None
