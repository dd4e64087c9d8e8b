"""Loops and branches as functions of functions, as in `jax.lax`.

They are ordinary Python: each step is recorded as any code is, so derivatives of both modes and every order are there.
What they add is a check, that what is carried keeps its structure, shapes and dtypes, and stacking. Compiled, the steps
are one native loop, as those of a Python loop are.

Source: the control flow of JAX, https://docs.jax.dev/en/latest/jax.lax.html#control-flow-operators.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isqrt
from typing import Any, Final

import numpy as np

from pullback.batching.lanes import levels_of, plain
from pullback.core.axes import dtype_of, shape_of
from pullback.core.errors import DTypeError, OptionError, ShapeError
from pullback.core.habits import explain_keywords
from pullback.core.modes import ModeContext, current_mode
from pullback.core.origin import user_line
from pullback.core.tree import leaves, rebuild, structure, tree_map
from pullback.ops.elementwise import where
from pullback.ops.indexing import getitem
from pullback.ops.movement import concatenate
from pullback.ops.movement import stack as stacked
from pullback.tensors import Tensor
from pullback.transforms.carrying import Carry, named
from pullback.transforms.checkpoint import rerun

FEW: Final = 60  # steps that a program keeps all of


def scan(
    f: Callable[[Any, Any], tuple[Any, Any]], init: Any, xs: Any = None, length: int | None = None, *,
    reverse: bool = False, checkpoint: bool = False,
) -> tuple[Any, Any]:  # fmt: skip
    """Go through xs, carrying a value: (carryₜ₊₁, yₜ) = f(carryₜ, xₜ).

    Parameters
    ----------
    f : callable
        Takes what is carried and an element of xs, gives what is carried on and an output.
    init : tree
        What is carried at first.
    xs : tree, optional
        Of arrays, all of the same length along their first axis. Without it, f is given None.
    length : int, optional
        How many steps; needed only without xs.
    reverse : bool
        Go from the last element to the first. Outputs stay in the order of xs.
    checkpoint : bool
        Keep √n of what is carried for the derivative, and compute the rest again when it is asked for. Compiled, that
        is so from 61 steps on.

    Returns
    -------
    carry, ys
        What is carried in the end, and the outputs, stacked along a new first axis.

    Raises
    ------
    ShapeError
        If lengths differ, or a step gives a carry of another structure or shape; names the leaf.
    DTypeError
        If it gives a carry of another dtype.

    Notes
    -----
    Checkpoints: Griewank, *Achieving logarithmic growth of temporal and spatial complexity in reverse automatic
    differentiation* (1992).

    >>> import pullback as pb
    >>> pb.scan(lambda total, x: (total + x, total * x), 0.0, np.array([1.0, 2.0, 3.0]))
    (Tensor(6.), Tensor([0., 2., 9.]))
    """
    _require_functions("scan(f, init, xs)", f)
    count = _length(xs, length)
    start = tree_map(_as_array, init)
    if count == 0:
        return start, _nothing(f, start, xs)
    if checkpoint and count > (3 if current_mode().trace is None else FEW):
        return _in_pieces(f, start, xs, count, reverse=reverse)
    carry, ys, carried = start, [], Carry("scan", start)
    for t in reversed(range(count)) if reverse else range(count):
        carry, y = _pair(f(carry, _element(xs, t)))
        carry = carried.on(carry)
        ys.append(y)
    return carry, _stacked(ys[::-1] if reverse else ys)


def fori_loop(start: int, stop: int, body: Callable[[int, Any], Any], init: Any) -> Any:
    """Carry a value through `body(i, carry)` for each i from start to below stop.

    Raises ShapeError or DTypeError if a step changes the structure, the shapes or the dtypes of what is carried.

    >>> import pullback as pb
    >>> pb.fori_loop(0, 5, lambda i, total: total + i, 0.0)
    Tensor(10.)
    """
    _require_functions("fori_loop(start, stop, body, init)", body)
    carry = tree_map(_as_array, init)
    carried = Carry("fori_loop", carry)
    for i in range(start.__index__(), stop.__index__()):
        carry = carried.on(body(i, carry))
    return carry


def while_loop(
    cond: Callable[[Any], Any], body: Callable[[Any], Any], init: Any, *, max_steps: int | None = None
) -> Any:  # fmt: skip
    """Carry a value through `body(carry)` as long as `cond(carry)` holds, at most `max_steps` times.

    Compiled, a loop with `max_steps` is a native one: a step whose condition does not hold changes nothing. A function
    that has one without it runs as it is written.

    Raises
    ------
    ShapeError or DTypeError
        If a step changes the structure, the shapes or the dtypes of what is carried.

    >>> import pullback as pb
    >>> newton = lambda x: pb.while_loop(lambda y: abs(y * y - x) > 1e-12, lambda y: (y + x / y) / 2, x)
    >>> pb.grad(newton)(9.0)
    Tensor(0.16666667)
    """
    _require_functions("while_loop(cond, body, init)", cond, body)
    carry = tree_map(_as_array, init)
    trace, steps, carried = current_mode().trace, 0, Carry("while_loop", carry)
    if trace is not None and max_steps is not None:
        for _ in range(max_steps):
            carry = _chosen(cond(carry), carried.on(body(carry)), carry, "while_loop")
        return carry
    if trace is not None:
        trace.unfit(f"how many steps a while_loop has depends on numbers, at {user_line()}: give max_steps=")
    while max_steps is None or steps < max_steps:
        pred = cond(carry)
        if not _holds(pred):
            break
        now = carried.on(body(carry))
        carry = _chosen(pred, now, carry, "while_loop") if levels_of(pred) else now
        steps += 1
    return carry


def cond(pred: Any, true_fn: Callable[..., Any], false_fn: Callable[..., Any], *operands: Any) -> Any:
    """`true_fn(*operands)` where a truth holds, else `false_fn(*operands)`.

    Compiled, both are computed where the truth is a tensor, and one is taken; they must give the same structure, shapes
    and dtypes. The derivative is that of what was taken, and what the other one does at a singular point is no part of
    it.

    >>> import pullback as pb
    >>> root = lambda x: pb.cond(x > 0, np.sqrt, lambda x: 0 * x, x)
    >>> pb.grad(root)(4.0), pb.grad(root)(-1.0)
    (Tensor(0.25), Tensor(0.))
    """
    _require_functions("cond(pred, true_fn, false_fn, *operands)", true_fn, false_fn)
    if not _is_chosen_by(pred):
        return (true_fn if _truth(pred) else false_fn)(*operands)
    with np.errstate(divide="ignore", invalid="ignore"):  # of the branch that is not taken
        return _chosen(pred, true_fn(*operands), false_fn(*operands), "cond")


def switch(index: Any, branches: Sequence[Callable[..., Any]], *operands: Any) -> Any:
    """`branches[index](*operands)`; an index that is too small or too large is the first or the last.

    Compiled, all are computed where the index is a tensor, and one is taken, as `cond` does.

    >>> import pullback as pb
    >>> pb.switch(1, [np.sin, np.exp, np.cos], pb.tensor(0.0))
    Tensor(1.)
    """
    _require_functions("switch(index, branches, *operands)", *branches)
    if not branches:
        raise OptionError("switch: there are no branches", fix="give a list of functions")
    if not _is_chosen_by(index):
        return branches[min(max(int(index), 0), len(branches) - 1)](*operands)
    result = branches[0](*operands)
    for number, branch in enumerate(branches[1:], start=1):
        result = _chosen(index >= number, branch(*operands), result, "switch")
    return result


def map(f: Callable[[Any], Any], xs: Any) -> Any:
    """f of each element of xs along the first axis, stacked.

    >>> import pullback as pb
    >>> pb.map(lambda x: x * x, np.arange(4.0))
    Tensor([0., 1., 4., 9.])
    """
    _require_functions("map(f, xs)", f)
    return scan(lambda carry, x: (carry, f(x)), (), xs)[1]


# What goes in.


def _require_functions(usage: str, *functions: Any) -> None:
    """Refuse what cannot be called, such as a function and its value in each other's place."""
    for f in functions:
        if not callable(f):
            name = usage.partition("(")[0]
            raise OptionError(f"{name}: this is not a function", got=type(f).__name__, fix=f"pb.{usage}")


