"""Which outputs may depend on which inputs: the pattern of a Jacobian, found from the graph, without its numbers.

Each node gets a sparse matrix of truths with a row for each of its elements. A node's rows are made of those of its
operands by where its elements come from. Elementwise operations take them where they stand. Of a movement this is found
by moving the places themselves, of its transpose (a sum, a scatter) by moving the places of the result back. What is
neither is taken to depend on all of its operand, which is never too little.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from pullback.core.graph import Node
from pullback.core.kinds import Elementwise, LinearMap, Reduction
from pullback.core.outputs import pick_
from pullback.core.spec import spec_of
from pullback.ops.complex_parts import conj_, imag_, real_
from pullback.ops.contractions import einsum_
from pullback.ops.movement import cast_, copy_
from pullback.ops.ordering import ranked_, sort_
from pullback.ops.products import matmul_, matvec_
from pullback.ops.reductions import mean_, sum_

Array = np.ndarray[Any, Any]

_BY_ELEMENT: Final = frozenset({cast_, copy_, real_, imag_, conj_})


def found(path: Sequence[Node], source: Node, roots: Sequence[Node | None]) -> list[Any]:
    """For each root what its elements may depend on of the source's, as a sparse matrix of truths; None for nothing."""
    from scipy import sparse  # heavy: only who uses it loads it

    size = math.prod(spec_of(source).shape)
    known: dict[Node, Any] = {source: sparse.eye_array(size, dtype=bool, format="csr")}
    for node in path:
        if node.primitive is None:
            continue
        rows: Any = None
        for i in node.tracked:
            if node.inputs[i] in known:
                more = _taken(known[node.inputs[i]], node, i, sparse)
                rows = more if rows is None else rows + more
        if rows is not None:
            known[node] = rows
    return [None if root is None else known.get(root) for root in roots]


def _anywhere(rows: Any, sparse: Any) -> Any:
    """One row: what any of some rows depends on."""
    return sparse.csr_array(np.ones((1, rows.shape[0]), bool)) @ rows


def _repeated(row: Any, count: int) -> Any:
    return row[np.zeros(count, np.intp)]


def _taken(rows: Any, node: Node, operand: int, sparse: Any) -> Any:
    """What the elements of a node depend on by way of one operand."""
    primitive, own = node.primitive, spec_of(node.inputs[operand])
    if isinstance(node.aval, tuple):
        return _anywhere(rows, sparse)  # of several outputs: one row for all of them
    if primitive is pick_:
        return _repeated(rows, math.prod(node.aval.shape))
    places = np.arange(math.prod(own.shape)).reshape(own.shape)
    shape = node.aval.shape
    if isinstance(primitive, Elementwise) or primitive in _BY_ELEMENT or (primitive is matmul_ and operand == 2):
        return rows[np.broadcast_to(places, shape).ravel()]
    if isinstance(primitive, Reduction) or primitive in (sum_, mean_):
        axis = node.params["axis"]
        kept = tuple(1 if axis is None or k in axis else n for k, n in enumerate(own.shape))
        into = np.broadcast_to(np.arange(math.prod(kept)).reshape(kept), own.shape)
        return _gathered(rows, into, math.prod(kept), sparse)
    if primitive is matmul_ and len(own.shape) >= 2:
        return _multiplied(rows, places, node, operand, sparse)
    if primitive is matvec_ and operand == 0 and len(own.shape) == 2:
        into = np.broadcast_to(np.arange(shape[0]).reshape((1, -1) if node.params["ta"] else (-1, 1)), own.shape)
        return _gathered(rows, into, shape[0], sparse)
    if primitive in (sort_, ranked_) and operand == 0 and node.saved is not None:
        return rows[_sorted(node, places).ravel()]
    if primitive is einsum_:
        return _labelled(rows, places, node, operand, sparse)
    if isinstance(primitive, LinearMap):
        moved = _moved(node, operand, places, sparse)
        if moved is not None:
            return moved @ rows
    return _repeated(_anywhere(rows, sparse), math.prod(shape))


