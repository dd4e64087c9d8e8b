"""The doors out of a tensor: its numbers as Python's, as bytes, and as arrays of other libraries."""

from __future__ import annotations

import sys
from typing import Any, Never

import numpy as np

from pullback.core.errors import DTypeError, GraphError, OptionError, ShapeError
from pullback.core.leaving import is_element_write, leave, look
from pullback.core.origin import user_line
from pullback.tensors.devices import to_device
from pullback.tensors.protocols import numbers_of


class Numbers:
    """How numbers leave. Abstract: `Tensor` is its subclass, and the `self` of each method."""

    __slots__ = ()

    def numpy(self: Any) -> np.ndarray[Any, Any]:
        """The numbers as a read-only view that is no part of the graph; copy it to write."""
        leave(self, "numpy()", "on_purpose")
        return numbers_of(self)

    def item(self: Any, *place: int) -> Any:
        """The one number, or the one at `place`, as Python's."""
        leave(self, "item()", "on_purpose")
        array = self.array
        if array.size != 1 and not place:
            raise ShapeError("item: the tensor does not hold exactly one number", shape=self.shape, fix="t.tolist()")
        return array.item(*place)

    def tolist(self: Any) -> Any:
        """The numbers as nested lists of Python's."""
        leave(self, "tolist()", "on_purpose")
        return self.array.tolist()

    def tobytes(self: Any, order: Any = "C") -> bytes:
        """The numbers as bytes."""
        leave(self, "tobytes()", "on_purpose")
        return np.asarray(self.array).tobytes(order)

    def tofile(self: Any, file: Any, sep: str = "", format: str = "%s") -> None:
        """Write the numbers to a file, as bytes or as text."""
        leave(self, "tofile()", "on_purpose")
        np.asarray(self.array).tofile(file, sep, format)

    def __array__(self: Any, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        leave(self, "np.asarray()", "array")
        if copy is False and dtype in (None, self.dtype):
            return numbers_of(self)
        if copy is False:
            raise ValueError(f"np.asarray: {self.dtype} does not become {dtype} without a copy")
        return np.array(self.array, dtype)

    def __array_namespace__(self: Any, *, api_version: str | None = None) -> Any:
        if api_version not in (None, "2021.12", "2022.12", "2023.12", "2024.12", "2025.12"):
            raise GraphError("__array_namespace__: unknown version of the Array API", got=api_version)
        return sys.modules["pullback"]

    def __dlpack__(
        self: Any, *, stream: Any = None, max_version: tuple[int, int] | None = None,
        dl_device: tuple[int, int] | None = None, copy: bool | None = None,
    ) -> Any:  # fmt: skip
        """A copy of the numbers for another library: who writes there must not change what a derivative needs."""
        leave(self, "DLPack", "array")
        if stream is not None:
            raise BufferError("DLPack: numbers on the CPU have no stream")
        if copy is False:
            raise BufferError("DLPack: a tensor gives a copy of its numbers; t.numpy() is a view, only to be read")
        return np.array(self.array).__dlpack__(max_version=max_version, dl_device=dl_device)

    def __dlpack_device__(self: Any) -> tuple[int, int]:
        return np.asarray(self.array).__dlpack_device__()

    def to_device(self: Any, device: str, /, *, stream: Any = None) -> Any:
        """The numbers on a device: "cpu", or a card, "cuda" (experimental); a tensor that is there is given as it is.

        Raises
        ------
        OptionError
            If there is no such device, as without CuPy or a card.
        GraphError
            If a derivative would have to pass.
        """
        if stream is not None:
            raise OptionError("to_device: there is no such stream", stream=stream, fix="leave it out")
        return to_device(self, device)

    def __bool__(self: Any) -> bool:
        look("bool()")
        return bool(self.array)

    def __int__(self: Any) -> int:
        return int(self._number("int()"))

    def __float__(self: Any) -> float:
        return float(self._number("float()"))

    def __complex__(self: Any) -> complex:
        return complex(self._number("complex()"))

    def _number(self: Any, how: str) -> Any:
        """The one number, for Python, which does not differentiate."""
        if self.size != 1:
            raise ShapeError(f"{how}: the tensor does not hold exactly one number", shape=self.shape)
        if self.node is not None and is_element_write():
            leave(self, "an element of an array", "array")
        else:
            leave(self, how, "number")
        return self.array.item()

    def __index__(self: Any) -> int:
        look("index()")
        try:
            return np.asarray(self.array).__index__()
        except TypeError:
            raise DTypeError(
                "index(): the tensor is not one integer", shape=self.shape, dtype=self.dtype, fix="int(t)"
            ) from None

    def as_integer_ratio(self: Any) -> Never:
        """None is given: Python's `statistics` asks for one, and would compute with it alone."""
        raise DTypeError(
            "as_integer_ratio(): exact ratios carry no derivative", shape=self.shape, line=user_line(),
            fix="pb.mean([x, y]), pb.median and pb.std in place of statistics'; float(t) is the number alone",
        )  # fmt: skip

    def __contains__(self: Any, value: Any) -> bool:
        look("in")
        return bool((self == value).array.any())
