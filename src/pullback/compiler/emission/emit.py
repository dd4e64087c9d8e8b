"""Emission: a plan as one LLVM module, whose function `i64 run(ptr pointers)` runs a stretch of regions.

`pointers` holds the addresses of inputs, outputs and constants, then those of the arena and of the scratch memory, and
at last the number of threads that there is scratch memory for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from pullback.compiler.emission.loops import emit_nest
from pullback.compiler.emission.products import emit_product
from pullback.compiler.instructions.llvm import I64, PTR, Function, Module, Reg, Type
from pullback.compiler.lowering.lower import NumPyCall
from pullback.compiler.lowering.nest import Nest
from pullback.compiler.lowering.plan import Plan, Region
from pullback.compiler.lowering.products import Product
from pullback.compiler.machine.threads import emit_parallel
from pullback.programs.program import Operand

RUN: Final = "run"
BYTE: Final = Type("i8")


def buffers_of(kernel: Nest | Product) -> list[Operand]:
    """What a kernel's table lists."""
    return list(dict.fromkeys(access.base for access in kernel.accesses()))


def emit(plan: Plan, regions: Sequence[Region], slots: Mapping[Operand, int], count: int) -> Module:
    """Write the module of some regions, for `count` words, of which the last three are those of the frame."""
    module = Module()
    root = plan.lowered.fused.root
    f = Function(module, RUN, [(PTR, "pointers")], I64)
    (pointers,) = f.arguments
    kernels = [kernel for region in regions for kernel in region.kernels if not isinstance(kernel, NumPyCall)]
    tables = {id(kernel): f.emit(f"alloca [{len(buffers_of(kernel))} x ptr], align 64", PTR) for kernel in kernels}
    contexts = [
        f.emit(f"alloca [{len(region.kernels) + 1} x ptr], align 64", PTR) if region.parallel else None
        for region in regions
    ]  # fmt: skip
    arena, scratch = (f.load(f.address(pointers, count - i, PTR), PTR) for i in (3, 2))
    most = f.load(f.address(pointers, count - 1, I64), I64)
    names = {id(kernel): f"kernel{number}" for number, kernel in enumerate(kernels)}
    for kernel in kernels:
        for i, base in enumerate(buffers_of(kernel)):
            known = root(base)
            if known in plan.places:
                place = f.address(arena, plan.places[known], BYTE)
            else:
                place = f.load(f.address(pointers, slots[known], PTR), PTR)
            f.store(place, f.address(tables[id(kernel)], i, PTR))
        name = names[id(kernel)]
        if isinstance(kernel, Nest):
            emit_nest(module, name, kernel, buffers_of(kernel))
        else:
            emit_product(module, name, kernel, buffers_of(kernel))
    for number, (region, context) in enumerate(zip(regions, contexts, strict=True)):
        inside = [kernel for kernel in region.kernels if not isinstance(kernel, NumPyCall)]
        if context is None:
            for kernel in inside:
                _alone(f, names[id(kernel)], tables[id(kernel)], scratch, kernel.pieces)
        else:
            for i, kernel in enumerate(inside):
                f.store(tables[id(kernel)], f.address(context, i, PTR))
            f.store(scratch, f.address(context, len(inside), PTR))
            task = f"region{number}"
            _task(module, task, [(names[id(kernel)], kernel.pieces) for kernel in inside], plan.scratch)
            emit_parallel(f, task, context, sum(kernel.pieces for kernel in inside), most)
        for condition in plan.lowered.fused.conditions:
            if condition in region.writes:
                _require(f, f.address(arena, plan.places[condition], BYTE))
    f.ret(f.const(0, I64))
    f.finish()
    return module


def _require(f: Function, place: Reg) -> None:
    """Go on only if a truth holds."""
    holds, fails = f.label("holds"), f.label("fails")
    f.branch_if(f.compare("ne", f.load(place, BYTE), 0), holds, fails)
    f.begin(fails)
    f.ret(f.const(1, I64))
    f.begin(holds)


def _alone(f: Function, name: str, table: Reg, scratch: Reg, pieces: int) -> None:
    """All pieces of a kernel, one after the other."""
    if pieces == 1:
        f.call(name, table, scratch, f.const(0, I64), kind=None)
    else:
        with f.loop(0, pieces) as (piece, _, _):
            f.call(name, table, scratch, piece, kind=None)


def _task(module: Module, name: str, kernels: Sequence[tuple[str, int]], scratch: int) -> None:
    """The task of a region: piece after piece of its kernels."""
    f = Function(module, name, [(PTR, "context"), (I64, "piece"), (I64, "worker")], exported=False)
    context, piece, worker = f.arguments
    own = f.load(f.address(context, len(kernels), PTR), PTR)
    own = f.address(own, f.binary("mul", worker, scratch), BYTE)
    start = 0
    for number, (kernel, pieces) in enumerate(kernels):
        here, after = f.label("here"), f.label("after")
        f.branch_if(f.compare("slt", piece, start + pieces), here, after)
        f.begin(here)
        table = f.load(f.address(context, number, PTR), PTR)
        f.call(kernel, table, own, f.binary("sub", piece, start), kind=None)
        f.ret()
        f.begin(after)
        start += pieces
    f.ret()
    f.finish()
