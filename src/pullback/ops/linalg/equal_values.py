"""What the derivatives of values and vectors tell where two values are the same, and what they do not.

A function that uses equal values alone, or their vectors alone in a way that does not depend on how these are turned
among themselves, has a derivative that they tell; the turning is left out, and a warning says so. One that uses both,
as v f(w) vᵀ, has a term f'(λ) between the two vectors. A cotangent tells whether it matters as long as f(λ) is not 0; a
tangent tells only that it may. Where it may matter, it is refused.
"""

from __future__ import annotations

import threading
import weakref
from abc import ABC
from collections.abc import Sequence
from typing import Any, Final, final

import numpy as np

from pullback.batching.rules import spread
from pullback.core.errors import LinAlgError, PullbackWarning
from pullback.core.graph import Node
from pullback.core.kinds import LinearMap
from pullback.core.lints import complain
from pullback.core.primitive import Primitive
from pullback.ops.linalg.matrices import adjoint, first_where

ROUNDINGS: Final = 16  # of the largest, by which two values differ that are taken for the same
NOISE: Final = 1024  # roundings of the largest, below which a part of a derivative is taken for 0
BOTH: Final = "a function of equal values together with their vectors, whose derivative these do not tell"
FIX: Final = (
    "shift the matrix a little, or write the function with expm, sqrtm, inv, solve or products;\n"
    "values that are used by themselves: pb.linalg.eigvalsh, svdvals"
)


def _whole(primitive: Any, level: Any, operands: Any, batched: Any, params: Any) -> Any:
    """The rule of `vmap`: each operand with the batch in front."""
    return primitive(*[spread(x, b, level) for x, b in zip(operands, batched, strict=True)], **params)


def _pairs(values: Any) -> Any:
    """Which values are the same as which others, but for rounding."""
    largest = np.max(np.abs(values), axis=-1)[..., None, None]
    apart = np.abs(values[..., None, :] - values[..., :, None])
    return (apart <= ROUNDINGS * np.finfo(values.dtype).eps * largest) & ~np.eye(values.shape[-1], dtype=bool)


def _zeros(values: Any) -> Any:
    """Which singular values are 0, but for rounding."""
    return np.abs(values) <= ROUNDINGS * np.finfo(values.dtype).eps * np.max(np.abs(values), axis=-1)[..., None]


def _refused(name: str, what: str, values: Any, bad: Any) -> None:
    if np.any(bad):
        index = first_where(bad)
        raise LinAlgError(f"{name}: {what}", values=values[index], batch=index or None, fix=FIX)


def refuse_equal(name: str, values: Any) -> None:
    """Raise LinAlgError where values are equal, of whose vectors a power series is asked."""
    if values.shape[-1]:
        _refused(name, "a power series of the vectors of equal values", values, _pairs(values).any(axis=(-2, -1)))


def _said(name: str, what: str, values: Any, where: Any) -> None:
    if np.any(where):
        index = first_where(where)
        facts = {"values": values[index], **({"batch": index} if index else {})}
        fix = "what does not depend on it, as a projection, is right; single vectors have no derivative"
        complain(PullbackWarning, f"{name}: {what}", **facts, fix=fix)


def _told(m: Any, values: Any, ct: Any, name: str, both: bool, thin: bool) -> Any:
    """The cotangent m of vectors in their own basis, once it is found that it says all that the derivative needs."""
    if not values.shape[-1]:
        return np.array(m)
    noise = NOISE * float(np.finfo(values.dtype).eps)
    pairs = _pairs(values)
    limit = noise * np.max(np.abs(m), axis=(-2, -1), keepdims=True)
    turned = (pairs & (np.abs(m - adjoint(m)) > limit)).any(axis=(-2, -1))
    _said(name, "a function of how the vectors of equal values are turned, and that is left out", values, turned)
    if not both:
        return np.array(m)
    size = noise * np.max(np.abs(ct), axis=-1)[..., None]
    used = np.abs(ct) > size
    uneven = np.abs(ct[..., None, :] - ct[..., :, None]) > size[..., None]
    # Where f(λ) is 0 the vectors have no cotangent, and f'(λ) acts on what nobody tells.
    block = pairs | np.eye(values.shape[-1], dtype=bool)
    silent = ~(block & (np.abs(m) > limit)).any(axis=-1, keepdims=True) & used[..., None]
    untold = (pairs & ((np.abs(m + adjoint(m)) > limit) | uneven | silent)).any(axis=(-2, -1))
    if thin:
        untold = untold | (_zeros(values) & used).any(axis=-1)
    _refused(name, BOTH, values, untold)
    return np.array(m)


