"""Normalization layers. Weights begin at 1 and biases at 0, so that a layer begins by normalizing alone."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, final

import numpy as np

from pullback.core.axes import ndim_of, shape_of
from pullback.core.errors import OptionError, ShapeError
from pullback.core.modes import no_grad
from pullback.core.numbers import checked_number
from pullback.functions import normalization
from pullback.functions.creation import asarray
from pullback.nn.module import Module
from pullback.nn.parameter import Parameter
from pullback.nn.sizes import positive, truths
from pullback.ops.elementwise import add, divide, multiply
from pullback.ops.movement import astype, expand_dims
from pullback.tensors import Tensor


class _Normalization(Module, ABC):
    """What the layers share: ε, and a weight and a bias of a shape, or neither."""

    eps: Any  # a number; of RMSNorm it may be None

    def _scales(self, shape: tuple[int, ...], eps: float, affine: bool, *, bias: bool, dtype: Any) -> None:
        name = type(self).__name__
        truths(name, affine=affine, bias=bias)
        self.eps = checked_number(name, "eps", eps, 0)
        self.weight = Parameter(np.ones(shape, dtype)) if affine else None
        self.bias = Parameter(np.zeros(shape, dtype)) if affine and bias else None

    def _text(self, *sizes: Any, **options: tuple[Any, Any]) -> str:
        said = [f"{name}={value}" for name, (value, usual) in options.items() if value != usual]
        return ", ".join([*map(str, sizes), *said])


class _Running(_Normalization, ABC):
    """What has running statistics of channels; a row states which inputs it takes, and whether they are the usual."""

    ranks: ClassVar[dict[int, str]]
    usual: ClassVar[bool] = True  # whether there are scales and statistics if nothing is said
    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor

    def __init__(
        self, num_features: int, eps: float = 1e-5, momentum: float | None = 0.1, affine: bool | None = None,
        track_running_stats: bool | None = None, *, bias: bool = True, dtype: Any = np.float32,
    ) -> None:  # fmt: skip
        name = type(self).__name__
        affine = self.usual if affine is None else affine
        track_running_stats = self.usual if track_running_stats is None else track_running_stats
        truths(name, track_running_stats=track_running_stats)
        self.num_features = positive(name, "num_features", num_features)
        self.momentum = None if momentum is None else checked_number(name, "momentum", momentum, 0, 1)
        self.track_running_stats = track_running_stats
        self._scales((num_features,), eps, affine, bias=bias, dtype=dtype)
        if track_running_stats:
            self.register_buffer("running_mean", np.zeros(num_features, dtype))
            self.register_buffer("running_var", np.ones(num_features, dtype))
            self.register_buffer("num_batches_tracked", np.zeros((), np.int64))

    def forward(self, x: Any) -> Any:
        shape = shape_of(x)
        if len(shape) not in self.ranks or shape[1] != self.num_features:
            expected = " or ".join(self.ranks.values()).replace("C", str(self.num_features))
            raise ShapeError(f"{type(self).__name__}: the input has other axes", expected=expected, got=shape)
        if not self.training and self.track_running_stats:
            mean, var = self.running_mean, self.running_var
            return normalization.batch_norm(x, mean, var, self.weight, self.bias, eps=self.eps)
        return self._of_batch(x)

    @abstractmethod
    def _of_batch(self, x: Any) -> Any:
        """Normalize by the statistics of x, and let the running ones follow them in training."""

    def _follow(self, mean: Any, variance: Any) -> None:
        """Move the running statistics towards those of the batch."""
        self.num_batches_tracked.assign(add(self.num_batches_tracked, 1))
        share: Any = self.momentum
        if share is None:  # the mean over all batches
            share = divide(1.0, astype(self.num_batches_tracked, self.running_mean.dtype))
        for running, new in ((self.running_mean, mean), (self.running_var, variance)):
            running.assign(add(multiply(running, 1 - share), multiply(astype(new, running.dtype), share)))

    def extra_repr(self) -> str:
        return self._text(
            self.num_features, eps=(self.eps, 1e-5), momentum=(self.momentum, 0.1),
            affine=(self.weight is not None, self.usual), track_running_stats=(self.track_running_stats, self.usual),
            bias=(self.weight is None or self.bias is not None, True),
        )  # fmt: skip


class _BatchNorm(_Running, ABC):
    """What normalizes by all samples of a batch."""

    def _of_batch(self, x: Any) -> Any:
        y, *moments = normalization.batch_norm_and_moments(x, self.weight, self.bias, self.eps)
        if self.training and self.track_running_stats:
            with no_grad():
                self._follow(*moments)
        return y


@final
class BatchNorm1d(_BatchNorm):
    """Normalize each feature over the batch, (N, C) or (N, C, L): see `BatchNorm2d`.

    >>> BatchNorm1d(2, eps=0.0)(np.array([[1.0, 5.0], [3.0, 9.0]], np.float32)).tolist()
    [[-1.0, -1.0], [1.0, 1.0]]
    """

    ranks: ClassVar = {2: "(N, C)", 3: "(N, C, L)"}


@final
class BatchNorm2d(_BatchNorm):
    """(x − mean) / √(var + ε) · weight + bias for each channel of images (N, C, H, W) (Ioffe & Szegedy 2015).

    In training mean and variance are those of the batch, and running ones follow them; in evaluation they are the
    running ones.

    Parameters
    ----------
    num_features : int
        C.
    eps : float
        Keeps the division away from 0.
    momentum : float or None
        running ← (1 − momentum)·running + momentum·new; None takes the mean over all batches.
    affine, bias : bool
        Whether there is a weight, and with it a bias.
    track_running_stats : bool
        False normalizes by the batch in evaluation too.
    dtype : dtype
        Of parameters and buffers.

    Attributes
    ----------
    weight, bias : Parameter, (C,), or None
    running_mean, running_var : Tensor, (C,)
    num_batches_tracked : Tensor, an integer

    Raises
    ------
    ShapeError
        When called, if the channels are others, or, in training, a channel has one value only.

    >>> layer = BatchNorm2d(3)
    >>> y = layer(np.random.default_rng(0).normal(3, size=(5, 3, 4, 4)).astype("float32"))
    >>> abs(y.mean().item()) < 1e-5
    True
    >>> layer.num_batches_tracked
    Tensor(1)
    """

    ranks: ClassVar = {4: "(N, C, H, W)"}


@final
class LayerNorm(_Normalization):
    """(x − mean) / √(var + ε) · weight + bias over the last axes of each sample (Ba, Kiros & Hinton 2016).

    Parameters
    ----------
    normalized_shape : int or sequence of int
        Lengths of the last axes.
    eps : float
        Keeps the division away from 0.
    elementwise_affine, bias : bool
        Whether there is a weight, and with it a bias.
    dtype : dtype
        Of the parameters.

    Raises
    ------
    ShapeError
        When called, if the input ends in other lengths.

    >>> LayerNorm(2, eps=0.0)(np.array([[1.0, 3.0]], np.float32)).tolist()
    [[-1.0, 1.0]]
    """

    def __init__(
        self, normalized_shape: int | Sequence[int], eps: float = 1e-5, elementwise_affine: bool = True,
        bias: bool = True, *, dtype: Any = np.float32,
    ) -> None:  # fmt: skip
        self.normalized_shape = _lengths("LayerNorm", normalized_shape)
        self._scales(self.normalized_shape, eps, elementwise_affine, bias=bias, dtype=dtype)

    def forward(self, x: Any) -> Any:
        return normalization.layer_norm(x, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        affine = self.weight is not None
        bias = self.bias is not None or not affine
        return self._text(
            self.normalized_shape, eps=(self.eps, 1e-5), elementwise_affine=(affine, True), bias=(bias, True)
        )


@final
class RMSNorm(_Normalization):
    """x / √(mean(x²) + ε) · weight over the last axes (Zhang & Sennrich 2019).

    ε is the distance from 1 to the next number of the input's dtype, if not given. The rest is as of `LayerNorm`.

    >>> RMSNorm(2, eps=0.0)(np.array([[3.0, 4.0]], np.float32)).detach().round(3)
    Tensor([[0.849, 1.131]], dtype=float32)
    """

    def __init__(
        self, normalized_shape: int | Sequence[int], eps: float | None = None, elementwise_affine: bool = True, *,
        dtype: Any = np.float32,
    ) -> None:  # fmt: skip
        self.normalized_shape = _lengths("RMSNorm", normalized_shape)
        truths("RMSNorm", elementwise_affine=elementwise_affine)
        self.eps = None if eps is None else checked_number("RMSNorm", "eps", eps, 0)
        self.weight = Parameter(np.ones(self.normalized_shape, dtype)) if elementwise_affine else None

    def forward(self, x: Any) -> Any:
        return normalization.rms_norm(x, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        return self._text(
            self.normalized_shape, eps=(self.eps, None), elementwise_affine=(self.weight is not None, True)
        )


@final
class GroupNorm(_Normalization):
    """Normalize each group of channels of each sample, (N, C, ...) (Wu & He 2018).

    Raises OptionError if the groups do not divide the channels.

    >>> GroupNorm(2, 4, eps=0.0)(np.array([[1.0, 3.0, 5.0, 9.0]], np.float32)).tolist()
    [[-1.0, 1.0, -1.0, 1.0]]
    """

    def __init__(
        self, num_groups: int, num_channels: int, eps: float = 1e-5, affine: bool = True, bias: bool = True, *,
        dtype: Any = np.float32,
    ) -> None:  # fmt: skip
        self.num_groups = positive("GroupNorm", "num_groups", num_groups)
        self.num_channels = positive("GroupNorm", "num_channels", num_channels)
        if num_channels % num_groups:
            raise OptionError("GroupNorm: groups do not divide the channels", groups=num_groups, channels=num_channels)
        self._scales((num_channels,), eps, affine, bias=bias, dtype=dtype)

    def forward(self, x: Any) -> Any:
        if ndim_of(x) < 2 or shape_of(x)[1] != self.num_channels:
            raise ShapeError(
                "GroupNorm: the input has other channels", expected=f"(N, {self.num_channels}, ...)", got=shape_of(x)
            )
        return normalization.group_norm(x, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return self._text(
            self.num_groups, self.num_channels, eps=(self.eps, 1e-5), affine=(self.weight is not None, True),
            bias=(self.weight is None or self.bias is not None, True),
        )  # fmt: skip


@final
class InstanceNorm2d(_Running):
    """Normalize each channel of each image, (N, C, H, W) (Ulyanov, Vedaldi & Lempitsky 2016).

    There are a weight and a bias if `affine`. It does the same in training and in evaluation, unless it has running
    statistics, which follow the means over the images of a batch: see `BatchNorm2d`.

    >>> InstanceNorm2d(1, eps=0.0)(np.array([[[[1.0, 3.0]]]], np.float32))
    Tensor([[[[-1.,  1.]]]], dtype=float32)
    """

    ranks: ClassVar = {4: "(N, C, H, W)"}
    usual = False

    def forward(self, x: Any) -> Any:
        return super().forward(expand_dims(x, 0))[0] if ndim_of(x) == 3 else super().forward(x)

    def _of_batch(self, x: Any) -> Any:
        y = normalization.instance_norm(x, self.weight, self.bias, self.eps)
        if self.training and self.track_running_stats:
            with no_grad():
                images = asarray(x)
                self._follow(images.mean((0, 2, 3)), images.var((2, 3), correction=1).mean(0))
        return y


def _lengths(name: str, shape: int | Sequence[int]) -> tuple[int, ...]:
    given = shape if isinstance(shape, (tuple, list)) else (shape,)
    return tuple(positive(name, "a length", n) for n in given)
