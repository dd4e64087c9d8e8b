"""A call: what a program is given, and what it depends on.

Arrays are given. Their shapes and dtypes, and all other arguments, are part of what the program is: its *key*.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, NamedTuple, final

import numpy as np

from pullback.core.arrays import as_operand
from pullback.core.errors import OptionError
from pullback.core.modes import Mode
from pullback.core.tree import children, leaves, rebuild, structure
from pullback.programs.identity import PLAIN, frozen
from pullback.programs.tracer import Tracer
from pullback.tensors import Tensor

PLACE: Final = type("Place", (), {"__repr__": lambda _: "array", "__slots__": ()})()
MISFIT: Final = type("Misfit", (), {"__repr__": lambda _: "misfit", "__slots__": ()})()  # a call for another program
_STATE: Final = " that requires a gradient"
_TRACKED: Final = " that is tracked"

Key = tuple[tuple[str, Any], ...]


class Kind(NamedTuple):
    """What a program knows of an array that it is given."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    role: str  # how it stands in the graph: a leaf that requires a gradient is known by identity

    def __repr__(self) -> str:
        return f"{self.dtype}{list(self.shape)}{self.role}"


class Form(NamedTuple):
    """What a program knows of how an argument is nested: functions may ask for types, and for keys."""

    text: str
    kinds: tuple[Any, ...]  # of its containers, and their keys

    def __repr__(self) -> str:
        odd = [kind.__name__ for kind, _ in self.kinds if kind not in (tuple, list, dict)]
        return f"{self.text} of {', '.join(odd)}" if odd else self.text

    @classmethod
    def of(cls, tree: Any) -> Form:
        """The form of a tree."""
        return cls(structure(tree), tuple(_kinds(tree)))


def _kinds(tree: Any) -> Iterator[tuple[type, Any]]:
    parts = children(tree)
    if parts is not None:
        yield type(tree), tuple(frozen(key) for key, _ in parts)
        for _, part in parts:
            yield from _kinds(part)


class Call(NamedTuple):
    """One call.

    Attributes
    ----------
    args, kwargs
        The call itself.
    key : tuple
        What the program depends on.
    given : tree
        (args, kwargs), with a placeholder at each array that the program is given.
    arrays : list
        Those arrays: NumPy's and tensors.
    names : list of str
        What to call them.
    state : list of Tensor
        Leaves that require gradients.
    tracked, fixed : bool
        An argument is the result of recorded operations; an array is part of the key.
    """

    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    key: Key
    given: Any
    arrays: list[Any]
    names: list[str]
    state: list[Tensor]
    tracked: bool
    fixed: bool

    @classmethod
    def of(cls, args: tuple[Any, ...], kwargs: dict[str, Any], static: Static, mode: Mode) -> Call:
        """What a call gives, and the key of the program that it needs."""
        key: list[tuple[str, Any]] = [("modes", mode.flags)]
        call = cls(args, kwargs, (), ([], {}), [], [], [], tracked=False, fixed=False)
        tracked = any_fixed = False
        numbered = [(i, i in static.numbers, value) for i, value in enumerate(args)]
        named = [(name, name in static.names, value) for name, value in kwargs.items()]
        for place, fixed, value in (*numbered, *named):
            name = f"argument {place}"
            parts = [value] if fixed else leaves(value)
            filled = []
            for i, leaf in enumerate(parts):
                label = name if len(parts) == 1 else f"{name}, value {i}"
                if fixed or not _is_array(leaf):
                    any_fixed |= not isinstance(leaf, PLAIN) and isinstance(leaf, (np.ndarray, tuple, list, dict))
                    filled.append(leaf)
                    key.append((label, frozen(leaf)))
                    continue
                if isinstance(leaf, np.ndarray) and type(leaf) is not np.ndarray:
                    as_operand(leaf, f"compile: {label}")  # which refuses what is more than its numbers, such as a mask
                role = _role(leaf)
                tracked |= role == _TRACKED
                filled.append(leaf if role == _STATE else PLACE)
                key.append((label, Kind(leaf.shape, leaf.dtype, role)))
                if role == _STATE:
                    call.state.append(leaf)
                else:
                    call.arrays.append(leaf)
                    call.names.append(label)
            if not fixed:
                key.append((f"{name}, structure", Form.of(value)))
            whole = filled[0] if fixed else rebuild(value, filled)
            if isinstance(place, int):
                call.given[0].append(whole)
            else:
                call.given[1][place] = whole
        return call._replace(key=tuple(key), tracked=tracked, fixed=any_fixed)

    def fill(self, tracer: Tracer) -> Any:
        """(args, kwargs) with tensors that the tracer knows."""
        tensors = iter([self._argument(tracer, i) for i in range(len(self.arrays))])
        return rebuild(self.given, [next(tensors) if leaf is PLACE else leaf for leaf in leaves(self.given)])

    def plainly(self, f: Callable[..., Any]) -> Any:
        """What the function gives as it is written, for tensors in place of arrays, as when it is recorded."""
        views = [
            x if isinstance(x, Tensor) else Tensor(x[...] if isinstance(x, np.ndarray) else x) for x in self.arrays
        ]
        held = [view.array for view in views]
        filled = iter(views)
        args, kwargs = rebuild(self.given, [next(filled) if x is PLACE else x for x in leaves(self.given)])
        result = f(*args, **kwargs)
        originals: dict[int, Any] = {}
        for original, view, array in zip(self.arrays, views, held, strict=True):
            if isinstance(original, Tensor):
                continue
            originals[id(view)] = Tensor(np.array(view.array))  # of its own: the caller's memory may be used again
            if view.array is not array and isinstance(original, np.ndarray):
                original[...] = view.array  # what is written to the tensor is written to the array
        given = [x for x in self.arrays if isinstance(x, np.ndarray)]
        return rebuild(result, [originals.get(id(x), _apart(boxed(x), given)) for x in leaves(result)])

    def _argument(self, tracer: Tracer, number: int) -> Tensor:
        array, name = self.arrays[number], self.names[number]
        if isinstance(array, Tensor):
            return tracer.argument(array.array, name, number, array)
        whole = isinstance(array, np.ndarray)
        return tracer.argument(np.array(array) if whole else array, name, number, array)  # the caller may change it


