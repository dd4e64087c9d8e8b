"""Worth: whether a program is quicker natively than the function as it is written; else that is what runs.

The rule looks at the program alone, so that the same function is run in the same way each time. It counts in halves of
an operation of Python's, of which each takes about a microsecond: that is what running natively saves, and entering
native code and calling NumPy from a program is what it costs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pullback.compiler.facts import row_of
from pullback.compiler.fusion.views import gives_only_views
from pullback.compiler.lowering.kernels import Kernel, NumPyCall, Plan, Repeat
from pullback.compiler.lowering.nest import Nest
from pullback.ops.elementwise import identity
from pullback.ops.movement import reshape_
from pullback.programs.program import Equation, Program

ENTRY, CALL, SAVED = 3, 4, 2  # halves of an operation: to enter native code, to call NumPy, that each one saves
LITTLE: Final = 20_000  # instructions, about, beside which a few operations of Python's matter


def only_looks(program: Program) -> str | None:
    """The reason to run a function as it is written, if it gives nothing but views."""
    return "it gives views of what it is given" if gives_only_views(program) else None


def unpaid(plan: Plan, recorded: Sequence[Equation]) -> str | None:
    """Why a program does not pay; None if it does, or may."""
    native = [kernel for kernel in plan.kernels if not isinstance(kernel, NumPyCall) and not _only_copies(kernel)]
    if any(isinstance(kernel, Repeat) for kernel in native) or not recorded:
        return None
    names = dict.fromkeys(equation.primitive.name for equation in recorded)
    moved = [equation.primitive for equation in recorded if equation.primitive is not reshape_]
    if moved and all(row_of(primitive).alone for primitive in moved):
        return f"NumPy is as quick at {' and '.join(names)}, and there is nothing to be fused with"
    if not native:
        return "nothing in it has native code"
    calls = sum(isinstance(kernel, NumPyCall) for kernel in plan.kernels)
    if sum(kernel.cost for kernel in native) > LITTLE or ENTRY + CALL * calls <= SAVED * len(recorded):
        return None
    return "it is so little that native code would not save what entering it costs"


def _only_copies(kernel: Kernel) -> bool:
    """Whether a kernel copies what NumPy made to where it is asked for."""
    return isinstance(kernel, Nest) and all(step.equation.primitive is identity for step in kernel.steps.values())
