"""What a mask leaves out has derivative 0, even where it is infinite or NaN; and a NaN in the result still shows."""

from __future__ import annotations

from contextlib import nullcontext

import numpy as np
import pytest

import pullback as pb

# f(x) is x in the masked branch, and singular, overflowing or undefined in the other one.
SINGULAR = {
    "sqrt": (lambda x: pb.sqrt(x), -1.0),
    "log": (lambda x: pb.log(x), -1.0),
    "log of zero": (lambda x: pb.log(x), 0.0),
    "log1p": (lambda x: pb.log1p(x), -2.0),
    "reciprocal": (lambda x: 1 / x, 0.0),
    "np.reciprocal": (lambda x: pb.reciprocal(x), 0.0),
    "quotient": (lambda x: pb.sin(x) / x, 0.0),
    "square root by power": (lambda x: x**0.5, -1.0),
    "power at zero": (lambda x: x**-1.5, 0.0),
    "exponent": (lambda x: (x - 1) ** x, -1.0),
    "arcsin": (lambda x: pb.arcsin(x), -1.0),
    "arccos": (lambda x: pb.arccos(x), -2.0),
    "arccosh": (lambda x: pb.arccosh(x), -1.0),
    "arctanh": (lambda x: pb.arctanh(x), -1.0),
    "cbrt": (lambda x: pb.cbrt(x), 0.0),
    "norm": (lambda x: pb.norm(pb.stack([x / x, x])), 0.0),
    "norm at zero": (lambda x: pb.norm(pb.stack([x, 2 * x])), 0.0),
    "standard deviation": (lambda x: pb.std(pb.stack([1 / x, x])), 0.0),
    "product": (lambda x: pb.prod(pb.stack([1 / x, x])), 0.0),
    "overflow of exp": (lambda x: pb.exp(-x), -1000.0),
    "overflow of expm1": (lambda x: pb.expm1(-x) * 0.5, -1000.0),
    "overflow of cosh": (lambda x: pb.cosh(x), -1000.0),
    "overflow of a product": (lambda x: x * pb.exp(-x), -1000.0),
    "softplus by its formula": (lambda x: pb.log(1 + pb.exp(-x)), -1000.0),
    "tan of infinity": (lambda x: pb.tan(1 / x), 0.0),
    "logsumexp": (lambda x: pb.logsumexp(pb.stack([1 / x, x])), 0.0),
    "softmax": (lambda x: pb.softmax(pb.stack([1 / x, x]))[0], 0.0),
    "nested where": (lambda x: pb.where(x > -5, pb.log(pb.where(x > -3, x, pb.sqrt(x))), pb.sqrt(x)), -1.0),
    "composition": (lambda x: pb.sqrt(pb.log(x)) / x, -1.0),
    "numpy's functions": (lambda x: np.sqrt(x) + np.log(x), -1.0),
}
MASKS = {
    "where": lambda f: lambda x: pb.where(x > 0, f(x), x),
    "np.where": lambda f: lambda x: np.where(x > 0, f(x), x),
    "where of constants": lambda f: lambda x: x + pb.where(x > 0, f(x), 0.0),
    "stacked": lambda f: lambda x: pb.stack([f(x), x])[1],
    "two wheres": lambda f: lambda x: pb.where(x > 1, f(x), pb.where(x > 0, f(2 * x), x)),
}
FORMS = [
    pytest.param(mask(f), point, id=f"{name}, {how}")
    for name, (f, point) in SINGULAR.items()
    for how, mask in MASKS.items()
]
# Their derivatives are finite even where they are not taken: 1 / x of a negative number, and 0 by convention.
FINITE = {"log", "log1p", "norm at zero"}
ONCE = [pytest.param(MASKS["where"](f), point, id=name) for name, (f, point) in SINGULAR.items()]


@pytest.fixture(autouse=True)
def quiet():
    with np.errstate(all="ignore"):
        yield


@pytest.mark.parametrize(("f", "point"), FORMS)
def test_reverse_mode(f, point):
    assert pb.grad(f)(point).item() == 1


@pytest.mark.parametrize(("f", "point"), FORMS)
def test_forward_mode(f, point):
    assert pb.jvp(f, (point,), (1.0,))[1].item() == 1


