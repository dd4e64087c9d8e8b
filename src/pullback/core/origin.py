"""Whose code something is: Pullback's or NumPy's, Python's, that of another library, or the user's.

Where a file lies decides, and never what it is called: a user's `queue.py` is the user's.
"""

from __future__ import annotations

import os
import site
import sys
from functools import cache, lru_cache
from types import CodeType, FrameType, FunctionType, ModuleType
from typing import Any, Final, Literal, TypeAlias

import numpy as np

Owner: TypeAlias = Literal["ours", "python", "installed", "user"]

LINES: Final = 4096  # that are kept as text
_lines: Final[dict[tuple[int, int], tuple[CodeType, str]]] = {}  # by the id of code, which they keep alive
_owners: Final[dict[str, Owner]] = {}  # by the path that code knows


def _folder(path: str | None) -> str:
    return os.path.normcase(os.path.realpath(path or os.devnull)) + os.sep


# (Paths are strings here: `pathlib` and `sysconfig` would take a third of the time of this import.)
_OURS: Final = (_folder(sys.modules["pullback"].__path__[0]), _folder(np.__path__[0]))
_INSTALLED: Final = tuple(f"{os.sep}{name}{os.sep}" for name in ("site-packages", "dist-packages"))


@cache
def _pythons() -> tuple[str, ...]:
    """The folders of Python's own library."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    compiled = f"{sys.base_exec_prefix}{os.sep}{sys.platlibdir}{os.sep}{version}"  # the parts that are written in C
    return _folder(os.__file__.rpartition(os.sep)[0]), _folder(compiled)


@cache
def _installed() -> tuple[str, ...]:
    """The folders of what is installed."""
    return tuple(set(map(_folder, [*site.getsitepackages(), site.getusersitepackages()])))


@lru_cache(maxsize=4096)
def owner_of(path: str) -> Owner:
    """Whose a file is; code without a file is the user's, but for modules that are part of Python.

    >>> owner_of(np.__file__), owner_of(os.__file__), owner_of("queue.py"), owner_of("<string>")
    ('ours', 'python', 'user', 'user')
    """
    if path.startswith("<"):
        return "python" if path.startswith("<frozen ") else "user"
    whole = os.path.normcase(os.path.realpath(path))  # of Windows, capitals are small letters
    if whole.startswith(_OURS):
        return "ours"
    if whole.startswith(_installed()):
        return "installed"
    if whole.startswith(_pythons()):  # within whose folder may lie what is installed for another Python
        return "installed" if any(name in whole for name in _INSTALLED) else "python"
    scripts = _folder(sys.executable.rpartition(os.sep)[0])  # where the commands lie that come with what is installed
    return "installed" if whole.startswith(scripts) else "user"


def is_library(value: Any) -> bool:
    """Whether a function, a class, a module, or the class of an object is Pullback's, NumPy's or Python's own.

    Such code is known not to change, nor to change what it is given.
    """
    if isinstance(value, FunctionType):
        return _is_known(value.__code__.co_filename)
    if isinstance(value, CodeType):
        return _is_known(value.co_filename)
    if isinstance(value, ModuleType):
        return _is_library_module(value.__name__, value)
    kind = value if isinstance(value, type) else type(value)
    name = kind.__module__
    return _is_library_module(name, sys.modules.get(name)) if isinstance(name, str) else False


def _is_known(path: str) -> bool:
    return owner_of(path) in ("ours", "python")


def _is_library_module(name: str, module: ModuleType | None) -> bool:
    file = getattr(module, "__file__", None)
    if isinstance(file, str):
        return _is_known(file)
    return name != "__main__" and name in sys.builtin_module_names


def user_frame() -> FrameType | None:
    """The innermost frame of the user's; where all that runs is installed, the innermost that is not ours."""
    found, owners = None, _owners
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        path = frame.f_code.co_filename
        owner = owners.get(path) or owners.setdefault(path, owner_of(path))
        if owner == "user":
            return frame
        if found is None and owner != "ours":
            found = frame
        frame = frame.f_back
    return found


def user_line() -> str:
    """The line of the user's code that is being executed, as `file:line in function`."""
    frame = user_frame()
    if frame is None:
        return "unknown"
    code, place = frame.f_code, frame.f_lasti  # to find the number of a line takes longer
    known = _lines.get((id(code), place))
    if known is None:
        if len(_lines) >= LINES:
            _lines.clear()
        known = _lines[id(code), place] = code, f"{code.co_filename}:{frame.f_lineno} in {code.co_name}"
    return known[1]
