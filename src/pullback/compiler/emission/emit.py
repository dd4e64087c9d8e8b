"""Emission: a plan as parts that run in turn, native ones, each an LLVM module, and calls of NumPy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import Final, TypeAlias, final

from pullback.compiler.emission.module import buffers_of, write_module
from pullback.compiler.emission.stamps import Stamps, timed
from pullback.compiler.instructions.llvm import Module
from pullback.compiler.lowering.kernels import Kernel, NumPyCall, Plan, Region, Repeat
from pullback.compiler.lowering.layout import Layout
from pullback.compiler.lowering.products import Product
from pullback.programs.program import Operand

LONG: Final = 20_000  # instructions, about, during which Python's other threads may run


@final
@dataclass(frozen=True, slots=True)
class NativePart:
    """Regions that run in one native call.

    Attributes
    ----------
    objects, layouts : tuple
        What it is given, and how each of that must lie: all inputs and outputs of the program, then what NumPy
        computed, and constants.
    write : callable
        Writes its module, which is not asked for where its code is known; `module=` is one of another target.
    long : bool
        Whether Python's other threads may run meanwhile.
    calls_blas : bool
        Whether a product is left to BLAS.
    """

    objects: tuple[Operand, ...]
    layouts: tuple[Layout, ...]
    write: Callable[..., Module]
    long: bool
    calls_blas: bool


Part: TypeAlias = NativePart | NumPyCall


def emit(plan: Plan, stamps: Stamps | None = None) -> list[Part]:
    """The parts of a plan, in order; with `stamps`, native ones write down when their kernels ended."""
    parts: list[Part] = []
    for called, regions in groupby(plan.regions, lambda region: isinstance(region.kernels[0], NumPyCall)):
        if called:
            kernels = [kernel for region in regions for kernel in region.kernels]
            parts += [kernel for kernel in kernels if isinstance(kernel, NumPyCall)]
        else:
            inside = [*regions]
            parts.append(_native(plan, inside, stamps))
            stamps = None if stamps is None else stamps.after(len(timed(inside)))
    return parts


def _native(plan: Plan, regions: Sequence[Region], stamps: Stamps | None) -> NativePart:
    lowered, fused = plan.lowered, plan.lowered.fused
    kernels = [kernel for region in regions for kernel in region.kernels if not isinstance(kernel, NumPyCall)]
    bases = (fused.root(base) for kernel in kernels for base in buffers_of(kernel))
    outside = (base for base in bases if base not in plan.places)
    objects = tuple(dict.fromkeys((*fused.program.inputs, *fused.roots, *outside)))
    shown = dict(zip(fused.roots, map(lowered.layout, fused.outputs), strict=True))  # as they are given from outside
    layouts = (shown[base]._replace(writes=True) if base in shown else lowered.layout(base) for base in objects)
    slots = {base: i for i, base in enumerate(objects)}
    return NativePart(
        objects, tuple(layouts), partial(write_module, plan, regions, slots, len(objects) + 3, stamps),
        long=sum(kernel.cost for kernel in kernels) > LONG,
        calls_blas=any(map(_calls_blas, kernels)),
    )  # fmt: skip


def _calls_blas(kernel: Kernel) -> bool:
    """Whether a kernel calls BLAS, or one of a loop's body does."""
    if isinstance(kernel, Repeat):
        return any(map(_calls_blas, kernel.plan.kernels))
    return isinstance(kernel, Product) and kernel.choice.way == "blas"
