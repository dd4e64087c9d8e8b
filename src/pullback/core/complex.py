"""What complex numbers ask of the walks: the real part where a value is real, and conjugates at the ends."""

from __future__ import annotations

from typing import Any

import numpy as np


def is_complex(value: Any) -> bool:
    """Whether a value, an array or a number of any kind, is complex.

    >>> is_complex(np.ones(2, complex)), is_complex(1j), is_complex(2.0)
    (True, True, False)
    """
    dtype = getattr(value, "dtype", None)
    return isinstance(value, complex) if dtype is None else dtype.kind == "c"


def conjugate(value: Any) -> Any:
    """The conjugate of an array or a tensor; a real one as it is.

    >>> conjugate(np.array([1 + 2j])), conjugate(np.array([1.0]))
    (array([1.-2.j]), array([1.]))
    """
    return value.conj() if is_complex(value) else value


def cast(value: Any, dtype: np.dtype[Any]) -> Any:
    """An array or a tensor in another dtype; where that is real, the real part.

    >>> cast(np.array([1 + 2j]), np.dtype("float32"))
    array([1.], dtype=float32)
    """
    if dtype.kind != "c" and value.dtype.kind == "c":
        value = value.real
    return value if value.dtype == dtype else value.astype(dtype)
