"""The same as native code does on the way in, in Python: slow, and right wherever Python and NumPy are."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pullback.compiler.lowering.layout import Layout


def plain_call(
    layouts: Sequence[Layout], run: int, constants: Sequence[int], *, long: bool
) -> Callable[..., int]:  # fmt: skip
    """A function that is called with objects, and runs the program at `run` where all fit."""
    program = (ctypes.CFUNCTYPE if long else ctypes.PYFUNCTYPE)(ctypes.c_int64, ctypes.c_void_p)(run)

    def call(*objects: Any) -> int:
        if len(objects) != len(layouts):
            return 1 + min(len(objects), len(layouts))
        for number, (layout, value) in enumerate(zip(layouts, objects, strict=True), start=1):
            if layout.obstacle(value) is not None:
                return number
        arrays = [np.asarray(value) for value in objects]  # numbers, which have no address in Python, are copied
        table = np.array([*(array.ctypes.data for array in arrays), *constants], np.int64)
        return int(program(table.ctypes.data))

    return call
