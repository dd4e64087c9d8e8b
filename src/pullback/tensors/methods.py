"""What a tensor can do: Python's operators and NumPy's methods, each one call of a function.

Abstract: `Tensor` is its subclass, and adds what it is. It is no `ABC`, whose `isinstance` takes ten times as long.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from pullback.core.errors import DTypeError
from pullback.ops import complex_parts, contractions, cumulative, indexing, movement, ordering, reductions, selecting
from pullback.ops import elementwise as ew

if TYPE_CHECKING:
    from pullback.core.primitive import Primitive
    from pullback.tensors import Tensor


def _compared(comparison: Primitive, numpys: Callable[[Any, Any], Any], tensor: Any, other: Any) -> Tensor:
    """Compare with anything, as NumPy does: with text and objects too, which no operation takes."""
    try:
        return comparison(tensor, other)
    except DTypeError:
        return tensor.of(np.asarray(numpys(tensor.array, other)))


class Methods:
    """Operators and methods of an array; each does what NumPy's does, and is differentiable."""

    __slots__ = ()

    if TYPE_CHECKING:

        @property
        def shape(self) -> tuple[int, ...]: ...
        @property
        def ndim(self) -> int: ...
        def numpy(self) -> np.ndarray[Any, Any]: ...
        def become(self, result: Tensor) -> Self: ...
        def update(self, operation: Primitive, ufunc: np.ufunc, other: Any) -> Self: ...

    # Operators.

    def __add__(self, other: Any) -> Tensor:
        return ew.add(self, other)

    def __radd__(self, other: Any) -> Tensor:
        return ew.add(other, self)

    def __iadd__(self, other: Any) -> Self:
        return self.update(ew.add, np.add, other)

    def __sub__(self, other: Any) -> Tensor:
        return ew.subtract(self, other)

    def __rsub__(self, other: Any) -> Tensor:
        return ew.subtract(other, self)

    def __isub__(self, other: Any) -> Self:
        return self.update(ew.subtract, np.subtract, other)

    def __mul__(self, other: Any) -> Tensor:
        return ew.multiply(self, other)

    def __rmul__(self, other: Any) -> Tensor:
        return ew.multiply(other, self)

    def __imul__(self, other: Any) -> Self:
        return self.update(ew.multiply, np.multiply, other)

    def __truediv__(self, other: Any) -> Tensor:
        return ew.divide(self, other)

    def __rtruediv__(self, other: Any) -> Tensor:
        return ew.divide(other, self)

    def __itruediv__(self, other: Any) -> Self:
        return self.update(ew.divide, np.divide, other)

    def __floordiv__(self, other: Any) -> Tensor:
        return ew.floor_divide(self, other)

    def __rfloordiv__(self, other: Any) -> Tensor:
        return ew.floor_divide(other, self)

    def __ifloordiv__(self, other: Any) -> Self:
        return self.become(ew.floor_divide(self, other))

    def __mod__(self, other: Any) -> Tensor:
        return ew.mod(self, other)

    def __rmod__(self, other: Any) -> Tensor:
        return ew.mod(other, self)

    def __imod__(self, other: Any) -> Self:
        return self.become(ew.mod(self, other))

    def __pow__(self, other: Any) -> Tensor:
        return ew.power(self, other)

    def __rpow__(self, other: Any) -> Tensor:
        return ew.power(other, self)

    def __ipow__(self, other: Any) -> Self:
        return self.become(ew.power(self, other))

    def __matmul__(self, other: Any) -> Tensor:
        return contractions.matmul(self, other)

    def __rmatmul__(self, other: Any) -> Tensor:
        return contractions.matmul(other, self)

    def __imatmul__(self, other: Any) -> Self:
        return self.become(contractions.matmul(self, other))

    def __and__(self, other: Any) -> Tensor:
        return ew.bitwise_and(self, other)

    def __rand__(self, other: Any) -> Tensor:
        return ew.bitwise_and(other, self)

    def __iand__(self, other: Any) -> Self:
        return self.become(ew.bitwise_and(self, other))

    def __or__(self, other: Any) -> Tensor:
        return ew.bitwise_or(self, other)

    def __ror__(self, other: Any) -> Tensor:
        return ew.bitwise_or(other, self)

    def __ior__(self, other: Any) -> Self:
        return self.become(ew.bitwise_or(self, other))

    def __xor__(self, other: Any) -> Tensor:
        return ew.bitwise_xor(self, other)

    def __rxor__(self, other: Any) -> Tensor:
        return ew.bitwise_xor(other, self)

    def __ixor__(self, other: Any) -> Self:
        return self.become(ew.bitwise_xor(self, other))

    def __lshift__(self, other: Any) -> Tensor:
        return ew.left_shift(self, other)

    def __rlshift__(self, other: Any) -> Tensor:
        return ew.left_shift(other, self)

    def __ilshift__(self, other: Any) -> Self:
        return self.become(ew.left_shift(self, other))

    def __rshift__(self, other: Any) -> Tensor:
        return ew.right_shift(self, other)

    def __rrshift__(self, other: Any) -> Tensor:
        return ew.right_shift(other, self)

    def __irshift__(self, other: Any) -> Self:
        return self.become(ew.right_shift(self, other))

    def __divmod__(self, other: Any) -> tuple[Tensor, Tensor]:
        return ew.floor_divide(self, other), ew.mod(self, other)

    def __rdivmod__(self, other: Any) -> tuple[Tensor, Tensor]:
        return ew.floor_divide(other, self), ew.mod(other, self)

    def __neg__(self) -> Tensor:
        return ew.negative(self)

    def __pos__(self) -> Tensor:
        return ew.positive(self)

    def __abs__(self) -> Tensor:
        return ew.absolute(self)

    def __invert__(self) -> Tensor:
        return ew.invert(self)

    def __round__(self, digits: int | None = None) -> Tensor:
        return ew.round(self, digits or 0)

    def __lt__(self, other: Any) -> Tensor:
        return ew.less(self, other)

    def __le__(self, other: Any) -> Tensor:
        return ew.less_equal(self, other)

    def __gt__(self, other: Any) -> Tensor:
        return ew.greater(self, other)

    def __ge__(self, other: Any) -> Tensor:
        return ew.greater_equal(self, other)

    def __eq__(self, other: object) -> Tensor:  # type: ignore[override]  # elementwise, as NumPy
        return _compared(ew.equal, operator.eq, self, other)

    def __ne__(self, other: object) -> Tensor:  # type: ignore[override]  # elementwise, as NumPy
        return _compared(ew.not_equal, operator.ne, self, other)

    def __hash__(self) -> int:
        return id(self)

    def __len__(self) -> int:
        if self.ndim == 0:
            raise TypeError("len() of a 0-d tensor")
        return self.shape[0]

    def __iter__(self) -> Iterator[Tensor]:
        if self.ndim == 0:
            raise TypeError("iteration over a 0-d tensor")
        return (self[i] for i in range(self.shape[0]))

    def __getitem__(self, index: Any) -> Tensor:
        return indexing.getitem(self, index)

    # Methods.

    sum = reductions.sum
    prod = reductions.prod
    mean = reductions.mean
    var = reductions.var
    std = reductions.std
    max = reductions.max
    min = reductions.min
    logsumexp = reductions.logsumexp
    norm = reductions.norm
    any = reductions.any
    all = reductions.all
    argmax = reductions.argmax
    argmin = reductions.argmin
    cumsum = reductions.cumsum
    cumprod = cumulative.cumprod
    argsort = ordering.argsort
    argpartition = ordering.argpartition
    searchsorted = ordering.searchsorted
    nonzero = ordering.nonzero
    ravel = movement.ravel
    flatten = movement.ravel
    swapaxes = movement.swapaxes
    squeeze = movement.squeeze
    repeat = indexing.repeat
    astype = movement.astype
    take = indexing.take
    diagonal = indexing.diagonal
    dot = contractions.dot
    trace = contractions.trace
    clip = ew.clip
    conj = complex_parts.conj
    conjugate = complex_parts.conj
    round = ew.round

    def reshape(self, *shape: Any, order: str = "C", copy: bool | None = None) -> Tensor:
        """The elements, in order, in another shape; one length may be -1."""
        return movement.reshape(self, shape[0] if len(shape) == 1 else shape, order, copy=copy)

    def choose(self, choices: Any, out: Any = None, mode: str = "raise") -> Any:
        """At each place the element of that one of `choices` whose number stands there."""
        return np.choose(self, choices, out, mode)  # type: ignore[call-overload]  # NumPy knows of no tensors

    def compress(self, condition: Any, axis: int | None = None) -> Tensor:
        """The elements, or slices along an axis, whose condition holds."""
        return selecting.compress(condition, self, axis)

    def transpose(self, *axes: Any) -> Tensor:
        """The axes in another order, reversed if none is given."""
        order: Sequence[int] | None = axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes
        return movement.permute_dims(self, order or None)

    @property
    def real(self) -> Tensor:
        """The real part; a real number is its own."""
        return complex_parts.real(self)

    @property
    def imag(self) -> Tensor:
        """The imaginary part; of a real number 0."""
        return complex_parts.imag(self)

    @property
    def T(self) -> Tensor:
        """The axes reversed."""
        return movement.permute_dims(self)

    @property
    def mT(self) -> Tensor:
        """The last two axes exchanged."""
        return movement.matrix_transpose(self)

    def exp(self) -> Tensor:
        """eˣ."""
        return ew.exp(self)

    def log(self) -> Tensor:
        """The natural logarithm."""
        return ew.log(self)

    def sqrt(self) -> Tensor:
        """√x."""
        return ew.sqrt(self)

    def tanh(self) -> Tensor:
        """Hyperbolic tangent."""
        return ew.tanh(self)

    def sigmoid(self) -> Tensor:
        """1 / (1 + e⁻ˣ)."""
        return ew.sigmoid(self)

    def relu(self) -> Tensor:
        """max(x, 0)."""
        return ew.relu(self)

    def copy(self, order: str = "C") -> Tensor:
        """The same numbers in an array of their own; the derivative passes."""
        return movement.copy_(self)
