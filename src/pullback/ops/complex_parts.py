"""The parts of complex numbers. What is differentiated is real today; a real number is its own part."""

from __future__ import annotations

from typing import Any

import numpy as np

from pullback.core.axes import dtype_of
from pullback.core.habits import explain_keywords
from pullback.ops.discrete import answer
from pullback.ops.elementwise import identity


def real(val: Any) -> Any:
    """The real part; a real number is its own.

    >>> real(np.array([1.0 + 2.0j]))
    Tensor([1.])
    """
    return answer(np.real, val) if dtype_of(val).kind == "c" else identity(val)


def imag(val: Any) -> Any:
    """The imaginary part; of a real number 0.

    >>> imag(np.array([1.0 + 2.0j]))
    Tensor([2.])
    """
    return answer(np.imag, val)


def conj(x: Any) -> Any:
    """The conjugate; a real number is its own.

    >>> conj(np.array([1.0 + 2.0j]))
    Tensor([1.-2.j], dtype=complex128)
    """
    return answer(np.conj, x) if dtype_of(x).kind == "c" else identity(x)


conjugate = conj


def isreal(x: Any) -> Any:
    """Whether there is no imaginary part.

    >>> isreal(np.array([1.0 + 2.0j, 3.0]))
    Tensor([False,  True])
    """
    return answer(np.isreal, x)


def iscomplex(x: Any) -> Any:
    """Whether there is an imaginary part.

    >>> iscomplex(np.array([1.0 + 2.0j, 3.0]))
    Tensor([ True, False])
    """
    return answer(np.iscomplex, x)


def real_if_close(a: Any, tol: float = 100) -> Any:
    """The real part, where all imaginary parts are as good as 0.

    >>> real_if_close(np.array([1.0 + 1e-20j]))
    Tensor([1.])
    """
    return answer(np.real_if_close, a, tol=tol) if dtype_of(a).kind == "c" else identity(a)


explain_keywords(globals())
