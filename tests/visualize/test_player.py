"""Players: what they record, what their pages hold, and what cannot be played."""

from __future__ import annotations

import json
import pickle
import re

import numpy as np
import pytest

import pullback as pb
from pullback.core.modes import ModeContext
from pullback.visualize.document import KERNELS
from pullback.visualize.pages import PAGE
from pullback.visualize.tape import Tape


def leaf(value, name=None):
    return pb.tensor(value, requires_grad=True, name=name)


def data_of(player):
    """What the page is given, and its arrays by number."""
    text = re.search(r'<script type="application/json" id="data">(.*?)</script>', str(player), re.DOTALL)[1]
    return json.loads(text)


def taped(work):
    tape = Tape()
    with ModeContext(observer=tape):
        work()
    return tape.finish()


def seeds():
    """The seeds' function of three variables."""
    x, y, z = leaf(0.5, "x"), leaf(4.0, "y"), leaf(-2.3, "z")
    return np.sin(x ** (y + z)) - 3 * np.log(x**2 * y**3), (x, y, z)


def test_a_tape_holds_the_numbers_of_the_library():
    f, variables = seeds()
    g = pb.graph(f)
    f.backward(retain_graph=True)
    found = {}

    def work():
        again, others = seeds()
        again.backward()
        found.update({t.name: t.grad.item() for t in others})

    tape = taped(work)
    assert [v.array for v in tape.values][-1] == f.item() == pytest.approx(-8.014816644264268, rel=1e-15)
    totals = {}
    for event in tape.events:
        if event.kind == "pull":
            tail = tape.values[event.value].operands[event.operand]
            totals[tail] = totals.get(tail, 0.0) + event.number
    gradients = {tape.values[i].name: total for i, total in totals.items() if tape.values[i].kind == "variable"}
    assert gradients == found == {t.name: t.grad.item() for t in variables}
    assert len(data_of(g.play())["graphs"][0]["values"]) == len(g.nodes)


def test_pages_are_small():
    f, _ = seeds()
    assert len(str(pb.graph(f).play())) < 130_000
    w = leaf(np.random.default_rng(0).normal(size=(40, 40)), "w")

    def hundred():
        h = w
        for _ in range(49):
            h = np.tanh(h @ w)
        h.sum().backward()

    player = pb.record_player(hundred)
    assert player.said.startswith("hundred: 100 values")
    assert len(str(player)) < 300_000

    def thousands():
        h = w[0, 0]
        for _ in range(400):
            h = np.sin(h * w[0, 1]) * 1.1 + h * 0.1
        h.backward()

    player = pb.record_player(thousands)
    assert len(data_of(player)["graphs"][0]["values"]) > 2_000
    assert len(str(player)) < 3_000_000


def test_names_are_escaped():
    name = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\u2028\ud800"
    x = leaf(2.0, name)
    page = str(pb.graph(x * x).play(title=name))
    assert page.count("<script>") == 1
    assert "<img" not in page
    page.encode()  # no lone surrogate is left
    assert data_of(pb.graph(x * x).play())["graphs"][0]["values"][0]["id"].startswith("</script><script>alert(1)")


def test_a_player_shows_itself():
    player = pb.record_player(lambda: (leaf(2.0) ** 2).backward())
    assert repr(player) == "<Player of <lambda>: 3 values, 3 steps; save('page.html') writes it>"
    html = player._repr_html_()
    assert html.startswith('<iframe title="&lt;lambda&gt;')
    assert "<!doctype" not in html
    assert "&lt;!doctype html&gt;" in html


def test_saving(tmp_path):
    f, _ = seeds()
    path = tmp_path / "page.html"
    player = pb.graph(f).play(path)
    assert path.read_text(encoding="utf-8") == str(player)
    assert [p.name for p in tmp_path.iterdir()] == ["page.html"]
    with pytest.raises(pb.OptionError, match=r"end the name in \.html"):
        player.save(tmp_path / "page.svg")
    with pytest.raises(FileNotFoundError, match="nowhere"):
        player.save(tmp_path / "nowhere" / "page.html")


def test_updates_and_their_rates():
    w = leaf(1.0, "w")
    b = leaf([1.0, 2.0], "b")
    optimizer = pb.optim.SGD([w, b], lr=0.25)

    def step():
        loss = (w * 2.0 - 6.0) ** 2 + (b * b).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    data = data_of(pb.record_player(step, times=2))
    assert len(data["graphs"]) == 1  # both runs do the same
    updates = [[e for e in frame["events"] if e[0] == "update"] for frame in data["frames"]]
    assert [[e[4] for e in run] for run in updates] == [[0.25, 0.25], [0.25, 0.25]]
    adam = pb.optim.Adam([w], lr=0.1)

    def other():
        loss = (w - 3.0) ** 2 + w
        adam.zero_grad()
        loss.backward()
        adam.step()

    momentum = [e for e in data_of(pb.record_player(other, times=3))["frames"][2]["events"] if e[0] == "update"]
    assert len(momentum) == 1


