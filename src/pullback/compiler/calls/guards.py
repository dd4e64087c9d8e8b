"""What a function can see of Python's values: all that its program depends on and is not given.

The function's own code says what it can see: the variables of its closure and of its module, the attributes and items
that it reads of what they hold; the same of the functions that it calls, itself or by way of a library (`paths.py`). Of
these, numbers, strings and the like are compared by value, and all else by identity. Modules and optimizers are looked
at as a whole, but only once something was noticed to change in one of them (`core/changes.py`).

What is out of sight is listed in decision 8.
"""

from __future__ import annotations

import builtins
import os
import weakref
from collections import ChainMap, UserDict, UserList, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextvars import ContextVar
from functools import partial
from operator import attrgetter, methodcaller
from types import (
    BuiltinMethodType,
    CellType,
    CodeType,
    FunctionType,
    GeneratorType,
    MappingProxyType,
    MethodType,
    ModuleType,
)
from typing import Any, Final, final

import numpy as np

from pullback.compiler.calls.attributes import Attributes
from pullback.compiler.calls.holdings import Holding, kept, memory, told_by_numbers
from pullback.compiler.calls.paths import MOST_INSTALLED, UNKNOWN, Known, Path
from pullback.compiler.calls.wholes import whole
from pullback.core.changes import Noticed, changed
from pullback.core.origin import is_library, owner_of
from pullback.core.tree import children
from pullback.programs.dependencies import MISSING, Fact, Numbers, numbers
from pullback.programs.effects import SMALL, changing, contents
from pullback.programs.identity import PLAIN
from pullback.tensors import Tensor

_MOST: Final = 10_000  # objects that are looked at
_LONGEST: Final = 256  # of containers of more values, their number alone is compared at each call
_LOOK_UP: Final = (getattr, setattr, hasattr, delattr, vars, attrgetter, object.__getattribute__, object.__setattr__)
_cell: Final = attrgetter("cell_contents")
_of_context: Final = methodcaller("get", MISSING)


