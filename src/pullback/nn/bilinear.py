"""The bilinear layer."""

from __future__ import annotations

from typing import Any, final

import numpy as np

from pullback.core.axes import shape_of
from pullback.core.errors import ShapeError
from pullback.core.lints import check_precision
from pullback.functions import random
from pullback.nn.drawn import Drawn
from pullback.nn.module import Module
from pullback.nn.sizes import positive, truths
from pullback.ops.contractions import einsum
from pullback.ops.elementwise import add


@final
class Bilinear(Module):
    """yₖ = aᵀ·Wₖ·b + biasₖ, over the last axes of a and b.

    Weight and bias begin uniform in ±1/√in1_features, as PyTorch's do.

    Parameters
    ----------
    in1_features, in2_features, out_features : int
        Lengths of the last axes of a, b and y.
    bias, rng, dtype
        As of `Linear`.

    Attributes
    ----------
    weight : Parameter, (out_features, in1_features, in2_features)
    bias : Parameter, (out_features,), or None

    >>> Bilinear(2, 3, 4, rng=0)(np.ones((5, 2), np.float32), np.ones((5, 3), np.float32)).shape
    (5, 4)
    """

    def __init__(
        self, in1_features: int, in2_features: int, out_features: int, bias: bool = True, *, rng: random.Rng = None,
        dtype: Any = np.float32,
    ) -> None:  # fmt: skip
        truths("Bilinear", bias=bias)
        self.in1_features = positive("Bilinear", "in1_features", in1_features)
        self.in2_features = positive("Bilinear", "in2_features", in2_features)
        self.out_features = positive("Bilinear", "out_features", out_features)
        draw = Drawn(in1_features, rng, dtype)
        self.weight = draw(out_features, in1_features, in2_features)
        self.bias = draw(out_features) if bias else None

    def forward(self, a: Any, b: Any) -> Any:
        one, two = shape_of(a), shape_of(b)
        if one[-1:] != (self.in1_features,) or two[-1:] != (self.in2_features,) or one[:-1] != two[:-1]:
            raise ShapeError(
                "Bilinear: the inputs do not fit", expected=f"(..., {self.in1_features}), (..., {self.in2_features})",
                got=[one, two],
            )  # fmt: skip
        check_precision("Bilinear", a, self.weight)
        y = einsum("...i,kij,...j->...k", a, self.weight, b)
        return y if self.bias is None else add(y, self.bias)

    def extra_repr(self) -> str:
        sizes = f"{self.in1_features}, {self.in2_features}, {self.out_features}"
        return sizes if self.bias is not None else f"{sizes}, bias=False"
