"""Calls of operations that Hypothesis draws: shapes, axes, dtypes, and how operands lie in memory."""

from __future__ import annotations

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, mutually_broadcastable_shapes
from tests.ops.case import Sample
from tests.ops.domains import LAYOUTS, laid_out

# There are more than a hundred rows, made from a few kinds: what is wrong with a kind shows in one of them.
EXAMPLES = settings(max_examples=max(10, settings.default.max_examples // 3))
FLOATS = st.sampled_from((np.float64, np.float32, np.float16))
PLACES = st.sampled_from(LAYOUTS)
SEEDS = st.integers(0, 99)


@st.composite
def samples(draw, case):
    """Shapes and parameters: drawn where all shapes will do, else one of the row's own."""
    if case.shapes == "broadcast":
        found = draw(mutually_broadcastable_shapes(num_shapes=len(case.operands), min_side=0, max_dims=3, max_side=3))
        return Sample(tuple(found.input_shapes))
    if case.shapes == "reduce":
        shape = draw(array_shapes(min_dims=0 if case.axes == "many" else 1, max_dims=3, max_side=3))
        return Sample((shape,), draw(axes(case.axes, len(shape))))
    return draw(st.sampled_from(case.samples))


@st.composite
def axes(draw, kind, ndim):
    """An axis, several or none, and whether they stay."""
    one = st.integers(-ndim, ndim - 1) if ndim else st.none()
    if kind == "last":
        return {"axis": draw(one)}
    if kind == "many" and ndim:
        several = st.lists(st.integers(0, ndim - 1), unique=True, max_size=ndim)
        one |= several.map(lambda chosen: tuple(a - ndim if a % 2 else a for a in chosen))
    keep = {} if kind == "along" else {"keepdims": draw(st.booleans())}
    return {"axis": draw(one | st.none()), **keep}


@st.composite
def calls(draw, case):
    """Operands and parameters of a call."""
    sample = draw(samples(case))
    operands = [
        laid_out(x.astype(draw(FLOATS)) if x.dtype.kind == "f" else x, draw(PLACES))
        for x in case.draw(sample, seed=draw(SEEDS))
    ]
    return operands, sample.params
