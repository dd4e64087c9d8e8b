"""grad, value_and_grad and vjp: arguments of every kind, trees, aux, and what is refused."""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

import numpy as np
import pytest

import pullback as pb


class Layer(NamedTuple):
    weight: object
    bias: object


def test_the_gradient_of_a_function():
    assert pb.grad(lambda x: pb.sin(x) * x)(0.5).item() == pytest.approx(np.cos(0.5) * 0.5 + np.sin(0.5))


def test_the_gradient_function_has_the_name_and_words_of_the_function():
    def energy(x):
        """E of x."""
        return x * x

    for transform in (pb.grad, pb.value_and_grad, pb.jacobian, pb.hessian, pb.checkpoint):
        assert transform(energy).__name__ == "energy"
        assert transform(energy).__doc__ == "E of x."


@pytest.mark.parametrize(("given", "dtype"), [
    (3, float), (3.0, float), (np.float64(3), float), (np.float32(3), np.float32), (np.float16(3), np.float16),
    (np.array(3.0), float), (pb.tensor(3.0), float), (pb.tensor(3.0, requires_grad=True), float),
    (pb.tensor(np.float32(3)), np.float32),
])  # fmt: skip
def test_a_number_of_any_kind(given, dtype):
    value, gradient = pb.value_and_grad(lambda x: x * x)(given)
    assert (value.item(), gradient.item()) == (9.0, 6.0)
    assert (gradient.dtype, gradient.shape) == (dtype, ())


@pytest.mark.parametrize("given", [
    np.arange(3), np.array(3), np.int64(3), pb.tensor(3), pb.arange(3), np.array([True]), "text",
    None, object(), {1, 2},
])  # fmt: skip
def test_what_has_no_derivative_is_refused(given):
    for transform in (
        lambda f, x: pb.grad(f)(x), lambda f, x: pb.vjp(f, x), lambda f, x: pb.jvp(f, (x,), (x,)),
        lambda f, x: pb.jacobian(f)(x), lambda f, x: pb.linearize(f, x), lambda f, x: pb.hessian(f)(x),
        lambda f, x: pb.hvp(f, (x,), (x,)),
    ):  # fmt: skip
        with pytest.raises(pb.DTypeError, match="only floating-point") as raised:
            transform(lambda x: pb.tensor(1.0), given)
        assert isinstance(raised.value, TypeError)


def test_other_arguments_may_be_anything():
    def f(x, power, names, *, scale):
        return (x**power).sum() * scale * len(names)

    assert pb.grad(f)(np.array([1.0, 2.0]), 2, ["a", "b"], scale=3).tolist() == [12.0, 24.0]


@pytest.mark.parametrize(("argnums", "expected"), [
    (0, 15.0), (1, 10.0), (2, 6.0), (-1, 6.0), ((0,), (15.0,)), ((2, 0), (6.0, 15.0)), ([1, -3], (10.0, 15.0)),
    ((), ()),
])  # fmt: skip
def test_argnums(argnums, expected):
    found = pb.grad(lambda a, b, c: a * b * c, argnums)(2.0, 3.0, 5.0)
    assert (tuple(g.item() for g in found) if isinstance(found, tuple) else found.item()) == expected


@pytest.mark.parametrize("argnums", [3, -4, (0, 3), (0, 0), (0, -3), (1, 1)])
def test_argnums_that_name_nothing_or_one_thing_twice(argnums):
    with pytest.raises(pb.GraphError, match="argnums"):
        pb.grad(lambda a, b, c: a * b * c, argnums)(2.0, 3.0, 5.0)


def test_arguments_by_name_are_not_differentiated():
    assert pb.grad(lambda a, b: a * b)(2.0, b=3.0).item() == 3.0
    with pytest.raises(pb.GraphError, match="by position"):
        pb.grad(lambda a: a)(a=2.0)


def test_nested_trees():
    parameters = {"layers": [Layer(np.ones((2, 3)), np.zeros(2)), (pb.ones(2), [2.0])], "scale": 3}

    def loss(p, x):
        hidden = np.tanh(p["layers"][0].weight @ x + p["layers"][0].bias)
        return (hidden * p["layers"][1][0]).sum() * p["layers"][1][1][0] * p["scale"]

    value, gradient = pb.value_and_grad(loss)(parameters, np.array([0.1, 0.2, 0.3]))
    t = np.tanh(0.6)
    assert type(gradient["layers"][0]) is Layer
    assert type(gradient["layers"][1]) is tuple
    assert type(gradient["layers"][1][1]) is list
    assert value.item() == pytest.approx(12 * t)
    assert gradient["scale"].item() == pytest.approx(4 * t)
    assert gradient["layers"][1][1][0].item() == pytest.approx(6 * t)
    assert np.allclose(gradient["layers"][1][0].numpy(), 6 * t)
    assert np.allclose(gradient["layers"][0].bias.numpy(), 6 * (1 - t * t))
    assert np.allclose(gradient["layers"][0].weight.numpy(), 6 * (1 - t * t) * np.array([[0.1, 0.2, 0.3]] * 2))


