"""The computational-graph text in Pullback: named variables, constants, gradients by name, and their rules."""

from __future__ import annotations

import colorsys
import math
from typing import Final
from xml.etree import ElementTree as ET

import numpy as np
import pytest

import pullback as pb
from pullback.testing import check_grads

SVG: Final = "{http://www.w3.org/2000/svg}"


def variable(value, name=None):
    return pb.tensor(value, float, requires_grad=True, name=name)


def at(**values):
    return tuple(variable(value, name) for name, value in values.items())


def gradients_of(loss):
    """The gradients by name, as plain numbers."""
    return {tensor.name: gradient.tolist() for tensor, gradient in pb.gradients(loss).items()}


# Values and derivatives by hand.


def test_the_sine_of_a_logarithm():
    (x,) = at(x=2.0)
    f = pb.sin(2 * pb.log(x))
    assert f.item() == pytest.approx(math.sin(2 * math.log(2)), rel=1e-15)
    assert f.item() == pytest.approx(0.983, abs=5e-4)
    derivative = pb.gradients(f)["x"].item()
    assert derivative == pytest.approx(math.cos(2 * math.log(2)), rel=1e-15)
    assert derivative == pytest.approx(0.183, abs=5e-4)


def test_two_paths_to_a_variable_accumulate():
    (x,) = at(x=4.0)
    f = x**2 + 2**x
    assert f.item() == 32.0
    assert pb.gradients(f)["x"].item() == pytest.approx(8 + 16 * math.log(2), rel=1e-15)


def test_one_walk_gives_the_derivatives_in_all_variables():
    x, y, z = at(x=1.0, y=2.0, z=3.0)
    found = gradients_of(pb.sin(x + y) + (x * y) ** z)
    expected = {"x": math.cos(3) + 24, "y": math.cos(3) + 12, "z": 8 * math.log(2)}
    assert found == pytest.approx(expected, rel=1e-14)


def test_the_formula_of_three_variables():
    x, y, z = at(x=0.5, y=4.0, z=-2.3)
    f = pb.sin(x ** (y + z)) - 3 * pb.log(x**2 * y**3)
    assert f.item() == -8.014816644264268
    power = 0.5**1.7
    expected = {
        "x": math.cos(power) * 1.7 * 0.5**0.7 - 6 / 0.5,
        "y": math.cos(power) * power * math.log(0.5) - 9 / 4,
        "z": math.cos(power) * power * math.log(0.5),
    }
    assert gradients_of(f) == pytest.approx(expected, rel=1e-13)


def test_gradient_checking_confirms_the_formula_of_three_variables():
    def func(x, y, z):
        return pb.sin(x ** (y + z)) - 3 * z * pb.log(x**2 * y**3)

    report = check_grads(func, 0.5, 4.0, -2.3, order=2)
    assert not report.sampled
    assert not report.kinks


def test_variables_that_are_made_inside_a_function_are_found_by_name():
    def func(x, y, z):
        x, y, z = at(x=x, y=y, z=z)
        return pb.sin(x ** (y + z)) - 3 * z * pb.log(x**2 * y**3)

    point, step = {"x": 0.5, "y": 4.0, "z": -2.3}, 1e-6
    found = pb.gradients(func(**point))
    for name, value in point.items():
        above, below = (func(**{**point, name: value + move}).item() for move in (step, -step))
        assert found[name].item() == pytest.approx((above - below) / (2 * step), rel=1e-7)


def test_gradient_checking_finds_a_sign_error():
    @pb.custom_vjp
    def logarithm(x):
        return pb.log(x)

    logarithm.defvjp(lambda x: (logarithm(x), x), lambda x, upstream: (-upstream / x,))
    with pytest.raises(pb.GradientCheckError):
        check_grads(lambda x: logarithm(x) * x, 2.0)


# Variables, constants and operations.


def test_variables_are_found_by_name_and_unnamed_ones_are_numbered():
    x = variable(0.5, "x")
    g = pb.graph(x * variable(2.0) + variable(3.0))
    assert [vertex.id for vertex in g.nodes if vertex.kind == "variable"] == ["x", "v0", "v1"]
    assert g.find("x").value.item() == 0.5
    with pytest.raises(KeyError, match="no node has this name"):
        g.find("q")


