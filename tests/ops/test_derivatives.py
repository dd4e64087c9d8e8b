"""Derivatives of every row: against differences, in all nestings of both modes, to order two or three; complex step."""

from __future__ import annotations

import numpy as np
import pytest
from tests.ops.case import arrays
from tests.ops.cases import CASES

import pullback as pb
from pullback.testing import check_grads, complex_step

ROWS = [case for case in CASES if case.differentiable and "numbers" not in case.skips]


def smallest(case):
    """The sample of the fewest numbers, of those that are no scalars."""
    return min((s for s in case.samples if any(s.shapes)), key=lambda s: sum(map(np.prod, s.shapes)))


SAMPLES = [(case, sample) for case in ROWS for sample in case.samples]
ANALYTIC = [(case, sample) for case, sample in SAMPLES if case.analytic]
# That of a linear map is made of the map and its transpose alone, which two orders show.
CURVED = [(case, smallest(case)) for case in ROWS if not case.linear]
SECOND = [row for row in SAMPLES if row not in CURVED]


def each(rows):
    return pytest.mark.parametrize(("case", "sample"), rows, ids=[f"{case} {sample}" for case, sample in rows])


def check(case, sample, order):
    report = check_grads(lambda *xs: case.f(*xs, **sample.params), *case.draw(sample), order=order)
    assert not report.sampled
    assert not report.kinks


@each(SECOND)
def test_first_and_second_order(case, sample):
    check(case, sample, order=2)


@each(CURVED)
def test_first_to_third_order(case, sample):
    check(case, sample, order=3)


@each(ANALYTIC)
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
