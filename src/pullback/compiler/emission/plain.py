"""Products as plain loops, one number at a time: over batches, rows, columns, and what is summed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pullback.compiler.contraction.job import moved, total
from pullback.compiler.emission.point import Buffers, Point, store
from pullback.compiler.emission.values import Values
from pullback.compiler.instructions.llvm import I64, PTR, Function, Module, Reg, Type
from pullback.compiler.lowering.products import Product
from pullback.programs.program import Operand


def emit_plain_product(module: Module, name: str, product: Product, buffers: Sequence[Operand]) -> None:
    """Define `void name(ptr table, ptr scratch, i64 piece)`, which computes all of a product."""
    how = product.plan
    what = how.what.turned() if how.turned else how.what
    f = module.function(name, [(PTR, "table"), (PTR, "scratch"), (I64, "piece")], exported=False)
    at = Buffers(f, f.arguments[0], buffers)
    values = Values(f, at, product.steps)
    kind = what.scalar
    sums = f.reserve(kind)
    sizes = {**product.sizes, product.rows: what.m, product.columns: what.n}

    def element(point: Point) -> None:
        row, column = point.index[product.rows], point.index[product.columns]
        batch = [(point.index[label], product.a.along(label)) for label in product.batches]
        a = moved(f, at[product.a.base], [(1, product.a.offset), *batch, (row, what.a[0])], kind)
        batch = [(point.index[label], product.b.along(label)) for label in product.batches]
        if not what.heads:
            batch.append((column, what.b[1]))
        b = moved(f, at[product.b.base], [(1, product.b.offset), *batch], kind)
        if what.heads:
            b = f.address(b, f.number_of(what.heads, column), kind)
        f.store(f.const(0, kind), sums)
        _summed(f, what.loops or ((what.k, what.a[1], what.b[0]),), a, b, what.lines, sums, kind)
        point.known[product.made] = f.load(sums, kind)
        made = {v: values.value(v, point) for v in (product.made, *product.steps) if v in product.stores}
        for value, register in made.items():  # all is read before anything is written, perhaps over it
            store(at, product.stores[value], register, value.dtype, point)

    _over(f, (*product.batches, product.rows, product.columns), sizes, {}, lambda index: element(Point(f, index)))
    f.ret()
    f.finish()


def _over(
    f: Function,
    labels: Sequence[int],
    sizes: dict[int, int],
    index: dict[int, Reg],
    body: Callable[[dict[int, Reg]], None],
) -> None:
    """Loops over labels, the first the slowest."""
    if not labels:
        body(index)
        return
    with f.loop(0, sizes[labels[0]]) as (i, _, _):
        _over(f, labels[1:], sizes, {**index, labels[0]: i}, body)


def _summed(
    f: Function, loops: Sequence[tuple[int, int, int]], a: Reg, b: Reg, lines: Sequence[int], sums: Reg, kind: Type
) -> None:
    """Add up the products of what lies along loops, of each how long it is and its strides; `lines` say where in b."""

    def inside(left: Sequence[tuple[int, int, int]], in_a: list[Reg], in_b: list[Reg]) -> None:
        if not left:
            product = f.binary(
                "fmul",
                f.load(f.address(a, total(f, *in_a), kind), kind),
                f.load(f.address(b, total(f, *in_b), kind), kind),
            )
            f.store(f.binary("fadd", f.load(sums, kind), product), sums)
            return
        (n, by_a, by_b), *rest = left
        with f.loop(0, n) as (k, _, _):
            here = f.number_of(lines, k) if lines else f.binary("mul", k, by_b)
            inside(rest, [*in_a, f.binary("mul", k, by_a)], [*in_b, here])

    inside(loops, [], [])
