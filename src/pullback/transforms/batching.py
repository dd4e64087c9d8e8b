"""`vmap`: a function of one example becomes a function of many, computed at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, Final

from pullback.batching.lanes import Level, has, held, inside, mark
from pullback.core.axes import normalize_axis
from pullback.core.errors import AxisError, OptionError, ShapeError
from pullback.core.habits import explain_keywords
from pullback.core.tree import children, is_tree, leaves, rebuild, structure
from pullback.functions.creation import asarray
from pullback.ops.indexing import getitem
from pullback.ops.movement import concatenate, moveaxis
from pullback.programs.refusals import told
from pullback.tensors import Tensor
from pullback.transforms.reverse import check_function

_RANDOMNESS: Final = ("error", "same", "different")


def vmap(
    f: Callable[..., Any], in_axes: Any = 0, out_axes: Any = 0, *, axis_size: int | None = None,
    randomness: str = "error", chunk_size: int | None = None,
) -> Callable[..., Any]:  # fmt: skip
    """f of one example as a function of many: y[i] = f(x[i]) for all i at once.

    Inside, a tensor is that of one example; each operation is done for all of them by one call of NumPy. It nests, and
    stands over and under `grad`, `jvp`, `vjp`, `jacobian`, `hessian` and `compile`: `vmap(grad(f))` gives the gradient
    of each sample.

    Parameters
    ----------
    f : callable
        Takes and gives trees of tensors.
    in_axes : int, None or tuple
        The axis of the examples in each positional argument, None for what is the same for all; for an argument that
        is a tree, a tree of axes. Keyword arguments are the same for all.
    out_axes : int, None or tree
        Where that axis is in each result; None for one that is the same for all.
    axis_size : int, optional
        How many examples there are; needed only where no argument says it.
    randomness : {"error", "same", "different"}
        What drawing random numbers does: it is refused, gives all examples the same numbers, or each its own.
    chunk_size : int, optional
        How many examples are computed at once, which bounds the memory; all by default.

    Raises
    ------
    ShapeError
        If arguments have different numbers of examples.
    AxisError
        If an argument does not have the axis.
    OptionError
        If the axes do not fit the arguments, or no argument says how many examples there are.
    UnbatchedError
        If f asks for the number of one example (a branch, `float`), or applies what cannot do many at once.

    Notes
    -----
    The interface is that of JAX, with `randomness` and `chunk_size` as in `torch.func`.

    >>> import numpy as np
    >>> import pullback as pb
    >>> pb.vmap(lambda a, b: a @ b, in_axes=(0, None))(np.eye(2), np.array([3.0, 4.0]))
    Tensor([3., 4.])
    >>> loss = lambda w, x: pb.tanh(w @ x)
    >>> pb.vmap(pb.grad(loss), in_axes=(None, 0))(np.zeros(2), np.eye(2))
    Tensor([[1., 0.],
            [0., 1.]])
    """
    check_function("vmap", f)
    if not all(axis is None or isinstance(axis, int) for axis in leaves(in_axes)):
        raise OptionError(
            "vmap: in_axes says by number along which axes the examples are", got=repr(in_axes),
            fix="the function comes first and is then called: pb.vmap(f)(x)",
        )  # fmt: skip
    if randomness not in _RANDOMNESS:
        raise OptionError("vmap: unknown randomness", randomness=randomness, fix=", ".join(_RANDOMNESS))
    if chunk_size is not None and chunk_size < 1:
        raise OptionError("vmap: a chunk has one example or more", chunk_size=chunk_size)

    @wraps(f)
    def mapped(*args: Any, **kwargs: Any) -> Any:
        axes = _axes(in_axes, args, "in_axes")
        examples = [x if axis is None else _in_front(x, axis) for x, axis in zip(leaves(args), axes, strict=True)]
        size = _size([x for x, axis in zip(examples, axes, strict=True) if axis is not None], axis_size)
        step = size if chunk_size is None else chunk_size
        pieces = []
        for start in range(0, size, step) if step < size else (None,):
            part = examples
            if start is not None:
                part = [
                    x if axis is None else getitem(x, slice(start, start + step))
                    for x, axis in zip(examples, axes, strict=True)
                ]
            count = size if start is None else min(step, size - start)
            pieces.append(_run(f, args, part, axes, kwargs, Level(count, randomness), out_axes))
        result, places = pieces[0]
        columns = zip(*(leaves(piece) for piece, _ in pieces), strict=True)
        return rebuild(result, [_joined(column, place) for column, place in zip(columns, places, strict=True)])

    return mapped


def _run(
    f: Callable[..., Any], args: Any, examples: Sequence[Any], axes: Sequence[int | None], kwargs: dict[str, Any],
    level: Level, out_axes: Any,
) -> tuple[Any, list[int | None]]:  # fmt: skip
    """The results of some examples, along the first axis, and where that belongs."""
    given = [x if axis is None else mark(x, level) for x, axis in zip(examples, axes, strict=True)]
    with inside(level), told():
        result = f(*rebuild(args, given), **kwargs)
        places = _axes(out_axes, result, "out_axes")
        values = [_out(y, place, level) for y, place in zip(leaves(result), places, strict=True)]
    return rebuild(result, values), places


def _in_front(x: Any, axis: int) -> Tensor:
    """An argument with the axis of its examples in front."""
    tensor = asarray(x)
    if not tensor.ndim:
        raise AxisError(
            "vmap: a number has no axis of examples", got=repr(x), fix="in_axes=None where all have the same"
        )
    axis = normalize_axis(axis, tensor.ndim, "vmap: in_axes")
    return moveaxis(tensor, axis, 0) if axis else tensor


def _size(examples: Sequence[Tensor], axis_size: int | None) -> int:
    sizes = {x.shape[0] for x in examples} | ({axis_size} - {None})
    if len(sizes) > 1:
        raise ShapeError(
            "vmap: arguments have different numbers of examples", got=[x.shape[0] for x in examples],
            axis_size=axis_size, fix="in_axes says along which axis they are",
        )  # fmt: skip
    if not sizes:
        raise OptionError("vmap: how many examples are there?", fix="give an argument an axis, or axis_size=")
    (size,) = sizes
    assert size is not None
    return size


def _out(y: Any, place: int | None, level: Level) -> Any:
    """A result with the examples along its first axis; where there is no place for them, as it is."""
    if y is None:
        return None
    tensor = asarray(y)
    if place is not None:
        return held(tensor, level)
    if has(tensor, level):
        raise OptionError(
            "vmap: out_axes=None is for what is the same for all examples", got=f"shape {tensor.shape} of each",
            fix="out_axes=0",
        )  # fmt: skip
    return tensor


def _joined(pieces: Sequence[Any], place: int | None) -> Any:
    """A result of all chunks, with the axis of the examples in its place."""
    first = pieces[0]
    if place is None or first is None:
        return first
    whole = concatenate(pieces) if len(pieces) > 1 else first
    axis = normalize_axis(place, whole.ndim, "vmap: out_axes")
    return moveaxis(whole, 0, axis) if axis else whole


def _axes(axes: Any, tree: Any, name: str) -> list[int | None]:
    """An axis for each leaf of a tree, from a tree of axes that may end earlier."""
    if axes is None or (isinstance(axes, int) and not isinstance(axes, bool)):
        return [axes] * len(leaves(tree))
    parts, given = children(tree), children(axes)
    if parts is None or given is None or sorted(repr(key) for key, _ in given) != sorted(repr(key) for key, _ in parts):
        raise OptionError(
            f"vmap: {name} do not fit", axes=structure(axes) if is_tree(axes) else repr(axes), values=structure(tree),
            fix="an integer or None, or a tuple with one for each argument",
        )  # fmt: skip
    by_key = dict(given)
    return [axis for key, part in parts for axis in _axes(by_key[key], part, name)]


explain_keywords(globals())
