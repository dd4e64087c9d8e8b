"""The graph of real computations: what is in it, its orders, finding, text and pictures."""

from __future__ import annotations

import gc
import pickle
import weakref
from itertools import pairwise
from xml.etree import ElementTree as ET

import numpy as np
import pytest

import pullback as pb
from pullback.core.errors import GraphError, OptionError, PullbackError
from pullback.visualize import Graph, UnknownNameError, graph, graphs


def variable(value, name=None, dtype=None):
    return pb.tensor(value, dtype, requires_grad=True, name=name)


def formula():
    """Build sin(x ** (y + z)) - 3 log(x² y³)."""
    x, y, z = variable(0.5, "x"), variable(4.0, "y"), variable(-2.3, "z")
    return np.sin(x ** (y + z)) - 3 * np.log(x**2 * y**3)


def chain(count):
    t = variable(1.0, "x")
    for _ in range(count):
        t = np.negative(t)
    return t


TEXT = """\
Graph of %8: 15 nodes (3 variables, 3 constants, 9 operations), 16 edges
  x  = variable           () float64
  y  = variable           () float64
  z  = variable           () float64
  %0 = add(y, z)          () float64
  %1 = power(x, %0)       () float64
  %2 = sin(%1)            () float64
  %3 = power(x, 2)        () float64
  %4 = power(y, 3)        () float64
  %5 = multiply(%3, %4)   () float64
  %6 = log(%5)            () float64
  %7 = multiply(3, %6)    () float64
  %8 = subtract(%2, %7)   () float64"""


def test_the_text_of_a_formula():
    g = graph(formula())
    assert g.text() == repr(g) == TEXT


def test_nodes_and_edges_of_a_formula():
    g = graph(formula())
    kinds = [vertex.kind for vertex in g.nodes]
    assert [kinds.count(kind) for kind in ("variable", "constant", "operation")] == [3, 3, 9]
    assert len(g) == len(g.nodes) == 15
    names = {v.index: v.id for v in g.nodes}
    edges = [(names[e.tail], names[e.head], e.operand) for e in g.edges]
    assert len(edges) == 16
    assert ("x", "%1", 0) in edges
    assert ("%0", "%1", 1) in edges
    assert [e.operand for e in g.edges if names[e.head] == "%8"] == [0, 1]
    assert [v.index for v in g.nodes] == list(range(15))
    assert [g.nodes[i].id for i in g.outputs] == ["%8"]


def test_values_shapes_and_dtypes():
    w = variable(np.arange(6.0).reshape(2, 3), "w", np.float32)
    g = graph((w * np.float32(2)).sum(axis=1))
    total = g.find("sum")
    assert (total.shape, total.dtype) == ((2,), np.float32)
    np.testing.assert_array_equal(total.value, [6, 24])
    assert total.params["axis"] in (1, (1,))
    np.testing.assert_array_equal(g.find("w").value, w.numpy())


def test_topological_order_follows_every_edge():
    g = graph(formula())
    place = {vertex: at for at, vertex in enumerate(g.topological())}
    assert len(place) == len(g)
    assert all(place[g.nodes[e.tail]] < place[g.nodes[e.head]] for e in g.edges)


def test_breadth_first_order_goes_by_distance():
    g = graph(formula())
    order = g.breadth_first()
    assert [v.id for v in order[:5]] == ["%8", "%2", "%7", "%1", "c2"]
    distance = {order[0]: 0}
    for vertex in order:
        for tail in vertex.inputs:
            distance.setdefault(g.nodes[tail], distance[vertex] + 1)
    assert set(order) == set(g.nodes)
    assert all(distance[a] <= distance[b] for a, b in pairwise(order))


def test_breadth_first_order_is_not_topological():
    x = variable(1.0, "x")
    y = np.sin(x)
    order = [v.id for v in graph(np.exp(np.tanh(y)) + y).breadth_first()]
    # sin is one step from the sum, and comes before tanh, which is made of it.
    assert order == ["%3", "%2", "%0", "%1", "x"]


