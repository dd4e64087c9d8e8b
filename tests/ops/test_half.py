"""Half precision: what one operation does inside is done in float32, and rounded once."""

from __future__ import annotations

import numpy as np
import pytest
from tests.ops.case import arrays
from tests.ops.cases import CASES

import pullback as pb
from pullback.core.tree import leaves

EPS = float(np.finfo(np.float16).eps)
MANY = 70_000  # more than float16 reaches, and 34 times as far as it counts
ROWS = [case for case in CASES if case.differentiable and case.name != "astype"]


def answers(case, operands, params):
    """The values, and the gradient of the sum of their squares by each floating-point operand."""
    which = [i for i, x in enumerate(operands) if x.dtype.kind == "f"]

    def f(*xs):
        given = list(operands)
        for i, x in zip(which, xs, strict=True):
            given[i] = x
        return sum(pb.sum(pb.square(pb.astype(y, float))) for y in leaves(case.f(*given, **params)))

    values = arrays(case.f(*operands, **params))
    return values, arrays(pb.grad(f, range(len(which)))(*(operands[i] for i in which)))


@pytest.mark.parametrize("case", ROWS, ids=repr)
def test_every_operation_is_rounded_as_if_once(case):
    for sample in case.samples:
        half = case.draw(sample, np.float16)
        double = [x.astype(float) if x.dtype == np.float16 else x for x in half]
        for found, expected in zip(
            answers(case, half, sample.params), answers(case, double, sample.params), strict=True
        ):
            for ours, right in zip(found, expected, strict=True):
                size = abs(right).max(initial=0)
                np.testing.assert_allclose(ours.astype(float), right, rtol=4 * EPS, atol=4 * EPS * size + 1e-9)


def long(*shape):
    return np.random.default_rng(0).uniform(0.25, 1, shape or (MANY,)).astype(np.float16)


PLACES = np.zeros(MANY, int)
LONG = {
    "sum of columns": (lambda x: x.sum(axis=0)[0], long(MANY, 2)),
    "mean of columns": (lambda x: x.mean(axis=0)[0], long(MANY, 2)),
    "mean": (pb.mean, long()),
    "variance": (pb.var, long()),
    "deviation": (pb.std, long()),
    "norm": (pb.norm, long()),
    "logsumexp": (pb.logsumexp, long()),
    "logsumexp far from 0": (pb.logsumexp, long(100) + np.float16(1000)),
    "softmax": (lambda x: pb.softmax(x)[0], long()),
    "log_softmax": (lambda x: pb.log_softmax(x)[0], long()),
    "ties": (lambda x: pb.max(x) * 60_000, np.ones(MANY, np.float16)),
    "cumsum": (lambda x: pb.cumsum(x)[-1], long()),
    "product": (lambda x: pb.prod(x), np.full(MANY, 1, np.float16)),
    "gather": (lambda x: pb.mean(x[PLACES]), long(1)),
    "repeat": (lambda x: pb.mean(pb.repeat(x, MANY)), long(1)),
    "broadcast": (lambda x: pb.mean(x + np.zeros((MANY, 1), np.float16)), long(2)),
    "einsum": (lambda x: pb.einsum("ij,ik->j", x, x[:, :1])[1], long(MANY, 2)),
    "matmul": (lambda x: pb.matmul(x, x.T)[0, 0], long(2, MANY)),
    "cross-entropy": (lambda x: pb.cross_entropy(x, PLACES), long(MANY, 2)),
    "cross-entropy of many classes": (lambda x: pb.cross_entropy(x, 3), long()),
    "cross-entropy of probabilities": (
        lambda x: pb.cross_entropy(x, np.full((MANY, 2), 0.5, np.float16)),
        long(MANY, 2),
    ),
    "squared error": (lambda x: pb.mse_loss(x, np.zeros(MANY, np.float16)), long()),
    "absolute error": (lambda x: pb.l1_loss(x, np.zeros(MANY, np.float16)), long()),
}


@pytest.mark.parametrize("name", LONG)
@pytest.mark.parametrize("way", ["interpreted", "compiled", "recorded", "forward"])
def test_many(name, way):
    f, x = LONG[name]
    g = pb.value_and_grad(f)
    value, gradient = g(x.astype(float))
    if way == "forward":
        t = np.random.default_rng(1).uniform(0.25, 1, x.shape).astype(np.float16)
        found, expected = pb.jvp(f, (x,), (t,))[1].numpy(), pb.jvp(f, (x.astype(float),), (t.astype(float),))[1].numpy()
        np.testing.assert_allclose(found.astype(float), expected, rtol=6 * EPS, atol=2 * EPS)
        return
    if way == "compiled":
        g = pb.compile(g)
        g(x), g(x)
    if way == "recorded":

        def g(x):
            leaf = pb.tensor(x, requires_grad=True)
            value = f(leaf)
            value.backward(create_graph=True)
            return value, leaf.grad

    found, slope = g(x)
    assert found.dtype == slope.dtype == np.float16
    least = 2 * float(np.finfo(np.float16).smallest_subnormal)
    np.testing.assert_allclose(found.detach().numpy().astype(float), value.numpy(), rtol=3 * EPS, atol=least)
    np.testing.assert_allclose(slope.numpy().astype(float), gradient.numpy(), rtol=6 * EPS, atol=least)


def test_what_overflows_on_the_way_does_not_matter():
    x = np.array([300.0, 400.0], np.float16)  # whose squares are no numbers of half precision
    assert pb.norm(x).item() == 500
    assert pb.std(x).item() == 50
    assert pb.grad(pb.arctan)(np.float16(300)).item() == pytest.approx(1 / 90_001, abs=6e-8)


def test_a_higher_precision_among_the_operands_is_kept():
    half, single = np.ones(3, np.float16), np.ones(3, np.float32)
    assert pb.einsum("i,i", half, single).dtype == np.float32
    assert pb.binary_cross_entropy(half / 2, single).dtype == np.float32
    assert pb.mse_loss(half, single).dtype == np.float32
    assert pb.cross_entropy(np.ones((3, 2), np.float16), np.zeros(3, int)).dtype == np.float16
