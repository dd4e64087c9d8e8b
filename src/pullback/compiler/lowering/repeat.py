"""Repeats: a loop of the program as a plan of its body, and where all that the body reads and writes lies at each step.

What is carried has two buffers in turn, so that no step copies it: the first reads it where it is given, and the last
leaves it where it is asked for. What is stacked is carried in its stack.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np

from pullback.compiler.fusion.fused import Fused
from pullback.compiler.fusion.groups import Group
from pullback.compiler.fusion.views import NATURALS, lies_in_order, ordered
from pullback.compiler.lowering.kernels import Carry, Feed, NumPyCall, Plan, Repeat
from pullback.compiler.lowering.layout import Strides, strides_of
from pullback.compiler.lowering.steps import Access
from pullback.programs.loop import Loop
from pullback.programs.program import Constant, Operand, Program, Value

Planner: TypeAlias = Callable[[Program, Mapping[Value, Strides], Sequence[Strides | None]], Plan]


def lower_repeat(group: Group, fused: Fused, layouts: dict[Operand, Strides], planned: Planner) -> Repeat | None:
    """Turn a loop and its picks into a repeat; None where NumPy has to do something in the body."""
    first, *rest = group.equations
    loop: Loop = first.params["loop"]
    picks = {equation.params["index"]: equation.output for equation in rest}
    inits, reads = loop.parts(first.operands)
    given: dict[Value, Strides] = {}
    starts, feeds = list[Access](), list[Feed]()
    for value, init in zip(loop.body.inputs, inits, strict=False):
        place, strides = _place(fused, layouts, init)
        if not lies_in_order(value.shape, strides):
            return None
        given[value] = ordered(value.shape)
        starts.append(place)
    for value, how, operands in zip(loop.body.inputs[loop.carried :], loop.reads, reads, strict=True):
        places = [_place(fused, layouts, operand) for operand in operands]
        (place, strides), gone, step = places[0], set[int](), 0
        if any(other != strides for _, other in places):
            return None
        for window in how.windows:
            step += window.step * strides[window.axis]
            place = place._replace(offset=place.offset + window.start * strides[window.axis])
            gone |= {window.axis} if window.size is None else set()
        given[value] = tuple(s if n != 1 else 0 for s, n in zip(_without(strides, gone), value.shape, strict=True))
        feeds.append(Feed((place, *(p for p, _ in places[1:])), step))

    def spare(shape: tuple[int, ...], dtype: Any, index: int | None = None) -> Access:
        value = picks.get(index) if index is not None else None
        value = Value(shape, dtype) if value is None else value
        layouts.setdefault(value, ordered(shape))
        return Access(value, 0, ())

    nexts, others, conditions = loop.outputs
    stacks = {o: i for i, (o, all_) in enumerate(zip(others, loop.stacked, strict=True)) if all_}
    own = [i for i, output in enumerate(nexts) if output not in stacks or i in picks]
    body = replace(loop.body, outputs=(*(nexts[i] for i in own), *others, *conditions))
    specs = [output.spec for output in body.outputs[: len(own) + len(others)]]
    plan = planned(body, given, [ordered(spec.shape) for spec in specs])
    for region in plan.regions if loop.strand else ():
        region.alone = True
    kernels = [kernel for kernel in plan.kernels if not isinstance(kernel, NumPyCall)]
    if len(kernels) < len(plan.kernels):
        return None
    carries = []
    for i, (start, output) in enumerate(zip(starts, nexts, strict=True)):
        if i in own:
            number = own.index(i)
            shape, dtype = specs[number].shape, specs[number].dtype
            carries.append(Carry(start, number, (spare(shape, dtype), spare(shape, dtype, i))))
        else:
            carries.append(Carry(start, len(own) + stacks[output]))
    outputs: dict[int, Feed] = {}
    for i, (all_, spec) in enumerate(zip(loop.stacked, specs[len(own) :], strict=True)):
        whole = (loop.length, *spec.shape) if all_ else spec.shape
        outputs[len(own) + i] = Feed(
            (spare(whole, spec.dtype, loop.carried + i),), math.prod(spec.shape) if all_ else 0
        )
    if not all(lies_in_order(value.shape, layouts[value]) for value in picks.values()):
        return None
    workspace = spare((max(plan.arena, 1),), np.dtype(np.uint8))
    bases = dict.fromkeys(plan.lowered.fused.root(access.base) for kernel in kernels for access in kernel.accesses())
    constants = [Access(base, 0, ()) for base in bases if isinstance(base, Constant) and base is not NATURALS]
    for constant in constants:
        layouts.setdefault(constant.base, strides_of(np.asarray(constant.base.value)))  # type: ignore[union-attr]  # it is a constant
    return Repeat(loop.length, plan, loop.body.inputs, carries, feeds, outputs, constants, workspace)


def _place(fused: Fused, layouts: Mapping[Operand, Strides], operand: Operand) -> tuple[Access, Strides]:
    """Where an operand begins, and its strides; 0 along axes of one element."""
    view = fused.view(operand)
    offset, strides = view.strides(layouts[view.base])
    return Access(view.base, offset, ()), tuple(s if n != 1 else 0 for s, n in zip(strides, view.shape, strict=True))


def _without(strides: Strides, gone: set[int]) -> Strides:
    return tuple(stride for axis, stride in enumerate(strides) if axis not in gone)
