"""The model of what ranks cost: against a simulation, and found again from what it says."""

from __future__ import annotations

import pytest

from pullback.core.errors import OptionError
from pullback.parallel import Cost, Measured, fit_cost

COST = Cost(fixed=3e-3, sample=6e-4, latency=3e-5, byte=1.6e-9, spread=0.07)


@pytest.mark.parametrize("ranks", [1, 2, 7, 64, pytest.param(1000, marks=pytest.mark.long)])
def test_paper_and_simulation_agree(ranks):
    calm = COST._replace(spread=0.0)
    assert calm.simulated(ranks, 16, 1e6, steps=2) == pytest.approx(calm.seconds(ranks, 16, 1e6), rel=1e-12)
    assert COST.simulated(ranks, 64, 1.7e6, steps=40, rng=0) == pytest.approx(COST.seconds(ranks, 64, 1.7e6), rel=0.06)


def test_costs_are_found_again_and_none_is_negative():
    steps = [Measured(p, n, b, COST.seconds(p, n, b)) for p in (1, 2, 4) for n in (16, 64) for b in (1e6, 4e6)]
    for one, other in zip(fit_cost(steps, COST.spread), COST, strict=True):
        assert one == pytest.approx(other, rel=1e-6)
    quicker = [step._replace(seconds=step.seconds * (0.3 if step.ranks > 1 else 1)) for step in steps]
    assert min(fit_cost(quicker)) >= 0


def test_more_ranks_pay_up_to_a_number():
    best = COST.best(256, 1.7e6)
    times = [COST.seconds(p, 256 / p, 1.7e6) for p in range(1, 257)]
    assert times.index(min(times)) + 1 == best
    assert COST.speedup(1, 64, 1e6) == 1
    assert COST.speedup(64, 64, 1.7e6, overlap=0.6) > COST.speedup(64, 64, 1.7e6)


@pytest.mark.parametrize("steps", [[], [Measured(1, 8, 1e6, 0.1)] * 9, [Measured(p, 8, 1e6, 0.1) for p in (1, 2, 4)]])
def test_steps_that_do_not_tell_costs_apart_are_refused(steps):
    with pytest.raises(OptionError, match="do not tell the costs apart"):
        fit_cost(steps)
