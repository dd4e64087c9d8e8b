"""Writing a part of a plan: regions as one LLVM module, whose function `i64 run(ptr pointers)` runs them in order.

`pointers` holds the addresses of inputs, outputs and constants, then those of the arena and of the scratch memory, and
at last the number of threads that there is scratch memory for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from typing import Final, final

from pullback.compiler.emission.loops import emit_nest
from pullback.compiler.emission.matrices import emit_matrices
from pullback.compiler.emission.names import RUN
from pullback.compiler.emission.parallel import emit_parallel
from pullback.compiler.emission.plain import emit_plain_product
from pullback.compiler.emission.point import Buffers
from pullback.compiler.emission.products import emit_product
from pullback.compiler.emission.stamps import Stamps
from pullback.compiler.emission.steps import Steps
from pullback.compiler.fusion.views import NATURALS
from pullback.compiler.instructions.llvm import I8, I64, PTR, Function, Module, Reg
from pullback.compiler.lowering.kernels import Native, NumPyCall, Plan, Region, Repeat
from pullback.compiler.lowering.matrices import Matrices
from pullback.compiler.lowering.nest import Nest
from pullback.compiler.lowering.products import Product
from pullback.programs.program import Operand

MANY: Final = 100  # buffers of kernels, whose addresses are then written down by a loop, which compiles at once


def buffers_of(kernel: Native) -> list[Operand]:
    """What a kernel's table lists."""
    return list(dict.fromkeys(access.base for access in kernel.accesses() if access.base is not NATURALS))


def write_module(
    plan: Plan, regions: Sequence[Region], slots: Mapping[Operand, int], count: int, stamps: Stamps | None = None,
    module: Module | None = None,
) -> Module:  # fmt: skip
    """Write the module of some regions, for `count` words, of which the last three are those of the frame.

    With `stamps` it writes down when it began, and when each of what is timed ended. A `module` that is given is of
    another target.
    """
    alone = module is None
    module = Module() if module is None else module
    f = module.function(RUN, [(PTR, "pointers")], I64)
    (pointers,) = f.arguments
    inside = _Regions(f, plan, regions, "", together=alone)
    arena, scratch = (f.load(f.address(pointers, count - i, PTR), PTR) for i in (3, 2))
    most = f.load(f.address(pointers, count - 1, I64), I64) if alone else f.const(1, I64)

    def place(base: Operand) -> tuple[int, int]:
        return (count - 3, plan.places[base]) if base in plan.places else (slots[base], 0)

    def placed(base: Operand) -> Reg:
        slot, far = place(base)
        return f.address(arena, far, I8) if slot == count - 3 else f.load(f.address(pointers, slot, PTR), PTR)

    if not inside.fill_at_once(pointers, place):
        inside.fill(placed)
    inside.run(arena, scratch, most, _nothing if stamps is None else stamps.begun(f, arena))
    f.ret(f.const(0, I64))
    f.finish()
    return module


def _nothing() -> None:
    """What is done when a kernel has ended, where nobody asks for the time."""


