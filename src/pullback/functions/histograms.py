"""How many numbers lie in each bin, of one axis and of several.

A count has no derivative. A sum of weights has one in the weights, and the edges of equally wide bins have one in the
least and the greatest number.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from pullback.core.errors import OptionError, ShapeError
from pullback.core.habits import explain_keywords
from pullback.functions.creation import asarray
from pullback.ops import elementwise as ew
from pullback.ops.discrete import answer, find, in_operands, one_by_one
from pullback.ops.indexing import add_into_
from pullback.ops.movement import astype, ravel, reshape, stack
from pullback.ops.places import ARRAY
from pullback.ops.reductions import max as largest
from pullback.ops.reductions import min as smallest
from pullback.ops.reductions import sum as sum_over
from pullback.tensors.tables import serve


def digitize(x: Any, bins: Any, right: bool = False) -> Any:
    """The number of the bin that each element lies in.

    >>> digitize(np.array([0.5, 2.5]), np.array([0.0, 1.0, 2.0]))
    Tensor([1, 3])
    """
    return answer(np.digitize, x, bins, right=right)


def bincount(x: Any, weights: Any = None, minlength: int = 0) -> Any:
    """How often each number from 0 on comes, or the sum of its weights, in which there is a derivative.

    >>> bincount([0, 2, 2], weights=np.array([1.0, 2.0, 3.0]))
    Tensor([1., 0., 5.])
    """
    numbers = asarray(x)
    if numbers.ndim != 1 or (numbers.dtype.kind not in "iub" and numbers.size):
        raise ShapeError("bincount: a vector of integers from 0 on", shape=numbers.shape, dtype=numbers.dtype)
    counts = find(np.bincount, astype(numbers, np.intp), minlength=operator.index(minlength))
    if weights is None:
        return counts
    w = asarray(weights)
    if w.shape != numbers.shape:
        raise ShapeError("bincount: a weight for each number", x=numbers.shape, weights=w.shape)
    return _summed(astype(w, np.float64), numbers, counts.size)


def _summed(values: Any, places: Any, size: int) -> Any:
    """Values added up at the places where they belong."""
    return add_into_(values, places, index=(ARRAY,), shape=(size,))


def histogram_bin_edges(a: Any, bins: Any = 10, range: Any = None, weights: Any = None) -> Any:  # noqa: ARG001 (NumPy's)
    """The edges of the bins of a histogram: given, or equally wide ones between the least and the greatest number.

    >>> histogram_bin_edges(np.array([0.0, 1.0]), 2)
    Tensor([0. , 0.5, 1. ])
    """
    if not isinstance(bins, (int, str, np.integer)):
        edges = asarray(bins)
        if edges.ndim != 1:
            raise ShapeError("histogram: bins are their number, or a vector of edges", bins=edges.shape)
        return edges
    x = ravel(asarray(a))
    edges = answer(_edges, x, bins=bins, range=range)
    return edges if range is not None or not x.size else _moving(edges, x)


def _moving(edges: Any, x: Any) -> Any:
    """Edges as NumPy rounds them; and as a straight line from the least to the greatest, which has the derivative."""
    low, high = smallest(x), largest(x)
    line = low + (high - low) * np.linspace(0.0, 1.0, edges.size)
    return edges + (line - ew.stop_gradient(line))


@one_by_one("np.histogram_bin_edges looks at all numbers")
def _edges(a: Any, *, bins: Any, range: Any) -> Any:
    return np.histogram_bin_edges(a, bins, range)


def histogram(a: Any, bins: Any = 10, range: Any = None, density: bool | None = None, weights: Any = None) -> Any:
    """How many numbers lie in each bin, or the sum of their weights, in which there is a derivative; and the edges.

    >>> histogram(np.array([0.0, 1.0, 1.0]), 2)
    (Tensor([1, 2]), Tensor([0. , 0.5, 1. ]))
    """
    x = ravel(asarray(a))
    edges = histogram_bin_edges(x, bins, range)
    if weights is None:
        if not density:
            return answer(_counts, x, edges), edges
        counts = astype(answer(_counts, x, edges), float)
    else:
        w = ravel(asarray(weights))
        if w.shape != x.shape:
            raise ShapeError("histogram: a weight for each number", a=x.shape, weights=w.shape)
        number = answer(_bin, x, edges)  # what lies in none is counted behind all, and left out
        counts = _summed(w, number, edges.size)[:-1]
    if density:
        counts = counts / (edges[1:] - edges[:-1]) / sum_over(counts)
    return counts, edges


def histogram2d(
    x: Any, y: Any, bins: Any = 10, range: Any = None, density: bool | None = None, weights: Any = None
) -> Any:
    """How many points (x, y) lie in each bin, or the sum of their weights; and the edges along x and along y.

    `bins` are a number or a vector of edges for both, or one of these for each.

    >>> histogram2d(np.array([0.0, 1.0, 1.0]), np.array([0.0, 1.0, 0.0]), 2)[0]
    Tensor([[1., 0.],
            [1., 1.]])
    """
    x, y = asarray(x), asarray(y)
    if x.ndim != 1 or x.shape != y.shape:
        raise ShapeError("histogram2d: two vectors of one length", x=x.shape, y=y.shape)
    both = isinstance(bins, (int, np.integer)) or len(bins) not in (1, 2)
    counts, edges = histogramdd([x, y], [bins, bins] if both else bins, range, density, weights)
    return counts, *edges


def histogramdd(
    sample: Any, bins: Any = 10, range: Any = None, density: bool | None = None, weights: Any = None
) -> Any:
    """How many points lie in each bin of a box, or the sum of their weights, in which there is a derivative.

    Parameters
    ----------
    sample : array-like (N, D), or a sequence of D vectors
        The points.
    bins : int, or a sequence with an int or a vector of edges for each axis
        The bins.
    range : sequence of (float, float) or None, optional
        Where the bins of each axis begin and end: at the least and the greatest number, if not said.
    density : bool, optional
        Divide by the volume of each bin, and by the sum of all.
    weights : array-like (N,), optional
        What each point counts.

    Returns
    -------
    Tensor, tuple of D tensors
        The counts, and the edges of each axis.

    >>> counts, edges = histogramdd(np.array([[0.0, 0.0], [1.0, 3.0]]), (1, 2), weights=[2.0, 5.0])
    >>> counts
    Tensor([[2., 5.]])
    """
    axes = _axes_of(sample)
    each = [bins] * len(axes) if isinstance(bins, (int, np.integer)) else list(bins)
    ranges = [None] * len(axes) if range is None else list(range)
    if not len(each) == len(ranges) == len(axes):
        raise ShapeError("histogramdd: bins and a range for each axis", axes=len(axes), bins=len(each))
    edges = tuple(_edges_along(x, b, r) for x, b, r in zip(axes, each, ranges, strict=True))
    shape = tuple(e.size - 1 for e in edges)
    w = astype(asarray(np.ones(axes[0].shape)), float) if weights is None else astype(asarray(weights), float)
    if w.shape != axes[0].shape:
        raise ShapeError("histogramdd: a weight for each point", points=axes[0].shape, weights=w.shape)
    places = answer(_place, *(part for pair in zip(axes, edges, strict=True) for part in pair))
    size = int(np.prod(shape))
    counts = reshape(_summed(w, places, size + 1)[:-1], shape)  # what lies in none is behind all
    if density:
        total = sum_over(counts)
        for i, e in enumerate(edges):
            counts = counts / reshape(e[1:] - e[:-1], (-1,) + (1,) * (len(edges) - 1 - i))
        counts = counts / total
    return counts, edges


def _axes_of(sample: Any) -> list[Any]:
    """The coordinates of points, by axis; as NumPy takes them, a list of vectors, or an array with a point a row."""
    if isinstance(sample, (list, tuple)):
        vectors = [asarray(x) for x in sample]
        points = stack(vectors, 0).T if all(x.ndim == 1 and x.shape == vectors[0].shape for x in vectors) else None
    else:
        points = asarray(sample)
        points = reshape(points, (-1, 1)) if points.ndim == 1 else points
    if points is None or points.ndim != 2:
        raise ShapeError("histogramdd: points are the rows of a matrix, or given as vectors of one length, one an axis")
    return [points[:, i] for i in np.arange(points.shape[1])]


def _edges_along(x: Any, bins: Any, range: Any) -> Any:
    if np.ndim(bins) == 0 and not isinstance(bins, (int, np.integer)):
        raise OptionError("histogramdd: bins are their number, or a vector of edges", bins=bins)
    return histogram_bin_edges(x, bins, range)


@in_operands(range(0, 64, 2))
def _place(*pairs: Any) -> Any:
    """The flat place of each point among all bins; behind all, where it lies in none."""
    place, size, outside = 0, 1, False
    for x, edges in zip(pairs[::2], pairs[1::2], strict=True):
        number, count = _bin(x, edges), len(edges) - 1
        outside = outside | (number == count)
        place, size = place * count + number, size * count
    return np.where(outside, size, place)


@one_by_one("np.histogram counts all numbers")
def _counts(x: Any, edges: Any) -> Any:
    return np.histogram(x, edges)[0]


@in_operands(range(1))
def _bin(x: Any, edges: Any) -> Any:
    number = np.searchsorted(edges, x, side="right") - 1
    number = np.where(x == edges[-1], len(edges) - 2, number)
    return np.where((number < 0) | (x > edges[-1]) | np.isnan(x), len(edges) - 1, number)


explain_keywords(globals())
serve(globals())
