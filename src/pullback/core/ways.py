"""How a walk goes: on arrays or on tensors, and who is told of it."""

from __future__ import annotations

from typing import Any, Final, final

from pullback.core.leaving import RuleExits
from pullback.core.modes import current_mode
from pullback.core.origin import user_line


@final
class Way:
    """How a walk goes: what a recorded one does about exits, who is told of it, and what it changes of the mode."""

    __slots__ = ("changes", "exits", "observers", "plain", "tracing")

    def __init__(self, record: bool) -> None:
        mode = current_mode()
        self.tracing = mode.trace is not None or bool(mode.levels)  # rules are given tensors
        self.observers, self.plain = mode.observers, not record and mode.trace is None  # partials are of arrays
        self.exits: RuleExits | None = None
        self.changes: dict[str, Any] | None = None
        if self.observers:
            self.changes = {"walking": mode.walking + 1}
        if record or self.tracing:
            self.exits = RuleExits()
            # While a program is being traced, or within vmap, walks run on tensors, differentiated again or not.
            self.changes = {**(self.changes or {}), "recording": record, "exits": self.exits}
            if mode.trace is not None:
                self.changes["line"] = mode.line or user_line()


_PLAIN: Final = Way(record=False)  # nothing looks on, nothing is recorded: the way of nearly all walks


def way_of(record: bool) -> Way:
    """The way that a walk goes from here."""
    return _PLAIN if not record and current_mode().apply is None else Way(record)
