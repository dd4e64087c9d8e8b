"""Primitives of a user's own, of every kind: one fact each, and both modes and all orders follow."""

from __future__ import annotations

import copy
import pickle
from contextlib import nullcontext

import numpy as np
import pytest
from tests.core.numerics import central

import pullback as pb
from pullback.core.custom_kinds import CustomJVP, CustomVJP
from pullback.core.errors import ShapeError
from pullback.core.kinds import BilinearMap, Elementwise, LinearMap, Reduction, product, strong_product
from pullback.core.opaque import Opaque
from pullback.core.primitive import PLANNED, Primitive
from pullback.ops.elementwise import sign_
from pullback.ops.movement import stack_
from pullback.ops.reductions import max_


def cross(a, b):
    return CROSS.bind(a, b)


CUBE = Elementwise("cube", lambda x: x**3, lambda x: 3 * x**2)
FMA = Elementwise("fma", lambda a, b, c: a * b + c, lambda b: b, lambda a: a, 1)
STEP = Elementwise("step", lambda x: (x > 0) * 1.0, 0)
GATED = Elementwise("gated", lambda a, b: np.where(a > 0, b, 0), None, lambda a: a > 0)
ROOT = Elementwise("root", np.sqrt, lambda y: 0.5 / y, strong=True)
SQUARES = Reduction(
    "squares", lambda x, axis, keepdims: np.sum(x * x, axis=axis, keepdims=keepdims), lambda x, axis: 2 * x
)
PAIRS = LinearMap("pairs", lambda x: x[1:] + x[:-1], lambda ct, x: np.pad(ct, (1, 0)) + np.pad(ct, (0, 1)))
PICKED = LinearMap("picked", lambda x, i: x[i], lambda ct, x, i: pb.setitem(pb.zeros(x.shape), i, ct), None)
WEIGHTED = LinearMap(
    "weighted", lambda *xs, weights: sum(w * x for w, x in zip(weights, xs, strict=True)),
    lambda ct, xs, wanted, weights: [ct * weights[i] for i in wanted], variadic=True,
)  # fmt: skip
CROSS = BilinearMap("cross", np.cross, lambda ct, b, _: cross(b, ct), lambda ct, a, _: cross(ct, a))
INVERSE = CustomJVP("inverse", np.linalg.inv, lambda primals, tangents, y: -(y @ tangents[0] @ y))
EXPONENTIAL = CustomVJP("exponential", np.exp, lambda ct, primals, y: (ct * EXPONENTIAL.bind(primals[0]),))

X = np.array([0.4, 1.1, -0.6])
M = np.array([[2.0, 1.0], [0.5, 3.0]])

CASES = {
    "Elementwise": (CUBE, X),
    "Elementwise of three": (lambda x: FMA(x, x[::-1], 2.0) * FMA(2.0, x, x), X),
    "Elementwise broadcast": (lambda x: FMA(x[:, None], x, x[0]), X),
    "Elementwise selecting": (lambda x: GATED(np.array([1.0, -1.0, 1.0]), x**2), X),
    "Elementwise strong": (lambda x: ROOT(x * x + 1), X),
    "Reduction": (lambda x: SQUARES(x * x, axis=(0,), keepdims=False) * x, X),
    "Reduction kept": (lambda x: SQUARES(pb.outer(x, x), axis=(1,), keepdims=True) * x, X),
    "LinearMap": (lambda x: PAIRS(x * x) * x[1:], X),
    "LinearMap with an index": (lambda x: PICKED(x**3, np.array([2, 0])), X),
    "LinearMap variadic": (lambda x: WEIGHTED(x, x * x, np.ones(3), weights=(2.0, 3.0, 4.0)), X),
    "BilinearMap": (lambda x: cross(x, x * x + 1.0), X),
    "BilinearMap of a constant": (lambda x: cross(np.array([1.0, 2.0, 3.0]), x) * x, X),
    "CustomJVP": (lambda x: INVERSE(x) * x, M),
    "CustomVJP": (lambda x: EXPONENTIAL(x) * x, X),
}


