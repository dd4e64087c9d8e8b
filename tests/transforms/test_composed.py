"""Functions composed at random of all operations: both modes, second order, batched, float32, complex and compiled."""

from __future__ import annotations

import os
import time

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.fuzzing.composed import ANALYTIC, OPERATIONS, Line, arguments, composed

import pullback as pb
from pullback.testing import check_grads
from pullback.testing.contract import check_contract
from pullback.testing.leafwise import Arguments

pytestmark = pytest.mark.filterwarnings("ignore")  # of broadcasts, and of overflows: what is composed is not meant

SECONDS = float(os.environ.get("PULLBACK_SECONDS", "120"))  # of the long form


def lines(table):
    values = st.tuples(*[st.integers(0, 7)] * 3)
    line = st.builds(Line, st.integers(0, len(table) - 1), values)
    return st.lists(line, min_size=2, max_size=5)


def check_real(program, order=1):
    """Value and derivatives of a program, in every way."""
    f, args = composed(program), arguments()
    value = f(*args)
    if not np.isfinite(value.numpy()) or abs(value.numpy()) > 1e6:
        return
    check_grads(f, *args, order=order, rtol=1e-7)
    check_second_order(f, args)
    many = [np.stack(x) for x in zip(*(arguments(seed=i) for i in range(3)), strict=True)]
    g = pb.value_and_grad(f, argnums=(0, 1))
    (values, grads), each = pb.vmap(g)(*many), [g(*(x[i] for x in many)) for i in range(3)]
    for i, (one, gradient) in enumerate(each):
        np.testing.assert_allclose(values[i], one, rtol=1e-9, atol=1e-9)
        for batched, alone in zip(grads, gradient, strict=True):
            np.testing.assert_allclose(batched[i], alone, rtol=1e-8, atol=1e-8)
    if "linalg" not in f.__name__ and "special" not in f.__name__:  # which may be ill-conditioned in float32
        given = Arguments(arguments(np.float32))
        check_contract(given.leafwise(f), given.given, given.names, ("forward", "reverse"))


def check_second_order(f, args):
    """The product of the Hessian and a direction, by four nestings of the modes."""
    t = arguments(seed=9)
    gradient = pb.grad(f, argnums=(0, 1))

    def along(*xs):
        return pb.jvp(f, xs, t)[1]

    def inner(*xs):
        return sum((g * d).sum() for g, d in zip(gradient(*xs), t, strict=True))

    found = [gradient_of(*args) for gradient_of in (pb.grad(along, argnums=(0, 1)), pb.grad(inner, argnums=(0, 1)))]
    found.append(pb.jvp(gradient, args, t)[1])
    for other in found[1:]:
        for a, b in zip(found[0], other, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-7, atol=1e-7 * (1 + abs(b.numpy()).max()))
    twice = sum(float((h.numpy() * d).sum()) for h, d in zip(found[0], t, strict=True))
    assert float(pb.jvp(along, args, t)[1]) == pytest.approx(twice, rel=1e-7, abs=1e-7)


def check_whole(program):
    """The same, and all second derivatives against numbers."""
    check_real(program, order=2)


def check_compiled(program):
    """A program and its gradient, compiled and interpreted."""
    f, args = pb.value_and_grad(composed(program), argnums=(0, 1)), arguments()
    compiled = pb.compile(f)
    for _ in range(2):
        compiled(*args)
    (value, grads), (expected, gradients) = compiled(*args), f(*args)
    for a, b in zip((value, *grads), (expected, *gradients), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9)


def check_complex(program):
    """Derivatives of a program of complex numbers."""
    f, args = composed(program, ANALYTIC), arguments()
    args = [x + 0.3j * y for x, y in zip(args, arguments(seed=1), strict=True)]
    value = f(*args)
    if np.isfinite(value.numpy()) and abs(value.numpy()) < 1e6:
        check_grads(f, *args, rtol=1e-7)


@settings(max_examples=14, suppress_health_check=list(HealthCheck))
@given(lines(OPERATIONS))
def test_derivatives_of_compositions(program):
    check_real(program)


@settings(max_examples=2, suppress_health_check=list(HealthCheck))
@given(lines(OPERATIONS))
def test_compositions_compiled(program):
    check_compiled(program)


@settings(max_examples=4, suppress_health_check=list(HealthCheck))
@given(lines(ANALYTIC))
def test_derivatives_of_complex_compositions(program):
    check_complex(program)


@pytest.mark.long
@pytest.mark.parametrize("check", [check_whole, check_compiled, check_complex])
def test_many_compositions(check):
    end = time.monotonic() + SECONDS

    @settings(max_examples=10_000, suppress_health_check=list(HealthCheck), derandomize=False, database=None)
    @given(lines(ANALYTIC if check is check_complex else OPERATIONS))
    def search(program):
        if time.monotonic() < end:
            check(program)

    search()


def test_every_operation_is_composed():
    for number, operation in enumerate(OPERATIONS):
        f = composed([Line(number, (0, 1))])
        assert np.isfinite(pb.grad(f)(*arguments()).numpy()).all(), operation.name
