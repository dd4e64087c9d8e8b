"""Averages of weights over the steps, to evaluate with."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, final

import numpy as np

from pullback.core.changes import Noticed
from pullback.core.errors import CheckpointError, OptionError
from pullback.core.memory import placed
from pullback.core.modes import no_grad
from pullback.core.numbers import checked_number
from pullback.core.precision import single
from pullback.optim.checks import label
from pullback.tensors import Tensor


class WeightAverage(Noticed, ABC):
    """A mean of tensors over the steps: call `update()` after each step, and evaluate within `applied()`.

    Parameters
    ----------
    params : iterable of Tensor
        `model.parameters()`; give `[*model.parameters(), *model.buffers()]` to average statistics too. What holds no
        floating-point numbers is left out.

    Raises
    ------
    OptionError
        If there is nothing to average.
    """

    def __init__(self, params: Iterable[Tensor]) -> None:
        self.params = [p for p in params if p.dtype.kind == "f"]
        if not self.params:
            raise OptionError(f"{type(self).__name__}: there are no parameters", fix="model.parameters()")
        self.averages = [Tensor(placed(single(p.array))) for p in self.params]
        self.count = Tensor(np.zeros(()))

    @abstractmethod
    def weight(self, count: Any) -> Any:
        """How much the numbers of now count, where `count` have come before: a ← a + weight·(p − a)."""

    def update(self) -> None:
        """Take in the parameters as they are now."""
        with no_grad():
            weight = self.weight(self.count)
            for p, average in zip(self.params, self.averages, strict=True):
                average += (single(p.detach()) - average) * weight.astype(average.dtype)
            self.count += 1

    @contextmanager
    def applied(self) -> Iterator[None]:
        """The parameters are the averages within; they are what they were afterwards, whatever happens."""
        before = [p.array.copy() for p in self.params]
        self.copy_to()
        try:
            yield
        finally:
            with no_grad():
                for p, array in zip(self.params, before, strict=True):
                    p.assign(array)

    def copy_to(self) -> None:
        """Make the parameters the averages, for good."""
        with no_grad():
            for p, average in zip(self.params, self.averages, strict=True):
                p.assign(average.array.astype(p.dtype))

    def state_dict(self) -> dict[str, Any]:
        """Copies of the averages, by number, and the count."""
        return {"count": np.array(self.count.array)} | {
            f"{i}.average": np.array(average.array) for i, average in enumerate(self.averages)
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where another was; raises CheckpointError if the state does not fit, and changes nothing then."""
        own = self.state_dict()
        for name, array in own.items():
            if name not in state or np.shape(state[name]) != array.shape:
                index = name.partition(".")[0]
                raise CheckpointError(
                    f"{type(self).__name__}.load_state_dict: the state does not fit", key=name, expected=array.shape,
                    got=np.shape(state[name]) if name in state else "nothing",
                    parameter=label(self.params[int(index)], int(index)) if index.isdigit() else None,
                )  # fmt: skip
        for tensor, name in zip((self.count, *self.averages), own, strict=True):
            tensor.assign(np.asarray(state[name]))


@final
class EMA(WeightAverage):
    """a ← decay·a + (1 − decay)·p: an exponential moving average (Polyak & Juditsky 1992; Tarvainen & Valpola 2017).

    Parameters
    ----------
    params : iterable of Tensor
        As of every `WeightAverage`; a begins as they are.
    decay : float
        In [0, 1).
    warm_up : bool
        Let the decay be at most (1 + n) / (10 + n) after n steps, so that the first numbers are soon forgotten.

    >>> import pullback as pb
    >>> w = pb.tensor([0.0], requires_grad=True)
    >>> average = EMA([w], decay=0.5)
    >>> for value in (2.0, 2.0):
    ...     with pb.no_grad():
    ...         _ = w.assign([value])
    ...     average.update()
    >>> with average.applied():
    ...     print(w.item())
    1.5
    >>> w.item()
    2.0
    """

    def __init__(self, params: Iterable[Tensor], decay: float = 0.999, *, warm_up: bool = False) -> None:
        super().__init__(params)
        self.decay = checked_number("EMA", "decay", decay, 0, 1, below=True)
        self.warm_up = warm_up

    def weight(self, count: Any) -> Any:
        if not self.warm_up:
            return np.asarray(1 - self.decay)
        return 1 - np.minimum(self.decay, (1 + count) / (10 + count))


@final
class SWA(WeightAverage):
    """a ← a + (p − a) / (n + 1): the mean of all that were taken in (Izmailov et al. 2018).

    >>> import pullback as pb
    >>> w = pb.tensor([0.0], requires_grad=True)
    >>> average = SWA([w])
    >>> for value in (1.0, 2.0, 6.0):
    ...     with pb.no_grad():
    ...         _ = w.assign([value])
    ...     average.update()
    >>> average.averages[0].item()
    3.0
    """

    def weight(self, count: Any) -> Any:
        return 1 / (count + 1)
