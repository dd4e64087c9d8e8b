"""Groups of parameters that share their settings, and the checks of both."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias, final

import numpy as np

from pullback.core.errors import DTypeError, GraphError, OptionError
from pullback.tensor import Tensor

Params: TypeAlias = Iterable[Tensor] | Iterable[Mapping[str, Any]]
State: TypeAlias = dict[str, Tensor]

# A setting that is a number is at least 0 and below this.
LIMITS: Final[dict[str, float]] = {
    "lr": math.inf, "momentum": 1, "dampening": 1, "weight_decay": math.inf, "betas": 1, "eps": math.inf,
}  # fmt: skip


@final
class ParameterGroup(Mapping[str, Any]):
    """Parameters with their settings: a mapping of "params", "lr" and the optimizer's other settings.

    Only the learning rate can be set, to a number or a tensor; it lives in a 0-d tensor of float64 that is
    changed in place, so that a compiled step sees it. The other settings are numbers, fixed from the beginning.

    Attributes
    ----------
    params : tuple of Tensor
    lr : Tensor
        The learning rate.
    settings : dict
        The other settings.
    states : list of dict
        For each parameter the tensors that the rule keeps for it.

    >>> import pullback as pb
    >>> from pullback.optim import SGD
    >>> group = SGD([pb.tensor([1.0], requires_grad=True)], lr=0.1).param_groups[0]
    >>> group["lr"] = 0.01
    >>> float(group["lr"]), group["momentum"]
    (0.01, 0.0)
    """

    def __init__(self, owner: str, params: Sequence[Tensor], settings: dict[str, Any]) -> None:
        self.owner = owner
        self.params = tuple(params)
        checked = {name: checked_setting(owner, name, value) for name, value in settings.items()}
        self.lr = Tensor(np.array(checked.pop("lr")))
        self.lr.name = "lr"
        self.settings: dict[str, Any] = checked
        self.states: list[State] = []
        self._alone: set[int] = set()

    def __getitem__(self, name: str) -> Any:
        if name == "params":
            return self.params
        return self.lr if name == "lr" else self.settings[name]

    def __setitem__(self, name: str, value: Any) -> None:
        if name != "lr":
            raise OptionError(
                f"{self.owner}: only the learning rate of a group can be set", got=name,
                fix="make a new optimizer, and load the state of this one",
            )  # fmt: skip
        if isinstance(value, Tensor):
            self.lr.become(value.detach())
        else:
            self.lr.assign(checked_setting(self.owner, name, value))

    def __iter__(self) -> Iterator[str]:
        return iter(("params", "lr", *self.settings))

    def __len__(self) -> int:
        return 2 + len(self.settings)

    def __repr__(self) -> str:
        settings = ", ".join(f"{name}={value}" for name, value in self.plain().items())
        numbers = sum(p.size for p in self.params)
        return f"{self.owner}({settings}; {len(self.params)} parameters, {numbers:,} numbers)"

    def plain(self) -> dict[str, Any]:
        """The settings as Python's numbers."""
        return {"lr": self.lr.item(), **self.settings}

    def start(self, make: Callable[[Tensor], State], counting: bool) -> None:
        """Make the states, with one count of steps for all parameters of a dtype if they are counted."""
        counts: dict[Any, Tensor] = {}
        for p in self.params:
            state = make(p)
            if counting:
                state["step"] = counts.setdefault(p.dtype, Tensor(np.zeros(())))
            self.states.append(state)

    def set_counts(self, counts: Sequence[Any]) -> None:
        """Set how many steps each parameter has made; those that made as many count together again."""
        shared: dict[Any, Tensor] = {}
        for p, state, count in zip(self.params, self.states, counts, strict=True):
            key = p.dtype, float(count)
            if key not in shared:
                taken = any(state["step"] is step for step in shared.values())
                shared[key] = Tensor(np.zeros(())) if taken else state["step"]
            state["step"] = shared[key].assign(count)
        self._alone.clear()

    def rest(self, index: int) -> None:
        """Give a parameter that is left out a count of its own, which stands still while the others go on."""
        state = self.states[index]
        if "step" in state and index not in self._alone:
            self._alone.add(index)
            state["step"] = Tensor(state["step"].array)