def test_numbers_become_constants_and_get_no_gradient():
    (x,) = at(x=0.5)
    f = pb.sin(x) * 2.0 + pb.tensor(7.0, name="c")
    kinds = {vertex.id: vertex.kind for vertex in pb.graph(f).nodes}
    assert list(kinds.values()).count("constant") == 2
    assert kinds["x"] == "variable"
    found = pb.gradients(f)
    assert list(found) == [x]
    with pytest.raises(pb.NoGradientError, match="no tensor has this name"):
        found["c"]


def test_operands_keep_their_order_whichever_side_is_plain():
    (x,) = at(x=4.0)
    assert (10 - x).item() == 6.0
    assert (x - 10).item() == -6.0
    assert (8 / x).item() == 2.0
    assert gradients_of(10 - x) == {"x": -1.0}
    assert gradients_of(8 / x) == {"x": -0.5}
    assert gradients_of(x / 8) == {"x": 0.125}


def test_division_has_both_partials():
    a, b = at(a=3.0, b=2.0)
    assert gradients_of(a / b) == {"a": 0.5, "b": -0.75}


def hue_of_boxes(svg):
    """The hue, in degrees, of the box that each text of a picture stands in."""
    root = ET.fromstring(svg)
    found = {}
    for group in root.iter(f"{SVG}g"):
        if group.find(f"{SVG}title") is None or group.find(f"{SVG}text") is None:
            continue  # the lines, and the legend
        colour = group.findall(f"{SVG}rect")[-1].attrib["fill"]
        red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
        hue, lightness, _ = colorsys.rgb_to_hls(red, green, blue)
        assert lightness > 0.8
        found[group.findtext(f"{SVG}text")] = 360 * hue
    return found


def test_the_picture_has_light_blue_variables_orange_constants_and_purple_operations():
    (x,) = at(x=0.5)
    hues = hue_of_boxes(str(pb.graph(3 * pb.sin(x)).draw()))
    assert hues.keys() == {"x", "3", "sin", "multiply"}
    assert 190 < hues["x"] < 240
    assert 20 < hues["3"] < 50
    assert 250 < hues["sin"] == hues["multiply"] < 300


def test_an_expression_that_is_written_twice_is_computed_twice():
    (x,) = at(x=0.7)
    f = pb.sin(x) ** pb.sin(x)
    assert [vertex.label for vertex in pb.graph(f).nodes].count("sin") == 2
    s = math.sin(0.7)
    assert gradients_of(f)["x"] == pytest.approx(math.cos(0.7) * s**s * (math.log(s) + 1), rel=1e-14)


# The order of the walk.


def test_a_short_path_does_not_pass_a_long_one():
    # Seen from the end, `a` is as near as `d`, which is made of it: a walk by distance would leave `a` too early.
    (x,) = at(x=0.3)
    a = pb.exp(x)
    b = pb.sin(a)
    c = b * b
    d = c * a
    f = d * a
    e = math.exp(0.3)
    expected = e * (2 * math.sin(e) * math.cos(e) * e**2 + math.sin(e) ** 2 * 2 * e)
    assert gradients_of(f)["x"] == pytest.approx(expected, rel=1e-14)


def test_breadth_first_order_is_not_topological_and_topological_order_is():
    (x,) = at(x=0.3)
    a = pb.exp(x)
    g = pb.graph(pb.sin(a * 1.0) * a)
    place = {vertex.index: i for i, vertex in enumerate(g.breadth_first())}
    assert any(place[edge.tail] < place[edge.head] for edge in g.edges)
    place = {vertex.index: i for i, vertex in enumerate(g.topological())}
    assert all(place[edge.tail] < place[edge.head] for edge in g.edges)


