"""Mixed precision: what a model computes in half precision, with parameters in single."""

from __future__ import annotations

from typing import Any, final

import numpy as np

from pullback.core.axes import dtype_of
from pullback.core.errors import DTypeError
from pullback.core.tree import tree_map
from pullback.nn.calling import functional_call
from pullback.nn.module import Module
from pullback.ops.movement import astype


@final
class MixedPrecision(Module):
    """f₁₆(x), as single precision: parameters and inputs are rounded to half precision before the model is called.

    The parameters themselves stay in single precision, and so do their gradients, states and averages, so that small
    steps are not lost (Micikevicius et al. 2018). `optim.LossScaler` keeps small cotangents from vanishing inside. Sums
    within an operation are in single precision. It saves memory for what derivatives keep, not time: NumPy computes
    half precision by single.

    Parameters
    ----------
    model : Module
        What is called; its buffers keep their precision.
    dtype : dtype
        What it computes in: float16, or float32 for a model in double.

    Raises
    ------
    DTypeError
        If `dtype` is not floating-point.

    >>> import pullback as pb
    >>> model = MixedPrecision(pb.nn.Linear(2, 1, rng=0))
    >>> y = model(pb.ones((3, 2), np.float32))
    >>> y.dtype, bool((y == y.astype(np.float16)).all())
    (dtype('float32'), True)
    """

    def __init__(self, model: Module, dtype: Any = np.float16) -> None:
        self.dtype = np.dtype(dtype)
        if self.dtype.kind != "f":
            raise DTypeError("MixedPrecision: a model computes with floating-point numbers", got=self.dtype)
        self.model = model

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        params = {name: astype(p, self.dtype) for name, p in self.model.named_parameters()}
        wide = np.result_type(np.float32, *(p.dtype for p in self.model.parameters()))
        args, kwargs = (tree_map(lambda x: self._as(x, self.dtype), part) for part in (args, kwargs))
        return tree_map(lambda y: self._as(y, wide), functional_call(self.model, params, *args, **kwargs))

    def extra_repr(self) -> str:
        return str(self.dtype)

    @staticmethod
    def _as(value: Any, dtype: Any) -> Any:
        return astype(value, dtype) if hasattr(value, "dtype") and dtype_of(value).kind == "f" else value
