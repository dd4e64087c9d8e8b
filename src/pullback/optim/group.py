"""Groups of parameters that share their settings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias, final

import numpy as np

from pullback.core.changes import Noticed, changed
from pullback.core.errors import OptionError
from pullback.core.memory import placed_zeros_like
from pullback.core.precision import single
from pullback.optim.checks import Limits, checked_setting
from pullback.tensors import Tensor

Params: TypeAlias = Iterable[Tensor] | Iterable[Mapping[str, Any]]
State: TypeAlias = dict[str, Tensor]
Schedule: TypeAlias = Callable[[Any], Any]
Rate: TypeAlias = float | Schedule  # or a tensor


@final
class ParameterGroup(Noticed, Mapping[str, Any]):
    """Parameters with their settings: a mapping of "params", "lr" and the optimizer's other settings.

    Only the learning rate can be set, to a number, a tensor or a schedule; it lives in a 0-d tensor of float64 that is
    changed in place, so that a compiled step sees it. The other settings are numbers, fixed from the beginning.

    Attributes
    ----------
    params : tuple of Tensor
    lr : Tensor
        The learning rate.
    schedule : callable, optional
        What gives it before each step, where it is no number.
    settings : dict
        The other settings.
    states : list of dict
        For each parameter the tensors that the rule keeps for it.
    elsewhere : frozenset of int
        The places of parameters that another process changes, and for which nothing is kept here.

    >>> import pullback as pb
    >>> from pullback.optim import SGD
    >>> group = SGD([pb.tensor([1.0], requires_grad=True)], lr=0.1).param_groups[0]
    >>> group["lr"] = 0.01
    >>> float(group["lr"]), group["momentum"]
    (0.01, 0.0)
    """

    def __init__(self, owner: str, params: Sequence[Tensor], settings: dict[str, Any], limits: Limits) -> None:
        self.owner = owner
        self.limits = limits
        self.params = tuple(params)
        rate = settings["lr"]
        self.schedule: Schedule | None = rate if callable(rate) else None
        given = {**settings, "lr": rate(0) if callable(rate) else rate}
        checked = {name: checked_setting(owner, name, value, limits) for name, value in given.items()}
        self.lr = Tensor(np.array(checked.pop("lr")))
        self.lr.name = "lr"
        self.settings: dict[str, Any] = checked
        self.states: list[State] = []
        self._alone: set[int] = set()
        self.elsewhere: frozenset[int] = frozenset()

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
        schedule = value if callable(value) else None
        if schedule is not self.schedule:
            self.schedule = schedule
            changed()
        if schedule is None:
            self._set_rate(value)

    def follow(self, step: Any) -> None:
        """Take the rate that the schedule has for a step."""
        assert self.schedule is not None
        self._set_rate(self.schedule(step))

    def _set_rate(self, value: Any) -> None:
        if isinstance(value, Tensor):
            # While a program is recorded too, of which it is a part.
            checked_setting(self.owner, "lr", value.array, self.limits)
            self.lr.become(value.detach())
        else:
            self.lr.assign(checked_setting(self.owner, "lr", value, self.limits))

    def __iter__(self) -> Iterator[str]:
        return iter(("params", "lr", *self.settings))

    def __len__(self) -> int:
        return 2 + len(self.settings)

    def __repr__(self) -> str:
        settings = ", ".join(f"{name}={value}" for name, value in self.plain().items())
        numbers = sum(p.size for p in self.params)
        return f"{self.owner}({settings}; {len(self.params)} parameters, {numbers:,} numbers)"

    def kept(self) -> Iterator[Tensor]:
        """The tensors of all states."""
        return (tensor for state in self.states for tensor in state.values())

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
            if "step" not in state:
                continue
            key = p.dtype, float(count)
            if key not in shared:
                taken = any(state["step"] is step for step in shared.values())
                shared[key] = Tensor(np.zeros(())) if taken else state["step"]
            state["step"] = shared[key].assign(count)
        self._alone.clear()
        changed()

    def hand_over(self, places: Iterable[int]) -> None:
        """Leave parameters to other processes, which keep their states too; those of all others are as before."""
        self.elsewhere = frozenset(places)
        for place in self.elsewhere:
            self.states[place] = {}
        changed()

    def rest(self, index: int) -> None:
        """Give a parameter that is left out a count of its own, which stands still while the others go on."""
        state = self.states[index]
        if "step" in state and index not in self._alone:
            self._alone.add(index)
            state["step"] = Tensor(state["step"].array)
            changed()


def zeros(p: Tensor, *names: str) -> State:
    """Tensors of zeros, laid out as a parameter is, for a rule to keep; of half precision in float32."""
    return {name: Tensor(placed_zeros_like(single(p.array))) for name in names}
