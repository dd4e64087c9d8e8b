"""What a function can see of Python's values: all that its program depends on and is not given.

The function's own code says what it can see: the variables of its closure and of its module that it names, and the
attributes that it names of what they hold; the same of the functions that it calls. Of these, numbers, strings and the
like are compared by value, and all else by identity. Modules and optimizers are looked at as a whole, but only once
something was noticed to change in one of them (`core/changes.py`).

Out of sight are values that are found in other ways (`getattr` by a computed name, files, the clock), what is in
containers of more than 64 values, and what NumPy computed from arrays before tensors came in.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from operator import attrgetter
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any, Final, NamedTuple, final

import numpy as np

from pullback.compiler.call import PLAIN, frozen
from pullback.core.changes import Noticed
from pullback.core.tree import children
from pullback.tensor import Tensor

_LIBRARIES: Final = {"pullback", "numpy", *sys.stdlib_module_names} - {"__main__"}
_MOST: Final = 10_000  # objects that are looked at
_LONGEST: Final = 64  # containers of more values are known by identity alone
_DEPTH: Final = 8  # of names that lead from one object to another

_cell: Final = attrgetter("cell_contents")


class Fact(NamedTuple):
    """Something that was seen: `get(argument)` gave `value`."""

    get: Callable[[Any], Any]
    argument: Any
    value: Any
    label: str

    @property
    def now(self) -> Any:
        """What `get` gives now; None if there is nothing any more."""
        try:
            return self.get(self.argument)
        except (AttributeError, ValueError):
            return None

    @property
    def holds(self) -> bool:
        """Whether the value is the same; for what cannot change by itself, equal suffices."""
        now = self.now
        return now is self.value or _same(now, self.value)

    @property
    def number(self) -> bool:
        """Whether the value is a number, and so one of many."""
        return isinstance(self.value, (int, float, complex, np.number)) and not isinstance(self.value, bool)

    def __str__(self) -> str:
        return f"{self.label} was {_shown(self.value)} and is {_shown(self.now)}"


def _same(now: Any, then: Any) -> bool:
    if isinstance(then, tuple) and isinstance(now, tuple):
        return len(now) == len(then) and all(a is b or _same(a, b) for a, b in zip(now, then, strict=True))
    return type(now) is type(then) and isinstance(then, PLAIN) and bool(frozen(now) == frozen(then))


def _shown(value: Any) -> str:
    if isinstance(value, PLAIN):
        return repr(value)
    return f"{len(value)} values" if isinstance(value, tuple) else f"a {type(value).__name__}"


@final
class Seen:
    """All that a function can see, as it is now.

    Attributes
    ----------
    names : list of Fact
        What names stand for, to be compared at each call by identity.
    contents : list of Fact
        What small containers hold, likewise.
    noticed : list of Fact
        What has to be compared only when something was noticed to change.
    """

    def __init__(self, f: Any, arguments: Iterable[Any] = ()) -> None:
        self.names: list[Fact] = []
        self.contents: list[Fact] = []
        self.noticed: list[Fact] = []
        self._named: set[str] = {"__call__"}  # by code that was looked at
        self._done: set[tuple[int, str]] = set()
        self._objects: list[tuple[Any, str]] = []
        self._visit(f, getattr(f, "__name__", "function"))
        for value in arguments:
            self._visit(value, f"a {type(value).__name__}")
        for _ in range(_DEPTH):  # code names attributes, which lead to code
            for value, label in list(self._objects):
                self._attributes(value, label)

    def add(self, owners: Iterable[Any]) -> None:
        """Look at further modules and optimizers."""
        for owner in owners:
            self._whole(owner, type(owner).__name__)

    def changes(self) -> Iterator[Fact]:
        """What is not as it was."""
        return (fact for fact in (*self.names, *self.contents, *self.noticed) if not fact.holds)

    # Where to look.

    def _first(self, value: Any, what: str = "") -> bool:
        key = id(value), what
        if key in self._done or len(self._done) > _MOST:
            return False
        self._done.add(key)
        return True

    def _note(self, owner: Any, get: Callable[[Any], Any], argument: Any, value: Any, label: str) -> None:
        if self._first(owner, label) and not isinstance(value, (ModuleType, type)):
            self.names.append(Fact(get, argument, value, label))
        self._visit(value, label)

    def _visit(self, value: Any, label: str) -> None:
        if isinstance(value, Noticed):
            self._whole(value, label)
        elif isinstance(value, (*PLAIN, Tensor, np.ndarray)) or not self._first(value):
            return
        elif isinstance(value, MethodType):
            self._visit(value.__func__, label)
            self._visit(value.__self__, "self")
        elif isinstance(value, FunctionType):
            self._function(value)
        elif isinstance(value, partial):
            for part in (value.func, *value.args, *value.keywords.values()):
                self._visit(part, label)
        elif (parts := children(value)) is not None:
            if len(parts) <= _LONGEST:
                self.contents.append(Fact(_contents, value, _contents(value), label))
                for key, part in parts:
                    self._visit(part, f"{label}[{key!r}]")
        elif not _is_library(value):
            self._objects.append((value, label))
        if not isinstance(value, FunctionType):
            self._visit(getattr(value, "__wrapped__", None), label)  # what another function was made of

    def _function(self, function: FunctionType) -> None:
        if _is_library(function):  # one that wraps another, which it never changes
            for cell in function.__closure__ or ():
                self._visit(Fact(_cell, cell, None, "").now, function.__name__)
            return
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
            try:
                self._note(cell, _cell, cell, cell.cell_contents, name)
            except ValueError:  # a variable without a value yet
                continue
        names = {name for name in _names_in(function.__code__) if not name.startswith("__")}
        self._named |= names
        for value in (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()):
            self._visit(value, "a default")
        variables = function.__globals__
        for name in sorted(names & variables.keys()):
            self._note(variables, variables.get, name, variables[name], name)

    def _attributes(self, value: Any, label: str) -> None:
        """What the code names of an object: its own attributes, those of its class, and its methods."""
        kind = value if isinstance(value, type) else type(value)
        own = getattr(value, "__dict__", {})
        for name in sorted(self._named):
            place = f"{label}.{name}"
            owner = next((c for c in kind.__mro__ if name in vars(c)), None)
            found = own[name] if name in own else None if owner is None else vars(owner)[name]
            if isinstance(found, (FunctionType, property, staticmethod, classmethod)):
                self._visit(getattr(found, "fget", None) or getattr(found, "__func__", found), place)
            elif isinstance(value, Noticed):
                continue  # known as a whole
            elif name in own:
                if not isinstance(value, ModuleType) or isinstance(found, PLAIN):
                    self._note(value, own.get, name, found, place)
                else:
                    self._visit(found, place)
            elif owner not in (None, object) and hasattr(value, name) and _is_data(found):
                self._note(value, attrgetter(name), value, getattr(value, name), place)

    def _whole(self, value: Any, label: str) -> None:
        """All of a module or an optimizer, and of what it is made of."""
        if isinstance(value, Noticed) and self._first(value):
            own = vars(value)
            shared = {k for c in type(value).__mro__ for k, v in vars(c).items() if isinstance(v, PLAIN)}
            for name in (k for k in shared if not k.startswith("_") and k not in own):
                self.noticed.append(Fact(attrgetter(name), value, getattr(value, name), f"{label}.{name}"))
            for name, part in own.items():
                self.noticed.append(Fact(own.get, name, part, f"{label}.{name}"))
                self._whole(part, f"{label}.{name}")
            self.noticed.append(Fact(tuple, own, tuple(own), f"{label}.__dict__"))
            if not _is_library(value):
                self._objects.append((value, label))
        elif isinstance(value, (dict, list, tuple)) and self._first(value, "whole"):
            self.noticed.append(Fact(_contents, value, _contents(value), label))
            for key, part in children(value) or ():
                self._whole(part, f"{label}.{key}")
        elif not isinstance(value, (Noticed, dict, list, tuple)):
            self._visit(value, label)


def _is_library(value: Any) -> bool:
    """Whether an object is of Pullback's, NumPy's or Python's own, which do not change what they do."""
    if isinstance(value, FunctionType):
        name = value.__globals__.get("__name__", "")
    elif isinstance(value, (ModuleType, type)):
        name = value.__name__ if isinstance(value, ModuleType) else value.__module__
    else:  # an object of a class of Python's may hold anything
        return type(value).__module__.partition(".")[0] in ("pullback", "numpy", "builtins")
    return name.partition(".")[0] in _LIBRARIES


def _is_data(attribute: Any) -> bool:
    """Whether an attribute of a class is a plain value or a slot."""
    return isinstance(attribute, PLAIN) or hasattr(attribute, "__set__")


def _contents(container: Any) -> tuple[Any, ...]:
    return (*container, *container.values()) if isinstance(container, dict) else tuple(container)


def _names_in(code: CodeType) -> Iterator[str]:
    """The names of globals and attributes in a function's code, and in that of the functions inside it."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names_in(constant)
