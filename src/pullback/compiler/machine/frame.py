"""Frames: the memory of one call at a time, and the functions that work in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, final

import numpy as np

from pullback.compiler.emission.names import RUN
from pullback.compiler.machine.entry import entered, nothing
from pullback.compiler.machine.jit import Library
from pullback.compiler.machine.outline import Outline
from pullback.core.threads import get_threads
from pullback.programs.program import Operand


@final
class Frame:
    """The memory of one call at a time, and the functions that work in it.

    Attributes
    ----------
    threads : int
        How many threads it has scratch memory for.
    arena : array of bytes
        The memory of temporaries.
    calls : list of callable
        The native parts in order; each is called with its objects, and gives 0, or what does not fit.
    views : dict
        What NumPy reads of that memory, by operand.
    check : callable or None
        What looks at the inputs where no native code does; it gives the same.
    """

    def __init__(self, outline: Outline, codes: Sequence[Library]) -> None:
        self.threads = get_threads()
        self._memory = np.empty(outline.arena + outline.scratch * self.threads + 192, np.uint8)
        first = -self._memory.ctypes.data % 64
        start = self._memory.ctypes.data + first
        self.arena = self._memory[first : first + outline.arena]
        constants = (start, start + -(-outline.arena // 64) * 64, self.threads)
        self.calls = [
            entered(piece.layouts, code.address(RUN), constants, long=piece.long)
            for piece, code in zip(outline.pieces, codes, strict=True)
        ]
        self.views: dict[Operand, Any] = {}
        self.check = entered(outline.inputs, nothing()) if outline.unseen else None
