"""Functions of `pb.linalg` on complex matrices: values, both modes, second order; against differences and PyTorch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import scipy.linalg as sl

import pullback as pb
from pullback import linalg as pl

RNG = np.random.default_rng(1)


def normal(*shape):
    """Complex normal numbers."""
    return RNG.normal(size=shape) + 1j * RNG.normal(size=shape)


A, B, TALL = normal(3, 3) + 2 * np.eye(3), normal(3, 2), normal(4, 3)
POSITIVE = A @ A.conj().T + np.eye(3)
SINGULAR = np.outer(normal(3), normal(3)) + np.outer(normal(3), normal(3))
BAND = np.concatenate([normal(2, 5), 4 + normal(1, 5), normal(1, 5)])
CASES = {}


@dataclass(frozen=True, eq=False)
class Case:
    """A function, its arguments, and its twin, if it has one of complex matrices."""

    f: Any
    args: tuple[Any, ...]
    twin: Any = None


def row(name, f, args, twin=None):
    """Enter a case."""
    assert name not in CASES
    CASES[name] = Case(f, args, twin)


def hermitian(f):
    """f of the Hermitian part of its first argument."""
    return lambda a, *rest: f((a + np.conj(np.swapaxes(a, -1, -2))) / 2, *rest)


def turned(v, axis=0):
    """Vectors whose first entries are positive: the free angles are fixed."""
    first = v[:1] if axis == 0 else v[:, :1]
    return v * np.conj(first / np.abs(first))


row("inv", pl.inv, (A,), np.linalg.inv)
row("solve", pl.solve, (A, B), np.linalg.solve)
row("cholesky", hermitian(pl.cholesky), (POSITIVE,), np.linalg.cholesky)
row(
    "cholesky upper",
    hermitian(lambda a: pl.cholesky(a, upper=True)),
    (POSITIVE,),
    lambda a: np.linalg.cholesky(a, upper=True),
)
row("cho_solve", hermitian(lambda a, b: pl.cho_solve(pl.cho_factor(a), b)), (POSITIVE, B), np.linalg.solve)
row("qr tall", pl.qr, (TALL,), np.linalg.qr)
row("qr wide", pl.qr, (TALL.T,), np.linalg.qr)
row("qr", pl.qr, (A,), np.linalg.qr)
row("lu_factor", lambda a: pl.lu_factor(a)[0], (A,), lambda a: sl.lu_factor(a)[0])
row("lu_solve", lambda a, b: pl.lu_solve(pl.lu_factor(a), b, 2), (A, B), lambda a, b: np.linalg.solve(a.conj().T, b))
row("det", pl.det, (A,), np.linalg.det)
row("det of a singular matrix", pl.det, (SINGULAR,), np.linalg.det)
row("slogdet", pl.slogdet, (A,), np.linalg.slogdet)
row("eigvalsh", hermitian(pl.eigvalsh), (POSITIVE,), np.linalg.eigvalsh)
row("eigh", hermitian(lambda a: turned(pl.eigh(a)[1])), (POSITIVE,), lambda a: turned(np.linalg.eigh(a)[1]))
row("eigh upper", hermitian(lambda a: pl.eigh(a, "U")[0]), (POSITIVE,), np.linalg.eigvalsh)
row("eig", pl.eig, (A,), np.linalg.eig)
row("eig of a real matrix", pl.eig, (A.real,), np.linalg.eig)
row("eigvals", pl.eigvals, (A,), np.linalg.eigvals)
row("svdvals", pl.svdvals, (TALL,), np.linalg.svdvals)
row(
    "svd left",
    lambda a: turned(pl.svd(a, full_matrices=False).U),
    (TALL,),
    lambda a: turned(np.linalg.svd(a, full_matrices=False)[0]),
)
row(
    "svd right",
    lambda a: turned(pl.svd(a, full_matrices=False).Vh, 1),
    (TALL.T,),
    lambda a: turned(np.linalg.svd(a, full_matrices=False)[2], 1),
)
row("svd polar", lambda a: pl.svd(a).U @ pl.svd(a).Vh, (A,), lambda a: np.linalg.svd(a)[0] @ np.linalg.svd(a)[2])
row("svd hermitian", hermitian(lambda a: pl.svd(a, hermitian=True).S), (POSITIVE,), np.linalg.svdvals)
row("pinv tall", pl.pinv, (TALL,), np.linalg.pinv)
row("pinv wide", pl.pinv, (TALL.T,), np.linalg.pinv)
row("lstsq", lambda a, b: pl.lstsq(a, b)[:2], (TALL, normal(4, 2)), lambda a, b: np.linalg.lstsq(a, b)[:2])
row("lstsq wide", lambda a, b: pl.lstsq(a, b)[0], (TALL.T, normal(3)), lambda a, b: np.linalg.lstsq(a, b)[0])
row(
    "solve_triangular",
    lambda a, b: pl.solve_triangular(a, b, trans=2, lower=True),
    (A, B),
    lambda a, b: np.linalg.solve(np.tril(a).conj().T, b),
)
row("solve_sylvester", pl.solve_sylvester, (A + 3 * np.eye(3), normal(2, 2) + 3 * np.eye(2), B), sl.solve_sylvester)
row(
    "solve_banded",
    lambda a, b: pl.solve_banded((1, 2), a, b),
    (BAND, normal(5)),
    lambda a, b: sl.solve_banded((1, 2), a, b),
)
row("expm", pl.expm, (A,), sl.expm)
row("sqrtm", pl.sqrtm, (POSITIVE + 0.1 * A,), sl.sqrtm)
row("logm", pl.logm, (POSITIVE[:2, :2] + 0.1 * A[:2, :2],), sl.logm)
row("matrix_power", lambda a: pl.matrix_power(a, -3), (A,), lambda a: np.linalg.matrix_power(a, -3))
row(
    "multi_dot",
    lambda a, b, c: pl.multi_dot([a, b, c]),
    (TALL, B, normal(2)),
    lambda a, b, c: np.linalg.multi_dot([a, b, c]),
)
for p in ("fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf):
    row(f"norm {p}", lambda x, p=p: pl.norm(x, p), (TALL,), lambda x, p=p: np.linalg.norm(x, p))
for p in (1, -1, 2, 3, 0.5, np.inf):
    row(
        f"norm of vectors {p}",
        lambda x, p=p: pl.norm(x, p, axis=-1),
        (TALL,),
        lambda x, p=p: np.linalg.norm(x, p, axis=-1),
    )
for p in (None, -2, 1, "fro"):
    row(f"cond {p}", lambda x, p=p: pl.cond(x, p), (A,), lambda x, p=p: np.linalg.cond(x, p))
row("vector_norm", lambda x: pl.vector_norm(x, ord=3), (B,), lambda x: np.linalg.vector_norm(x, ord=3))
row("tensorinv", lambda a: pl.tensorinv(a, 1), (normal(6, 2, 3),), lambda a: np.linalg.tensorinv(a, 1))
row("tensorsolve", pl.tensorsolve, (normal(2, 3, 6), B.T.copy()), np.linalg.tensorsolve)
row("trace", pl.trace, (TALL,), np.linalg.trace)
row("toeplitz", pl.toeplitz, (B[:, 0].copy(),), sl.toeplitz)
row("cross", pl.cross, (TALL, TALL[::-1].copy()), np.linalg.cross)
row("vecdot", pl.vecdot, (TALL, TALL[::-1].copy()), np.linalg.vecdot)
row("outer", pl.outer, (B[:, 0], B[:, 1]), np.linalg.outer)
row("matmul", pl.matmul, (TALL, B), np.linalg.matmul)


def parts(result):
    return tuple(result) if isinstance(result, tuple) else (result,)


def directions(arrays, seed):
    """Directions of the shapes and kinds of arrays."""
    rng = np.random.default_rng(seed)
    return tuple(
        rng.normal(size=x.shape) + (1j * rng.normal(size=x.shape) if x.dtype.kind == "c" else 0) for x in arrays
    )


def moved(args, along, step):
    return tuple(x + step * t for x, t in zip(args, along, strict=True))


def inner(us, vs):
    """Re Σ ū·v, summed over all."""
    return sum(float(np.real(np.vdot(u, v))) for u, v in zip(us, vs, strict=True))


def numbers(tensors):
    return [t.numpy() for t in tensors]


@pytest.mark.parametrize("name", CASES)
def test_values_are_those_of_the_twin(name):
    case = CASES[name]
    for found, expected in zip(parts(case.f(*case.args)), parts(case.twin(*case.args)), strict=True):
        np.testing.assert_allclose(found.numpy(), expected, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("name", CASES)
def test_both_modes_are_the_differences(name):
    case = CASES[name]
    along, h = directions(case.args, 2), 1e-6

    def f(*args):
        return parts(case.f(*args))

    ys, tangents = pb.jvp(f, case.args, along)
    above, below = (numbers(f(*moved(case.args, along, step))) for step in (h, -h))
    for t, p, m in zip(numbers(tangents), above, below, strict=True):
        np.testing.assert_allclose(t, (p - m) / (2 * h), rtol=3e-6, atol=3e-6 * (1 + np.abs(t).max()))
    cotangents = directions(numbers(ys), 3)
    found = numbers(pb.vjp(f, *case.args)[1](cotangents))
    np.testing.assert_allclose(inner(found, along), inner(cotangents, numbers(tangents)), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", CASES)
def test_second_derivatives_are_differences_of_gradients(name):
    case = CASES[name]
    weights = directions(numbers(parts(case.f(*case.args))), 4)
    places = tuple(range(len(case.args)))
    along, h = directions(case.args, 5), 1e-5

    def loss(*args):
        return sum(
            pb.real(y * c).sum() + 0.3 * (np.abs(y) ** 2).sum()
            for y, c in zip(parts(case.f(*args)), weights, strict=True)
        )

    gradient = pb.grad(loss, argnums=places)
    forward = pb.jvp(gradient, case.args, along)[1]
    backward = pb.grad(
        lambda *xs: sum(pb.real(np.conj(g) * t).sum() for g, t in zip(gradient(*xs), along, strict=True)), places
    )(*case.args)
    above, below = (numbers(gradient(*moved(case.args, along, step))) for step in (h, -h))
    for found in (forward, backward):
        for u, p, m in zip(numbers(found), above, below, strict=True):
            expected = (p - m) / (2 * h)
            np.testing.assert_allclose(u, expected, rtol=1e-5, atol=1e-5 * (1 + np.abs(expected).max()))


@pytest.mark.parametrize("name", ["cholesky", "qr", "eigvalsh", "slogdet", "svd polar", "pinv tall", "eig"])
def test_single_precision_stays(name):
    case = CASES[name]
    args = [x.astype("F") for x in case.args]
    values = parts(case.f(*args))
    assert {y.dtype.char for y in values} <= {"f", "F"}
    gradients = pb.grad(lambda *xs: sum(np.abs(y).sum() for y in parts(case.f(*xs))), tuple(range(len(args))))(*args)
    assert {g.dtype.char for g in gradients} == {"F"}


OF_TORCH = {
    "cholesky": lambda t, a: t.linalg.cholesky(a).abs().pow(4).sum(),
    "qr": lambda t, a: t.linalg.qr(a).R.abs().pow(4).sum(),
    "eigvalsh": lambda t, a: t.linalg.eigvalsh(a).pow(3).sum(),
    "eigvals": lambda t, a: t.linalg.eigvals(a).abs().pow(3).sum(),
    "svdvals": lambda t, a: t.linalg.svdvals(a).pow(3).sum(),
    "slogdet": lambda t, a: t.linalg.slogdet(a)[1] + t.linalg.slogdet(a)[0].real,
    "pinv": lambda t, a: t.linalg.pinv(a).abs().pow(4).sum(),
    "expm": lambda t, a: t.linalg.matrix_exp(a).abs().pow(3).sum(),
}
OURS = {
    "cholesky": lambda a: (np.abs(pl.cholesky(a)) ** 4).sum(),
    "qr": lambda a: (np.abs(pl.qr(a).R) ** 4).sum(),
    "eigvalsh": lambda a: (pl.eigvalsh(a) ** 3).sum(),
    "eigvals": lambda a: (np.abs(pl.eigvals(a)) ** 3).sum(),
    "svdvals": lambda a: (pl.svdvals(a) ** 3).sum(),
    "slogdet": lambda a: pl.slogdet(a)[1] + pb.real(pl.slogdet(a)[0]),
    "pinv": lambda a: (np.abs(pl.pinv(a)) ** 4).sum(),
    "expm": lambda a: (np.abs(pl.expm(a)) ** 3).sum(),
}


@pytest.mark.parametrize("name", OF_TORCH)
def test_gradients_are_pytorchs(name):
    torch = pytest.importorskip("torch")
    a = torch.tensor(A, requires_grad=True)
    of_half = name in ("cholesky", "eigvalsh")
    given = (a @ a.mH + torch.eye(3)) if of_half else a
    OF_TORCH[name](torch, given).backward()
    ours = pb.grad(lambda a: OURS[name](a @ np.conj(np.swapaxes(a, 0, 1)) + np.eye(3) if of_half else a))(A)
    np.testing.assert_allclose(ours.numpy(), a.grad.numpy(), rtol=1e-8, atol=1e-8)
