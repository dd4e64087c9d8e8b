"""One row a function of `pb.linalg`: its arguments, and its twin in NumPy or SciPy, by which values are judged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import scipy.linalg as sl

from pullback import linalg as pl

RNG: Final = np.random.default_rng(0)
A: Final = RNG.normal(size=(2, 3, 3)) + 2 * np.eye(3)
B: Final = RNG.normal(size=(3, 2))
TALL: Final = RNG.normal(size=(4, 3))
STACK: Final = RNG.normal(size=(2, 4, 3))
POSITIVE: Final = A @ A.mT + np.eye(3)
BAND: Final = np.concatenate([RNG.normal(size=(2, 5)), 4 + RNG.normal(size=(2, 5))[:1], RNG.normal(size=(1, 5))])
SINGULAR: Final = np.array([[1.0, 2.0, 3.0], [2.0, 4.0, 7.0], [3.0, 6.0, 8.0]])  # of rank 2
RANK_ONE: Final = np.outer([1.0, 2.0, 3.0], [1.0, 1.0, 2.0])
EQUAL: Final = np.diag([2.0, 2.0, 5.0])  # an eigenvalue that is there twice


@dataclass(frozen=True, repr=False, eq=False)
class Case:
    """A function, arguments that are differentiated, and what it equals."""

    name: str
    f: Callable[..., Any]
    args: tuple[Any, ...]
    twin: Callable[..., Any] | None = None
    note: str = ""
    order: int = 2  # to which the derivatives are tested
    batched: bool = True  # more axes in front are a batch
    skips: dict[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"{self.name} {self.note}".strip()


def symmetric(f: Callable[..., Any]) -> Callable[..., Any]:
    """f of the symmetric part of its first argument."""
    return lambda a, *rest: f((a + np.swapaxes(a, -1, -2)) / 2, *rest)


def signed(v: Any, axis: int = -2) -> Any:
    """Vectors with their first components positive: the free signs are fixed."""
    return v * np.sign(v[..., :1, :] if axis == -2 else v[..., :1])


def apart(f: Callable[..., Any]) -> Callable[..., Any]:
    """The real and the imaginary parts of complex results."""

    def parts(a: Any) -> Any:
        found = f(a)
        return tuple(part(y) for y in (found if isinstance(found, tuple) else (found,)) for part in (np.real, np.imag))

    return parts


def banded(ab: Any, b: Any) -> Any:
    return pl.solve_banded((1, 2), ab, b)


CASES: Final = (
    Case("inv", pl.inv, (A,), np.linalg.inv),
    Case("solve", pl.solve, (A, B), np.linalg.solve, "of a batch and one matrix"),
    Case("solve", pl.solve, (A[0], np.stack([B, 2 * B])), np.linalg.solve, "of one matrix and a batch"),
    Case("solve", pl.solve, (A[0], B[:, 0]), np.linalg.solve, "of a vector", batched=False),
    Case("solve_triangular", lambda a, b: pl.solve_triangular(a, b, lower=True), (A, B),
         lambda a, b: np.linalg.solve(np.tril(a), b), "lower"),
    Case("solve_triangular", lambda a, b: pl.solve_triangular(a, b, trans="T"), (A[0], B[:, 0]),
         lambda a, b: sl.solve_triangular(a, b, trans="T"), "transposed", batched=False),
    Case("solve_triangular", lambda a, b: pl.solve_triangular(a, b, unit_diagonal=True), (A[0], B),
         lambda a, b: sl.solve_triangular(a, b, unit_diagonal=True), "unit"),
    Case("cholesky", symmetric(pl.cholesky), (POSITIVE,), np.linalg.cholesky),
    Case("cholesky", symmetric(lambda a: pl.cholesky(a, upper=True)), (POSITIVE,),
         lambda a: np.linalg.cholesky(a, upper=True), "upper"),
    Case("cho_factor", symmetric(lambda a: pl.cho_factor(a)[0]), (POSITIVE,), lambda a: np.triu(sl.cho_factor(a)[0])),
    Case("cho_solve", symmetric(lambda a, b: pl.cho_solve(pl.cho_factor(a), b)), (POSITIVE, B), np.linalg.solve),
    Case("cho_solve", symmetric(lambda a, b: pl.cho_solve(pl.cho_factor(a, lower=True), b)), (POSITIVE[0], B),
         np.linalg.solve, "lower"),
    Case("qr", pl.qr, (STACK,), np.linalg.qr, "tall"),
    Case("qr", pl.qr, (TALL.T,), np.linalg.qr, "wide"),
    Case("qr", lambda a: pl.qr(a, "r"), (A,), lambda a: np.linalg.qr(a, "r"), "r"),
    Case("qr", lambda a: pl.qr(a, "complete"), (A,), lambda a: np.linalg.qr(a, "complete"), "complete"),
    Case("lu_factor", lambda a: pl.lu_factor(a)[0], (A,), lambda a: sl.lu_factor(a)[0]),
    Case("lu_solve", lambda a, b: pl.lu_solve(pl.lu_factor(a), b), (A, B), np.linalg.solve),
    Case("lu_solve", lambda a, b: pl.lu_solve(pl.lu_factor(a), b, 1), (A[0], B[:, 0]),
         lambda a, b: np.linalg.solve(a.T, b), "transposed", batched=False),
    Case("det", pl.det, (A,), np.linalg.det),
    Case("det", pl.det, (SINGULAR,), np.linalg.det, "of a singular matrix"),
    Case("det", pl.det, (RANK_ONE,), np.linalg.det, "of rank one"),
    Case("slogdet", pl.slogdet, (A,), np.linalg.slogdet),
    Case("eigh", symmetric(lambda a: (pl.eigh(a)[0], signed(pl.eigh(a)[1]))), (POSITIVE,),
         lambda a: (np.linalg.eigh(a)[0], signed(np.linalg.eigh(a)[1]))),
    Case("eigh", symmetric(lambda a: pl.eigh(a, "U")[0]), (POSITIVE,), lambda a: np.linalg.eigh(a, "U")[0], "upper"),
    Case("eigvalsh", symmetric(pl.eigvalsh), (POSITIVE,), np.linalg.eigvalsh),
    # Of a matrix that is not made symmetric first, one half alone is read, and it alone has a derivative.
    Case("eigh", lambda a: (pl.eigh(a)[0], signed(pl.eigh(a)[1])), (POSITIVE,),
         lambda a: (np.linalg.eigh(a)[0], signed(np.linalg.eigh(a)[1])), "of the lower half"),
    Case("eigvalsh", lambda a: pl.eigvalsh(a, "U"), (POSITIVE,), lambda a: np.linalg.eigvalsh(a, "U"),
         "of the upper half"),
    Case("cholesky", pl.cholesky, (POSITIVE,), np.linalg.cholesky, "of the lower half"),
    Case("cholesky", lambda a: pl.cholesky(a, upper=True), (POSITIVE,), lambda a: np.linalg.cholesky(a, upper=True),
         "of the upper half"),
    Case("eigvalsh", symmetric(lambda a: np.exp(pl.eigvalsh(a)).sum(axis=-1)), (EQUAL,),
         lambda a: np.exp(np.linalg.eigvalsh(a)).sum(axis=-1), "of which two are the same", order=1),
    Case("eigh", symmetric(lambda a: pl.eigh(a)[1][..., :2] @ np.swapaxes(pl.eigh(a)[1][..., :2], -1, -2)), (EQUAL,),
         lambda a: np.linalg.eigh(a)[1][..., :2] @ np.linalg.eigh(a)[1][..., :2].mT, "a projection onto equal ones",
         order=1),
    Case("eig", apart(pl.eig), (A,), apart(np.linalg.eig), order=1),
    Case("eigvals", apart(pl.eigvals), (A,), apart(np.linalg.eigvals)),
    Case("svd", lambda a: pl.svd(a, full_matrices=False).S, (STACK,), lambda a: np.linalg.svd(a)[1]),
    Case("svd", lambda a: signed(pl.svd(a, full_matrices=False).U), (STACK,),
         lambda a: signed(np.linalg.svd(a, full_matrices=False)[0]), "left"),
    Case("svd", lambda a: signed(pl.svd(a, full_matrices=False).Vh, -1), (TALL.T,),
         lambda a: signed(np.linalg.svd(a, full_matrices=False)[2], -1), "right"),
    Case("svd", lambda a: pl.svd(a, full_matrices=False), (TALL,),
         lambda a: np.linalg.svd(a, full_matrices=False), "whole"),
    Case("svd", lambda a: pl.svd(a, hermitian=True).S, (POSITIVE,), lambda a: np.linalg.svd(a)[1], "symmetric"),
    Case("svdvals", pl.svdvals, (STACK,), np.linalg.svdvals),
    Case("pinv", pl.pinv, (STACK,), np.linalg.pinv, "tall"),
    Case("pinv", pl.pinv, (TALL.T,), np.linalg.pinv, "wide"),
    Case("lstsq", lambda a, b: pl.lstsq(a, b)[:2], (TALL, RNG.normal(size=(4, 2))),
         lambda a, b: np.linalg.lstsq(a, b)[:2], "tall"),
    Case("lstsq", lambda a, b: pl.lstsq(a, b).x, (TALL.T, B[:, 0]), lambda a, b: np.linalg.lstsq(a, b)[0], "wide",
         batched=False),
    Case("solve_sylvester", pl.solve_sylvester, (A[0] + 3 * np.eye(3), np.array([[2.0, 1.0], [0.0, 3.0]]), B),
         sl.solve_sylvester),
    Case("solve_banded", banded, (BAND, RNG.normal(size=5)), lambda ab, b: sl.solve_banded((1, 2), ab, b),
         batched=False),
    Case("tensorsolve", pl.tensorsolve, (RNG.normal(size=(2, 3, 6)), B.T), np.linalg.tensorsolve, batched=False),
    Case("tensorsolve", lambda a, b: pl.tensorsolve(a, b, (0,)), (RNG.normal(size=(6, 2, 3)), B.T),
         lambda a, b: np.linalg.tensorsolve(a, b, (0,)), "axes", batched=False),
    Case("tensorinv", lambda a: pl.tensorinv(a, 1), (RNG.normal(size=(6, 2, 3)),),
         lambda a: np.linalg.tensorinv(a, 1), batched=False),
    Case("expm", pl.expm, (A,), sl.expm),
    Case("sqrtm", pl.sqrtm, (POSITIVE[0] + 0.1 * A[0],), sl.sqrtm),
    Case("logm", pl.logm, (POSITIVE[0, :2, :2] + 0.1 * A[0, :2, :2],), sl.logm),
    Case("matrix_power", lambda a: pl.matrix_power(a, 5), (A,), lambda a: np.linalg.matrix_power(a, 5)),
    Case("matrix_power", lambda a: pl.matrix_power(a, -3), (A,), lambda a: np.linalg.matrix_power(a, -3), "negative"),
    Case("multi_dot", lambda a, b, c: pl.multi_dot([a, b, c]), (TALL, B, B[0]),
         lambda a, b, c: np.linalg.multi_dot([a, b, c]), batched=False),
    Case("norm", pl.norm, (B,), np.linalg.norm, batched=False),
    *(Case("norm", lambda x, p=p: pl.norm(x, p, axis=(-2, -1)), (STACK,),
           lambda x, p=p: np.linalg.norm(x, p, axis=(-2, -1)), f"of order {p}")
      for p in ("fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf)),
    *(Case("norm", lambda x, p=p: pl.norm(x, p, axis=-1, keepdims=True), (TALL,),
           lambda x, p=p: np.linalg.norm(x, p, axis=-1, keepdims=True), f"of vectors, order {p}")
      for p in (1, -1, 2, -2, 3, 0.5, np.inf, -np.inf)),
    Case("vector_norm", lambda x: pl.vector_norm(x, axis=(-3, -1), ord=3), (STACK,),
         lambda x: np.linalg.vector_norm(x, axis=(-3, -1), ord=3), batched=False),
    Case("matrix_norm", lambda x: pl.matrix_norm(x, ord="nuc", keepdims=True), (STACK,),
         lambda x: np.linalg.matrix_norm(x, ord="nuc", keepdims=True)),
    *(Case("cond", lambda x, p=p: pl.cond(x, p), (A,), lambda x, p=p: np.linalg.cond(x, p), f"of order {p}")
      for p in (None, -2, 1, "fro")),
    Case("block_diag", pl.block_diag, (B, TALL), sl.block_diag, batched=False),
    Case("toeplitz", pl.toeplitz, (B[:, 0], TALL[:, 1]), sl.toeplitz, batched=False),
    Case("toeplitz", pl.toeplitz, (B[:, 0],), sl.toeplitz, "symmetric"),
    Case("circulant", pl.circulant, (B[:, 0],), sl.circulant),
    Case("trace", pl.trace, (STACK,), np.linalg.trace),
    Case("diagonal", pl.diagonal, (STACK,), np.linalg.diagonal),
    Case("cross", pl.cross, (TALL, TALL[::-1].copy()), np.linalg.cross),
    Case("vecdot", pl.vecdot, (TALL, TALL[::-1].copy()), np.linalg.vecdot),
    Case("matmul", pl.matmul, (TALL, B), np.linalg.matmul),
    Case("outer", pl.outer, (B[:, 0], B[:, 1]), np.linalg.outer, batched=False),
    Case("tensordot", lambda a, b: pl.tensordot(a, b, 1), (TALL, B),
         lambda a, b: np.linalg.tensordot(a, b, axes=1), batched=False),
    Case("matrix_transpose", pl.matrix_transpose, (STACK,), np.linalg.matrix_transpose),
    Case("matrix_rank", pl.matrix_rank, (np.stack([SINGULAR, RANK_ONE]),), np.linalg.matrix_rank, order=0),
)  # fmt: skip


def mixed(case: Case) -> Callable[..., Any]:
    """The function, with a term that has every entry's derivative other than 0: there are no 0s to hide among."""

    def f(*args: Any) -> Any:
        term = sum(0.1 * np.square(x).sum() for x in args)
        found = case.f(*args)
        return [y + term for y in found] if isinstance(found, tuple) else found + term

    return f
