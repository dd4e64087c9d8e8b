"""The parts of complex numbers. They are linear over the real numbers; a real number is its own part."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from pullback.batching.rules import as_it_is
from pullback.core.axes import dtype_of
from pullback.core.errors import OptionError
from pullback.core.habits import explain_keywords
from pullback.core.kinds import LinearMap
from pullback.ops.discrete import answer
from pullback.ops.elementwise import absolute, arctan2, identity, multiply

# The transposes of Re Σ u·dy: where y is the real part of x, that is Re Σ u·dx, and where it is the imaginary one,
# Re Σ −i·u·dx.
real_ = LinearMap("real", lambda x: x.real, lambda ct, _: ct, batching=as_it_is, doc="The real part of x.")
imag_ = LinearMap("imag", lambda x: x.imag, lambda ct, _: ct * -1j, batching=as_it_is, doc="The imaginary part of x.")
conj_ = LinearMap("conj", np.conjugate, lambda ct, _: ct.conj(), batching=as_it_is, doc="The conjugate of x.")


def real(val: Any) -> Any:
    """The real part; a real number is its own.

    >>> real(np.array([1.0 + 2.0j]))
    Tensor([1.])
    """
    return (real_ if dtype_of(val).kind == "c" else identity)(val)


def imag(val: Any) -> Any:
    """The imaginary part; of a real number 0.

    >>> imag(np.array([1.0 + 2.0j]))
    Tensor([2.])
    """
    return imag_(val) if dtype_of(val).kind == "c" else answer(np.imag, val)


def conj(x: Any) -> Any:
    """The conjugate; a real number is its own.

    >>> conj(np.array([1.0 + 2.0j]))
    Tensor([1.-2.j], dtype=complex128)
    """
    return (conj_ if dtype_of(x).kind == "c" else identity)(x)


conjugate = conj


def angle(z: Any, deg: bool = False) -> Any:
    """The angle of z = |z|·eⁱᵠ from −π to π, in radians or degrees; derivative 0 at 0.

    >>> angle(np.array([1.0j, -2.0]), deg=True)
    Tensor([ 90., 180.])
    """
    if not isinstance(deg, (bool, int, np.bool_)):
        raise OptionError("angle: deg is True or False", got=deg)
    turned = arctan2(imag(z), real(z))
    return multiply(turned, 180 / math.pi) if deg else turned


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
    """The real part, where all imaginary parts are as good as 0: below `tol`, or `tol` times the precision if above 1.

    >>> real_if_close(np.array([1.0 + 1e-20j]))
    Tensor([1.])
    """
    dtype = dtype_of(a)
    if dtype.kind != "c":
        return identity(a)
    least = tol * float(np.finfo(dtype).eps) if tol > 1 else tol
    return real(a) if bool((absolute(imag(a)) < least).all()) else identity(a)


explain_keywords(globals())
