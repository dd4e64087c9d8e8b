"""How much work an operation is: additions and multiplications, and the bytes that it has to touch."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np

from pullback.compiler.facts import row_of
from pullback.core.primitive import Primitive
from pullback.ops.contractions import einsum_
from pullback.ops.convolutions import conv_, conv_input_, conv_weight_
from pullback.ops.products import matmul_, matvec_

Shape: TypeAlias = tuple[int, ...]
Spec: TypeAlias = tuple[Shape, np.dtype[Any]] | None


class Work(NamedTuple):
    """Operations, None where nothing says how many; bytes read and written; and bytes of a number."""

    flops: float | None
    bytes: float
    width: int = 8


NOTHING: Final = Work(0, 0)


def _matmul(shapes: Sequence[Shape], params: Mapping[str, Any]) -> int:
    return 2 * math.prod(shapes[-1]) * shapes[0][-2 if params["ta"] else -1]


def _einsum(shapes: Sequence[Shape], params: Mapping[str, Any]) -> int:
    sizes = dict(zip(params["left"], shapes[0], strict=True)) | dict(zip(params["right"], shapes[1], strict=True))
    return 2 * math.prod(sizes.values())


def _convolved(output: int, kernel: int) -> Callable[[Sequence[Shape], Mapping[str, Any]], int]:
    """Of a convolution or one of its transposes, by where its output and its kernel stand."""
    return lambda shapes, _: 2 * math.prod(shapes[output]) * math.prod(shapes[kernel][1:])


# Of products, by the shapes of operands and result, and the parameters.
PRODUCTS: Final[dict[Primitive, Callable[[Sequence[Shape], Mapping[str, Any]], int]]] = {
    matmul_: _matmul, matvec_: lambda shapes, _: 2 * math.prod(shapes[0]), einsum_: _einsum,
    conv_: _convolved(-1, 1), conv_input_: _convolved(0, 1), conv_weight_: _convolved(1, -1),
}  # fmt: skip


def work_of(primitive: Primitive, specs: Sequence[Spec], params: Mapping[str, Any] | None) -> Work:
    """The work of an operation, by the shapes and dtypes of its operands and, last, of its result.

    A product of m × k and k × n elements is 2·m·k·n; an element of what has a formula counts as many as the compiler
    takes instructions for it; a reduction is one an element; what only moves is none. A view touches nothing.
    """
    shapes = [() if spec is None else spec[0] for spec in specs]
    size = sum(math.prod(spec[0]) * spec[1].itemsize for spec in specs if spec is not None)
    width = max((spec[1].itemsize for spec in specs if spec is not None and spec[1].kind == "f"), default=8)
    row = row_of(primitive)
    if row.places is not None:
        return NOTHING
    flops: float | None = None
    if primitive in PRODUCTS:
        flops = PRODUCTS[primitive](shapes, params or {})
    elif row.instructions is not None:
        flops = row.instructions.weight * math.prod(shapes[-1])
    elif row.accumulator is not None or row.running is not None:
        flops = math.prod(shapes[0])
    elif row.parts is not None or row.indexed is not None:
        flops = 0
    return Work(flops, size, width)


def walked_work(primitive: Primitive, applied: Work, specs: Sequence[Spec], wanted: int) -> Work:
    """About the work of one step of a walk, of `wanted` operands: a product's is that of as many products.

    Of what has a formula it is a product with each partial; the partials themselves are not counted.
    """
    if applied.flops is None or primitive in PRODUCTS or not applied.flops:
        return applied._replace(flops=None if applied.flops is None else wanted * applied.flops)
    most = max((math.prod(spec[0]) for spec in specs if spec is not None), default=1)
    return applied._replace(flops=wanted * most)
