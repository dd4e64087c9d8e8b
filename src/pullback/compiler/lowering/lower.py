"""Lowering: each group becomes a kernel (loops, a product, a call of NumPy), and each stored value gets its strides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np

from pullback.compiler.facts import row_of
from pullback.compiler.fusion.fuse import fuse
from pullback.compiler.fusion.fused import Fused
from pullback.compiler.fusion.groups import Group
from pullback.compiler.fusion.views import NATURALS, ordered
from pullback.compiler.lowering.kernels import Kernel, Lowered, NumPyCall, Plan
from pullback.compiler.lowering.layout import Strides, strides_of
from pullback.compiler.lowering.matrices import lower_matrices
from pullback.compiler.lowering.nest import Nest, lower_nest
from pullback.compiler.lowering.plan import plan
from pullback.compiler.lowering.products import lower_product
from pullback.compiler.lowering.repeat import lower_repeat
from pullback.programs.program import Constant, Equation, Operand, Program, Value


def why(equation: Equation) -> str:
    """The reason why NumPy computes an equation."""
    if 0 in equation.output.shape or any(0 in value.shape for value in equation.values):
        return "there are no elements to loop over"
    dtypes = dict.fromkeys(str(value.dtype) for value in (*equation.values, equation.output))
    return row_of(equation.primitive).kernel or f"it has no loops for {' and '.join(dtypes)}"


def lower(
    fused: Fused, given: Mapping[Value, Strides], wanted: Sequence[Strides | None], *, plain: bool = False
) -> Lowered:
    """Turn groups into kernels, for inputs with the strides `given` and outputs with those `wanted`, if any are.

    `plain` kernels compute one number at a time, in one piece: for targets without vectors and threads.
    """
    layouts: dict[Operand, Strides] = {a: ordered(a.shape, fused.orders.get(a)) for a in fused.aliases}
    layouts.update(given.items())
    layouts[NATURALS] = (1,)
    for output, strides in zip(fused.outputs, wanted, strict=True):
        view = fused.view(output)
        order = view.axes()
        if strides is not None and order is not None:
            layouts.setdefault(view.base, tuple(1 if axis is None else strides[axis] for axis in order))
    for group in fused.groups:
        for equation in group.equations:
            for base in (equation.output, *(fused.view(operand).base for operand in equation.operands)):
                layouts.setdefault(base, _natural(base, fused))
    kernels: list[Kernel] = []
    for group in fused.groups:
        if group.kind == "assembly" or not any(equation.output in fused.stored for equation in group.equations):
            continue  # the parts are made by others; and dead code that was not pruned
        if group.kind == "kernel":
            kernels.append(NumPyCall(group.equations[-1], why(group.equations[-1])))
        elif group.kind == "loop":
            repeat = lower_repeat(group, fused, layouts, partial(_planned, together=fused.together, plain=plain))
            calls = (NumPyCall(equation, why(equation)) for equation in group.equations)
            kernels += calls if repeat is None else (repeat,)
        elif group.kind == "matrices":
            kernels.append(lower_matrices(group, fused, layouts, plain=plain))
        elif group.kind == "product":
            kernels.append(lower_product(group, fused, layouts, plain=plain))
        else:
            kernels += _nests(group, fused, layouts, plain=plain)
    return Lowered(kernels, layouts, fused)


def _natural(base: Operand, fused: Fused) -> Strides:
    """The strides of what may lie as it likes."""
    if isinstance(base, Constant):
        return strides_of(np.asarray(base.value))
    return ordered(base.shape, fused.orders.get(base))


def _nests(group: Group, fused: Fused, layouts: dict[Operand, Strides], *, plain: bool) -> list[Nest]:
    """The nest of a group and, where its pieces have results of their own, one that combines them for each."""
    nest = lower_nest(group, fused, layouts, plain=plain)
    made = [nest]
    for value in nest.finals if nest.pieces > 1 else ():
        parts = Value((nest.pieces, *value.shape), value.dtype)
        layouts[parts] = (value.size, *layouts[value])
        nest.stores[value] = nest.stores[value]._replace(base=parts)
        combine = Group("nest")
        labels = tuple(combine.new_label(n) if n != 1 else None for n in parts.shape)
        primitive = nest.steps[value].equation.primitive
        combine.add(Equation(primitive, (parts,), {"axis": (0,), "keepdims": False}, value), labels, labels[1:])
        made.append(lower_nest(combine, fused, layouts))
    return made


def _planned(
    body: Program, given: Mapping[Value, Strides], wanted: Sequence[Strides | None], *, together: bool, plain: bool
) -> Plan:  # fmt: skip
    """The plan of a loop's body."""
    return plan(lower(fuse(body, given, wanted, together=together), given, wanted, plain=plain), {}, plain=plain)
