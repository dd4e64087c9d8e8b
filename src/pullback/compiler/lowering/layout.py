"""What compiled code expects of an object: its dtype and how its elements lie in memory."""

from __future__ import annotations

from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np

from pullback.core.errors import DTypeError

Strides: TypeAlias = tuple[int, ...]  # in elements

KINDS: Final = "biufc"  # numbers; what else NumPy has is no matter of loops in native code


class Layout(NamedTuple):
    """The dtype, shape and strides that an object must have, exactly.

    Of a shape without axes, a NumPy number of the same type will do too. The stride of an axis with at most one element
    means nothing, nor do any strides of an array without elements, and so they are not compared.

    Parameters
    ----------
    dtype : np.dtype
        A dtype of numbers, in this machine's byte order.
    shape : tuple of int
        The size of each axis.
    strides : tuple of int
        Bytes from one element to the next, along each axis.
    writes : bool
        Whether native code writes to it: then it must be an array that may be written to.

    Examples
    --------
    >>> Layout.of(np.zeros((2, 3)).T)
    Layout(dtype=dtype('float64'), shape=(3, 2), strides=(8, 24), writes=False)
    >>> Layout.of(np.zeros((2, 3))).obstacle(np.zeros((3, 2)))
    'its shape is (3, 2), not (2, 3)'
    """

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    writes: bool = False

    @classmethod
    def of(cls, array: Any, *, writes: bool = False) -> Layout:
        """The layout of an array or NumPy number.

        Raises
        ------
        DTypeError
            If it does not hold numbers in this machine's byte order.
        """
        dtype = np.dtype(array.dtype)
        if dtype.kind not in KINDS or not dtype.isnative:
            raise DTypeError(
                "Layout: native code takes numbers in this machine's byte order", got=dtype, fix="x.astype(np.float32)"
            )
        return cls(dtype, array.shape, array.strides, writes)

    def laid_out(self, array: Any) -> Any:
        """An array with the same elements that lies so; itself if it does. No two elements may share their place.

        >>> Layout.of(np.zeros((2, 3)).T).laid_out(np.ones((3, 2))).strides
        (8, 24)
        """
        if self.obstacle(array) is None:
            return array
        reaches = [stride * max(0, size - 1) for size, stride in zip(self.shape, self.strides, strict=True)]
        before = -sum(reach for reach in reaches if reach < 0)
        after = sum(reach for reach in reaches if reach > 0)
        memory = np.empty(before + after + self.dtype.itemsize, np.uint8)
        made = np.ndarray(self.shape, self.dtype, memory, before, self.strides)
        made[...] = array
        return made

    @property
    def compared(self) -> list[bool]:
        """Of each axis, whether its stride matters."""
        return [size > 1 and 0 not in self.shape for size in self.shape]

    @property
    def number(self) -> type | None:
        """The type of NumPy's numbers that will do in place of an array."""
        return None if self.shape or self.writes else self.dtype.type

    def obstacle(self, value: Any) -> str | None:
        """Why an object does not fit; None if it does."""
        if type(value) is self.number:
            return None
        if type(value) is not np.ndarray:
            return f"it is a {type(value).__name__}, not an ndarray"
        if value.dtype.type is not self.dtype.type or not value.dtype.isnative:
            return f"its dtype is {value.dtype.str}, not {self.dtype.str}"  # of <f4 and >f4, the names are the same
        if value.shape != self.shape:
            return f"its shape is {value.shape}, not {self.shape}"
        compared = zip(value.strides, self.strides, self.compared, strict=True)
        if any(got != expected and matters for got, expected, matters in compared):
            return f"its strides are {value.strides}, not {self.strides}"
        if not value.flags.aligned:
            return "its elements are not aligned"
        return "it must not be written to" if self.writes and not value.flags.writeable else None


def strides_of(array: Any) -> Strides:
    """The strides of an array in elements; 0 along axes of one element, where they mean nothing."""
    size = array.dtype.itemsize
    return tuple(s // size if n > 1 else 0 for s, n in zip(array.strides, array.shape, strict=True))