def test_empty_trees():
    assert pb.grad(lambda p: pb.tensor(1.0))({}) == {}
    assert pb.grad(lambda p, x: x * x, argnums=(0, 1))([], 3.0)[0] == []


def test_the_same_tensor_as_two_arguments_is_two_arguments():
    x = pb.tensor(3.0, requires_grad=True)
    a, b = pb.grad(lambda a, b: a * a * b, argnums=(0, 1))(x, x)
    assert (a.item(), b.item()) == (18.0, 9.0)


def test_an_argument_that_is_ignored_has_a_gradient_of_zeros():
    for x in (np.ones((2, 3), np.float32), 2.0, pb.ones(4)):
        gradient = pb.grad(lambda x, y: y * 2.0)(x, 3.0)
        assert (gradient.shape, gradient.dtype) == (np.shape(x), pb.asarray(x).dtype)
        assert not gradient.numpy().any()


def test_a_branch_may_give_a_plain_number():
    def f(x):
        return x * x if x > 0 else 0

    assert [pb.grad(f)(x).item() for x in (3.0, -3.0)] == [6.0, 0.0]
    assert pb.value_and_grad(lambda x: 7)(3.0)[0].item() == 7.0
    value, tangent = pb.jvp(lambda x: 7.5, (3.0,), (1.0,))
    assert (value.item(), tangent.item()) == (7.5, 0.0)


@pytest.mark.parametrize("result", [None, "text", np.array("a"), True, object(), [None], {"a": "b"}])
def test_a_function_that_gives_no_tensor(result):
    with pytest.raises(pb.GraphError, match="gave no tensor") as raised:
        pb.grad(lambda x: result)(2.0)
    assert "leave the graph" in str(raised.value)


def test_numbers_that_left_the_graph():
    with pytest.raises(pb.GraphError, match=r"\.numpy\(\)"):
        pb.grad(lambda x: (x * x).numpy())(2.0)


@pytest.mark.parametrize(
    "read", [lambda y: y.item(), float, lambda y: y.tolist(), lambda y: y.item() * 2, lambda y: float(y.detach() + y)]
)
def test_a_python_number_that_left_the_graph_is_not_taken_for_a_constant(read):
    with pytest.raises(pb.GraphError, match=r"item\(\)"):
        pb.grad(lambda x: read(x * x))(2.0)


@pytest.mark.parametrize(
    "f", [lambda x: x, lambda x: x[:0], lambda x: (x.sum(),), lambda x: {"a": x.sum()}, lambda x: [x.sum(), x.sum()]]
)
def test_more_than_one_number_is_refused(f):
    with pytest.raises(pb.GraphError, match="one number"):
        pb.grad(f)(np.ones(3))


def test_one_number_of_any_shape():
    assert pb.grad(lambda x: x * x)(np.array([[3.0]])).tolist() == [[6.0]]


def test_aux():
    def f(x):
        y = x * x
        return y.sum(), {"square": y, "name": "f", "count": 3}

    (value, aux), gradient = pb.value_and_grad(f, has_aux=True)(np.array([1.0, 2.0]))
    assert (value.item(), gradient.tolist()) == (5.0, [2.0, 4.0])
    assert (aux["square"].tolist(), aux["name"], aux["count"]) == ([1.0, 4.0], "f", 3)
    assert not aux["square"].requires_grad
    gradient, aux = pb.grad(f, has_aux=True)(np.array([1.0, 2.0]))
    assert (gradient.tolist(), aux["square"].tolist()) == ([2.0, 4.0], [1.0, 4.0])


def test_aux_is_differentiable_from_outside():
    def outer(x):
        gradient, aux = pb.grad(lambda y: (y**3, y * y), has_aux=True)(x)
        return gradient + aux

    assert pb.grad(outer)(2.0).item() == 6 * 2 + 2 * 2


@pytest.mark.parametrize("result", [lambda x: x, lambda x: (x, x, x), lambda x: [x, x]])
def test_aux_that_is_missing(result):
    for transform in (pb.grad, pb.value_and_grad):
        with pytest.raises(pb.OptionError, match="a pair"):
            transform(result, has_aux=True)(2.0)


def test_values_are_constants_unless_something_outside_is_tracked():
    value, gradient = pb.value_and_grad(lambda x: x * x)(3.0)
    assert not value.requires_grad
    assert not gradient.requires_grad
    w = pb.tensor(2.0, requires_grad=True)
    value, gradient = pb.value_and_grad(lambda x: x * x * w)(3.0)
    (value + gradient * 10).backward()
    assert w.grad.item() == 9.0 + 60.0


