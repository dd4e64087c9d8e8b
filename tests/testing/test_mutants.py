"""The derivative of every operation, made wrong on purpose: the checker finds each."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
from tests.ops.cases import CASES
from tests.ops.test_complete import primitive_of

import pullback as pb
from pullback.testing import check_grads

# Their derivative is 0, of which one percent is 0 too.
CONSTANT = {"sign", "floor", "ceil", "trunc", "rint", "floor_divide", "round"}
MUTABLE = [case for case in CASES if primitive_of(case) and case.name not in CONSTANT and "numbers" not in case.skips]


def off(value, factor):
    """A derivative, its largest element times a factor."""
    if value is None or isinstance(value, tuple):
        return value and tuple(off(part, factor) for part in value)
    numbers = np.asarray(value.array if isinstance(value, pb.Tensor) else value)
    if not numbers.size:
        return value
    factors = np.ones(numbers.shape)
    factors.reshape(-1)[np.argmax(abs(numbers))] = factor
    return value * factors


@pytest.mark.parametrize("factor", [1.01, -1.0])
@pytest.mark.parametrize("half", ["jvp", "vjp"])
@pytest.mark.parametrize("case", MUTABLE, ids=repr)
def test_one_wrong_element_is_found(case, half, factor, monkeypatch):
    primitive = primitive_of(case)
    right = getattr(primitive, half)

    def wrong(*args):
        found = right(*args)
        return [off(c, factor) for c in found] if isinstance(found, list) else off(found, factor)

    sample = case.samples[zlib.crc32(case.name.encode()) % len(case.samples)]
    operands = case.draw(sample)
    monkeypatch.setattr(primitive, half, wrong)
    with pytest.raises(pb.GradientCheckError, match="mode gives a wrong derivative"):
        check_grads(
            lambda *xs: case.f(*xs, **sample.params), *operands, modes=["forward" if half == "jvp" else "reverse"]
        )
