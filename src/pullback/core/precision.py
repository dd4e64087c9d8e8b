"""Half precision: what one operation does inside is done in float32, and rounded once, at the end.

float16 ends at 65504, counts to 2048, and has 11 bits: a sum, a count or a square is soon past its end. Two functions
of NumPy's are careful already (matmul and, along the last axis, sum); `in_single` makes every kernel so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, Final, TypeVar

import numpy as np

from pullback.core.arrays import as_operand
from pullback.core.errors import DTypeError

_NUMBERS: Final = (int, float, complex)  # Python's, which are weak: they take the precision of what they meet

F = TypeVar("F", bound=Callable[..., Any])


def is_half(value: Any) -> bool:
    """Whether a value is of half precision."""
    dtype = getattr(value, "dtype", None)
    return dtype is not None and dtype.char == "e"


def single(value: Any) -> Any:
    """A value of half precision in float32; any other as it is."""
    return value.astype(np.float32) if is_half(value) else value


def singles(values: Sequence[Any], like: Any) -> Sequence[Any]:
    """The values, in float32 if what they are to be computed for, `like`, is of half precision."""
    return [*map(single, values)] if is_half(like) else values


def real(value: Any) -> Any:
    """Integers and booleans as the floating-point numbers that NumPy's functions make of them; others as they are."""
    dtype = getattr(value, "dtype", None)
    if dtype is None:
        if isinstance(value, _NUMBERS):
            return float(value) if isinstance(value, bool) else value
        return real(np.asarray(as_operand(value)))
    return value.astype(np.result_type(dtype, np.float16)) if dtype.kind in "iub" else value


def in_single(kernel: F) -> F:
    """The same function, computing in float32 where it is given float16.

    The result is of half precision again, unless an operand is of a higher one. Of a pair, as a kernel gives that has a
    residual, only the first is.

    >>> ones = np.ones(4096, np.float16)
    >>> float(np.cumsum(ones)[-1]), float(in_single(np.cumsum)(ones)[-1])
    (2048.0, 4096.0)
    """

    def careful(*operands: Any, **params: Any) -> Any:
        first = getattr(operands[0], "dtype", None)
        if first is not None and first.char in "fd":  # as nearly always: it takes the others to its precision
            return kernel(*operands, **params)
        return _rounded(kernel, operands, params) if any(map(is_half, operands)) else kernel(*operands, **params)

    return wraps(kernel)(careful)  # type: ignore[return-value]  # it takes what the kernel takes


def of_numbers(formula: F) -> F:
    """The same function, for integers too, as their float values, and `in_single`.

    >>> of_numbers(lambda x: 1 - x)(np.array([3], np.uint8))
    array([-2.], dtype=float16)
    """
    return _of(formula, "fiubc", "an operand holds no numbers")


def of_reals(formula: F) -> F:
    """The same of a function that means nothing of complex numbers: they are refused."""
    return _of(formula, "fiub", "an operand holds no real numbers")


def _of(formula: F, kinds: str, otherwise: str) -> F:
    inner = in_single(formula)

    def careful(*operands: Any, **params: Any) -> Any:
        for x in operands:
            dtype = getattr(x, "dtype", None)
            if dtype is None or dtype.char not in "fd":
                if dtype is not None and dtype.kind not in kinds:
                    raise DTypeError(f"{formula.__name__.strip('_')}: {otherwise}", got=dtype)
                return inner(*map(real, operands), **params)
        return formula(*operands, **params)  # as nearly always

    return wraps(formula)(careful)  # type: ignore[return-value]  # it takes what the formula takes


def _rounded(kernel: Callable[..., Any], operands: tuple[Any, ...], params: dict[str, Any]) -> Any:
    found = kernel(*map(single, operands), **params)
    if any(getattr(x, "dtype", np.dtype(bool)).char in "fdg" for x in operands):
        return found
    return (found[0].astype(np.float16), *found[1:]) if isinstance(found, tuple) else found.astype(np.float16)
