"""Modules and optimizers, which are looked at as a whole: they say themselves when something changes in them."""

from __future__ import annotations

from collections.abc import Iterator
from operator import attrgetter
from typing import Any, Protocol

from pullback.core.origin import is_library
from pullback.core.tree import children
from pullback.programs.dependencies import Fact
from pullback.programs.effects import contents
from pullback.programs.identity import PLAIN


class Looking(Protocol):
    """Who looks."""

    def use(self, value: Any, label: str, line: str | None = None) -> None:
        """All of a value may matter."""

    def first(self, value: Any, what: str = "") -> bool:
        """Whether something is looked at for the first time."""


def whole(looking: Looking, value: Any, label: str) -> Iterator[Fact]:
    """All of a module or an optimizer: its class, what is written there, its own attributes, and what these hold."""
    own, library = vars(value), is_library(value)
    yield Fact(type, value, type(value), f"the class of {label}")
    shared = {k for c in type(value).__mro__ for k, v in vars(c).items() if isinstance(v, PLAIN)}
    for name in (k for k in shared if not k.startswith("_") and k not in own):
        yield Fact(attrgetter(name), value, getattr(value, name), f"{label}.{name}")
    for name, part in own.items():
        yield Fact(own.__getitem__, name, part, f"{label}.{name}")
        yield from _held(looking, part, f"{label}.{name}", library=library)
    yield Fact(tuple, own, tuple(own), f"{label}.__dict__")


def _held(looking: Looking, value: Any, label: str, *, library: bool) -> Iterator[Fact]:
    """What a module or an optimizer holds; Pullback's own say when a container of theirs changes."""
    if not (library and isinstance(value, (dict, list, tuple, set))):
        looking.use(value, label)
    elif looking.first(value):
        yield Fact(contents, value, contents(value), label)
        for key, part in children(value) or ():
            yield from _held(looking, part, f"{label}.{key}", library=library)
