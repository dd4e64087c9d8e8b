"""Parameters: the tensors that a module learns."""

from __future__ import annotations

from typing import Any, final

import numpy as np

from pullback.core.leaving import require_kept
from pullback.core.memory import placed
from pullback.tensors import Tensor


@final
class Parameter(Tensor):
    """A leaf tensor that a module learns.

    The one subclass of `Tensor`, because a module has to know which of the tensors that it holds it shall
    learn, and "it requires a gradient" does not say so: a frozen parameter requires none, and a batch that is
    kept for a picture may require one. Operations on a parameter give plain tensors.

    Parameters
    ----------
    data : array-like
        Floating-point; copied.
    dtype : dtype, optional
        Type of the elements, else that of the data.
    requires_grad : bool
        False freezes it: it stays in the module and in its state, and does not learn.
    name : str, optional
        Else the module names it after its attribute, as in "layers.0.weight".

    Raises
    ------
    DTypeError
        If the data are integers.
    GraphError
        If a transform differentiates in what the data were computed from.

    >>> Parameter([0.5, -1.0])
    Parameter([ 0.5, -1. ], requires_grad=True)
    """

    __slots__ = ()

    def __init__(self, data: Any, dtype: Any = None, *, requires_grad: bool = True, name: str | None = None) -> None:
        require_kept("Parameter", [data], "pb.nn.functional_call runs a module on tensors in place of its parameters")
        super().__init__(placed(np.asarray(getattr(data, "array", data), dtype)))
        self.name = name
        self.requires_grad = requires_grad

    def __repr__(self) -> str:
        # The rows below the first move with the longer name.
        return super().__repr__().replace("Tensor(", "Parameter(", 1).replace("\n", "\n   ")
