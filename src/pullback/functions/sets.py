"""Sets: what is in an array, once each. Values have the derivative, which goes to where each stands first."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from pullback.core.axes import normalize_axis
from pullback.core.habits import explain_keywords
from pullback.functions.creation import asarray
from pullback.ops.discrete import answer, find
from pullback.ops.indexing import take
from pullback.ops.movement import concatenate, ravel
from pullback.tensors.tables import serve


class UniqueAll(NamedTuple):
    """What `unique_all` gives."""

    values: Any
    indices: Any
    inverse_indices: Any
    counts: Any


class UniqueCounts(NamedTuple):
    """What `unique_counts` gives."""

    values: Any
    counts: Any


class UniqueInverse(NamedTuple):
    """What `unique_inverse` gives."""

    values: Any
    inverse_indices: Any


def _places(x: Any, *, axis: int | None, equal_nan: bool) -> Any:
    """Where each value stands first, which of them each element is, and how often each comes."""
    return np.unique(x, return_index=True, return_inverse=True, return_counts=True, axis=axis, equal_nan=equal_nan)[1:]


def unique(
    ar: Any, return_index: bool = False, return_inverse: bool = False, return_counts: bool = False,
    axis: int | None = None, *, equal_nan: bool = True, sorted: bool = True,  # noqa: ARG001 (NumPy's)
) -> Any:  # fmt: skip
    """The values of an array, once each and sorted; where each stands first, which each element is, how often it comes.

    With an axis, slices along it in place of elements.

    >>> unique(np.array([2.0, 1.0, 2.0]), return_counts=True)
    (Tensor([1., 2.]), Tensor([1, 2]))
    """
    x = asarray(ar)
    axis = axis if axis is None else normalize_axis(axis, x.ndim, "unique")
    index, inverse, counts = find(_places, x, axis=axis, equal_nan=equal_nan)
    values = take(ravel(x), index, 0) if axis is None else take(x, index, axis)
    asked = ((return_index, index), (return_inverse, inverse), (return_counts, counts))
    more = tuple(found for wanted, found in asked if wanted)
    return (values, *more) if more else values


def unique_all(x: Any, /) -> UniqueAll:
    """The values of an array, where each stands first, which each element is, and how often it comes.

    >>> unique_all(np.array([2.0, 1.0, 2.0])).indices
    Tensor([1, 0])
    """
    return UniqueAll(*unique(x, return_index=True, return_inverse=True, return_counts=True, equal_nan=False))


def unique_counts(x: Any, /) -> UniqueCounts:
    """The values of an array, and how often each comes.

    >>> unique_counts(np.array([2.0, 1.0, 2.0])).counts
    Tensor([1, 2])
    """
    return UniqueCounts(*unique(x, return_counts=True, equal_nan=False))


def unique_inverse(x: Any, /) -> UniqueInverse:
    """The values of an array, and which of them each element is.

    >>> unique_inverse(np.array([2.0, 1.0, 2.0])).inverse_indices
    Tensor([1, 0, 1])
    """
    return UniqueInverse(*unique(x, return_inverse=True, equal_nan=False))


def unique_values(x: Any, /) -> Any:
    """The values of an array, once each.

    >>> unique_values(np.array([2.0, 1.0, 2.0]))
    Tensor([1., 2.])
    """
    return unique(x, equal_nan=False)


def union1d(ar1: Any, ar2: Any) -> Any:
    """The values that are in either of two arrays.

    >>> union1d(np.array([1.0, 2.0]), np.array([2.0, 3.0]))
    Tensor([1., 2., 3.])
    """
    return unique(concatenate([ravel(asarray(ar1)), ravel(asarray(ar2))]))


def intersect1d(ar1: Any, ar2: Any, assume_unique: bool = False, return_indices: bool = False) -> Any:
    """The values that are in both of two arrays, from the first; and where they stand in each.

    >>> intersect1d(np.array([1.0, 2.0]), np.array([2.0, 3.0]))
    Tensor([2.])
    """
    x, y = ravel(asarray(ar1)), ravel(asarray(ar2))
    _, first, second = find(np.intersect1d, x, y, assume_unique=assume_unique, return_indices=True)
    values = take(x, first, 0)
    return (values, first, second) if return_indices else values


def setdiff1d(ar1: Any, ar2: Any, assume_unique: bool = False) -> Any:
    """The values that are in the first array, and not in the second.

    >>> setdiff1d(np.array([1.0, 2.0]), np.array([2.0, 3.0]))
    Tensor([1.])
    """
    x = ravel(asarray(ar1)) if assume_unique else unique(ar1)
    return take(x, find(_lacking, x, asarray(ar2), unique=assume_unique), 0)


def _lacking(x: Any, y: Any, *, unique: bool) -> Any:
    return np.flatnonzero(np.isin(x, y, assume_unique=unique, invert=True))


def setxor1d(ar1: Any, ar2: Any, assume_unique: bool = False) -> Any:
    """The values that are in one of two arrays only.

    >>> setxor1d(np.array([1.0, 2.0]), np.array([2.0, 3.0]))
    Tensor([1., 3.])
    """
    x, y = (ravel(asarray(a)) if assume_unique else unique(a) for a in (ar1, ar2))
    both = concatenate([x, y])
    return take(both, find(_single, both), 0)


def _single(both: Any) -> Any:
    _, index, counts = np.unique(both, return_index=True, return_counts=True)
    return index[counts == 1]


def isin(
    element: Any, test_elements: Any, assume_unique: bool = False, invert: bool = False, *, kind: str | None = None
) -> Any:
    """Whether each element is one of those to test for.

    >>> isin(np.array([1.0, 2.0]), [2.0])
    Tensor([False,  True])
    """
    return answer(
        np.isin, asarray(element), asarray(test_elements), assume_unique=assume_unique, invert=invert, kind=kind
    )


explain_keywords(globals())
serve(globals())
