"""jvp and linearize: tangents of trees, of any kind of number, as often as asked."""

from __future__ import annotations

import numpy as np
import pytest

import pullback as pb


def test_a_tangent():
    value, tangent = pb.jvp(lambda x, y: pb.sin(x) * y, (0.5, 2.0), (1.0, 10.0))
    assert value.item() == pytest.approx(2 * np.sin(0.5))
    assert tangent.item() == pytest.approx(2 * np.cos(0.5) + 10 * np.sin(0.5))


def test_trees_of_primals_and_tangents():
    value, tangent = pb.jvp(lambda p, q: (p["a"] * q[0], {"b": p["a"]}, 4.0), ({"a": 2.0}, [3.0]), ({"a": 1.0}, [10.0]))
    assert [value[0].item(), value[1]["b"].item(), value[2].item()] == [6.0, 2.0, 4.0]
    assert [tangent[0].item(), tangent[1]["b"].item(), tangent[2].item()] == [23.0, 1.0, 0.0]


@pytest.mark.parametrize(
    "tangent", [np.array([1.0, 2.0]), pb.tensor([1.0, 2.0]), np.array([1, 2]), np.array([1, 2], np.float32)]
)
def test_a_tangent_of_any_kind(tangent):
    assert pb.jvp(lambda x: x * x, (np.array([3.0, 4.0]),), (tangent,))[1].tolist() == [6.0, 16.0]


@pytest.mark.parametrize(("primals", "tangents"), [((1.0,), ()), ((1.0, 2.0), (1.0,)), ((1.0,), (1.0, 2.0))])
def test_a_tangent_is_missing_or_too_many(primals, tangents):
    with pytest.raises(pb.GraphError, match="one tangent for each primal"):
        pb.jvp(lambda *x: x[0], primals, tangents)


def test_primals_are_given_as_a_tuple():
    with pytest.raises(pb.GraphError, match="as tuples"):
        pb.jvp(lambda x: x, 1.0, 1.0)


@pytest.mark.parametrize("tangent", [np.ones(3), 1.0, np.ones((1, 2))])
def test_a_tangent_has_the_shape_of_its_value(tangent):
    with pytest.raises(pb.ShapeError, match="a tangent has the shape of its value"):
        pb.jvp(lambda x: x, (np.ones(2),), (tangent,))


def test_a_tangent_tree_has_the_structure_of_the_primals():
    for x, t in (({"a": 1.0}, {"b": 1.0}), ({"a": 1.0}, 1.0), (np.ones(2), [1.0, 1.0])):  # a list is a tree
        with pytest.raises(pb.ShapeError, match="structures differ"):
            pb.jvp(lambda p: pb.tensor(1.0), (x,), (t,))


def test_aux():
    value, tangent, aux = pb.jvp(lambda x: (x * x, {"twice": 2 * x}), (3.0,), (1.0,), has_aux=True)
    assert (value.item(), tangent.item(), aux["twice"].item()) == (9.0, 6.0, 6.0)


def test_an_output_of_no_path_has_a_tangent_of_zeros():
    value, tangent = pb.jvp(lambda x: (x * 2, pb.ones(3), pb.stop_gradient(x), pb.floor(x), x > 0), (1.5,), (1.0,))
    assert [t.tolist() for t in tangent] == [2.0, [0.0] * 3, 0.0, 0.0, False]
    assert value[4].item() is True


def test_linearize_applies_as_often_as_asked():
    value, push = pb.linearize(lambda x, y: pb.sin(x) * y, 0.5, 2.0)
    assert value.item() == pytest.approx(2 * np.sin(0.5))
    for dx, dy in ((1.0, 0.0), (0.0, 1.0), (2.0, -3.0)):
        assert push(dx, dy).item() == pytest.approx(2 * np.cos(0.5) * dx + np.sin(0.5) * dy)
    assert push(1.0, 0.0).dtype == float


def test_linearize_runs_the_function_once():
    calls = []

    def f(x):
        calls.append(1)
        return x**3

    _, push = pb.linearize(f, 2.0)
    assert [push(t).item() for t in (1.0, 2.0)] == [12.0, 24.0]
    assert len(calls) == 1


def test_forward_is_the_adjoint_of_reverse():
    rng = np.random.default_rng(0)
    x, t, c = rng.normal(size=(3, 4)), rng.normal(size=(3, 4)), rng.normal(size=(3, 3))

    def f(x):
        return pb.softmax(x @ x.T, axis=0) * pb.logsumexp(x, axis=1)

    _, tangent = pb.jvp(f, (x,), (t,))
    _, back = pb.vjp(f, x)
    assert np.sum(tangent.numpy() * c) == pytest.approx(np.sum(back(c)[0].numpy() * t))


def test_a_tangent_that_is_tracked():
    t = pb.tensor(2.0, requires_grad=True)
    pb.jvp(lambda x: x**3, (3.0,), (t,))[1].backward()
    assert t.grad.item() == 27.0


def test_constants_come_back():
    w = pb.tensor(2.0, requires_grad=True)
    value, tangent = pb.jvp(lambda x: x * x, (3.0,), (1.0,))
    assert not value.requires_grad
    assert not tangent.requires_grad
    value, tangent = pb.jvp(lambda x: x * x * w, (3.0,), (1.0,))
    (value + 10 * tangent).backward()
    assert w.grad.item() == 69.0
