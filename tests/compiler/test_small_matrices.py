"""Stacks of small matrices are native loops: they give what LAPACK gives, and complain as it does."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from tests.ops.case import arrays

pytest.importorskip("llvmlite", reason="compiled code needs llvmlite")

import pullback as pb
from pullback.compiler.facts import ROWS
from pullback.compiler.facts.matrices import MOST, small_eigenvalues_, small_pivots_

RNG = np.random.default_rng(0)


def matrices(*shape: int) -> Any:
    return RNG.normal(size=shape) + 2 * shape[-1] * np.diag(np.where(np.arange(shape[-1]) % 2, -1.0, 1.0))


def ran(function: Any, *arguments: Any) -> Any:
    """What a program gives, and the function itself; and what the program consists of."""
    compiled = pb.compile(function)
    for _ in range(3):
        found = compiled(*arguments)
    told = compiled.explain()
    assert "run as a program" in told
    return found, function(*arguments), told


def everything(a: Any, b: Any) -> Any:
    even = a @ np.swapaxes(a, -1, -2)
    l = np.linalg.cholesky(even)
    x = np.linalg.solve(a, b)
    return (
        x, np.linalg.inv(a), np.linalg.det(a), *np.linalg.slogdet(a), l, pb.linalg.solve_triangular(l, b, lower=True),
        pb.linalg.solve_triangular(np.swapaxes(l, -1, -2), x, unit_diagonal=True),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("shape", "columns", "dtype"),
    [((1, 1), 1, "f8"), ((3, 1, 1), 2, "f8"), ((7, 2, 2), 1, "f4"), ((2, 9, 3, 3), 3, "f8"), ((5, 8, 8), 1, "f8")],
)
def test_programs_give_what_lapack_gives(shape, columns, dtype):
    a, b = matrices(*shape).astype(dtype), RNG.normal(size=(*shape[:-1], columns)).astype(dtype)
    found, wanted, told = ran(everything, a, b)
    assert told.count("matrices ") == 7
    assert "NumPy   " not in told
    for x, y in zip(found, wanted, strict=True):
        assert x.dtype == y.dtype
        np.testing.assert_allclose(x, y, rtol=1e-9 if dtype == "f8" else 2e-4, atol=1e-6)


def test_gradients_stay_in_registers():
    def f(a: Any, b: Any) -> Any:
        even = a @ np.swapaxes(a, -1, -2)
        determinants = np.linalg.det(a).sum() + np.linalg.slogdet(a).logabsdet.sum()
        return np.square(np.linalg.solve(a, b)).sum() + determinants + np.sin(np.linalg.cholesky(even)).sum()

    found, wanted, told = ran(pb.value_and_grad(f, argnums=(0, 1)), matrices(6, 3, 3), RNG.normal(size=(6, 3, 1)))
    assert "NumPy   " not in told
    for x, y in zip(found[1], wanted[1], strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-9, atol=1e-10)


def spectrum(rng, values: Any) -> Any:
    """A symmetric matrix with these eigenvalues."""
    q = np.linalg.qr(rng.normal(size=(len(values),) * 2))[0]
    return np.tril(made := (q * values) @ q.T) + np.tril(made, -1).T


def hard(n: int, high: float) -> Any:
    """Symmetric matrices of which algorithms have been known to fail: clustered, graded, singular, huge, tiny."""
    rng = np.random.default_rng(n)
    half, k = np.arange(n) < n / 2, np.arange(n)
    some = rng.normal(size=n)
    spectra = [
        some, high * some, some / high, 1 + 1e-14 * k, 10.0 ** (-2 * k), k == 0, np.zeros(n), np.where(half, 1, -1),
        np.ones(n), 1 + 1e-6 * k, 10.0 ** (-16 * k),
    ]  # fmt: skip
    graded = np.outer(10.0**-k, 10.0**-k) * rng.normal(size=(n, n))
    chain = 2 * np.eye(n) - np.eye(n, k=1) - np.eye(n, k=-1)
    drawn = [spectrum(rng, x * 1.0) for x in spectra for _ in range(4)]
    return np.stack([*drawn, graded + graded.T, chain, np.eye(n), np.ones((n, n)), 1 / (1.0 + np.add.outer(k, k))])


@pytest.mark.parametrize(("n", "dtype"), [(1, "f8"), (2, "f4"), (3, "f8"), (4, "f4"), (5, "f8"), (8, "f4"), (8, "f8")])
def test_eigenvalues_have_all_digits(n, dtype):
    a = hard(n, 1e200 if dtype == "f8" else 1e25).astype(dtype)
    compiled = pb.compile(small_eigenvalues_)  # which would be NaN where it asks LAPACK
    for _ in range(3):
        found = compiled(a)
    wanted = np.linalg.eigvalsh(a.astype(float))
    size = np.abs(wanted).max(axis=-1, keepdims=True)
    assert "matrices " in compiled.explain()
    assert (np.abs(found[..., 0, :] - wanted) <= 2 * (n + 1) * np.finfo(dtype).eps * size).all()
    np.testing.assert_allclose(small_eigenvalues_.kernel(a)[..., 0, :] / (size + (size == 0)),
                               wanted / (size + (size == 0)), atol=20 * np.finfo(dtype).eps)  # fmt: skip


def test_eigenvalues_alone_are_found_without_vectors():
    found, wanted, told = ran(lambda a: np.exp(pb.linalg.eigvalsh(a)), matrices(6, 3, 3))
    assert "small_eigvalsh" in told
    assert "NumPy   " not in told
    np.testing.assert_allclose(found, wanted, rtol=1e-11)


def function_of(a: Any) -> Any:
    values, vectors = np.linalg.eigh(a)
    return (vectors * np.sin(values)[..., None, :]) @ vectors.mT


def of_values(a: Any) -> Any:
    return np.log(1 + np.square(pb.linalg.eigvalsh(a, "U"))).sum() + pb.linalg.eigvalsh(a)[..., -1].sum()


def quadratic(a: Any) -> Any:
    values, vectors = pb.linalg.eigh(a)
    half = vectors.mT @ (np.cos(a) - a)
    return np.square(half).sum(axis=-1), vectors @ (-half / values[..., None]), (vectors * -vectors) @ values[..., None]


@pytest.mark.parametrize("f", [function_of, pb.value_and_grad(of_values), quadratic], ids=["V f Vᵀ", "grad", "squares"])
@pytest.mark.parametrize(("shape", "dtype"), [((2, 5, 4, 4), "f8"), ((9, 3, 3), "f4")])
def test_eigenvectors_whose_signs_nothing_sees(f, shape, dtype):
    a = matrices(*shape).astype(dtype)
    found, wanted, told = ran(f, a + a.mT)
    assert "NumPy   eigh" not in told
    for x, y in zip(arrays(found), arrays(wanted), strict=True):
        assert x.dtype == y.dtype
        np.testing.assert_allclose(x, y, rtol=1e-9 if dtype == "f8" else 1e-3, atol=1e-10 if dtype == "f8" else 1e-4)


def turned(v: Any) -> Any:
    return v @ (np.ones_like(v) + v)


@pytest.mark.parametrize(
    "seen",
    [
        lambda v: v, lambda v: v.mT * 2, lambda v: v @ v, lambda v: v.mT @ np.ones_like(v), lambda v: v + 1.0,
        lambda v: v.sum(axis=-2), lambda v: np.sin(v), lambda v: v[..., :1], turned, lambda v: v * v.mT,
        lambda v: np.ones_like(v) @ v, lambda v: (v @ np.eye(3)[::-1].copy()) @ v.mT,
    ],
)  # fmt: skip
def test_eigenvectors_whose_signs_are_seen_are_lapacks(seen):
    a = matrices(4, 3, 3)
    found, wanted, told = ran(lambda a: seen(pb.linalg.eigh(a)[1]), a + a.mT)
    assert "NumPy   eigh" in told
    np.testing.assert_allclose(found, wanted, rtol=1e-13, atol=1e-14)


def test_lapack_decides_what_equal_eigenvalues_give():
    compiled = pb.compile(function_of)
    good = np.stack([np.diag([1.0, 2.0, 4.0])] * 5)
    for _ in range(3):
        compiled(good)
    for bad in (np.eye(3), np.zeros((3, 3)), np.diag([1.0, 1.0 + 1e-12, 2.0])):
        stack = np.concatenate([good, bad[None]])
        np.testing.assert_array_equal(compiled(stack), function_of(stack))
    with pytest.raises(pb.linalg.LinAlgError, match="not finite"):
        compiled(np.concatenate([good, np.full((1, 3, 3), np.nan)]))


def test_stacks_broadcast_and_may_lie_anyhow():
    one, many = matrices(3, 3), RNG.normal(size=(4, 5, 3, 2))
    across = np.asfortranarray(matrices(5, 3, 3))
    apart = np.moveaxis(np.ascontiguousarray(np.moveaxis(matrices(6, 3, 3), 0, -1)), -1, 0)[::2]

    def f(one: Any, across: Any, apart: Any, many: Any) -> Any:
        return np.linalg.solve(one, many), np.linalg.solve(np.swapaxes(across, -1, -2), many), np.linalg.inv(apart)

    found, wanted, _ = ran(f, one, across, apart, many)
    for x, y in zip(found, wanted, strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-9, atol=1e-11)


SOLVE = pb.compile(lambda a: np.linalg.solve(a, np.ones((3, 1))))
CHOLESKY = pb.compile(np.linalg.cholesky)


@pytest.mark.parametrize(
    ("function", "bad", "said"),
    [
        (SOLVE, np.zeros((3, 3)), "solve: the matrix is singular"),
        (SOLVE, np.arange(9.0).reshape(3, 3) + 1, "singular"),
        (SOLVE, np.full((3, 3), np.nan), "not finite"),
        (SOLVE, np.diag([1.0, np.inf, 1.0]), "not finite"),
        (CHOLESKY, -np.eye(3), "not positive definite"),
        (CHOLESKY, np.ones((3, 3)), "not positive definite"),
    ],
)  # fmt: skip
def test_lapack_decides_where_it_may_complain(function, bad, said):
    good = np.stack([np.eye(3) * k for k in range(1, 12)])
    for _ in range(3):
        function(good)
    stack = np.concatenate([good[2:], bad[None], good[:1]])
    with pytest.raises(pb.linalg.LinAlgError, match=said) as raised:
        function(stack)
    assert "9" in str(raised.value)  # the place of the matrix in its stack


def test_a_half_alone_and_a_pivot_that_is_not_on_the_diagonal():
    lower = np.tril(matrices(5, 4, 4)) + 20 * np.eye(4)
    for above in (0, 1):
        given = lower + above * np.triu(np.ones((4, 4)), 1)
        found, wanted, _ = ran(lambda l: np.linalg.cholesky(l), given)
        np.testing.assert_allclose(found, wanted, rtol=1e-12)
        np.testing.assert_allclose(found, np.linalg.cholesky(given), rtol=1e-12)
    turned = np.broadcast_to(np.eye(4)[[2, 0, 3, 1]] * [1.0, 1e-3, 1e3, 1.0], (5, 4, 4)).copy()
    found, wanted, _ = ran(lambda a: (np.linalg.det(a), np.linalg.inv(a)), turned)
    for x, y in zip(found, wanted, strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-12, atol=1e-15)
    (zero, sign, logarithm), _, _ = ran(lambda a: (np.linalg.det(a), *np.linalg.slogdet(a)), np.ones((5, 3, 3)))
    assert not np.any([zero, sign])
    assert np.isneginf(logarithm).all()


def test_what_is_larger_is_one_call():
    _, _, told = ran(lambda a: np.linalg.inv(a).sum() + np.exp(a).sum(), matrices(2, MOST + 1, MOST + 1))
    assert "NumPy   inv: LAPACK computes it, in one call" in told


def test_pivots_of_numpy_have_the_sign_of_swaps():
    a = np.concatenate([matrices(6, 4, 4)[:, [2, 0, 3, 1]], np.zeros((1, 4, 4))])
    found = small_pivots_.kernel(a)[..., 0, :].prod(axis=-1)
    np.testing.assert_allclose(found, np.linalg.det(a), rtol=1e-12)
    assert np.isnan(small_pivots_.kernel(np.full((3, 3), np.nan))).all()


def test_kernels_of_numpy_give_nan_where_they_complain():
    for primitive, row in ROWS.items():
        if row.matrices is not None and primitive.name not in ("small_det", "small_pivots"):
            count = 2 if "solve" in primitive.name else 1
            params = {"lower": True, "unit": False} if "triangular" in primitive.name else {}
            bad = -np.eye(3) if primitive.name == "small_cholesky" else np.zeros((3, 3))
            operands = [np.stack([bad, bad]) + (math.nan if "eig" in primitive.name else 0)] * count
            if primitive.name != "small_cofactors":
                assert np.isnan(primitive.kernel(*operands, **params)).all(), primitive.name