@pytest.mark.parametrize(("f", "point"), FORMS)
def test_backward(f, point):
    x = pb.tensor(point, requires_grad=True)
    f(x).backward()
    assert x.grad.item() == 1


@pytest.mark.parametrize(("f", "point"), ONCE)
def test_second_order_in_all_nestings(f, point):
    def forward(g):
        return lambda x: pb.jvp(g, (x,), (1.0,))[1]

    for outer in (pb.grad, forward):
        for inner in (pb.grad, forward):
            assert outer(inner(lambda x: f(x) * x))(point).item() == 2


@pytest.mark.parametrize(("f", "point"), ONCE)
def test_third_order(f, point):
    assert pb.grad(pb.grad(pb.grad(lambda x: f(x) * x * x)))(point).item() == 6


@pytest.mark.parametrize(("f", "point"), ONCE)
def test_create_graph(f, point):
    x = pb.tensor(point, requires_grad=True)
    (f(x) * x).backward(create_graph=True)
    first = x.grad
    x.grad = None
    first.backward()
    assert first.item() == 2 * point
    assert x.grad.item() == 2


@pytest.mark.parametrize("name", ["sqrt", "log", "arcsin", "arccosh", "reciprocal"])
def test_arrays_keep_what_is_taken(name):
    f = getattr(pb, name)
    x = np.array([-1.0, 0.0, 0.5, 1.5])
    gradient = pb.grad(lambda x: pb.where(abs(x) == 0.5, f(x + (name == "arccosh")), x).sum())(x).numpy()
    alone = pb.grad(lambda x: f(x + (name == "arccosh")))(0.5).item()
    np.testing.assert_array_equal(gradient, [1, 1, alone, 1])


def test_missing_data_leave_the_parameters_alone():
    x, y = np.array([1.0, np.nan, 3.0]), np.array([2.0, 1.0, np.nan])
    present = ~np.isnan(x * y)
    gradient = pb.grad(lambda w: pb.where(present, (x * w[0] + w[1] - y) ** 2, 0.0).sum())(np.array([1.0, 0.0]))
    np.testing.assert_array_equal(gradient.numpy(), [-2, -2])


def test_an_activation_in_pieces_may_overflow_where_it_is_not_taken():
    elu = pb.grad(lambda x: pb.where(x > 0, x, pb.expm1(x)).sum())
    np.testing.assert_array_equal(elu(np.array([1e4, 1.0, 0.0])).numpy(), [1, 1, 1])


@pytest.mark.parametrize(("f", "point"), [row for row in ONCE if row.id not in FINITE])
def test_strict_nan_turns_it_off(f, point):
    with pb.strict_nan():
        assert np.isnan(pb.grad(f)(point).item())


@pytest.mark.parametrize("shape", [(), (1,), (2, 3)])
@pytest.mark.parametrize("strict", [False, True])
def test_a_mask_selects_tangents_of_numbers_as_it_does_those_of_arrays(shape, strict):
    f, x, t = MASKS["where"](pb.sqrt), np.full(shape, -1.0), np.ones(shape)
    with pb.strict_nan() if strict else nullcontext():
        assert (pb.jvp(f, (x,), (t,))[1].numpy() == 1).all()  # nothing was multiplied, so IEEE has no say


def test_a_nan_in_the_result_shows():
    assert np.isnan(pb.grad(lambda x: pb.where(x < 0, pb.sqrt(x), x))(-1.0).item())
    assert np.isnan(pb.grad(lambda x: pb.sqrt(x) * x)(-1.0).item())
    assert np.isnan(pb.grad(lambda x: pb.arcsin(x).sum())(np.array([-2.0])).item())
    assert np.isnan(pb.value_and_grad(pb.log)(-1.0)[0].item())
    assert np.isnan(pb.grad(lambda x: x * np.nan)(1.0).item())
    assert np.isnan(pb.jvp(lambda x: pb.log(x) * x, (-1.0,), (1.0,))[1].item())
    assert pb.grad(pb.sqrt)(0.0).item() == np.inf
    assert pb.grad(pb.log)(0.0).item() == np.inf


def test_zero_times_infinity_in_the_value_is_nan():
    value, gradient = pb.value_and_grad(lambda x: 0.0 * pb.exp(x))(1000.0)
    assert np.isnan(value.item())
    assert gradient.item() == 0  # the derivative of 0 · eˣ