@final
class _Regions:
    """Regions that a function runs one after the other.

    Parameters
    ----------
    f : Function
        What is being written; it begins here, with the memory for tables.
    plan : Plan
        Of which these are.
    regions : sequence of Region
        Which.
    name : str
        What the names of their functions begin with.
    together : bool
        Many tables may be filled by a loop.
    """

    def __init__(
        self, f: Function, plan: Plan, regions: Sequence[Region], name: str, *, together: bool = False
    ) -> None:  # fmt: skip
        self._f, self._plan, self._name = f, plan, name
        self._inside = [[k for k in region.kernels if not isinstance(k, NumPyCall)] for region in regions]
        self._regions = regions
        self._kernels = [kernel for inside in self._inside for kernel in inside]
        self._buffers = {id(k): buffers_of(k) for k in self._kernels}
        starts = [*accumulate(map(len, self._buffers.values()), initial=0)]
        self._all = f.reserve(PTR, starts[-1]) if together and starts[-1] > MANY else None
        if self._all is None:
            self._tables = {n: f.reserve(PTR, len(b)) for n, b in self._buffers.items()}
        else:
            self._tables = {n: f.address(self._all, at, PTR) for n, at in zip(self._buffers, starts, strict=False)}
        self._contexts = [
            f.reserve(PTR, len(region.kernels) + 1) if region.parallel else None
            for region in regions
        ]  # fmt: skip
        self._names: dict[int, str] = {}
        for kernel in self._kernels:
            own, size = f"{name}kernel{len(self._names)}", f.module.size
            _emit_kernel(f.module, own, kernel, self._buffers[id(kernel)])
            self._names[id(kernel)] = f.module.folded(own, size)  # what does the same is compiled once

    def fill(self, place: Callable[[Operand], Reg | None]) -> None:
        """Write down in the tables where buffers lie, as far as `place` knows."""
        root, known = self._plan.lowered.fused.root, dict[Operand, Reg | None]()
        for kernel in self._kernels:
            for i, base in enumerate(map(root, self._buffers[id(kernel)])):
                if base not in known:
                    known[base] = place(base)
                if (at := known[base]) is not None:
                    self._f.store(at, self._f.address(self._tables[id(kernel)], i, PTR))

    def fill_at_once(self, pointers: Reg, place: Callable[[Operand], tuple[int, int]]) -> bool:
        """Write down where all buffers lie, if these are many: `place` says how far behind which pointer."""
        if self._all is None:
            return False
        f, root = self._f, self._plan.lowered.fused.root
        places = [place(root(base)) for bases in self._buffers.values() for base in bases]
        slots, far = zip(*places, strict=True)
        with f.loop(0, len(places)) as (i, _, _):
            there = f.load(f.address(pointers, f.number_of(slots, i), PTR), PTR)
            f.store(f.address(there, f.number_of(far, i), I8), f.address(self._all, i, PTR))
        return True

    def run(self, arena: Reg, scratch: Reg, most: Reg, ended: Callable[[], None] = _nothing) -> None:
        """Run all regions, as long as conditions hold; else return 1. What is `ended` is told."""
        f, plan = self._f, self._plan
        for number, (region, inside, context) in enumerate(
            zip(self._regions, self._inside, self._contexts, strict=True)
        ):
            if context is None:
                for kernel in inside:
                    self._alone(kernel, scratch, most)
                    ended()
            else:
                for i, kernel in enumerate(inside):
                    f.store(self._tables[id(kernel)], f.address(context, i, PTR))
                f.store(scratch, f.address(context, len(inside), PTR))
                task = f"{self._name}region{number}"
                _task(f.module, task, [(self._names[id(kernel)], kernel) for kernel in inside], plan.scratch)
                emit_parallel(f, task, context, sum(kernel.pieces for kernel in inside), most)
                ended()
            for condition in plan.lowered.fused.conditions:
                if condition in region.writes:
                    holds = f.load(f.address(arena, plan.places[condition], I8), I8)
                    f.require(f.compare("ne", holds, 0))

    def _alone(self, kernel: Native, scratch: Reg, most: Reg) -> None:
        """All pieces of a kernel, one after the other."""
        f, name, table = self._f, self._names[id(kernel)], self._tables[id(kernel)]
        if isinstance(kernel, Repeat):
            f.require(f.compare("eq", f.call(name, table, scratch, most, kind=I64), 0))
        elif kernel.pieces == 1:
            f.call(name, table, scratch, f.const(0, I64), kind=None)
        else:
            with f.loop(0, kernel.pieces) as (piece, _, _):
                f.call(name, table, scratch, piece, kind=None)


def _emit_kernel(module: Module, name: str, kernel: Native, buffers: Sequence[Operand]) -> None:
    """Define the function of a kernel, whose table lists these buffers."""
    if isinstance(kernel, Nest):
        emit_nest(module, name, kernel, buffers)
    elif isinstance(kernel, Matrices):
        emit_matrices(module, name, kernel, buffers)
    elif isinstance(kernel, Product):
        (emit_plain_product if kernel.plain else emit_product)(module, name, kernel, buffers)
    else:
        _emit_repeat(module, name, kernel, buffers)


def _emit_repeat(module: Module, name: str, repeat: Repeat, buffers: Sequence[Operand]) -> None:
    """Define `i64 name(ptr table, ptr scratch, i64 most)`, which does a body so often; 1 where a condition fails."""
    f = module.function(name, [(PTR, "table"), (PTR, "scratch"), (I64, "most")], I64, exported=False)
    table, scratch, most = f.arguments
    inside = _Regions(f, repeat.plan, repeat.plan.regions, f"{name}.")
    steps = Steps(f, repeat, Buffers(f, table, buffers))
    inside.fill(steps.fixed)
    with f.loop(0, repeat.length, carried=steps.carried) as (t, entering, leaving):
        left = steps.step(t, entering)
        inside.fill(steps.moving)
        inside.run(steps.arena, scratch, most)
        leaving += left
    f.ret(f.const(0, I64))
    f.finish()


def _task(module: Module, name: str, kernels: Sequence[tuple[str, Native]], scratch: int) -> None:
    """The task of a region: piece after piece of its kernels. A loop that is a piece never fails."""
    f = module.function(name, [(PTR, "context"), (I64, "piece"), (I64, "worker")], exported=False)
    context, piece, worker = f.arguments
    own = f.load(f.address(context, len(kernels), PTR), PTR)
    own = f.address(own, f.binary("mul", worker, scratch), I8)
    start = 0
    for number, (own_name, kernel) in enumerate(kernels):
        here, after = f.label("here"), f.label("after")
        f.branch_if(f.compare("slt", piece, start + kernel.pieces), here, after)
        f.begin(here)
        table = f.load(f.address(context, number, PTR), PTR)
        if isinstance(kernel, Repeat):
            f.call(own_name, table, own, f.const(0, I64), kind=I64)
        else:
            f.call(own_name, table, own, f.binary("sub", piece, start), kind=None)
        f.ret()
        f.begin(after)
        start += kernel.pieces
    f.ret()
    f.finish()
