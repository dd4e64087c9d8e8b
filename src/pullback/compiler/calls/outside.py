"""The world outside of Python: files, clocks, other processes. What they answer is no value that a guard could look at.

A function that asks them runs as it is written. Its code shows whether it may ask; whether it does is seen while it is
recorded, for which Python tells of each call of a function written in C.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from types import BuiltinFunctionType, FrameType, FunctionType
from typing import Any, Final, Self, final

import numpy as np

from pullback.core.origin import is_library, user_line

_PACKAGES: Final = {
    "_io", "_posixsubprocess", "_socket", "datetime", "genericpath", "glob", "http", "io", "nt", "ntpath", "os",
    "pathlib", "posix", "posixpath", "select", "shutil", "socket", "sqlite3", "subprocess", "time", "urllib",
}  # fmt: skip
_READERS: Final = (np.load, np.loadtxt, np.genfromtxt, np.fromfile, np.memmap, input)
_PUBLIC: Final = {"posix": "os", "nt": "os", "_io": "io", "_socket": "socket", "_posixsubprocess": "subprocess"}
_METHODS: Final = {  # by which code shows that it may ask an object that is not known
    "exists", "glob", "is_dir", "is_file", "iterdir", "now", "open", "read", "read_bytes", "read_text", "readline",
    "recv", "rglob", "stat", "today", "walk",
}  # fmt: skip
_NO_QUESTIONS: Final = {
    "close", "cpu_count", "flush", "fspath", "getpid", "getppid", "isatty", "sleep", "strftime", "write", "writelines",
}  # fmt: skip
_TELLING: Final = {"importlib", "inspect", "linecache", "logging", "pullback", "threading", "traceback", "warnings"}


@final
class Outside:
    """While a function is recorded: what it asks of the world.

    Parameters
    ----------
    values : iterable
        All that the function's code was found to use.

    Attributes
    ----------
    asked : (str, str) or None
        The first function that asked, and the line.
    """

    def __init__(self, values: Iterable[Any]) -> None:
        self.asked: tuple[str, str] | None = None
        self._may = any(map(_may_ask, values))

    def __enter__(self) -> Self:
        if self._may:
            self._before = sys.getprofile()
            sys.setprofile(self._look)
        return self

    def __exit__(self, *_: object) -> None:
        if self._may:
            sys.setprofile(self._before)

    def _look(self, frame: FrameType, event: Any, function: Any) -> None:
        if self._before is not None:
            self._before(frame, event, function)
        if self.asked is None and event == "c_call":
            package = _package(function)
            asks = _is_reader(function) or (package in _PACKAGES and function.__name__ not in _NO_QUESTIONS)
            if asks and _is_for_the_user(frame):
                self.asked = f"{_PUBLIC.get(package, package)}.{function.__name__}", user_line()


def _may_ask(value: Any) -> bool:
    if isinstance(value, FunctionType) and not is_library(value):
        return not _METHODS.isdisjoint(value.__code__.co_names)
    known = isinstance(
        value, (FunctionType, BuiltinFunctionType, type)
    )  # others may have a `__getattr__` of the user's
    return _is_reader(value) or (known and _package(value) in _PACKAGES)


def _is_reader(value: Any) -> bool:
    return any(value is reader for reader in _READERS)


def _package(value: Any) -> str:
    """The package of a function, or of the class whose method it is."""
    owner = None if isinstance(value, (FunctionType, type)) else getattr(value, "__self__", None)
    name = getattr(value, "__module__", None) or (owner if isinstance(owner, type) else type(owner)).__module__
    return name.partition(".")[0] if isinstance(name, str) else ""


def _is_for_the_user(frame: FrameType | None) -> bool:
    """Whether what a library does is done for the user, and not for Pullback, or to tell something, or to wait."""
    while frame is not None and is_library(frame.f_code):
        if frame.f_globals.get("__name__", "").partition(".")[0] in _TELLING:
            return False
        frame = frame.f_back
    return frame is not None
