"""What a step of data-parallel training costs on any number of ranks: on paper, and by simulation.

A step of p ranks is their computation, the wait for the slowest, and one all-reduce of the gradients around a ring, in
2 (p - 1) messages of 1/p of the bytes each (Patarasuk & Yuan 2009; Thakur, Rabenseifner & Gropp 2005). Five numbers say
what that costs on a machine; `fit_cost` finds four of them from a few steps that were measured.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from pullback.core.errors import OptionError
from pullback.core.numbers import checked_count, checked_number


class Measured(NamedTuple):
    """One step as it was measured.

    Parameters
    ----------
    ranks, samples : int
        How many ranks there were, and how many samples of each.
    size : float
        Bytes of the gradients.
    seconds : float
        The time of the step, where each rank has a core of its own.
    """

    ranks: int
    samples: int
    size: float
    seconds: float


class Cost(NamedTuple):
    """T(p) = (a + b n) (1 + s m(p)) + 2 (p - 1) l + 2 (p - 1) / p · B β: seconds of a step of p ranks, n samples each.

    m(p) is the mean of the largest of p normal numbers (Blom 1958), by which the slowest rank is late.

    Parameters
    ----------
    fixed : float
        a: seconds of a step's computation that do not depend on the samples.
    sample : float
        b: seconds of a sample.
    latency : float
        l: seconds from the beginning of a message to its arrival, beside its bytes.
    byte : float
        β: seconds of a byte, sent and added.
    spread : float
        s: the standard deviation of a rank's computation, as a part of its mean.

    >>> cost = Cost(fixed=1e-3, sample=1e-4, latency=2e-5, byte=1e-9, spread=0.0)
    >>> round(cost.seconds(1, 64, 1e6), 6), round(cost.seconds(2, 64, 1e6), 6)
    (0.0074, 0.00844)
    >>> round(cost.speedup(2, 64, 1e6), 2), round(cost.speedup(2, 64, 1e6, weak=False), 2)
    (1.75, 1.41)
    """

    fixed: float
    sample: float
    latency: float
    byte: float
    spread: float = 0.0

    def seconds(self, ranks: int, samples: float, size: float, *, overlap: float = 0.0) -> float:
        """The time of a step on paper.

        Parameters
        ----------
        ranks : int
        samples : float
            Of each rank.
        size : float
            Bytes of the gradients.
        overlap : float
            The part of the computation, from 0 to 1, behind which the exchange could hide: what sending gradients
            while others are still computed would save at best.
        """
        ranks = checked_count("Cost", "ranks", ranks, least=1)
        compute = self.fixed + self.sample * samples
        late = NormalDist().inv_cdf((ranks - 0.375) / (ranks + 0.25)) * self.spread
        exchange = self.exchange(ranks, size)
        return compute * (1 + late) + max(exchange - overlap * compute, exchange / max(ranks, 2) if overlap else 0.0)

    def exchange(self, ranks: int, size: float) -> float:
        """The time of an all-reduce of some bytes, once all ranks are there."""
        return 2 * (ranks - 1) * (self.latency + size / ranks * self.byte)

    def speedup(self, ranks: int, samples: float, size: float, *, weak: bool = True, overlap: float = 0.0) -> float:
        """How many times as many samples a second there are as of one rank.

        `samples` are each rank's where scaling is weak, and the whole batch's, which the ranks divide, where it is
        strong.
        """
        share = samples if weak else samples / ranks
        several = self.seconds(ranks, share, size, overlap=overlap)
        return ranks * share / samples * self.seconds(1, samples, size) / several

    def best(self, samples: float, size: float, most: int = 1000) -> int:
        """The number of ranks, up to some, with which a batch of so many samples is done soonest.

        >>> Cost(1e-3, 1e-4, 2e-5, 1e-9).best(samples=256, size=1e6)
        24
        """
        ranks = range(1, min(most, max(1, int(samples))) + 1)
        return min(ranks, key=lambda p: self.seconds(p, samples / p, size))

    def simulated(
        self, ranks: int, samples: float, size: float, *, steps: int = 50, rng: int | np.random.Generator | None = None
    ) -> float:
        """The mean time of a step when each message waits for its own sender and receiver alone.

        The computation of each rank in each step is drawn from a gamma distribution with the spread of the model. A
        rank that is late delays those behind it in the ring round by round, and may have caught up in the next step.

        >>> cost = Cost(fixed=1e-3, sample=1e-4, latency=2e-5, byte=1e-9)
        >>> abs(cost.simulated(8, 64, 1e6, steps=3) / cost.seconds(8, 64, 1e6) - 1) < 1e-12
        True
        """
        ranks, steps = (checked_count("Cost", n, v, least=1) for n, v in (("ranks", ranks), ("steps", steps)))
        generator = np.random.default_rng(rng)
        compute = self.fixed + self.sample * samples
        message = self.latency + size / ranks * self.byte
        now = np.zeros(ranks)
        for _ in range(steps):
            if self.spread:
                shape = self.spread**-2
                now += generator.gamma(shape, compute / shape, ranks)
            else:
                now += compute
            for _ in range(2 * (ranks - 1)):
                now = np.maximum(now, np.roll(now, 1)) + message
        return float(now.max()) / steps


def fit_cost(measured: Iterable[Measured], spread: float = 0.0) -> Cost:
    """The numbers of `Cost`, none of them negative, whose relative errors to some steps have the least squares.

    Parameters
    ----------
    measured : iterable of Measured
        Of one rank and of several, of more than one number of samples and more than one size.
    spread : float
        How much the computation of a rank differs from step to step, as a part of its mean.

    Raises
    ------
    OptionError
        If the steps do not tell the four numbers apart.

    >>> true = Cost(1e-3, 1e-4, 2e-5, 1e-9)
    >>> steps = [Measured(p, n, s, true.seconds(p, n, s)) for p in (1, 2, 4) for n in (8, 64) for s in (1e5, 1e6)]
    >>> print(*(f"{x:.2g}" for x in fit_cost(steps)))
    0.001 0.0001 2e-05 1e-09 0
    """
    spread = checked_number("fit_cost", "spread", spread, 0)
    rows = list(measured)
    unit = [Cost(a, b, c, d, spread) for a, b, c, d in np.eye(4).tolist()]
    matrix = np.array([[one.seconds(m.ranks, m.samples, m.size) / m.seconds for one in unit] for m in rows])
    matrix = matrix.reshape(-1, len(unit))
    if not rows or np.linalg.matrix_rank(matrix / np.maximum(np.abs(matrix).max(axis=0), 1e-300)) < len(unit):
        raise OptionError(
            "fit_cost: these steps do not tell the costs apart", steps=len(rows),
            fix="one rank and several, two numbers of samples, two sizes of the gradients",
        )  # fmt: skip
    scale = np.abs(matrix).max(axis=0)
    found, _ = import_module("scipy.optimize").nnls(matrix / scale, np.ones(len(rows)))
    fixed, sample, latency, byte = (found / scale).tolist()
    return Cost(fixed, sample, latency, byte, spread)
