"""Which of NumPy's functions are answered by which of ours: keyed by NumPy's function objects.

Functions of `functions/` stand above tensors; each of their modules hands over its own with `serve`,
when it is loaded.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import numpy as np

from pullback.core.kinds import Elementwise
from pullback.core.primitive import Primitive
from pullback.ops import (
    complex_parts,
    contractions,
    cumulative,
    discrete,
    elementwise,
    indexing,
    movement,
    ordering,
    reductions,
    selecting,
)

_MODULES: Final = (
    elementwise, reductions, cumulative, movement, indexing, ordering, selecting, complex_parts, contractions, discrete,
)  # fmt: skip

Table = dict[Callable[..., Any], Callable[..., Any]]


def _copy(x: Any, order: str = "K", *, subok: bool = False) -> Any:  # noqa: ARG001 (NumPy's)
    return movement.copy_(x)


def full_like(x: Any, fill_value: Any, dtype: Any = None, *, shape: Any = None) -> Any:
    """Of a number that is tracked: it is spread."""
    value = movement.astype(fill_value, x.dtype if dtype is None else dtype)
    return movement.broadcast_to(value, x.shape if shape is None else shape)


UFUNCS: Final[Table] = {
    **{
        ufunc: op for name, op in vars(elementwise).items()
        if isinstance(op, Elementwise) and isinstance(ufunc := getattr(np, name, None), np.ufunc)
    },
    np.matmul: contractions.matmul, np.sign: elementwise.sign, np.conjugate: complex_parts.conj,
    np.gcd: partial(discrete.answer, np.gcd), np.lcm: partial(discrete.answer, np.lcm),
}  # fmt: skip

# The same in SciPy, which is loaded late: by the names that they have in `scipy.special`.
SCIPY: Final = {"expit": elementwise.sigmoid, "erf": elementwise.erf}

FUNCTIONS: Final[Table] = {
    **{
        getattr(np, name): ours for module in _MODULES for name, ours in vars(module).items()
        if inspect.isfunction(ours) and ours.__module__ == module.__name__ and hasattr(np, name)
    },
    np.concatenate: movement.concatenate, np.where: elementwise.where,
    np.dot: contractions.dot, np.vdot: contractions.vdot, np.amax: reductions.max, np.amin: reductions.min,
    np.around: elementwise.round, np.copy: _copy,
}  # fmt: skip

# Functions that look at shapes and dtypes only, and those whose answers are Python's: NumPy's own.
OF_SHAPES: Final = frozenset({
    np.shape, np.ndim, np.size, np.result_type, np.can_cast, np.zeros_like, np.ones_like, np.empty_like, np.full_like,
    np.iscomplexobj, np.isrealobj, np.common_type, np.min_scalar_type, np.einsum_path,
})  # fmt: skip
ANSWERS: Final = frozenset({np.allclose, np.array_equal, np.array_equiv})
SHOWN: Final = frozenset({np.array_repr, np.array_str, np.array2string})

# By these, code that goes on with arrays makes sure that it has some (SciPy's `least_squares`).
CONVERSIONS: Final = frozenset({np.atleast_1d, np.atleast_2d, np.atleast_3d})

# Functions that write to their first argument.
WRITERS: Final = frozenset({np.put, np.place, np.putmask, np.copyto, np.fill_diagonal, np.put_along_axis})

# Keywords of NumPy's that have other names here.
KEYWORDS: Final = {
    "ddof": "correction", "a_min": "min", "a_max": "max", "reps": "repetitions", "indices_or_sections": "sections",
    "M": "columns",
}  # fmt: skip


def _of_late_operations() -> None:
    from pullback.ops import parts, special, windows  # few ask for them, and they would be a part of each import

    FUNCTIONS[np.sinc] = special.sinc
    FUNCTIONS[np.unstack] = parts.unstack
    FUNCTIONS[np.lib.stride_tricks.sliding_window_view] = windows.sliding_window_view


# What loads the modules whose functions answer NumPy's, as soon as one is asked for that has no row yet.
SERVERS: Final[list[Callable[[], Any]]] = [_of_late_operations]


def ours_for(table: Table, theirs: Callable[..., Any]) -> Callable[..., Any] | None:
    """What answers a function of NumPy's; None if nothing does."""
    while theirs not in table and SERVERS:
        SERVERS.pop()()
    return table.get(theirs)


def serve(names: dict[str, Any]) -> None:
    """Let the public functions that a module makes answer NumPy's of the same names."""
    for name, ours in names.items():
        theirs = getattr(np, name, None)
        if name.startswith("_") or getattr(ours, "__module__", None) != names["__name__"] or isinstance(ours, type):
            continue
        if isinstance(theirs, np.ufunc):
            UFUNCS[theirs] = ours
        elif callable(theirs) and not isinstance(theirs, type):
            FUNCTIONS[theirs] = ours


def serve_module(theirs: Any, names: dict[str, Any]) -> None:
    """Let the functions of a package answer those of NumPy's module of the same name."""
    for name, function in vars(theirs).items():
        if callable(function) and not isinstance(function, type) and name in names:
            FUNCTIONS[function] = names[name]


def known() -> list[str]:
    """The public names of what answers NumPy's functions."""
    return [name for name in dir(sys.modules["pullback"]) if hasattr(np, name)]


Primitive.ufuncs[elementwise.sign_] = np.sign
Primitive.ufuncs.update({op: ufunc for ufunc, op in UFUNCS.items() if isinstance(op, Primitive)})  # type: ignore[misc]  # its keys are ufuncs
