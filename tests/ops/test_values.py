"""Values of every row: NumPy's, in NumPy's dtype and shape, whatever the shapes, strides and dtypes of the operands."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.ops.case import arrays
from tests.ops.cases import CASES
from tests.ops.draws import EXAMPLES, calls

from pullback.core.tree import leaves
from pullback.tensors import Tensor

ROWS = [case for case in CASES if "values" not in case.skips]


def agree(found, expected, eps=0.0, size=0.0):
    """Whether results have the same dtypes, shapes and numbers: to some last digits of precision eps, or to the bit.

    `size` is that of the terms, where they may cancel each other.
    """
    assert len(found) == len(expected)
    for ours, numpys in zip(found, expected, strict=True):
        assert ours.dtype == numpys.dtype
        assert ours.shape == numpys.shape
        if not eps or ours.dtype.kind != "f":
            np.testing.assert_array_equal(ours, numpys)
            if ours.dtype.kind == "f":
                np.testing.assert_array_equal(np.signbit(ours), np.signbit(numpys))
        else:
            finite = numpys[np.isfinite(numpys)].astype(float)
            np.testing.assert_allclose(
                ours.astype(float), numpys.astype(float), rtol=50 * eps, atol=8 * eps * abs(finite).max(initial=size)
            )


def coarsest(operands):
    """The relative spacing of numbers in the lowest precision among the operands."""
    return max((float(np.finfo(x.dtype).eps) for x in operands if x.dtype.kind == "f"), default=0.0)


@pytest.mark.parametrize("case", ROWS, ids=repr)
@EXAMPLES
@given(data=st.data())
def test_values_dtypes_and_shapes_are_numpys(case, data):
    operands, params = data.draw(calls(case))
    before = [x.tobytes() for x in operands]
    with np.errstate(all="ignore"):
        expected = arrays(case.reference(*operands, **params))
        found = arrays(case.f(*operands, **params))
    agree(found, expected, eps=0.0 if case.exact else coarsest(operands), size=1.0)
    assert [x.tobytes() for x in operands] == before


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_plain_arrays_give_tensors_of_their_own(case):
    for sample in case.samples:
        operands = case.draw(sample)
        for result in leaves(case.f(*operands, **sample.params)):
            assert isinstance(result, Tensor)
            assert not any(np.may_share_memory(result.array, x) for x in operands)
