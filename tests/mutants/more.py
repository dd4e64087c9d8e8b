"""Functions that no other table has: complex parts, rules of one's own, loops, what is computed again."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

import pullback as pb
from pullback.core.custom_kinds import CustomJVP, CustomVJP
from pullback.functions.random import probability_
from pullback.ops.linalg import cholesky, eigenvalues, equal_values, roots, spectra
from pullback.ops.recurrent import lstm_cell
from pullback.ops.special_functions.normal_vectors import normal_pair, normal_vector_

APART: Final = np.array([2.0, 3.0, 5.0])
X: Final = np.array([0.7, -1.3, 2.1])
Y: Final = np.array([1.1, 0.4, -0.6])
Z: Final = X + 1j * Y
M: Final = np.array([2.0, 0.3, 0.5, 1.1])  # a matrix, row by row


@pb.custom_vjp
def by_vjp(x: Any) -> Any:
    """x³, with its reverse rule."""
    return x * x * x


by_vjp.defvjp(lambda x: (by_vjp(x), x), lambda x, ct: (3 * x * x * ct,))


@pb.custom_jvp
def by_jvp(x: Any) -> Any:
    """x³, with its forward rule."""
    return x * x * x


@by_jvp.defjvp
def _(primals: Any, tangents: Any) -> Any:
    (x,), (t,) = primals, tangents
    return by_jvp(x), 3 * x * x * t


jvp_kind: Final = CustomJVP("cube", lambda x: x * x * x, lambda xs, ts, _: 3 * xs[0] * xs[0] * ts[0])
vjp_kind: Final = CustomVJP("cube", lambda x: x * x * x, lambda ct, xs, _: (3 * xs[0] * xs[0] * ct,))


def symmetric(x: Any) -> Any:
    """The symmetric part of a matrix of two rows."""
    x = x.reshape(2, 2)
    return (x + x.mT) / 2


def scanned(x: Any) -> Any:
    """A loop."""
    return pb.scan(lambda c, a: (c * 0.5 + pb.sin(a), c * a), pb.sum(x) * 0.1, x)


def again(x: Any) -> Any:
    """What is computed again for its derivative."""
    return pb.checkpoint(lambda x: pb.sin(x) * x)(x)


def slope_of_square(z: Any) -> Any:
    """f′ of a holomorphic function."""
    return pb.grad(lambda z: (z * z * z).sum(), holomorphic=True)(z * (1 + 0j))


def asked(z: Any) -> Any:
    """What is asked of complex numbers, as a real number for each; and the same in less precision."""
    w, far = np.where(z == z[0], np.nan, z), np.where(z == z[0], np.inf, z)
    answers = (z == z[0], z != z[0], np.isnan(w), np.isinf(far), np.isfinite(far), np.logical_not(z - z[0]))
    return pb.stop_gradient(sum(a * 2.0**i for i, a in enumerate(answers)) * (z.astype(np.complex64) * 2))


def unmixed(x: Any) -> Any:
    """Vectors of values that are apart."""
    x, one = x.reshape(2, 2), np.eye(2)
    return equal_values.unmixed_(x, one, np.array([2.0, 3.0]), one, one, name="eigh", both=False)


def two_matrices(x: Any) -> Any:
    """A matrix, and another with twice the determinant."""
    x = x.reshape(2, 2)
    return pb.stack([x, x * np.array([1.0, 2.0])])


def weighted(x: Any) -> Any:
    """A sum of projections onto eigenvectors, whose weights say which is which; their signs are not seen."""
    vectors = pb.linalg.eigh(symmetric(x))[1]
    return (vectors * np.array([1.0, 2.0])) @ vectors.T


def chosen(x: Any) -> Any:
    """A choice of two matrices that is not the same when they are turned."""
    return pb.where(np.array([[True, False], [True, True]]), x.reshape(2, 2), 2 * x.reshape(2, 2))


def of_factor(factor: Any, ct: Any) -> Any:
    """The cotangent of a matrix from that of its lower triangle, by the way of large ones."""
    return cholesky.cholesky_cotangent_(pb.tril(factor.reshape(2, 2)), pb.tril(ct.reshape(2, 2)))


def three_normals(b: Any, x: Any) -> Any:
    """The distribution function of three normals, whose correlations are products of two numbers."""
    x = pb.tanh(x)
    return normal_vector_(
        b.reshape(3, 1), pb.outer(x, x * np.array([0.9, 0.7, 0.5])), abseps=1e-9, releps=1e-9, maxpts=None
    )


def lstm_step(z: Any, c: Any) -> Any:
    """Two steps of two units, whose gates are alike."""
    h, c = lstm_cell(z.reshape(1, 8), c.reshape(1, 2))
    return pb.concatenate(lstm_cell(z.reshape(1, 8) * pb.tile(h, (1, 4)), c), -1)


# A name, a function, real arguments, and complex ones where there are any.
ROWS: Final = (
    ("real", lambda z: pb.real(z * 2), (X,), (Z,)),
    ("imag", lambda z: pb.imag(z * (1 + 2j)), (X,), (Z,)),
    ("imag of a matrix", lambda z: pb.imag(z.reshape(2, 2) * (1 + 2j)), (M,), (M * (1 + 0.5j),)),
    ("a choice of two matrices", chosen, (M,), (M * (1 + 0.5j),)),
    ("a factor's cotangent", of_factor, (M, M[::-1].copy()), None),
    ("a square of a matrix", lambda x: pb.square(x.reshape(2, 2)), (M,), (M * (1 + 0.5j),)),
    ("a cast of complex numbers", lambda z: pb.imag((z * (1 + 2j)).astype(np.complex64) * (2 + 1j)), (X,), (Z,)),
    ("conj", lambda z: pb.conj(z) * (1 + 2j), (X,), (Z,)),
    ("abs of complex", lambda z: abs(z * (1 + 0.5j)), (X,), (Z,)),
    ("angle", lambda z: pb.angle(z * (1 + 0.5j)), (X,), (Z,)),
    ("questions of complex numbers", lambda z: asked(pb.asarray(z) * (1 + 0j)), (X,), (Z,)),
    ("a reverse rule", by_vjp, (X,), (Z,)),
    ("a forward rule", by_jvp, (X,), (Z,)),
    ("the kind with a forward rule", jvp_kind, (X,), (Z,)),
    ("the kind with a reverse rule", vjp_kind, (X,), (Z,)),
    ("a holomorphic derivative", slope_of_square, (X,), (Z,)),
    ("polygamma", lambda x: pb.special.polygamma(1, x), (abs(X),), None),
    ("gammasgn", lambda x: pb.special.gammasgn(x) * x, (X,), None),
    ("loggamma's sign", pb.special.gammasgn, (X,), None),
    ("a random number", lambda x: x * pb.random.normal(size=3, rng=3), (X,), None),
    ("dropout's mask", lambda x: x * pb.random.bernoulli(pb.clip(x, 0.2, 0.8).detach(), rng=3), (X,), None),
    ("a slice", lambda x: (x[1:] * x[:-1]).sum(), (X,), (Z,)),
    ("cofactors", lambda x: pb.linalg.det(x.reshape(2, 2) * 1.0), (np.array([1.0, 2.0, 3.0, 5.0]),), None),
    ("argmax of columns", lambda x: pb.argmax(x, axis=0), (np.outer(X, Y) + np.eye(3),), None),
    ("argmin of columns", lambda x: pb.argmin(x, axis=0), (np.outer(X, Y) + np.eye(3),), None),
    ("a spectrum twice", pb.grad(lambda x: pb.exp(pb.linalg.eigvalsh(symmetric(x))).sum()), (M,), None),
    ("vectors whose signs are not seen", weighted, (M,), None),
    ("vectors twice", pb.grad(lambda x: (pb.linalg.eigh(symmetric(x))[1] ** 4).sum()), (M,), None),
    ("singular values twice", pb.grad(lambda x: pb.exp(pb.linalg.svdvals(x.reshape(2, 2))).sum()), (M,), None),
    ("a determinant twice", pb.grad(lambda x: pb.linalg.det(x.reshape(2, 2)) ** 2), (M,), None),
    ("eigenvalues twice", pb.grad(lambda x: abs(pb.linalg.eigvals(x.reshape(2, 2)) ** 2).sum()), (M,), None),
    ("roots", lambda x: pb.real(pb.roots(x) ** 3), (X + 0.5,), None),
    ("both roots", lambda x: pb.imag(pb.roots(x) * (2 + 1j)), (X + 0.5,), None),
    # What passes a tangent or a value on as it is, once it has looked at it.
    ("roots that are apart", lambda x: roots.simple_(x, APART, np.poly(APART)), (X,), None),
    ("values that are apart", lambda x: spectra.asked_(x, APART, name="eigh", zero=False), (X,), None),
    ("vectors that are apart", lambda x: eigenvalues.asked_(x, APART, np.eye(3), name="eig"), (X,), None),
    ("vectors that do not mix", unmixed, (M,), None),
    ("values that are watched", equal_values.values_, (X,), None),
    ("vectors that are watched", lambda x: equal_values.vectors_(x, x, x, x, x, x, name="eigh"), (X,), None),
    ("probabilities", lambda x: probability_(x) * x, (abs(X) / 9,), None),
    ("steps of an LSTM", lstm_step, (np.cos(np.arange(8.0)), X[:2]), None),
    ("determinants", lambda x: pb.linalg.det(two_matrices(x)), (M,), None),
    ("signs and logarithms", lambda x: pb.linalg.slogdet(two_matrices(x)), (M,), None),
    ("two normals", lambda a, b: normal_pair(a, b, pb.tanh(a * b)), (X, Y), None),
    ("three normals", three_normals, (X, Y), None),
    ("powers of whole numbers", lambda x: (x * 9).astype(int) ** 3 * x, (X,), None),
    ("signs of numbers", lambda x: pb.signbit(x) * x, (X,), None),
    ("next numbers", lambda x: pb.nextafter(x, x * 2) + x, (X,), None),
    ("exponents", lambda x: pb.frexp(x * 2.0**110)[1] * x, (X,), None),
    ("scan", scanned, (X,), None),
    ("checkpoint", again, (X,), (Z,)),
    ("a quotient of products", lambda a, b: (a * b).sum() / (a @ b + 3), (X, Y), (Z, Z[::-1].copy())),
)  # fmt: skip
