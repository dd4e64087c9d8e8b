"""What ranks do together with trees of values: add them up, take those of one rank, wait for each other.

Each is one operation of a compiled program, in the order in which the function calls them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from pullback.core.errors import DTypeError, GraphError, OptionError
from pullback.core.modes import current_mode
from pullback.core.opaque import Opaque
from pullback.core.outputs import outputs_of
from pullback.core.tree import leaves, rebuild
from pullback.parallel.world import TIMEOUT, rehearsing, timeout_of, world
from pullback.tensors import Tensor

_OPS: Final = {"mean": np.add, "sum": np.add, "max": np.maximum, "min": np.minimum}


def rank() -> int:
    """The number of this process among those that were started together, from 0; 0 where it is alone.

    >>> rank()
    0
    """
    return world().rank


def size() -> int:
    """How many processes were started together; 1 where this one is alone.

    >>> size()
    1
    """
    return world().size


def barrier(timeout: float = TIMEOUT) -> None:
    """Wait until all ranks are here.

    Raises
    ------
    ParallelError
        If not all come within `timeout` seconds, or one makes another call.

    >>> barrier()
    """
    seconds = timeout_of("barrier", timeout)
    if world().size > 1:
        world().agree("barrier", {}, seconds)


def all_reduce(tree: Any, op: str = "mean", *, timeout: float = TIMEOUT) -> Any:
    """y = (x₀ + … + xₙ₋₁) / n, number by number, over the n ranks: each gets the same y, to the bit.

    All values of one dtype go as one message. They are added in the order of the ranks, so the result is always the
    same for a number of ranks. Alone, it gives what it is given. Within `pb.compile` it is an operation of the program.

    Parameters
    ----------
    tree : tree of tensors, arrays or numbers
        Of the same shapes and dtypes on all ranks.
    op : {"mean", "sum", "max", "min"}
        What is computed.
    timeout : float
        Seconds that one rank may be later than another.

    Returns
    -------
    tree of Tensor

    Raises
    ------
    ParallelError
        If ranks differ in shapes, dtypes or calls, which is found out before anything is added; or if one does not
        come in time. Nothing can be exchanged afterwards.
    GraphError
        If a value is being differentiated: its derivative would need all ranks to differentiate at once, which they
        cannot be made to. Average the gradients.
    DTypeError
        If the mean of integers is asked for.

    >>> import pullback as pb
    >>> all_reduce({"w": pb.tensor([1.0, 2.0])})
    {'w': Tensor([1., 2.])}
    """
    if op not in _OPS:
        raise OptionError("all_reduce: there is no such op", got=repr(op), fix=", ".join(_OPS))
    return _exchanged(all_reduce_, tree, timeout, op=op)


def broadcast(tree: Any, root: int = 0, *, timeout: float = TIMEOUT) -> Any:
    """The values of one rank, on all ranks.

    Parameters
    ----------
    tree : tree of tensors, arrays or numbers
        Of the same shapes and dtypes on all ranks.
    root : int
        Whose values they are.
    timeout : float
        Seconds that one rank may be later than another.

    Returns
    -------
    tree of Tensor

    Raises
    ------
    ParallelError
        As of `all_reduce`.
    GraphError
        If a value is being differentiated.

    >>> broadcast([1.0, 2.0])
    [Tensor(1.), Tensor(2.)]
    """
    if not 0 <= root < size():
        raise OptionError("broadcast: there is no such rank", got=root, fix=f"ranks go from 0 to {size() - 1}")
    return _exchanged(broadcast_, tree, timeout, root=root)


def _exchanged(primitive: Opaque, tree: Any, timeout: float, **params: Any) -> Any:
    name, values = primitive.name, leaves(tree)
    seconds = timeout_of(name, timeout)
    if current_mode().recording and any(isinstance(x, Tensor) and x.requires_grad for x in values):
        raise GraphError(
            f"{name}: it has no derivative, which would need all ranks to differentiate at once",
            fix="average the gradients, within pb.no_grad(); or .detach() what is a constant on purpose",
        )
    values = [x if isinstance(x, Tensor) else Tensor(np.asarray(x)) for x in values]
    for value in values:
        if value.dtype.kind not in ("fc" if params.get("op") == "mean" else "biufc"):
            raise DTypeError(f"{name}: this dtype cannot be so", **params, got=value.dtype, fix='op="sum", or floats')
    if world().size == 1 or not values:
        return rebuild(tree, values)
    return rebuild(tree, outputs_of(primitive(*values, timeout=seconds, **params)))


def _exchange(name: str, exchanged: Callable[..., tuple[Any, ...]], doc: str) -> Opaque:
    """A primitive of what all ranks do together; while a program is only prepared, each keeps what it gives."""

    def kernel(*arrays: Any, **params: Any) -> tuple[Any, ...]:
        return tuple(array.copy() for array in arrays) if rehearsing() else exchanged(*arrays, **params)

    return Opaque(name, kernel, doc=doc)


def _all_reduced(*arrays: Any, op: str, timeout: float) -> tuple[Any, ...]:
    return world().combined(arrays, _OPS[op], op == "mean", "all_reduce", (("op", op),), timeout)


def _broadcast(*arrays: Any, root: int, timeout: float) -> tuple[Any, ...]:
    return world().spread(arrays, root, "broadcast", (("root", root),), timeout)


def _owned(*arrays: Any, owners: tuple[int, ...], timeout: float) -> tuple[Any, ...]:
    return world().owned(arrays, owners, "parameters", timeout)


all_reduce_ = _exchange("all_reduce", _all_reduced, "Values combined over all ranks; carries no derivative.")
broadcast_ = _exchange("broadcast", _broadcast, "The values of one rank; carries no derivative.")
owned_ = _exchange("owned", _owned, "Each value as the rank that owns it has it; carries no derivative.")
