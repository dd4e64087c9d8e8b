"""Taylor coefficients: derivatives of high order along one direction, in one sweep."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from pullback.batching.lanes import labelled, plain
from pullback.core.arrays import differentiable
from pullback.core.errors import DTypeError, GraphError, OptionError, ShapeError
from pullback.core.habits import explain_keywords
from pullback.core.modes import ModeContext, current_mode
from pullback.core.tree import rebuild, tree_map
from pullback.functions.creation import asarray
from pullback.ops.movement import astype, stack
from pullback.tensors import Tensor
from pullback.transforms.expansion import Expansion
from pullback.transforms.reverse import check_function
from pullback.transforms.series import Series
from pullback.transforms.watching import recorded


def taylor(f: Callable[[Any], Any], x: Any, order: int, direction: Any = 1.0) -> Any:
    """The coefficients cₖ, k = 0 … order, of f(x + t·d) = Σₖ cₖ tᵏ: the derivatives along d, divided by k!.

    One sweep of power series through what f does: the time grows with the square of the order, where nested `jvp`
    doubles it with each. It nests with `grad`, `vmap` and `compile`.

    Parameters
    ----------
    f : callable
        Takes a tensor and gives tensors. It runs once; a branch on a number of a tensor is refused.
    x : array_like
        Where; of any shape, real or complex.
    order : int
        Of the last coefficient, from 0 on.
    direction : array_like
        The direction d, which broadcasts to the shape of x.

    Returns
    -------
    Tensor, or a tree of them
        For each result of f, (order + 1, …): the coefficients along a first axis.

    Raises
    ------
    OptionError
        If the order is below 0.
    ShapeError
        If the direction does not have the shape of x, and does not broadcast to it.
    TraceError
        If f looks at a number.
    NoGradientError
        If f does what has no rule for power series: the error names it.

    Notes
    -----
    Method: A. Griewank & A. Walther, *Evaluating Derivatives* (2008), chapter 13; the recurrences are derived from the
    derivatives of the operations.

    >>> import numpy as np
    >>> import pullback as pb
    >>> pb.taylor(np.exp, 0.0, 4)  # 1/k!
    Tensor([1.        , 1.        , 0.5       , 0.16666667, 0.04166667])
    >>> pb.taylor(lambda x: x[0] * x[1] ** 2, np.array([1.0, 2.0]), 3, np.array([1.0, -1.0]))
    Tensor([ 4.,  0., -3.,  1.])
    """
    check_function("taylor", f)
    order = _order(order)
    levels = current_mode().levels
    with ModeContext(levels=()):
        start, along = _started(x, direction, levels)

        def whole(x: Any) -> Any:
            with ModeContext(levels=levels):
                result = f(labelled(x, levels))
                return tree_map(lambda y: plain(_result(y), levels) if levels else _result(y), result)

        made = recorded(whole, [start])
        with np.errstate(all="ignore"):
            found = Expansion().run(made, [Series(start, lambda k: along if k == 1 else None)], order)

        def coefficients(series: Series) -> Any:
            y = asarray(series.first)
            zero = np.zeros(y.shape, y.dtype if differentiable(y.dtype) else float)
            terms = [y, *(series.at(k) for k in range(1, order + 1))]
            return labelled(stack([zero if c is None else c for c in terms], axis=len(levels)), levels)

        return rebuild(made.results, [coefficients(series) for series in found])


def _order(order: int) -> int:
    try:
        number = operator.index(order)
    except TypeError:
        number = -1
    if number < 0:
        raise OptionError("taylor: the order is a whole number from 0 on", got=repr(order))
    return number


def _started(x: Any, direction: Any, levels: Any) -> tuple[Any, Any]:
    """Where, and the direction there, as whole tensors."""

    def as_tensor(value: Any) -> Any:
        tensor = value if isinstance(value, Tensor) else asarray(value)
        return plain(tensor, levels) if levels else tensor

    start = as_tensor(x)
    start = astype(start, float) if isinstance(x, (int, float)) else start
    if not differentiable(start.dtype):
        raise DTypeError("taylor: only floating-point numbers have a series", got=start.dtype, fix="x.astype(float)")
    along = as_tensor(direction)
    if along.dtype.kind == "c" and start.dtype.kind != "c":
        raise DTypeError("taylor: a direction of a real value is real", value=start.dtype, got=along.dtype)
    try:
        behind = along.reshape(
            (*along.shape[: len(levels)], *(1,) * (start.ndim - along.ndim), *along.shape[len(levels) :])
        )
        along = np.broadcast_to(behind, start.shape)
    except (ShapeError, ValueError):
        raise ShapeError(
            "taylor: the direction has the shape of x, or broadcasts to it", x=start.shape, got=along.shape
        ) from None
    return start, astype(along, start.dtype)


def _result(y: Any) -> Any:
    if isinstance(y, Tensor):
        return y
    if isinstance(y, (int, float, complex, np.number, np.ndarray)):
        return asarray(y)
    raise GraphError("taylor: the function gave no tensor", got=type(y).__name__, fix="compute with tensors to the end")


explain_keywords(globals())
