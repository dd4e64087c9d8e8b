"""Profiles: what was timed, where it belongs, and that nothing stays behind."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import threading
import weakref
from pathlib import Path

import numpy as np
import pytest

import pullback as pb
from pullback.compiler import Compiled
from pullback.core.errors import GraphError, OptionError
from pullback.core.primitive import Primitive
from pullback.nn import Module
from pullback.profiling.machine import LEVELS, Machine, measured
from pullback.profiling.tables import OUTSIDE
from pullback.profiling.timeline import BEFORE

HERE = __file__


@pytest.fixture(autouse=True)
def limits(monkeypatch):
    """A machine of which one knows what it can: nothing is measured."""
    known = Machine({4: 2e9, 8: 1e9}, [(size, 1e9) for size in LEVELS])
    monkeypatch.setattr("pullback.profiling.profiles.machine", lambda: known)
    return known


def line_of(text):
    """The line of this file in which a text stands first."""
    with Path(HERE).open(encoding="utf-8") as file:
        return next(number for number, line in enumerate(file, 1) if text in line)


def by_line(profile):
    return {int(row.name.partition(" in ")[0].rpartition(":")[2]): row for row in profile.table("line", roof=False)}


def test_operations_steps_of_walks_and_layers_are_counted():
    model, x = pb.nn.MLP(6, 5, 3, rng=0), np.ones((4, 6), np.float32)
    with pb.profile() as p:
        for _ in range(3):
            loss = model(x).sum()  # here is the forward pass
            loss.backward()
    rows = {row.name: row for row in p.table("operation")}
    assert {name: rows[name].calls for name in ("matmul", "matmul backward", "relu", "sum", "backward: the walk")} == {
        "matmul": 6, "matmul backward": 6, "relu": 3, "sum": 3, "backward: the walk": 3,
    }  # fmt: skip
    assert rows["matmul"].flops == 3 * 2 * 4 * (6 * 5 + 5 * 3)
    assert math.isclose(sum(row.time for row in rows.values()), p.seconds, rel_tol=1e-6), "the times add up"
    assert OUTSIDE in rows
    layers = {row.name: row for row in p.table("layer")}
    assert {"layers.0: Linear", "layers.1: ReLU", "layers.2: Linear"} <= set(layers)
    assert 0 < layers["layers.2: Linear"].backward < layers["layers.2: Linear"].time


def test_a_step_of_a_walk_belongs_to_the_line_of_its_operation():
    x = pb.tensor(np.ones(3), requires_grad=True)
    with pb.profile() as p:
        y = pb.exp(x)  # the line of exp
        z = (y * y).sum()
        z.backward()
    row = by_line(p)[line_of("# the line of exp")]
    assert row.calls == 2
    assert 0 < row.backward < row.time
    assert by_line(p).keys() == {line_of("# the line of exp"), line_of("# the line of exp") + 1}
    assert "y = pb.exp(x)" in str(p.table("line"))


def test_nodes_from_before_are_told_so():
    z = pb.exp(pb.tensor(1.0, requires_grad=True))
    with pb.profile() as p:
        z.backward()
    assert [row.name for row in p.table("line", roof=False)] == [BEFORE]


def test_the_users_own_layers_have_their_own_lines():
    class Own(Module):
        def forward(self, x):
            return pb.tanh(x)  # a line of a layer

    own = pb.nn.Sequential(Own())
    with pb.profile() as p:
        own(np.ones(2))
    assert [*by_line(p)] == [line_of("# a line of a layer")]


def test_nothing_stays_behind():
    def all_of(kind):
        yield kind
        for part in kind.__subclasses__():
            yield from all_of(part)

    owners = [*all_of(Primitive), *all_of(Module), *all_of(pb.optim.Optimizer), Compiled, pb.Tensor]
    before = [dict(vars(owner)) for owner in owners]
    p = pb.profile()

    def fails():
        with p:
            assert vars(Primitive)["__call__"] is not before[0]["__call__"]
            return pb.exp(1.0), 1 / 0

    with pytest.raises(ZeroDivisionError):
        fails()
    after = [dict(vars(owner)) for owner in owners]
    for old, new in zip(before, after, strict=True):
        assert {name: new[name] for name in old} == old
    assert "exp" in str(p), "what was timed before the error is there"
    code = "import pullback, sys; print('pullback.profiling' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_a_profile_keeps_no_graph_alive():
    x = pb.tensor(np.ones(5_000), requires_grad=True)
    with pb.profile() as p:
        y = pb.exp(x)
        seen = weakref.ref(y.array)
        y.sum().backward(retain_graph=True)
        del y
        assert seen() is None
    assert [event.name for event in p.events] == ["exp", "sum", "backward: the walk", "sum backward", "exp backward"]


def test_one_profile_at_a_time():
    with pb.profile() as p, pytest.raises(GraphError, match="a profile is running"), pb.profile():
        pass
    with pytest.raises(GraphError, match="it has ended"), p:
        pass
    q = pb.profile()
    assert "not ended" in repr(q)
    with pytest.raises(GraphError, match="not ended yet"):
        _ = q.seconds


def test_threads_have_their_own_events_and_names(tmp_path):
    start = threading.Thread.start
    with pb.profile() as p:
        others = [threading.Thread(target=lambda: pb.exp(np.ones(5)), name=f"loader {i}") for i in range(2)]
        for other in others:
            other.start()
        for other in others:
            other.join()
        pb.exp(np.ones(5))
    assert sum(event.name == "exp" for event in p.events) == 3
    assert all(event.own == event.end - event.begin for event in p.events), "nothing lies within those of others"
    trace = json.loads(p.save(tmp_path / "trace.json").read_text(encoding="utf-8"))["traceEvents"]
    named = {event["args"]["name"] for event in trace if event["ph"] == "M"}
    assert named <= {"loader 0", "loader 1", threading.current_thread().name}
    assert threading.current_thread().name in named  # numbers of threads that have ended are given again
    assert threading.Thread.start is start


def test_memory_of_results_comes_and_goes():
    x = pb.tensor(np.ones(10_000))
    with pb.profile() as p:
        y = pb.exp(x)
        z = y[1:] + 1.0
        del y, z
    assert p.peak_memory == 80_000 + 79_992
    assert p.memory[-1][1] == 0
    with pb.profile(memory=False) as q:
        pb.exp(x)
    assert q.memory == []
    assert q.peak_memory == 0


def test_the_roof_is_what_the_slower_of_two_takes(limits):
    x = pb.tensor(np.ones((8, 8)))
    with pb.profile() as p:
        _ = x @ x
    (event,) = p.events
    assert (event.work.flops, event.work.bytes) == (1024, 3 * 512)
    row = p.table("operation")["matmul"]
    assert row.roof == max(1024 / 1e9, 1536 / 1e9) == limits.least(1024, 1536, 8)
    assert limits.least(1024, 0, 4) == 1024 / 2e9


@pytest.mark.parametrize(
    ("call", "flops"),
    [
        (lambda a: pb.einsum("ij,kj->ik", a, a), 2 * 6 * 4 * 6),
        (lambda a: pb.nn.conv2d(np.ones((2, 3, 5, 5)), np.ones((4, 3, 2, 2))), 2 * (2 * 4 * 16) * (3 * 4)),
        (lambda a: pb.add(a, a), 24),
        (lambda a: pb.max(a, axis=0), 24),
        (lambda a: pb.reshape(a, -1), 0),
    ],
)
def test_the_work_of_operations(call, flops):
    with pb.profile() as p:
        call(np.ones((6, 4)))
    assert sum(event.work.flops for event in p.events) == flops


def test_traces_and_pages(tmp_path):
    x = pb.tensor(np.ones(5_000), requires_grad=True)
    with pb.profile() as p:
        pb.exp(x).sum().backward()
    trace = json.loads(p.save(tmp_path / "trace.json").read_text(encoding="utf-8"))["traceEvents"]
    spans = {event["name"]: event for event in trace if event["ph"] == "X"}
    walk, step = spans["backward: the walk"], spans["exp backward"]
    assert walk["ts"] <= step["ts"]
    assert step["ts"] + step["dur"] <= walk["ts"] + walk["dur"] + 1e-3
    assert spans["exp"]["args"]["lines"][0].startswith(HERE)
    assert next(event["args"]["bytes"] for event in trace if event["ph"] == "C") == 40_000
    page = p.save(tmp_path / "profile.html").read_text(encoding="utf-8")
    assert "default-src 'none'" in page
    assert "exp backward" in page
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "").replace("http-equiv", "")
    with pytest.raises(OptionError, match="what kind of file"):
        p.save(tmp_path / "profile.txt")
    with pytest.raises(OptionError, match="no such table"):
        p.table("colour")


def test_tables_print_and_show_themselves(capsys, monkeypatch):
    with pb.profile() as p:
        pb.exp(np.ones(3))
    table = p.table("operation")
    table.show()
    assert capsys.readouterr().out == f"{table}\n"
    assert table._repr_html_().startswith("<div")
    assert "<table" in p._repr_html_()
    assert repr(p).startswith("<Profile: 1 events")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "200")
    p.show()
    assert "Operations" in capsys.readouterr().out


def test_a_machine_is_measured():
    found = measured(2, side=8, levels=(1 << 10, 1 << 12))
    assert set(found.flops) == {4, 8}
    assert all(speed > 0 for speed in found.flops.values())
    assert found.bandwidth(1) >= found.bandwidth(1 << 30) > 0