def _sorted(node: Node, places: Array) -> Any:
    """The places of what is sorted, in its order; of some ranks where these are asked for."""
    assert node.saved is not None
    x, *ranks = node.saved[1:]
    axis = node.params.get("axis", -1)
    order = np.argsort(x, axis, kind="stable")
    return np.take_along_axis(places, np.take_along_axis(order, ranks[0], axis) if ranks else order, axis)


def _gathered(rows: Any, into: Array, count: int, sparse: Any) -> Any:
    """Rows put together where their elements are."""
    number = np.arange(into.size)
    return sparse.csr_array((np.ones(into.size, bool), (into.ravel(), number)), shape=(count, into.size)) @ rows


def _multiplied(rows: Any, places: Array, node: Node, operand: int, sparse: Any) -> Any:
    """A product depends on the rows of its left factor, and on the columns of its right one."""
    turned = node.params["ta"] if operand == 0 else node.params["tb"]
    summed = (-1 if operand == 0 else -2) if not turned else (-2 if operand == 0 else -1)
    kept = list(places.shape)
    kept[summed] = 1
    lines = np.arange(math.prod(kept)).reshape(kept)
    together = _gathered(rows, np.broadcast_to(lines, places.shape), lines.size, sparse)
    lines = lines.swapaxes(-1, -2) if turned else lines
    return together[np.broadcast_to(lines, node.aval.shape).ravel()]


def _labelled(rows: Any, places: Array, node: Node, operand: int, sparse: Any) -> Any:
    """The same of a product with labels: what its other operand or a sum runs over does not count."""
    own, out = node.params["left" if operand == 0 else "right"], node.params["out"]
    kept = "".join(label for label in out if label in own)
    lengths = [places.shape[own.index(label)] for label in kept]
    lines = np.arange(math.prod(lengths)).reshape(lengths)
    into = np.einsum(f"{kept},{own}->{own}", lines, np.ones_like(places)) if kept else np.zeros_like(places)
    together = _gathered(rows, into, lines.size, sparse)
    shape = tuple(n if label in kept else 1 for label, n in zip(out, node.aval.shape, strict=True))
    return together[np.broadcast_to(lines.reshape(shape), node.aval.shape).ravel()]


def _moved(node: Node, operand: int, places: Array, sparse: Any) -> Any:
    """The matrix of a linear map whose result holds elements of its operand, or adds them up; None of others."""
    primitive = node.primitive
    assert isinstance(primitive, LinearMap)
    assert node.saved is not None
    generator = np.random.default_rng(0)
    marks: Array = np.asarray(generator.uniform(1, 2, places.shape))  # no two of which are the same
    others = [spec_of(x) if kept is None else kept for x, kept in zip(node.inputs, node.saved[1:], strict=True)]
    given = [x if hasattr(x, "strides") and kept is not None else np.zeros(spec_of(x).shape)
             for x, kept in zip(others, node.saved[1:], strict=True)]  # fmt: skip
    given[operand] = marks
    there = np.asarray(primitive.kernel(*given, **node.params))
    hit, number = _sought(there, marks)
    if hit is not None:
        return sparse.csr_array((np.ones(hit.size, bool), (hit, number)), shape=(there.size, places.size))
    marks = np.asarray(generator.uniform(1, 2, node.aval.shape))
    (back,) = primitive.vjp(node, marks, node.saved, [operand])
    if back is None or back.shape != places.shape:
        return None
    hit, number = _sought(np.asarray(back), marks)
    if hit is None:
        return None
    return sparse.csr_array((np.ones(hit.size, bool), (number, hit)), shape=(marks.size, places.size))


def _sought(numbers: Array, marks: Array) -> tuple[Array | None, Array]:
    """Where numbers are marks, and which; None if some are neither marks nor 0."""
    flat, known = numbers.ravel(), marks.ravel()
    if not known.size or not flat.size:
        return np.zeros(0, np.intp), np.zeros(0, np.intp)
    order = np.argsort(known)
    at = np.searchsorted(known, flat, sorter=order).clip(0, known.size - 1)
    number = order[at]
    hit = known[number] == flat
    return (np.flatnonzero(hit), number[hit]) if (hit | (flat == 0)).all() else (None, number)
