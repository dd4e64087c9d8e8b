"""Derivatives f′(z) of holomorphic functions, and the question whether there are any.

A derivative that is linear over the real numbers is t ↦ a·t + b·t̄. The function is holomorphic, and a is f′, where b is
0 (the equations of Cauchy and Riemann: L. Ahlfors, *Complex Analysis*, 1979, chapter 2).
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from pullback.batching.rules import in_front
from pullback.core.axes import dtype_of
from pullback.core.complex import conjugate, is_complex
from pullback.core.errors import DTypeError, GraphError
from pullback.core.kinds import LinearMap
from pullback.core.tree import leaves, rebuild
from pullback.transforms.recording import Recording

_FORGIVEN: Final = 0.5  # the power of the precision that b may be of a: half of the digits
_ROUNDED: Final = 16  # units in the last place of f(z) / z that b may be off where a is 0


def _checked(whole: Any, b: Any, value: Any, z: Any) -> Any:
    """The whole a + b, once b is found to be 0 beside it."""
    eps = float(np.finfo(whole.dtype).eps)
    usual = np.abs(value).max(initial=0) / max(1.0, np.abs(z).max(initial=0))
    limit = eps**_FORGIVEN * np.abs(whole).max(initial=0) + _ROUNDED * eps * usual
    if (np.abs(b) > limit).any():
        raise GraphError(
            "holomorphic: f′(z) does not exist, for the derivative is a·t + b·t̄ and b is not 0",
            a=np.abs(whole - b).max(initial=0), b=np.abs(b).max(initial=0),
            fix="leave out the conjugates, absolute values and parts; or pb.grad of a real number, pb.vjp, pb.jvp",
        )  # fmt: skip
    return np.array(whole)


holomorphic_ = LinearMap(
    "holomorphic", _checked, lambda ct, *_: ct, None, None, None, batching=in_front(),
    doc="The derivative a + b, once it is found that b is 0.",
)  # fmt: skip


def require_complex(run: Recording) -> None:
    """Refuse to look for f′ of a function that takes or gives real numbers."""
    for what, values in (("argument", run.tensors), ("value", leaves(run.outputs))):
        for value in values:
            if not is_complex(value):
                raise DTypeError(
                    f"{run.name}: a holomorphic function takes and gives complex numbers", which=what,
                    got=dtype_of(value), fix="z.astype(complex), or leave out holomorphic=True",
                )  # fmt: skip


def derivative(run: Recording) -> list[Any]:
    """f′ of a function that gave one number, in the structure of its arguments: the conjugate of Jᴴ·1, beside Jᴴ·i."""
    require_complex(run)
    one = np.ones(run.outputs.shape, run.outputs.dtype)
    along, across = run.pull(one, retain=True), run.pull(1j * one, retain=True)
    found = [
        alone(conjugate(g), conjugate((g + 1j * h) / 2), run.outputs, x)
        for g, h, x in zip(leaves(along), leaves(across), run.tensors, strict=True)
    ]
    return rebuild(run.arguments, found)


def alone(whole: Any, b: Any, value: Any, z: Any) -> Any:
    """The whole a + b as the derivative of the value by z, or GraphError where b is not 0."""
    return holomorphic_(whole, b, value.detach(), z.detach())
