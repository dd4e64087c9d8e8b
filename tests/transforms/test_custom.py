"""custom_jvp and custom_vjp: both modes, all orders, several outputs, and rules that are wrong."""

from __future__ import annotations

import numpy as np
import pytest

import pullback as pb

X = np.array([0.3, 0.8])
MODES = ("forward", "reverse")


def leaf(value):
    return pb.tensor(value, requires_grad=True)


def by_jvp(f, rule):
    made = pb.custom_jvp(f)
    made.defjvp(lambda primals, tangents, **params: (made(*primals, **params), rule(primals, tangents, **params)))
    return made


def by_vjp(f, rule):
    made = pb.custom_vjp(f)
    made.defvjp(lambda *args, **params: (made(*args, **params), args), rule)
    return made


SINES = {  # twice the derivative of the sine, to tell the rule from the function
    "custom_jvp": by_jvp(pb.sin, lambda p, t: 2 * pb.cos(p[0]) * t[0]),
    "custom_vjp": by_vjp(pb.sin, lambda args, ct: (2 * pb.cos(args[0]) * ct,)),
    "custom_jvp by np": by_jvp(np.sin, lambda p, t: 2 * np.cos(p[0]) * t[0]),
    "custom_vjp by np": by_vjp(np.sin, lambda args, ct: 2 * np.cos(args[0]) * ct),  # of one argument, without a tuple
}


@pytest.fixture(params=SINES.values(), ids=SINES)
def sine(request):
    return request.param


def test_the_value_is_the_function_s(sine):
    assert np.array_equal(sine(X).numpy(), np.sin(X))
    assert sine(0.5).item() == np.sin(0.5)
    assert sine(pb.tensor(X.astype(np.float32))).dtype == np.float32
    assert not sine(X).requires_grad


def test_the_rule_is_used_in_both_modes_and_all_orders(sine):
    for mode in MODES:
        assert np.allclose(pb.jacobian(sine, mode=mode)(X).numpy(), np.diag(2 * np.cos(X)))
        for outer in MODES:
            second = pb.jacobian(pb.jacobian(sine, mode=mode), mode=outer)(0.7).item()
            assert second == pytest.approx(-2 * np.sin(0.7))
    assert pb.grad(pb.grad(pb.grad(sine)))(0.7).item() == pytest.approx(-2 * np.cos(0.7))
    assert pb.hessian(lambda x: sine(sine(x)))(0.7).item() == pytest.approx(
        -2 * np.sin(np.sin(0.7)) * (2 * np.cos(0.7)) ** 2 / 1 + 2 * np.cos(np.sin(0.7)) * -2 * np.sin(0.7)
    )


def test_the_rule_is_used_by_backward(sine):
    x = leaf(X)
    sine(x * 2).sum().backward(create_graph=True)
    gradient, x.grad = x.grad, None
    gradient.sum().backward()
    assert np.allclose(gradient.numpy(), 4 * np.cos(2 * X))
    assert np.allclose(x.grad.numpy(), -8 * np.sin(2 * X))


def test_the_name_and_words_are_the_function_s():
    @pb.custom_jvp
    def energy(x):
        """E of x."""
        return x

    assert (energy.__name__, energy.__doc__) == ("energy", "E of x.")
    assert energy(leaf(1.0)).node.primitive.name == "energy"


SEVERAL_ARGUMENTS = {
    "custom_jvp": by_jvp(
        lambda x, y, n=2: x**n * y, lambda p, t, n=2: n * p[0] ** (n - 1) * p[1] * t[0] + p[0] ** n * t[1]
    ),
    "custom_vjp": by_vjp(lambda x, y, n=2: x**n * y, None),
}
SEVERAL_ARGUMENTS["custom_vjp"].defvjp(
    lambda x, y, n=2: (x**n * y, (x, y, n)), lambda r, ct: (ct * r[2] * r[0] ** (r[2] - 1) * r[1], ct * r[0] ** r[2])
)


