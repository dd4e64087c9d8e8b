"""Jacobians and Hessians that are mostly 0: columns that share no row are found by one walk together.

Source: Curtis, Powell & Reid, *On the estimation of sparse Jacobian matrices* (1974); Griewank & Walther, *Evaluating
Derivatives* (2008), chapter 8.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from pullback.core.errors import GraphError, OptionError, ShapeError
from pullback.core.habits import explain_keywords
from pullback.core.leaving import require_kept
from pullback.core.opaque import array_of
from pullback.tensors import Tensor
from pullback.transforms.batching import vmap
from pullback.transforms.higher_order import MOST_BYTES, bytes_of
from pullback.transforms.recording import Recording
from pullback.transforms.reverse import check_function, grad

if TYPE_CHECKING:
    from scipy import sparse

_AGREE: Final = 1e-6  # the part by which a product may differ from that of the Jacobian itself


def sparse_jacobian(
    f: Callable[..., Any], x: Any, pattern: Any = None, *, mode: str = "auto", chunk_size: int | None = None
) -> sparse.csr_array:  # fmt: skip
    """∂f/∂x as a sparse matrix: rows for the elements of f(x), columns for those of x, in fewer walks than columns.

    Parameters
    ----------
    f : callable
        Takes one array and gives one.
    x : array-like
        Where.
    pattern : array-like or SciPy's sparse matrix, optional
        What may differ from 0, of shape (f(x).size, x.size). If None it is found from the graph: never too little, but
        more than there is where an operation is not known to be sparse.
    mode : {"auto", "forward", "reverse"}
        Columns that share no row are found together, or rows that share no column; by default what takes fewer walks.
    chunk_size : int, optional
        How many directions one walk carries; by default as many as keep what it holds below 256 MB.

    Returns
    -------
    scipy.sparse.csr_array
        With an element for each of the pattern, though some may be 0.

    Raises
    ------
    GraphError
        If f gives no single array, or the Jacobian has elements that a given pattern lacks.
    ShapeError
        If the pattern has another shape.

    >>> import pullback as pb
    >>> sparse_jacobian(lambda x: x[1:] * x[:-1], np.array([1.0, 2.0, 3.0])).toarray()
    array([[2., 1., 0.],
           [0., 3., 2.]])
    """
    from scipy import sparse  # heavy: only who uses it loads it

    check_function("sparse_jacobian", f)
    if mode not in ("auto", "forward", "reverse"):
        raise OptionError("sparse_jacobian: unknown mode", mode=mode, fix="auto, forward or reverse")
    run = Recording(f, (x,), {}, (0,), "sparse_jacobian")
    if len(run.tensors) != 1 or not isinstance(run.outputs, Tensor):
        raise GraphError("sparse_jacobian: a function of one array gives one array", got=type(run.outputs).__name__)
    (source,), y = run.tensors, run.outputs
    shape = (y.size, source.size)
    if pattern is None:
        from pullback.transforms.patterns import found

        (known,) = found(run.path.nodes, run.sources[0], [y.node])
        where = sparse.csr_array(shape, dtype=bool) if known is None else known
    else:
        where = sparse.csr_array(pattern)
        if where.shape != shape:
            raise ShapeError("sparse_jacobian: the pattern has another shape", expected=shape, got=where.shape)
    rows, columns = where.nonzero()
    by_columns = colours(rows, columns, shape[1]) if mode != "reverse" else None
    by_rows = colours(columns, rows, shape[0]) if mode != "forward" else None
    if by_rows is None or (by_columns is not None and count(by_columns) <= count(by_rows)):
        assert by_columns is not None
        table = _walked(run, by_columns, source, lambda t: run.push((t,), retain=True), chunk_size)
        numbers = table[by_columns[columns], rows]
    else:
        table = _walked(run, by_rows, y, lambda u: run.pull(u, retain=True)[0], chunk_size)
        numbers = table[by_rows[rows], columns]
    made = sparse.csr_array((numbers, (rows, columns)), shape=shape)
    if pattern is not None:
        _require_all(made, run, source)
    return made


def sparse_hessian(
    f: Callable[..., Any], x: Any, pattern: Any = None, *, chunk_size: int | None = None
) -> sparse.csr_array:  # fmt: skip
    """∂²f/∂x² of a function that gives one number, as a sparse matrix; as `sparse_jacobian` of its gradient.

    >>> import pullback as pb
    >>> sparse_hessian(lambda x: (x[1:] * x[:-1] ** 2).sum(), np.array([1.0, 2.0, 3.0])).toarray()
    array([[4., 2., 0.],
           [2., 6., 4.],
           [0., 4., 0.]])
    """
    return sparse_jacobian(grad(f), x, pattern, mode="forward", chunk_size=chunk_size)


def colours(lines: Any, members: Any, size: int) -> Any:
    """A colour from 0 on for each member, such that members of one line have different ones; the first that is free.

    >>> colours(np.array([0, 0, 1, 1]), np.array([0, 1, 1, 2]), 3)
    array([0, 1, 0])
    """
    order = np.argsort(members, kind="stable")
    ends = np.searchsorted(members[order], np.arange(size + 1)).tolist()
    at: list[int] = lines[order].tolist()
    taken: dict[int, int] = {}  # by line the colours of its members, as bits
    found = np.zeros(size, np.intp)
    for member in range(size):
        mine = at[ends[member] : ends[member + 1]]
        used = 0
        for line in mine:
            used |= taken.get(line, 0)
        free = ~used & (used + 1)
        found[member] = free.bit_length() - 1
        for line in mine:
            taken[line] = taken.get(line, 0) | free
    return found


def count(found: Any) -> int:
    """How many colours there are."""
    return int(found.max(initial=-1)) + 1


def _walked(run: Recording, found: Any, like: Tensor, walk: Callable[[Any], Any], chunk_size: int | None) -> Any:
    """What a walk makes of the sum of the directions of each colour, as rows."""
    total = count(found)
    step = chunk_size or max(1, MOST_BYTES // max(1, sum(bytes_of(node.aval) for node in run.path.nodes)))
    parts = []
    for start in range(0, total, step):
        numbers = np.arange(start, min(start + step, total))
        directions = (found == numbers[:, None]).astype(like.dtype).reshape((len(numbers), *like.shape))
        part = vmap(walk)(directions)
        require_kept(run.name, [part], "pb.jacobian, which differentiates; a.detach() is a constant on purpose")
        parts.append(array_of(part).reshape((len(numbers), -1)))
    return np.concatenate(parts) if parts else np.zeros((0, 0), like.dtype)


def _require_all(made: Any, run: Recording, source: Tensor) -> None:
    """Refuse a pattern without which the matrix is not the Jacobian: along one direction they must agree."""
    t = np.random.default_rng(0).uniform(0.5, 1.5, source.shape).astype(source.dtype)
    expected = array_of(run.push((t,), retain=True)).ravel()
    got = made @ t.ravel()
    size = np.abs(made) @ np.abs(t.ravel()) + np.abs(expected)
    wrong = ~(np.abs(got - expected) <= _AGREE * size)
    if (wrong & np.isfinite(expected)).any():
        raise GraphError(
            "sparse_jacobian: the Jacobian has elements that the pattern lacks", row=int(np.argmax(wrong)),
            fix="give a larger pattern, or none",
        )  # fmt: skip


explain_keywords(globals())
