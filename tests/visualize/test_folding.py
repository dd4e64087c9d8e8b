"""Folding: calls of modules, turns of loops, and views that join what belongs together."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import pullback as pb
from pullback.core.modes import ModeContext
from pullback.visualize.folding import Group, folded, groups_of, size_of
from pullback.visualize.tape import Tape
from pullback.visualize.views import Views


def values_of(work):
    tape = Tape()
    with ModeContext(observer=tape):
        work()
    return tape.values


def outline(group):
    """A group as nested lists: an operation is its name."""
    return [group.kind, group.label, *(outline(p) if isinstance(p, Group) else p for p in group.parts)]


def kinds(root):
    return [(g.kind, g.label, size_of(g)) for g in groups_of(root)]


def test_a_small_graph_is_shown_whole():
    x = pb.tensor(1.0, requires_grad=True)
    assert kinds(folded(values_of(lambda: np.sin(x) * x))) == [("graph", "graph", 2)]


def test_a_python_loop_is_found():
    x = pb.tensor(1.0, requires_grad=True)

    def work():
        h = x * 2.0
        for _ in range(20):
            h = np.sin(h) * x + 0.5
        return h - 1.0

    found = kinds(folded(values_of(work)))
    assert found[:3] == [("graph", "graph", 62), ("loop", "loop × 20", 60), ("turn", "1", 3)]
    assert len(found) == 22


def test_loops_in_loops():
    x = pb.tensor(1.0, requires_grad=True)

    def work():
        h = x
        for _ in range(4):
            for _ in range(5):
                h = np.sin(h) * x
            h = np.exp(-h)
        return h

    root = folded(values_of(work))
    names = [(g.kind, g.label) for g in groups_of(root)]
    assert names[1] == ("loop", "loop × 4")
    assert names.count(("loop", "loop × 5")) == 4


class Block(pb.nn.Module):
    def __init__(self):
        self.a, self.b = pb.nn.Linear(3, 3, rng=0), pb.nn.Linear(3, 3, rng=1)

    def forward(self, x):
        return x + self.b(np.tanh(self.a(x)))


def test_equal_modules_fold_by_their_class():
    net = pb.nn.Sequential(pb.nn.Linear(2, 3, rng=0), *[Block() for _ in range(8)])
    root = folded(values_of(lambda: net(np.ones((4, 2), np.float32)).sum()))
    assert outline(root)[0] == "graph"
    labels = [(g.kind, g.label) for g in groups_of(root)]
    assert labels[1] == ("loop", "Block × 8")
    assert labels[2:4] == [("module", "1: Block"), ("module", "2: Block")]


def test_one_module_that_is_called_again_and_again():
    cell = Block()

    def work():
        x = pb.tensor(np.ones((2, 3), np.float32))
        for _ in range(10):
            x = cell(x)

    labels = [(g.kind, g.label) for g in groups_of(folded(values_of(work)))]
    assert labels[1] == ("loop", "Block × 10")
    assert labels.count(("module", "Block")) == 10


def test_a_graph_that_nobody_looked_on_folds_by_the_names_of_its_parameters():
    net = pb.nn.Sequential(*[Block() for _ in range(12)])
    player = pb.graph(net(np.ones((2, 3), np.float32)).sum()).play()
    assert '"module"' in str(player) or '"loop"' in str(player)


operations = st.lists(st.sampled_from([np.sin, np.exp, np.tanh, np.negative]), min_size=1, max_size=6)


@settings(max_examples=20)
@given(st.lists(st.tuples(operations, st.integers(1, 12)), min_size=1, max_size=4))
def test_each_operation_is_in_one_group_and_each_edge_in_a_view(programs):
    x = pb.tensor(0.1, requires_grad=True)

    def work():
        h = x * 1.0
        for body, turns in programs:
            for _ in range(turns):
                for op in body:
                    h = op(h) * 0.5 + x

    with np.errstate(all="ignore"):
        values = values_of(work)
    root = folded(values)
    inside = [part for group in groups_of(root) for part in group.parts if isinstance(part, int)]
    assert sorted(inside) == [i for i, v in enumerate(values) if v.kind == "operation"]
    views = Views(values, ["v"] * len(values), root)
    drawn = list(views.all())
    own = [item for view in drawn[: len(views.groups)] for item, *_ in view.boxes if item[0] == "v"]
    assert sorted(index for _, index in own) == list(range(len(values)))
    for view in drawn:
        at = {item for item, *_ in view.boxes}
        assert len(at) == len(view.boxes)
        assert all(view.boxes[line.tail][1][1] < view.boxes[line.head][1][1] for line in view.lines)


def test_what_has_no_pattern_is_cut_into_stretches():
    x, rng = pb.tensor(1.0, requires_grad=True), np.random.default_rng(0)
    functions = [np.sin, np.cos, np.tanh, np.arctan, np.negative]

    def work():
        h = x
        for number in rng.integers(0, 5, 900):
            h = functions[number](h)
        return h

    values = values_of(work)
    root = folded(values)
    assert root.parts[0].label.startswith("operations 1 – ")
    assert size_of(root) == 900
    assert max(len(group.parts) for group in groups_of(root)) <= 240
    labels = [value.primitive.name if value.primitive else "x" for value in values]
    assert all(len(view.boxes) < 300 for view in Views(values, labels, root).all() if view.group >= 0)
