"""Rules of one's own: run once, kept as they were, and free to leave the graph for the first derivative."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ber, berp

import pullback as pb

X = np.array([0.5, 1.5])


def by_vjp(forward, backward, f=ber):
    made = pb.custom_vjp(f)
    made.defvjp(forward, backward)
    return made


def by_jvp(rule, f=ber):
    made = pb.custom_jvp(f)
    made.defjvp(rule)
    return made


# A function of SciPy's that is none of ours, of which the derivative is berp, wrapped in each way.
RULES = {
    "residual by numpy()": by_vjp(lambda x: (ber(x), x.numpy()), lambda x, ct: (berp(x) * ct,)),
    "residual by np.asarray": by_vjp(lambda x: (ber(np.asarray(x)), np.asarray(x)), lambda x, ct: (berp(x) * ct,)),
    "backward of SciPy's": by_vjp(lambda x: (ber(x), x), lambda x, ct: (berp(x) * ct,)),
    "cotangent by numpy()": by_vjp(lambda x: (ber(x), x), lambda x, ct: (berp(x.numpy()) * ct.numpy(),)),
    "jvp": by_jvp(lambda p, t: (ber(p[0]), berp(p[0]) * t[0])),
    "jvp by float": by_jvp(
        lambda p, t: (np.array([ber(float(v)) for v in p[0]]), np.array([berp(float(v)) for v in p[0]]) * t[0])
    ),
    "CustomVJP": pb.CustomVJP("kelvin", ber, lambda ct, p, y: (berp(np.asarray(p[0])) * ct,)),
    "CustomJVP": pb.CustomJVP("kelvin", ber, lambda p, t, y: berp(p[0]) * t[0]),
    "Elementwise": pb.Elementwise("kelvin", ber, lambda x: berp(x)),
}
FORWARD = {name: f for name, f in RULES.items() if name != "cotangent by numpy()"}


@pytest.mark.parametrize("f", RULES.values(), ids=RULES)
def test_the_first_derivative_is_right(f):
    value, gradient = pb.value_and_grad(lambda x: (f(x * 2) * 3).sum())(X)
    assert value.item() == pytest.approx(3 * ber(2 * X).sum())
    assert gradient.tolist() == pytest.approx(6 * berp(2 * X))
    x = pb.tensor(X, requires_grad=True)
    f(x).sum().backward()
    assert x.grad.tolist() == pytest.approx(berp(X))


@pytest.mark.parametrize("f", FORWARD.values(), ids=FORWARD)
def test_the_tangent_is_right(f):
    assert pb.jvp(f, (X,), (np.array([1.0, 2.0]),))[1].tolist() == pytest.approx(berp(X) * [1, 2])


def test_a_rule_that_makes_an_array_of_its_cotangent_has_no_tangent_and_says_so():
    with pytest.raises(pb.GraphError, match="no transpose") as raised:
        pb.jvp(RULES["cotangent by numpy()"], (X,), (X,))
    assert "test_rules_that_leave.py" in str(raised.value)
    only_forward = by_jvp(lambda p, t: (ber(p[0]), berp(p[0]) * t[0].numpy()))
    assert pb.jvp(only_forward, (X,), (X,))[1].tolist() == pytest.approx(berp(X) * X)
    with pytest.raises(pb.GraphError, match="no transpose"):
        pb.grad(lambda x: only_forward(x).sum())(X)


@pytest.mark.parametrize("f", RULES.values(), ids=RULES)
def test_differentiated_again_it_says_so(f):
    for second in (
        lambda: pb.grad(lambda x: pb.grad(lambda x: f(x).sum())(x).sum())(X),
        lambda: pb.hessian(lambda x: f(x).sum())(X),
        lambda: pb.jvp(pb.grad(lambda x: f(x).sum()), (X,), (X,)),
        lambda: pb.hvp(lambda x: f(x).sum(), (X,), (X,)),
    ):
        with pytest.raises(pb.GraphError, match="left the graph") as raised:
            second()
        assert "test_rules_that_leave.py" in str(raised.value)


@pytest.mark.parametrize("f", RULES.values(), ids=RULES)
def test_the_first_derivative_is_there_where_a_second_might_follow(f):
    w = pb.tensor(2.0, requires_grad=True)
    gradient = pb.grad(lambda x: (f(x) * w).sum())(X)  # recorded, for w is tracked
    assert gradient.tolist() == pytest.approx(2 * berp(X))
    with pytest.raises(pb.GraphError, match="left the graph"):
        pb.gradients(gradient.sum(), w)


@pytest.mark.parametrize("f", RULES.values(), ids=RULES)
def test_within_a_compiled_function_it_is_a_kernel(f):
    if f is RULES["jvp by float"]:
        pytest.skip(
            "its loop looks at each number: it is one operation, but float() asks for it outside of its rule too"
        )
    step = pb.value_and_grad(lambda x: (f(x * 2) * 3).sum())
    compiled = pb.compile(step)
    for i in range(5):
        for found, expected in zip(compiled(X + i), step(X + i), strict=True):
            assert found.tolist() == pytest.approx(expected.tolist())
    assert "2 calls recorded, 3 run as a program" in compiled.explain()


def test_what_is_detached_is_a_constant_on_purpose():
    f = by_vjp(lambda x: (x**3, x), lambda x, ct: (3 * x**2 * ct * np.sign(x.detach().numpy()),), lambda x: x**3)
    assert pb.grad(pb.grad(f))(2.0).item() == 12.0


def test_a_rule_runs_once_with_its_function():
    ran = []

    def forward(x):
        ran.append("forward")
        return x * 2, x

    f = by_vjp(forward, lambda x, ct: (ran.append("backward"), 2 * ct)[1:], lambda x: ran.append("f"))
    x = pb.tensor(X, requires_grad=True)
    y = f(x).sum()
    assert ran == ["forward"]
    y.backward(retain_graph=True)
    y.backward()
    assert ran == ["forward", "backward", "backward"]


def test_a_rule_keeps_the_numbers_that_it_drew_and_saw():
    pb.seed(0)
    scale = np.ones(16)

    def forward(x):
        mask = pb.random.uniform(size=x.shape) < 0.5
        return x * mask * scale, mask * scale

    drop = by_vjp(forward, lambda kept, ct: (ct * kept,), lambda x: x)
    by_tangent = by_jvp(lambda p, t: (lambda m: (p[0] * m, t[0] * m))(pb.random.uniform(size=16) < 0.5), lambda x: x)
    for f in (drop, by_tangent):
        x = pb.tensor(np.ones(16), requires_grad=True)
        y = f(x)
        scale += 1
        y.sum().backward()
        assert x.grad.tolist() == y.tolist()
        assert y.sum().item() > 0
        value, tangent = pb.jvp(f, (np.ones(16),), (np.ones(16),))
        assert tangent.tolist() == value.tolist()
        compiled = pb.compile(lambda x, f=f: pb.value_and_grad(lambda x: f(x).sum())(x))
        for _ in range(5):
            total, gradient = compiled(np.ones(16))
            assert total.item() == gradient.sum().item()


def test_a_rule_that_calls_its_function_and_finds_another_value_says_so():
    scale = np.array(1.0)
    f = by_vjp(lambda x: (f(x), f(x)), lambda y, ct: (y * ct,), lambda x: np.exp(x) * scale)
    x = pb.tensor(0.5, requires_grad=True)
    (first,) = (pb.gradients(f(x), x, create_graph=True)[x],)
    assert pb.gradients(first, x, retain_graph=True)[x].item() == pytest.approx(np.exp(0.5))
    first = pb.gradients(f(x), x, create_graph=True)[x]
    scale += 1
    with pytest.raises(pb.GraphError, match="gave another value"):
        pb.gradients(first, x)


def test_the_memory_of_a_rule_is_freed_with_its_graph():
    import gc
    import weakref

    class Kept:
        pass

    seen = []

    def forward(x):
        kept = Kept()
        seen.append(weakref.ref(kept))
        return x * 1.0, kept

    f = by_vjp(forward, lambda kept, ct: (ct,), lambda x: x * 1.0)
    gc.disable()
    try:
        x = pb.tensor(X, requires_grad=True)
        y = f(x)
        loss = (y * y).sum()
        loss.backward()
        assert seen[0]() is None, "backward frees what the rule kept"
        z = f(x)
        assert seen[1]() is not None
        del z
        assert seen[1]() is None
    finally:
        gc.enable()
