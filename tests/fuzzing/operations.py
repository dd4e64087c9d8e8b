"""The table of operations: how a call of each is drawn, as text.

Functions of elements and reductions come from the rows of `tests/ops/cases.py`, with their domains; what depends on
shapes has a row here. A row is a name and a function of the drawing, which gives an expression.
"""

from __future__ import annotations

import math

import numpy as np
from tests.fuzzing.loops import loop
from tests.ops.cases import ELEMENTWISE, LOGICAL, REDUCTIONS
from tests.ops.domains import APART, POSITIVE, PROBABILITY, REAL

# Of derivatives only, which no user calls, as those whose names end in `_`; and what has a size that numbers decide.
PRIVATE = {"strong_multiply", "sinc_derivative", "gap", "nonzero"}
INTEGRAL = {  # which are tried on integers and booleans too
    "add", "subtract", "multiply", "negative", "absolute", "abs", "sign", "square", "maximum", "minimum", "mod",
    "floor_divide", "where", "relu", "clip", "sin", "exp", "sigmoid", "tanh", "divide", "sqrt", "sum", "mean", "max",
    "min", "prod", "any", "all", "argmax", "argmin", "cumsum",
}  # fmt: skip
SYMBOLS = {"add": "+", "subtract": "-", "multiply": "*", "divide": "/", "power": "**", "less": "<"}


def elementwise(case):
    """A function of elements: operands that broadcast, now and then a plain number among them."""

    def draw(d):
        operands, shape = [], None
        for domain in case.operands:
            kind = {bool: "b", int: "ib"}.get(domain.dtype, "f")
            if shape is not None and kind == "f" and d.chance(0.15):
                operands.append(str(d.number(domain)))
                continue
            if kind == "f" and case.name in INTEGRAL and d.chance(0.15):
                kind = "ifb"
            x = d.pick(kind) if shape is None else d.beside(shape, kind)
            x = d.inside(x, domain) if kind == "f" else x
            shape = x.shape if shape is None else np.broadcast_shapes(shape, x.shape)
            operands.append(str(x))
        if case.name in SYMBOLS and d.chance(0.3) and "v" in "".join(operands):
            return f"({operands[0]} {SYMBOLS[case.name]} {operands[1]})"
        return f"pb.{case.name}({', '.join(operands)})"

    return draw


def reduction(case):
    """A reduction over axes that are drawn."""

    def draw(d):
        kind = "ifb" if case.name in INTEGRAL and d.chance(0.15) else "f"
        x = d.pick(kind, lambda x: x.ndim or case.axes == "many")
        x = d.inside(x, case.operands[0]) if kind == "f" else x
        one = d.integer(-x.ndim, x.ndim - 1) if x.ndim else None
        axis = one
        if case.axes == "many" and x.ndim:
            several = tuple(sorted(d.rng.choice(x.ndim, d.integer(1, x.ndim), replace=False).tolist()))
            axis = d.one_of((one, None, several))
        keep = ", keepdims=True" if case.axes in ("many", "one") and d.chance(0.4) else ""
        return f"pb.{case.name}({x}, axis={axis}{keep})"

    return draw


# Movement: the least number of axes, and the call.


def axis(d, x):
    return d.integer(-x.ndim, x.ndim - 1)


def factors(d, x):
    """A shape of as many elements."""
    divisors = [n for n in range(1, x.size + 1) if x.size % n == 0][:20] or [0]
    first = d.one_of(divisors)
    rest = x.size // first if first else 0
    return d.one_of(((first, rest), (rest, first), (first, 1, rest), (x.size,), (first, -1) if first else (0, 3)))


def stretched(d, x):
    """A shape that x stretches to."""
    shape = tuple(d.integer(2, 5) if n == 1 else n for n in x.shape)
    return (d.integer(1, 3), *shape) if d.chance(0.5) else shape


def joined(d, x, count):
    return ", ".join([str(x), *(str(d.shaped(x.shape)) for _ in range(count))])


def places(d, n, shape):
    """Indices along an axis of length n: an argument, or an array that the program holds."""
    if n == 0:
        return "np.array([], int)"
    if d.chance(0.5):
        return str(d.input("i", shape, 0, n - 1))
    return f"np.array({d.rng.integers(-n, n, shape).tolist()})"


