"""Rows of `cases.py` that are about networks: labels, windows, and convolutions."""

from __future__ import annotations

from typing import Final

import numpy as np
from tests.ops import convolving
from tests.ops.case import fixed, in_double, of
from tests.ops.domains import CLASSES, REAL

from pullback.ops import convolutions, labels, rows, windows


def added(values, where, length):
    """Zeros with values added where they belong."""
    target = np.zeros((length, *values.shape[1:]), values.dtype)
    np.add.at(target, where, values)
    return target


def strides(stride=1, low=0, high=0, dilation=1, groups=1, d=1, **more):
    """The parameters of a convolution that is the same along each axis."""
    return {
        "stride": (stride,) * d,
        "padding": ((low, high),) * d,
        "dilation": (dilation,) * d,
        "groups": groups,
        **more,
    }


LABELS: Final = (
    fixed("within_", CLASSES, of((3,), low=0, high=9, name="a test"), twin=lambda x, **_: x, call=labels.within_,
          differentiable=False),
    fixed("known_labels_", CLASSES, of((3,), classes=9, ignore=None), of((2, 3), classes=9, ignore=-1),
          twin=lambda x, classes, ignore: x, call=labels.known_labels_, differentiable=False),
    fixed("written_labels_", CLASSES, of((2, 3), (2,), (2,), times=9, classes=9, blank=8),
          twin=lambda x, inputs, lengths, **_: np.where(np.arange(3) < (lengths % 3)[:, None], x, 0),
          call=lambda x, inputs, lengths, **params: labels.written_labels_(x, inputs + 1, lengths % 3, **params),
          differentiable=False),
)  # fmt: skip

PLACED: Final = {"axes": (1,), "sizes": (3,), "strides": (2,), "dilations": (1,)}
PLACED_2D: Final = {"axes": (2, 0), "sizes": (2, 2), "strides": (1, 2), "dilations": (2, 1)}
WINDOWS: Final = (
    fixed("windows_", REAL, of((2, 8), **PLACED), of((5, 1, 6), **PLACED_2D), twin=convolving.windows,
          call=windows.windows_, linear=True, analytic=True),
    fixed("add_windows_", REAL, of((2, 3, 3), **PLACED, shape=(2, 8)),
          of((2, 1, 4, 2, 2), **PLACED_2D, shape=(5, 1, 6)),
          twin=in_double(convolving.add_windows), call=windows.add_windows_, linear=True, analytic=True),
    fixed("sliding_window_view", REAL, of((4,), window_shape=2), of((3, 4), window_shape=(2, 3)),
          of((3, 4), window_shape=2, axis=-1), twin=np.lib.stride_tricks.sliding_window_view, linear=True,
          analytic=True, primitive="windows_"),
    fixed("unfold", REAL, of((2, 2, 4, 3), kernel_size=2),
          of((1, 2, 3, 5), kernel_size=(2, 3), padding=1, stride=(2, 1)), of((1, 1, 5, 5), kernel_size=2, dilation=2),
          twin=convolving.columns, linear=True, analytic=True,
          primitive="windows_"),
    fixed("fold", REAL, of((2, 8, 6), output_size=(4, 3), kernel_size=2),
          of((1, 6, 4), output_size=(3, 3), kernel_size=(3, 2), stride=2, padding=1),
          twin=in_double(convolving.folded), linear=True, analytic=True, primitive="add_windows_"),
    fixed("unstack", REAL, of((2, 3)), of((2, 3, 2), axis=-1), twin=np.unstack, linear=True, analytic=True),
    fixed("rows_", (REAL, CLASSES), of((4, 3), (2, 2)), of((4,), (3,)), of((4, 2), ()), twin=lambda x, i: x[i],
          call=rows.rows_, linear=True),
    fixed("add_rows_", (REAL, CLASSES), of((2, 2, 3), (2, 2), shape=(4, 3)), of((5,), (5,), shape=(4,)),
          of((0, 2), (0,), shape=(4, 2)), twin=in_double(lambda x, i, shape: added(
              x.reshape(-1, *shape[1:]), i.reshape(-1), shape[0])),
          call=rows.add_rows_, linear=True),
)  # fmt: skip

CONVOLUTIONS: Final = (
    fixed("conv_", REAL, of((2, 2, 5), (3, 2, 3), **strides()), of((1, 4, 6), (6, 2, 2), **strides(2, 1, 0, 2, 2)),
          of((2, 1, 4, 3), (2, 1, 2, 2), **strides(d=2, low=1)),
          of((1, 3, 4, 5), (3, 1, 3, 2), **strides(2, 1, 1, 1, 3, d=2)),
          of((1, 2, 3, 3, 3), (1, 2, 2, 2, 2), **strides(d=3)), of((2, 2, 5), (3, 2, 3), (3, 1), **strides()),
          of((1, 2, 6), (2, 2, 3), **strides(low=-1, high=0)), twin=in_double(convolving.conv),
          call=convolutions.conv_, analytic=True),
    fixed("conv_input_", REAL, of((2, 3, 3), (3, 2, 3), **strides(size=(5,))),
          of((1, 6, 2), (6, 2, 3), **strides(2, 1, 1, 1, 2, size=(4,))),
          of((1, 2, 3, 2), (2, 1, 2, 2), **strides(2, 1, 0, d=2, size=(5, 3))),
          of((1, 2, 2), (2, 2, 2), **strides(2, 0, -1, 2, size=(6,))), twin=in_double(convolving.conv_input),
          call=convolutions.conv_input_, analytic=True),
    fixed("conv_weight_", REAL, of((2, 2, 5), (2, 3, 3), **strides(kernel=(3,))),
          of((1, 4, 6), (1, 6, 3), **strides(2, 1, 0, 1, 2, kernel=(2,))),
          of((2, 1, 4, 3), (2, 2, 4, 3), **strides(d=2, low=1, kernel=(2, 2))), twin=in_double(convolving.conv_weight),
          call=convolutions.conv_weight_, analytic=True),
)  # fmt: skip
