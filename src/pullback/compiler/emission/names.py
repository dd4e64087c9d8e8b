"""What native code is called by: the names that those know who write it, and those who load it."""

from __future__ import annotations

from typing import Final

RUN: Final = "run"  # of a part of a program
PARALLEL: Final = "pullback_parallel"  # what enters a region that threads share