def index(d, x):
    """Of integers, slices, new axes, an ellipsis, arrays, or a mask."""
    if d.chance(0.1) and 0 < x.size < 100:
        return f"np.array({(d.rng.random(x.shape) < 0.5).tolist()})"
    parts = []
    for n in x.shape[: d.integer(1, x.ndim)]:
        start, stop = sorted(d.integers(-n, n, 2))
        step = d.one_of((1, 1, 2, 3, -1, -2))
        slices = f"{start}:{stop}:{step}" if step > 0 else f"{stop}:{start}:{step}"
        choices = [
            slices,
            slices,
            ":",
            places(d, n, d.one_of(((3,), (2, 1)))),
            *([str(d.integer(-n, n - 1))] if n else []),
        ]
        parts.append(d.one_of(choices))
    for extra in ("None", "..."):
        if d.chance(0.2):
            parts.insert(d.integer(0, len(parts)), extra)
    return ", ".join(parts)


def subscript(d, x):
    text = index(d, x)
    return f"np.s_[{text}]"


def put(d, x):
    where = subscript(d, x)
    chosen = d.value(f"pb.getitem({x}, {where})")
    value = d.shaped(d.broadcastable(chosen.shape)) if d.chance(0.6) else d.number()
    return f"pb.setitem({x}, {where}, {value})"


def padded(d, x):
    mode = d.one_of(("constant", "edge", "reflect", "symmetric", "wrap"))
    width = tuple((d.integer(0, 2), d.integer(0, 2)) for _ in x.shape)
    return f"pb.pad({x}, {width}, mode={mode!r})"


def images(d, x):
    """An expression for the values of x as images, and their shape."""
    shape = (*(1,) * (4 - x.ndim), *x.shape)
    return f"pb.reshape({x}, {shape})", shape


def unfolded(d, x):
    text, _ = images(d, x)
    return f"pb.unfold({text}, {d.one_of((1, 2, (2, 1)))}, padding={d.integer(0, 1)}, stride={d.integer(1, 2)})"


def folded(d, x):
    """The pieces of an image, added up where they lie."""
    text, shape = images(d, x)
    size, padding = d.one_of((1, 2, (2, 1))), d.integer(0, 1)
    return f"pb.fold(pb.unfold({text}, {size}, padding={padding}), {shape[2:]}, {size}, padding={padding})"


