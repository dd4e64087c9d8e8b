"""Attributes, as Python finds them, without running anything: the object's own, a slot, a property, its class's.

A guard reads them in the same way, so it never runs a `__getattr__`, a property or another descriptor of the user's.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from operator import attrgetter
from types import (
    FunctionType,
    GetSetDescriptorType,
    MappingProxyType,
    MemberDescriptorType,
    MethodType,
    ModuleType,
)  # fmt: skip
from typing import Any, Final, final

import numpy as np

from pullback.compiler.calls.paths import UNKNOWN, Known, Sight
from pullback.core.changes import Noticed
from pullback.core.origin import is_library
from pullback.programs.dependencies import MISSING
from pullback.programs.identity import PLAIN
from pullback.tensors import Tensor

_OF_ARRAYS: Final = ("shape", "dtype", "ndim", "size", "nbytes", "itemsize")  # of which no number is part
_OF_TENSORS: Final = ("requires_grad", "name", "is_leaf")
_ENVIRONMENT: Final = ("environ", "getenv", "environb", "getenvb")
_NOT_IMPLICIT: Final = ("__init__", "__new__", "__del__", "__init_subclass__", "__class_getitem__")
_SIMPLE: Final = (FunctionType, staticmethod, classmethod, property, MemberDescriptorType, GetSetDescriptorType)


@final
class Attributes:
    """Reads attributes on behalf of what looks (`paths.Sight`), and notes each."""

    def __init__(self, sight: Sight) -> None:
        self._sight = sight
        self.open = False
        """Whether attributes are looked up by names that are computed."""

    def read(self, value: Any, label: str, name: str, line: str) -> Known:
        """An attribute of an object."""
        if isinstance(value, (Tensor, np.ndarray)):
            if name in _told_of(value):
                self._sight.note(value, attrgetter(name), value, getattr(value, name), f"{label}.{name}", line)
            else:
                self._sight.use(value, label, line)
            return UNKNOWN
        if isinstance(value, PLAIN):
            return UNKNOWN
        if isinstance(value, ModuleType):
            return self._of_module(value, label, name, line)
        if isinstance(value, type):
            return self._of_class(value, label, name, line)
        return self._of_object(value, label, name, line)

    def of_any(self, value: Any, label: str, name: str, line: str) -> Known:
        """An attribute of an unknown object, which may be this one; nothing is said of what is not there."""
        if isinstance(value, (Tensor, np.ndarray)):
            there = name in _told_of(value)
        elif isinstance(value, ModuleType):
            there = name in vars(value)
        else:
            kind = value if isinstance(value, type) else type(value)
            there = name in _own(value) or any(name in vars(c) for c in kind.__mro__ if not is_library(c))
        return self.read(value, label, name, line) if there else Known()

    def implicit(self, value: Any, label: str, line: str) -> None:
        """What Python and libraries read of an object that they are given: its special methods, and what they override.

        The constructors of a class; all of an object whose attributes may be looked up by computed names.
        """
        sight = self._sight
        if isinstance(value, ModuleType):
            return
        if isinstance(value, type):
            for name in ("__init__", "__new__", "__post_init__"):
                for found in _definitions(value, name):
                    sight.call(found, f"{label}.{name}")
            return
        kind, own = type(value), _own(value)
        if own is not _NOTHING and not isinstance(value, Noticed):
            sight.changes_itself(own, label, line)
        known = {name for c in kind.__mro__ if is_library(c) for name in vars(c)} - {*_NOT_IMPLICIT}
        names = {name for c in kind.__mro__ if not is_library(c) for name in vars(c)}
        for name in sorted(n for n in names if n in known or (n.startswith("__") and n not in _NOT_IMPLICIT)):
            if any(isinstance(found, FunctionType) for found in _definitions(kind, name)):
                self._of_object(value, label, name, line, called=True)
        if "__getattr__" in names or "__getattribute__" in names:
            self.all_of(value, label, line)

    def all_of(self, value: Any, label: str, line: str) -> None:
        """All attributes of an object, of which any may be looked up."""
        kind = type(value)
        own = set(_own(value)) if not isinstance(value, ModuleType) else set()
        slots = {n for c in kind.__mro__ for n, found in vars(c).items() if isinstance(found, MemberDescriptorType)}
        names = {name for c in kind.__mro__ if not is_library(c) for name in vars(c) if not name.startswith("__")}
        for name in sorted({*map(str, own), *slots, *names} if not is_library(kind) else own):
            for found, place in self.read(value, label, name, line).objects:
                self._sight.use(found, place, line)

    def held(self, value: Any) -> Iterator[Any]:
        """The functions that an object of a library's holds, as a rule of one's own or a cached function does."""
        wrapped = getattr(value, "__wrapped__", None) if type(value).__module__ == "functools" else None
        if wrapped is not None:
            yield wrapped
        if type(value).__module__.partition(".")[0] in ("pullback", "numpy") and not isinstance(value, type):
            for name, part in _own(value).items():
                if name == "rules":
                    yield from (rule.at for rule in part if rule is not None)
                elif callable(part) and not _is_made_here(part):
                    yield part

    # Where an attribute is found.

    def _of_module(self, module: ModuleType, label: str, name: str, line: str) -> Known:
        own, place = vars(module), f"{label}.{name}"
        if is_library(module):
            if module.__name__ == "os" and name in _ENVIRONMENT:
                self._sight.use(own["environ"], "os.environ", line)
            return Known(((own[name], place),)) if name in own else UNKNOWN
        if name in own:
            self._sight.note(module, own.__getitem__, name, own[name], place, line)
            return Known(((own[name], place),))
        self._sight.absent(own, name, label)
        self._sight.use(own.get("__getattr__"), f"{label}.__getattr__", line)
        return UNKNOWN

    def _of_class(self, kind: type, label: str, name: str, line: str) -> Known:
        place, found = f"{label}.{name}", self._in_class(kind, label, name, line)
        for one in _definitions(type(kind), name):
            if isinstance(one, property) and one.fget is not None:
                self._sight.call(one.fget, place, kind)
            elif isinstance(one, FunctionType):
                self._sight.call(one, place, kind)
        if found is MISSING or is_library(kind):
            self._sight.use(kind, label, line)
            return UNKNOWN
        if isinstance(found, (staticmethod, classmethod)):
            self._sight.call(found.__func__, place, MISSING if isinstance(found, staticmethod) else kind)
            return UNKNOWN
        if isinstance(found, FunctionType):
            self._sight.use(kind, label, line)
        return Known(((found, place),))

    def _of_object(self, value: Any, label: str, name: str, line: str, *, called: bool = False) -> Known:
        sight, kind, place = self._sight, type(value), f"{label}.{name}"
        own = _own(value)
        if not (is_library(kind) or isinstance(value, Noticed)):
            sight.note(value, type, value, kind, f"the class of {label}", line)
        if isinstance(value, threading.local) and name in own:  # each thread has its own
            sight.note(value, attrgetter(name), value, own[name], place, line)
            return Known(((own[name], place),))
        found = self._in_class(kind, label, name, line, there=name in own)
        if isinstance(found, MemberDescriptorType):
            try:
                held = found.__get__(value)
            except AttributeError:
                held = MISSING
            sight.note(value, found.__get__, value, held, place, line)
            return UNKNOWN if held is MISSING else Known(((held, place),))
        if isinstance(found, property):
            for one in _definitions(kind, name):
                for part in (one.fget, one.fset) if isinstance(one, property) else ():
                    if part is not None:
                        sight.call(part, place, value)
            return UNKNOWN
        if name == "__dict__" and own is not _NOTHING:
            sight.use(own, place, line)
        if name in own and not called:
            if not isinstance(value, Noticed):
                sight.note(value, own.__getitem__, name, own[name], place, line)
            return Known(((own[name], place),))
        if own is not _NOTHING and not isinstance(value, Noticed) and not called:
            sight.absent(own, name, label)
        if found is MISSING:
            sight.use(value, label, line)
            return UNKNOWN
        return self._bound(value, found, label, name, line)

    def _bound(self, value: Any, found: Any, label: str, name: str, line: str) -> Known:
        """What an attribute of a class gives when it is read of an object."""
        sight, kind, place = self._sight, type(value), f"{label}.{name}"
        if isinstance(found, (staticmethod, classmethod)):
            sight.call(found.__func__, place, MISSING if isinstance(found, staticmethod) else kind)
            return UNKNOWN
        if isinstance(found, FunctionType) and not is_library(found):
            for one in _definitions(kind, name):  # also those that `super()` leads to
                sight.call(one, place, value)
            return Known(((MethodType(found, value), place),))
        if not hasattr(type(found), "__get__"):
            return Known(((found, place),))
        # A method of a library's, or one that a decorator made, or a descriptor of another kind.
        sight.use(value, label, line)
        for one in (found, getattr(found, "func", None), getattr(found, "__wrapped__", None)):
            if isinstance(one, FunctionType):
                sight.call(one, place, value)
            elif one is not None and not is_library(one):
                sight.use(one, place, line)
        for part in self.held(found):
            sight.call(part, place, value)
        for one in () if is_library(found) else _definitions(type(found), "__get__"):
            sight.call(one, place, found)
        return UNKNOWN

    def _in_class(self, kind: type, label: str, name: str, line: str, *, there: bool = False) -> Any:
        """What a class has of a name, its own or inherited, and that this stays so; MISSING if it has nothing."""
        definers = [c for c in kind.__mro__ if name in vars(c)]
        if not definers:
            if not is_library(kind) and not there:
                self._sight.note(kind, _in_mro(name), kind, MISSING, f"{label}.{name}", line)
            return MISSING
        found = vars(definers[0])[name]
        if not is_library(kind):
            plain = isinstance(found, _SIMPLE[:2]) or not hasattr(type(found), "__get__")
            plain &= type(kind).__getattribute__ is type.__getattribute__ and not hasattr(type(kind), name)
            get = attrgetter(name) if plain and name.isidentifier() else _in_mro(name)  # of a dotted one it makes two
            self._sight.note(kind, get, kind, get(kind), f"{label}.{name}", line)
            for owner in definers[1:]:
                if not is_library(owner):
                    self._sight.note(owner, vars(owner).__getitem__, name, vars(owner)[name], f"{label}.{name}", line)
        return found


_NOTHING: Final[dict[str, Any]] = {}


def _told_of(value: Any) -> tuple[str, ...]:
    """The attributes of a tensor or an array that say nothing of its numbers."""
    return _OF_TENSORS if isinstance(value, Tensor) else _OF_ARRAYS


def _is_made_here(part: Any) -> bool:
    """Whether something is a function that the compiler made to run a program: it is another from time to time."""
    return isinstance(part, FunctionType) and part.__module__.startswith("pullback.compiler.")


def _own(value: Any) -> dict[str, Any]:
    """The attributes of an object itself."""
    try:
        if isinstance(value, (type, threading.local)):
            return dict(vars(value))
        own = object.__getattribute__(value, "__dict__")
    except AttributeError:
        return _NOTHING
    return own if isinstance(own, dict) else dict(own) if isinstance(own, MappingProxyType) else _NOTHING


def _definitions(kind: type, name: str) -> list[Any]:
    """All that a class and those that it derives from have of a name, but for libraries."""
    return [vars(c)[name] for c in kind.__mro__ if name in vars(c) and not is_library(c)]


class _in_mro:  # noqa: N801 (it is called as a function)
    """Finds what a class has of a name, without running descriptors."""

    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name

    def __call__(self, kind: type) -> Any:
        return next((vars(c)[self._name] for c in kind.__mro__ if self._name in vars(c)), MISSING)
