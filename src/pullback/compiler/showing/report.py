"""What a compiled program consists of, in words: its kernels with their loops, operations and bytes, and its memory."""

from __future__ import annotations

from collections.abc import Iterator

from pullback.compiler.lowering.kernels import Kernel, Native, NumPyCall, Plan, Repeat
from pullback.compiler.lowering.matrices import Matrices
from pullback.compiler.lowering.nest import Nest
from pullback.compiler.lowering.plan import size_of
from pullback.compiler.lowering.products import Product
from pullback.compiler.machine.executable import Executable
from pullback.programs.program import Program, Value


def report(executable: Executable) -> str:
    """Describe what runs, one line a kernel, and its memory beside that of the program run one equation at a time."""
    plan = executable.plan
    program = plan.lowered.fused.program
    lines = [*_regions(plan)]
    written = f", {len(plan.in_place)} of {len(executable.outputs)} outputs in place" if plan.in_place else ""
    lines.append(f"memory: an arena of {amount(plan.arena)}, where NumPy would hold {amount(peak(program))}{written}")
    if plan.scratch:
        lines.append(f"        and {amount(plan.scratch)} for each thread")
    return "\n".join(lines)


def _regions(plan: Plan) -> Iterator[str]:
    """The kernels of a plan, one line each; those of a loop's body are indented."""
    for region in plan.regions:
        shared = ", on several threads" if region.parallel else ""
        several = len(region.kernels) > 1
        if several:
            yield f"at once{shared}:"
        for kernel in region.kernels:
            yield ("  " if several else "") + describe(kernel) + ("" if several else shared)
            if isinstance(kernel, Repeat):
                yield from (f"  {line}" for line in _regions(kernel.plan))


def describe(kernel: Kernel) -> str:
    """One kernel in a line."""
    if isinstance(kernel, NumPyCall):
        return f"NumPy   {kernel.equation.primitive.name}: {kernel.reason}"
    if isinstance(kernel, Repeat):
        carried = f"{len(kernel.carries)} value{'s' * (len(kernel.carries) != 1)} carried"
        return f"repeat  {kernel.length} times, {carried}, {amount(bytes_of(kernel))} of memory:"
    names = " ".join(step.equation.primitive.name for step in kernel.steps.values())
    traffic = f"{amount(bytes_of(kernel))} of memory"
    if isinstance(kernel, Nest):
        stages = f" in {kernel.stages} stages" if kernel.stages > 1 else ""
        return f"loops   {shape_of(kernel)}{stages}: {names}; {_pieces(kernel.pieces)}, {traffic}"
    if isinstance(kernel, Matrices):
        return f"matrices {shape_of(kernel)}: {names}; {_pieces(kernel.pieces)}, {traffic}"
    times = f"{kernel.repeats} times " if kernel.repeats > 1 else ""
    then = f", then {names}" if names else ""
    blas = f"; by BLAS: {kernel.choice.reason}" if kernel.choice.way == "blas" else ""
    flops = kernel.repeats * kernel.plan.what.flops
    return f"product {times}{kernel.plan}{then}; {flops / 1e6:.3g} Mflop, {traffic}{blas}"


def shape_of(kernel: Nest | Product | Matrices) -> str:
    """The loops of a kernel, or its matrices."""
    if isinstance(kernel, Matrices):
        return f"{kernel.count} × {' · '.join(f'{m}×{n}' for m, n in kernel.shapes[:-1])}"
    if isinstance(kernel, Product):
        what = kernel.plan.what
        return f"{what.m}×{what.k} · {what.k}×{what.n}"
    rows = [f"{kernel.sizes[label]}{'v' * (label == kernel.vector)}" for label in (*kernel.outer, *kernel.inner)]
    return " × ".join(rows) or "1"


def _pieces(count: int) -> str:
    return f"{count} piece{'s' * (count != 1)}"


def bytes_of(kernel: Native) -> int:
    """Bytes of all that a kernel reads and writes, each once."""
    bases = {access.base for access in kernel.accesses()}
    return sum(size_of(base) for base in bases if isinstance(base, Value))


def peak(program: Program) -> int:
    """Bytes that are held at most when a program runs one equation at a time, besides its inputs."""
    last: dict[Value, int] = {}
    for number, equation in enumerate(program.equations):
        last |= dict.fromkeys(equation.values, number)
    last |= {output: len(program.equations) for output in program.outputs if isinstance(output, Value)}
    held = most = 0
    ends: dict[int, int] = {}
    for number, equation in enumerate(program.equations):
        held += size_of(equation.output)
        end = last.get(equation.output, number)
        ends[end] = ends.get(end, 0) + size_of(equation.output)
        most = max(most, held)
        held -= ends.get(number, 0)
    return most


def amount(size: float) -> str:
    """Bytes in a unit that suits them."""
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} GB"
