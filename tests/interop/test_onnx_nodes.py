"""ONNX's own tests of operators: what is read gives their numbers, and what is not read says so."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

import pullback as pb

onnx = pytest.importorskip("onnx", reason="ONNX is not installed: pip install 'pullback[onnx]'")

LEAST = 0.5  # of those whose values are arrays
BOUNDS = {
    "float16": (4e-3, 2e-3),
    "bfloat16": (1e-2, 1e-2),
}  # relative and absolute, some roundings of their 11 and 8 bits


@pytest.mark.long
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::RuntimeWarning")
def test_operators_give_the_numbers_of_onnx_or_are_refused(tmp_path):
    from onnx.backend.test.loader import load_model_tests

    ends, wrong = Counter(), []
    for case in load_model_tests(kind="node"):
        given, expected = case.data_sets[0]
        if not all(isinstance(value, np.ndarray) for value in [*given, *expected]):
            continue
        onnx.save(case.model, tmp_path / "model.onnx")
        try:
            found = pb.interop.from_onnx(tmp_path / "model.onnx")(*given)
        except pb.PullbackError:
            ends["refused"] += 1
            continue
        found = found if isinstance(found, (tuple, list)) else [found]
        ends["read"] += 1
        if not all(map(close, found, expected)):
            wrong.append(case.name)
    assert wrong == []
    assert ends["read"] > LEAST * ends.total()


def close(found, expected):
    """Equal to the rounding of numbers that wide."""
    found = np.asarray(getattr(found, "array", found))
    if expected.dtype.name != "bfloat16" and expected.dtype.kind not in "fc":
        return np.array_equal(found, expected)
    rtol, atol = BOUNDS.get(expected.dtype.name, (1e-3, 1e-5))
    return np.allclose(found.astype(complex), expected.astype(complex), rtol=rtol, atol=atol, equal_nan=True)
