"""A function of trees as a function of its floating-point leaves, and as one of a single vector of real numbers.

A complex number is two of them: its real part, and then its imaginary one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, final

import numpy as np

from pullback.core.arrays import differentiable
from pullback.core.complex import is_complex
from pullback.core.errors import DTypeError, GraphError
from pullback.core.opaque import array_of
from pullback.core.tree import children, leaves, rebuild
from pullback.tensors import Tensor

Array = np.ndarray[Any, Any]
Function = Callable[..., tuple[Any, ...]]


def paths(tree: Any, name: str = "") -> list[str]:
    """How each leaf of a tree is reached, as one would write it: `0`, `1['w'][2]`."""
    parts = children(tree)
    if parts is None:
        return [name]
    return [path for key, part in parts for path in paths(part, f"{name}[{key!r}]")]


def is_floating(value: Any) -> bool:
    """Whether a leaf has derivatives: a float or a complex number, or an array or tensor of them."""
    dtype = getattr(value, "dtype", None)
    return isinstance(value, (float, complex)) if dtype is None else differentiable(dtype)


@final
class Arguments:
    """The arguments of a function: leaves that are differentiated in, and others, which stay as they are.

    Attributes
    ----------
    given : list of ndarray
        The floating-point leaves as they came.
    names : list of str
        How each is reached.
    """

    def __init__(self, args: Sequence[Any]) -> None:
        self._tree = list(args)
        values = leaves(self._tree)
        self._places = [i for i, value in enumerate(values) if is_floating(value)]
        if not self._places:
            raise DTypeError(
                "check_grads: no argument is floating-point, so there is nothing to differentiate in",
                got=", ".join(str(array_of(v).dtype) for v in values) or "no arguments",
                fix="give floats, e.g. check_grads(f, np.array([1.0, 2.0]))",
            )
        self.given = [array_of(values[i]) for i in self._places]
        named = [path for i, arg in enumerate(args) for path in paths(arg, str(i))]
        self.names = [named[i] for i in self._places]

    def leafwise(self, f: Callable[..., Any]) -> Function:
        """`f` as a function of floating-point leaves, that gives the floating-point leaves of its value."""

        def function(*floats: Any) -> tuple[Any, ...]:
            values = leaves(self._tree)
            for place, value in zip(self._places, floats, strict=True):
                values[place] = value
            found = leaves(f(*rebuild(self._tree, values)))
            for value in found:
                if is_floating(value) and not isinstance(value, (Tensor, float, complex)):
                    raise GraphError(
                        "check_grads: the function gave no tensor", got=type(value).__name__,
                        fix="compute with tensors to the end; .numpy() and .item() leave the graph",
                    )  # fmt: skip
            outputs = tuple(y for y in found if is_floating(y))
            if not outputs:
                raise GraphError("check_grads: the function gave nothing floating-point", got=len(found))
            return outputs

        return function


class Leaf(NamedTuple):
    """The shape of an array, and whether its numbers are complex."""

    shape: tuple[int, ...]
    complex: bool

    @property
    def dtype(self) -> type:
        """In which it is checked."""
        return complex if self.complex else float

    @property
    def size(self) -> int:
        """How many real numbers it has."""
        return math.prod(self.shape) * (1 + self.complex)


def leaf_of(array: Any) -> Leaf:
    """What is known of an array or a tensor.

    >>> leaf_of(np.ones(3, "complex64")).size
    6
    """
    return Leaf(array.shape, is_complex(array))


@final
class Flat:
    """A function of leaves as a function of one float64 vector, at a point.

    Attributes
    ----------
    point : ndarray
        All numbers of the arguments, one after the other.
    inputs, outputs : list of Leaf
        What the arguments and the outputs are.
    value : ndarray
        All numbers of the outputs at the point.
    """

    def __init__(self, function: Function, arrays: Sequence[Array]) -> None:
        self.function = function
        self.arrays: list[Array] = [np.array(a, leaf_of(a).dtype) for a in arrays]
        self.inputs = [leaf_of(a) for a in self.arrays]
        self.point = _joined(self.arrays)
        with np.errstate(all="ignore"):  # what is not finite is reported, not warned of
            found = [array_of(y) for y in function(*map(Tensor, self.arrays))]
        self.outputs = [leaf_of(y) for y in found]
        self.value = _joined(found)

    def __call__(self, vector: Array) -> Array:
        """The outputs, joined, at another point; NaN where the function refuses it."""
        try:
            return _joined([array_of(y) for y in self.function(*map(Tensor, cut(vector, self.inputs)))])
        except (ArithmeticError, ValueError):  # outside of its domain, as a matrix that is not positive definite
            return np.full(self.value.shape, np.nan)


def _joined(arrays: Sequence[Array]) -> Array:
    return np.concatenate([np.ravel(a).astype(leaf_of(a).dtype).view(float) for a in arrays])


def cut(vector: Array, into: Sequence[Leaf]) -> list[Array]:
    """A vector as arrays, each with memory of its own."""
    ends = np.cumsum([leaf.size for leaf in into])[:-1]
    parts = zip(np.split(vector, ends), into, strict=True)
    return [part.copy().view(leaf.dtype).reshape(leaf.shape) for part, leaf in parts]


def joined(values: Sequence[Any]) -> Array:
    """Tensors of any shapes as one vector."""
    return _joined([array_of(value) for value in values])


def place_of(position: int, into: Sequence[Leaf]) -> tuple[int, str]:
    """Which of the arrays an element of the vector belongs to, and where in it: `[0, 2].imag`."""
    for number, leaf in enumerate(into):
        if position < leaf.size:
            place, part = divmod(position, 1 + leaf.complex)
            index = [int(i) for i in np.unravel_index(place, leaf.shape)]
            return number, (str(index) if index else "") + ("", f".{('real', 'imag')[part]}")[leaf.complex]
        position -= leaf.size
    raise IndexError(position)
