"""The global-graph text in Pullback: parameters, operations of one's own, and a graph that its walk clears."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest

import pullback as pb
from pullback.core.kinds import Elementwise, LinearMap


def parameter(value, name=None):
    return pb.tensor(value, float, requires_grad=True, name=name)


def gradient(p):
    assert p.grad is not None
    assert p.grad.shape == p.shape
    assert p.grad.dtype == p.dtype
    return p.grad.numpy()


# Operations.


def test_the_mean_of_a_sum_of_two_parameters_has_gradient_one_over_the_size():
    rng = np.random.RandomState(0)
    x1, x2 = parameter(rng.randn(10, 5)), parameter(rng.randn(10, 5))
    forward = pb.mean(pb.add(x1, x2))
    forward.backward()
    assert forward.item() == pytest.approx((x1.numpy() + x2.numpy()).mean(), rel=1e-15)
    np.testing.assert_allclose(gradient(x1), np.full((10, 5), 0.02), rtol=1e-15)
    np.testing.assert_allclose(gradient(x2), np.full((10, 5), 0.02), rtol=1e-15)


def test_a_plain_array_takes_part_and_gets_no_gradient():
    d, e, c = parameter([1.0]), np.array([2.0]), parameter([3.0])
    a = pb.add(pb.add(d, e), c)
    a.backward()
    assert a.tolist() == [6.0]
    assert gradient(d).tolist() == gradient(c).tolist() == [1.0]
    assert [vertex.kind for vertex in pb.graph(a).nodes].count("variable") == 2


def test_operations_on_numbers_alone_are_not_registered():
    seven = pb.add(3, 4)
    assert seven.item() == 7
    assert not seven.requires_grad
    with pytest.raises(pb.GraphError, match="not recorded"):
        seven.backward()


def test_the_upstream_gradient_scales_the_gradient():
    x = parameter([1.0, 2.0])
    pb.mean(x).backward(3.0)
    assert gradient(x).tolist() == [1.5, 1.5]


def test_an_operation_with_a_forward_and_a_backward_of_its_own():
    cached = []

    @pb.custom_vjp
    def average(inputs):
        return pb.sum(inputs) / inputs.size

    def forward(inputs):
        cached.append(inputs.size)
        return average(inputs), inputs

    average.defvjp(forward, lambda inputs, upstream: (upstream * pb.ones_like(inputs) / inputs.size,))
    x1, x2 = parameter(np.ones((10, 5))), parameter(np.ones((10, 5)))
    average(pb.add(x1, x2)).backward()
    np.testing.assert_allclose(gradient(x1), 0.02, rtol=1e-15)
    np.testing.assert_allclose(gradient(x2), 0.02, rtol=1e-15)
    assert cached == [50]


def test_an_operation_that_states_one_fact_of_its_kind():
    addition = Elementwise("addition", lambda a, b: a + b, 1, 1)
    total = LinearMap("total", lambda x: x.sum(), lambda upstream, x: np.broadcast_to(upstream, x.shape))
    x1, x2 = parameter(np.ones((2, 3))), parameter(np.ones(3))
    total(addition(x1, x2)).backward()
    assert gradient(x1).tolist() == [[1, 1, 1], [1, 1, 1]]
    assert gradient(x2).tolist() == [2, 2, 2]


# The mean over an axis, and broadcasting.


@pytest.mark.parametrize(("axis", "share"), [(None, 1 / 12), (0, 1 / 3), (1, 1 / 4), ((0, 1), 1 / 12)])
def test_the_mean_over_an_axis_divides_by_that_axis_alone(axis, share):
    x = parameter(np.arange(12.0).reshape(3, 4))
    pb.mean(x, axis=axis).sum().backward()
    np.testing.assert_allclose(gradient(x), np.full((3, 4), share), rtol=1e-15)


@pytest.mark.parametrize("shape", [(5,), (1, 5), (10, 1), (1, 1), (1,), ()])
def test_what_was_broadcast_is_summed_over_its_own_axes_and_keeps_its_shape(shape):
    weights = np.arange(50.0).reshape(10, 5)
    x, bias = parameter(np.zeros((10, 5))), parameter(np.zeros(shape))
    ((x + bias) * weights).sum().backward()
    expected = {
        (5,): weights.sum(0),
        (1, 5): weights.sum(0, keepdims=True),
        (10, 1): weights.sum(1, keepdims=True),
        (1, 1): weights.sum(keepdims=True),
        (1,): weights.sum().reshape(1),
        (): weights.sum(),
    }[shape]
    np.testing.assert_array_equal(gradient(bias), expected)
    np.testing.assert_array_equal(gradient(x), weights)


def test_a_gradient_of_as_many_elements_in_another_shape_keeps_the_parameters_shape():
    x = parameter(np.zeros((2, 3)))
    (pb.reshape(x, (3, 2)) * np.arange(6.0).reshape(3, 2)).sum().backward()
    assert gradient(x).tolist() == [[0, 1, 2], [3, 4, 5]]


# Paths.


def test_two_paths_to_one_operation_add_up():
    x = parameter(2.0)
    shared = x * x
    (shared + pb.sin(shared)).backward()
    assert gradient(x) == pytest.approx((1 + np.cos(4.0)) * 4.0, rel=1e-15)


def test_a_parameter_in_several_operations_gets_the_sum_of_all():
    x, y = parameter(3.0), parameter(5.0)
    pb.add(pb.add(x, y), pb.add(x, x)).backward()
    assert gradient(x) == 3.0
    assert gradient(y) == 1.0


def test_separate_paths_are_walked_each_from_its_own_end():
    x, y = parameter(1.0), parameter(1.0)
    f, g = x * 2, y * 3
    f.backward()
    assert y.grad is None
    g.backward()
    assert (gradient(x), gradient(y)) == (2.0, 3.0)


# The graph and its clearing.


def test_the_graph_lists_parameters_and_operations_in_both_searches():
    x1, x2 = parameter(np.ones((10, 5)), "x1"), parameter(np.ones((10, 5)), "x2")
    g = pb.graph(pb.mean(pb.add(x1, x2)))
    assert [vertex.label for vertex in g.topological()] == ["x1", "x2", "add", "mean"]
    assert [vertex.label for vertex in g.breadth_first()] == ["mean", "add", "x1", "x2"]
    assert [vertex.label for vertex in g.depth_first()] == ["mean", "add", "x1", "x2"]


def test_a_walk_clears_the_graph_and_a_second_one_says_so():
    x = parameter(2.0)
    y = x * x
    y.backward()
    with pytest.raises(pb.GraphError, match="retain_graph=True"):
        y.backward()
    assert gradient(x) == 4.0


def test_operations_are_defined_anew_in_each_pass_and_gradients_accumulate():
    x = parameter(2.0)
    for step, expected in enumerate([3.0, 3.0 + 4.0, 7.0 + 3.0]):
        y = x * x if step % 2 else 3 * x  # the graph may depend on any condition
        y.backward()
        assert gradient(x) == expected


def test_clearing_a_parameter_forgets_its_gradient():
    x = parameter(2.0)
    (x * x).backward()
    x.grad = None
    assert x.grad is None
    (x * x).backward()
    assert gradient(x) == 4.0


def test_nothing_global_keeps_a_graph_alive():
    x = parameter(np.ones(100))
    collecting = gc.isenabled()
    gc.disable()
    try:
        loss = pb.mean(x * x)
        node = weakref.ref(loss.node)
        assert node() is not None
        del loss
        assert node() is None
    finally:
        if collecting:
            gc.enable()


# no_grad.


def test_no_grad_records_nothing():
    x = parameter(2.0)
    with pb.no_grad():
        y = x * x
    assert not y.requires_grad
    with pytest.raises(pb.GraphError, match="no_grad"):
        y.backward()


def test_recording_goes_on_after_an_exception_inside_no_grad():
    x = parameter(2.0)
    with pytest.raises(ZeroDivisionError), pb.no_grad():
        _ = 1 / 0
    (x * x).backward()
    assert gradient(x) == 4.0


def test_an_inner_no_grad_does_not_end_the_outer_one():
    x = parameter(2.0)
    with pb.no_grad():
        with pb.no_grad():
            pass
        assert not (x * x).requires_grad
    assert (x * x).requires_grad
