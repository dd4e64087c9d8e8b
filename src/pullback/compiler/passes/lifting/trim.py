"""Trimming: a loop without what it carries, reads and gives for nothing."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from pullback.compiler.passes.lifting.stacks import Around, loop_equation
from pullback.core.opaque import Opaque
from pullback.programs.program import Equation, Value


def trimmed(equation: Equation, picked: Collection[int]) -> tuple[Equation, dict[int, int]]:
    """The equation of a loop of which these outputs are picked, and where each of them is among the new ones.

    It is the same equation where there is nothing to leave out.
    """
    around = Around(equation)
    loop, body = around.loop, around.body
    nexts, given, conditions = loop.outputs
    asked = [given[i - loop.carried] for i in picked if i >= loop.carried] + [*conditions]
    kept = {i for i in picked if i < loop.carried}
    live: set[Value] = set()
    while True:
        wanted = {x for x in (*asked, *(nexts[i] for i in kept)) if isinstance(x, Value)}
        live = _needed(around, wanted)
        more = {i for i, value in enumerate(body.inputs[: loop.carried]) if value in live} - kept
        if not more:
            break
        kept |= more
    carried = sorted(kept)
    others = [i for i in range(len(given)) if i + loop.carried in picked]
    reads = {value: way for value, way in around.reads.items() if value in live}
    if len(carried) == loop.carried and len(others) == len(given) and len(reads) == len(around.reads):
        return equation, {i: i for i in picked}
    inputs = (*(body.inputs[i] for i in carried), *reads)
    outputs = (*(nexts[i] for i in carried), *(given[i] for i in others), *conditions)
    now = [e for e in body.equations if e.output in live or isinstance(e.primitive, Opaque)]
    small = replace(body, inputs=inputs, equations=tuple(now), outputs=outputs)
    inits, stacked = [around.inits[i] for i in carried], [loop.stacked[i] for i in others]
    places = {i: n for n, i in enumerate(carried)} | {loop.carried + i: len(carried) + n for n, i in enumerate(others)}
    return loop_equation(around, small, inits, [*reads.values()], stacked), places


def _needed(around: Around, wanted: set[Value]) -> set[Value]:
    """What some values of a body are made of, and they themselves."""
    found = set(wanted)
    for equation in reversed(around.body.equations):
        if equation.output in found or isinstance(equation.primitive, Opaque):
            found.update(equation.values)
    return found
