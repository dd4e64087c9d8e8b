"""Writing products: the loops over batches around a contraction, and its epilogue."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pullback.compiler.contraction import emit_matmul
from pullback.compiler.contraction.blas import emit_gemm_call
from pullback.compiler.contraction.job import argument, moved
from pullback.compiler.emission.parallel import share
from pullback.compiler.emission.point import Buffers, Point, store
from pullback.compiler.emission.values import Values
from pullback.compiler.instructions.llvm import I64, PTR, Function, Module, Reg
from pullback.compiler.instructions.vectors import WIDE
from pullback.compiler.lowering.products import Product
from pullback.programs.program import Operand

BRIEF: Final = 12  # instructions of an epilogue up to which it is written out for each vector of a tile


def emit_product(module: Module, name: str, product: Product, buffers: Sequence[Operand]) -> None:
    """Define `void name(ptr table, ptr scratch, i64 piece)`, which computes one piece of a product."""
    how, kind = product.plan, product.plan.what.vector
    parameters = [(PTR, "table"), *((I64, f"batch{label}") for label in product.batches)]

    def epilogue(f: Function, row: Reg, column: Reg, sums: Reg, mask: Reg | None) -> None:
        index = {label: argument(f, f"batch{label}") for label in product.batches}
        down, along = (product.columns, product.rows) if how.turned else (product.rows, product.columns)
        at = Buffers(f, argument(f, "table"), buffers)
        index |= {down: row, along: column}
        for label, size in product.parts:  # each row tells where it is in loops within loops
            index[label], row = f.binary("urem", row, size), f.binary("udiv", row, size)
        point = Point(f, index, along, kind.lanes, mask)
        point.known[product.made] = sums
        values = Values(f, at, product.steps)
        made = {
            value: values.value(value, point) for value in (product.made, *product.steps) if value in product.stores
        }
        for value, register in made.items():  # all is read before anything is written, perhaps over it
            store(at, product.stores[value], register, value.dtype, point)

    blas = product.choice.way == "blas"
    weight = sum(step.weight for step in product.steps.values())
    if not blas:
        emit_matmul(module, f"{name}.matmul", how, parameters, epilogue, unrolled=weight <= BRIEF)
    f = Function(module, name, [(PTR, "table"), (PTR, "scratch"), (I64, "piece")], attributes=WIDE, exported=False)
    table, scratch, piece = f.arguments
    at = Buffers(f, table, buffers)
    number, first = f.binary("udiv", piece, product.own_pieces), f.binary("urem", piece, product.own_pieces)

    def one(batch: Reg) -> None:
        index: dict[int, Reg] = {}
        for label in reversed(product.batches):
            index[label], batch = (
                f.binary("urem", batch, product.sizes[label]),
                f.binary("udiv", batch, product.sizes[label]),
            )
        a, b, c = (
            moved(f, at[x.base], [(1, x.offset), *((index[label], x.along(label)) for label in product.batches)], kind)
            for x in (product.a, product.b, product.stores.get(product.made, product.a))
        )
        if blas:
            emit_gemm_call(f, product.plan.what, a, b, c)
        else:
            given = [a, b, table, scratch, first, f.binary("add", first, 1), table]
            f.call(f"{name}.matmul", *given, *(index[label] for label in product.batches), kind=None)

    if product.shares == product.repeats:
        one(number)
    else:
        with f.loop(*share(f, number, product.repeats, product.shares)) as (batch, _, _):
            one(batch)
    f.ret()
    f.finish()
