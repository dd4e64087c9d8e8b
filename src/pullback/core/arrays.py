"""The door in: which arrays a tensor may hold, and what becomes of all others.

Few types are held, and they are registered. The arrays of other libraries become NumPy's, by position; where that would
lose something (a mask, units, labels), they are refused, or asked to hold the tensor themselves.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from pullback.core.errors import DTypeError, PullbackError

NUMERIC: Final = frozenset("biufc")  # kinds of dtypes that are numbers
DIFFERENTIABLE: Final = frozenset("fc")  # and those that have derivatives
HELD: Final[set[type]] = {np.ndarray}  # types whose arrays a tensor holds as they are

# Libraries whose objects keep labels around an array, and take a tensor for one.
_LABELLED: Final = frozenset({"xarray"})
# Libraries whose objects say by `__array_ufunc__` that they compute in their own way, and yet hold plain numbers.
_BY_POSITION: Final = frozenset({"pandas", "polars"})


def hold(array_type: type) -> type:
    """Let tensors hold arrays of a type as they are: it answers NumPy's protocols, and nothing converts it.

    As a decorator too. The arrays must never change once a tensor has them.
    """
    HELD.add(array_type)
    return array_type


def copied(array: Any) -> Any:
    """A copy of an array; of a number of NumPy's, an array of its own.

    >>> copied(np.float64(2.0))
    array(2.)
    """
    return np.array(array) if isinstance(array, (np.ndarray, np.generic)) else array.copy()


def in_dtype(value: Any, dtype: np.dtype[Any]) -> Any:
    """An array of its own, in a dtype, of anything array-like; of a held type where the value is.

    >>> in_dtype([1, 2], np.dtype("float32"))
    array([1., 2.], dtype=float32)
    """
    held = type(value) in HELD and type(value) is not np.ndarray
    return value.astype(dtype) if held else np.array(value, dtype)


def differentiable(dtype: np.dtype[Any]) -> bool:
    """Whether numbers of a dtype have derivatives: floating-point numbers do, real and complex.

    >>> differentiable(np.dtype("float16")), differentiable(np.dtype(int)), differentiable(np.dtype(complex))
    (True, False, True)
    """
    return dtype.kind in DIFFERENTIABLE


def as_operand(value: Any, name: str = "operand") -> Any:
    """Anything array-like but a tensor as kernels take it: a held array, or a number of NumPy's.

    NotImplemented for what keeps labels around arrays: it is asked to hold the result.

    Raises
    ------
    DTypeError
        If it is no array of numbers, or says more than its numbers would.

    >>> as_operand([1, 2])
    array([1, 2])
    """
    kind = type(value)
    if kind in HELD or isinstance(value, np.generic):
        return numeric(value, name)
    library = kind.__module__.partition(".")[0]
    if library in _LABELLED:
        return NotImplemented
    if isinstance(value, np.ma.MaskedArray):
        if np.ma.getmask(value).any():
            raise DTypeError(
                f"{name}: an array with masked values has numbers that do not count", got=kind.__name__,
                fix="m.filled(0), or pb.where(m.mask, 0, m.data)",
            )  # fmt: skip
        return numeric(np.asarray(value.data), name)
    own = getattr(kind, "__array_ufunc__", np.ndarray.__array_ufunc__) is not np.ndarray.__array_ufunc__
    if isinstance(value, np.matrix) or (own and library not in _BY_POSITION):
        raise DTypeError(
            f"{name}: this array computes in a way of its own", got=f"{kind.__module__}.{kind.__name__}",
            fix="np.asarray(x) gives its numbers",
        )  # fmt: skip
    if hasattr(value, "toarray"):
        raise DTypeError(f"{name}: tensors are dense", got=kind.__name__, fix="x.toarray()")
    try:
        array = np.asarray(value)
    except PullbackError:
        raise
    except (ValueError, TypeError, RuntimeError) as error:
        raise DTypeError(
            f"{name}: this is not an array of numbers", got=kind.__name__, why=error,
            fix="give numbers, arrays or tensors",
        ) from error  # fmt: skip
    return numeric(array, name)


def numeric(array: Any, name: str) -> Any:
    """An array that holds numbers, and no objects, text or times."""
    if array.dtype.kind not in NUMERIC:
        raise DTypeError(
            f"{name}: an operand is not an array of numbers", got=array.dtype if array.ndim else type(array[()]),
            fix=f"{'x.astype(float)' if array.ndim else 'float(x)'}, or give numbers, arrays or tensors",
        )  # fmt: skip
    return array
