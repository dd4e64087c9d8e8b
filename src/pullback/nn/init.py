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

from pullback.core.errors import OptionError, ShapeError
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


def lecun_uniform(target: Target, *, rng: random.Rng = None, dtype: Any = np.float32) -> Tensor:
    """Uniform in ±√(3 / fan_in): keeps the variance through linear layers, and SELU (LeCun et al. 1998).

    >>> lecun_uniform((2, 3), rng=0).shape
    (2, 3)
    """
    return _uniform("lecun_uniform", target, lambda fan_in, _: 1 / fan_in, rng, dtype)


def lecun_normal(target: Target, *, rng: random.Rng = None, dtype: Any = np.float32) -> Tensor:
    """Normal with standard deviation √(1 / fan_in) (LeCun et al. 1998).

    >>> lecun_normal((2, 3), rng=0).shape
    (2, 3)
    """
    return _normal("lecun_normal", target, lambda fan_in, _: 1 / fan_in, rng, dtype)


def orthogonal(target: Target, *, gain: float = 1.0, rng: random.Rng = None, dtype: Any = np.float32) -> Tensor:
    """Rows, or columns where there are fewer, orthogonal and of length `gain` (Saxe, McClelland & Ganguli 2013).

    Further axes count as columns.

    >>> w = orthogonal((2, 3), rng=0).numpy()
    >>> np.allclose(w @ w.T, np.eye(2), atol=1e-6)
    True
    """
    shape = _shape(target)
    _fans("orthogonal", target)
    rows, columns = shape[0], math.prod(shape[1:])
    drawn = random.normal(size=(max(rows, columns), min(rows, columns)), rng=rng).numpy()
    q, r = np.linalg.qr(drawn)
    q = q * np.sign(np.diagonal(r))  # so that all orthogonal matrices are equally likely (Mezzadri 2007)
    found = (q if rows >= columns else q.T).reshape(shape) * gain
    return _put(target, Tensor(found.astype(_dtype(target, dtype))))


def truncated_normal(
    target: Target, mean: float = 0.0, std: float = 1.0, low: float = -2.0, high: float = 2.0, *,
    rng: random.Rng = None, dtype: Any = np.float32,
) -> Tensor:  # fmt: skip
    """Normal numbers of a mean and a deviation, drawn again where they are outside [low, high].

    Raises OptionError if hardly any number would be inside.

    >>> bool((abs(truncated_normal((3, 3), rng=0)) <= 2).all())
    True
    """
    generator = random.generator(rng)
    shape = _shape(target)
    if not (low < high and std > 0 and mean - 6 * std < high and low < mean + 6 * std):
        raise OptionError("truncated_normal: no number would be inside", mean=mean, std=std, low=low, high=high)
    drawn = random.normal(mean, std, shape, rng=generator).numpy().copy()
    while (outside := (drawn < low) | (drawn > high)).any():
        drawn[outside] = random.normal(mean, std, int(outside.sum()), rng=generator).numpy()
    return _put(target, Tensor(np.asarray(drawn, _dtype(target, dtype))))


def sparse(
    target: Target, sparsity: float, std: float = 0.01, *, rng: random.Rng = None, dtype: Any = np.float32
) -> Tensor:
    """Normal numbers, of which in each column a part `sparsity` is 0 (Martens 2010).

    Raises OptionError if `sparsity` is no part, and ShapeError if the target is no matrix.

    >>> (sparse((4, 3), 0.5, rng=0).numpy() == 0).sum(axis=0).tolist()
    [2, 2, 2]
    """
    shape = _shape(target)
    if not 0 <= sparsity <= 1:
        raise OptionError("sparse: not a part", got=sparsity, fix="a number in [0, 1]")
    if len(shape) != 2:
        raise ShapeError("sparse: weights have axes (out, in)", got=shape)
    generator = random.generator(rng)
    drawn = random.normal(0.0, std, shape, rng=generator).numpy().copy()
    order = np.argsort(random.uniform(size=shape, rng=generator).numpy(), axis=0)
    drawn[order < math.ceil(sparsity * shape[0])] = 0
    return _put(target, Tensor(drawn.astype(_dtype(target, dtype))))


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
