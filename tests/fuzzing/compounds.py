"""Lines of several operations, which people write together: a matrix used both ways, neighbours, masks, in place."""

from __future__ import annotations

from tests.fuzzing.operations import axis, on_value, places, subscript


def both_ways(d, x):
    """A square matrix and its transpose in one line, elementwise and in products."""
    square = f"pb.matmul({x}, pb.matrix_transpose({x}))"
    return d.one_of((f"{square} + 2 * pb.matrix_transpose({square})", f"pb.matmul({square}, {square}) * {square}"))


def neighbours(d, x):
    """Slices of one axis beside each other; nothing where it is short."""
    lead = ":, " * (x.ndim - 1)
    return f"{x}[{lead}1:] * 2 - {x}[{lead}:-1]"


def chained(d, x):
    """Reductions over one axis after another, with x in between."""
    first, second = d.one_of(("max", "sum", "mean")), d.one_of(("sum", "min", "prod"))
    return f"pb.{second}(pb.{first}({x}, axis={axis(d, x)}, keepdims=True) * {x}, axis={axis(d, x)})"


def masked(d, x):
    other = d.shaped(x.shape)
    return f"pb.where(({x} > {other}) & ~({x} > 1.5), {x} * {other}, -{other})"


def rolled(d, x):
    a = axis(d, x)
    return f"pb.roll({x}, {d.integer(1, 3)}, {a}) + pb.roll({x}, -1, {a}) - 2 * {x}"


def written(d, x):
    """An assignment, in place: to places that are taken as they are, or what is there changed."""
    return f"{d.one_of(('written', 'changed'))}({x}, {subscript(d, x)}, {d.number()})"


def scattered(d, x):
    """Values added to places of a vector, some of them the same."""
    rows = places(d, 5, (x.shape[0],))
    return f"pb.grad(lambda t: (t[{rows}] * {x}).sum())(pb.zeros((5, *{x.shape[1:]})))"


COMPOUNDS = (
    ("both ways", on_value(2, both_ways)),
    ("neighbours", on_value(1, neighbours)),
    ("chained", on_value(1, chained)),
    ("masked", on_value(0, masked)),
    ("rolled", on_value(1, rolled)),
    ("written", on_value(1, written)),
    ("scattered", on_value(1, scattered)),
    ("running", on_value(1, lambda d, x: f"pb.cumsum(pb.flip({x}), {axis(d, x)})[..., ::2]")),
)