# Reductions.


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("axis", [None, 0, 1, -1, (0, 1)])
def test_the_gradient_of_a_sum_goes_back_along_its_own_axis(axis, keepdims):
    x = variable(np.arange(9.0).reshape(3, 3))  # square: no shape gives a wrong axis away
    total = pb.sum(x, axis=axis, keepdims=keepdims)
    upstream = np.arange(1.0, 1 + total.size).reshape(total.shape)
    total.backward(upstream)
    shape = {None: (1, 1), 0: (1, 3), 1: (3, 1), -1: (3, 1), (0, 1): (1, 1)}[axis]
    np.testing.assert_array_equal(x.grad.numpy(), np.broadcast_to(upstream.reshape(shape), (3, 3)))


def test_the_greatest_of_all_elements_shares_its_gradient_among_ties():
    x = variable([1.0, 4.0, 4.0])
    pb.max(x).backward()
    assert x.grad.tolist() == [0.0, 0.5, 0.5]


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize(
    ("axis", "greatest", "gradient"),
    [
        (None, 7.0, [[0, 0, 0], [0, 1, 0]]),
        (0, [0.0, 7.0, 4.0], [[0.5, 0, 1], [0.5, 1, 0]]),
        (1, [4.0, 7.0], [[0, 0, 1], [0, 1, 0]]),
        (-1, [4.0, 7.0], [[0, 0, 1], [0, 1, 0]]),
    ],
)
def test_the_greatest_along_an_axis_shares_its_gradient_among_ties_of_that_axis(axis, greatest, gradient, keepdims):
    x = variable([[0, 1, 4], [0, 7, 1]])
    m = pb.max(x, axis=axis, keepdims=keepdims)
    assert np.array_equal(m.numpy().ravel(), np.ravel(greatest))
    m.sum().backward()
    assert x.grad.tolist() == gradient


# Matrices and broadcasting.


def test_the_gradients_of_a_matrix_product_are_products_with_the_transposed_operands():
    rng = np.random.default_rng(0)
    x, w, upstream = rng.normal(size=(4, 3)), rng.normal(size=(3, 2)), rng.normal(size=(4, 2))
    a, b = variable(x, "X"), variable(w, "W")
    pb.dot(a, b).backward(upstream)
    np.testing.assert_allclose(a.grad.numpy(), upstream @ w.T, rtol=1e-14)
    np.testing.assert_allclose(b.grad.numpy(), x.T @ upstream, rtol=1e-14)


@pytest.mark.parametrize(
    ("shape", "axes"),
    [
        ((3,), (0,)),  # an axis was added
        ((4, 1), (1,)),  # an axis of 1 was stretched, and none was added
        ((1, 3), (0,)),
        ((1, 1), (0, 1)),
        ((1,), (0, 1)),  # both
        ((), (0, 1)),
        ((4, 3), ()),  # nothing happened
    ],
)
def test_broadcasting_is_undone_by_sums_over_what_was_added_and_stretched(shape, axes):
    upstream = np.arange(12.0).reshape(4, 3)
    b = variable(np.zeros(shape))
    pb.add(np.zeros((4, 3)), b).backward(upstream)
    np.testing.assert_array_equal(b.grad.numpy(), upstream.sum(axis=axes).reshape(shape))


def test_an_axis_of_one_stays_behind_an_axis_that_was_added():
    upstream = np.arange(24.0).reshape(2, 4, 3)
    b = variable(np.zeros((4, 1)))
    (b * np.ones((2, 4, 3))).backward(upstream)
    np.testing.assert_array_equal(b.grad.numpy(), upstream.sum(axis=(0, 2)).reshape(4, 1))


def test_the_bias_of_a_layer_gets_the_sum_over_the_batch():
    rng = np.random.default_rng(0)
    x, w, b = variable(rng.normal(size=(5, 3)), "X"), variable(rng.normal(size=(3, 4)), "W"), variable(np.zeros(4), "b")
    check_grads(lambda x, w, b: pb.sum(pb.tanh(pb.dot(x, w) + b)), x, w, b)
    found = pb.gradients(pb.sum(pb.dot(x, w) + b))
    assert found["b"].tolist() == [5.0] * 4