@pytest.mark.parametrize("name", CASES)
def test_first_order_in_both_modes(name):
    f, x = CASES[name]
    expected = central(f, x)
    for mode in ("reverse", "forward"):
        assert np.allclose(pb.jacobian(f, mode=mode)(x).numpy(), expected, rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("outer", ["forward", "reverse"])
@pytest.mark.parametrize("inner", ["forward", "reverse"])
def test_second_order_in_all_four_nestings(name, outer, inner):
    f, x = CASES[name]
    first = pb.jacobian(f, mode=inner)
    found = pb.jacobian(first, mode=outer)(x).numpy()
    assert np.allclose(found, central(first, x), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("name", CASES)
def test_third_order(name):
    f, x = CASES[name]

    def second(x):
        return pb.jacobian(pb.grad(lambda x: pb.sin(f(x)).sum()))(x)

    assert np.allclose(pb.jacobian(second)(x).numpy(), central(second, x), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", CASES)
def test_the_dtype_of_the_operands_stays(name):
    f, x = CASES[name]
    small = x.astype(np.float32)
    gradient = pb.grad(lambda x: f(x).sum())(small)
    assert (gradient.dtype, gradient.shape) == (np.float32, x.shape)


def test_a_derivative_of_zero_or_none_is_zero():
    assert pb.grad(lambda x: STEP(x) + x)(2.0).item() == 1.0
    assert pb.jvp(STEP, (2.0,), (1.0,))[1].item() == 0.0
    assert STEP(pb.tensor(2.0, requires_grad=True)).requires_grad
    condition = pb.tensor([1.0, -1.0], requires_grad=True)
    assert pb.gradients(GATED(condition * 1, condition).sum())[condition].tolist() == [1.0, 0.0]


def test_a_boolean_partial_selects_and_never_multiplies():
    gradient = pb.vjp(lambda b: GATED(np.array([1.0, -1.0]), b), np.ones(2))[1](np.array([2.0, np.inf]))[0]
    assert gradient.tolist() == [2.0, 0.0]


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("shape", [(), (3,)])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble, ">f4", ">f8"])
@pytest.mark.parametrize("f", [pb.relu, lambda x: pb.clip(x, 0, 1), lambda x: pb.where(x > 0, x, 0)])
def test_a_boolean_partial_selects_numbers_as_it_does_arrays(f, dtype, shape, strict):
    x = np.full(shape, -1, dtype)
    for create_graph in (False, True):
        with pb.strict_nan() if strict else nullcontext():
            source = pb.tensor(x, requires_grad=True)
            f(source).backward(np.full(shape, np.inf), create_graph=create_graph)
        assert np.array_equal(source.grad.numpy(), np.zeros(shape))
        assert source.grad.dtype == source.dtype


def test_a_strong_partial_gives_way_to_zero():
    _, back = pb.vjp(ROOT, np.array([0.0, 4.0]))
    assert back(np.array([0.0, 1.0]))[0].tolist() == [0.0, 0.25]
    assert back(np.array([1.0, 0.0]))[0].tolist() == [np.inf, 0.0]


@pytest.mark.parametrize("zero", [0.0, -0.0])
@pytest.mark.parametrize("other", [np.inf, -np.inf, np.nan, 1e308])
def test_zero_wins_in_a_strong_product(zero, other):
    for a, b in ((zero, other), (other, zero)):
        with np.errstate(invalid="ignore"):
            assert strong_product(np.array([a, 2.0]), np.array([b, 3.0])).tolist() == [0.0, 6.0]
            assert strong_product(np.float64(a), np.float64(b)) == 0.0
            assert strong_product(pb.tensor([a]), np.array([b])).tolist() == [0.0]


def test_a_strong_product_keeps_what_is_really_infinite():
    with np.errstate(all="ignore"):
        found = strong_product(np.array([np.inf, np.nan, 2.0, 1e200, 0.0]), np.array([2.0, 1.0, np.inf, 1e200, 5.0]))
    assert np.array_equal(found, [np.inf, np.nan, np.inf, np.inf, 0.0], equal_nan=True)


@pytest.mark.parametrize("partial", [1, -1, 2, 0.5, 1.0, True, np.float64(2.0), np.True_])
def test_a_number_as_partial(partial):
    direction = np.array([1.0, np.inf])
    assert product(partial, direction, strong=False).tolist() == [float(partial), float(partial) * np.inf]


def test_a_rule_keeps_what_it_names_and_no_more():
    x, y = pb.tensor(np.ones(100), requires_grad=True), pb.tensor(np.ones(100), requires_grad=True)
    kept = {"cube": CUBE(x), "root": ROOT(x), "fma": FMA(x, y, y), "fma of one": FMA(x, np.ones(100), 1.0)}
    places = {name: [i for i, value in enumerate(t.node.saved) if value is not None] for name, t in kept.items()}
    assert places == {"cube": [1], "root": [0], "fma": [1, 2], "fma of one": [2]}


def test_an_opaque_operation_gives_constants():
    draw = Opaque("draw", lambda x: x + 1)
    x = pb.tensor([1.0, 2.0], requires_grad=True)
    assert not draw(x).requires_grad
    assert pb.grad(lambda x: (x * draw(x)).sum())(np.array([1.0, 2.0])).tolist() == [2.0, 3.0]


def test_several_outputs():
    both = CustomJVP("both", lambda x: (np.sin(x), np.cos(x)), lambda p, t, y: (y[1] * t[0], -y[0] * t[0]))

    def split(x):
        from pullback.core.outputs import outputs_of

        return outputs_of(both(x))

    sine, cosine = pb.jacobian(split)(0.7)
    assert np.allclose([sine.item(), cosine.item()], [np.cos(0.7), -np.sin(0.7)])
    assert pb.grad(lambda x: split(x)[1])(0.7).item() == pytest.approx(-np.sin(0.7))
    assert pb.jvp(split, (0.7,), (2.0,))[1][0].item() == pytest.approx(2 * np.cos(0.7))


def test_a_vjp_rule_that_gives_the_wrong_number_of_cotangents():
    wrong = CustomVJP("wrong", lambda a, b: a * b, lambda ct, primals, y: (ct,))
    with pytest.raises(pb.GraphError, match="one cotangent for each operand"):
        pb.grad(wrong)(1.0, 2.0)


@pytest.mark.parametrize(
    ("own", "given"),
    [
        ((3,), ()), ((3,), (2,)), ((3,), (1,)), ((3,), (4, 2)), ((3, 2), (2, 3)), ((2, 3), (6, 1)), ((2, 3), (3,)),
        ((1, 3), ()), ((1, 3), (3,)), ((1, 3), (2, 2)), ((1, 3), (5, 4, 2)), ((3, 1), (3,)), ((2, 3, 1), (3, 2, 1)),
    ],
)  # fmt: skip
def test_a_rule_that_gives_a_cotangent_of_another_shape_is_named(own, given):
    wrong = LinearMap("wrong", lambda x: np.add.reduce(x, axis=None), lambda ct, x: ct * np.ones(given))
    with pytest.raises(ShapeError, match=r"wrong: the rule gave a cotangent of another shape"):
        pb.grad(wrong)(np.ones(own))


def test_primitives_have_names_and_words():
    assert repr(CUBE) == "<Elementwise cube>"
    assert CUBE.__name__ == "cube"
    assert pb.sin.__doc__ == "The sine of x radians."
    with pytest.raises(TypeError, match="abstract"):
        Primitive("nothing", np.sin)


@pytest.mark.parametrize("primitive", [pb.sin, pb.special.gammaln, sign_, CUBE])
def test_a_primitive_pickles_as_a_function_does_by_its_name(primitive):
    assert pickle.loads(pickle.dumps(primitive)) is primitive
    layer = copy.deepcopy(pb.nn.Sequential(pb.nn.Linear(2, 2), pb.nn.Lambda(primitive)))
    assert pickle.loads(pickle.dumps(layer))[1].function is primitive


def test_a_primitive_without_a_name_in_a_module_has_no_pickle():
    with pytest.raises(pb.GraphError, match="no module has a name for it"):
        pickle.dumps(Elementwise("cube", np.sin, np.cos))


def test_on_plain_arrays_bind_boxes_nothing():
    assert type(CUBE.bind(np.ones(2))) is np.ndarray
    assert isinstance(CUBE.bind(pb.ones(2)), pb.Tensor)
    assert isinstance(CUBE(np.ones(2)), pb.Tensor)
    assert CUBE(2.0).item() == 8.0


def test_complaints_name_the_operation():
    with pytest.raises(pb.ShapeError, match=r"fma: .*\n  operand 0  \(2,\)\n  operand 1  \(3,\)"):
        FMA(np.ones(2), np.ones(3), 1.0)
    with pytest.raises(pb.DTypeError, match="cube: "):
        CUBE("three")
    with pytest.raises(pb.DTypeError, match="not an array"):
        CUBE(object())


@pytest.mark.parametrize("partials", [(), (1,) * 6])
def test_partials_that_are_missing_or_too_many_are_named(partials):
    with pytest.raises(pb.OptionError, match="a partial derivative for each operand"):
        Elementwise("bare", lambda *x: x[0], *partials)


def test_plans_of_long_lists_are_not_kept():
    for count in (2, 3, 40, 41, 42):
        total = pb.stack([pb.tensor(1.0, requires_grad=True) for _ in range(count)]).sum()
        total.backward()
        assert total.item() == count
    assert max(stack_._plans).bit_length() <= PLANNED + 1


class Silent(Primitive):
    """A primitive that says nothing of what its derivatives need."""

    vjp = jvp = None


def test_where_nothing_is_recorded_nothing_is_asked_of_a_rule():
    x = pb.tensor(2.0, requires_grad=True)
    silent = Silent("silent", np.negative)
    silent.needs = None
    with pb.no_grad():
        assert silent(x).item() == -2.0


def test_too_many_operands_of_a_reduction_are_named():
    x = pb.tensor([1.0, 2.0], requires_grad=True)
    with pytest.raises(pb.DTypeError, match="max: "):
        max_(x, x, x, axis=None, keepdims=False)


def test_the_hot_path_has_no_variables_that_other_functions_see():
    """A comprehension that used one would make it slower to reach, in every operation that is recorded."""
    assert Primitive.__call__.__code__.co_cellvars == ()
