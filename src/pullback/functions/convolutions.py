"""Convolutions of signals, images and volumes, and their transposes: what `nn.Conv2d` and the like compute.

>>> import numpy as np
>>> conv1d(np.array([[[1.0, 2.0, 4.0]]]), np.array([[[1.0, -1.0]]]))
Tensor([[[-1., -2.]]])
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from pullback.core.axes import ndim_of, shape_of
from pullback.core.errors import OptionError, ShapeError
from pullback.functions.padding import pad
from pullback.ops.convolutions import conv_, conv_input_, counts_of
from pullback.ops.movement import expand_dims, reshape
from pullback.ops.windows import Pairs, Sizes, per_axis

Size = int | Sequence[int]

MODES: Final = {"zeros": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}
_LETTERS: Final = {1: "L", 2: "H, W", 3: "D, H, W"}


def conv1d(
    x: Any, weight: Any, bias: Any = None, stride: Size = 1, padding: Size | str = 0, dilation: Size = 1,
    groups: int = 1, *, padding_mode: str = "zeros",
) -> Any:  # fmt: skip
    """Convolve signals (N, C, L) with a kernel (O, C / groups, K); see `conv2d`.

    >>> import pullback as pb
    >>> conv1d(pb.ones((1, 1, 5)), pb.ones((1, 1, 3)), padding="same")
    Tensor([[[2., 3., 3., 3., 2.]]])
    """
    return _convolve("conv1d", 1, x, weight, bias, stride, padding, dilation, groups, padding_mode)


def conv2d(
    x: Any, weight: Any, bias: Any = None, stride: Size = 1, padding: Size | str = 0, dilation: Size = 1,
    groups: int = 1, *, padding_mode: str = "zeros",
) -> Any:  # fmt: skip
    """y[n, o, i] = bias[o] + Σ_c Σ_k x[n, c, stride·i + dilation·k − padding] · weight[o, c, k], with i and k in 2-D.

    A cross-correlation, as is usual: the kernel is not flipped. The transposes of a convolution are convolutions
    again (Dumoulin & Visin 2016, "A guide to convolution arithmetic for deep learning").

    Parameters
    ----------
    x : array-like, (N, C, H, W) or (C, H, W)
        Images.
    weight : array-like, (O, C / groups, K, K)
        Kernels.
    bias : array-like, (O,), optional
        Added to each output channel.
    stride, dilation : int or two of them
        Steps between outputs, and between the elements of a kernel.
    padding : int, two of them, "valid" or "same"
        Zeros on both sides; "same" gives an output of the input's size, with one more after than before where
        their number is odd, and needs a stride of 1.
    groups : int
        Into how many parts channels are divided, each with kernels of its own; C for a depthwise convolution.
    padding_mode : {"zeros", "reflect", "replicate", "circular"}
        What stands around the image.

    Raises
    ------
    ShapeError
        If channels do not fit, or the kernel is larger than the padded image.
    OptionError
        If an option is not known, or groups do not divide the channels.

    >>> import pullback as pb
    >>> conv2d(pb.ones((1, 1, 3, 3)), pb.ones((2, 1, 2, 2)), pb.tensor([0.0, 1.0])).tolist()
    [[[[4.0, 4.0], [4.0, 4.0]], [[5.0, 5.0], [5.0, 5.0]]]]
    """
    return _convolve("conv2d", 2, x, weight, bias, stride, padding, dilation, groups, padding_mode)


def conv3d(
    x: Any, weight: Any, bias: Any = None, stride: Size = 1, padding: Size | str = 0, dilation: Size = 1,
    groups: int = 1, *, padding_mode: str = "zeros",
) -> Any:  # fmt: skip
    """Convolve volumes (N, C, D, H, W) with a kernel (O, C / groups, K, K, K); see `conv2d`.

    >>> import pullback as pb
    >>> conv3d(pb.ones((1, 1, 3, 3, 3)), pb.ones((1, 1, 3, 3, 3)))
    Tensor([[[[[27.]]]]])
    """
    return _convolve("conv3d", 3, x, weight, bias, stride, padding, dilation, groups, padding_mode)


def conv_transpose1d(
    x: Any, weight: Any, bias: Any = None, stride: Size = 1, padding: Size = 0, output_padding: Size = 0,
    groups: int = 1, dilation: Size = 1,
) -> Any:  # fmt: skip
    """The transpose of `conv1d` in its input; see `conv_transpose2d`.

    >>> import pullback as pb
    >>> conv_transpose1d(pb.tensor([[[1.0, 2.0]]]), pb.tensor([[[1.0, 10.0]]]), stride=2)
    Tensor([[[ 1., 10.,  2., 20.]]])
    """
    return _transposed("conv_transpose1d", 1, x, weight, bias, stride, padding, output_padding, groups, dilation)


def conv_transpose2d(
    x: Any, weight: Any, bias: Any = None, stride: Size = 1, padding: Size = 0, output_padding: Size = 0,
    groups: int = 1, dilation: Size = 1,
) -> Any:  # fmt: skip
    """The transpose of `conv2d` in its input: each element of x adds its multiple of the kernel to the output.

    The output is (L − 1)·stride − 2·padding + dilation·(K − 1) + output_padding + 1 long (Zeiler et al. 2010,
    "Deconvolutional networks").

    Parameters
    ----------
    x : array-like, (N, C, H, W) or (C, H, W)
        Images.
    weight : array-like, (C, O / groups, K, K)
        Kernels.
    output_padding : int or two of them
        What is added to one side of the output: several inputs of `conv2d` give one length, and this says which.
    bias, stride, padding, groups, dilation
        As of `conv2d`.

    >>> import pullback as pb
    >>> conv_transpose2d(pb.ones((1, 1, 2, 2)), pb.ones((1, 1, 2, 2)))[0, 0]
    Tensor([[1., 2., 1.],
            [2., 4., 2.],
            [1., 2., 1.]])
    """
    return _transposed("conv_transpose2d", 2, x, weight, bias, stride, padding, output_padding, groups, dilation)


def pads(name: str, padding: Size | str, sizes: Sizes, stride: Sizes, dilation: Sizes) -> Pairs:
    """The widths before and after each axis that a padding means.

    >>> pads("conv1d", "same", (4,), (1,), (1,))
    ((1, 2),)
    """
    if padding == "valid":
        return ((0, 0),) * len(sizes)
    if padding == "same":
        if max(stride) > 1:
            raise OptionError(f"{name}: padding 'same' needs a stride of 1", stride=stride, fix="give integers")
        spans = [d * (k - 1) for k, d in zip(sizes, dilation, strict=True)]
        return tuple((span // 2, span - span // 2) for span in spans)
    if isinstance(padding, str):
        raise OptionError(f"{name}: unknown padding", got=repr(padding), fix="'valid', 'same', or integers")
    widths = per_axis(padding, len(sizes), f"{name}: padding")
    if min(widths) < 0:
        raise OptionError(f"{name}: padding is 0 or more", got=padding)
    return tuple((width, width) for width in widths)


def steps(name: str, count: int, **options: Size) -> list[Sizes]:
    """Options that are a number for each axis, 1 or more."""
    found = [per_axis(value, count, f"{name}: {option}") for option, value in options.items()]
    for (option, value), numbers in zip(options.items(), found, strict=True):
        if min(numbers) < 1:
            raise OptionError(f"{name}: {option} is 1 or more", got=value)
    return found


def _convolve(
    name: str, d: int, x: Any, weight: Any, bias: Any, stride: Size, padding: Size | str, dilation: Size,
    groups: int, mode: str,
) -> Any:  # fmt: skip
    if ndim_of(x) == d + 1:
        one = _convolve(name, d, expand_dims(x, 0), weight, bias, stride, padding, dilation, groups, mode)
        return one[0]
    strides, dilations = steps(name, d, stride=stride, dilation=dilation)
    shape, kernel = shape_of(x), shape_of(weight)
    outputs, channels = _checked(name, d, shape, kernel, groups)
    if shape[1] != channels * groups:
        raise ShapeError(f"{name}: the input has other channels", expected=_expected(channels * groups, d), got=shape)
    if outputs % groups:
        raise OptionError(f"{name}: groups do not divide the output channels", groups=groups, channels=outputs)
    if mode not in MODES:
        raise OptionError(f"{name}: unknown padding_mode", got=repr(mode), fix=", ".join(MODES))
    widths = pads(name, padding, kernel[2:], strides, dilations)
    if mode != "zeros" and any(map(any, widths)):
        x = pad(x, ((0, 0), (0, 0), *widths), mode=MODES[mode])
        shape, widths = shape_of(x), ((0, 0),) * d
    if min(counts_of(shape[2:], kernel[2:], strides, widths, dilations)) < 1:
        raise ShapeError(
            f"{name}: the kernel is larger than the input", got=shape, kernel=kernel[2:], padding=padding,
            dilation=None if max(dilations) == 1 else dilations, fix="a smaller kernel, or padding",
        )  # fmt: skip
    params = {"stride": strides, "padding": widths, "dilation": dilations, "groups": groups}
    return conv_(x, weight, *_columned(name, bias, outputs, d), **params)


def _transposed(
    name: str, d: int, x: Any, weight: Any, bias: Any, stride: Size, padding: Size | str,
    output_padding: Size, groups: int, dilation: Size,
) -> Any:  # fmt: skip
    if ndim_of(x) == d + 1:
        return _transposed(name, d, expand_dims(x, 0), weight, bias, stride, padding, output_padding, groups, dilation)[
            0
        ]
    strides, dilations = steps(name, d, stride=stride, dilation=dilation)
    more = per_axis(output_padding, d, f"{name}: output_padding")
    if min(more) < 0 or any(m >= max(s, h) for m, s, h in zip(more, strides, dilations, strict=True)):
        raise OptionError(
            f"{name}: output_padding is less than stride or dilation", got=output_padding, stride=strides,
            dilation=dilations,
        )  # fmt: skip
    shape, kernel = shape_of(x), shape_of(weight)
    channels, outputs = _checked(name, d, shape, kernel, groups)
    if shape[1] != channels:
        raise ShapeError(f"{name}: the input has other channels", expected=_expected(channels, d), got=shape)
    if channels % groups:
        raise OptionError(f"{name}: groups do not divide the input channels", groups=groups, channels=channels)
    if isinstance(padding, str):
        raise OptionError(f"{name}: padding is a number", got=repr(padding))
    widths = tuple((w, w - m) for (w, _), m in zip(
        pads(name, padding, kernel[2:], strides, dilations), more, strict=True))  # fmt: skip
    size = tuple(
        (n - 1) * s + h * (k - 1) + 1 - low - high
        for n, s, h, k, (low, high) in zip(shape[2:], strides, dilations, kernel[2:], widths, strict=True)
    )
    if min(size) < 1:
        raise ShapeError(f"{name}: the output would be empty", got=shape, output=size, padding=padding)
    params = {"stride": strides, "padding": widths, "dilation": dilations, "groups": groups}
    return conv_input_(x, weight, *_columned(name, bias, outputs * groups, d), size=size, **params)


def _checked(name: str, d: int, shape: Sizes, kernel: Sizes, groups: int) -> tuple[int, int]:
    """The first two lengths of a kernel that fits an input in its number of axes."""
    if not isinstance(groups, int) or isinstance(groups, bool) or groups < 1:
        raise OptionError(f"{name}: groups is an integer, 1 or more", got=groups)
    if len(kernel) != d + 2:
        raise ShapeError(f"{name}: the kernel has {d + 2} axes", got=kernel)
    if len(shape) != d + 2:
        raise ShapeError(f"{name}: the input has other axes", expected=f"(N, C, {_LETTERS[d]})", got=shape)
    return kernel[0], kernel[1]


def _expected(channels: int, d: int) -> str:
    return f"(N, {channels}, {_LETTERS[d]})"


def _columned(name: str, bias: Any, outputs: int, d: int) -> tuple[Any, ...]:
    """A bias as an operand that lies along the channels; none where there is none."""
    if bias is None:
        return ()
    if shape_of(bias) != (outputs,):
        raise ShapeError(f"{name}: the bias has another length", expected=(outputs,), got=shape_of(bias))
    return (reshape(bias, (outputs, *(1,) * d)),)
