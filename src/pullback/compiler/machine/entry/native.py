"""A builtin function of Python's that is made of an int64 array, its block, and native code (see `reading`)."""

from __future__ import annotations

import ctypes
import platform
import struct
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Final

import numpy as np

from pullback.compiler.lowering.layout import Layout
from pullback.compiler.machine.entry import reading
from pullback.compiler.machine.jit import Library

METH_FASTCALL: Final = 0x80
_kept: Final[list[Library]] = []  # two where two threads came first at once: functions of either may be in use
PYTHON: Final = ("PyLong_FromSsize_t", "PyEval_SaveThread", "PyEval_RestoreThread")


def python_symbols() -> dict[str, int]:
    """The addresses of Python's own functions that native code calls."""
    return {name: ctypes.cast(getattr(ctypes.pythonapi, name), ctypes.c_void_p).value or 0 for name in PYTHON}


@cache
def _library() -> Library:
    text = str(reading.reading_module())
    _kept.append(Library(text, reading.EXPORTED, python_symbols(), name="entry", key=text))
    return _kept[-1]


def nothing() -> int:
    """The address of a program that does nothing: an entry to it looks at what it is given."""
    return _library().address(reading.NOTHING)


@cache
def _make() -> Any:
    """CPython's own maker of builtin functions: of a PyMethodDef, `self` and a module."""
    kind = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.py_object, ctypes.c_void_p)
    return kind(("PyCFunction_NewEx", ctypes.pythonapi))


def native_call(layouts: Sequence[Layout], run: int, constants: Sequence[int], *, long: bool) -> Callable[..., int]:
    """A function that is called with objects, and runs the program at `run` where all fit.

    Its `__self__` is the block, whose last words are the table: addresses of the objects' data, then the constants. It
    serves one call at a time.
    """
    words = [*[0] * reading.LAYOUTS, *(word for layout in layouts for word in _words(layout))]
    table = len(words)
    block = np.array([*words, *[0] * len(layouts), *constants], np.int64)
    start = block.ctypes.data
    block[reading.RUN], block[reading.TABLE], block[reading.COUNT] = run, start + 8 * table, len(layouts)
    block[reading.ARRAY] = id(np.ndarray)
    function = _library().address(reading.LONG if long else reading.BRIEF)
    method = struct.pack("PPi4xP8s", start + 8 * reading.NAME, function, METH_FASTCALL, 0, b"program")
    block[: reading.RUN] = np.frombuffer(method, np.int64)
    made: Callable[..., int] = _make()(start, block, None)
    return made


def _words(layout: Layout) -> list[int]:
    flags = reading.ALIGNED | (reading.WRITEABLE if layout.writes else 0)
    number = 0 if layout.number is None else id(layout.number)
    words = [number, id(layout.dtype.type), flags, len(layout.shape)]
    for size, stride, compared in zip(layout.shape, layout.strides, layout.compared, strict=True):
        words += [size, stride if compared else reading.ANY]
    return words


@cache
def obstacle() -> str | None:
    """Why native code cannot be relied upon to read this Python's objects; None if it read what NumPy says."""
    if platform.python_implementation() != "CPython" or struct.calcsize("P") != 8:
        return "this is not CPython on a machine of 64 bits"
    probe = np.arange(24.0).reshape(2, 3, 4)
    if ctypes.c_void_p.from_address(id(probe) + reading.DATA).value != probe.ctypes.data:
        return "arrays of this NumPy lie otherwise in memory"
    arrays = [probe, probe.T, probe[::-1, 1:], probe[0, 0, :1], probe.astype(np.int16), np.array(2.5), np.zeros((0, 3))]
    for array in arrays:
        if _read(Layout.of(array), array) != array.ctypes.data:
            return f"an array of shape {array.shape} and strides {array.strides} was not read"
    other = Layout.of(np.zeros((3, 2, 5), np.int8))
    for changed in ({"dtype": other.dtype}, {"shape": other.shape}, {"strides": other.strides}):
        if _read(Layout.of(probe)._replace(**changed), probe) is not None:
            return f"an array of another {next(iter(changed))} was taken"
    for number in (np.float64(1.5), np.float32(2.5), np.int64(-7), np.bool_(1), np.complex128(1 + 2j)):
        place = _read(Layout.of(number), number)
        if place is None or ctypes.string_at(place, number.nbytes) != number.tobytes():
            return f"a number of type {number.dtype} was not read"
    return None


def _read(layout: Layout, value: Any) -> int | None:
    """Where native code finds the data of an object, if it fits."""
    call: Any = native_call([layout], nothing(), (), long=False)
    return None if call(value) else int(call.__self__[-1])
