"""Whose code something is: the user's, or that of Pullback, NumPy or Python, which is known not to change.

Where a file lies decides, and never what it is called: a user's `queue.py` is the user's.
"""

from __future__ import annotations

import os
import sys
import sysconfig
from functools import lru_cache
from types import CodeType, FunctionType, ModuleType
from typing import Any, Final

import numpy as np


def _folder(path: str | None) -> str:
    return os.path.realpath(path or os.devnull) + os.sep


_OURS: Final = (_folder(sys.modules["pullback"].__path__[0]), _folder(np.__path__[0]))
_PYTHON: Final = tuple({_folder(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib")})
_INSTALLED: Final = ("site-packages", "dist-packages")  # which may lie within Python's own folder


@lru_cache(maxsize=4096)
def is_library_file(path: str) -> bool:
    """Whether a file belongs to Pullback, NumPy or Python.

    >>> is_library_file(os.__file__), is_library_file(np.__file__), is_library_file("queue.py")
    (True, True, False)
    """
    if path.startswith("<"):  # of Python's own modules that are part of it; other code without a file is the user's
        return path.startswith("<frozen ")
    whole = os.path.realpath(path)
    if whole.startswith(_OURS):
        return True
    return whole.startswith(_PYTHON) and not any(f"{os.sep}{name}{os.sep}" in whole for name in _INSTALLED)


def is_library(value: Any) -> bool:
    """Whether a function, a class, a module, or the class of an object belongs to Pullback, NumPy or Python."""
    if isinstance(value, FunctionType):
        return is_library_file(value.__code__.co_filename)
    if isinstance(value, CodeType):
        return is_library_file(value.co_filename)
    if isinstance(value, ModuleType):
        return _is_library_module(value.__name__, value)
    kind = value if isinstance(value, type) else type(value)
    name = kind.__module__
    return _is_library_module(name, sys.modules.get(name)) if isinstance(name, str) else False


def _is_library_module(name: str, module: ModuleType | None) -> bool:
    file = getattr(module, "__file__", None)
    if isinstance(file, str):
        return is_library_file(file)
    return name != "__main__" and name in sys.builtin_module_names