@final
class Dependencies:
    """All that a function can see, as it is now.

    Parameters
    ----------
    f : callable
        The function.
    others : iterable
        What else it is given: objects among its arguments, and the modules that it was found to call.
    free : mapping
        For arrays, by `id`, which of their numbers were found not to matter.

    Attributes
    ----------
    names : list of Fact
        What names stand for, to be compared at each call by identity.
    contents : list of Fact
        What small containers and arrays hold, likewise.
    noticed : list of Fact
        What has to be compared only when something was noticed to change.
    """

    def __init__(self, f: Any, others: Iterable[Any] = (), free: Mapping[int, Any] = MappingProxyType({})) -> None:
        self.names, self.contents, self.noticed = list[Fact](), list[Fact](), list[Fact]()
        self._free = dict(free)
        self._large: list[tuple[Any, str, str | None]] = []
        self.done: dict[tuple[int, str], Any] = {}  # which keeps alive what was looked at
        self._changing: list[tuple[Any, str, str | None]] = []
        self._absent: dict[int, tuple[dict[str, Any], str, set[str]]] = {}
        self._reached: dict[int, tuple[Any, str]] = {}
        self._named: dict[str, str] = {}
        self._installed = 0  # how many functions of installed packages were followed
        self._attributes = Attributes(self)
        self.use(f, getattr(f, "__name__", "function"))
        for value in others:
            self.use(value, type(value).__name__)
        self._settle()
        for own, label, names in self._absent.values():
            self.names.append(Fact(own.keys().isdisjoint, frozenset(names), value=True, label=f"{label} lacks names"))

    @property
    def changing(self) -> Iterator[tuple[Any, str, str | None]]:
        """What changes by itself, with what to call it and the line that names it."""
        return iter(self._changing)

    def changes(self) -> Iterator[Fact]:
        """What is not as it was."""
        return (fact for fact in (*self.names, *self.contents, *self.noticed) if not fact.holds)

    def know(self, inputs: Mapping[int, Any], free: Mapping[int, Any]) -> None:
        """Look at large arrays that the program does not read; no longer at numbers found not to matter."""
        for i, fact in enumerate(self.contents):
            if type(fact.value) is Numbers and id(fact.argument) in free:
                self.contents[i] = fact._replace(value=numbers(fact.argument, free[id(fact.argument)]))
        found = (entry for entry in self._large if id(entry[0]) not in inputs)
        self.contents += [Fact(numbers, array, numbers(array), label, line) for array, label, line in found]
        self._large.clear()

    def undo(self) -> None:
        """Let variables and attributes stand for what they stood for."""
        for fact in (fact for fact in (*self.names, *self.noticed) if not fact.holds):
            owner = getattr(fact.get, "__self__", None)
            if isinstance(fact.argument, CellType) and fact.value is not MISSING:
                fact.argument.cell_contents = fact.value
            elif isinstance(owner, dict) and fact.get == owner.__getitem__:
                dict.__setitem__(owner, fact.argument, fact.value)
                changed()

    # What the code does (`paths.Sight`).

    def variable(self, variables: dict[str, Any], name: str, line: str = "") -> Known:
        """A variable of a module, or of Python's own."""
        if name in variables:
            value = variables[name]
            self.note(variables, variables.__getitem__, name, value, name, line)
            return Known(((value, name),))
        self.absent(variables, name, "a variable appears")
        value = getattr(builtins, name, MISSING)
        if any(value is one for one in (globals, locals, eval, exec)):
            for key in [key for key in variables if not key.startswith("__")]:
                self.variable(variables, key, line)
        self._attributes.open |= any(value is one for one in _LOOK_UP)
        return UNKNOWN if value is MISSING else Known(((value, name),))

    def cell(self, cell: CellType, name: str, line: str = "") -> Known:
        """A variable of a function around."""
        try:
            value = cell.cell_contents
        except ValueError:  # a variable without a value yet
            value = MISSING
        self.note(cell, _cell, cell, value, name, line)
        return UNKNOWN if value is MISSING else Known(((value, name),))

    def attribute(self, value: Any, label: str, name: str, line: str = "") -> Known:
        """An attribute of a known object, read or written."""
        return self._attributes.read(value, label, name, line)

    def item(self, value: Any, label: str, key: Any, line: str = "") -> Known:
        """What a known object holds at a constant key."""
        kind = type(value)
        plain = isinstance(value, dict) and kind.__getitem__ is dict.__getitem__ and isinstance(key, PLAIN)
        plain |= isinstance(value, (list, tuple)) and kind.__getitem__ in _BY_NUMBER and type(key) is int
        try:
            found = value[key] if plain else MISSING
        except (LookupError, TypeError):
            found = MISSING
        if found is MISSING:
            self.use(value, label, line)
            return self.parts(value, label, line)
        place = f"{label}[{key!r}]"
        if not isinstance(value, tuple):
            self.note(value, value.__getitem__, key, found, place, line)
        return Known(((found, place),))

    def parts(self, value: Any, label: str, line: str = "") -> Known:
        """What one goes through in a known object."""
        if (held := children(value)) is None or len(held) > _LONGEST:
            return UNKNOWN
        return Known(tuple((part, f"{label}[{key!r}]") for key, part in held), open=type(value) not in (list, tuple))

    def named(self, name: str, line: str = "") -> None:
        """An attribute of an unknown object: it may be that of any that was used."""
        self._named.setdefault(name, line)

    def use(self, value: Any, label: str, line: str | None = None) -> None:
        """A known object goes out of sight: all of it may matter."""
        if isinstance(value, PLAIN) or not self.first(value):
            return
        if isinstance(value, (Tensor, np.ndarray)):
            self._reached[id(value)] = value, label
            if isinstance(value, Tensor):
                return
        if changing(value) is not None:
            self.changes_itself(value, label, line)
        if isinstance(value, Noticed):
            self.noticed += whole(self, value, label)
            if not is_library(value):
                self._reached[id(value)] = value, label
                self._attributes.implicit(value, label, "")
        elif (held := memory(value)) is not None:
            self._memory(held, label, line)
        elif isinstance(value, MethodType):
            self.call(value.__func__, label, value.__self__)
            self.use(value.__self__, label.rpartition(".")[0] or "self", line)
        elif isinstance(value, FunctionType):
            self.call(value, label)
        elif isinstance(value, BuiltinMethodType):
            if not isinstance(value.__self__, ModuleType):
                self.use(value.__self__, label.rpartition(".")[0] or label, line)
        elif isinstance(value, partial):
            for part in (value.func, *value.args, value.keywords):
                self.use(part, label, line)
        elif isinstance(value, weakref.ref):
            self.note(value, weakref.ref.__call__, value, value(), f"{label}()", line)
            self.use(value(), f"{label}()", line)
        elif isinstance(value, ContextVar):
            self.note(value, _of_context, value, _of_context(value), f"{label}.get()", line)
            self.use(_of_context(value), f"{label}.get()", line)
        elif isinstance(value, (attrgetter, methodcaller)):
            for name in value.__reduce__()[1]:  # of a caller, arguments follow the name
                for part in name.split(".") if isinstance(name, str) else ():
                    self.named(part, line or "")
        elif isinstance(value, GeneratorType):
            self._code(value.gi_code, value.gi_frame.f_globals if value.gi_frame is not None else {}, {}, {})
        elif isinstance(value, CellType):
            self.use(self.cell(value, label), label, line)
        else:
            self._object(value, label, line)

    def _object(self, value: Any, label: str, line: str | None) -> None:
        """An object of a class, a class, a module or a container."""
        if children(value) is not None or isinstance(value, (set, frozenset, deque)):
            self.container(value, label, line)
        if isinstance(value, (UserDict, UserList, ChainMap)):
            self.use(value.maps if isinstance(value, ChainMap) else value.data, label, line)
        if value is os.environ:
            self.container(vars(value)["_data"], label, line, any_length=True)
        if not is_library(value):
            self._reached[id(value)] = value, label
            self._attributes.implicit(value, label, line or "")
        elif not isinstance(value, (type, ModuleType)):
            self._reached[id(value)] = value, label  # a namespace of Python's holds what is the user's
            if (own := kept(value)) is not None:
                self.contents.append(Fact(*own, own.get(own.argument), label, line))
                for name, part in own.argument.items():
                    self.use(part, f"{label}.{name}", line)
            for part in self._attributes.held(value):
                self.use(part, label, line)

    def first(self, value: Any, what: str = "") -> bool:
        """Whether something is looked at for the first time."""
        key = id(value), what
        if key in self.done or len(self.done) > _MOST:
            return False
        self.done[key] = value
        return True

    def note(
        self, owner: Any, get: Callable[[Any], Any], argument: Any, value: Any, label: str, line: str | None
    ) -> None:
        """Note what a name stands for."""
        if self.first(owner, f"is {argument!r} {label}" if isinstance(argument, str) else f"is {label}"):
            self.names.append(Fact(get, argument, value, label, line or None))

    def absent(self, own: dict[str, Any], name: str, label: str) -> None:
        """Note that there is nothing of a name."""
        self._absent.setdefault(id(own), (own, label, set()))[2].add(name)

    def changes_itself(self, value: Any, label: str, line: str | None) -> None:
        """Note what may change by itself."""
        if self.first(value, "changes"):
            self._changing.append((value, label, line))

    def container(self, value: Any, label: str, line: str | None, *, any_length: bool = False) -> None:
        """Note what a container holds, and look at that too."""
        if len(value) > _LONGEST and not any_length:
            self.contents.append(Fact(len, value, len(value), label, line))
            return
        if not isinstance(value, (tuple, frozenset)):
            self.contents.append(Fact(contents, value, contents(value), label, line))
        for key, part in children(value) or enumerate(value):
            self.use(part, f"{label}[{key!r}]", line)

    def _memory(self, held: Holding, label: str, line: str | None) -> None:
        """What was computed from numbers before tensors came in is a number of the program."""
        get, array = held
        if get is numbers and array.nbytes > SMALL:
            self._large.append((array, label, line))
            return
        value = numbers(array, self._free.get(id(array), np.zeros(array.size, bool))) if get is numbers else get(array)
        self.contents.append(Fact(get, array, value, label, line))
        for part in array.flat if get is not numbers and isinstance(array, np.ndarray) else ():  # of objects
            self.use(part, label, line)

    def call(self, function: Any, label: str, owner: Any = MISSING) -> None:
        """What a function sees that is called, on an object."""
        if not isinstance(function, FunctionType):
            self.use(function, label)
            return
        if not self.first(function, "called" if owner is MISSING else f"called on {id(owner)}"):
            return
        if told_by_numbers(owner, function):
            self.use(owner, label.rpartition(".")[0])
            return
        cells = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))
        if is_library(function):  # one that wraps another, which it never changes
            for cell in cells.values():
                inside = Fact(_cell, cell, None, "").now
                if isinstance(inside, FunctionType):
                    self.call(inside, label, owner)
                elif inside is not MISSING:
                    self.use(inside, label)
            return
        for part in ("__code__", "__defaults__", "__kwdefaults__"):
            if (now := getattr(function, part)) is not None:
                self.note(function, attrgetter(part), function, now, f"{label}.{part}", None)
                self.use(now if isinstance(now, dict) else None, f"{label}.{part}")
        code, names = function.__code__, {}
        arguments, defaults = code.co_varnames[: code.co_argcount], function.__defaults__ or ()
        for name, value in zip(reversed(arguments), reversed(defaults), strict=False):
            names[name] = Known(((value, name),), open=True)
        for name, value in (function.__kwdefaults__ or {}).items():
            names[name] = Known(((value, name),), open=True)
        if owner is not MISSING and arguments:
            names[arguments[0]] = Known(((owner, label.rpartition(".")[0] or arguments[0]),))
        self._code(code, function.__globals__, cells, names)
        if "super" in code.co_names and owner is not MISSING:
            self.use(owner, label.rpartition(".")[0])

    def _code(
        self, code: CodeType, variables: dict[str, Any], cells: dict[str, CellType], names: dict[str, Known]
    ) -> None:
        if owner_of(code.co_filename) == "installed":
            self._installed += 1
        if not is_library(code) and self._installed <= MOST_INSTALLED:
            Path(self, code, variables, cells, names).follow()

    def _settle(self) -> None:
        """Look up all that is named of unknown objects in all that were used: which may lead to more."""
        seen: set[tuple[int, str]] = set()
        while True:
            new = [(k, n) for k in [*self._reached] for n in [*self._named] if (k, n) not in seen]
            whole = [pair for pair in [*self._reached.values()] if self._attributes.open and self.first(pair[0], "all")]
            if not new and not whole:
                return
            seen.update(new)
            for key, name in new:
                value, label = self._reached[key]
                for found, place in self._attributes.of_any(value, label, name, self._named[name]).objects:
                    self.use(found, place, self._named[name])
            for value, label in whole:
                self._attributes.all_of(value, label, "")


_BY_NUMBER: Final = (list.__getitem__, tuple.__getitem__)