@pytest.mark.parametrize("f", SEVERAL_ARGUMENTS.values(), ids=SEVERAL_ARGUMENTS)
def test_several_arguments_and_parameters(f):
    a, b = pb.grad(lambda x, y: f(x, y, n=3), argnums=(0, 1))(2.0, 5.0)
    assert (a.item(), b.item()) == (60.0, 8.0)
    assert pb.grad(f, argnums=1)(2.0, 5.0).item() == 4.0
    assert pb.grad(lambda x: f(x, x))(2.0).item() == 12.0
    assert pb.jvp(f, (2.0, 5.0), (1.0, 10.0))[1].item() == 20.0 + 40.0
    assert pb.jvp(lambda y: f(2.0, y), (5.0,), (1.0,))[1].item() == 4.0
    (aa, ab), (ba, bb) = pb.hessian(f, argnums=(0, 1))(2.0, 5.0)
    assert [v.item() for v in (aa, ab, ba, bb)] == [10.0, 4.0, 4.0, 0.0]


@pytest.mark.parametrize("f", SEVERAL_ARGUMENTS.values(), ids=SEVERAL_ARGUMENTS)
def test_broadcasting_inside_is_undone(f):
    x, y = leaf(np.ones((2, 3))), leaf(np.full(3, 2.0))
    f(x, y).sum().backward()
    assert np.array_equal(x.grad.numpy(), np.full((2, 3), 4.0))
    assert y.grad.tolist() == [2.0, 2.0, 2.0]
    assert pb.jvp(f, (np.ones((2, 3)), np.ones(3)), (np.zeros((2, 3)), np.ones(3)))[1].shape == (2, 3)


@pytest.mark.parametrize("f", SEVERAL_ARGUMENTS.values(), ids=SEVERAL_ARGUMENTS)
def test_python_numbers_stay_weak(f):
    x = leaf(np.ones(2, np.float32))
    y = f(x, 2.0)
    assert y.dtype == np.float32
    y.sum().backward()
    assert x.grad.dtype == np.float32


def waves(x):
    return pb.sin(x), (x * x).sum()


PAIRS = {
    "custom_jvp": by_jvp(waves, lambda p, t: (pb.cos(p[0]) * t[0], 2 * (p[0] * t[0]).sum())),
    "custom_vjp": by_vjp(waves, lambda args, ct: (pb.cos(args[0]) * ct[0] + 2 * args[0] * ct[1],)),
}
FORWARD_OF_PAIRS = [
    pytest.param(PAIRS["custom_jvp"], id="custom_jvp"),
    pytest.param(PAIRS["custom_vjp"], id="custom_vjp"),
]


@pytest.mark.parametrize("f", PAIRS.values(), ids=PAIRS)
def test_several_outputs_in_reverse(f):
    a, b = f(X)
    assert np.array_equal(a.numpy(), np.sin(X))
    assert b.item() == (X * X).sum()
    assert np.allclose(pb.grad(lambda x: f(x)[0].sum())(X).numpy(), np.cos(X))  # one of them alone
    assert np.allclose(pb.grad(lambda x: f(x)[1])(X).numpy(), 2 * X)
    both = pb.grad(lambda x: (f(x)[0] * f(x)[1]).sum())(X).numpy()
    assert np.allclose(both, np.cos(X) * (X * X).sum() + 2 * X * np.sin(X).sum())
    found = pb.grad(lambda x: pb.grad(lambda y: (f(y)[0] * f(y)[1]).sum())(x)[0])(X).numpy()
    assert np.allclose(found, pb.grad(lambda x: pb.grad(lambda y: (waves(y)[0] * waves(y)[1]).sum())(x)[0])(X).numpy())


@pytest.mark.parametrize("f", FORWARD_OF_PAIRS)
def test_several_outputs_forward(f):
    _, (a, b) = pb.jvp(f, (X,), (np.array([1.0, 10.0]),))
    assert np.allclose(a.numpy(), np.cos(X) * [1, 10])
    assert b.item() == pytest.approx(2 * (X * [1, 10]).sum())
    found = pb.hessian(lambda x: (f(x)[0] * f(x)[1]).sum())(X).numpy()
    assert np.allclose(found, pb.hessian(lambda x: (waves(x)[0] * waves(x)[1]).sum())(X).numpy())


