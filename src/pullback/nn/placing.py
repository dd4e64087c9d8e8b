"""In which dtype, and on which device, the tensors of a module are."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Self

import numpy as np

from pullback.core.errors import DTypeError
from pullback.core.memory import placed
from pullback.tensors import Tensor
from pullback.tensors.devices import device_of, moved


class Placed(ABC):
    """What changes all tensors of a module alike. Abstract: `Module` is its subclass."""

    @abstractmethod
    def _state(self) -> dict[str, Tensor]:
        """The parameters and buffers, by name."""

    def astype(self, dtype: Any) -> Self:
        """Change the floating-point dtype of all parameters and buffers, in place; gradients are forgotten.

        Do it before making an optimizer, whose state has the dtype of its parameters.

        Raises DTypeError if `dtype` is not floating-point.
        """
        wanted = np.dtype(dtype)
        if wanted.kind != "f":
            raise DTypeError(f"{type(self).__name__}.astype: a module holds floating-point numbers", got=wanted)
        for tensor in set(self._state().values()):
            if tensor.dtype.kind == "f":
                _renew(tensor, placed(tensor.array.astype(wanted)) if tensor.dtype != wanted else tensor.array)
        return self

    def to(self, device: str) -> Self:
        """Move parameters and buffers to a device, "cpu" or "cuda" (experimental), in place; gradients are forgotten.

        Do it before making an optimizer. Raises OptionError if there is no such device.
        """
        place = device_of(device, f"{type(self).__name__}.to")
        for tensor in set(self._state().values()):
            _renew(tensor, moved(tensor.array, place))
        return self


def _renew(tensor: Tensor, array: Any) -> None:
    """Let a tensor hold another array; what is learned is a source of its own then."""
    flag, tensor.requires_grad = tensor.requires_grad, False
    tensor.array = array
    tensor.requires_grad = flag
