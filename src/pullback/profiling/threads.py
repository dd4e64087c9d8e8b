"""What threads are called: those that run, and those that begin while a profile does."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any


def thread_names() -> dict[int | None, str]:
    """The names of the threads that run, by their number."""
    return {thread.ident: thread.name for thread in threading.enumerate()}


def naming(names: dict[int | None, str]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """What is exchanged for `Thread.start`: it notes the name as well."""

    def exchanged(method: Callable[..., Any]) -> Callable[..., Any]:
        def start(thread: threading.Thread) -> None:
            method(thread)
            names[thread.ident] = thread.name

        return start

    return exchanged
