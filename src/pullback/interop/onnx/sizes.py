"""Sizes that depend on open axes: found from the numbers that recordings of several lengths have in one place.

A length, a number of a parameter or an array that a function made from a shape is a constant in each recording. Where
it differs between them it is a function of the open lengths, and here the function is found: a polynomial of whole
coefficients, of a number; for an array what fills it, counts, repeats, or is cut from a larger one. There is one
recording more than the function has coefficients, so that each is proved by numbers that it was not found from.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import Any, NamedTuple, TypeAlias, final

import numpy as np
import numpy.typing as npt

Lengths: TypeAlias = Mapping[str, int]  # of open axes, by name


@final
@dataclass(frozen=True, slots=True)
class Size:
    """Σ coefficient · product of open lengths; `terms` is None where no such sum gives the `seen` numbers.

    >>> Size(((3, ("N",)), (1, ())), (7, 10))
    3*N + 1
    """

    terms: tuple[tuple[int, tuple[str, ...]], ...] | None
    seen: tuple[int, ...]

    def __repr__(self) -> str:
        if self.terms is None:
            return " or ".join(map(str, self.seen))
        parts = []
        for coefficient, names in self.terms:
            numbers = [] if coefficient == 1 and names else [str(coefficient)]
            parts.append("*".join([*numbers, *names]))
        return " + ".join(parts)


class Share(NamedTuple):
    """A number over a size, as the 1 / N of a mean."""

    top: float
    size: Size


class Filled(NamedTuple):
    """An array of one number."""

    value: Any
    shape: tuple[Any, ...]


class Counted(NamedTuple):
    """start, start + step, start + 2·step, and so on, with axes of length 1 around them."""

    start: Any
    step: Any
    shape: tuple[Any, ...]
    count: Any


class Repeated(NamedTuple):
    """An array that is the same along some axes."""

    array: npt.NDArray[Any]
    shape: tuple[Any, ...]


class Cut(NamedTuple):
    """The beginning of an array, along some axes; no longer than the array is."""

    array: npt.NDArray[Any]
    shape: tuple[Any, ...]


def found(numbers: Sequence[int], lengths: Sequence[Lengths]) -> int | Size:
    """The size that is each of some numbers for the lengths of its recording.

    >>> found([10, 14, 22], [{"N": 5}, {"N": 7}, {"N": 11}])
    2*N
    >>> found([25, 49, 121], [{"N": 5}, {"N": 7}, {"N": 11}])
    N*N
    >>> found([4, 6, 9], [{"N": 5}, {"N": 7}, {"N": 11}]).terms is None
    True
    """
    seen = tuple(map(int, numbers))
    if len(set(seen)) == 1:
        return seen[0]
    for monomials in _candidates(sorted(lengths[0])):
        matrix = np.array([[math.prod(at[name] for name in m) for m in monomials] for at in lengths])
        if len(monomials) >= len(lengths):
            continue
        solved, *_ = np.linalg.lstsq(matrix.astype(float), np.array(seen, float), rcond=None)
        whole = np.rint(solved).astype(int)
        if (matrix @ whole == seen).all():
            terms = [(int(c), m) for c, m in zip(whole, monomials, strict=True) if c]
            return Size(tuple(terms), seen)
    return Size(None, seen)


def _candidates(names: Sequence[str]) -> Iterator[list[tuple[str, ...]]]:
    """Sets of monomials, the simplest first."""
    single = [*((name,) for name in names), *combinations_with_replacement(names, 2)]
    yield from ([m] for m in single)
    yield from ([m, ()] for m in single)
    if len(names) > 1:
        yield [*((name,) for name in names), ()]


def shape_of_all(shapes: Sequence[tuple[int, ...]], lengths: Sequence[Lengths]) -> tuple[Any, ...] | None:
    """The shape of which each of some shapes is one; None where they have not as many axes."""
    if len({len(shape) for shape in shapes}) > 1:
        return None
    return tuple(found(numbers, lengths) for numbers in zip(*shapes, strict=True))


def number_of_all(numbers: Sequence[float], lengths: Sequence[Lengths]) -> Any:
    """The number, size or share of one that some numbers are; None where there is none."""
    if len(set(numbers)) == 1 or all(n != n for n in numbers):
        return numbers[0]
    if all(math.isfinite(n) and n == int(n) for n in numbers):
        size = found([int(n) for n in numbers], lengths)
        if isinstance(size, Size) and size.terms is not None:
            return size
    for name in sorted(lengths[0]):
        tops = [n * at[name] for n, at in zip(numbers, lengths, strict=True)]
        if all(math.isclose(top, tops[0], rel_tol=1e-12) for top in tops):
            return Share(tops[0], Size(((1, (name,)),), tuple(at[name] for at in lengths)))
    return None


def array_of_all(arrays: Sequence[npt.NDArray[Any]], lengths: Sequence[Lengths]) -> Any:
    """What all of some arrays are, each for its lengths; None where that is not found."""
    first = arrays[0]
    shape = shape_of_all([array.shape for array in arrays], lengths)
    if shape is None or len({array.dtype for array in arrays}) > 1 or not all(array.size for array in arrays):
        return None
    if len({array.shape for array in arrays}) == 1:
        return first if all(_same(array, first) for array in arrays) else None
    one = first.reshape(-1)[0]
    if all(_same(array, np.full_like(array, one)) for array in arrays):
        return Filled(one, shape)
    if (counted := _counted(arrays, shape)) is not None:
        return counted
    open_axes = [axis for axis, n in enumerate(shape) if isinstance(n, Size)]
    thin = [array[tuple(slice(1) if a in open_axes else slice(None) for a in range(array.ndim))] for array in arrays]
    if all(_same(array, np.broadcast_to(thin[0], array.shape)) for array in arrays):
        return Repeated(thin[0], shape)
    largest = max(arrays, key=lambda array: array.size)
    parts = [largest[tuple(map(slice, array.shape))] for array in arrays]
    return Cut(largest, shape) if all(map(_same, arrays, parts)) else None


def _counted(arrays: Sequence[npt.NDArray[Any]], shape: tuple[Any, ...]) -> Counted | None:
    """Numbers at equal distances along the one axis that is longer than 1."""
    if arrays[0].dtype.kind not in "iuf" or any(array.size < 2 or max(array.shape) != array.size for array in arrays):
        return None
    start, second = arrays[0].reshape(-1)[:2]
    step = second - start
    for array in arrays:
        expected = (start + np.arange(array.size) * step).astype(array.dtype)
        if not _same(array.reshape(-1), expected):
            return None
    return Counted(start, step, shape, next(n for n in shape if n != 1))


def _same(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> bool:
    return a.shape == b.shape and np.array_equal(a, b, equal_nan=a.dtype.kind in "fc")
