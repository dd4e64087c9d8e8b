"""Contractions: bilinear maps that multiply and sum. Their transposes are contractions again."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from pullback.batching.rules import batched
from pullback.core.axes import dtype_of, ndim_of, normalize_axes, several, shape_of
from pullback.core.errors import AxisError, OptionError, ShapeError
from pullback.core.habits import explain_keywords
from pullback.core.kinds import BilinearMap
from pullback.core.precision import in_single
from pullback.ops.complex_parts import conj
from pullback.ops.elementwise import multiply
from pullback.ops.indexing import diagonal
from pullback.ops.movement import expand_dims, permute_dims, reshape, squeeze
from pullback.ops.products import explain_matmul, matmul_, matvec_
from pullback.ops.reductions import sum as sum_over

if TYPE_CHECKING:
    from pullback.tensors import Tensor

_LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"  # as NumPy numbers them


@in_single
def _einsum(a: Any, b: Any, left: str, right: str, out: str) -> Any:
    if left == right and not out:
        return a.reshape(-1).dot(b.reshape(-1))
    if a.ndim <= 2 and left[-1:] == right[:1] and left[:-1] + right[1:] == out and 0 < b.ndim <= 2:
        return a.dot(b)
    labels, kept = {*left, *right}, set(out)
    alone = labels <= kept or ({*left} == {*right} and len(left) == len(right))  # products that BLAS does not know
    return np.einsum(f"{left},{right}->{out}", a, b, optimize=not alone)


def _einsum_transpose(ct: Any, other: Any, own: Any, mine: str, others: str, out: str) -> Any:
    """Contract the cotangent with the other operand; axes that only `own` had were summed, so they are repeated."""
    reachable = "".join(letter for letter in mine if letter in out or letter in others)
    result = einsum_.bind(ct, other, left=out, right=others, out=reachable)
    if reachable != mine:
        shape = tuple(n if letter in reachable else 1 for letter, n in zip(mine, own.shape, strict=True))
        result = np.broadcast_to(result.reshape(shape), own.shape)
    return result


einsum_ = BilinearMap(
    "einsum", _einsum,
    lambda ct, b, a, left, right, out: _einsum_transpose(ct, b, a, left, right, out),
    lambda ct, a, b, left, right, out: _einsum_transpose(ct, a, b, right, left, out),
    batching=batched("einsum"),
    doc="The product of two labelled arrays, summed over the labels that the result lacks.",
)  # fmt: skip


def matmul(a: Any, b: Any) -> Tensor:
    """Σⱼ aᵢⱼ·bⱼₖ in the last two axes, broadcasting over the others; vectors as NumPy treats them.

    Raises ShapeError, with the fix, where the inner dimensions differ.

    >>> matmul(np.ones((2, 3)), np.ones(3))
    Tensor([3., 3.])
    """
    rows, columns = ndim_of(a), ndim_of(b)
    if rows >= 2 and columns >= 2:
        return matmul_(a, b, ta=False, tb=False)
    if 0 in (rows, columns) or shape_of(a)[-1] != shape_of(b)[0 if columns == 1 else -2]:
        raise explain_matmul(np.empty(shape_of(a)), np.empty(shape_of(b)))
    if rows <= 2 and columns == 1:
        return matvec_(a, b, ta=False)
    if rows == 1 and columns == 2:
        return matvec_(b, a, ta=True)
    product = matmul_(
        expand_dims(a, 0) if rows == 1 else a, expand_dims(b, 1) if columns == 1 else b, ta=False, tb=False
    )
    return squeeze(product, -2 if rows == 1 else -1)


def linear(x: Any, weight: Any, bias: Any = None) -> Tensor:
    """x · weightᵀ + bias for a weight of shape (out, in): a layer in one node, with no transpose in the graph.

    >>> linear(np.ones((2, 3)), np.ones((4, 3)), np.ones(4)).shape
    (2, 4)
    """
    try:
        if (rank := ndim_of(x)) < 2:
            if not rank:
                raise explain_matmul(x, weight)
            return squeeze(linear(expand_dims(x, 0), weight, bias), 0)
        if bias is None:
            return matmul_(x, weight, ta=False, tb=True)
        return matmul_(x, weight, bias, ta=False, tb=True)
    except ShapeError:
        raise ShapeError(
            "linear: the shapes do not fit", x=shape_of(x), weight=shape_of(weight),
            bias=None if bias is None else shape_of(bias), fix="x (..., in), weight (out, in), bias (out,)",
        ) from None  # fmt: skip


def dot(a: Any, b: Any) -> Tensor:
    """The last axis of a with the last but one of b: vectors, matrices, numbers and beyond, as NumPy.

    >>> dot(np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    Tensor(11.)
    """
    rows, columns = ndim_of(a), ndim_of(b)
    if 0 in (rows, columns):
        return multiply(a, b)
    if rows <= 2 and columns <= 2:
        return matmul(a, b)
    return tensordot(a, b, ([-1], [-2 if columns > 1 else -1]))


def vdot(a: Any, b: Any) -> Tensor:
    """Σ āᵢ·bᵢ over all elements; the conjugate of a complex a.

    >>> vdot(np.ones((2, 2)), np.ones((2, 2)))
    Tensor(4.)
    """
    return dot(reshape(conj(a) if dtype_of(a).kind == "c" else a, -1), reshape(b, -1))


def tensordot(a: Any, b: Any, axes: int | tuple[Any, Any] = 2) -> Tensor:
    """Contract the last `axes` axes of a with the first of b, or the axes named for each.

    >>> tensordot(np.ones((2, 3, 4)), np.ones((3, 4, 5))).shape
    (2, 5)
    """
    na, nb = ndim_of(a), ndim_of(b)
    pair: Any = axes
    if isinstance(axes, (int, np.integer)):
        if not 0 <= axes <= min(na, nb):
            raise AxisError("tensordot: so many axes are not there", left=na, right=nb, axes=axes)
        pair = tuple(range(na - int(axes), na)), tuple(range(axes))
    elif len(pair := several(axes)) != 2:
        raise OptionError("tensordot: axes is a number, or a pair of axes for each operand", got=axes)
    ia = normalize_axes(pair[0], na, "tensordot") or ()
    ib = normalize_axes(pair[1], nb, "tensordot") or ()
    sa, sb = shape_of(a), shape_of(b)
    if [sa[i] for i in ia] != [sb[i] for i in ib]:
        raise ShapeError("tensordot: the contracted axes differ in length", left=sa, right=sb, axes=axes)
    free_a = tuple(i for i in range(na) if i not in ia)
    free_b = tuple(i for i in range(nb) if i not in ib)
    inner = math.prod(sa[i] for i in ia)
    left = reshape(permute_dims(a, free_a + ia), (math.prod(sa[i] for i in free_a), inner))
    right = reshape(permute_dims(b, ib + free_b), (inner, math.prod(sb[i] for i in free_b)))
    return reshape(matmul(left, right), tuple(sa[i] for i in free_a) + tuple(sb[i] for i in free_b))


def outer(a: Any, b: Any) -> Tensor:
    """aᵢ·bⱼ for all pairs of elements.

    >>> outer(np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    Tensor([[3., 4.],
            [6., 8.]])
    """
    return multiply(reshape(a, (-1, 1)), reshape(b, (1, -1)))


def trace(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1, *, dtype: Any = None) -> Tensor:
    """Σᵢ x[i, i + offset].

    >>> trace(np.array([[1.0, 2.0], [3.0, 4.0]]))
    Tensor(5.)
    """
    return sum_over(diagonal(x, offset, axis1, axis2), -1, dtype=dtype)


def einsum(subscripts: Any, *operands: Any, optimize: Any = "greedy") -> Tensor:
    """Einstein's summation: products of labelled arrays, summed over the labels that the result lacks.

    More than two operands are contracted in pairs, in the order that costs least (Smith & Gray 2018, opt_einsum), or in
    that which `optimize` says, as in NumPy. A label may stand for axes of length 1 and of another length: they
    broadcast. In place of letters there may be lists of numbers, each after its operand, and at the end that of the
    result.

    >>> einsum("ij,jk->ik", np.ones((2, 3)), np.ones((3, 4))).shape
    (2, 4)
    >>> einsum(np.ones((2, 3)), [0, 1], np.ones((3, 4)), [1, 2], [0, 2]).shape
    (2, 4)
    """
    if not isinstance(subscripts, str):
        subscripts, operands = _lettered((subscripts, *operands))
    terms, out = _labels(subscripts, operands)
    values = list(operands)
    _fit(values, terms)
    if len(values) > 1:
        two = len(values) == 2 and _alike(values, terms, out)
        for step in [(0, 1)] if two else _path(subscripts, operands, values, terms, out, optimize):
            _contract(values, terms, step, out)
    value, term = _simple(values[0], terms[0], out)
    if sorted(term) != sorted(out):
        raise ShapeError(
            "einsum: the result names each of its labels once, and operands have them", subscripts=subscripts
        )
    return permute_dims(value, [term.index(letter) for letter in out]) if term != out else value


def _alike(values: list[Any], terms: list[str], out: str) -> bool:
    """Whether each label stands for one length, and the result names each once: there is nothing to complain of."""
    lengths: dict[str, int] = {}
    same = all(
        lengths.setdefault(label, n) == n
        for term, value in zip(terms, values, strict=True)
        for label, n in zip(term, shape_of(value), strict=True)
    )
    return same and len(set(out)) == len(out) and lengths.keys() >= set(out)


def _path(
    subscripts: Any, operands: Sequence[Any], values: list[Any], terms: list[str], out: str, optimize: Any
) -> Sequence[Sequence[int]]:
    """Which operands are contracted, one step after the other, as NumPy says."""
    spec = f"{','.join(terms)}->{out}"
    shapes = [np.broadcast_to(np.empty(()), shape_of(v)) for v in values]
    try:
        order = optimize if len(values) > 2 else False
        path: Sequence[Sequence[int]] = np.einsum_path(spec, *shapes, optimize=order)[0][1:]
    except ValueError as error:
        raise ShapeError(f"einsum: {error}", subscripts=subscripts, shapes=[*map(shape_of, operands)]) from None
    except (KeyError, TypeError):
        raise OptionError("einsum: unknown order", optimize=optimize, fix='True, "greedy" or "optimal"') from None
    return path if len(values) > 2 else [(0, 1)]


def _lettered(given: tuple[Any, ...]) -> tuple[str, tuple[Any, ...]]:
    """Subscripts as letters, for operands each of which is followed by a list of numbers."""
    operands, lists = given[0 : len(given) - len(given) % 2 : 2], given[1::2]
    results = given[-1:] if len(given) % 2 else ()
    try:
        terms = ["".join("..." if n is Ellipsis else _LETTERS[n] for n in labels) for labels in (*lists, *results)]
    except (TypeError, IndexError):
        raise OptionError(
            "einsum: neither subscripts nor lists of labels", got=[type(x).__name__ for x in given],
            fix='einsum("ij,jk->ik", a, b) or einsum(a, [0, 1], b, [1, 2], [0, 2]), with labels from 0 to 51',
        ) from None  # fmt: skip
    return "->".join([",".join(terms[: len(lists)]), *terms[len(lists) :]]), operands


def _fit(values: list[Any], terms: list[str]) -> None:
    """Take axes of length 1 from operands whose labels are longer elsewhere: they broadcast."""
    shapes = [shape_of(value) for value in values]
    axes = [axis for term, shape in zip(terms, shapes, strict=True) for axis in zip(term, shape, strict=True)]
    longer = {label for label, n in axes if n != 1}
    for i, (term, shape) in enumerate(zip(terms, shapes, strict=True)):
        gone = tuple(k for k, label in enumerate(term) if shape[k] == 1 and label in longer)
        if gone and all(term.count(term[k]) == 1 for k in gone):  # a diagonal does not broadcast
            values[i] = squeeze(values[i], gone)
            terms[i] = "".join(label for k, label in enumerate(term) if k not in gone)


def _contract(values: list[Any], terms: list[str], step: Sequence[int], out: str) -> None:
    """Replace the operands that a step names by their contraction."""
    chosen = sorted(step, reverse=True)
    picked = [(values.pop(i), terms.pop(i)) for i in chosen]
    rest = "".join(terms) + out
    while len(picked) > 1:
        (a, ta), (b, tb) = picked.pop(), picked.pop()
        needed = rest + "".join(t for _, t in picked)
        a, ta = _simple(a, ta, needed + tb)
        b, tb = _simple(b, tb, needed + ta)
        kept = "".join(dict.fromkeys(letter for letter in ta + tb if letter in needed))
        picked.append((einsum_(a, b, left=ta, right=tb, out=kept), kept))
    values.append(picked[0][0])
    terms.append(picked[0][1])


def _simple(value: Any, term: str, needed: str) -> tuple[Any, str]:
    """Take diagonals of repeated labels, and sum over labels that nothing else needs."""
    while len(set(term)) < len(term):
        letter = next(x for x in term if term.count(x) > 1)
        i = term.index(letter)
        j = term.index(letter, i + 1)
        if shape_of(value)[i] != shape_of(value)[j]:
            raise ShapeError(f"einsum: label {letter} stands for two lengths", shape=shape_of(value))
        value = diagonal(value, 0, i, j)
        term = term[:i] + term[i + 1 : j] + term[j + 1 :] + letter
    gone = tuple(i for i, letter in enumerate(term) if letter not in needed)
    if gone:
        dtype = dtype_of(value)
        value = sum_over(value, gone)
        value = value if value.dtype == dtype else value.astype(dtype)  # small integers stay small, as in NumPy
        term = "".join(letter for letter in term if letter in needed)
    return value, term


def _labels(subscripts: str, operands: Sequence[Any]) -> tuple[list[str], str]:
    """The labels of each operand and of the result, with `...` spelled out and the result implied if absent."""
    terms, out = _spelled(str(subscripts), tuple(map(ndim_of, operands)))
    return list(terms), out


@lru_cache(maxsize=256)
def _spelled(subscripts: str, ranks: tuple[int, ...]) -> tuple[Sequence[str], str]:
    spec = subscripts.replace(" ", "")
    given, arrow, out = spec.partition("->")
    terms = given.split(",")
    for term in (*terms, out):
        if not re.fullmatch(r"[A-Za-z]*(\.\.\.)?[A-Za-z]*", term):
            raise ShapeError("einsum: labels are letters, and ... stands for further axes", subscripts=subscripts)
    if len(terms) != len(ranks):
        raise ShapeError("einsum: as many terms as operands", subscripts=subscripts, operands=len(ranks))
    free = [c for c in _LETTERS if c not in spec]
    widths = [rank - len(t.replace("...", "")) for t, rank in zip(terms, ranks, strict=True)]
    for term, width, rank in zip(terms, widths, ranks, strict=True):
        if width < 0 or (width and "..." not in term):
            raise ShapeError(f"einsum: the term {term!r} does not fit its operand", ndim=rank)
    most = "".join(free[: max(widths)])
    spelled = [t.replace("...", most[len(most) - w :] if w else "") for t, w in zip(terms, widths, strict=True)]
    if not arrow:
        letters = "".join(spelled)
        out = "".join(sorted(c for c in set(given) - {",", "."} if letters.count(c) == 1))
        return spelled, (most if "..." in given else "") + out
    if most and "..." not in out:
        raise ShapeError("einsum: the result must keep the axes that ... stands for", subscripts=subscripts)
    return spelled, out.replace("...", most)


explain_keywords(globals(), without=("matmul", "linear"))
