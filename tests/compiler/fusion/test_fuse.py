"""Fusion: what runs together runs under the same loops."""

from __future__ import annotations

import random

import numpy as np
import pytest

import pullback as pb
from pullback.compiler.calls.call import Call, Static
from pullback.compiler.fusion.equations import is_reduction
from pullback.compiler.fusion.fuse import fuse
from pullback.compiler.fusion.views import ordered
from pullback.compiler.passes.stages import stages
from pullback.core.modes import current_mode
from pullback.programs.recording import record

WAYS = (
    lambda x, y, axis: x + y,
    lambda x, y, axis: x * y.T,
    lambda x, y, axis: x.T,
    lambda x, y, axis: x @ y,
    lambda x, y, axis: x + y.sum(axis=axis, keepdims=True),
    lambda x, y, axis: x * y.sum(),
    lambda x, y, axis: pb.cumsum(x, axis=axis) + y,
    lambda x, y, axis: x[::-1] + y,
)


def drawn(seed):
    """A program of square matrices, whose axes nothing tells apart but how they are used."""

    def f(*values):
        values, rng = [*values], random.Random(seed)
        for _ in range(rng.randint(3, 14)):
            way = rng.choices(WAYS, (9, 6, 2, 2, 2, 1, 1, 1))[0]
            values.append(way(rng.choice(values), rng.choice(values), rng.choice((0, 1))))
        return rng.sample(values[3:], min(len(values) - 3, 3))

    matrices = tuple(np.random.default_rng(0).normal(size=(3, 4, 4)))
    made = record(f, Call.of(matrices, {}, Static(f, (), ()), current_mode()).fill, "f")[1]
    return [*stages(made.program).values()][-1]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_value_is_used_under_the_loops_that_make_it():
    for seed in range(2000):
        program = drawn(seed)
        fused = fuse(program, {value: ordered(value.shape) for value in program.inputs})
        uses = [(group, e) for group in fused.groups for e in group.equations if e is not group.product]
        for group, equation in uses:
            for operand in equation.values:
                reduces = is_reduction(equation)
                view = fused.view(operand) if reduces else fused.spread(operand, equation.output.shape)
                if view.base in group.where:
                    order, axes = view.axes(), group.axes[equation]
                    assert order is not None
                    pairs = zip(group.where[view.base], order, strict=True)
                    assert all(None in (label, axis) or axes[axis] == label for label, axis in pairs), program


def kernels(f, *args):
    """What runs, a line each, of a function compiled for arguments."""
    step = pb.compile(f)
    for _ in range(3):
        found = step(*args)
    np.testing.assert_allclose(found.numpy(), f(*(x.numpy() for x in args)), rtol=1e-12)
    return [line.strip() for line in step.explain().splitlines() if "product" in line or "loops" in line]


def test_what_follows_a_narrow_product_has_all_lanes():
    rng = np.random.default_rng(0)
    x = pb.tensor(rng.standard_normal((200, 20)))
    vector, narrow, wide = (pb.tensor(rng.standard_normal(shape) / 9) for shape in ((20,), (20, 3), (20, 8)))
    (line,) = kernels(lambda x, w: np.exp(x @ w), x, vector)
    assert "turned" in line  # lanes along the rows
    assert "then exp" in line
    product, loops = kernels(lambda x, w: np.exp(x @ w + 1), x, narrow)
    assert "then add;" in product  # which is sooner done there than read again
    assert loops.startswith("loops   600v: exp;")
    (line,) = kernels(lambda x, w: np.exp(x @ w), x, wide)
    assert "then exp" in line
    product, loops = kernels(lambda x, w: np.where(x[:, :3] > 0, np.exp(x[:, 3:6]), 1) * (x @ w), x, narrow)
    assert "then" not in product


def test_axes_of_a_result_that_are_taken_apart_are_not_moved():
    rng = np.random.default_rng(0)
    x, w = (pb.tensor(rng.standard_normal(shape)) for shape in ((40, 20), (20, 24)))
    (line,) = kernels(lambda x, w: np.moveaxis((x @ w).reshape(10, 4, 24), 0, 1), x, w)
    assert "product" in line
    (line,) = kernels(lambda x, w: np.sin(x).reshape(5, 8, 4, 5).transpose(3, 0, 2, 1), x, w)
    assert "identity" not in line
    assert len(kernels(lambda x, w: np.sin(x).reshape(5, 8, 20)[1:].swapaxes(0, 1), x, w)) == 2  # a part is copied