MOVEMENT = {
    "reshape": (0, lambda d, x: f"pb.reshape({x}, {factors(d, x)})"),
    "ravel": (0, lambda d, x: f"pb.ravel({x})"),
    "permute_dims": (1, lambda d, x: f"pb.permute_dims({x}, {d.order(x.ndim)})"),
    "transpose": (1, lambda d, x: f"pb.transpose({x})"),
    "matrix_transpose": (2, lambda d, x: f"pb.matrix_transpose({x})"),
    "swapaxes": (2, lambda d, x: f"pb.swapaxes({x}, {axis(d, x)}, {axis(d, x)})"),
    "moveaxis": (2, lambda d, x: f"pb.moveaxis({x}, {axis(d, x)}, {axis(d, x)})"),
    "expand_dims": (0, lambda d, x: f"pb.expand_dims({x}, {d.integer(-x.ndim - 1, x.ndim)})"),
    "squeeze": (1, lambda d, x: f"pb.squeeze({x})"),
    "broadcast_to": (0, lambda d, x: f"pb.broadcast_to({x}, {stretched(d, x)})"),
    "broadcast_arrays": (1, lambda d, x: f"pb.broadcast_arrays({x}, {d.shaped(x.shape[-1:])})[{d.integer(0, 1)}]"),
    "atleast_2d": (0, lambda d, x: f"pb.atleast_2d({x})"),
    "concatenate": (1, lambda d, x: f"pb.concatenate([{joined(d, x, d.integer(1, 2))}], {axis(d, x)})"),
    "concat": (1, lambda d, x: f"pb.concat([{joined(d, x, 1)}], {axis(d, x)})"),
    "stack": (0, lambda d, x: f"pb.stack([{joined(d, x, d.integer(0, 2))}], {d.integer(-x.ndim - 1, x.ndim)})"),
    "split": (1, lambda d, x: f"pb.split({x}, {sorted(d.integers(0, 4, 2))}, {axis(d, x)})[{d.integer(0, 2)}]"),
    "tile": (1, lambda d, x: f"pb.tile({x}, {tuple(d.integers(1, 2, d.integer(1, 3)))})"),
    "repeat": (1, lambda d, x: f"pb.repeat({x}, {d.integer(1, 3)}, {axis(d, x)})"),
    "flip": (1, lambda d, x: f"pb.flip({x}, {d.one_of((None, axis(d, x)))})"),
    "roll": (1, lambda d, x: f"pb.roll({x}, {d.integer(-5, 5)}, {d.one_of((None, axis(d, x)))})"),
    "tril": (2, lambda d, x: f"pb.tril({x}, {d.integer(-2, 2)})"),
    "triu": (2, lambda d, x: f"pb.triu({x}, {d.integer(-2, 2)})"),
    "diagonal": (2, lambda d, x: f"pb.diagonal({x}, {d.integer(-2, 2)})"),
    "diag": (1, lambda d, x: f"pb.diag({x}, {d.integer(-2, 2)})"),
    "trace": (2, lambda d, x: f"pb.trace({x}, {d.integer(-1, 1)})"),
    "take": (1, lambda d, x: f"pb.take({x}, {places(d, x.shape[-1], (d.integer(1, 4),))}, -1)"),
    "take_along_axis": (1, lambda d, x: f"pb.take_along_axis({x}, {places(d, x.shape[-1], (*x.shape[:-1], 2))}, -1)"),
    "pad": (1, padded),
    "astype": (0, lambda d, x: f"pb.astype({x}, np.{d.one_of(('float32', 'float64'))})"),
    "getitem": (1, lambda d, x: f"pb.getitem({x}, {subscript(d, x)})"),
    "setitem": (1, put),
    "unstack": (1, lambda d, x: f"pb.unstack({x}, axis={(i := axis(d, x))})[{d.integer(0, max(1, x.shape[i]) - 1)}]"),
    "sliding_window_view": (1, lambda d, x: f"pb.sliding_window_view({x}, {d.integer(1, 3)}, axis={axis(d, x)})"),
    "argsort": (1, lambda d, x: f"pb.argsort({x}, axis={axis(d, x)})"),
    "unfold": (2, unfolded),
    "fold": (2, folded),
}  # fmt: skip


# Contractions: the least number of axes of the first operand, whose others are drawn to fit.


def matmul(d, x):
    k, n = x.shape[-1], d.length()
    batch = x.shape[:-2] if d.chance(0.5) else d.one_of(((), (1,), (2, 1)))
    other = d.shaped(d.one_of(((k,), (k, n), (*batch, k, n))))
    return f"pb.matmul({x}, {other})"


def linear(d, x):
    rows = d.length()
    bias = f", {d.shaped((rows,))}" if d.chance(0.7) else ""
    return f"pb.linear({x}, {d.shaped((rows, x.shape[-1]))}{bias})"


def einsum(d, x):
    """Any labels for x and another operand, or two, and any of them in the result."""
    lengths = dict(zip("abcd", x.shape, strict=False)) | {"e": d.integer(1, 4), "f": d.integer(1, 4)}
    terms = ["abcd"[: x.ndim]]
    for _ in range(d.one_of((0, 1, 1, 1, 2))):
        letters = d.rng.permutation(list(lengths))[: d.integer(0, 3)]
        terms.append("".join(letters))
    used = sorted(set("".join(terms)))
    out = "".join(letter for letter in d.rng.permutation(used) if d.chance(0.5))
    others = "".join(f", {d.shaped([lengths[letter] for letter in term])}" for term in terms[1:])
    return f"pb.einsum({','.join(terms) + '->' + out!r}, {x}{others})"


