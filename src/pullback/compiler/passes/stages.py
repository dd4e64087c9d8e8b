"""The passes, in order: each takes a program and gives one that means the same."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Final

from pullback.compiler.passes.blocks import block
from pullback.compiler.passes.deduplicate import deduplicate
from pullback.compiler.passes.expand import expand
from pullback.compiler.passes.lifting.hoist import hoist
from pullback.compiler.passes.lifting.sink import sink
from pullback.compiler.passes.prune import prune
from pullback.compiler.passes.reals import reals
from pullback.compiler.passes.rematerialize import rematerialize
from pullback.compiler.passes.rolling import roll
from pullback.compiler.passes.signs import signs
from pullback.compiler.passes.simplify import simplify
from pullback.compiler.passes.turn import turn
from pullback.compiler.passes.unmerge import unmerge
from pullback.core.errors import OptionError
from pullback.programs.loop import Loop, loop_
from pullback.programs.program import Equation, Program

Pass = Callable[[Program], Program]

PASSES: Final[dict[str, Pass]] = {
    "roll": roll, "sink": sink, "signs": signs, "expand": expand, "reals": reals, "unmerge": unmerge,
    "simplify": simplify, "deduplicate": deduplicate, "hoist": hoist, "prune": prune,
}  # fmt: skip
SWITCHES: Final = ("fuse", "in_place", "worth")  # what comes after the passes and can be switched off like one
LAST: Final[dict[str, Pass]] = {
    "turn": turn,
    "block": block,
    "rematerialize": rematerialize,
}  # once, when all is as it will be
ROUNDS: Final = 2  # what one pass leaves, another may find something in


def through(change: Pass, program: Program) -> Program:
    """A program after a pass that goes into the bodies of its loops, too."""

    def inside(equation: Equation) -> Equation:
        if equation.primitive is not loop_:
            return equation
        loop: Loop = equation.params["loop"]
        body = through(change, loop.body)
        return equation if body == loop.body else replace(equation, params={"loop": loop.with_body(body)})

    program = change(program)
    equations = tuple(map(inside, program.equations))
    return program if equations == program.equations else program.with_equations(equations)


def chosen(asked: str | None) -> tuple[str, ...]:
    """The names of the passes that are switched on: those that PULLBACK_PASSES lists, all where it is not set.

    Raises
    ------
    OptionError
        If it names something else.
    """
    known = (*PASSES, *LAST, *SWITCHES)
    names = known if asked is None else tuple(filter(None, asked.replace(" ", "").split(",")))
    for name in names:
        if name not in known:
            raise OptionError("PULLBACK_PASSES: no such pass", got=name, fix=f"some of {', '.join(known)}")
    return names


def stages(program: Program, names: Collection[str] | None = None) -> dict[str, Program]:
    """The program as recorded, and after each pass that changed it; one of the second round is called `simplify 2`."""
    names = chosen(None) if names is None else names
    found = {"record": program}
    listed = [(name, number, PASSES[name]) for number in range(1, ROUNDS + 1) for name in PASSES]
    for name, number, change in (*listed, *((name, 1, change) for name, change in LAST.items())):
        if name in names:
            changed = change(program) if name in LAST else through(change, program)
            if changed.equations != program.equations or changed.outputs != program.outputs:
                found[name if number == 1 else f"{name} {number}"] = program = changed
    return found