def test_a_leaf_as_argument_keeps_its_own_grad():
    w = pb.tensor([1.0, 2.0], requires_grad=True)
    gradient = pb.grad(lambda w: (w * w).sum())(w)
    assert gradient.tolist() == [2.0, 4.0]
    assert w.grad is None
    gradient.sum().backward()
    assert w.grad.tolist() == [2.0, 2.0]


def test_an_argument_is_guarded_as_a_leaf():
    def f(x):
        x *= 2
        return x.sum()

    with pytest.raises(pb.GraphError, match="leaf"):
        pb.grad(f)(np.ones(2))
    given = np.ones(2)
    assert pb.grad(lambda x: f(x * 1))(given).tolist() == [2.0, 2.0]
    assert given.tolist() == [1.0, 1.0]


def test_vjp_pulls_as_often_as_asked():
    y, back = pb.vjp(lambda a, b: pb.sin(a) * b, 0.5, np.array([1.0, 2.0]))
    assert np.allclose(y.numpy(), np.sin(0.5) * np.array([1.0, 2.0]))
    for cotangent in (np.array([1.0, 0.0]), np.array([0, 1]), pb.tensor([2.0, 3.0]), np.zeros(2)):
        c = np.asarray(cotangent)
        a, b = back(cotangent)
        assert a.item() == pytest.approx(float(np.cos(0.5) * (c * [1.0, 2.0]).sum()))
        assert np.allclose(b.numpy(), np.sin(0.5) * c)


def test_vjp_of_trees():
    value, back = pb.vjp(lambda p, q: {"sum": p["x"] + q, "all": [p["x"] * q, 5.0]}, {"x": 2.0}, 3.0)
    assert (value["sum"].item(), value["all"][0].item(), value["all"][1].item()) == (5.0, 6.0, 5.0)
    p, q = back({"sum": 1.0, "all": [10.0, 100.0]})
    assert (p["x"].item(), q.item()) == (31.0, 21.0)
    with pytest.raises(pb.ShapeError, match="structures differ"):
        back({"sum": 1.0, "all": [10.0]})
    with pytest.raises(pb.ShapeError, match="structures differ"):
        back(1.0)


@pytest.mark.parametrize("cotangent", [np.ones(3), np.ones((2, 1)), 1.0, np.ones((1, 2))])
def test_a_cotangent_has_the_shape_of_its_value(cotangent):
    _, back = pb.vjp(lambda x: x * 2, np.ones(2))
    with pytest.raises(pb.ShapeError, match=r"value  \(2,\)"):
        back(cotangent)


def test_vjp_with_aux():
    y, back, aux = pb.vjp(lambda x: (x * x, x + 1), 3.0, has_aux=True)
    assert (y.item(), back(1.0)[0].item(), aux.item()) == (9.0, 6.0, 4.0)


def test_vjp_is_differentiable_in_the_cotangent_and_the_point():
    c = pb.tensor(2.0, requires_grad=True)
    _, back = pb.vjp(lambda x: x**3, 3.0)
    back(c)[0].backward()
    assert c.grad.item() == 27.0
    assert pb.grad(lambda x: pb.vjp(lambda y: y**3, x)[1](2.0)[0])(3.0).item() == 36.0


def test_a_graph_is_freed_with_its_transform():
    import gc
    import weakref

    seen = []

    def f(x):
        y = pb.sin(x)
        seen.append(weakref.ref(y.node))
        return y * y

    gc.disable()
    try:
        pb.grad(f)(1.0)
        _, back = pb.vjp(f, 1.0)
        pb.jvp(f, (1.0,), (1.0,))
        assert [node() is None for node in seen] == [True, False, True]
        del back
        assert seen[1]() is None
    finally:
        gc.enable()


@pytest.mark.parametrize("transform", [pb.grad, pb.value_and_grad, pb.jacobian, pb.hessian])
def test_a_value_in_place_of_its_function(transform):
    with pytest.raises(pb.OptionError, match=r"this is not a function\n  got  Tensor\n  fix  pb\.gradients"):
        transform(pb.tensor(2.0) ** 2)
    with pytest.raises(pb.OptionError, match="this is not a function\n  got  float"):
        transform(3.0)


@pytest.mark.parametrize(
    "given", [{1.0, 2.0}, (x for x in [1.0]), Fraction(1, 3)], ids=["set", "generator", "fraction"]
)
def test_arguments_that_are_no_arrays_are_named(given):
    with pytest.raises(pb.DTypeError, match=rf"got  {type(given).__name__}\s+fix  numbers and arrays, and tuples"):
        pb.grad(lambda x: x)(given)
