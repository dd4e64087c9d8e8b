"""Schedules: learning rates as functions of the step.

A schedule is given in place of a number, `SGD(params, lr=Cosine(0.1, 1000))`, or set, `group["lr"] = Step(0.1, 30)`.
The optimizer counts its steps, `optimizer.steps`, from 0, and asks its schedules before each; so a compiled
step follows them, and a state that is loaded goes on where it was. Any function of the step will do.

>>> import pullback as pb
>>> from pullback.optim import SGD
>>> w = pb.tensor([1.0], requires_grad=True)
>>> optimizer = SGD([w], lr=Warmup(Cosine(0.1, 10), 2))
>>> rates = []
>>> for _ in range(4):
...     w.grad = [0.0]
...     optimizer.step()
...     rates.append(round(optimizer.lr.item(), 4))
>>> rates
[0.05, 0.0976, 0.0905, 0.0794]
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from pullback.core.errors import OptionError
from pullback.core.numbers import checked_number
from pullback.optim.group import Rate


class Schedule(ABC):
    """A learning rate for each step t = 0, 1, 2, …; of a number, an array or a tensor."""

    @abstractmethod
    def __call__(self, t: Any) -> Any:
        """The rate of step t."""

    def then(self, following: Rate, after: int) -> Schedule:
        """Follow this schedule for `after` steps, then `following`, which counts from its own first step.

        >>> schedule = Constant(0.1).then(Exponential(0.1, 0.5), after=2)
        >>> [float(schedule(t)) for t in range(5)]
        [0.1, 0.1, 0.1, 0.05, 0.025]
        """
        return Chain(self, following, after)

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                low, high = (1, math.inf) if name in _COUNTS else (0, 1 if name in _PARTS else math.inf)
                checked_number(type(self).__name__, name, value, low, high)


_COUNTS = ("steps", "every", "growth")
_PARTS = ("rise",)


def _progress(t: Any, steps: float) -> Any:
    """How much of some steps is over, from 0 to 1."""
    return np.minimum(t / steps, 1.0)


@final
@dataclass(frozen=True)
class Constant(Schedule):
    """lr."""

    lr: float

    def __call__(self, t: Any) -> Any:
        return self.lr + 0.0 * t


@final
@dataclass(frozen=True)
class Step(Schedule):
    """lr · gamma^⌊t / every⌋: less after every so many steps (PyTorch's StepLR)."""

    lr: float
    every: int
    gamma: float = 0.1

    def __call__(self, t: Any) -> Any:
        return self.lr * self.gamma ** np.floor(t / self.every)


@final
@dataclass(frozen=True)
class MultiStep(Schedule):
    """lr · gammaᵏ, with k the milestones that are reached (PyTorch's MultiStepLR).

    Raises OptionError if the milestones are not in order.

    >>> [round(float(MultiStep(1.0, (2, 3))(t)), 3) for t in range(5)]
    [1.0, 1.0, 0.1, 0.01, 0.01]
    """

    lr: float
    milestones: Sequence[int]
    gamma: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        if list(self.milestones) != sorted(self.milestones):
            raise OptionError("MultiStep: the milestones are not in order", got=self.milestones)

    def __call__(self, t: Any) -> Any:
        rate = self.lr + 0.0 * t
        for milestone in self.milestones:
            rate = np.where(t >= milestone, rate * self.gamma, rate)
        return rate


@final
@dataclass(frozen=True)
class Exponential(Schedule):
    """lr · gammaᵗ (PyTorch's ExponentialLR)."""

    lr: float
    gamma: float

    def __call__(self, t: Any) -> Any:
        return self.lr * self.gamma ** (1.0 * t)


@final
@dataclass(frozen=True)
class Cosine(Schedule):
    """end + (lr − end)·(1 + cos(π·t / steps)) / 2, then end (Loshchilov & Hutter 2017, equation 5).

    >>> [round(float(Cosine(1.0, 4)(t)), 3) for t in (0, 2, 4, 9)]
    [1.0, 0.5, 0.0, 0.0]
    """

    lr: float
    steps: int
    end: float = 0.0

    def __call__(self, t: Any) -> Any:
        return _cosine(self.lr, self.end, _progress(t, self.steps))


def _cosine(start: float, end: float, progress: Any) -> Any:
    return end + (start - end) * 0.5 * (1 + np.cos(np.pi * progress))


@final
@dataclass(frozen=True)
class CosineRestarts(Schedule):
    """`Cosine` again and again, each time `growth` times as long as before (Loshchilov & Hutter 2017).

    >>> [round(float(CosineRestarts(1.0, 2, growth=2)(t)), 3) for t in range(7)]
    [1.0, 0.5, 1.0, 0.854, 0.5, 0.146, 1.0]
    """

    lr: float
    steps: int
    growth: int = 1
    end: float = 0.0

    def __call__(self, t: Any) -> Any:
        t = 1.0 * t
        if self.growth == 1:
            return _cosine(self.lr, self.end, (t % self.steps) / self.steps)
        # Of n periods that are over, steps · (growthⁿ − 1) / (growth − 1) steps; the half is for roundings of the log.
        n = np.floor(np.log((t + 0.5) * (self.growth - 1) / self.steps + 1) / math.log(self.growth))
        length = self.steps * self.growth**n
        begun = (length - self.steps) / (self.growth - 1)
        return _cosine(self.lr, self.end, (t - begun) / length)


@final
@dataclass(frozen=True)
class Linear(Schedule):
    """A line from lr to end in some steps, then end."""

    lr: float
    steps: int
    end: float = 0.0

    def __call__(self, t: Any) -> Any:
        return self.lr + (self.end - self.lr) * _progress(t, self.steps)


@final
@dataclass(frozen=True)
class Polynomial(Schedule):
    """end + (lr − end)·(1 − t / steps)^power, then end (PyTorch's PolynomialLR, with end = 0)."""

    lr: float
    steps: int
    power: float = 1.0
    end: float = 0.0

    def __call__(self, t: Any) -> Any:
        return self.end + (self.lr - self.end) * (1 - _progress(t, self.steps)) ** self.power


@final
@dataclass(frozen=True)
class OneCycle(Schedule):
    """By cosines from lr / 25 up to lr, in a part `rise` of the steps, and down to lr / 250,000 (Smith & Topin 2019).

    `start` and `end` are what lr is divided by; PyTorch's OneCycleLR calls the part pct_start, and multiplies
    div_factor and final_div_factor.
    """

    lr: float
    steps: int
    rise: float = 0.3
    start: float = 25.0
    end: float = 2.5e5

    def __call__(self, t: Any) -> Any:
        top, last = self.rise * self.steps - 1, self.steps - 1.0
        t = np.minimum(1.0 * t, last)
        up = _cosine(self.lr / self.start, self.lr, t / top if top > 0 else 1.0 + 0.0 * t)
        down = _cosine(self.lr, self.lr / self.end, (t - top) / (last - top) if last > top else 1.0 + 0.0 * t)
        return np.where(t < top, up, down)


@final
@dataclass(frozen=True)
class Warmup(Schedule):
    """A schedule, times (t + 1) / steps in its first steps (Goyal et al. 2017)."""

    schedule: Rate
    steps: int

    def __call__(self, t: Any) -> Any:
        return _rate(self.schedule, t) * np.minimum((t + 1) / self.steps, 1.0)


@final
@dataclass(frozen=True)
class Chain(Schedule):
    """One schedule for some steps, and then another; what `then` makes."""

    first: Rate
    second: Rate
    steps: int

    def __call__(self, t: Any) -> Any:
        later = _rate(self.second, np.maximum(t - self.steps, 0))
        return np.where(t < self.steps, _rate(self.first, t), later)


def _rate(schedule: Rate, t: Any) -> Any:
    return schedule(t) if callable(schedule) else schedule + 0.0 * t