def test_depth_first_order_takes_the_first_operand_with_all_of_its():
    assert [v.id for v in graph(formula()).depth_first()][:9] == ["%8", "%2", "%1", "x", "%0", "y", "z", "%7", "c2"]


def test_what_is_shared_is_there_once():
    x, data = variable([1.0, 2.0]), pb.tensor([3.0, 4.0])
    y = x * data
    g = graph(y + data, y * 2 * 2)
    assert sum(v.kind == "constant" and v.shape == (2,) for v in g.nodes) == 1
    assert sum(v.kind == "variable" for v in g.nodes) == 1
    assert sum(v.label == "2" for v in g.nodes) == 2  # numbers stand beside each of their uses
    assert len(g.outputs) == 2
    assert len(graph(y, y).outputs) == 1


def test_a_constant_tensor_is_one_node():
    g = graph(pb.tensor(3.0))
    assert g.text() == "Graph of c0: 1 node (1 constant), 0 edges\n  c0 = constant 3   () float64"
    assert [v.label for v in graph(pb.tensor(np.zeros((2, 3)), name="batch")).nodes] == ["(2, 3)"]
    assert graph(pb.tensor([1.0], name="batch")).find("batch").kind == "constant"


def test_finding():
    x, y = variable(1.0, "x"), variable(2.0)
    loss = np.sin(x) * np.sin(y) + y
    loss.name = "loss"
    g = graph(loss)
    assert g.find("x").label == "x"
    assert g.find("loss").label == "add"
    assert g.find("v0").kind == "variable"
    assert g.find("%0").label == "sin"
    assert g.find("multiply").id == "%2"


def test_an_unknown_name_is_answered_with_near_ones():
    g = graph(np.log(variable(1.0, "layers.0.weight") * 2))
    with pytest.raises(KeyError, match=r"layers\.0\.weight") as caught:
        g.find("layer.0.weights")
    assert isinstance(caught.value, GraphError)
    assert str(caught.value).splitlines()[:2] == ["find: no node has this name", "  got   'layer.0.weights'"]
    with pytest.raises(UnknownNameError, match="no node"):
        g.find(None)
    copy = pickle.loads(pickle.dumps(caught.value))
    assert str(copy) == str(caught.value)


def test_a_name_of_several_is_answered_with_their_ids():
    a, b = variable(1.0, "w"), variable(2.0, "w")
    g = graph(np.sin(a) + np.sin(b))
    with pytest.raises(UnknownNameError, match="w#1, w#2"):
        g.find("w")
    assert [g.find(name).value for name in ("w#1", "w#2")] == [1.0, 2.0]
    with pytest.raises(UnknownNameError, match="%0, %1"):
        g.find("sin")


def test_made_up_ids_keep_clear_of_names():
    unnamed, taken, odd = variable(1.0), variable(2.0, "v0"), variable(3.0, "%0")
    g = graph(np.sin(unnamed) + odd + taken)
    assert len({v.id for v in g.nodes}) == len(g)
    assert g.find("v0").value == 2.0
    assert g.find("v1").value == 1.0
    assert g.find("%0").value == 3.0


def test_the_part_nearest_to_the_outputs():
    g = graph(formula())
    part = g.nearest(3)
    assert [v.label for v in part.nodes] == ["…", "sin", "…", "3", "multiply", "subtract"]
    assert [v.kind for v in part.nodes].count("left out") == 2
    assert part.text().startswith("Graph of %8: 6 nodes (1 constant, 3 operations, 2 left out), 5 edges")
    assert "left out × 2" in str(part.draw())
    assert g.nearest(1000).text() == g.text()
    with pytest.raises(OptionError, match="at least one"):
        g.nearest(0)


def test_it_is_a_value_that_keeps_no_history():
    x = variable(2.0, "x")
    y = np.sin(x)
    node = weakref.ref(y.node)
    g = graph(y)
    before = g.text()
    (y * x).backward()
    del y
    gc.collect()
    assert node() is None
    assert g.text() == before
    with pytest.raises(AttributeError):
        g.nodes = ()
    assert pickle.loads(pickle.dumps(g)).text() == before


def test_it_can_be_drawn_after_the_backward_walk():
    y = formula()
    y.backward()
    assert graph(y).text() == TEXT


