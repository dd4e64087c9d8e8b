"""Normalization: numbers brought to mean 0 and variance 1 over some axes, then scaled and shifted.

y = (x − mean(x)) / √(var(x) + ε) · weight + bias. The functions differ in the axes that mean and variance are over.

>>> import pullback as pb
>>> layer_norm(pb.tensor([[1.0, 3.0]]), 2, eps=0.0)
Tensor([[-1.,  1.]])
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from pullback.core.axes import ndim_of, several, shape_of
from pullback.core.errors import OptionError, ShapeError
from pullback.ops.elementwise import divide, multiply, sqrt, square, stop_gradient, subtract
from pullback.ops.movement import reshape
from pullback.ops.reductions import mean


def batch_norm(
    x: Any, running_mean: Any, running_var: Any, weight: Any = None, bias: Any = None, *, training: bool = False,
    eps: float = 1e-5,
) -> Any:  # fmt: skip
    """Normalize each channel, axis 1, over the batch and what follows (Ioffe & Szegedy 2015).

    In training by the mean and variance of the batch, else by the running ones, which this function does not change.

    >>> import pullback as pb
    >>> batch_norm(pb.tensor([[1.0], [3.0]]), None, None, training=True, eps=0.0)
    Tensor([[-1.],
            [ 1.]])
    """
    if training:
        return batch_norm_and_moments(x, weight, bias, eps)[0]
    shape, channels = _channels(x)
    centred = subtract(x, channelled(running_mean, channels, shape, "running_mean"))
    variance = channelled(running_var, channels, shape, "running_var")
    return _affine(_over_deviation(centred, variance, eps), weight, bias, shape)


def batch_norm_and_moments(x: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> tuple[Any, Any, Any]:
    """Normalize by the batch, and give the mean and the unbiased variance of each channel too.

    Raises ShapeError if a channel has one value only, which has no variance.

    >>> import pullback as pb
    >>> batch_norm_and_moments(pb.tensor([[1.0], [3.0]]), eps=0.0)[1:]
    (Tensor([2.]), Tensor([2.]))
    """
    shape, channels = _channels(x)
    count = math.prod(shape) // max(1, channels)
    if count < 2:
        raise ShapeError(
            "batch_norm: a channel has one value, which has no variance", got=shape,
            fix="a larger batch, or eval() to use the running statistics",
        )  # fmt: skip
    centred, variance, centre = _moments(x, (0, *range(2, len(shape))))
    y = _affine(_over_deviation(centred, variance, eps), weight, bias, shape)
    unbiased = multiply(reshape(stop_gradient(variance), (channels,)), count / (count - 1))
    return y, reshape(stop_gradient(centre), (channels,)), unbiased


def layer_norm(
    x: Any, normalized_shape: int | Sequence[int], weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Any:
    """Normalize over the last axes, which have the lengths `normalized_shape` (Ba, Kiros & Hinton 2016).

    Raises ShapeError if x ends otherwise.

    >>> import pullback as pb
    >>> layer_norm(pb.tensor([1.0, 3.0]), 2, pb.ones(2), pb.ones(2), eps=0.0)
    Tensor([0., 2.])
    """
    axes = last_axes("layer_norm", x, normalized_shape)
    centred, variance, _ = _moments(x, axes)
    return scaled(_over_deviation(centred, variance, eps), weight, bias)


def rms_norm(x: Any, normalized_shape: int | Sequence[int], weight: Any = None, eps: float | None = None) -> Any:
    """x / √(mean(x²) + ε) · weight over the last axes (Zhang & Sennrich 2019); ε is that of the dtype if not given.

    >>> import pullback as pb
    >>> rms_norm(pb.tensor([3.0, 4.0]), 2)
    Tensor([0.84852814, 1.13137085])
    """
    axes = last_axes("rms_norm", x, normalized_shape)
    dtype = getattr(x, "dtype", np.dtype(float))
    least = float(np.finfo(dtype if dtype.kind == "f" else float).eps) if eps is None else eps
    return scaled(_over_deviation(x, mean(square(x), axes, keepdims=True), least), weight, None)


def group_norm(x: Any, num_groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Any:
    """Normalize each group of channels, axis 1, of each sample (Wu & He 2018).

    Raises OptionError if the groups do not divide the channels.

    >>> import pullback as pb
    >>> group_norm(pb.tensor([[1.0, 3.0, 5.0, 9.0]]), 2, eps=0.0)
    Tensor([[-1.,  1., -1.,  1.]])
    """
    shape, channels = _channels(x)
    batch, _, *rest = shape
    if num_groups < 1 or channels % num_groups:
        raise OptionError("group_norm: groups do not divide the channels", groups=num_groups, channels=channels)
    grouped = reshape(x, (batch, num_groups, channels // num_groups, *rest))
    centred, variance, _ = _moments(grouped, tuple(range(2, len(rest) + 3)))
    normal = reshape(_over_deviation(centred, variance, eps), shape)
    return _affine(normal, weight, bias, shape)


def instance_norm(x: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Any:
    """Normalize each channel of each sample over what follows (Ulyanov, Vedaldi & Lempitsky 2016).

    Raises ShapeError if a channel has one value only.

    >>> import pullback as pb
    >>> instance_norm(pb.tensor([[[1.0, 3.0], [2.0, 8.0]]]), eps=0.0)
    Tensor([[[-1.,  1.],
             [-1.,  1.]]])
    """
    shape = shape_of(x)
    if len(shape) < 3 or math.prod(shape[2:]) < 2:
        raise ShapeError(
            "instance_norm: a channel has one value, or none, to normalize", expected="(N, C, ...)", got=shape
        )
    return group_norm(x, shape[1], weight, bias, eps)


def scaled(x: Any, weight: Any, bias: Any) -> Any:
    """x · weight + bias, of what is given."""
    x = x if weight is None else multiply(x, weight)
    return x if bias is None else x + bias


def channelled(values: Any, channels: int, shape: tuple[int, ...], name: str) -> Any:
    """A number for each channel, so shaped that it lies along axis 1."""
    if values is None:
        return None
    if shape_of(values) != (channels,):
        raise ShapeError(
            f"the input has other channels than {name}", expected=f"(N, {math.prod(shape_of(values))}, ...)", got=shape
        )
    return reshape(values, (channels, *(1,) * (len(shape) - 2)))


def last_axes(name: str, x: Any, lengths: int | Sequence[int]) -> tuple[int, ...]:
    """The last axes of x, which have these lengths."""
    wanted = several(lengths)
    shape = shape_of(x)
    if not wanted or shape[-len(wanted) :] != wanted:
        expected = "(..., " + ", ".join(map(str, wanted)) + ")"
        raise ShapeError(f"{name}: the input ends in other lengths", expected=expected, got=shape)
    return tuple(range(ndim_of(x) - len(wanted), ndim_of(x)))


def _channels(x: Any) -> tuple[tuple[int, ...], int]:
    """The shape of an input with channels, and how many these are."""
    shape = shape_of(x)
    if len(shape) < 2:
        raise ShapeError("the input has no channels", expected="(N, C, ...)", got=shape)
    return shape, shape[1]


def _affine(x: Any, weight: Any, bias: Any, shape: tuple[int, ...]) -> Any:
    """x · weight + bias, along the channels."""
    pairs = ((weight, "weight"), (bias, "bias"))
    return scaled(x, *(channelled(values, shape[1], shape, name) for values, name in pairs))


def _moments(x: Any, axes: tuple[int, ...]) -> tuple[Any, Any, Any]:
    """x without its mean, the mean of the squares of that, and the mean."""
    centre = mean(x, axes, keepdims=True)
    centred = subtract(x, centre)
    return centred, mean(square(centred), axes, keepdims=True), centre


def _over_deviation(centred: Any, variance: Any, eps: float) -> Any:
    return divide(centred, sqrt(variance + eps))
