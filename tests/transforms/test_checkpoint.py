"""Checkpoints: the derivative of a function that is run again, or an error, never the derivative of something else."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest

import pullback as pb

X = np.array([0.3, 0.7])


def leaf(value, name=None):
    return pb.tensor(value, requires_grad=True, name=name)


def wave(x):
    return pb.sin(x) * x + pb.sin(x[::-1])


@pytest.mark.parametrize("transform", [
    lambda f: pb.grad(lambda x: f(x).sum())(X), lambda f: pb.jacobian(f, mode="forward")(X),
    lambda f: pb.jacobian(f, mode="reverse")(X), lambda f: pb.jvp(f, (X,), (X,))[1], lambda f: pb.vjp(f, X)[1](X)[0],
    lambda f: pb.hessian(lambda x: f(x).sum())(X), lambda f: pb.hvp(lambda x: f(x).sum(), (X,), (X,)),
    lambda f: pb.jacobian(pb.jacobian(f))(X), lambda f: pb.linearize(f, X)[1](X),
    lambda f: pb.jacobian(pb.hessian(lambda x: (f(x) ** 2).sum()))(X),
])  # fmt: skip
def test_every_derivative_is_that_of_the_function(transform):
    expected = transform(lambda x: wave(wave(x))).numpy()
    step = pb.checkpoint(wave)
    for f in (pb.checkpoint(lambda x: wave(wave(x))), lambda x: step(step(x)), pb.checkpoint(lambda x: step(step(x)))):
        assert np.allclose(transform(f).numpy(), expected, rtol=1e-12, atol=1e-14)


def test_only_the_inputs_are_kept():
    kept = []

    @pb.checkpoint
    def f(x):
        y = pb.exp(x)
        kept.append(weakref.ref(y.array))
        return (y * y).sum()

    x = leaf(np.ones(1000))
    y = f(x)
    assert kept[0]() is None
    y.backward()
    assert np.allclose(x.grad.numpy(), 2 * np.exp(2.0))
    assert kept[1]() is None
    assert len(kept) == 2


def test_nothing_is_kept_when_the_result_is_dropped():
    x = leaf(np.ones(1000))
    gc.collect()
    gc.disable()
    try:
        inner = x * 2
        alive = weakref.ref(inner.array)
        y = pb.checkpoint(lambda x, c: (pb.exp(x) * c).sum())(inner, np.ones(1000))
        del inner
        assert alive() is not None
        del y
        assert alive() is None
        y = pb.checkpoint(lambda x: pb.exp(x).sum())(x * 2)
        y.backward()
        del y
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_captured_parameters_get_gradients():
    w, x = leaf([1.0, 2.0], "w"), leaf(X)
    f = pb.checkpoint(lambda x: pb.sin(x * w).sum())
    (f(x) * 2).backward()
    assert np.allclose(w.grad.numpy(), 2 * np.cos(X * [1, 2]) * X)
    assert np.allclose(x.grad.numpy(), 2 * np.cos(X * [1, 2]) * [1, 2])
    w.grad = None
    f(pb.tensor(X)).backward()  # captured alone
    assert np.allclose(w.grad.numpy(), np.cos(X * [1, 2]) * X)


def test_what_is_captured_and_given_counts_for_both():
    x = leaf(2.0)
    pb.checkpoint(lambda y: y * y * x)(x).backward()
    assert x.grad.item() == 12.0


@pytest.mark.parametrize("given", [lambda x: x, lambda x: x * x])
def test_what_is_captured_and_given_in_higher_orders(given):
    def plain(x):
        return given(x) ** 2 * pb.sin(x)

    def checkpointed(x):
        return pb.checkpoint(lambda y: y * y * pb.sin(x))(given(x))

    for derive in (pb.grad, lambda f: pb.jacobian(f, mode="forward")):
        expected, found = plain, checkpointed
        for _ in range(3):
            expected, found = derive(expected), derive(found)
            assert found(0.8).item() == pytest.approx(expected(0.8).item(), rel=1e-12)


@pytest.mark.parametrize("size", [2, 1000])
def test_intermediate_tensors_may_be_captured(size):
    def loss(x, wrap):
        h = pb.sin(x) * 2
        return wrap(lambda y: (y * h).sum() + (h * h).sum())(pb.cos(x) * h)

    x = np.linspace(0.1, 1, size)
    expected = pb.grad(lambda x: loss(x, lambda f: f))(x)
    assert np.allclose(pb.grad(lambda x: loss(x, pb.checkpoint))(x).numpy(), expected.numpy())
    leafs = leaf(x)
    loss(leafs, pb.checkpoint).backward()
    assert np.allclose(leafs.grad.numpy(), expected.numpy())


def test_captured_parameters_in_higher_orders():
    w = leaf([1.0, 2.0])
    f = pb.checkpoint(lambda x: (x * x * w * w).sum())
    pb.grad(f)(np.ones(2)).sum().backward()  # Σ 2xw²
    assert w.grad.tolist() == [4.0, 8.0]
    w.grad = None
    x = leaf(np.ones(2))
    f(x).backward(create_graph=True)
    gradient, x.grad, w.grad = w.grad, None, None
    gradient.sum().backward()  # Σ 2x²w
    assert w.grad.tolist() == [2.0, 2.0]
    assert x.grad.tolist() == [4.0, 8.0]


def test_a_parameter_that_is_changed_in_between_is_noticed():
    w = leaf([1.0, 2.0], "weight")
    y = pb.checkpoint(lambda x: (x * w).sum())(leaf(X))
    with pb.no_grad():
        w += 1.0
    with pytest.raises(pb.GraphError, match="captured was changed") as raised:
        y.backward()
    assert "weight" in str(raised.value)
    assert "optimizer" in str(raised.value)


def changed_array():
    a = np.array([1.0, 2.0])
    return (lambda x: (x * a).sum()), lambda: a.fill(100)


def changed_constant():
    c = pb.ones(2)
    return (lambda x: (x * c).sum()), lambda: c.__iadd__(5)


def changed_number():
    box = [2.0]
    return (lambda x: (x * box[0]).sum()), lambda: box.append(box.pop() * 3)


def changed_shape():
    box = [2]
    return (lambda x: pb.tile(x, box[0])), lambda: box.append(box.pop(0) + 1)


def own_generator():
    rng = np.random.default_rng(0)
    return (lambda x: x * pb.random.normal(size=2, rng=rng)), lambda: None


def numpy_s_generator():
    return (lambda x: x * np.random.rand(2)), lambda: None  # noqa: NPY002 (what must be noticed)


def another_structure():
    box = [True]
    return (lambda x: (x, x * 2) if box else x * 3), box.clear


@pytest.mark.parametrize("made", [
    changed_array, changed_constant, changed_number, changed_shape, own_generator, numpy_s_generator,
    another_structure,
])  # fmt: skip
def test_a_function_that_gives_something_else_when_run_again_is_noticed(made):
    f, change = made()
    x = leaf(X)
    y = pb.checkpoint(f)(x)
    change()
    with pytest.raises(pb.GraphError, match="run again, the function gave other values"):
        (y[0] if isinstance(y, tuple) else y).sum().backward()
    assert x.grad is None


def test_arguments_that_are_changed_later_are_remembered():
    a, c, x = np.array([1.0, 2.0]), pb.ones(2), leaf(X)
    y = pb.checkpoint(lambda x, parts, scale: (x * parts["a"] * scale).sum())(x, {"a": a}, scale=c)
    a[:] = 100
    c += 5
    y.backward()
    assert x.grad.tolist() == [1.0, 2.0]


def test_random_numbers_are_drawn_again():
    x = leaf(np.ones(50))
    pb.seed(3)
    y = pb.checkpoint(lambda x: x * pb.random.normal(size=50) * pb.random.bernoulli(0.5, 50))(x)
    following = pb.random.uniform(size=2)
    y.sum().backward()
    after = pb.random.uniform(size=2)
    assert np.array_equal(x.grad.numpy(), y.numpy())
    pb.seed(3)
    pb.random.normal(size=50)
    pb.random.bernoulli(0.5, 50)
    assert pb.random.uniform(size=2).tolist() == following.tolist()
    assert pb.random.uniform(size=2).tolist() == after.tolist()  # walking took nothing from the generator


def test_outputs_of_every_kind():
    x = {"u": leaf([1.0, 2.0]), "v": leaf([3.0, 4.0])}
    y = pb.checkpoint(
        lambda p: {"a": p["u"] * p["v"], "b": [p["u"], 3.0, "text", None, p["v"].sum(), pb.ones(2), p["u"].argmax()]}
    )(x)
    assert y["b"][1:4] == [3.0, "text", None]
    assert y["b"][5].tolist() == [1.0, 1.0]
    assert y["b"][6].item() == 1
    (y["a"].sum() + 10 * y["b"][4] + 100 * y["b"][0][1]).backward()
    assert x["u"].grad.tolist() == [3.0, 104.0]
    assert x["v"].grad.tolist() == [11.0, 12.0]


def test_one_of_several_outputs():
    f = pb.checkpoint(lambda x: (x * x, x * x * x))
    assert pb.grad(lambda x: f(x)[1])(2.0).item() == 12.0
    assert pb.grad(lambda x: f(x)[0] * f(x)[1])(2.0).item() == 80.0
    _, tangent = pb.jvp(f, (2.0,), (1.0,))
    assert [t.item() for t in tangent] == [4.0, 12.0]


def test_a_function_that_gives_its_argument():
    x = leaf(X)
    y, z = pb.checkpoint(lambda x: (x, x))(x)
    (y * z).sum().backward()
    assert np.array_equal(x.grad.numpy(), 2 * X)


def test_a_function_that_gives_what_it_captured():
    w = leaf(X)
    pb.checkpoint(lambda x: w)(leaf(1.0)).sum().backward()
    assert w.grad.tolist() == [1.0, 1.0]


def test_a_function_that_writes_to_its_argument():
    def f(x):
        x *= 2
        x[0] = x[1] * 5
        return (x * x).sum()

    x = leaf([1.0, 2.0])
    y = x * 1
    pb.checkpoint(f)(y).backward()
    assert x.grad.tolist() == [0.0, 26 * 4 * 2 * 2.0]
    assert y.tolist() == [1.0, 2.0]


def test_an_argument_that_is_written_to_later():
    x = leaf([1.0, 2.0])
    y = x * 1
    loss = pb.checkpoint(lambda y: (y * y).sum())(y)
    y *= 10
    loss.backward()
    assert x.grad.tolist() == [2.0, 4.0]


def test_constants_and_no_grad():
    f = pb.checkpoint(lambda x: x * 2)
    assert not f(pb.ones(2)).requires_grad
    assert f(np.ones(2)).tolist() == [2.0, 2.0]
    with pb.no_grad():
        assert not f(leaf(1.0)).requires_grad


def test_walking_twice():
    x = leaf(2.0)
    y = pb.checkpoint(lambda x: x**3)(x)
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad.item() == 24.0
    with pytest.raises(pb.GraphError, match="retain_graph"):
        y.backward()


def test_a_function_that_fails():
    def f(x):
        raise KeyError("inside")

    with pytest.raises(KeyError, match="inside"):
        pb.checkpoint(f)(leaf(1.0))


def test_transforms_inside():
    w, x = leaf([1.0, 2.0]), leaf([1.0, 2.0])
    pb.checkpoint(lambda x: (pb.grad(lambda z: (z**3).sum())(x) * w).sum())(x).backward()
    assert x.grad.tolist() == [6.0, 24.0]
    assert w.grad.tolist() == [3.0, 12.0]


def test_methods_lambdas_and_callables_have_names_for_errors():
    class Layer:
        def __call__(self, x):
            return x * 2

    assert pb.grad(pb.checkpoint(Layer().__call__))(1.0).item() == 2.0
    assert "checkpoint <lambda>" in repr(pb.checkpoint(lambda x: x * 2)(leaf(1.0)).node.inputs[0].primitive)