def test_none_is_zero():
    f = by_vjp(lambda x, y: x * y, lambda args, ct: (ct * args[1], None))
    assert [g.item() for g in pb.grad(f, argnums=(0, 1))(2.0, 5.0)] == [5.0, 0.0]
    assert pb.jvp(f, (2.0, 5.0), (0.0, 1.0))[1].item() == 0.0
    g = by_jvp(lambda x: (x * 1.0, x * 2.0), lambda p, t: (None, 2.0 * t[0]))
    assert [t.item() for t in pb.jvp(g, (3.0,), (1.0,))[1]] == [0.0, 2.0]
    assert pb.grad(lambda x: g(x)[0] + g(x)[1])(3.0).item() == 2.0


def test_integer_arguments_need_no_derivative():
    f = by_vjp(lambda x, i: x[i], lambda args, ct: (pb.setitem(pb.zeros(args[0].shape), args[1], ct), None))
    x = leaf([1.0, 2.0, 3.0])
    f(x, np.array([2, 0])).sum().backward()
    assert x.grad.tolist() == [1.0, 0.0, 1.0]


@pytest.mark.parametrize("result", [7.0, np.float64(7.0), np.array(7.0), pb.tensor(7.0), np.float32(7), 7])
def test_a_rule_may_give_any_kind_of_number(result):
    x = leaf(np.float32(2.0))
    by_vjp(lambda x: x * 1.0, lambda args, ct: (result,))(x).backward()
    assert (x.grad.item(), x.grad.dtype) == (7.0, np.float32)
    _, tangent = pb.jvp(by_jvp(lambda x: x * 1.0, lambda p, t: result), (np.float32(2.0),), (1.0,))
    assert (tangent.item(), tangent.dtype) == (7.0, np.float32)


def test_a_rule_that_was_never_given():
    f, g = pb.custom_jvp(lambda x: x * 1.0), pb.custom_vjp(lambda x: x * 1.0)
    assert f(2.0).item() == g(2.0).item() == 2.0
    for h, fix in ((f, "@f.defjvp"), (g, "f.defvjp")):
        for derive in (lambda h=h: pb.grad(h)(2.0), lambda h=h: pb.jvp(h, (2.0,), (1.0,)), h(leaf(2.0)).backward):
            with pytest.raises(pb.GraphError, match="no derivative is defined") as raised:
                derive()
            assert fix in str(raised.value)


def test_rules_of_the_wrong_form():
    for rule, complaint in (
        (lambda args, ct: (ct,), "one cotangent for each operand"),
        (lambda args, ct: (ct, ct, ct), "one cotangent for each operand"),
    ):
        with pytest.raises(pb.GraphError, match=complaint):
            pb.grad(by_vjp(lambda x, y: x * y, rule))(1.0, 2.0)
    f = pb.custom_jvp(lambda x: x * 2)
    for wrong in (lambda p, t: 2 * t[0], lambda p, t: (f(p[0]),), lambda p, t: [f(p[0]), t[0]]):
        f.defjvp(wrong)
        for derive in (pb.grad(f), lambda x: pb.jvp(f, (x,), (1.0,))):
            with pytest.raises(pb.GraphError, match="pair \\(value, tangent\\)"):
                derive(3.0)
    g = by_jvp(lambda x: (x, x * 2), lambda p, t: t[0])
    with pytest.raises(pb.GraphError, match="a tangent for each output"):
        pb.jvp(g, (3.0,), (1.0,))


