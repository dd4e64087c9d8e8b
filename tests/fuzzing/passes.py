"""Which passes a program is compiled with: all of them, or one alone; natively even where that does not pay."""

from __future__ import annotations

import os
from contextlib import contextmanager
from unittest import mock

from pullback.compiler.passes.stages import LAST, PASSES, SWITCHES

SWITCH = "PULLBACK_PASSES"  # a list of names, separated by commas
ALL = tuple(name for name in (*PASSES, *LAST, *SWITCHES) if name != "worth")


def choices():
    """All passes together, and each pass alone."""
    return [ALL, *((name,) for name in ALL)]


@contextmanager
def only(names):
    """Compile with these passes."""
    with mock.patch.dict(os.environ, {SWITCH: ",".join(names)}):
        yield
