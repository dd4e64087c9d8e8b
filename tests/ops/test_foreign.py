"""Every row on arrays that are not NumPy's and refuse to become so: value, gradient and second order."""

from __future__ import annotations

import numpy as np
import pytest
from tests.ops.cases import CASES
from tests.ops.foreign import Foreign

import pullback as pb
from pullback.core.arrays import HELD, hold
from pullback.core.tree import leaves


@pytest.fixture(autouse=True)
def _held():
    hold(Foreign)
    yield
    HELD.discard(Foreign)


def everything(case, sample, make):
    """The arrays of the values, of the gradient of a sum of squares, and of the gradient of its sum of squares."""
    operands = [make(x) for x in case.draw(sample)]
    tensors = [pb.tensor(x) if isinstance(x, np.ndarray) else pb.Tensor(x) for x in operands]
    sources = [t for t in tensors if t.dtype.kind == "f"] if case.differentiable else []
    for source in sources:
        source.requires_grad = True
    values = leaves(case.f(*tensors, **sample.params))
    found = [y.array for y in values]
    total = sum((y * y).sum() for y in values if y.requires_grad)
    if sources and isinstance(total, pb.Tensor):
        first = pb.gradients(total, create_graph=True)
        found += [first[s].array for s in sources]
        squares = sum((first[s] * first[s]).sum() for s in sources)
        if squares.requires_grad:
            second = pb.gradients(squares)
            found += [second[s].array for s in sources if second.get(s) is not None]
    return found


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_no_array_is_converted(case):
    sample = case.samples[0]
    found, expected = everything(case, sample, Foreign), everything(case, sample, np.array)
    for a, b in zip(found, expected, strict=True):
        assert type(a) is Foreign
        assert (a.dtype, a.shape) == (b.dtype, b.shape)
        np.testing.assert_allclose(a.inner, b, rtol=1e-12)


def test_transforms_give_arrays_of_the_same_type():
    x = Foreign(np.array([0.5, 1.5, 2.0]))

    def f(x):
        return (pb.sin(x) * x).sum()

    for found in (
        pb.grad(f)(pb.Tensor(x)),
        pb.vjp(pb.sin, pb.Tensor(x))[1](pb.Tensor(x))[0],
        pb.jvp(pb.sin, (pb.Tensor(x),), (pb.Tensor(x),))[1],
    ):
        assert type(found.array) is Foreign
    assert type(pb.grad(lambda x: pb.tensor(1.0))(pb.Tensor(x)).array) is Foreign  # of what it does not depend on


def test_zeros_are_made_where_the_values_are():
    x = pb.Tensor(Foreign(np.linspace(0.1, 1.0, 200)))
    x.requires_grad = True
    pb.unstack(pb.reshape(x * x, (2, 100)))[0].sum().backward()
    assert type(x.grad.array) is Foreign