def test_what_does_not_matter_is_left_out():
    x = leaf(2.0)

    def step():
        loss = x * x
        (loss * 100.0 + 1.0).detach()  # a metric
        loss.backward()

    assert pb.record_player(step).said.startswith("step: 2 values")


def test_several_walks_and_a_recorded_one():
    x = leaf(2.0, "x")
    tape = taped(lambda: pb.gradients(x**3, create_graph=True)[x].backward())
    assert [e.kind for e in tape.events].count("walk") == 2
    assert x.grad.item() == 12.0
    assert pb.record_player(lambda: pb.grad(pb.grad(np.sin))(1.0)).said


def test_forward_mode():
    f, _ = seeds()
    events = data_of(pb.graph(f).play(mode="forward"))["frames"][0]["events"]
    assert {e[0] for e in events} == {"made", "walk", "start", "push"}
    with pytest.raises(pb.OptionError, match='"reverse" or "forward"'):
        pb.graph(f).play(mode="sideways")


def test_large_arrays_are_shown_and_not_computed():
    w = leaf(np.ones((200, 200)), "w")
    data = data_of(pb.record_player(lambda: (w * w).sum().backward()))
    assert data["obstacle"] == "w has 40,000 elements; here the page computes with up to 4,096"
    seen = next(entry for entry in data["arrays"] if len(entry) > 3)
    assert seen[2:6] == [[200, 200], [24, 24], 1.0, 1.0]


def test_operations_of_ones_own_are_shown_and_not_computed():
    cube = pb.core.kinds.Elementwise("sin", lambda x: x**3, lambda x: 3 * x**2)  # another one of that name
    data = data_of(pb.record_player(lambda: cube(leaf(2.0)).backward()))
    assert data["obstacle"] == "sin is an operation that the page does not know"
    assert data["operations"][0]["kernel"] is None


def test_the_script_has_a_kernel_for_each_operation():
    text = (PAGE / "kernels.js").read_text(encoding="utf-8").partition("const K = {")[2]
    known = {
        *re.findall(r"(?:^ {2}|[,{] )(\w+): ", text, re.MULTILINE),
        *re.findall(r"^ {2}((?:\w+, )+\w+),$", text, re.MULTILINE)[0].split(", "),
    }
    assert set(KERNELS.values()) - known == set()


@pytest.mark.parametrize(
    ("work", "why"),
    [
        (lambda x: x * (1 + 2j), "an array of a rule is complex; the page computes with real numbers"),
        (lambda x: x * 10**30, "a constant is no number of which the page can hold all digits"),
        (lambda x: x * np.array([2**62, 1]), "a constant is no number of which the page can hold all digits"),
        (lambda x: pb.unstack(pb.stack([x, x]))[0], "unstack is an operation that the page does not know"),
        (lambda x: np.max(x * np.ones(2), initial=-np.inf), None),
        (lambda x: x * np.zeros((0, 3)), None),
        (lambda x: pb.nn.Dropout(0.5, rng=0)(x * np.ones(4)), None),  # its draws stay as they were
    ],
)
@pytest.mark.parametrize("mode", ["reverse", "forward"])
def test_what_a_page_cannot_hold_is_shown_and_not_computed(work, why, mode):
    x = leaf(2.0, "x")
    data = data_of(pb.graph(work(x)).play(mode=mode))
    assert data["obstacle"] == why


def test_complex_numbers_are_shown_by_their_sizes():
    z = leaf(3 - 4j, "z")
    data = data_of(pb.graph(z * np.array([1j, 2.0])).play())
    found = [entry for entry in data["arrays"] if len(entry) > 9]
    assert [(entry[9], entry[4], entry[5]) for entry in found[:2]] == [("3 − 4i", 5.0, 5.0), ("|z| 1 … 2", 1.0, 2.0)]


def test_the_largest_numbers_of_large_arrays():
    big = leaf(np.full((80, 80), 1.7e308), "x")
    data = data_of(pb.graph(big * 0.5 - big * -0.5).play())  # JSON has no infinity
    assert all(np.isfinite(entry[4:7]).all() for entry in data["arrays"] if len(entry) > 3)


