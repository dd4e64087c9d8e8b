"""Inside a transform no derivative ends without a word: what walks give is recorded, and what makes arrays refuses."""

from __future__ import annotations

import numpy as np
import pytest

import pullback as pb

X = np.array([1.0, 2.0])


def by_backward(a):
    w = pb.tensor(X, requires_grad=True)
    (a**2 * w**2).sum().backward()
    return w.grad.sum()


def by_gradients(a):
    w = pb.tensor(X, requires_grad=True)
    return pb.gradients((a**2 * w**2).sum(), w)[w].sum()


def by_name(a):
    w = pb.tensor(X, requires_grad=True, name="w")
    return pb.gradients((a**2 * w**2).sum())["w"].sum()


def of_a_vector(a):
    w = pb.tensor(X, requires_grad=True)
    (a**2 * w**2).backward(np.ones(2))
    return w.grad.sum()


def a_step_of_descent(a):
    w = pb.tensor(X, requires_grad=True)
    (a**2 * w**2).sum().backward()
    return ((w - w.grad) - w).sum() * -1.0


def added_up(a):
    w = pb.tensor(X, requires_grad=True)
    for _ in range(2):
        (a**2 * w**2).sum().backward()
    return w.grad.sum() / 2


def in_a_deeper_transform(a):
    return pb.grad(lambda b: by_backward(a) * b)(3.0)


WALKS = (by_backward, by_gradients, by_name, of_a_vector, a_step_of_descent, added_up, in_a_deeper_transform)


@pytest.mark.parametrize("f", WALKS, ids=lambda f: f.__name__)
def test_a_walk_inside_a_transform_is_recorded(f):
    # Each is Σ 2a²w = 6a², so 12a and 12.
    assert f(2.0).item() == 24.0
    assert pb.grad(f)(2.0).item() == 24.0
    assert pb.jvp(f, (2.0,), (1.0,))[1].item() == 24.0
    assert pb.hessian(f)(2.0).item() == 12.0


def test_a_walk_inside_a_compiled_transform_is_recorded():
    step = pb.compile(pb.grad(by_gradients))
    assert [step(a).item() for a in (1.0, 2.0, 2.0, 3.0)] == [12.0, 24.0, 24.0, 36.0]


def test_a_walk_over_what_is_not_differentiated_is_not_recorded():
    w = pb.tensor(X, requires_grad=True)

    def f(a):
        (w**2).sum().backward()
        assert w.grad.node is None
        loss = (a * w).sum()
        with pb.no_grad():  # says that no derivative is wanted
            loss.backward()
        assert w.grad.node is None
        return a * 2.0

    assert pb.grad(f)(2.0).item() == 2.0


def of_rule(backward, forward=lambda x: (x * 1.0, x)):
    f = pb.custom_vjp(lambda x: x * 1.0)
    f.defvjp(forward, backward)
    return f


def of_tangent(rule):
    f = pb.custom_jvp(lambda x: x * 1.0)
    f.defjvp(rule)
    return f


def stepped(a):
    w = pb.tensor(X, requires_grad=True)
    optimizer = pb.optim.SGD([w], lr=0.1)
    (a * w**2).sum().backward()
    optimizer.step()
    return (w**2).sum()


def loaded(a):
    model = pb.nn.Linear(2, 1, bias=False, dtype=float)
    model.load_state_dict({"weight": np.ones((1, 2)) * a})
    return model(X).sum()


ENDS = {
    "vjp rule": lambda a: pb.grad(of_rule(lambda r, ct: (ct * a,)))(2.0),
    "residual": lambda a: pb.grad(of_rule(lambda r, ct: (ct * r,), lambda x: (x * 1.0, a)))(2.0),
    "vjp rule, forward": lambda a: pb.jvp(of_rule(lambda r, ct: (ct * a,)), (2.0,), (1.0,))[1],
    "jvp rule": lambda a: pb.jvp(of_tangent(lambda p, t: (p[0] * 1.0, t[0] * a)), (2.0,), (1.0,))[1],
    "jvp rule, reverse": lambda a: pb.grad(of_tangent(lambda p, t: (p[0] * 1.0, t[0] * a)))(2.0),
    "primitive": lambda a: pb.grad(pb.CustomJVP("mine", lambda x: x * 1.0, lambda p, t, y: t[0] * a))(2.0),
    "sparse": lambda a: pb.sparse_jacobian(lambda x: x**2 * a, X).sum(),
    "parameter": lambda a: pb.nn.Parameter(a) * a,
    "optimizer": stepped,
    "state": loaded,
}


@pytest.mark.parametrize("name", ENDS)
def test_where_a_derivative_would_end_there_is_an_error(name):
    f = ENDS[name]
    f(pb.tensor(2.0))  # of a constant there is none
    for transform in (pb.grad(f), pb.hessian(f), lambda a: pb.jvp(f, (a,), (1.0,))):
        with pytest.raises(pb.GraphError, match=r"would end here\n(.*\n)*  line +.*test_kept.py"):
            transform(2.0)


def test_on_the_tape_a_rule_may_capture_what_requires_a_gradient():
    a, x = pb.tensor(3.0, requires_grad=True), pb.tensor(2.0, requires_grad=True)
    of_rule(lambda r, ct: (ct * a,))(x).backward()
    assert x.grad == 3.0


def test_a_rule_without_a_return_is_no_derivative_of_0():
    f = of_rule(lambda r, ct: None)
    with pytest.raises(pb.GraphError, match="one cotangent for each operand"):
        pb.grad(f)(2.0)
    assert pb.grad(of_rule(lambda r, ct: (None,)))(2.0) == 0.0
