"""Derivatives of every row: against differences, in both modes, all nestings and three orders, and the complex step."""

from __future__ import annotations

import numpy as np
import pytest
from tests.ops.case import arrays
from tests.ops.cases import CASES

import pullback as pb
from pullback.testing import check_grads, complex_step

ROWS = [case for case in CASES if case.differentiable and "numbers" not in case.skips]
SAMPLES = [pytest.param(case, sample, id=f"{case} {sample}") for case in ROWS for sample in case.samples]
ANALYTIC = [row for row in SAMPLES if row.values[0].analytic]
FIRST = [pytest.param(case, case.samples[0], id=repr(case)) for case in ROWS]


@pytest.mark.parametrize(("case", "sample"), SAMPLES)
def test_first_and_second_order(case, sample):
    report = check_grads(lambda *xs: case.f(*xs, **sample.params), *case.draw(sample), order=2)
    assert not report.sampled
    assert not report.kinks


@pytest.mark.parametrize(("case", "sample"), FIRST)
def test_third_order(case, sample):
    check_grads(lambda *xs: case.f(*xs, **sample.params), *case.draw(sample, seed=1), order=3)


@pytest.mark.parametrize(("case", "sample"), ANALYTIC)
def test_complex_step(case, sample):
    operands = case.draw(sample)
    tangents = [np.random.default_rng(i).normal(size=x.shape) for i, x in enumerate(operands)]
    _, pushed = pb.jvp(lambda *xs: case.f(*xs, **sample.params), tuple(operands), tuple(tangents))

    def along(step):
        moved = (x + step * t for x, t in zip(operands, tangents, strict=True))
        return joined(case.f(*moved, **sample.params))

    np.testing.assert_allclose(joined(pushed), complex_step(along, 0.0), rtol=1e-12, atol=1e-13)


def joined(result):
    """All numbers of a result."""
    return np.concatenate([array.ravel() for array in arrays(result)])
