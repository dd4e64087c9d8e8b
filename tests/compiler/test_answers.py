"""What is answered by NumPy's algorithms, in compiled functions: it is answered anew at each call."""

from __future__ import annotations

import numpy as np
import pytest

import pullback as pb

X = np.array([3.0, 1.0, 2.0, 2.5])
FUNCTIONS = {
    "sort": lambda x: pb.sort(x) * 2, "median": pb.median, "cumprod": pb.cumprod, "unique": pb.unique,
    "gradient of sort": pb.grad(lambda x: (pb.sort(x) * np.arange(4.0)).sum()),
    "nonzero": lambda x: pb.nonzero(x > 2)[0],
    "gradient of segment_max": pb.grad(lambda x: pb.segment_max(x, [0, 0, 1, 1], 2).sum()), "gradient": pb.gradient,
    "interp": lambda x: pb.interp(x, [0.0, 8.0], [0.0, 16.0]), "quantile": lambda x: pb.quantile(x, [0.2, 0.7]),
    "list": lambda x: pb.mean([x, x * 2], axis=0), "argsort": pb.argsort,
    "searchsorted": lambda x: pb.searchsorted([1.5, 3.0], x),
}  # fmt: skip


@pytest.mark.parametrize("f", FUNCTIONS.values(), ids=FUNCTIONS)
def test_answers_are_given_at_each_call(f):
    compiled = pb.compile(f)
    for x in (X, X, X, X[::-1].copy(), X + np.array([0.0, 3.0, 0.0, 0.0])):
        np.testing.assert_allclose(compiled(x).numpy(), f(x).numpy())
