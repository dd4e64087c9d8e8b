"""Writing to tensors: in place means that the tensor gets another array, and where it is recorded another node.

So the graph stays right, and views of tensors do not alias. An array is written to only where nothing but its tensor
can see it, which its reference count says.
"""

from __future__ import annotations

from collections.abc import Iterator
from sys import getrefcount
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy import ndarray

from pullback.batching.lanes import Lanes
from pullback.core.changes import changed
from pullback.core.errors import DTypeError, GraphError, ShapeError
from pullback.core.links import link_of
from pullback.core.memory import owned, placed, placed_like
from pullback.core.modes import current_mode
from pullback.core.origin import user_line
from pullback.core.primitive import Primitive
from pullback.ops import indexing, movement, ordering, selecting
from pullback.tensors.devices import taken
from pullback.tensors.references import ALONE, PASSING, refuse_lost_write

if TYPE_CHECKING:
    from pullback.core.graph import Node
    from pullback.core.links import Link
    from pullback.tensors import Tensor


class Writing:
    """What changes a tensor in place. Abstract: `Tensor` is its subclass."""

    if TYPE_CHECKING:  # what Tensor adds
        __slots__ = ("array", "link", "node", "requires_grad")
        array: Any
        node: Node | None
        link: Link | None
        requires_grad: bool

        @property
        def shape(self) -> tuple[int, ...]: ...
        @property
        def dtype(self) -> np.dtype[Any]: ...
        @property
        def is_leaf(self) -> bool: ...
        @property
        def name(self) -> str | None: ...
    else:
        __slots__ = ()

    def become(self, result: Tensor) -> Self:
        """Take the value of `result`, in place: keep shape and dtype, and the graph right.

        Raises GraphError on a leaf that requires a gradient, outside `no_grad`.
        """
        if result.shape != self.shape:
            raise ShapeError("in place: the result has another shape", tensor=self.shape, result=result.shape)
        if result.dtype != self.dtype:
            if not np.can_cast(result.dtype, self.dtype, "same_kind"):
                raise DTypeError("in place: the result does not fit the dtype", tensor=self.dtype, result=result.dtype)
            result = movement.astype(result, self.dtype)
        self.link = link_of(result)
        mode = current_mode()
        is_leaf = self.node is not None and self.node.primitive is None
        if type(result.array) is Lanes and not (is_leaf and mode.recording):
            self.array, self.node = result.array, result.node
        elif mode.trace is not None:
            mode.trace.write(self, result)
        elif is_leaf:
            if mode.recording:
                raise GraphError(
                    "in place: a leaf that requires a gradient would lose its history", name=self.name,
                    line=user_line(), fix="with pb.no_grad(): ..., or compute a new tensor",
                )  # fmt: skip
            self.array = result.array
        else:
            if self.node is not result.node:
                changed()
            self.array = result.array
            self.node = result.node
        return self

    def update(self, operation: Primitive, ufunc: np.ufunc, other: Any) -> Self:
        """`self operation= other`; without a copy where nothing else can see the array."""
        array = self.array
        if getrefcount(array) <= ALONE and self._writable(array, other):
            value = other.array if isinstance(other, Primitive.tensor) else other
            plain = type(value) is ndarray or isinstance(value, (int, float, np.generic))  # runs no code of its own
            if plain and value is not array and getattr(value, "ndim", 0) <= array.ndim:
                try:
                    ufunc(array, value, out=array, casting="same_kind")
                except (TypeError, ValueError):
                    pass  # the general way says what is wrong
                else:
                    self.link = None
                    return self
        return self.become(operation(self, other))

    def owned(self) -> np.ndarray[Any, Any]:
        """The array, to be written to where nothing is recorded; if something else can see it, first a copy of it."""
        array = self.array
        if getrefcount(array) > ALONE or type(array) is not ndarray or not owned(array):
            array = self.array = placed(array)
        return array

    def _writable(self, array: Any, other: Any) -> bool:
        """Whether nothing would be recorded, and the array owns its memory."""
        mode = current_mode()
        if mode.trace is not None or not self.is_leaf or type(array) is not ndarray or not owned(array):
            return False
        if not mode.recording:
            return array.ndim > 0
        return array.ndim > 0 and self.node is None and getattr(other, "node", None) is None

    def assign(self, value: Any) -> Self:
        """Take other numbers, in place; `t[...] = value` without broadcasting."""
        tensor, tracing = Primitive.tensor, current_mode().trace is not None
        if tracing and isinstance(value, np.ndarray):
            value = movement.astype(movement.copy_(value), self.dtype)  # which a program does again
        if isinstance(value, tensor):
            if value.node is not None or tracing:
                return self.become(value)
            value = value.array
        numbers = taken(value, self.array)
        if numbers.shape == self.shape:
            laid_out = placed_like(self.array)  # in the memory order that the tensor has
            laid_out[...] = numbers
            numbers = laid_out
        return self.become(tensor(numbers))

    def __setitem__(self, index: Any, values: Any) -> None:
        if getrefcount(self) <= PASSING:
            refuse_lost_write(self)
        self.become(indexing.setitem(self, index, values))

    def sort(self: Any, axis: int = -1, kind: Any = None, order: Any = None, *, stable: bool | None = None) -> None:
        """Sort along an axis, in place; `pb.sort` gives another tensor."""
        self.become(ordering.sort(self, axis, kind, order, stable=stable))

    def partition(self: Any, kth: Any, axis: int = -1, kind: Any = "introselect", order: Any = None) -> None:
        """Put the kth element where sorting puts it, lesser ones before it and greater ones behind, in place."""
        self.become(ordering.partition(self, kth, axis, kind, order))

    def put(self: Any, indices: Any, values: Any, mode: str = "raise") -> None:
        """Set elements of the flat array, in place; the values are repeated as often as is needed."""
        self.become(selecting.with_flat(self, selecting.places_of(indices, self.size, mode), values))

    @property
    def flat(self) -> Flat:
        """The elements in order: to be read, walked over, and written to, one after the other."""
        return Flat(self)

    @flat.setter
    def flat(self: Any, values: Any) -> None:
        self.become(selecting.with_flat(self, np.arange(self.size), values))

    def fill(self, value: Any) -> None:
        """Set all elements to one number, in place."""
        self[...] = value

    def requires_grad_(self, flag: bool = True) -> Self:
        """Set `requires_grad` and give the tensor back."""
        self.requires_grad = flag
        return self


class Flat:
    """The flat array of a tensor: what is written to it is written to the tensor."""

    __slots__ = ("_tensor",)

    def __init__(self, tensor: Any) -> None:
        self._tensor = tensor

    def __len__(self) -> int:
        return int(self._tensor.size)

    def __iter__(self) -> Iterator[Tensor]:
        return iter(movement.ravel(self._tensor))

    def __getitem__(self, index: Any) -> Tensor:
        return movement.ravel(self._tensor)[index]

    def __setitem__(self, index: Any, values: Any) -> None:
        places = np.atleast_1d(np.arange(len(self))[index])
        self._tensor.become(selecting.with_flat(self._tensor, places, values))
