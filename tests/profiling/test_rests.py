"""Profiles that look now and then: what is done is counted all the time, and what is seen stands for the rest."""

from __future__ import annotations

import math
import threading
from pathlib import Path

import numpy as np
import pytest

import pullback as pb
from pullback.core.errors import ShapeError
from pullback.core.primitive import Primitive
from pullback.profiling import recorder, rests
from pullback.profiling.tables import OUTSIDE
from pullback.profiling.timeline import Event
from pullback.profiling.weights import weigh

HERE = Path(__file__)


@pytest.fixture(autouse=True)
def often(monkeypatch):
    """Looks of some ten operations, and rests of about two milliseconds."""
    monkeypatch.setattr(recorder, "FIRST", 600)
    monkeypatch.setattr(recorder, "LATER", 300)
    monkeypatch.setattr(recorder, "CALLS", 20)
    monkeypatch.setattr(rests, "COST", 5e-7)


def table(profile, by="operation"):
    return {row.name: row for row in profile.table(by, roof=False)}


def busy(count):
    """Something that takes a time which does not depend on what else runs: an amount of work, not of waiting."""
    total = 0.0
    for i in range(count):
        total += math.sqrt(i)
    return total


def slow(x):
    busy(10_000)
    return x + 1.0


def quick(x):
    busy(1_000)
    return x * 2.0


slow_ = pb.Elementwise("slow", slow, 1.0)
quick_ = pb.Elementwise("quick", quick, 2.0)


def busy_loop(x):
    for _ in range(250):
        y = quick_(x)  # one
        y = slow_(y)  # ten
        y = quick_(y)
        y.sum().backward()


def test_counts_are_exact_and_times_are_where_they_belong():
    x = pb.tensor(np.ones(3), requires_grad=True)
    with pb.profile() as p:
        busy_loop(x)
    assert p.looked < 1
    assert "looked at for" in p.table("operation", roof=False).title
    rows = table(p)
    names = ("quick", "slow", "sum", "slow backward", "quick backward", "backward: the walk")
    assert [rows[name].calls for name in names] == [500, 250, 250, 250, 500, 250]
    assert math.isclose(sum(row.time for row in rows.values()), p.seconds, rel_tol=0.1)
    assert 4 < (rows["slow"].time / 250) / (rows["quick"].time / 500) < 25
    lines, text = table(p, "line"), HERE.read_text("utf-8").splitlines()
    at = [next(number for number, line in enumerate(text, 1) if line.endswith(mark)) for mark in ("# one", "# ten")]
    one, ten = (lines[f"{HERE}:{number} in {busy_loop.__name__}"] for number in at)
    assert 4 < ten.time / one.time < 25
    assert 0 < ten.backward < ten.time


def test_what_is_slow_once_does_not_stand_for_others():
    """Of three calls that were seen the first loaded a library; nine were only counted."""
    took = (3_000_000_000, 1_000, 2_000)
    events = [
        Event("operation", "erf", i * 10**10, i * 10**10 + t, 1, own=t, stratum="erf") for i, t in enumerate(took)
    ]
    weigh(events, {"erf": 9}, 10**12, 50.0, 10**9)
    assert [event.weight for event in events] == [1, 5.5, 5.5]
    assert sum(event.calls for event in events) == 12
    alone = Event("operation", "erf", 0, 3_000_000_000, 1, own=3_000_000_000, stratum="erf")
    weigh([alone], {"erf": 9}, 10**12, 50.0, 10**9)
    assert alone.calls == 10
    assert alone.weight == 1 + 1 / 3  # no longer than all that was not looked at


def test_layers_steps_and_batches_in_rests():
    model, x = pb.nn.MLP(6, 5, 3, rng=0), np.ones((4, 6), np.float32)
    optimizer = pb.optim.SGD(model.parameters(), lr=1e-3)
    loader = pb.data.DataLoader(pb.data.TensorDataset(np.ones((400, 6), np.float32)), batch_size=4)
    with pb.profile() as p:
        for (x,) in loader:
            optimizer.zero_grad()
            loss = model(x).sum()
            busy(1_000)
            loss.backward()
            optimizer.step()
    rows = table(p)
    assert p.looked < 1
    assert [rows[name].calls for name in ("matmul", "relu backward", "SGD.step", "backward: the walk")] == [
        200,
        100,
        100,
        100,
    ]
    assert rows[OUTSIDE].time > 0
    layers = table(p, "layer")
    assert {"layers.0: Linear", "layers.1: ReLU", "layers.2: Linear", "MLP"} <= set(layers)
    assert layers["layers.2: Linear"].backward > 0


def until_it_looks_or_rests(p, resting, before):
    with p:
        while p._recorder.looking:
            pb.tanh(np.ones(2))
        assert "_plans" in vars(Primitive)
        assert vars(Primitive)["__call__"] is before["__call__"]
        while not resting and not p._recorder.looking:
            pb.tanh(np.ones(2))
        _ = 1 / 0


def test_nothing_stays_behind_in_looks_and_rests():
    before = dict(vars(Primitive)), vars(pb.nn.Module)["__call__"]
    threads = threading.active_count()
    for resting in (True, False):
        p = pb.profile()
        with pytest.raises(ZeroDivisionError):
            until_it_looks_or_rests(p, resting, before[0])
        assert dict(vars(Primitive)) == before[0]
        assert vars(pb.nn.Module)["__call__"] is before[1]
        assert threading.active_count() == threads
    assert float(pb.tanh(0.0)) == 0.0


def test_operations_of_threads_and_new_ones_are_counted_in_rests():
    def work():
        made = pb.Elementwise("made", lambda x: x + 1.0, 1.0)
        for _ in range(200):
            busy(200)
            made(np.ones(2))

    with pb.profile() as p:
        others = [threading.Thread(target=work) for _ in range(2)]
        for other in others:
            other.start()
        for other in others:
            other.join()
    assert p.looked < 1
    assert table(p)["made"].calls == 400


def test_what_raises_and_what_yields():
    def generated():
        for _ in range(150):
            yield pb.exp(np.ones(2))
            busy(300)

    with pb.profile() as p:
        for _ in generated():
            with pytest.raises(ShapeError):
                pb.add(np.ones(2), np.ones(3))
    assert table(p)["exp"].calls == 150


def test_calls_of_programs_are_counted():
    pytest.importorskip("llvmlite", reason="native code is compiled through llvmlite")

    @pb.compile
    def f(x):
        return pb.tanh(x) * 2.0

    x = pb.tensor(np.ones(50))
    f.prepare(x)
    expected = f(x).numpy()
    with pb.profile() as p:
        for _ in range(100):
            busy(500)
            found = f(x)
    assert np.array_equal(found.numpy(), expected)
    assert p.looked < 1
    assert [row.calls for row in p.table("kernel", roof=False)] == [100]
    assert table(p)["f: its call"].calls == 100
