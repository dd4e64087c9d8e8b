"""Primitives of the eigenvalues of any square matrix, which are complex, with their eigenvectors.

An eigenvector has length 1, and its largest entry is real: so LAPACK scales it, and the derivative keeps it so. Where
two eigenvalues are the same, single vectors have no derivative; where a matrix has too few eigenvectors, nor have
values.

Source of the derivatives: M. Giles (2008), section 3; of the scaling, J. Magnus, "On differentiating eigenvalues and
eigenvectors" (1985).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pullback.batching.rules import as_it_is
from pullback.core.custom_kinds import CustomJVP
from pullback.core.errors import LinAlgError
from pullback.core.kinds import LinearMap
from pullback.ops.discrete import BY_ELEMENT, answer_
from pullback.ops.linalg.equal_values import ROUNDINGS
from pullback.ops.linalg.matrices import as_matrices, each_in_turn, first_where, refuse
from pullback.ops.linalg.spectra import all_of, gaps
from pullback.ops.linalg.systems import solve_


def _called(name: str, function: Any, a: Any) -> Any:
    given = as_matrices(name, a)
    try:
        return function(given)
    except np.linalg.LinAlgError as error:
        raise refuse(name, str(error), given, each_in_turn(function, given), "scale the matrix") from None


def in_complex(x: Any) -> Any:
    """Complex numbers of the same precision."""
    return x if x.dtype.kind == "c" else x.astype(np.result_type(x.dtype, np.complex64))


def _eigvals(a: Any) -> Any:
    return in_complex(_called("eigvals", np.linalg.eigvals, a))


def _eig(a: Any) -> tuple[Any, Any]:
    values, vectors = _called("eig", np.linalg.eig, a)
    return in_complex(values), in_complex(vectors)


def _asked(t: Any, values: Any, vectors: Any, name: str) -> Any:
    """A tangent or cotangent as it is, once it is found that there is a derivative."""
    if values.shape[-1]:
        eps = float(np.finfo(values.dtype).eps)
        sizes = np.linalg.svd(vectors, compute_uv=False)
        poor = sizes[..., -1] <= 2 * eps**0.5 * sizes[..., 0]
        if np.any(poor):
            index = first_where(poor)
            raise LinAlgError(
                f"{name}: the matrix has too few eigenvectors, or nearly, and its eigenvalues no derivative",
                values=values[index], batch=index or None, fix="shift the matrix a little",
            )  # fmt: skip
        apart = np.abs(values[..., None, :] - values[..., :, None])
        apart = np.where(np.eye(values.shape[-1], dtype=bool), np.inf, apart)
        close = (apart <= ROUNDINGS * eps * np.abs(values).max(axis=-1)[..., None, None]).any(axis=(-2, -1))
        if name == "eig" and np.any(close):
            index = first_where(close)
            raise LinAlgError(
                "eig: vectors of eigenvalues that are the same have no derivative", values=values[index],
                batch=index or None, fix="pb.linalg.eigvals, for a function of values; or shift the matrix a little",
            )  # fmt: skip
    return np.array(t)


asked_: LinearMap = LinearMap(
    "vectors_apart", _asked, lambda ct, t, values, vectors, name: asked_.bind(ct, values, vectors, name=name),
    None, None, batching=as_it_is,
    doc="The first operand as it is, once it is found that eigenvalues have a derivative.",
)  # fmt: skip


def _real_places(vectors: Any) -> Any:
    """Which entry of each vector was made real: the largest that has no imaginary part."""
    sizes = np.where(vectors.imag == 0, np.abs(vectors), -1)
    return sizes.argmax(axis=-2)[..., None, :] == np.arange(vectors.shape[-2])[:, None]


BY_ELEMENT.add(_real_places)  # of a stack it gives a stack


def _inner(t: Any, values: Any, vectors: Any, name: str) -> Any:
    """The change v⁻¹ t v in the basis of the eigenvectors."""
    t = asked_.bind(t, *map(_constant, (values, vectors)), name=name)
    return solve_.bind(vectors, t @ vectors)


def _constant(x: Any) -> Any:
    return x if isinstance(x, np.ndarray) else x.detach()


def _eigvals_tangent(primals: Any, tangents: Any, _y: Any) -> Any:
    values, vectors = all_of(eig_.bind(primals[0]))
    return np.diagonal(_inner(tangents[0], values, vectors, "eigvals"), 0, -2, -1)


def _eig_tangent(_primals: Any, tangents: Any, y: Any) -> tuple[Any, Any]:
    values, vectors = y
    inner = _inner(tangents[0], values, vectors, "eig")
    turned = vectors @ (gaps(values) * inner)
    along = np.real(np.sum(np.conj(vectors) * turned, axis=-2, keepdims=True))  # would change the length
    real = answer_.bind(vectors, function=_real_places)
    entry, change = (np.sum(np.where(real, x, 0), axis=-2, keepdims=True) for x in (vectors, turned))
    phase = np.imag(change / entry)
    return np.diagonal(inner, 0, -2, -1), turned - vectors * (along + 1j * phase)


eigvals_: CustomJVP = CustomJVP(
    "eigvals", _eigvals, _eigvals_tangent, batching=as_it_is,
    doc="The eigenvalues of a matrix, complex; their tangent is the diagonal of v⁻¹ t v.",
)  # fmt: skip
eig_: CustomJVP = CustomJVP(
    "eig", _eig, _eig_tangent, batching=as_it_is,
    doc="The eigenvalues of a matrix, and eigenvectors as columns; complex.",
)  # fmt: skip
