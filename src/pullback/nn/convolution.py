"""Convolutions and their transposes, in one, two and three dimensions: one row each.

Kernels are (out, in / groups, ...), those of transposes (in, out / groups, ...), as PyTorch's. They begin, as its do,
uniform in ±1 / √fan_in, the fan in being the inputs that an output is made of (LeCun et al. 1998).
"""

from __future__ import annotations

import math
from abc import ABC
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, final

import numpy as np

from pullback.core.errors import OptionError
from pullback.core.lints import check_precision
from pullback.functions import convolutions, random
from pullback.nn.drawn import Drawn
from pullback.nn.module import Module
from pullback.nn.sizes import positive, truths
from pullback.ops.windows import per_axis

Size = int | Sequence[int]


class _Convolution(Module, ABC):
    """What convolutions and their transposes share; a row states the function and its number of axes."""

    function: ClassVar[Callable[..., Any]]
    axes: ClassVar[int]
    transposed: ClassVar[bool] = False

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Size, groups: int, bias: bool, rng: random.Rng,
        dtype: Any, **options: Any,
    ) -> None:  # fmt: skip
        name = type(self).__name__
        truths(name, bias=bias)
        self.in_channels = positive(name, "in_channels", in_channels)
        self.out_channels = positive(name, "out_channels", out_channels)
        self.groups = positive(name, "groups", groups)
        self.kernel_size = per_axis(kernel_size, self.axes, f"{name}: kernel_size")
        if min(self.kernel_size) < 1:
            raise OptionError(f"{name}: kernel_size is 1 or more", got=kernel_size)
        if in_channels % groups or out_channels % groups:
            raise OptionError(
                f"{name}: groups do not divide the channels", groups=groups, in_channels=in_channels,
                out_channels=out_channels,
            )  # fmt: skip
        self.stride, self.dilation = convolutions.steps(
            name, self.axes, stride=options.pop("stride"), dilation=options.pop("dilation")
        )
        self.options = options
        outer, inner = (in_channels, out_channels) if self.transposed else (out_channels, in_channels)
        shape = (outer, inner // groups, *self.kernel_size)
        draw = Drawn(math.prod(shape[1:]), rng, dtype)
        self.weight = draw(*shape)
        self.bias = draw(out_channels) if bias else None

    def forward(self, x: Any) -> Any:
        y = self.function(
            x, self.weight, self.bias, self.stride, groups=self.groups, dilation=self.dilation, **self.options
        )
        if y.array.dtype is not self.weight.array.dtype:
            check_precision(type(self).__name__, x, self.weight)
        return y

    def extra_repr(self) -> str:
        plain = {"stride": (1,) * self.axes, "dilation": (1,) * self.axes, "groups": 1}
        said = {name: getattr(self, name) for name, usual in plain.items() if getattr(self, name) != usual}
        said |= {name: value for name, value in self.options.items() if value not in (0, "zeros", (0,) * self.axes)}
        parts = [f"{self.in_channels}, {self.out_channels}", f"kernel_size={_short(self.kernel_size)}"]
        parts += [f"{name}={_short(value)!r}" for name, value in said.items()]
        parts += ["bias=False"] if self.bias is None else []
        parts += [f"dtype={self.weight.dtype}"] if self.weight.dtype != np.float32 else []
        return ", ".join(parts)


def _short(value: Any) -> Any:
    return value[0] if isinstance(value, tuple) and len(set(value)) == 1 else value


class _Forward(_Convolution, ABC):
    """A convolution."""

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Size, stride: Size = 1, padding: Size | str = 0,
        dilation: Size = 1, groups: int = 1, bias: bool = True, padding_mode: str = "zeros", *,
        rng: random.Rng = None, dtype: Any = np.float32,
    ) -> None:  # fmt: skip
        super().__init__(
            in_channels, out_channels, kernel_size, groups, bias, rng, dtype,
            stride=stride, dilation=dilation, padding=padding, padding_mode=padding_mode,
        )  # fmt: skip
        name = type(self).__name__
        if padding_mode not in convolutions.MODES:
            raise OptionError(
                f"{name}: unknown padding_mode", got=repr(padding_mode), fix=", ".join(convolutions.MODES)
            )
        convolutions.pads(name, padding, self.kernel_size, self.stride, self.dilation)  # refused here, not when called


