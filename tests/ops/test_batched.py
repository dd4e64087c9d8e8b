"""Every operation for all examples of a `vmap` at once equals itself on one after the other, and so its derivatives."""

from __future__ import annotations

import numpy as np
import pytest
from tests.ops.case import arrays
from tests.ops.cases import CASES
from tests.ops.test_complete import PRIMITIVES

import pullback as pb
from pullback.core.errors import UnbatchedError
from pullback.core.tree import leaves, tree_map
from pullback.functions import random
from pullback.tensors import Tensor

EXAMPLES = 3

# What cannot do many examples at once, by the rows that use it, and why.
REFUSED = {"nonzero": "how many places there are differs from example to example"}
SILENT = {"find_"}  # the primitive of those

PAIRS = [(case, sample) for case in CASES for sample in case.samples]


def named(pair):
    return f"{pair[0]} {pair[1]}"


def batches(case, sample, batched):
    """Operands, with examples along the first axis where it says so."""
    draws = [case.draw(sample, seed=seed) for seed in range(EXAMPLES)]
    return [np.stack(x) if b else x[0] for x, b in zip(zip(*draws, strict=True), batched, strict=True)]


def choices(count):
    """Which operands have a batch: all, or one alone."""
    found = [(True,) * count]
    if count > 1:
        found += [tuple(i == j for i in range(count)) for j in range(count)]
    return found[:4]


def example(operands, batched, i):
    return [x[i] if b else x for x, b in zip(operands, batched, strict=True)]


def floating(tree):
    return [y for y in leaves(tree) if isinstance(y, Tensor) and y.dtype.kind == "f"]


def assert_same(found, expected):
    """The arrays of a tree are those of each example, stacked."""
    rows = [arrays(one) for one in expected]
    for place, array in enumerate(arrays(found)):
        stacked = np.stack([row[place] for row in rows])
        assert array.dtype == stacked.dtype
        np.testing.assert_allclose(array, stacked, rtol=1e-9, atol=1e-11)


@pytest.mark.filterwarnings("ignore::pullback.core.errors.BroadcastWarning")
@pytest.mark.parametrize(("case", "sample"), PAIRS, ids=map(named, PAIRS))
def test_values_are_those_of_a_loop(case, sample):
    for batched in choices(len(sample.shapes)):
        operands = batches(case, sample, batched)

        def f(*xs):
            return case.f(*map(pb.asarray, xs), **sample.params)

        axes = tuple(0 if b else None for b in batched)
        if case.name in REFUSED:
            with pytest.raises(UnbatchedError, match="at once"):
                pb.vmap(f, in_axes=axes)(*operands)
            continue
        found = pb.vmap(f, in_axes=axes)(*operands)
        assert_same(found, [f(*example(operands, batched, i)) for i in range(EXAMPLES)])


NESTED = [(case, case.samples[0]) for case in CASES if case.name not in REFUSED]


@pytest.mark.filterwarnings("ignore::pullback.core.errors.BroadcastWarning")
@pytest.mark.parametrize(("case", "sample"), NESTED, ids=map(named, NESTED))
def test_values_within_two_are_those_of_one(case, sample):
    operands = [np.stack([x, x[::-1]]) for x in batches(case, sample, (True,) * len(sample.shapes))]

    def f(*xs):
        return case.f(*map(pb.asarray, xs), **sample.params)

    found = pb.vmap(pb.vmap(f))(*operands)
    assert_same(found, [pb.vmap(f)(*(x[i] for x in operands)) for i in range(2)])


def derivatives(case, sample, operands):
    """The value, its cotangents for ones, and its tangent for ones, by the operands that have them."""
    places = [i for i, x in enumerate(operands) if x.dtype.kind == "f"]

    def f(*xs):
        given = list(operands)
        for i, x in zip(places, xs, strict=True):
            given[i] = x
        return tuple(floating(case.f(*map(pb.asarray, given), **sample.params)))

    primals = [operands[i] for i in places]
    y, back = pb.vjp(f, *primals)
    ones = tuple(np.cos(np.arange(v.size)).reshape(v.shape) for v in y)
    tangents = [np.sin(np.arange(p.size) + 1.0).reshape(p.shape) for p in primals]
    return back(ones), pb.jvp(f, primals, tangents)[1]


DIFFERENTIABLE = [pair for pair in PAIRS if pair[0].differentiable]


@pytest.mark.filterwarnings("ignore::pullback.core.errors.BroadcastWarning")
@pytest.mark.parametrize(("case", "sample"), DIFFERENTIABLE, ids=map(named, DIFFERENTIABLE))
def test_derivatives_inside_are_those_of_a_loop(case, sample):
    for batched in choices(len(sample.shapes)):
        operands = batches(case, sample, batched)
        axes = tuple(0 if b else None for b in batched)
        found = pb.vmap(lambda *xs: derivatives(case, sample, xs), in_axes=axes)(*operands)
        assert_same(found, [derivatives(case, sample, example(operands, batched, i)) for i in range(EXAMPLES)])


@pytest.mark.filterwarnings("ignore::pullback.core.errors.BroadcastWarning")
@pytest.mark.parametrize(("case", "sample"), DIFFERENTIABLE, ids=map(named, DIFFERENTIABLE))
def test_many_directions_are_those_of_a_loop(case, sample):
    operands = case.draw(sample)
    places = [i for i, x in enumerate(operands) if x.dtype.kind == "f"]

    def f(*xs):
        given = list(operands)
        for i, x in zip(places, xs, strict=True):
            given[i] = x
        return tuple(floating(case.f(*map(pb.asarray, given), **sample.params)))

    primals = [operands[i] for i in places]
    y, back = pb.vjp(f, *primals)
    rng = np.random.default_rng(0)
    cotangents = tuple(rng.normal(size=(EXAMPLES, *v.shape)) for v in y)
    found = pb.vmap(back)(cotangents)
    assert_same(found, [back(tree_map(lambda c, i=i: c[i], cotangents)) for i in range(EXAMPLES)])
    _, push = pb.linearize(f, *primals)
    tangents = [rng.normal(size=(EXAMPLES, *p.shape)) for p in primals]
    assert_same(pb.vmap(push)(*tangents), [push(*(t[i] for t in tangents)) for i in range(EXAMPLES)])


def test_every_primitive_says_how_it_is_batched():
    silent = {name for name, primitive in PRIMITIVES.items() if primitive.batching is None}
    assert silent == SILENT
    assert random.draw_.batching is not None
