"""Links: what carries no derivative is drawn with what it came from, and keeps nothing alive."""

from __future__ import annotations

import gc
import re
import weakref

import numpy as np
import pytest

import pullback as pb
from pullback.core.links import DEEPEST, Link


def leaf(value, name="x"):
    return pb.tensor(value, requires_grad=True, name=name)


def links():
    """How many links there are."""
    return sum(type(found) is Link for found in gc.get_objects())


def formulas(*tensors):
    return dict(re.findall(r"^  (\S+) += (.*?)   ", pb.graph(*tensors).text(), re.MULTILINE))


@pytest.mark.parametrize("value", [0.5, [1.0, -2.0], np.arange(200.0)], ids=["number", "few", "many"])
def test_a_condition_is_linked_to_what_it_was_computed_from(value):
    x = leaf(value)
    y = np.where(x > 0, x, 0.0)
    assert formulas(y) == {"x": "variable", "%0": "greater(x, 0)", "%1": "where(%0, x, 0)"}


@pytest.mark.parametrize(
    ("f", "label"),
    [
        (lambda x: x > 0, "greater"), (lambda x: x.argmax(), "argmax"), (lambda x: x.astype(int), "astype"),
        (lambda x: np.isfinite(x), "isfinite"), (lambda x: (x > 0).any(), "any"), (lambda x: ~(x > 0), "invert"),
        (lambda x: (x > 0).sum(), "sum"), (lambda x: (x > 0).astype(float), "astype"),
        (lambda x: (x > 0) * 1.0, "multiply"),
    ],
)  # fmt: skip
def test_what_carries_no_derivative_has_a_graph(f, label):
    x = leaf([1.0, -2.0])
    y = f(x)
    graph = pb.graph(y)
    assert not y.requires_grad
    assert graph.nodes[graph.outputs[0]].label == label
    assert graph.find("x").kind == "variable"
    assert graph.draw()


def test_conditions_of_conditions_and_names():
    x = leaf([1.0, -2.0])
    inside = (x > 0) & (x < 3)
    inside.name = "inside"
    y = (x * inside).sum()
    text = formulas(y)
    assert text["inside"] == "bitwise_and(%0, %1)"
    assert text["%2"] == "multiply(x, inside)"


def test_an_index_is_linked():
    x = leaf([1.0, -2.0])
    assert [v.label for v in pb.graph(x[x > 0]).topological()] == ["x", "0", "greater", "getitem"]


def test_what_is_cut_on_purpose_stays_a_constant():
    x = leaf([1.0, -2.0])
    for y in (x.detach(), pb.tensor(x.numpy() > 0), pb.tensor([1, 2]) > 0):
        assert len(pb.graph(y)) == 1
    with pb.no_grad():
        assert len(pb.graph(x > 0)) == 1


def test_nothing_is_kept_alive():
    before, x = links(), leaf(np.ones(1000))
    h = pb.exp(x)
    node, mask = weakref.ref(h.node), h > 0
    y = np.where(mask, x, 0.0)
    del h
    assert node() is None  # reference counting alone
    assert [v.kind for v in pb.graph(mask).topological()] == ["left out", "constant", "operation"]
    assert "…" in pb.graph(y).text()
    del mask, y
    assert links() == before


def test_a_count_that_goes_on_does_not_grow():
    before, x, count = links(), leaf([1.0, -2.0]), pb.tensor(0)
    sizes = []
    for _ in range(5 * DEEPEST):
        count = count + (x > 0).sum()
        sizes.append(len(pb.graph(count)))
    assert max(sizes) == max(sizes[: 2 * DEEPEST]) < 60
    assert links() - before < 4 * DEEPEST


def test_what_is_written_over_has_another_link():
    x = leaf([1.0, -2.0])
    mask = x > 0
    mask |= x < -1
    assert pb.graph(mask).nodes[-1].label == "bitwise_or"
    mask[0] = False
    assert pb.graph(mask).nodes[-1].label == "setitem"
    for size, label in ((2, "add"), (200, "(200,)")):  # the array of the larger is written to
        count = (leaf(np.ones(size)) > 0).astype(int)
        count += 1
        assert pb.graph(count).nodes[-1].label == label


def test_derivatives_do_not_change():
    x = leaf([1.0, -2.0])
    y = np.where(x > 0, x * 3, x).sum()
    y.backward()
    assert x.grad.tolist() == [3.0, 1.0]
    other = leaf([5.0, 6.0], "other")
    z = np.where(x > 0, other, 0.0).sum()
    with pytest.raises(pb.NoGradientError):
        pb.gradients(z, wrt=[x])


def test_a_long_loop_of_conditions_is_drawn():
    x = leaf([1.0])
    h = x
    for _ in range(3000):
        h = np.where(h > 0, h, 0.0)
    assert len(pb.graph(h)) > 6000
