"""What recordings and the compiler leave behind: memory that nobody uses any more goes back to the system.

The arrays of a recorded call are freed when it ends, and a program has memory of its own. But allocators keep what was
freed, for as long as the process lives. Source: malloc_trim(3), of the GNU C library; others give back by themselves.
"""

from __future__ import annotations

import ctypes
from contextlib import suppress
from typing import Final

from pullback.core.memory import let_go
from pullback.programs.program import Program

LARGE: Final = 1 << 22  # bytes of all that a call makes, from which on to give them back is worth its milliseconds


def give_back(program: Program) -> None:
    """Give back what calls of a function like this program left behind, if that may be much."""
    if sum(equation.output.nbytes for equation in program.equations) >= LARGE:
        let_go()
        with suppress(AttributeError, OSError, TypeError):  # this system has no such function, or no such library
            ctypes.CDLL(None).malloc_trim(0)
