"""Ranks that do not do the same: each is told what differs, and on which ranks; nothing is added up, nothing hangs."""

from __future__ import annotations

import numpy as np
import pytest
from tests.parallel.threads import together

import pullback as pb
from pullback.parallel.collectives import _OPS
from pullback.training import DataParallel, Trainer

X = np.linspace(-1, 1, 24, dtype=np.float32)[:, None]


def learning(world, *, seed=5, step=0, steps=4, units=3, samples=24, batch_size=8, accumulate=1):
    """Begin data-parallel training as one of the ranks."""
    model = pb.nn.Sequential(pb.nn.Linear(1, units, rng=0), pb.nn.Linear(units, 1, rng=0))
    parallel = DataParallel(timeout=20)
    parallel._world = world
    optimizer = pb.optim.SGD(model.parameters(), lr=0.1)
    trainer = Trainer(model, pb.nn.MSELoss(), optimizer, parallel=parallel, compile=False, accumulate=accumulate)
    trainer.step = step
    loader = pb.data.DataLoader((X[:samples], X[:samples]), batch_size=batch_size, shuffle=True, rng=seed)
    trainer.fit(loader, steps=steps)


@pytest.mark.parametrize(
    ("settings", "differs", "said"),
    [
        ({"seed": 6}, "seed of the data", "seed of the data: 6"),
        ({"step": 2}, "step", "step: 2"),
        ({"steps": 5}, "last step", "last step: 5"),
        ({"samples": 16}, "batches", "batches: 2"),
        ({"accumulate": 3}, "accumulate", "accumulate: 3"),
        ({"units": 4}, "0.weight, 0.bias, 1.weight", "0.bias: <f4 (4,)"),
    ],
)
def test_a_run_that_begins_otherwise_is_named(settings, differs, said):
    told = together(lambda rank, world: learning(world, **(settings if rank else {})))
    for error in told:
        assert "the ranks do not do the same" in str(error)
        assert error.facts["differs"] == differs
        assert said in error.facts["rank 1"]
        assert said not in error.facts["rank 0"]


def combined(world, *, value, op="sum", what="all_reduce"):
    world.combined([np.asarray(value)], _OPS[op], op == "mean", what, (("op", op),), 20)


@pytest.mark.parametrize(
    ("calls", "differs"),
    [
        (({"value": np.zeros(3)}, {"value": np.zeros(4)}), "value 0"),
        (({"value": np.zeros(3)}, {"value": np.zeros(3, np.float32)}), "value 0"),
        (({"value": np.zeros(99)}, {"value": np.zeros(98)}), "value 0"),  # too large to go with the agreement
        (({"value": 1.0, "op": "sum"}, {"value": 1.0, "op": "max"}), "op"),
        (({"value": 1.0}, {"value": 1.0, "what": "broadcast"}), "call"),
    ],
)
def test_values_that_differ_are_named_before_anything_is_added(calls, differs):
    told = together(lambda rank, world: combined(world, **calls[min(rank, 1)]), size=3)
    assert [error.facts["differs"] for error in told] == [differs] * 3
    assert {error.facts["ranks"] for error in told} == {"1, 2 differ from rank 0"}


@pytest.mark.parametrize(("ranks_differ", "differs"), [("step", "step"), ("samples", "samples")])
def test_a_step_that_is_another_is_named(ranks_differ, differs):
    def agree(rank, world):
        parallel = DataParallel(timeout=20)
        parallel._world = world
        parallel.agree(7 + rank * (ranks_differ == "step"), [(np.zeros((8 + rank * (ranks_differ == "samples"), 2)),)])

    told = together(agree)
    assert [error.facts["differs"] for error in told] == [differs] * 2


def test_weights_that_have_drifted_apart_are_named():
    def check(rank, world):
        parallel = DataParallel(timeout=20)
        parallel._world = world
        model = pb.nn.Linear(2, 2, rng=0)
        with pb.no_grad():
            model.bias.assign(np.full(2, rank))
        parallel.check(Trainer(model, pb.nn.MSELoss(), pb.optim.SGD(model.parameters(), lr=0.1)))

    told = together(check)
    assert [error.facts["differs"] for error in told] == ["bias"] * 2


def test_a_rank_that_does_not_come_is_an_error_in_time_and_nothing_more_is_exchanged():
    told = []

    def alone(rank, world):
        for _ in range(2 * (rank == 0)):
            with pytest.raises(pb.ParallelError) as found:
                world.agree("barrier", {}, 0.01)
            told.append(found.value)

    assert together(alone) == [None, None]
    late, after = told
    assert "not all ranks came in time" in str(late)
    assert late.facts["rank"] == "0 of 2"
    assert "no longer stand at the same place" in str(after)
    assert after.facts["left"] == late.what
