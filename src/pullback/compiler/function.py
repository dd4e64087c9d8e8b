"""`pb.compile`: a function that is recorded, and from then on runs as a program."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from functools import partial, update_wrapper
from importlib.util import find_spec
from types import MethodType
from typing import Any, final

import numpy as np

from pullback.compiler.agree import agree
from pullback.compiler.record import PLACE, Record, record
from pullback.compiler.run import MISFIT, Runner
from pullback.core.errors import PullbackWarning, TraceError
from pullback.core.modes import MODE
from pullback.core.tree import leaves, rebuild, structure
from pullback.tensor import Tensor

MOST_RECORDINGS = 16


def compile(
    f: Callable[..., Any] | None = None, static_argnums: int | Sequence[int] = (),
    static_argnames: str | Sequence[str] = (),
) -> Any:  # fmt: skip
    """Compile a function of tensors, or a whole training step, from the third call on.

    The first call is an ordinary one, and recorded. So is the second, and the two records must agree: what changed in
    between, and is not in a tensor, is named. From then on the program runs in place of the function.

    Parameters
    ----------
    f : callable, optional
        Takes and gives trees of tensors, arrays and Python values. Without it, a decorator is given.
    static_argnums, static_argnames : int, str or sequences of them
        Arguments whose value is part of the program. Python values always are; this is for arrays.

    Returns
    -------
    Compiled

    Raises
    ------
    TraceError
        From calls: if two records differ, or a number of a tensor is looked at; with the line and the fix.

    >>> import pullback as pb
    >>> square = pb.compile(lambda x: x * x + 1)
    >>> [float(square(pb.tensor(x))) for x in (1.0, 2.0, 3.0)]
    [2.0, 5.0, 10.0]
    """
    numbers = (static_argnums,) if isinstance(static_argnums, int) else tuple(static_argnums)
    names = (static_argnames,) if isinstance(static_argnames, str) else tuple(static_argnames)
    if f is None:
        return partial(compile, static_argnums=numbers, static_argnames=names)
    return Compiled(f, numbers, names)


@final
class Compiled:
    """A compiled function; call it as the function, ask it with `explain()` what it did and why.

    Parameters
    ----------
    f : callable
        Takes and gives trees of tensors, arrays and Python values.
    static_argnums, static_argnames : sequence
        Arguments whose value is part of the program. Python values always are; this is for arrays.
    """

    def __init__(
        self, f: Callable[..., Any], static_argnums: Sequence[int] = (), static_argnames: Sequence[str] = ()
    ) -> None:
        update_wrapper(self, f)
        self.__name__: str = getattr(f, "__name__", "function")
        self._f = f
        self._static = frozenset(static_argnums), frozenset(static_argnames)
        self._entries: dict[Any, _Entry] = {}
        self._reasons: list[str] = []

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return self if instance is None else MethodType(self, instance)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if MODE.get().trace is not None:
            return self._f(*args, **kwargs)  # part of a larger recording
        tree, arrays, names, key = self._signature(args, kwargs)
        entry = self._entries.get(key)
        if entry is None:
            entry = self._new_entry(key)
        return entry.call(self._f, tree, arrays, names)

    def _signature(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, list[Any], list[str], Any]:
        tree: list[Any] = [[], {}]
        arrays: list[Any] = []
        names: list[str] = []
        key: list[Any] = [MODE.get()._replace(outer=None, owner=None, reads=None)]
        numbered = [(i, str(i), value) for i, value in enumerate(args)]
        for place, name, value in (*numbered, *((name, name, value) for name, value in kwargs.items())):
            static = place in self._static[0] or place in self._static[1]
            given = []
            for leaf in [value] if static else leaves(value):
                if not static and isinstance(leaf, (Tensor, np.ndarray, np.generic)):
                    arrays.append(leaf)
                    names.append(f"argument {name}")
                    given.append(PLACE)
                    key.append((leaf.shape, leaf.dtype, isinstance(leaf, Tensor) and leaf.requires_grad))
                else:
                    given.append(leaf)
                    key.append(_frozen(leaf))
            filled = given[0] if static else rebuild(value, given)
            key.append((name, "static" if static else structure(value)))
            if isinstance(place, int):
                tree[0].append(filled)
            else:
                tree[1][place] = filled
        return tree, arrays, names, tuple(key)

    def _new_entry(self, key: Any) -> _Entry:
        if len(self._entries) == MOST_RECORDINGS:
            warnings.warn(
                PullbackWarning(
                    f"{self.__name__}: recorded {MOST_RECORDINGS} times, for other shapes or values each time; "
                    "what changes often had better be a tensor"
                ),
                stacklevel=3,
            )
        known = list(self._entries)
        self._reasons.append("the first call" if not known else _difference(known[-1], key))
        entry = self._entries[key] = _Entry()
        return entry

    def explain(self) -> str:
        """What was recorded and why, in words."""
        lines = [f"{self.__name__}: {len(self._entries)} recordings"]
        for reason, entry in zip(self._reasons, self._entries.values(), strict=True):
            lines.append(f"  {reason}: {entry.state}")
        return "\n".join(lines)


def _frozen(value: Any) -> Any:
    try:
        hash(value)
    except TypeError:
        return type(value), repr(value)
    return type(value), value


def _difference(old: Any, new: Any) -> str:
    for a, b in zip(old, new, strict=False):
        if a != b:
            return f"{_say(b)} where there was {_say(a)}"
    return "another number of arguments"


def _say(part: Any) -> str:
    if isinstance(part, tuple) and len(part) == 3 and isinstance(part[0], tuple):
        return f"{part[1]}{list(part[0])}"
    return repr(part[1]) if isinstance(part, tuple) and len(part) == 2 else repr(part)


@final
class _Entry:
    """One program: recorded, recorded again, compared, and run."""

    def __init__(self) -> None:
        self._first: Record | None = None
        self._ready: Runner | None = None
        self.state = "not run yet"

    def call(self, f: Callable[..., Any], tree: Any, arrays: list[Any], names: list[str]) -> Any:
        if self._ready is not None:
            done = self._ready.run([x.array if isinstance(x, Tensor) else x for x in arrays])
            if done is not MISFIT:
                return done
        result, made = record(f, tree, arrays, names)
        if made.live:
            self.state = "interpreted: its result is still tied to the graph; compile the whole step, or use no_grad"
            return result
        first, self._first = self._first, made
        if first is None or first.state != made.state:
            self.state = "recorded once"
            return result
        agree(first.program, made.program, made.program.name)
        if [c.key for c in first.captured] != [c.key for c in made.captured]:
            raise TraceError(
                f"{made.program.name}: two calls captured different tensors",
                once=", ".join(c.label for c in first.captured), then=", ".join(c.label for c in made.captured),
                fix="change the values of the same tensors (t.assign), instead of making new ones",
            )  # fmt: skip
        self._ready = Runner(made, native=find_spec("llvmlite") is not None)
        self.state = f"{len(made.program.equations)} operations"
        return result