def checked_setting(owner: str, name: str, value: Any) -> Any:
    """A setting as a float, a bool, or a tuple of floats."""
    if isinstance(value, bool) and name not in LIMITS:
        return value
    if name == "betas":
        if not isinstance(value, (tuple, list)) or len(value) != 2:
            raise OptionError(f"{owner}: betas are two numbers", got=repr(value), fix="(0.9, 0.999)")
        return tuple(_number(owner, name, beta) for beta in value)
    return _number(owner, name, value)


def _number(owner: str, name: str, value: Any) -> float:
    low, limit = (0.0, LIMITS[name]) if name in LIMITS else (-math.inf, math.inf)
    try:
        number = math.nan if isinstance(value, (bool, str)) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not low <= number < limit:
        raise OptionError(
            f"{owner}: {name} is not possible", got=repr(value),
            fix=f"a number in [{low:g}, {limit})",
        )  # fmt: skip
    return number


def divided(owner: str, params: Any) -> list[dict[str, Any]]:
    """What an optimizer is given, as a list of groups."""
    if isinstance(params, Tensor):
        raise OptionError(f"{owner}: one tensor instead of several", shape=params.shape, fix="give a list: [w]")
    if callable(getattr(params, "parameters", None)):
        raise OptionError(
            f"{owner}: a module instead of its parameters", got=type(params).__name__, fix="model.parameters()"
        )
    try:
        given = [params] if isinstance(params, Mapping) else list(params)
    except TypeError:
        raise OptionError(f"{owner}: not a list of parameters", got=type(params).__name__) from None
    if not any(isinstance(part, Mapping) for part in given):
        return [{"params": given}]
    for part in given:
        if not isinstance(part, Mapping) or "params" not in part:
            raise OptionError(
                f"{owner}: a group is a dict that holds params", got=type(part).__name__,
                fix='[{"params": [...], "lr": 0.1}, ...]',
            )  # fmt: skip
    return [dict(part) for part in given]


def label(p: Any, index: int) -> str:
    """What to call a parameter in an error: its name, or its place and shape."""
    return p.name or f"number {index}, of shape {p.shape}"


def checked_parameters(owner: str, params: Any, known: Iterable[Tensor]) -> list[Tensor]:
    """The parameters of a group: float leaves that nobody has given before."""
    found = [params] if isinstance(params, Tensor) else list(params)
    if not found:
        raise OptionError(f"{owner}: there are no parameters", fix="model.parameters(), of a model that has layers")
    seen = {id(p) for p in known}
    for index, p in enumerate(found):
        if not isinstance(p, Tensor):
            raise OptionError(
                f"{owner}: a parameter is not a tensor", got=type(p).__name__, fix="pb.tensor(..., requires_grad=True)"
            )
        if id(p) in seen:
            raise OptionError(
                f"{owner}: a parameter is given twice", parameter=label(p, index),
                fix="give it once; model.parameters() gives shared ones once",
            )  # fmt: skip
        if p.dtype.kind != "f":
            raise DTypeError(
                f"{owner}: only floating-point numbers are learned", parameter=label(p, index), got=p.dtype,
                fix="p.astype(float)",
            )  # fmt: skip
        if not p.is_leaf:
            raise GraphError(
                f"{owner}: a parameter is the result of an operation", parameter=label(p, index),
                made_by=repr(p.node), fix="optimize the leaf that it is computed from, or p.detach().requires_grad_()",
            )  # fmt: skip
        if not p.requires_grad and type(p) is Tensor:
            # A module's parameter may be frozen; a plain tensor is a constant that somebody forgot.
            raise GraphError(
                f"{owner}: a parameter is a constant", parameter=label(p, index), fix="p.requires_grad = True"
            )
        seen.add(id(p))
    return found
