"""Derivatives of every row: against differences, in both modes, all nestings and three orders, and the complex step."""

from __future__ import annotations

import numpy as np
import pytest
from tests.ops.case import arrays
from tests.ops.cases import CASES

from pullback.testing import check_grads, complex_step

DIFFERENTIABLE = [case for case in CASES if case.differentiable]
SAMPLES = [
    pytest.param(case, s, id=f"{case} {s}")
    for case in DIFFERENTIABLE
    for s in case.samples
    if "numbers" not in case.skips
]
FIRST = [pytest.param(case, case.samples[0], id=str(case)) for case in DIFFERENTIABLE if "numbers" not in case.skips]


@pytest.mark.parametrize(("case", "sample"), SAMPLES)
def test_first_and_second_order(case, sample):
    report = check_grads(lambda *xs: case.f(*xs, **sample.params), *case.draw(sample), order=min(2, case.order))
    assert not report.sampled
    assert not report.kinks


@pytest.mark.parametrize(("case", "sample"), FIRST)
def test_third_order(case, sample):
    check_grads(lambda *xs: case.f(*xs, **sample.params), *case.draw(sample, seed=1), order=case.order)


@pytest.mark.parametrize(("case", "sample"), [p for p in SAMPLES if p.values[0].analytic])
def test_complex_step(case, sample):
    operands = case.draw(sample)
    tangents = [np.random.default_rng(i).normal(size=x.shape) for i, x in enumerate(operands)]
    import pullback as pb

    value, pushed = pb.jvp(lambda *xs: case.f(*xs, **sample.params), tuple(operands), tuple(tangents))

    def moved(step):
        return np.concatenate(
            [
                a.ravel()
                for a in arrays(
                    case.f(*(x + step * t for x, t in zip(operands, tangents, strict=True)), **sample.params)
                )
            ]
        )

    exact = complex_step(moved, 0.0)
    found = np.concatenate([a.ravel() for a in arrays(pushed)])
    np.testing.assert_allclose(found, exact, rtol=1e-12, atol=1e-13)