told_: LinearMap = LinearMap(
    "told", _told, lambda t, _m, values, ct, **facts: t, None, None, batching=_whole,
    doc="The first operand as it is, once it is found that the derivative of equal values is told.",
)  # fmt: skip


def _unmixed(t: Any, ta: Any, values: Any, left: Any, right: Any, name: str, both: bool) -> Any:
    """The tangent t of vectors, once it is found that that of the matrix, ta, does not mix those of equal values."""
    if not values.shape[-1]:
        return np.array(t)
    symmetric = name == "eigh"
    pairs = _pairs(values)
    zeros = np.zeros(values.shape, bool) if symmetric else _zeros(values)
    if not (pairs.any() or zeros.any()):
        return np.array(t)
    if symmetric:
        ta = np.tril(ta) + adjoint(np.tril(ta, -1))
    inner = adjoint(left) @ ta @ right
    limit = NOISE * float(np.finfo(values.dtype).eps) * np.max(np.abs(ta), axis=(-2, -1), keepdims=True)
    void = zeros[..., :, None] & zeros[..., None, :]  # of values 0, left and right turn by themselves
    mixes = np.abs(np.where(void, inner, (inner + adjoint(inner)) / 2)) > limit
    mixed = (pairs & mixes).any(axis=(-2, -1))
    if not symmetric and zeros.any():
        beside = [np.abs(ta @ right - left @ inner), np.abs(adjoint(ta) @ left - right @ adjoint(inner))]
        mixed = mixed | np.any([(zeros & (x > limit).any(axis=-2)).any(axis=-1) for x in beside], axis=0)
    if both:
        _refused(name, BOTH, values, mixed)
    else:
        what = "along this tangent the vectors of equal values turn among themselves, and that is left out"
        _said(name, what, values, mixed)
    return np.array(t)


unmixed_: LinearMap = LinearMap(
    "unmixed", _unmixed, lambda ct, *_others, **facts: ct, None, None, None, None, batching=_whole,
    doc="The first operand as it is, once it is found that a tangent does not mix the vectors of equal values.",
)  # fmt: skip


class _Passed(threading.local):
    """The tangent of values that a walk of this thread passed on last, as a weak reference."""

    tangent: Any = None


_passed: Final = _Passed()


class _AsItIs(Primitive, ABC):
    """The first operand as it is."""

    def needs(self, operand: int, count: int) -> tuple[int, ...]:
        return tuple(range(3, count + 1))

    def vjp(self, node: Node, cotangent: Any, saved: Sequence[Any], wanted: Sequence[int]) -> list[Any]:
        return [cotangent if i == 0 else None for i in wanted]


@final
class _Values(_AsItIs):
    """Values. A walk forward comes by where they are used, right before it comes to their vectors."""

    def jvp(self, node: Node, tangents: Sequence[Any], saved: Sequence[Any]) -> Any:
        _passed.tangent = weakref.ref(tangents[0])
        return tangents[0]


@final
class _Vectors(_AsItIs):
    """Vectors, with their values, the matrix, and the constants of the check: values, left and right vectors."""

    def jvp(self, node: Node, tangents: Sequence[Any], saved: Sequence[Any]) -> Any:
        tangent, of_values, of_matrix = tangents[:3]
        if of_matrix is None or tangent is None:
            return tangent
        last = _passed.tangent
        both = last is not None and last() is of_values
        return unmixed_.bind(tangent, of_matrix, *saved[4:], name=node.params["name"], both=both)


def _vectors(x: Any, *_others: Any, name: str) -> Any:  # noqa: ARG001 -- it is the derivative's
    return np.array(x)


values_ = _Values("values", np.array, doc="Values, of which a walk forward notes whether they are used.")
vectors_ = _Vectors("vectors", _vectors, doc="Vectors, of which a walk forward asks whether equal values mix them.")
values_.batching = vectors_.batching = _whole


def watched(a: Any, values: Any, vectors: Sequence[Any], left: Any, right: Any, name: str) -> tuple[Any, ...]:
    """Values and vectors of a matrix that may be differentiated, so that a walk forward asks what it leaves out."""
    if a.node is None:
        return (values, *vectors)
    constants = [x.detach() for x in (values, left, right)]
    return (values_(values), *[vectors_(x, values, a, *constants, name=name) for x in vectors])
