"""Which passes a program is compiled with: all of them, or one alone."""

from __future__ import annotations

import os
from contextlib import contextmanager
from unittest import mock

from pullback.compiler.passes.stages import PASSES, SWITCHES

SWITCH = "PULLBACK_PASSES"  # a list of names, separated by commas; all passes if there is none


def choices():
    """None for all passes together, and each pass alone."""
    return [None, *((name,) for name in (*PASSES, *SWITCHES))]


@contextmanager
def only(names):
    """Compile with these passes, or with all if None."""
    with mock.patch.dict(os.environ, {} if names is None else {SWITCH: ",".join(names)}):
        yield
