"""First values of parameters.

Each function takes a shape, and gives a new tensor; or a tensor, and fills it in place. Weights are
(out, in, …), where further axes are those of a kernel.

>>> from pullback.nn import Linear, Parameter, init
>>> layer = Linear(64, 10)
>>> init.he_normal(layer.weight, rng=0).shape
(10, 64)
>>> Parameter(init.zeros(3))
Parameter([0., 0., 0.], dtype=float32, requires_grad=True)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pullback.core.errors import ShapeError
from pullback.core.modes import no_grad
from pullback.functions import creation, random
from pullback.tensors import Tensor

Target = Tensor | int | Sequence[int]


def he_uniform(target: Target, *, rng: random.Rng = None, dtype: Any = np.float32) -> Tensor:
    """Uniform in ±√(6 / fan_in): keeps the variance through ReLU layers (He et al. 2015).

    `dtype` is that of a new tensor; one that is filled keeps its own. Raises ShapeError if there are fewer
    than two axes.

    >>> he_uniform((2, 3), rng=0).shape
    (2, 3)
    """
    return _uniform("he_uniform", target, lambda fan_in, _: 2 / fan_in, rng, dtype)


def he_normal(target: Target, *, rng: random.Rng = None, dtype: Any = np.float32) -> Tensor:
    """Normal with standard deviation √(2 / fan_in): keeps the variance through ReLU layers (He et al. 2015).

    >>> he_normal((2, 3), rng=0).dtype
    dtype('float32')
    """
    return _normal("he_normal", target, lambda fan_in, _: 2 / fan_in, rng, dtype)


def glorot_uniform(target: Target, *, rng: random.Rng = None, dtype: Any = np.float32) -> Tensor:
    """Uniform in ±√(6 / (fan_in + fan_out)): for tanh and sigmoid layers (Glorot & Bengio 2010).

    >>> bool((abs(glorot_uniform((3, 3), rng=0)) <= 1).all())
    True
    """
    return _uniform("glorot_uniform", target, lambda fan_in, fan_out: 2 / (fan_in + fan_out), rng, dtype)


def glorot_normal(target: Target, *, rng: random.Rng = None, dtype: Any = np.float32) -> Tensor:
    """Normal with standard deviation √(2 / (fan_in + fan_out)) (Glorot & Bengio 2010).

    >>> glorot_normal((4, 2, 3, 3), rng=0).shape
    (4, 2, 3, 3)
    """
    return _normal("glorot_normal", target, lambda fan_in, fan_out: 2 / (fan_in + fan_out), rng, dtype)


def zeros(target: Target, *, dtype: Any = np.float32) -> Tensor:
    """All 0.

    >>> zeros(2)
    Tensor([0., 0.], dtype=float32)
    """
    return _put(target, creation.zeros(_shape(target), _dtype(target, dtype)))


def ones(target: Target, *, dtype: Any = np.float32) -> Tensor:
    """All 1.

    >>> ones(2)
    Tensor([1., 1.], dtype=float32)
    """
    return _put(target, creation.ones(_shape(target), _dtype(target, dtype)))


Variance = Callable[[int, int], float]


def _uniform(name: str, target: Target, variance: Variance, rng: random.Rng, dtype: Any) -> Tensor:
    bound = math.sqrt(3 * variance(*_fans(name, target)))
    drawn = random.uniform(-bound, bound, _shape(target), rng=rng, dtype=_dtype(target, dtype))
    return _put(target, drawn)


def _normal(name: str, target: Target, variance: Variance, rng: random.Rng, dtype: Any) -> Tensor:
    deviation = math.sqrt(variance(*_fans(name, target)))
    drawn = random.normal(0.0, deviation, _shape(target), rng=rng, dtype=_dtype(target, dtype))
    return _put(target, drawn)


def _fans(name: str, target: Target) -> tuple[int, int]:
    """How many inputs an output is made of, and how many outputs an input goes into."""
    shape = _shape(target)
    if len(shape) < 2 or 0 in shape:
        raise ShapeError(
            f"{name}: weights have axes (out, in, ...)", got=shape, fix="zeros or ones, for biases and scales"
        )
    kernel = math.prod(shape[2:])
    return shape[1] * kernel, shape[0] * kernel


def _shape(target: Target) -> tuple[int, ...]:
    if isinstance(target, Tensor):
        return target.shape
    return tuple(target) if isinstance(target, Sequence) else (target,)


def _dtype(target: Target, dtype: Any) -> Any:
    return target.dtype if isinstance(target, Tensor) else dtype


def _put(target: Target, values: Tensor) -> Tensor:
    if not isinstance(target, Tensor):
        return values
    with no_grad():
        return target.assign(values)