@final
class Static:
    """The arguments whose value is part of the program, by position and by name.

    Raises OptionError if the function has no such argument.
    """

    def __init__(self, f: Callable[..., Any], numbers: Sequence[int], names: Sequence[str]) -> None:
        self.given = (*numbers,), (*names,)
        self.numbers, self.names = set(numbers), set(names)
        if not numbers and not names:
            return
        try:
            parameters = list(inspect.signature(f).parameters.values())
        except (ValueError, TypeError):
            return
        known = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
        kinds = {p.kind for p in parameters}
        for number in numbers:
            if not (-len(known) <= number < len(known) or (number >= 0 and inspect.Parameter.VAR_POSITIONAL in kinds)):
                raise OptionError("compile: static_argnums names no argument", got=number, arguments=", ".join(known))
        for name in names:
            if name not in {p.name for p in parameters} and inspect.Parameter.VAR_KEYWORD not in kinds:
                raise OptionError("compile: static_argnames names no argument", got=name, arguments=", ".join(known))
        self.numbers = {n % len(known) if n < 0 else n for n in numbers}
        self.names |= {known[n] for n in self.numbers if n < len(known)}
        self.numbers |= {i for i, name in enumerate(known) if name in self.names}


def has_name(f: Callable[..., Any]) -> bool:
    """Whether a module calls a function by its name, as pickle asks; one that is decorated gave its name away."""
    found: Any = sys.modules.get(getattr(f, "__module__", None) or "")
    for part in getattr(f, "__qualname__", "<").split("."):
        found = getattr(found, part, None)
    return found is f


def _role(leaf: Any) -> str:
    if not isinstance(leaf, Tensor) or leaf.node is None:
        return ""
    return _STATE if leaf.is_leaf else _TRACKED


def _is_array(value: Any) -> bool:
    return isinstance(value, Tensor) or (isinstance(value, (np.ndarray, np.generic)) and value.dtype.kind in "biufc")


def _apart(value: Any, given: Sequence[np.ndarray[Any, Any]]) -> Any:
    """A result that shares no memory with what the caller gave and may use again."""
    shares = (
        isinstance(value, Tensor) and value.node is None and any(np.may_share_memory(value.array, x) for x in given)
    )
    return Tensor(value.array.copy()) if shares else value


def boxed(value: Any) -> Any:
    """A NumPy array of numbers as a tensor, all else as it is."""
    return Tensor(value) if isinstance(value, np.ndarray) and value.dtype.kind in "biufc" else value


def difference(old: Key, new: Key) -> str:
    """The first thing in which two keys differ, in words."""
    for (_, before), (name, now) in zip(old, new, strict=False):
        if before != now:
            return f"{name}: {_say(now)} where there was {_say(before)}"
    return "another number of arguments"


def _say(part: Any) -> str:
    if isinstance(part, tuple) and part and isinstance(part[0], type):
        return f"{part[0].__name__}s" if part[0] is np.ndarray else str(part[-1])
    if isinstance(part, tuple) and not isinstance(part, (Kind, Form)):
        recording, strict_nan, strict = part
        on = {"no_grad": not recording, "strict_nan": strict_nan, "strict": strict}
        return ", ".join(name for name, flag in on.items() if flag) or "none"
    return repr(part)
