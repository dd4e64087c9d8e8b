"""Functions of `pb.linalg`: values, derivatives to second order, batched, compiled, and by NumPy's names."""

from __future__ import annotations

import numpy as np
import pytest
from tests.along import along
from tests.linalg.cases import CASES, EQUAL, POSITIVE, RANK_ONE, SINGULAR, A, B, mixed
from tests.ops.case import arrays

import pullback as pb
from pullback import linalg as pl
from pullback.core.custom_kinds import CustomJVP, CustomVJP
from pullback.ops.linalg import bands, eigenvalues, factorizations, matrix_functions, spectra, systems
from pullback.ops.linalg.cholesky import BLOCK, LARGE

PRIMITIVES = {
    p for module in (bands, eigenvalues, factorizations, matrix_functions, spectra, systems)
    for p in vars(module).values() if isinstance(p, CustomJVP | CustomVJP)
}  # fmt: skip
RESULTS = {"EighResult", "EigResult", "QRResult", "SVDResult", "SlogdetResult", "LstsqResult", "LinAlgError"}
DIFFERENTIABLE = [case for case in CASES if case.order]


def test_every_public_function_has_a_row():
    assert set(dir(pl)) - RESULTS == {case.name for case in CASES}


def test_every_function_of_numpys_has_its_like():
    theirs = {name for name in np.linalg.__all__ if name != "LinAlgError"}
    assert theirs <= set(dir(pl))


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_values_are_those_of_the_twin(case):
    for found, expected in zip(arrays(case.f(*case.args)), arrays(as_parts(case.twin(*case.args))), strict=True):
        assert found.shape == expected.shape
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-11)


def as_parts(result):
    return tuple(result) if isinstance(result, tuple) else result


@pytest.mark.filterwarnings("ignore:.*vectors of equal values")
@pytest.mark.parametrize("case", DIFFERENTIABLE, ids=repr)
def test_derivatives(case):
    args = [x[0] if x.ndim > 2 and case.batched else x for x in case.args]  # of a batch one
    f = mixed(case)
    pb.testing.check_grads(f, *args)
    if case.order > 1:
        pb.testing.check_grads(*along(lambda *xs: weighted(f(*xs)), *args), order=case.order)


