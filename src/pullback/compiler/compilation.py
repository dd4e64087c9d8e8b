"""Compilation: a recorded program on its way to code, by way of the disk where it was compiled before.

What runs is looked for under all that it follows from: the program as it was recorded, how arrays lie, the passes that
are asked for, the versions, and this processor. So a process that has it compiled already needs neither the passes nor
what comes after them, which are loaded only where they have something to do, or somebody looks at what they did.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import cache, cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Final, final

from pullback.compiler.machine import kept
from pullback.compiler.machine.cache import ObjectCache
from pullback.compiler.machine.leftovers import give_back
from pullback.core.collecting import uncollected
from pullback.core.modes import ModeContext, current_mode
from pullback.programs.program import Program, Value
from pullback.programs.spelling import Spelling, spelled

if TYPE_CHECKING:
    from pullback.compiler.lowering.layout import Strides
    from pullback.compiler.machine.executable import Executable
    from pullback.compiler.pipeline import Arranged, Pipeline

SWITCHES: Final = "PULLBACK_PASSES"  # in the environment


@final
class Compilation:
    """A recorded program on its way to code.

    Attributes
    ----------
    unpaid : str or None
        Why the function had better run as it is written, where that is known.
    """

    def __init__(self, recorded: Program) -> None:
        self._recorded, self._switches = recorded, os.environ.get(SWITCHES)
        mode = current_mode()
        self._flags = mode.flags
        self._mode = ModeContext(recording=mode.recording, strict_nan=mode.strict_nan, strict=mode.strict)
        self.unpaid: str | None = None

    @cached_property
    def pipeline(self) -> Pipeline:
        """All that is done to the program, from the passes on."""
        with self._mode:  # of the call that was recorded, whoever asks
            made: Pipeline = import_module("pullback.compiler.pipeline").Pipeline(self._recorded, self._switches)
        return made

    @cached_property
    def _spelling(self) -> Spelling | None:
        return spelled(self._recorded)

    @uncollected
    def executable(
        self, given: Mapping[Value, Strides], wanted: Sequence[Strides | None], replaces: Mapping[int, Value]
    ) -> Executable | None:
        """The program as code; None where it does not pay, and the function is to run as it is written.

        Parameters
        ----------
        given : mapping
            The strides of the inputs, in elements.
        wanted : sequence
            Those of the outputs, None where they do not matter.
        replaces : mapping
            By number of an output, the input that it replaces and may be written over.
        """
        give_back(self._recorded)
        numbers = {value: i for i, value in enumerate(given)}
        written_over = {i: numbers[value] for i, value in replaces.items()}
        asked = repr(([*given.values()], [*wanted], written_over, self._switches, self._flags))
        spelling = self._spelling if ObjectCache.of_user().obstacle is None else None
        key = None if spelling is None else f"{spelling.text}\n{asked}"
        found = None
        if key is not None and spelling is not None:
            planned = cache(lambda: self._arranged(given, wanted, replaces))
            found = kept.find(key, self._recorded.name, spelling.arrays, planned)
        if found is None:
            with self._mode:
                executable = self.pipeline.executable(given, wanted, replaces, key)
            found = kept.Verdict(executable, self.pipeline.unpaid)
            if key is not None and spelling is not None:
                kept.keep(key, found, spelling.arrays)
        self.unpaid = found.unpaid
        give_back(self._recorded)
        return found.executable

    def _arranged(
        self, given: Mapping[Value, Strides], wanted: Sequence[Strides | None], replaces: Mapping[int, Value]
    ) -> Arranged:
        """The plan and the parts of what was on disk."""
        with self._mode:
            return self.pipeline.arranged(given, wanted, replaces)