def _as_array(value: Any) -> Any:
    """A leaf of what is carried; Python's numbers stay as they are until a step has given them a dtype."""
    return value if isinstance(value, (Tensor, int, float, complex)) else Tensor.of(np.asarray(value))


def _element(xs: Any, t: Any) -> Any:
    return None if xs is None else tree_map(lambda x: getitem(x, t), xs)


def _length(xs: Any, length: int | None) -> int:
    """How many steps there are."""
    shapes = {} if xs is None else {name: np.shape(x) for name, x in named(xs, "xs")}
    if any(not shape for shape in shapes.values()):
        raise ShapeError("scan: there is no first axis to go along", **shapes, fix="xs must have one axis or more")
    lengths = {shape[0] for shape in shapes.values()} | ({length} - {None})
    if len(lengths) > 1:
        raise ShapeError("scan: the lengths differ", **shapes, length=length)
    if not lengths:
        raise OptionError("scan: how many steps?", fix="give xs or length=")
    (count,) = lengths
    return int(count or 0)


def _pair(result: Any) -> tuple[Any, Any]:
    if not isinstance(result, tuple) or len(result) != 2:
        raise ShapeError(
            "scan: a step must give a pair",
            got=structure(result),
            fix="return carry, y; without an output, carry, None",
        )
    return result


