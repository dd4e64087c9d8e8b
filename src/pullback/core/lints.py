"""Lints: legal operations that are rarely meant. Each warns once a line; `pb.strict()` makes them errors."""

from __future__ import annotations

import math
import warnings
from typing import Any, Final

import numpy as np

from pullback.core.axes import dtype_of, shape_of
from pullback.core.errors import BroadcastWarning, PrecisionWarning, PullbackWarning, message
from pullback.core.modes import current_mode
from pullback.core.origin import user_frame

_seen: Final[set[tuple[type[PullbackWarning], str, int]]] = set()


def check_broadcast(name: str, left: object, right: object) -> None:
    """Complain where shapes (N, 1) and (N,) meet: every element meets every other, which a loss never means."""
    a, b = shape_of(left), shape_of(right)
    if a != b and abs(len(a) - len(b)) == 1 and a and b:
        column, row = (a, b) if len(a) > len(b) else (b, a)
        if column[-1] == 1 and column[:-1] == row and row[-1] > 1:
            complain(
                BroadcastWarning,
                f"{name}: shapes {a} and {b} broadcast to {(*row[:-1], row[-1], row[-1])}",
                fix="give both the same shape, e.g. prediction.squeeze(-1)",
            )


def check_loss(name: str, prediction: object, target: object) -> None:
    """Complain where prediction and target broadcast so that one is repeated, unless it is a single number."""
    a, b = shape_of(prediction), shape_of(target)
    if a == b or 1 in (math.prod(a), math.prod(b)):
        return
    try:
        shape = np.broadcast_shapes(a, b)
    except ValueError:
        return  # NumPy's to refuse
    if math.prod(shape) > min(math.prod(a), math.prod(b)):
        complain(
            BroadcastWarning,
            f"{name}: a prediction of shape {a} and a target of shape {b} broadcast to {shape}",
            fix="give both the same shape, e.g. prediction.squeeze(-1), or np.broadcast_to(target, ...)",
        )


def check_precision(name: str, batch: Any, parameter: Any) -> None:
    """Complain where a batch of float64, or of integers that need it, meets float32 parameters."""
    if parameter.dtype.char == "f" and np.result_type(dtype_of(batch), parameter.dtype).char == "d":
        complain(
            PrecisionWarning,
            f"{name}: a batch of {dtype_of(batch)} makes a float32 model compute in float64, at twice the cost",
            fix="batch.astype('float32'), or make the layer with dtype=float",
        )


def check_leaf(node: Any) -> None:
    """Complain where the gradient of a result is read, which is None: `w = w - lr * w.grad` made `w` one."""
    complain(
        PullbackWarning,
        f"grad: this tensor is the result of an operation, {node.primitive.name}; leaves alone hold gradients",
        fix="with pb.no_grad(): w -= lr * w.grad  changes w, and lets it be the leaf that it is\n"
        "pb.gradients(loss, wrt=[t])  gives gradients of results",
    )


def check_parameter(place: str) -> None:
    """Complain of a plain tensor that requires a gradient and becomes a module's: nobody will learn it."""
    complain(
        PullbackWarning,
        f"{place}: a tensor that requires a gradient is no parameter, and parameters() does not give it",
        fix="pb.nn.Parameter(...) to learn it; tensor.detach() to keep it as a constant",
    )


def complain(kind: type[PullbackWarning], what: str, **facts: Any) -> None:
    """Warn once a line of the user's, or raise within `strict`."""
    frame = user_frame()
    where = (frame.f_code.co_filename, frame.f_lineno) if frame is not None else ("unknown", 0)
    text = f"{message(what, facts)}\n  line  {where[0]}:{where[1]}"
    if current_mode().strict:
        raise kind(text)
    if (kind, *where) not in _seen:
        _seen.add((kind, *where))
        warnings.warn_explicit(text, kind, where[0], where[1])
