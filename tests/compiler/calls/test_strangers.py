"""Programs as strangers write them answer compiled as they do as they are written, or are refused with line and fix."""

from __future__ import annotations

import numpy as np
import pytest
from tests.compiler.calls.strangers import PROGRAMS, REFUSED

import pullback as pb


def numbers(result):
    return np.asarray(result.numpy() if isinstance(result, pb.Tensor) else result)


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.filterwarnings("ignore::pullback.PullbackWarning")
def test_compiled_is_as_it_is_written(name):
    expected = [(numbers(y).dtype, numbers(y).tolist()) for y in PROGRAMS[name](lambda f: f)]
    got, error = [], None
    try:
        for y in PROGRAMS[name](pb.compile):
            got.append((numbers(y).dtype, numbers(y).tolist()))
            assert str(got) == str(expected[: len(got)]), f"call {len(got)}"
    except pb.TraceError as raised:
        error = raised
    if error is None:
        assert len(got) == len(expected)
    else:
        assert name in REFUSED, error
        assert "fix" in error.facts