@pytest.mark.parametrize("options", [{}, {"values": True}, {"shapes": True}, {"direction": "LR"}])
def test_a_picture_of_a_formula(options):
    picture = ET.fromstring(str(graph(formula()).draw(**options)))
    shown = [text.text for text in picture.iter("{http://www.w3.org/2000/svg}text")]
    assert {"x", "y", "z", "2", "3", "sin", "log", "power", "subtract", "constant × 3"} <= set(shown)
    assert ("-8.0148" in shown) == options.get("values", False)
    assert ("() float64" in shown) == options.get("shapes", False)
    assert picture.find("{http://www.w3.org/2000/svg}title").text == "Graph of %8: 9 operations on x, y, z"
    assert graph(formula()).draw(**options)._repr_svg_() == graph(formula()).draw(**options)._repr_svg_()


def test_drawing_writes_a_file(tmp_path):
    picture = graph(formula()).draw(tmp_path / "graph.svg", values=True)
    assert (tmp_path / "graph.svg").read_text(encoding="utf-8") == str(picture)


@pytest.mark.parametrize("method", ["draw", "to_dot"])
def test_another_direction_is_refused(method):
    with pytest.raises(OptionError, match="LR"):
        getattr(graph(formula()), method)(direction="up")


def test_dot_has_every_node_and_edge():
    text = graph(formula()).to_dot(values=True)
    assert text.startswith("digraph pullback {")
    assert text.count(" -> ") == 16
    assert text.count("fillcolor=") == 15
    assert r'label="subtract\n-8.0148"' in text


def test_parameters_of_operations_are_shown():
    x = variable(np.ones((4, 6)), "x")
    text = graph(x.sum(axis=0, keepdims=True)[:, 1:3].reshape(2, 1)).text()
    assert "sum(x, axis=" in text
    assert "keepdims=True" in text
    assert "(:, 1:3)" in text
    assert "shape=(2, 1)" in text


def test_an_operand_that_was_not_given_is_not_there():
    x = variable(1.0, "x")
    y = np.maximum(x, 2.0)
    y.node.inputs = (x.node, None, 2.0)
    assert [v.label for v in graph(y).nodes] == ["x", "2", "maximum"]


def test_hostile_names_are_only_text():
    x = variable(1.0, 'a<b>&"c"\\\n</svg>')
    g = graph(np.sin(x))
    ET.fromstring(str(g.draw(values=True, shapes=True)))
    assert "\n</svg>" not in g.to_dot()
    assert len(g.text().splitlines()) == 3


def test_a_deep_graph_is_walked_without_recursion():
    g = graph(chain(20_000))
    assert len(g.topological()) == len(g.breadth_first()) == len(g.depth_first()) == 20_001
    assert len(g.text().splitlines()) == 20_002
    assert len(repr(g).splitlines()) == graphs._MOST_ROWS + 2
    assert "19,941 more" in repr(g)
    assert g.to_dot().count(" -> ") == 20_000
    assert g._repr_svg_() is None
    with pytest.raises(GraphError, match=r"nearest\(300\)"):
        g.draw()
    assert len(g.nearest(300)) == 301
    assert str(g.nearest(300).draw()).count("<text") > 300


def test_three_hundred_nodes_have_a_picture():
    w, b, h = variable(np.ones((8, 8)), "w"), variable(np.ones(8), "b"), pb.tensor(np.ones(8))
    for _ in range(75):
        h = np.tanh(w @ h + b * 2)
    g = graph(h)
    assert len(g) > 300
    picture = ET.fromstring(g._repr_svg_())
    assert float(picture.get("width")) < 600  # one main path, with the two parameters' lines beside it


@pytest.mark.parametrize("outputs", [(), (1.0,), (np.ones(3),), (None,)])
def test_what_is_not_a_tensor_is_refused(outputs):
    with pytest.raises(PullbackError, match="graph: "):
        graph(*outputs)


def test_an_empty_graph_is_no_crash():
    empty = Graph((), ())
    assert len(empty) == 0
    ET.fromstring(str(empty.draw()))
    assert "0 edges" in repr(empty)
