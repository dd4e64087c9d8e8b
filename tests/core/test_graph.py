"""The graph itself: nodes point at inputs only, inputs come first, and nothing is left behind."""

from __future__ import annotations

import gc
import weakref
from contextlib import suppress

import numpy as np

import pullback as pb
from pullback.core.graph import Node, ancestors
from pullback.core.origin import user_line
from pullback.core.spec import KEPT_SIZE, Spec, spec_of, zeros_of


def leaf(value, name=None):
    return pb.tensor(value, requires_grad=True, name=name)


def test_constants_record_nothing():
    y = pb.sin(pb.ones(3)) @ np.ones(3) + 2.0
    assert y.node is None
    assert not y.requires_grad
    assert y.is_leaf


def test_a_node_knows_what_made_it_and_of_what():
    x = leaf([1.0, 2.0])
    y = x * 3.0
    assert y.node.primitive.name == "multiply"
    assert y.node.inputs == (x.node, 3.0)
    assert list(y.node.parents) == [x.node]
    assert x.node.primitive is None
    assert x.node.owner() is x


def test_inputs_have_smaller_numbers_than_what_is_made_of_them():
    x = leaf([1.0, 2.0])
    y = pb.concatenate([x * x, pb.sin(x), np.ones(1)]).sum()
    order = ancestors([y.node])
    place = {node: i for i, node in enumerate(order)}
    assert order[0] is x.node
    assert order[-1] is y.node
    assert all(place[parent] < place[node] for node in order for parent in node.parents)


def test_ancestors_older_than_asked_are_listed_but_not_what_they_are_made_of():
    x = leaf(1.0)
    old = x * 2
    new = old * 3
    assert ancestors([new.node], old.node.serial) == [x.node, old.node, new.node]
    assert ancestors([new.node], new.node.serial) == [old.node, new.node]


def test_an_integer_result_is_no_node():
    x = leaf([3.0, 1.0])
    for y in (x.argmax(), x > 1, x.astype(int), pb.isnan(x), x.any()):
        assert y.node is None


def test_small_values_are_kept_for_pictures_and_large_ones_are_not():
    small, large = leaf(np.ones(KEPT_SIZE)) * 2, leaf(np.ones(KEPT_SIZE + 1)) * 2
    assert np.array_equal(small.node.aval, small.numpy())
    assert large.node.aval == Spec((KEPT_SIZE + 1,), np.dtype(float))


def test_a_large_constant_that_no_derivative_needs_is_let_go():
    x, big = leaf(np.ones(1000)), np.ones(1000)
    alive = weakref.ref(big)
    y = x + big
    del big
    assert alive() is None
    assert y.node.inputs[1] == Spec((1000,), np.dtype(float))


def test_values_that_no_derivative_needs_are_let_go():
    x = leaf(np.ones(1000))
    middle = x + 1.0
    alive = weakref.ref(middle.array)
    y = middle.sum()
    del middle
    assert alive() is None  # a sum's derivative needs no numbers
    y.backward()
    assert np.array_equal(x.grad.numpy(), np.ones(1000))


def test_backward_lets_go_of_saved_values_while_it_walks():
    x = leaf(np.ones(1000))
    middle = pb.sin(x)
    y = (middle * middle).sum()
    alive = weakref.ref(middle.array)
    del middle
    assert alive() is not None
    y.backward()
    assert alive() is None


def test_spec_of_anything():
    assert spec_of(2.0) == Spec((), np.dtype(float))
    assert spec_of(3) == Spec((), np.dtype(int))
    assert spec_of(np.float32(1)).dtype == np.float32
    assert Spec((2, 3), np.dtype("f4")).size == 6
    assert hash(Spec((2,), np.dtype("f4"))) == hash(Spec((2,), np.dtype("f4")))
    assert zeros_of(Spec((2,), np.dtype("f4"))).dtype == np.float32


def test_the_user_s_line_is_that_of_the_caller():
    assert "test_graph.py" in user_line()
    assert user_line().endswith("in test_the_user_s_line_is_that_of_the_caller")


def mixed_work():
    w = leaf(np.eye(3) + 0.1)
    y = pb.checkpoint(lambda x: pb.softmax(x @ w).sum())(w * 1.0)
    y.backward()
    pb.cross_entropy(w, np.array([0, 1, 2])).backward(create_graph=True)
    (w.grad * w.grad).sum().backward()
    pb.hessian(lambda x: (x**3).sum())(np.ones(3))
    pb.jvp(pb.sin, (1.0,), (1.0,))
    pb.vjp(pb.sin, 1.0)[1](1.0)
    pb.linearize(pb.sin, 1.0)[1](1.0)
    pb.gradients((w * w).sum(), [w])
    with suppress(pb.ShapeError):
        w @ np.ones(4)
    first = w * 2
    first[0] = w[1]
    first += w
    w.grad = None


def test_nothing_makes_a_reference_cycle():
    mixed_work()  # what is made once and kept (caches, imports) is made here
    gc.collect()
    gc.disable()
    try:
        before = sum(type(o) is Node for o in gc.get_objects())
        mixed_work()
        after = sum(type(o) is Node for o in gc.get_objects())
        assert after == before
        unreachable = gc.collect()
    finally:
        gc.enable()
    assert unreachable == 0


def test_a_tensor_that_is_dropped_takes_its_graph_along():
    x = leaf(np.ones(3))
    y = pb.exp(pb.sin(x) * x).sum()
    nodes = [weakref.ref(node) for node in ancestors([y.node]) if node is not x.node]
    assert len(nodes) == 4
    gc.disable()
    try:
        del y
        assert [node() for node in nodes] == [None] * 4
    finally:
        gc.enable()