class _Transposed(_Convolution, ABC):
    """The transpose of a convolution."""

    transposed = True

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Size, stride: Size = 1, padding: Size = 0,
        output_padding: Size = 0, groups: int = 1, bias: bool = True, dilation: Size = 1, *,
        rng: random.Rng = None, dtype: Any = np.float32,
    ) -> None:  # fmt: skip
        super().__init__(
            in_channels, out_channels, kernel_size, groups, bias, rng, dtype,
            stride=stride, dilation=dilation, padding=padding, output_padding=output_padding,
        )  # fmt: skip


@final
class Conv1d(_Forward):
    """Convolve signals (N, C, L): see `Conv2d`.

    >>> Conv1d(2, 4, 3, padding="same", rng=0)(np.ones((5, 2, 8), np.float32)).shape
    (5, 4, 8)
    """

    function = staticmethod(convolutions.conv1d)
    axes = 1


@final
class Conv2d(_Forward):
    """y[n, o, i] = bias[o] + Σ_c Σ_k x[n, c, stride·i + dilation·k − padding] · weight[o, c, k], for images.

    A layer of local features that are the same everywhere (LeCun et al. 1989).

    Parameters
    ----------
    in_channels, out_channels : int
        Of (N, C, H, W), before and after.
    kernel_size, stride, dilation : int or two of them
        Of the kernel; steps between outputs; steps between the elements of the kernel.
    padding : int, two of them, "same" or "valid"
        Around the image.
    groups : int
        Parts into which channels are divided.
    bias : bool
        Whether there is a bias.
    padding_mode : {"zeros", "reflect", "replicate", "circular"}
        What stands around the image.
    rng : None, int or numpy.random.Generator
        What the parameters are drawn from.
    dtype : dtype
        Of the parameters.

    Attributes
    ----------
    weight : Parameter, (out_channels, in_channels / groups, K, K)
    bias : Parameter, (out_channels,), or None

    Raises
    ------
    OptionError
        If an option is not possible, or groups do not divide the channels.
    ShapeError
        When called, if the channels are others, or the kernel is larger than the padded image.

    >>> layer = Conv2d(3, 16, 3, padding=1, rng=0)
    >>> layer
    Conv2d(3, 16, kernel_size=3, padding=1)
    >>> layer(np.ones((5, 3, 8, 8), np.float32)).shape
    (5, 16, 8, 8)
    """

    function = staticmethod(convolutions.conv2d)
    axes = 2


@final
class Conv3d(_Forward):
    """Convolve volumes (N, C, D, H, W): see `Conv2d`.

    >>> Conv3d(1, 2, 3, rng=0)(np.ones((1, 1, 4, 4, 4), np.float32)).shape
    (1, 2, 2, 2, 2)
    """

    function = staticmethod(convolutions.conv3d)
    axes = 3


@final
class ConvTranspose1d(_Transposed):
    """The transpose of `Conv1d`, (N, C, L): see `ConvTranspose2d`.

    >>> ConvTranspose1d(4, 2, 3, stride=2, rng=0)(np.ones((5, 4, 8), np.float32)).shape
    (5, 2, 17)
    """

    function = staticmethod(convolutions.conv_transpose1d)
    axes = 1


@final
class ConvTranspose2d(_Transposed):
    """Each element of the input adds its multiple of the kernel to the output (Zeiler et al. 2010).

    The output is (L − 1)·stride − 2·padding + dilation·(K − 1) + output_padding + 1 long.

    Parameters
    ----------
    output_padding : int or two of them
        What is added to one side of the output.
    in_channels, out_channels, kernel_size, stride, padding, groups, bias, dilation, rng, dtype
        As of `Conv2d`.

    Attributes
    ----------
    weight : Parameter, (in_channels, out_channels / groups, K, K)
    bias : Parameter, (out_channels,), or None

    >>> ConvTranspose2d(16, 3, 4, stride=2, padding=1, rng=0)(np.ones((5, 16, 7, 7), np.float32)).shape
    (5, 3, 14, 14)
    """

    function = staticmethod(convolutions.conv_transpose2d)
    axes = 2
