"""Factors of matrices: Cholesky, QR, LU, eigenvalues and singular values; determinants."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np

from pullback.core.errors import NoGradientError, OptionError
from pullback.core.habits import explain_keywords
from pullback.core.modes import current_mode
from pullback.core.origin import user_line
from pullback.functions.creation import asarray
from pullback.ops.discrete import answer
from pullback.ops.linalg.cholesky import cholesky_
from pullback.ops.linalg.eigenvalues import eig_, eigvals_
from pullback.ops.linalg.equal_values import watched
from pullback.ops.linalg.factorizations import det_, lu_, qr_, slogdet_
from pullback.ops.linalg.matrices import adjoint
from pullback.ops.linalg.spectra import all_of, eigh_, svd_
from pullback.tensors import Tensor


class EighResult(NamedTuple):
    """Eigenvalues, ascending, and eigenvectors as columns."""

    eigenvalues: Any
    eigenvectors: Any


class EigResult(NamedTuple):
    """Eigenvalues, in no order, and eigenvectors as columns."""

    eigenvalues: Any
    eigenvectors: Any


class QRResult(NamedTuple):
    """Orthonormal columns and an upper triangle."""

    Q: Any
    R: Any


class SlogdetResult(NamedTuple):
    """The sign of a determinant, and the logarithm of its size."""

    sign: Any
    logabsdet: Any


class SVDResult(NamedTuple):
    """Left singular vectors as columns, singular values, descending, and right singular vectors as rows."""

    U: Any
    S: Any
    Vh: Any


def cholesky(a: Any, /, *, upper: bool = False) -> Tensor:
    """The lower triangle l with l lᵀ = a of symmetric, positive definite matrices (..., n, n); or the upper one, lᵀ.

    The lower half is read (of `upper`, the upper one); what is not read has derivative 0. So the derivative by a
    symmetric matrix that is made of others, as a kernel or x xᵀ, is right, and no half is counted twice.

    Raises LinAlgError for a matrix that is not positive definite, with its index in the batch and its least eigenvalue;
    ShapeError for one that is not square.

    >>> cholesky(np.array([[4.0, 2.0], [2.0, 5.0]]))
    Tensor([[2., 0.],
            [1., 2.]])
    """
    a = asarray(a)
    return adjoint(cholesky_(adjoint(a))) if upper else cholesky_(a)


def cho_factor(a: Any, lower: bool = False) -> tuple[Tensor, bool]:
    """A triangle of `cholesky`, and which it is, for `cho_solve`; as SciPy's, but 0 beside the triangle.

    >>> cho_factor(np.array([[4.0, 2.0], [2.0, 5.0]]))
    (Tensor([[2., 1.],
            [0., 2.]]), False)
    """
    return cholesky(a, upper=not lower), bool(lower)


def lu_factor(a: Any) -> tuple[Tensor, Tensor]:
    """The triangles of l u = p a in one matrix, and the rows that p swaps, for `lu_solve`; as SciPy's.

    Raises LinAlgError for a singular matrix.

    >>> lu_factor(np.array([[1.0, 2.0], [2.0, 2.0]]))
    (Tensor([[2. , 2. ],
            [0.5, 1. ]]), Tensor([1, 1]))
    """
    factors, swaps = all_of(lu_(asarray(a)))
    return factors, swaps


def qr(a: Any, mode: Literal["reduced", "complete", "r"] = "reduced") -> Any:
    """Orthonormal columns q and an upper triangle r with q r = a, for matrices (..., m, n).

    With `mode="r"` r alone. Of more rows than columns, "complete" adds columns to q that could be turned in any way:
    these have no derivative, and a tracked matrix is refused.

    >>> q, r = qr(np.array([[3.0, 1.0], [4.0, 2.0]]))
    >>> r.numpy().round(3)
    array([[-5. , -2.2],
           [ 0. ,  0.4]])
    """
    a = asarray(a)
    if mode not in ("reduced", "complete", "r"):
        raise OptionError("qr: unknown mode", got=mode, fix='"reduced", "complete" or "r"')
    rows, columns = a.shape[-2:] if a.ndim > 1 else (0, 0)
    if mode == "complete" and rows > columns:
        _refuse_tracked(a, "qr: columns that complete a basis have no derivative", 'mode="reduced"')
        return QRResult(*answer(np.linalg.qr, a, mode="complete"))
    if rows < columns:  # the first columns make q
        q, r = all_of(qr_(a[..., :rows]))
        r = np.concatenate([r, adjoint(q) @ a[..., rows:]], axis=-1)
    else:
        q, r = all_of(qr_(a))
    return r if mode == "r" else QRResult(q, r)


def _refuse_tracked(a: Tensor, what: str, fix: str) -> None:
    if a.node is not None and current_mode().recording:
        raise NoGradientError(what, shape=a.shape, line=user_line(), fix=fix)


def svd(a: Any, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False) -> Any:
    """Singular vectors and values, u s vᵀ = a, for matrices (..., m, n); with `compute_uv=False` the values alone.

    The signs of the vectors are free (of complex ones, the angles), and of equal values so are rotations: what does not
    depend on that (a matrix put together again, u vᵀ, a projection, a function of the values) has the right derivative.
    Where a value is 0, or values are equal, a derivative of single vectors does not exist; what would be divided by 0
    is left out, and a PullbackWarning says so. LinAlgError is raised for what `eigh` raises it: the second derivative
    there, and one of equal values, or of 0 where a is not square, together with their vectors.

    Vectors that `full_matrices` adds have no derivative: a tracked matrix that is not square needs
    `full_matrices=False`. With `hermitian`, the lower half of a symmetric matrix is read.

    >>> svd(np.array([[3.0, 0.0], [0.0, 4.0]])).S
    Tensor([4., 3.])
    """
    a = asarray(a)
    if hermitian:
        a = np.tril(a) + adjoint(np.tril(a, -1))
    if compute_uv and full_matrices and a.ndim > 1 and a.shape[-1] != a.shape[-2]:
        _refuse_tracked(a, "svd: vectors that complete a basis have no derivative", "full_matrices=False")
        return SVDResult(*answer(np.linalg.svd, a, full_matrices=True))
    u, s, vh = all_of(svd_(a))
    if not compute_uv:
        return s
    s, u, vh = watched(a, s, (u, vh), u, adjoint(vh), "svd")
    return SVDResult(u, s, vh)


def svdvals(x: Any, /) -> Tensor:
    """The singular values of matrices (..., m, n), descending.

    >>> svdvals(np.array([[3.0, 0.0], [0.0, 4.0]]))
    Tensor([4., 3.])
    """
    return svd(x, compute_uv=False)


def eigh(a: Any, UPLO: str = "L") -> EighResult:
    """Eigenvalues, ascending, and eigenvectors of symmetric matrices (..., n, n), of which the lower half is read.

    The signs of vectors are free (of complex ones, the angles), and of equal values so are rotations: what does not
    depend on that, as a sum over all eigenvalues of a function, or the projection onto all vectors of some, has the
    right derivative. Of single vectors of an eigenvalue that is there twice none exists; what would be divided by 0 is
    left out, and a PullbackWarning (an error within `pb.strict()`) says so. The *second* derivative has a term there
    that single eigenvalues do not tell, and is refused: shift the matrix a little, or write the function with `det`,
    `slogdet`, `trace`, `inv` or `expm`, which have every derivative.

    What uses equal values *and* their vectors, as v f(w) vᵀ, has a derivative that these do not tell. Reverse mode
    refuses it, unless the cotangent shows that what is not told is 0, as of a trace; forward mode, unless the tangent
    does not mix these vectors. `expm`, `logm` and `sqrtm` have it; values used by themselves come from `eigvalsh`.

    Of a complex matrix, which equals its conjugate transpose, the real part of the diagonal is read. What is not read
    has derivative 0. Raises LinAlgError for these derivatives, with the equal values.

    >>> eigh(np.array([[2.0, 1.0], [1.0, 2.0]])).eigenvalues
    Tensor([1., 3.])
    """
    _check_half("eigh", UPLO)
    a = asarray(a)
    a = a if UPLO in "Ll" else adjoint(a)
    values, vectors = all_of(eigh_(a))
    return EighResult(*watched(a, values, (vectors,), vectors, vectors, "eigh"))


def _check_half(name: str, UPLO: str) -> None:
    if UPLO not in ("L", "U", "l", "u"):
        raise OptionError(f"{name}: UPLO says which half is read", got=UPLO, fix='"L" or "U"')


def eigvalsh(a: Any, UPLO: str = "L") -> Tensor:
    """The eigenvalues of symmetric matrices (..., n, n), ascending; see `eigh`.

    >>> eigvalsh(np.array([[2.0, 1.0], [1.0, 2.0]]))
    Tensor([1., 3.])
    """
    _check_half("eigvalsh", UPLO)
    a = asarray(a)
    return all_of(eigh_(a if UPLO in "Ll" else adjoint(a)))[0]


def eig(a: Any) -> EigResult:
    """Eigenvalues and eigenvectors of matrices (..., n, n): a v = v diag(w). They are complex, of real matrices too.

    Each vector has length 1, and its largest entry is real, which may be positive or negative; the derivative keeps
    both. The values are in no order: what depends on one is to choose it by what it is.

    Raises LinAlgError for a derivative where two eigenvalues are the same, for then single vectors have none (of a
    function of the values `eigvals` gives it); ShapeError for a matrix that is not square.

    >>> eig(np.array([[0.0, -1.0], [1.0, 0.0]])).eigenvalues
    Tensor([0.+1.j, 0.-1.j], dtype=complex128)
    """
    return EigResult(*all_of(eig_(asarray(a))))


def eigvals(a: Any) -> Tensor:
    """The eigenvalues of matrices (..., n, n), complex and in no order.

    Where two are the same, what does not depend on their order, as a sum over all of a function, has a first
    derivative, and gets it. Raises LinAlgError for the second one there, and for a derivative of a matrix that has too
    few eigenvectors.

    >>> eigvals(np.array([[2.0, 1.0], [0.0, 3.0]]))
    Tensor([2.+0.j, 3.+0.j], dtype=complex128)
    """
    return eigvals_(asarray(a))


def det(a: Any) -> Tensor:
    """The determinants of matrices (..., n, n); the derivative is the cofactors, of a singular matrix too.

    >>> det(np.array([[1.0, 2.0], [3.0, 4.0]])).item().__round__(12)
    -2.0
    """
    return det_(asarray(a))


def slogdet(a: Any) -> SlogdetResult:
    """The sign and log |det a| of matrices (..., n, n), whose derivative is a⁻ᵀ.

    Raises LinAlgError where the derivative of log 0 is asked for.

    >>> slogdet(np.array([[4.0, 0.0], [0.0, -2.0]]))
    SlogdetResult(sign=Tensor(-1.), logabsdet=Tensor(2.07944154))
    """
    return SlogdetResult(*all_of(slogdet_(asarray(a))))


explain_keywords(globals())