def weighted(result):
    """One number, to which each element adds in another way."""
    parts = result if isinstance(result, list) else [result]
    return sum((y * np.cos(np.arange(float(y.size))).reshape(y.shape)).sum() for y in parts)


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_all_examples_of_a_vmap_at_once(case):
    many = [np.stack([x, x * 1.01, x * 0.98]) for x in case.args]
    each = [arrays(case.f(*xs)) for xs in zip(*many, strict=True)]
    for found, *expected in zip(arrays(pb.vmap(case.f)(*many)), *each, strict=True):
        np.testing.assert_allclose(found, np.stack(expected), rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("case", [case for case in DIFFERENTIABLE if len(case.args) > 1], ids=repr)
def test_a_vmap_over_one_argument(case):
    first, *rest = case.args
    many = np.stack([first, first * 1.01])
    found = pb.vmap(case.f, in_axes=(0, *(None for _ in rest)))(many, *rest)
    for y, *expected in zip(arrays(found), *(arrays(case.f(x, *rest)) for x in many), strict=True):
        np.testing.assert_allclose(y, np.stack(expected), rtol=1e-9, atol=1e-11)


@pytest.mark.filterwarnings("ignore:.*vectors of equal values")
@pytest.mark.parametrize("case", DIFFERENTIABLE, ids=repr)
def test_jacobians_are_the_same_in_both_modes(case):
    forward, reverse = (
        pb.jacobian(lambda x: total(case, x), mode=mode)(case.args[0]) for mode in ("forward", "reverse")
    )
    np.testing.assert_allclose(forward, reverse, rtol=1e-9, atol=1e-10)


def total(case, x):
    found = mixed(case)(x, *case.args[1:])
    return np.concatenate([y.reshape(-1) for y in (found if isinstance(found, list) else [found])])


@pytest.mark.parametrize("case", DIFFERENTIABLE, ids=repr)
def test_compiled_is_what_is_interpreted(case):
    def loss(*args):
        return total(case, args[0]).sum() if len(args) == 1 else (total(case, args[0]) * args[1].sum()).sum()

    f = pb.value_and_grad(loss, argnums=tuple(range(len(case.args))))
    compiled = pb.compile(f)
    for scale in (1.0, 1.0, 1.02):
        args = [x * scale for x in case.args]
        for found, expected in zip(arrays(compiled(*args)), arrays(f(*args)), strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("case", [case for case in DIFFERENTIABLE if case.batched], ids=repr)
def test_single_precision_stays(case):
    args = [x.astype(np.float32) for x in case.args]
    gradients = pb.grad(lambda *xs: sum(y.sum() for y in tree(case.f(*xs))), argnums=tuple(range(len(args))))(*args)
    assert {y.dtype for y in arrays(case.f(*args))} | {g.dtype for g in gradients} == {np.dtype(np.float32)}


def tree(result):
    return result if isinstance(result, tuple) else (result,)


def test_half_precision_is_computed_in_single():
    y = pl.inv(np.eye(2, dtype=np.float16) * 2)
    assert y.dtype == np.float16
    np.testing.assert_array_equal(y, np.eye(2) / 2)


def test_every_primitive_is_used_by_a_row():
    seen = set()
    for case in DIFFERENTIABLE:
        for y in tree(case.f(*[pb.tensor(x, requires_grad=True) for x in case.args])):
            seen |= {node.primitive for node in pb.core.graph.ancestors([y.node])}
    # Which the derivatives of det and of eigh use.
    assert PRIMITIVES - seen <= {factorizations.cofactors_, spectra.settled_}


@pytest.mark.parametrize(
    ("theirs", "args"),
    [
        (lambda t: np.linalg.svd(t, full_matrices=False)[1], (B,)),
        (lambda t: np.linalg.svd(t, compute_uv=False), (B,)),
        (lambda t: np.linalg.eigh(t, UPLO="U").eigenvalues, (POSITIVE,)), (lambda t: np.linalg.qr(t, mode="r"), (B,)),
        (lambda t: np.linalg.norm(t, ord="nuc"), (B,)), (lambda t: np.linalg.norm(t, axis=0, keepdims=True), (B,)),
        (lambda t: np.linalg.pinv(t, rcond=1e-10), (B,)),
        (lambda t: np.linalg.lstsq(t, np.ones(3), rcond=None)[0], (B,)),
        (lambda t: np.linalg.slogdet(t).logabsdet, (A,)), (lambda t: np.linalg.cholesky(t, upper=True), (POSITIVE,)),
        (lambda t: np.linalg.cond(t, p=1), (A,)), (lambda t: np.linalg.vector_norm(t, axis=1, ord=1), (B,)),
    ],
)  # fmt: skip
def test_numpys_functions_and_their_keywords(theirs, args):
    t = pb.tensor(args[0], requires_grad=True)
    found = theirs(t)
    np.testing.assert_allclose(found.detach(), theirs(args[0]), rtol=1e-12)
    found.sum().backward()
    assert np.isfinite(t.grad.numpy()).all()


def test_what_is_not_read_has_derivative_0():
    for f in (pl.cholesky, pl.eigvalsh, lambda a: pl.solve_triangular(a, np.ones(3), lower=True)):
        gradient = pb.grad(lambda a, f=f: f(a).sum())(POSITIVE[0]).numpy()
        assert not np.triu(gradient, 1).any()
        assert gradient[1, 0]
        near = np.tril(POSITIVE[0])
        np.testing.assert_allclose(pb.grad(lambda a, f=f: f(a).sum())(near), gradient, rtol=1e-9)


def test_a_function_of_equal_eigenvalues_is_finite_and_right():
    def logdet(a):
        return np.log(pl.eigvalsh((a + a.mT) / 2)).sum()

    for a in (np.eye(3), EQUAL):
        np.testing.assert_allclose(pb.grad(logdet)(a), np.linalg.inv(a), rtol=1e-12)

    def nuclear(a):
        return pl.svdvals(a).sum()

    np.testing.assert_allclose(pb.grad(nuclear)(np.eye(3)), np.eye(3), atol=1e-14)


def test_a_matrix_put_together_again_has_derivative_1():
    for a in (np.eye(3), RANK_ONE, SINGULAR, B):
        u, s, vh = (lambda a: pl.svd(a, full_matrices=False))(pb.tensor(a))
        direction = np.cos(np.arange(float(a.size))).reshape(a.shape)

        def again(a):
            u, s, vh = pl.svd(a, full_matrices=False)
            return (u * s[..., None, :]) @ vh

        found = pb.jvp(again, (a,), (u @ np.diag(s) @ vh * 0.3,))[1]
        np.testing.assert_allclose(found, a * 0.3, atol=1e-12)
        distinct = np.linalg.matrix_rank(a) > 1 and len({*s.numpy().round(9)}) == s.size
        if distinct:
            np.testing.assert_allclose(pb.grad(lambda a, d=direction: (again(a) * d).sum())(a), direction, atol=1e-9)
        else:  # what equal values do with their vectors is not told
            with pytest.raises(pl.LinAlgError, match="do not tell"):
                pb.grad(lambda a, d=direction: (again(a) * d).sum())(a)


def test_the_cotangent_of_a_large_factor_is_that_of_small_ones():
    n = 2 * BLOCK + 5  # so that halves are halved
    assert n >= LARGE
    rng = np.random.default_rng(0)
    x, weight, along = rng.normal(size=(3, n, n))
    a, along = x @ x.T + n * np.eye(n), along + along.T

    def f(a):
        return (np.sin(pb.linalg.cholesky(a)) * weight).sum()

    step = 1e-4
    slope = pb.grad(f)
    found = (slope(a) * along).sum()
    assert found == pytest.approx((f(a + step * along).item() - f(a - step * along).item()) / (2 * step), rel=1e-6)
    twice = pb.grad(lambda a: (slope(a) * along).sum())(a).numpy()
    ahead, behind = (slope(a + s * along).numpy() for s in (step, -step))
    np.testing.assert_allclose(twice, (ahead - behind) / (2 * step), rtol=1e-4, atol=1e-9)
    several = pb.grad(lambda s: (np.sin(pb.linalg.cholesky(s)) * weight).sum())(np.stack([a, a])).numpy()
    np.testing.assert_allclose(several[0], slope(a).numpy(), rtol=1e-9, atol=1e-12)
    each = pb.vmap(slope)(np.stack([a, 2 * a])).numpy()  # and a walk over many cotangents at once:
    np.testing.assert_allclose(each, [slope(a).numpy(), slope(2 * a).numpy()], rtol=1e-9, atol=1e-12)
    rows = pb.jacobian(lambda s: pb.linalg.cholesky(s * a)[-1, -2:])(1.0)
    np.testing.assert_allclose(rows, pb.linalg.cholesky(a)[-1, -2:].numpy() / 2, rtol=1e-9)
    np.testing.assert_allclose(pb.jvp(slope, (a,), (along,))[1].numpy(), twice, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("batch", [(), (2,)])
def test_matrices_of_nothing(batch):
    empty = np.zeros((*batch, 0, 0))
    for ord in (None, "nuc", 1, 2, np.inf):
        found = pb.linalg.norm(pb.tensor(empty), ord, axis=(-2, -1))
        np.testing.assert_array_equal(found.numpy(), np.linalg.norm(empty, ord, axis=(-2, -1)))
    assert pb.linalg.solve_sylvester(empty, empty, empty).shape == empty.shape
    assert pb.grad(lambda a: pb.linalg.sqrtm(a).sum())(empty).shape == empty.shape


@pytest.mark.parametrize("n", [32, 65, 150])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_large_factors_have_the_cotangent_of_small_ones(n, dtype):
    """Blocks of several sizes, beside the formula of single matrices: half(l⁻ᵀ half(lᵀ c) l⁻¹, made symmetric)."""
    rng = np.random.default_rng(n)
    a = rng.standard_normal((n, n))
    a = a @ a.T / n + np.eye(n)
    weight = rng.standard_normal((n, n))
    found = pb.grad(lambda a: (pb.linalg.cholesky(a) * weight.astype(dtype)).sum())(a.astype(dtype))
    l = np.linalg.cholesky(a)
    inner = np.tril(l.T @ np.tril(weight))
    inner = inner + inner.T - np.diag(np.diag(inner))
    whole = np.linalg.solve(l.T, np.linalg.solve(l.T, inner).T)
    expected = np.tril(whole) - np.diag(np.diag(whole)) / 2
    assert found.dtype == dtype
    np.testing.assert_allclose(found.numpy(), expected, rtol=0, atol=np.finfo(dtype).eps * 100 * np.abs(expected).max())