# What comes out.


def _stacked(ys: Sequence[Any]) -> Any:
    """Outputs of one structure, stacked; None stays None."""
    first, rows = ys[0], [leaves(y) for y in ys]
    one, *others = (structure(y) for y in ys)
    for other in others:
        if other != one:
            raise ShapeError("scan: two steps give outputs of different structures", one=one, other=other)
    columns = zip(*rows, strict=True)
    return rebuild(first, [None if column[0] is None else stacked(column) for column in columns])


def _nothing(f: Callable[[Any, Any], Any], carry: Any, xs: Any) -> Any:
    """The outputs of no step: what a step would give tells their shapes."""

    def blank(x: Any) -> Any:
        return Tensor.of(np.zeros(shape_of(x)[1:], dtype_of(x)))

    with ModeContext(recording=False, trace=None), np.errstate(all="ignore"):
        _, y = _pair(f(carry, None if xs is None else tree_map(blank, xs)))

    def empty(y: Any) -> Any:
        return None if y is None else Tensor.of(np.zeros((0, *shape_of(y)), dtype_of(y)))

    return tree_map(empty, y)


def _in_pieces(
    f: Callable[[Any, Any], Any], carry: Any, xs: Any, count: int, *, reverse: bool
) -> tuple[Any, Any]:  # fmt: skip
    """A scan in √n pieces, each of which is run again when its derivative is asked for."""
    size = isqrt(count - 1) + 1
    bounds = [(a, min(a + size, count)) for a in range(0, count, size)]
    ys, carried = [], Carry("scan", carry)
    for a, b in reversed(bounds) if reverse else bounds:
        part = _element(xs, slice(a, b))
        now, y = rerun(lambda carry, part, n=b - a: scan(f, carry, part, n, reverse=reverse), (carry, part), {})
        carry = carried.on(now)
        ys.append(leaves(y))
    pieces = zip(*(ys[::-1] if reverse else ys), strict=True)
    return carry, rebuild(y, [None if piece[0] is None else concatenate(piece) for piece in pieces])


# Choosing.


def _truth(value: Any) -> bool:
    return bool(value.array if isinstance(value, Tensor) else value)


def _holds(pred: Any) -> bool:
    """Whether a truth holds; of one for each example of a `vmap`, whether any does."""
    levels = levels_of(pred)
    return bool(plain(pred, levels).array.any()) if levels else _truth(pred)


def _is_chosen_by(value: Any) -> bool:
    """Whether all branches are computed: by a tensor of a program, or of a `vmap`, which has one for each example."""
    return isinstance(value, Tensor) and (current_mode().trace is not None or bool(levels_of(value)))


def _chosen(pred: Any, yes: Any, no: Any, name: str) -> Any:
    """One of two trees of the same structure, leaf by leaf."""
    if structure(yes) != structure(no):
        raise ShapeError(
            f"{name}: branches give different structures", one=structure(yes), other=structure(no), line=user_line()
        )
    made = []
    for (leaf, a), b in zip(named(yes, "result"), leaves(no), strict=True):
        one, other = (x if isinstance(x, Tensor) else np.asarray(x) for x in (a, b))
        if one.shape != other.shape or one.dtype != other.dtype:
            kind = ShapeError if one.shape != other.shape else DTypeError
            raise kind(
                f"{name}: branches give different arrays at {leaf}", one=f"{one.dtype}{list(one.shape)}",
                other=f"{other.dtype}{list(other.shape)}", line=user_line(),
            )  # fmt: skip
        made.append(a if a is b else where(pred, a, b))
    return rebuild(yes, made)


explain_keywords(globals())
