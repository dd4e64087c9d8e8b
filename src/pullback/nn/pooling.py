"""Pooling layers: one row for each function of `functions/pooling.py`."""

from __future__ import annotations

from abc import ABC
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, final

from pullback.functions import pooling
from pullback.nn.module import Module

Size = int | Sequence[int]


class _Pooling(Module, ABC):
    """A function of images with options; a row states the function."""

    function: ClassVar[Callable[..., Any]]

    def __init__(self, *sizes: Any, **options: Any) -> None:
        self.sizes = sizes
        self.options = options

    def forward(self, x: Any) -> Any:
        return self.function(x, *self.sizes, **self.options)

    def extra_repr(self) -> str:
        usual: dict[str, Any] = {"stride": None, "padding": 0, "dilation": 1, "ceil_mode": False, "keepdims": False}
        usual |= {"count_include_pad": True, "divisor_override": None}
        said = [f"{name}={value}" for name, value in self.options.items() if value != usual.get(name, self)]
        return ", ".join([*map(str, self.sizes), *said])


class _Max(_Pooling, ABC):
    """What takes the largest element of each window."""

    def __init__(
        self, kernel_size: Size, stride: Size | None = None, padding: Size = 0, dilation: Size = 1, *,
        ceil_mode: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(kernel_size, stride=stride, padding=padding, dilation=dilation, ceil_mode=ceil_mode)


class _Adaptive(_Pooling, ABC):
    """What takes a fixed number of cells."""

    def __init__(self, output_size: int | Sequence[int | None]) -> None:
        super().__init__(output_size)


@final
class MaxPool1d(_Max):
    """The largest element of each window of signals (N, C, L).

    >>> import pullback as pb
    >>> MaxPool1d(2)(pb.tensor([[[1.0, 3.0, 2.0, 0.0]]]))
    Tensor([[[3., 2.]]])
    """

    function = staticmethod(pooling.max_pool1d)


@final
class MaxPool2d(_Max):
    """The largest element of each window of images (N, C, H, W); elements that tie share the derivative.

    Parameters
    ----------
    kernel_size, stride : int or two of them
        Of the windows; the stride is their size if not given.
    padding : int or two of them
        At most half a window on each side; it never is the largest.
    dilation : int or two of them
        Steps between the elements of a window.
    ceil_mode : bool
        Also take a last window that reaches over the end.

    Raises
    ------
    ShapeError
        When called, if the window is larger than the padded image.
    OptionError
        When called, if an option is not possible.

    >>> import pullback as pb
    >>> MaxPool2d(2)(pb.arange(16.0).reshape(1, 1, 4, 4))
    Tensor([[[[ 5.,  7.],
              [13., 15.]]]])
    """

    function = staticmethod(pooling.max_pool2d)


@final
class AvgPool1d(_Pooling):
    """The mean of each window of signals (N, C, L).

    >>> import pullback as pb
    >>> AvgPool1d(2)(pb.tensor([[[1.0, 3.0, 2.0, 0.0]]]))
    Tensor([[[2., 1.]]])
    """

    function = staticmethod(pooling.avg_pool1d)

    def __init__(
        self, kernel_size: Size, stride: Size | None = None, padding: Size = 0, ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:  # fmt: skip
        super().__init__(
            kernel_size, stride=stride, padding=padding, ceil_mode=ceil_mode, count_include_pad=count_include_pad
        )


@final
class AvgPool2d(_Pooling):
    """The mean of each window of images (N, C, H, W), as LeNet's (LeCun et al. 1998) without its scale.

    Parameters
    ----------
    count_include_pad : bool
        Divide by the size of the window, zeros of the padding included.
    divisor_override : int, optional
        Divide by this.
    kernel_size, stride, padding, ceil_mode
        As of `MaxPool2d`.

    >>> import pullback as pb
    >>> AvgPool2d(2)(pb.arange(16.0).reshape(1, 1, 4, 4))
    Tensor([[[[ 2.5,  4.5],
              [10.5, 12.5]]]])
    """

    function = staticmethod(pooling.avg_pool2d)

    def __init__(
        self, kernel_size: Size, stride: Size | None = None, padding: Size = 0, ceil_mode: bool = False,
        count_include_pad: bool = True, divisor_override: int | None = None,
    ) -> None:  # fmt: skip
        super().__init__(
            kernel_size, stride=stride, padding=padding, ceil_mode=ceil_mode, count_include_pad=count_include_pad,
            divisor_override=divisor_override,
        )  # fmt: skip


@final
class AdaptiveAvgPool2d(_Adaptive):
    """The mean of each of a fixed number of cells, so that images of any size give one size.

    `output_size` is a number or two; None keeps an axis as it is.

    >>> import pullback as pb
    >>> AdaptiveAvgPool2d(1)(pb.arange(16.0).reshape(1, 1, 4, 4))
    Tensor([[[[7.5]]]])
    """

    function = staticmethod(pooling.adaptive_avg_pool2d)


@final
class AdaptiveMaxPool2d(_Adaptive):
    """The largest element of each of a fixed number of cells.

    >>> import pullback as pb
    >>> AdaptiveMaxPool2d((1, 2))(pb.arange(16.0).reshape(1, 1, 4, 4))
    Tensor([[[[13., 15.]]]])
    """

    function = staticmethod(pooling.adaptive_max_pool2d)


@final
class GlobalAvgPool(_Pooling):
    """The mean over all axes but the first two: (N, C, ...) to (N, C) (Lin, Chen & Yan 2013).

    >>> import pullback as pb
    >>> GlobalAvgPool()(pb.ones((5, 16, 7, 7))).shape
    (5, 16)
    """

    function = staticmethod(pooling.global_avg_pool)

    def __init__(self, keepdims: bool = False) -> None:
        super().__init__(keepdims=keepdims)
