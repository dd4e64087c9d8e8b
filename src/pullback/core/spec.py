"""What is known of an array without its numbers: a shape and a dtype."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy import generic, ndarray

from pullback.core.arrays import HELD

# Values up to this many elements are kept with their node, to be drawn and printed; it costs a reference.
KEPT_SIZE: Final = 64

_new: Final = object.__new__


class Spec:
    """The shape and dtype of an array that is not kept.

    >>> Spec((2, 3), np.dtype("float32"))
    Spec((2, 3), float32)
    """

    __slots__ = ("dtype", "fortran", "like", "shape")

    like: Any  # of another array type than NumPy's, and of no other: an array of it, as which zeros are made

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype[Any], fortran: bool = False) -> None:
        self.shape = shape
        self.dtype = dtype
        self.fortran = fortran  # columns are contiguous, so gradients had better be too

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Spec) and (self.shape, self.dtype) == (other.shape, other.dtype)

    def __hash__(self) -> int:
        return hash((self.shape, self.dtype))

    def __repr__(self) -> str:
        return f"Spec({self.shape}, {self.dtype})"


def spec_like(array: Any) -> Spec:
    """The Spec of an array; each recorded operation makes one, and a constructor takes five times as long."""
    spec = _new(Spec)
    if type(array) is not ndarray and type(array) in HELD:
        spec.like = np.empty((), array.dtype, like=array)
    spec.shape = array.shape
    spec.dtype = array.dtype
    spec.fortran = False
    return spec


def layout_of(array: Any) -> Any:
    """The Spec of an array, with its memory order; of a number, the number."""
    if isinstance(array, generic):
        return array  # a number is its own Spec, and the quickest to ask
    spec = spec_like(array)
    flags = getattr(array, "flags", None)
    if flags is not None and not flags.c_contiguous:
        spec.fortran = flags.f_contiguous
    return spec


def spec_of(value: Any) -> Any:
    """Give something with `.shape` and `.dtype` for any operand: a node's value, an array or a number."""
    value = getattr(value, "aval", value)
    if isinstance(value, tuple):
        return value
    return value if hasattr(value, "shape") else Spec((), np.result_type(value))


def summary_of(value: Any) -> Any:
    """Give the value itself when it is small enough to keep, else its Spec; for a tuple, of each part."""
    if isinstance(value, tuple):
        return tuple(summary_of(part) for part in value)
    return value if value.size <= KEPT_SIZE else spec_like(value)


def constant_of(value: Any) -> Any:
    """A constant operand as a node keeps it: itself where it is small or a number, else its Spec."""
    return spec_like(value) if isinstance(value, ndarray) and value.size > KEPT_SIZE else value


def zeros_of(spec: Any) -> Any:
    """Zeros of the shape and dtype of `spec`, an array or what is known of one, and of its type."""
    like = getattr(spec, "like", None) if type(spec) is Spec else spec
    if like is None or isinstance(like, (ndarray, generic)):
        return np.zeros(spec.shape, spec.dtype)
    return np.zeros(spec.shape, spec.dtype, like=like)


def completed(tangents: Sequence[Any], inputs: Sequence[Any]) -> list[Any]:
    """The tangents of a node's operands, with zeros for those that are None."""
    return [zeros_of(spec_of(i)) if t is None else t for i, t in zip(inputs, tangents, strict=True)]
