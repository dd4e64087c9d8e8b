"""Loading: the parts of a plan become code, from disk where it is known by what it follows from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pullback.compiler.contraction import blas
from pullback.compiler.emission.emit import NativePart, Part
from pullback.compiler.emission.names import RUN
from pullback.compiler.lowering.kernels import Plan
from pullback.compiler.machine import threads
from pullback.compiler.machine.executable import Executable
from pullback.compiler.machine.jit import Library
from pullback.compiler.machine.mixed import Mixed
from pullback.compiler.machine.outline import Outline, Piece
from pullback.programs.program import Constant


def load(plan: Plan, parts: Sequence[Part], key: str | None, others: Mapping[str, int] | None = None) -> Executable:
    """Make the native parts of a plan code; `key` says all that the parts follow from, if that can be said.

    `others` are the addresses of further functions that it calls.
    """
    native = [part for part in parts if isinstance(part, NativePart)]
    outline, codes = outlined(plan, parts), list[Library]()
    for number, part in enumerate(native):
        symbols = threads.symbols() | (blas.symbols() if part.calls_blas else {})  # looking for BLAS loads SciPy
        symbols |= others or {}
        follows_from = (number, part.calls_blas, *part.layouts, outline.replaces, plan.arena, plan.scratch)
        own = None if key is None else "\n".join((key, *map(str, follows_from)))
        codes.append(Library(part.write, [RUN], symbols, name=plan.lowered.fused.program.name, key=own))
    return Executable(outline, codes, lambda: plan, None if outline.whole else Mixed(plan, parts), key)


def outlined(plan: Plan, parts: Sequence[Part]) -> Outline:
    """What a call has to know of a plan."""
    fused = plan.lowered.fused
    native = [part for part in parts if isinstance(part, NativePart)]
    whole = len(native) == len(parts) == 1
    numbers = {value: i for i, value in enumerate(fused.program.inputs)}
    return Outline(
        inputs=tuple(map(plan.lowered.layout, fused.program.inputs)),
        outputs=tuple(map(plan.lowered.layout, fused.outputs)),
        pieces=tuple(Piece(part.layouts, part.long, part.calls_blas) for part in native),
        whole=whole,
        unseen=not parts or not isinstance(parts[0], NativePart),
        constants=tuple(o.value for o in native[0].objects if isinstance(o, Constant)) if whole else (),
        threaded=any(region.threaded for region in plan.regions),
        replaces=tuple((output, numbers[value]) for output, value in plan.in_place.items()),
        arena=plan.arena,
        scratch=plan.scratch,
    )
