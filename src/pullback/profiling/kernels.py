"""What a kernel of compiled code is: its name, its work, and how much of that belongs to which line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from pullback.compiler.lowering.kernels import Kernel, NumPyCall, Plan, Repeat
from pullback.compiler.lowering.matrices import Matrices
from pullback.compiler.lowering.nest import Nest
from pullback.compiler.lowering.products import Product
from pullback.compiler.showing.report import bytes_of, shape_of
from pullback.profiling.work import Spec, Work, work_of
from pullback.programs.program import Equation, Operand, Value

_LITTLE: Final = 1e-3  # of an operation that only moves numbers, where lines share a kernel


class Timed(NamedTuple):
    """A kernel, or several that threads share: what is timed as one.

    Attributes
    ----------
    name : str
        Its loops, and the operations in them.
    work : Work
        By the compiler's own count of instructions.
    shares : list of (str, float)
        Lines of the user's, and their parts of all that work; together 1.
    """

    name: str
    work: Work
    shares: list[tuple[str, float]]


def told(kernels: Sequence[Kernel], plan: Plan) -> Timed:
    """What is known of kernels that are timed as one."""
    made = {equation.output: equation for equation in plan.lowered.fused.program.equations}
    parts = [part for kernel in kernels for part in _parts(kernel, made)]
    weights: dict[str, float] = {}
    for line, weight in parts:
        weights[line] = weights.get(line, 0.0) + (weight or _LITTLE)
    flops = sum(weight for _, weight in parts)
    total = sum(weights.values())
    shares = [(line, weight / total) for line, weight in weights.items()]
    size = sum(map(_size, kernels))
    widths = [value.dtype.itemsize for k in kernels for value in _values(k) if value.dtype.kind == "f"]
    unknown = any(isinstance(kernel, NumPyCall) and _numpy_work(kernel).flops is None for kernel in kernels)
    return Timed(
        " and ".join(map(name_of, kernels)), Work(None if unknown else flops, size, max(widths, default=8)), shares
    )


def name_of(kernel: Kernel) -> str:
    """A kernel in some words: what it is, its loops, and its operations."""
    if isinstance(kernel, NumPyCall):
        return f"NumPy {kernel.equation.primitive.name}"
    if isinstance(kernel, Repeat):
        inside = [name_of(part) for part in kernel.plan.kernels]
        return f"loop {kernel.length} × ({'; '.join(inside[:2])}{'; …' * (len(inside) > 2)})"
    names = [step.equation.primitive.name for step in kernel.steps.values()]
    operations = " ".join(names[:6]) + f" and {len(names) - 6} more" * (len(names) > 6)
    return f"{shape_of(kernel)} {operations}".rstrip()


def _values(kernel: Kernel) -> Iterator[Value]:
    if isinstance(kernel, NumPyCall):
        yield from (kernel.equation.output, *kernel.equation.values)
    else:
        yield from kernel.stores


def _size(kernel: Kernel) -> float:
    return _numpy_work(kernel).bytes if isinstance(kernel, NumPyCall) else bytes_of(kernel)


def _numpy_work(kernel: NumPyCall) -> Work:
    equation = kernel.equation
    specs = [_spec(operand) for operand in (*equation.operands, equation.output)]
    return work_of(equation.primitive, specs, equation.params)


def _spec(operand: Operand) -> Spec:
    spec = operand.spec
    return None if isinstance(spec, tuple) else (spec.shape, spec.dtype)


def _parts(kernel: Kernel, made: Mapping[Value, Equation]) -> Iterator[tuple[str, float]]:
    """The lines of a kernel's equations, with about how many operations each is."""
    if isinstance(kernel, NumPyCall):
        yield kernel.equation.line, _numpy_work(kernel).flops or 1.0
    elif isinstance(kernel, Repeat):
        program = kernel.plan.lowered.fused.program
        inside = {equation.output: equation for equation in program.equations}
        for part in kernel.plan.kernels:
            for line, weight in _parts(part, inside):
                yield line, weight * kernel.length
    else:
        if isinstance(kernel, Product):
            line = made[kernel.made].line if kernel.made in made else ""
            yield line, kernel.repeats * kernel.plan.what.flops
        for step in kernel.steps.values():
            weight = kernel.instructions if isinstance(kernel, Matrices) else step.weight
            yield step.equation.line, weight * _volume(kernel, step.domain)


def _volume(kernel: Nest | Product | Matrices, labels: frozenset[int]) -> int:
    size = 1
    for label in labels:
        size *= kernel.sizes[label]
    return size
