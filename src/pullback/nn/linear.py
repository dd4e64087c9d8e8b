"""The affine layer."""

from __future__ import annotations

import math
from typing import Any, final

import numpy as np

from pullback.core.axes import shape_of
from pullback.core.errors import ShapeError
from pullback.core.lints import check_precision
from pullback.functions import random
from pullback.nn.module import Module
from pullback.nn.parameter import Parameter
from pullback.nn.sizes import positive, truths
from pullback.ops.contractions import linear


@final
class Linear(Module):
    """y = x · weightᵀ + bias, over the last axis.

    Weight and bias begin uniform in ±1/√in_features, as PyTorch's do; `init` has the other ways.

    Parameters
    ----------
    in_features, out_features : int
        Lengths of the last axis of the input and of the output.
    bias : bool
        Whether there is a bias.
    rng : None, int or numpy.random.Generator
        What the parameters are drawn from.
    dtype : dtype
        Of the parameters.

    Attributes
    ----------
    weight : Parameter, (out_features, in_features)
    bias : Parameter, (out_features,), or None

    Raises
    ------
    OptionError
        If a number of features is not 1 or more.
    ShapeError
        When called, if the last axis of the input is not `in_features` long.

    >>> layer = Linear(3, 2, rng=0)
    >>> layer(np.ones((5, 3), np.float32)).shape
    (5, 2)
    """

    def __init__(
        self, in_features: int, out_features: int, bias: bool = True, *, rng: random.Rng = None,
        dtype: Any = np.float32,
    ) -> None:  # fmt: skip
        truths("Linear", bias=bias)
        self.in_features = positive("Linear", "in_features", in_features)
        self.out_features = positive("Linear", "out_features", out_features)
        generator = random.generator(rng)
        bound = 1 / math.sqrt(in_features)

        def drawn(*shape: int) -> Parameter:
            numbers = random.uniform(-bound, bound, shape, rng=generator, dtype=dtype).numpy()
            # By columns in memory, products with the transpose and their gradients take the shorter way through BLAS.
            return Parameter(np.asfortranarray(numbers))

        self.weight = drawn(out_features, in_features)
        self.bias = drawn(out_features) if bias else None

    def forward(self, x: Any) -> Any:
        weight = self.weight
        try:
            y = linear(x, weight, self.bias)
        except ShapeError:
            if shape_of(x)[-1:] == weight.shape[1:]:
                raise  # it is the bias that does not fit
            raise self._complaint(shape_of(x)) from None
        if y.array.dtype is not weight.array.dtype:
            check_precision("Linear", x, weight)
        return y

    def _complaint(self, shape: tuple[int, ...]) -> ShapeError:
        fix = f"give an input of shape (..., {self.in_features})"
        if len(shape) > 2 and math.prod(shape[1:]) == self.in_features:
            fix = "put Flatten() before the layer"
        return ShapeError(
            "Linear: the last axis of the input has another length", input=shape, weight=self.weight.shape, fix=fix,
        )  # fmt: skip

    def extra_repr(self) -> str:
        parts = [f"{self.in_features}, {self.out_features}"]
        parts += ["bias=False"] if self.bias is None else []
        parts += [f"dtype={self.weight.dtype}"] if self.weight.dtype != np.float32 else []
        return ", ".join(parts)
