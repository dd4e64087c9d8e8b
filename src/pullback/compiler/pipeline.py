"""The pipeline: passes → fuse → lower → plan → emit → load."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Final, final

from pullback.compiler.emission.emit import emit
from pullback.compiler.fusion.fuse import fuse
from pullback.compiler.lowering.kernels import Strides
from pullback.compiler.lowering.lower import lower
from pullback.compiler.lowering.plan import plan
from pullback.compiler.lowering.worth import only_looks, unpaid
from pullback.compiler.machine.executable import Executable, load
from pullback.compiler.passes.stages import chosen, stages
from pullback.core.collecting import uncollected
from pullback.core.errors import PullbackWarning
from pullback.programs.loop import operations_of
from pullback.programs.program import Program, Value

LONG: Final = 3_000  # operations, beyond which one is told that compiling takes a while
TOO_LONG: Final = """{name}: there are {count:,} operations to compile, after what repeats itself became loops
  fix  give all steps of a loop the same shapes and dtypes (pb.scan checks that), or compile the function of one step"""


@final
class Pipeline:
    """From a recorded program to code. The passes run once, all else for each way in which arrays lie in memory.

    Attributes
    ----------
    stages : dict
        The program as recorded, and after each pass that changed it, by name and in order.
    program : Program
        After the passes.
    unpaid : str or None
        Why the function had better run as it is written, where that is known.
    """

    @uncollected
    def __init__(self, recorded: Program) -> None:
        self._switches, self._recorded = chosen(), recorded
        self.stages = stages(recorded, self._switches)
        self.program = next(reversed(self.stages.values()))
        if (count := operations_of(self.program)) > LONG:
            warnings.warn(PullbackWarning(TOO_LONG.format(name=recorded.name, count=count)), stacklevel=2)
        self.unpaid = only_looks(self.program)

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
        groups = fuse(self.program, given, wanted, together="fuse" in self._switches)
        kernels = lower(groups, given, wanted)
        arranged = plan(kernels, replaces if "in_place" in self._switches else {})
        if "worth" in self._switches and (why := unpaid(arranged, self._recorded.equations)):
            self.unpaid = why
            return None
        parts = emit(arranged)
        return load(arranged, parts, known_by=(self.program, *given.values(), *wanted, *self._switches))