CONTRACTIONS = {
    "matmul": (1, matmul),
    "linear": (1, linear),
    "dot": (1, lambda d, x: f"pb.dot({x}, {d.shaped((x.shape[-1], d.length()))})"),
    "vdot": (0, lambda d, x: f"pb.vdot({x}, {d.shaped(x.shape)})"),
    "outer": (0, lambda d, x: f"pb.outer({x}, {d.shaped((d.length(),))})"),
    "tensordot": (1, lambda d, x: f"pb.tensordot({x}, {d.shaped((x.shape[-1], 2))}, axes=1)"),
    "einsum": (1, einsum),
}


# Losses, and the rest of the table: what has parameters besides axes.


def labelled(name):
    def draw(d, x):
        labels = d.input("i", x.shape[:-1], 0, max(0, x.shape[-1] - 1))
        return f"pb.{name}({x}, {labels}, reduction={reduction_of(d)})"

    return draw


def reduction_of(d):
    return repr(d.one_of(("mean", "sum", "none")))


def probable(d, x):
    p, t = d.inside(x, PROBABILITY), d.inside(d.shaped(x.shape), PROBABILITY)
    return f"pb.binary_cross_entropy({p}, {t}, reduction={reduction_of(d)})"


def spread(name):
    return lambda d, x: f"pb.{name}({x}, axis={axis(d, x)}, correction={d.one_of((0, 1, 0.5))})"


PARAMETERISED = (
    ("mse_loss", 0, lambda d, x: f"pb.mse_loss({x}, {d.shaped(x.shape)}, reduction={reduction_of(d)})"),
    ("l1_loss", 0, lambda d, x: f"pb.l1_loss({x}, {d.shaped(x.shape)}, reduction={reduction_of(d)})"),
    ("binary_cross_entropy", 0, probable),
    ("binary_cross_entropy_with_logits", 0, lambda d, x:
        f"pb.binary_cross_entropy_with_logits({x}, {d.shaped(x.shape)}, reduction={reduction_of(d)})"),
    ("cross_entropy", 1, labelled("cross_entropy")),
    ("softmax_cross_entropy", 1, labelled("softmax_cross_entropy")),
    ("softmax_cross_entropy", 1, lambda d, x: f"pb.softmax_cross_entropy({x}, {d.shaped(x.shape)})"),
    ("var", 1, spread("var")),
    ("std", 1, spread("std")),
    ("norm", 1, lambda d, x: f"pb.norm({x}, ord={d.one_of((1, 2, 3, 2.5, math.inf))!r}, axis={axis(d, x)})"
                             .replace("inf", "np.inf")),
    ("power", 0, lambda d, x: f"{d.inside(x, REAL)} ** {d.one_of((0, 1, 2, 3, -1, 2.0))}"),
    ("power", 0, lambda d, x: f"pb.power({d.inside(x, POSITIVE)}, {d.one_of((0.5, -0.5, 1.5))})"),
    ("clip", 0, lambda d, x: f"pb.clip({x}, {d.one_of((-1.0, -0.5, None))}, {d.number(APART)})"),
    ("gelu", 0, lambda d, x: f"pb.gelu({x}, approximate=True)"),
    ("leaky_relu", 0, lambda d, x: f"pb.leaky_relu({x}, {d.one_of((0.0, 0.2))})"),
    ("round", 0, lambda d, x: f"pb.round({x}, {d.one_of((1, -1))})"),
    ("prelu", 0, lambda d, x: f"pb.prelu({x}, {d.shaped(())})"),
    ("glu", 1, lambda d, x: f"pb.glu(pb.concatenate([{x}, {x}], -1))"),
    ("looped", 1, loop("looped")),
    ("scanned", 1, loop("scanned")),
)  # fmt: skip


def on_value(least, text):
    """A row that begins with a floating-point value of at least so many axes."""
    return lambda d: text(d, d.with_axes(least))


OPERATIONS = (
    *(
        (case.name, elementwise(case))
        for case in (*ELEMENTWISE, *LOGICAL)
        if not (case.name in PRIVATE or case.name.endswith("_"))
    ),
    *((case.name, reduction(case)) for case in REDUCTIONS),
    *((name, on_value(*row)) for name, row in (MOVEMENT | CONTRACTIONS).items()),
    *((name, on_value(least, text)) for name, least, text in PARAMETERISED),
)
