"""Activations made of pieces: lines, and an exponential below 0. What they do at a kink stands in docs/kinks.md.

Each is a `where` of its pieces; what is not taken is computed at 0, so that no exponential overflows unseen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pullback.core.axes import ndim_of, shape_of
from pullback.core.errors import OptionError, ShapeError
from pullback.ops.elementwise import (
    add,
    clip,
    divide,
    expm1,
    greater,
    greater_equal,
    leaky_relu,
    less,
    less_equal,
    logical_and,
    multiply,
    stop_gradient,
    where,
)
from pullback.ops.movement import reshape

if TYPE_CHECKING:
    from pullback.tensors import Tensor

# The constants for which SELU keeps mean 0 and variance 1 (Klambauer et al. 2017, equation 14).
SELU_ALPHA: Final = 1.6732632423543772
SELU_SCALE: Final = 1.0507009873554805


def relu6(x: Any) -> Tensor:
    """min(max(x, 0), 6) (Howard et al. 2017); derivative 0 at 0 and at 6.

    >>> import pullback as pb
    >>> relu6(pb.tensor([-1.0, 3.0, 8.0]))
    Tensor([0., 3., 6.])
    """
    return _limited(x, 0, 6)


def hardtanh(x: Any, min_val: float = -1.0, max_val: float = 1.0) -> Tensor:
    """x limited to [min_val, max_val] (Collobert 2004); derivative 0 at the bounds.

    Raises OptionError if the bounds are not in order.

    >>> import pullback as pb
    >>> hardtanh(pb.tensor([-3.0, 0.5, 3.0]))
    Tensor([-1. ,  0.5,  1. ])
    """
    if not min_val < max_val:
        raise OptionError("hardtanh: the bounds are not in order", min_val=min_val, max_val=max_val)
    return _limited(x, min_val, max_val)


def hardsigmoid(x: Any) -> Tensor:
    """min(max(x + 3, 0), 6) / 6 (Courbariaux, Bengio & David 2015); derivative 0 at −3 and 3.

    >>> import pullback as pb
    >>> hardsigmoid(pb.tensor([-4.0, 0.0, 4.0]))
    Tensor([0. , 0.5, 1. ])
    """
    return divide(_limited(add(x, 3), 0, 6), 6)


def hardswish(x: Any) -> Tensor:
    """x·min(max(x + 3, 0), 6) / 6 (Howard et al. 2019); derivative 0 at −3, 1 at 3.

    >>> import pullback as pb
    >>> hardswish(pb.tensor([-4.0, 1.0, 4.0]))
    Tensor([0.        , 0.66666667, 4.        ])
    """
    inside = divide(multiply(x, add(x, 3)), 6)
    return where(less_equal(x, -3), 0, where(greater_equal(x, 3), x, inside))


def elu(x: Any, alpha: float = 1.0) -> Tensor:
    """x where x > 0, else α·(eˣ − 1) (Clevert, Unterthiner & Hochreiter 2015); derivative α at 0.

    >>> import pullback as pb
    >>> elu(pb.tensor([-1000.0, 0.0, 2.0]))
    Tensor([-1.,  0.,  2.])
    """
    below = expm1(where(greater(x, 0), 0, x))
    return where(greater(x, 0), x, below if alpha == 1 else multiply(below, alpha))


def selu(x: Any) -> Tensor:
    """λ·elu(x, α), with the λ and α that keep mean 0 and variance 1 (Klambauer et al. 2017).

    >>> import pullback as pb
    >>> selu(pb.tensor([0.0, 1.0]))
    Tensor([0.        , 1.05070099])
    """
    return multiply(elu(x, SELU_ALPHA), SELU_SCALE)


def celu(x: Any, alpha: float = 1.0) -> Tensor:
    """x where x > 0, else α·(e^(x / α) − 1) (Barron 2017); derivative 1 at 0.

    Raises OptionError if α is 0.

    >>> import pullback as pb
    >>> celu(pb.tensor([-1000.0, 0.0, 2.0]), 2.0)
    Tensor([-2.,  0.,  2.])
    """
    if alpha == 0:
        raise OptionError("celu: alpha is not 0", got=alpha)
    below = expm1(divide(where(greater(x, 0), 0, x), alpha))
    return where(greater(x, 0), x, multiply(below, alpha))


def prelu(x: Any, weight: Any) -> Tensor:
    """x where x > 0, else w·x, with a slope for all or for each channel, axis 1 (He et al. 2015).

    Raises ShapeError if there are not as many slopes as channels.

    >>> import pullback as pb
    >>> prelu(pb.tensor([-2.0, 3.0]), pb.tensor([0.1]))
    Tensor([-0.2,  3. ])
    """
    count, shape = shape_of(weight), shape_of(x)
    channels = shape[1] if len(shape) > 1 else 1
    if count not in ((), (1,), (channels,)):
        raise ShapeError("prelu: not a slope for each channel", expected=f"(N, {count[0]}, ...)", got=shape)
    if count == (1,) and not shape:
        weight = reshape(weight, ())  # the slope of a number
    elif count not in ((), (1,)):
        weight = reshape(weight, (channels, *(1,) * (ndim_of(x) - 2)))
    return leaky_relu(x, weight)


def _limited(x: Any, low: float, high: float) -> Any:
    """x limited to bounds, at which the derivative is 0: one side is flat, and a parameter that is there stays."""
    inside = logical_and(greater(x, low), less(x, high))
    return where(inside, x, clip(stop_gradient(x), low, high))
