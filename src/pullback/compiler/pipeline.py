"""The pipeline: passes → fuse → lower → plan → emit → load."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, final

from pullback.compiler.emission.emit import Part, emit
from pullback.compiler.facts import Row, row_of
from pullback.compiler.fusion.fuse import fuse
from pullback.compiler.lowering.kernels import Kernel, NumPyCall, Plan
from pullback.compiler.lowering.layout import Strides
from pullback.compiler.lowering.lower import lower
from pullback.compiler.lowering.plan import plan
from pullback.compiler.lowering.worth import only_looks, unpaid
from pullback.compiler.machine.executable import Executable
from pullback.compiler.machine.load import load
from pullback.compiler.passes.stages import chosen, stages
from pullback.core.collecting import uncollected
from pullback.core.errors import PullbackWarning
from pullback.core.primitive import Primitive
from pullback.programs.loop import loop_, operations_of
from pullback.programs.program import Program, Value
from pullback.programs.spelling import spelled

FEW: Final = 1_500  # operations, up to which loops are written out whose bodies need NumPy
LONG: Final = 3_000  # operations, beyond which one is told that compiling takes a while
TOO_LONG: Final = """{name}: there are {count:,} operations to compile, after what repeats itself became loops
  fix  give all steps of a loop the same shapes and dtypes (pb.scan checks that), or compile the function of one step"""


class Arranged(NamedTuple):
    """A plan, and its parts in order."""

    plan: Plan
    parts: list[Part]


@final
class Pipeline:
    """From a recorded program to code. The passes run once, all else for each way in which arrays lie in memory.

    Parameters
    ----------
    recorded : Program
        As it was recorded.
    switches : str or None
        The passes that are asked for, as in PULLBACK_PASSES; all of them for None.

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
    def __init__(self, recorded: Program, switches: str | None = None) -> None:
        self._switches, self._recorded = chosen(switches), recorded
        self.stages = stages(recorded, self._switches)
        self.program = next(reversed(self.stages.values()))
        if (count := operations_of(self.program)) > LONG:
            warnings.warn(PullbackWarning(TOO_LONG.format(name=recorded.name, count=count)), stacklevel=2)
        self.unpaid = only_looks(self.program)

    @uncollected
    def arranged(
        self, given: Mapping[Value, Strides], wanted: Sequence[Strides | None], replaces: Mapping[int, Value]
    ) -> Arranged:
        """The plan of the program and its parts, for inputs and outputs that lie in these ways."""
        arrangement = self._plan(given, wanted, replaces)
        if len(self._recorded.equations) <= FEW and any(map(_is_left_loop, arrangement.kernels)):
            # Step by step, NumPy does what it has to, and code the rest; the body of a loop NumPy would do alone.
            self._switches = tuple(name for name in self._switches if name != "roll")
            self.stages = stages(self._recorded, self._switches)
            self.program = next(reversed(self.stages.values()))
            arrangement = self._plan(given, wanted, replaces)
        return Arranged(arrangement, emit(arrangement))

    def _plan(
        self, given: Mapping[Value, Strides], wanted: Sequence[Strides | None], replaces: Mapping[int, Value]
    ) -> Plan:  # fmt: skip
        groups = fuse(self.program, given, wanted, together="fuse" in self._switches)
        kernels = lower(groups, given, wanted)
        return plan(kernels, replaces if "in_place" in self._switches else {})

    def executable(
        self, given: Mapping[Value, Strides], wanted: Sequence[Strides | None], replaces: Mapping[int, Value],
        key: str | None = None,
    ) -> Executable | None:  # fmt: skip
        """The program as code; None where it does not pay.

        Its native parts are known by `key`, which says all that they follow from; without it, by the program as it is
        after the passes.
        """
        if self.unpaid is not None:
            return None
        arranged = self.arranged(given, wanted, replaces)
        if "worth" in self._switches and (why := unpaid(arranged.plan, self._recorded.equations)):
            self.unpaid = why
            return None
        if key is None and (spelling := spelled(self.program, _is_left)) is not None:
            key = "\n".join((spelling.text, *map(str, (*given.values(), *wanted, *self._switches))))
        return load(arranged.plan, arranged.parts, key)


def _is_left_loop(kernel: Kernel) -> bool:
    """Whether a kernel is a loop that NumPy does, as it has to do something in the body."""
    return isinstance(kernel, NumPyCall) and kernel.equation.primitive is loop_


def _is_left(primitive: Primitive) -> bool:
    """Whether NumPy computes a primitive in any case: nothing else is known of it than why."""
    row = row_of(primitive)
    return row == Row(kernel=row.kernel, alone=row.alone, rounds=row.rounds)