@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_many_derivatives_at_once(mode):
    tape = taped(lambda: pb.jacobian(lambda x: x**3, mode=mode)(np.arange(1.0, 4.0)))
    assert tape.many
    kind = {"forward": "push", "reverse": "pull"}[mode]
    np.testing.assert_array_equal(next(e.number for e in tape.events if e.kind == kind), np.diag([3.0, 12.0, 27.0]))
    data = data_of(pb.record_player(lambda: pb.hessian(lambda x: (x**3).sum())(np.ones(3))))
    assert data["obstacle"] == "the walk carries many derivatives at once"


def test_forward_mode_has_the_local_derivatives():
    f, _ = seeds()
    for event in data_of(pb.graph(f).play(mode="forward"))["frames"][0]["events"]:
        if event[0] == "push":
            assert event[4].keys() == event[5].keys() != set()


@pytest.mark.parametrize("value", [pb.tensor(2.0), pb.tensor(2.0) * 3.0])
def test_without_a_graph(value):
    with pytest.raises(pb.GraphError, match="nothing was recorded"):
        pb.graph(value).play()
    with pytest.raises(pb.GraphError, match="nothing was recorded"):
        pb.record_player(lambda: value * 2.0)


@pytest.mark.parametrize("mode", ["reverse", "forward"])
@pytest.mark.parametrize(
    "constant",
    [
        lambda x: pb.tensor(3.0),
        lambda x: pb.tensor([3.0, 4.0], name="c"),
        lambda x: pb.tensor(2.0) * 3.0,
        lambda x: x > 1.0,
        lambda x: x.detach(),
        lambda x: pb.argmax(x * pb.ones(3)),
    ],
)
def test_an_output_may_be_a_constant(constant, mode):
    x = leaf(2.0, "x")
    data = data_of(pb.graph(x * 2.0, constant(x)).play(mode=mode))
    assert [e[0] for e in data["frames"][0]["events"]].count({"reverse": "pull", "forward": "push"}[mode]) >= 1


@pytest.mark.parametrize("times", [0, 101, 1.5, True])
def test_how_many_runs(times):
    with pytest.raises(pb.OptionError, match="from 1 to 100"):
        pb.record_player(lambda: None, times=times)


def test_a_freed_graph_that_lacks_something():
    data = np.random.default_rng(0).normal(size=(20, 10))
    w = leaf(np.ones((10, 3)), "w")
    loss = (data @ w).sum()
    assert pb.graph(loss).play()  # what backward needs is still there
    loss.backward()
    with pytest.raises(pb.GraphError, match=r"retain_graph=True; or pb\.record_player"):
        pb.graph(loss).play()


def test_a_freed_graph_that_has_all():
    x = leaf(2.0, "x")
    y = x * x * 3.0
    y.backward()
    assert pb.graph(y).play()


def test_a_variable_that_was_changed():
    x = leaf(2.0, "x")
    y = np.sin(x)
    with pb.no_grad():
        x.assign(3.0)
    with pytest.raises(pb.GraphError, match="changed after it was used"):
        pb.graph(y).play()


def test_a_graph_from_a_pickle_and_a_checkpoint():
    x = leaf(2.0, "x")
    with pytest.raises(pb.GraphError, match="no longer has all"):
        pickle.loads(pickle.dumps(pb.graph(np.sin(x)))).play()
    y = pb.checkpoint(lambda t: np.sin(t) * t)(x)
    with pytest.raises(pb.GraphError, match="cannot be computed again"):
        pb.graph(y).play()
    assert pb.record_player(lambda: pb.checkpoint(lambda t: np.sin(t) * t)(x).backward())


def test_numbers_that_are_not_finite():
    with np.errstate(all="ignore"):
        player = pb.graph(np.log(leaf(-1.0)) * leaf(np.inf)).play()
    assert data_of(player)["frames"]  # JSON holds no NaN: they stand in the arrays


def test_an_array_of_the_callers_may_change():
    data = np.ones(3)
    w = leaf(2.0, "w")

    def work():
        first = (w * data).sum()
        data[:] = 5.0
        (first + (w * data).sum()).backward()

    constants = [v.array for v in taped(work).values if v.kind == "constant"]
    assert [c.tolist() for c in constants] == [[1.0] * 3, [5.0] * 3]


def test_a_checkpoint_inside_of_a_step():
    x = leaf(0.5, "x")

    def step():
        (pb.checkpoint(lambda t: np.sin(t) * t)(x) * x).backward()

    tape = taped(step)
    assert [e.kind for e in tape.events].count("walk") == 1  # not the one inside
    gradient = sum(
        e.number for e in tape.events
        if e.kind == "pull" and tape.values[tape.values[e.value].operands[e.operand]].name == "x"
    )  # fmt: skip
    assert gradient == pytest.approx(2 * 0.5 * np.sin(0.5) + 0.25 * np.cos(0.5), rel=1e-15)
