"""Fused elementwise loops as kernels of CUDA, from the groups that the CPU's loops come from: one thread an element.

Experimental: what is written here is compiled and compared on the CPU, as C, and was never run on a card. A nest whose
elements do not depend on each other becomes a kernel; sums, loops and what writes where numbers say do not.
"""

from __future__ import annotations

from typing import NamedTuple

from pullback.compiler.emission.loops import emit_nest
from pullback.compiler.emission.module import buffers_of
from pullback.compiler.instructions.cuda import HEAD, CudaModule
from pullback.compiler.lowering.kernels import Plan
from pullback.compiler.lowering.nest import Nest
from pullback.programs.program import Operand


class CardKernel(NamedTuple):
    """One kernel.

    Attributes
    ----------
    name : str
        Of the function; that of C's is called so too.
    source : str
        For `cupy.RawKernel`.
    buffers : tuple of Operand
        The arrays that it is given, in order.
    size : int
        Elements; any number of threads does them all.
    """

    name: str
    source: str
    buffers: tuple[Operand, ...]
    size: int


def card_kernels(plan: Plan) -> list[CardKernel]:
    """The kernels that a plan, as `plan_of` makes it, has for a card."""
    return [
        _kernel(f"kernel{number}", kernel)
        for number, kernel in enumerate(plan.kernels)
        if isinstance(kernel, Nest) and _apart(kernel)
    ]


def _apart(nest: Nest) -> bool:
    """Whether each element is computed by itself.

    An array that is written over is read at the same place alone: the plan sees to that.
    """
    steps = nest.steps.values()
    return nest.items > 1 and not nest.inner and not any(step.reduces or step.runs or step.writes for step in steps)


def _kernel(name: str, nest: Nest) -> CardKernel:
    module, buffers = CudaModule(name, nest.items), buffers_of(nest)
    emit_nest(module, name, nest, buffers)
    return CardKernel(name, f"{HEAD}\n{module}", tuple(buffers), nest.items)