@pytest.mark.parametrize(
    "result", [lambda t: t[None] * 2, lambda t: pb.ones(7), lambda t: pb.concatenate([t, t]), lambda t: t[:2]]
)
def test_rules_of_the_wrong_shape(result):
    x = np.ones(3)
    f = by_jvp(lambda x: x * 2, lambda p, t: result(t[0]))
    for derive in (lambda: pb.jvp(f, (x,), (x,)), lambda: pb.grad(lambda x: f(x).sum())(x)):
        with pytest.raises(pb.ShapeError, match="the rule gave another shape") as raised:
            derive()
        assert "expected  (3,)" in str(raised.value)


@pytest.mark.parametrize("shape", [(7,), (2,), (3, 2), ()])
def test_cotangents_of_the_wrong_shape(shape):
    f = by_vjp(lambda x: x.sum(), lambda args, ct: (pb.ones(shape) * ct,))
    with pytest.raises(pb.ShapeError, match="the rule gave another shape"):
        pb.grad(f)(np.ones(3))


@pytest.mark.parametrize("make", [pb.custom_jvp, pb.custom_vjp])
def test_a_captured_parameter_would_lose_its_gradient_and_says_so(make):
    w = pb.tensor(3.0, requires_grad=True, name="w")
    f = make(lambda x: x * w)
    with pytest.raises(pb.GraphError, match="captured") as raised:
        f(leaf(2.0))
    assert "captured  w" in str(raised.value)
    assert "pass it as an argument" in str(raised.value)
    with pytest.raises(pb.GraphError, match="captured"):
        pb.grad(lambda v: make(lambda x: x * v)(2.0))(3.0)
    with pb.no_grad():
        assert f(2.0).item() == 6.0


def test_constants_may_be_captured():
    c = pb.tensor(3.0)
    f = by_jvp(lambda x: x * c, lambda p, t: c * t[0])
    assert pb.grad(f)(2.0).item() == 3.0


def test_a_function_may_use_transforms_inside():
    f = by_vjp(lambda x: pb.grad(lambda y: (y**3).sum())(x), lambda args, ct: (6 * args[0] * ct,))
    assert f(2.0).item() == 12.0
    assert pb.grad(f)(2.0).item() == 12.0
    assert pb.grad(pb.grad(f))(2.0).item() == 6.0


def test_a_function_that_gives_plain_numbers():
    f = by_jvp(lambda x: 5.0, lambda p, t: 0.0 * t[0])
    assert f(2.0).item() == 5.0
    assert pb.grad(f)(2.0).item() == 0.0


def test_a_clipped_gradient():
    clipped = by_vjp(lambda x: x * 1.0, lambda args, ct: (pb.clip(ct, -1.0, 1.0),))
    assert pb.grad(lambda x: (clipped(x) * np.array([10.0, 0.5])).sum())(X).tolist() == [1.0, 0.5]


def test_stop_gradient_in_all_orders():
    assert pb.grad(lambda x: pb.stop_gradient(x) * x)(3.0).item() == 3.0
    assert pb.jvp(lambda x: pb.stop_gradient(x) * x, (3.0,), (1.0,))[1].item() == 3.0
    assert pb.grad(pb.grad(lambda x: pb.stop_gradient(x * x) * x * x))(3.0).item() == 18.0
    assert pb.stop_gradient(np.ones(2)).tolist() == [1.0, 1.0]
    x = leaf(3.0)
    assert not pb.stop_gradient(x).requires_grad
    assert not x.detach().requires_grad


def test_the_straight_through_estimator():
    def rounded(x):
        return x + pb.stop_gradient(pb.round(x) - x)

    value, gradient = pb.value_and_grad(lambda x: (rounded(x) * np.array([1.0, 10.0])).sum())(np.array([1.4, 2.6]))
    assert value.item() == pytest.approx(31.0)
    assert gradient.tolist() == [1.0, 10.0]


def test_a_forward_half_that_keeps_nothing_says_so_with_a_pair():
    @pb.custom_vjp
    def same(x):
        return x * 1.0

    same.defvjp(lambda x: x * 1.0, lambda kept, cotangent: (cotangent,))
    with pytest.raises(pb.GraphError, match=r"a pair \(value, residuals\)"):
        pb.grad(same)(2.0)
