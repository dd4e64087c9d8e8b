"""The abstract optimizer: it walks the groups; a subclass states the rule for one parameter."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np

from pullback.core.changes import Noticed, changed
from pullback.core.errors import NoGradientError, OptionError
from pullback.core.leaving import require_kept
from pullback.core.modes import current_mode, no_grad
from pullback.core.precision import single
from pullback.core.primitive import Primitive
from pullback.optim.checks import Limits, checked_group, checked_parameters, divided, label
from pullback.optim.group import ParameterGroup, Params, Rate, State
from pullback.optim.state import load, save
from pullback.tensors import Tensor
from pullback.tensors.backward import forget_gradients, gradients_of
from pullback.transforms.reverse import why_not


class Optimizer(Noticed, ABC):
    """Changes parameters by their gradients: subclass it, and write the rule for one parameter, `update`.

    All that changes from step to step (parameters, states, learning rates) lives in tensors, is computed with
    tensors and changed in place, so that a compiled step is the same step. Parameters of half precision are computed
    with in float32, in which their states are kept, and rounded once a step.

    Parameters
    ----------
    params : iterable of Tensor, or of dict
        Leaves that require gradients, or groups of them with settings of their own, as in
        `{"params": [...], "lr": 0.1}`. Frozen parameters of a module rest until they require gradients again.
    lr : float or schedule
        The learning rate of the groups that do not have their own, or a function of the step that gives it, as those
        of `schedules.py` do.
    **settings : float or bool
        Likewise, what else the rule depends on.

    Attributes
    ----------
    param_groups : list of ParameterGroup
        What is learned and how; `group["lr"]` can be set.
    steps : Tensor
        How many steps a schedule has been followed.

    Raises
    ------
    OptionError
        If there are no parameters, one is given twice, or a setting is not known or not possible.
    GraphError
        If a parameter is not a leaf, or is a constant.
    DTypeError
        If a parameter holds integers.

    >>> import pullback as pb
    >>> class SignSGD(Optimizer):
    ...     def update(self, p, g, state, s):
    ...         p -= s.lr * pb.sign(g)
    >>> w = pb.tensor([3.0, -1.0], requires_grad=True)
    >>> (w * w).sum().backward()
    >>> SignSGD([w], lr=0.5).step()
    >>> w
    Tensor([ 2.5, -0.5], requires_grad=True)
    """

    limits: ClassVar[Limits] = {"lr": math.inf, "weight_decay": math.inf}
    """What the settings may be; a rule adds its own rows."""

    counts_steps: ClassVar[bool] = False
    """Whether a state has a `step`: how many updates there have been, with the one that is being made."""

    on_arrays: ClassVar[bool] = False
    """Whether the rule is written with operators and NumPy's functions alone. Then it is given arrays in place of
    tensors, and is spared their cost, unless a program is being recorded."""

    def __init__(self, params: Params, lr: Rate, **settings: Any) -> None:
        self._defaults = {"lr": lr, **settings}
        self.param_groups: list[ParameterGroup] = []
        self.steps = Tensor(np.zeros(()))
        for group in divided(self._name, params):
            self.add_param_group(group)

    @property
    def _name(self) -> str:
        return type(self).__name__

    # What a rule says.

    @abstractmethod
    def update(self, p: Any, g: Any, state: Mapping[str, Any], s: SimpleNamespace) -> None:
        """Change a parameter and its state in place (`p -= …`), computing with tensors.

        Parameters
        ----------
        p, g : Tensor
            The parameter and its gradient, which is left as it is.
        state : dict of Tensor
            What `start` made.
        s : SimpleNamespace
            What `prepare` made.
        """

    def start(self, p: Tensor, group: ParameterGroup) -> State:
        """The tensors that the rule keeps for a parameter, before its first step."""
        return {}

    def prepare(self, group: ParameterGroup, lr: Any, dtype: np.dtype[Any], step: Any) -> SimpleNamespace:
        """What all parameters of a dtype share in a step: the settings, and `lr` in their dtype.

        A rule that counts its steps adds 1 to `step` here, in place.
        """
        return SimpleNamespace(**group.settings, lr=lr.astype(dtype))

    # What users call.

    @property
    def lr(self) -> Tensor:
        """The learning rate, a tensor; set it to a number or a tensor. Of several groups, see `group["lr"]`."""
        return self._only_group().lr

    @lr.setter
    def lr(self, value: Any) -> None:
        self._only_group()["lr"] = value

    def _only_group(self) -> ParameterGroup:
        if len(self.param_groups) > 1:
            raise OptionError(
                f"{self._name}.lr: each group has its own", groups=len(self.param_groups),
                fix='optimizer.param_groups[i]["lr"]',
            )  # fmt: skip
        return self.param_groups[0]

    def add_param_group(self, group: Mapping[str, Any]) -> None:
        """Learn further parameters, with settings of their own where the dict has them."""
        own = checked_group(self._name, group, self._defaults)
        params = checked_parameters(self._name, own.pop("params"), self._params())
        made = ParameterGroup(self._name, params, {**self._defaults, **own}, self.limits)
        made.start(lambda p: self.start(p, made), self.counts_steps)
        self.param_groups.append(made)
        changed()

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for group in self.param_groups:
            forget_gradients(group.params)

    def step(self, closure: Callable[[], Any] | None = None, *, skip_missing: bool = False) -> Any:
        """Change each parameter that requires a gradient by the rule.

        Parameters
        ----------
        closure : callable, optional
            Called first: it computes the loss, and calls `zero_grad()` and `backward()`. What it gives is given back.
        skip_missing : bool
            Leave parameters without a gradient as they are: for losses that do not always use all of them.

        Raises
        ------
        NoGradientError
            If a parameter that requires a gradient has none; says which and why, and changes nothing.
        """
        if closure is not None and not callable(closure):
            raise OptionError(
                f"{self._name}.step: this is not a function", got=type(closure).__name__,
                fix="loss.backward(), and then step()",
            )  # fmt: skip
        loss = None if closure is None else closure()
        if (trace := current_mode().trace) is not None:
            trace.watch(self)
        gradients = self._gradients(skip_missing)
        for group in self.param_groups:
            if group.schedule is not None:
                self._follow_schedules()
                break
        if self.on_arrays and trace is None:
            try:
                for group, row in zip(self.param_groups, gradients, strict=True):
                    self._update_arrays(group, row)
            except TypeError:
                self._complain_of_places()
                raise
            return loss
        with no_grad():
            for group, row in zip(self.param_groups, gradients, strict=True):
                self._update_tensors(group, row)
        return loss

    def _follow_schedules(self) -> None:
        # A program computes the rate from the tensor; else the functions of NumPy's are quicker with a number.
        step: Any = self.steps if current_mode().trace is not None else float(self.steps.array)
        with no_grad():
            for group in self.param_groups:
                if group.schedule is not None:
                    group.follow(step)
            self.steps += 1

    def _update_tensors(self, group: ParameterGroup, gradients: Sequence[Tensor | None]) -> None:
        prepared: dict[Any, SimpleNamespace] = {}
        for p, g, state in zip(group.params, gradients, group.states, strict=True):
            if g is not None:
                work, g = single(p), single(g)
                count = state.get("step")
                key = g.dtype if count is None else id(count)
                if key not in prepared:
                    prepared[key] = self.prepare(group, group.lr, g.dtype, count)
                self.update(work, g, state, prepared[key])
                if work is not p:
                    p.become(work)

    def _update_arrays(self, group: ParameterGroup, gradients: Sequence[Tensor | None]) -> None:
        prepared: dict[Any, SimpleNamespace] = {}
        count: Tensor | None
        arrays: Mapping[str, Any]
        for p, g, state in zip(group.params, gradients, group.states, strict=True):
            if g is None:
                continue
            own, array = p.owned(), g.array
            half = own.itemsize == 2
            if half:
                array = single(array)
            if state:
                count = state.get("step")
                key = array.dtype if count is None else id(count)
                arrays = {name: x.owned() for name, x in state.items() if x is not count}
            else:
                count, key, arrays = None, array.dtype, state
            s = prepared.get(key)
            if s is None:
                step = None if count is None else count.owned()
                lr = group.lr.array  # of NumPy's own an array is quicker than a number; others take numbers alone
                lr = lr if type(own) is np.ndarray else lr[()]
                s = prepared[key] = self.prepare(group, lr, array.dtype, step)
            if half:
                work = single(own)
                self.update(work, array, arrays, s)
                own[...] = work
            else:
                self.update(own, array, arrays, s)

    def _gradients(self, skip_missing: bool) -> list[list[Tensor | None]]:
        """The gradient of each parameter, group by group."""
        gradients: list[list[Tensor | None]] = []
        missing = []
        exits = current_mode().exits
        for group in self.param_groups:
            row = gradients_of(group.params)
            if exits is not None:
                require_kept(f"{self._name}.step", row, "w - lr * g, written in the function that is differentiated")
            gradients.append(row)
            for index in group.elsewhere:
                row[index] = None
            for index, g in enumerate(row):
                if g is None and index not in group.elsewhere:
                    group.rest(index)
                    if group.params[index].requires_grad and not skip_missing:
                        missing.append(group.params[index])
        if missing:
            self._complain(missing)
        return gradients

    def _complain(self, missing: list[Tensor]) -> None:
        labels = {id(p): label(p, index) for index, p in enumerate(self._params())}
        every = len(missing) == sum(p.requires_grad for p in self._params())
        raise NoGradientError(
            f"{self._name}.step: a parameter has no gradient",
            parameter="\n".join(labels[id(p)] for p in missing),
            why="backward() was not called since zero_grad()" if every else why_not(missing[0]),
            fix="loss.backward() before step()" if every
            else "use it in the loss, freeze it (p.requires_grad = False), or step(skip_missing=True)",
        )  # fmt: skip

    def _complain_of_places(self) -> None:
        for group in self.param_groups:
            for p, state in zip(group.params, group.states, strict=True):
                arrays = [p.array, *(t.array for t in state.values() if t.ndim)]
                if (told := Primitive.apart(f"{self._name}.step", arrays)) is not None:
                    raise told

    def _params(self) -> Iterator[Tensor]:
        return (p for group in self.param_groups for p in group.params)

    def tensors(self) -> Iterator[Tensor]:
        """All that a step changes, each tensor once."""
        every = (t for group in self.param_groups for t in (*group.params, group.lr, *group.kept()))
        return iter({id(t): t for t in (*every, self.steps)}.values())

    # Its state.

    def state_dict(self) -> dict[str, Any]:
        """All that a continuation needs, as arrays and what JSON can hold.

        Returns
        -------
        dict
            `optimizer`, its name; `steps`, how many a schedule was followed; `state`, arrays by names such as
            "0.momentum" (that of the first parameter); and `groups`, for each its settings and, as `params`, the names
            of its parameters.
        """
        return {**save(self._name, self.param_groups), "steps": float(self.steps.array)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on, bit for bit, where the optimizer that gave the state was; in place.

        The learning rates become those of the state.

        Raises
        ------
        CheckpointError
            If it is of another optimizer, of other settings or other parameters; nothing is changed then.
        """
        load(self._name, self.param_groups, state)
        self.steps.assign(state.get("steps", 0.0))

    def __repr__(self) -> str:
        return "\n".join(map(repr, self.param_groups))
