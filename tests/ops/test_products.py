"""A matrix that a batch has in common: one product of all rows, forward and in its gradient."""

from __future__ import annotations

import tracemalloc
from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pullback as pb
from pullback.ops.products import matmul_


@pytest.mark.parametrize("by_columns", [False, True])
def test_a_batch_times_a_matrix_is_one_product(monkeypatch: pytest.MonkeyPatch, by_columns: bool) -> None:
    x, w = np.ones((5, 4, 3)), np.ones((3, 2), order="F" if by_columns else "C")
    monkeypatch.setattr(np, "matmul", None)  # what computes a product for each
    assert (pb.tensor(x) @ w).shape == (5, 4, 2)
    assert pb.linear(x[:, ::2], w.T, np.zeros(2)).shape == (5, 2, 2)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("batch", [(64,), (8, 8)])
def test_the_gradient_of_a_weight_takes_no_product_for_each_of_a_batch(
    batch: tuple[int, ...], order: Literal["C", "F"]
) -> None:
    w = pb.tensor(np.ones((48, 64), order=order), requires_grad=True)
    y = pb.linear(np.ones((*batch, 2, 64)), w)
    ct = np.ones(y.shape)
    tracemalloc.start()
    try:
        y.backward(ct)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 4 * w.nbytes
    assert w.grad is not None
    assert np.all(w.grad.numpy() == 128.0)


_SHAPES = [
    ((3, 4, 5), (5, 6)), ((3, 1, 5), (5, 1)), ((2, 3, 4, 5), (5, 6)), ((4, 5), (3, 5, 6)), ((2, 3, 4, 5), (1, 5, 6)),
    ((1, 4, 5), (3, 5, 6)), ((3, 4, 5), (3, 5, 6)), ((2, 3, 4, 5), (3, 5, 6)), ((0, 4, 5), (5, 6)),
    ((3, 40, 5), (5, 2)), ((4, 5), (30, 5, 1)),
]  # fmt: skip


@given(
    st.sampled_from(_SHAPES),
    st.booleans(),
    st.booleans(),
    st.sampled_from(["C", "F"]),
    st.booleans(),
    st.integers(0, 99),
)
def test_gradients_of_what_is_broadcast_are_those_of_each_product_added_up(
    shapes: tuple[tuple[int, ...], tuple[int, ...]],
    ta: bool,
    tb: bool,
    order: Literal["C", "F"],
    spaced: bool,
    seed: int,
) -> None:
    rng = np.random.default_rng(seed)
    a, b = (rng.normal(size=shape) for shape in shapes)
    given_a, given_b = np.ascontiguousarray(a.mT) if ta else a, np.array(b.mT if tb else b, order=order)
    if spaced:
        given_a = np.repeat(given_a, 2, axis=-1)[..., ::2]
    x, w = pb.tensor(given_a, requires_grad=True), pb.tensor(given_b, requires_grad=True)
    y = matmul_(x, w, ta=ta, tb=tb)
    ct = rng.normal(size=y.shape)
    y.backward(ct)
    np.testing.assert_allclose(y.numpy(), a @ b, rtol=1e-12, atol=1e-12)
    for t, each, turned in ((x, ct @ b.mT, ta), (w, a.mT @ ct, tb)):
        expected = each.mT if turned else each
        extra = tuple(range(expected.ndim - t.ndim))
        expected = expected.sum(axis=extra)
        ones = tuple(i for i, n in enumerate(t.shape) if n == 1 != expected.shape[i])
        assert t.grad is not None
        np.testing.assert_allclose(t.grad.numpy(), expected.sum(axis=ones, keepdims=True), rtol=1e-12, atol=1e-12)
