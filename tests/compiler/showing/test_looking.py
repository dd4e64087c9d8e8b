"""Looking at what was compiled: stages, graphs, pictures, reports, IR and assembly."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

pytest.importorskip("llvmlite", reason="native code is made through llvmlite")

import pullback as pb
from pullback.compiler.passes import stages as passes
from pullback.compiler.passes.simplify import simplify
from pullback.compiler.showing.report import peak


def compiled(f, *args):
    step = pb.compile(f)
    for _ in range(3):
        step(*args)
    return step


def power(x):
    return pb.sin(x) ** pb.sin(x)


def test_stages_show_one_sine():
    step = compiled(power, np.ones(3))
    assert [*step.stages] == ["record", "deduplicate"]
    assert str(step.stages["record"]).count("sin") == 2
    assert str(step.stages["deduplicate"]).count("sin") == 1
    assert "power(%0, %0)" in str(step.stages["deduplicate"])


def test_a_pass_that_changes_something_twice_is_shown_twice(monkeypatch):
    def one_less(program):
        """Leave out one equation that nothing uses."""
        used = {operand for e in program.equations for operand in e.operands} | {*program.outputs}
        last = [e for e in program.equations if e.output not in used][-1:]
        return dataclasses.replace(program, equations=tuple(e for e in program.equations if e not in last))

    monkeypatch.setenv("PULLBACK_CACHE", "0")  # whose entries do not know of these passes
    monkeypatch.setattr(passes, "PASSES", {"prune": one_less, "simplify": simplify})
    step = compiled(lambda x: (pb.exp(x), pb.sin(pb.cos(x)), x * 1 + 1)[2], np.ones(3))
    lengths = {name: len(program.equations) for name, program in step.stages.items()}
    assert [*lengths.items()] == [("record", 5), ("prune", 4), ("simplify", 3), ("prune 2", 2)]
    assert len(step.graph().nodes) == len(step.graph("prune 2").nodes)


def test_a_guard_is_listed_once():
    class Outer:
        scale = 1.0

    one, other = Outer(), Outer()
    values = [one, other]

    def f(x):
        return x * values[0].scale * values[1].scale + scaled(x)

    def scaled(x):
        return x * values[0].scale

    (line,) = [line for line in compiled(f, np.ones(3)).explain().splitlines() if "as long as these" in line]
    guards = line.partition(": ")[2].split(", ")
    assert len(guards) == len(set(guards))
    assert "values" in guards


def test_a_picture_of_each_stage(tmp_path):
    step = compiled(power, np.ones(3))
    first, last = step.draw(tmp_path / "first.svg", "record"), step.draw()
    assert str(first).count(">sin<") == 2
    assert str(last).count(">sin<") == 1
    assert (tmp_path / "first.svg").read_text(encoding="utf-8") == str(first)
    with pytest.raises(pb.OptionError, match="there is no such stage"):
        step.graph("nonsense")


def test_a_picture_of_a_loop_shows_its_body():
    def f(x, xs):
        for t in range(30):
            x = np.tanh(x * xs[t]) + 0.5
        return x

    step = compiled(f, np.ones(3), np.ones((30, 3)))
    graph = step.graph()
    labels = [vertex.label for vertex in graph.nodes]
    assert labels == ["argument 0", "argument 1", "carried", "read", "multiply", "tanh", "0.5", "add", "loop", "pick"]
    assert len({vertex.id for vertex in graph.nodes}) == len(labels)
    assert {vertex.params["at"] for vertex in graph.nodes if vertex.label == "read"} == {"axis 0 from 0 by 1"}
    assert str(step.draw()).count(">tanh<") == 1


def test_a_pass_that_is_off_is_off_in_bodies_too(monkeypatch):
    monkeypatch.setenv("PULLBACK_PASSES", "roll")

    def f(x):
        for _ in range(30):
            x = np.tanh(x * 2) + 0.5
        return x

    step = compiled(f, np.ones(3))
    monkeypatch.delenv("PULLBACK_PASSES")
    assert [line.split()[0] for line in step.explain().splitlines()].count("loops") == 3
    assert [*step.stages] == ["record", "roll"]  # as it was compiled, whatever is asked for now


def test_nothing_to_look_at_yet():
    step = pb.compile(power)
    for look in (step.draw, step.llvm, step.asm):
        with pytest.raises(pb.GraphError, match="itself with like arguments"):
            look()


def test_ir_and_assembly():
    step = compiled(power, np.ones(30, np.float32))
    assert "define" in step.llvm()
    assert "<16 x float>" in step.llvm()
    assert "ret" in step.asm()


def test_the_report_names_kernels_reasons_and_memory():
    def f(x, w):
        return pb.tanh(x @ w).sum(axis=1), pb.log(x * 1j)

    text = compiled(f, np.ones((8, 4)), np.ones((4, 5))).explain()
    assert "product 8×4 · 4×5 float64" in text
    assert "then tanh" in text
    assert "NumPy   log: it has no loops for complex128" in text
    assert "memory: an arena of 832 B" in text


def test_the_peak_is_what_is_held_at_once():
    step = compiled(lambda x: (x * 2 + 1).sum(), np.ones(1000))
    assert peak(step.stages["record"]) == 2 * 8000


def test_showing_what_is_asked_for(monkeypatch, capsys):
    monkeypatch.setenv("PULLBACK_SHOW", "program, kernels,plan,llvm")
    compiled(power, np.ones(3))
    shown = capsys.readouterr().err
    for title in ("--- record", "--- deduplicate", "--- kernels", "--- plan", "--- llvm"):
        assert title in shown
    monkeypatch.setenv("PULLBACK_SHOW", "everything")
    with pytest.raises(pb.OptionError, match="nothing of that name"):
        compiled(power, np.ones(3))


def test_a_pass_that_is_not_there(monkeypatch):
    monkeypatch.setenv("PULLBACK_PASSES", "inline")
    with pytest.raises(pb.OptionError, match="no such pass"):
        compiled(power, np.ones(3))
