"""Drawing a program: line by line, each evaluated at once, so that every shape and every number's size is known."""

from __future__ import annotations

import warnings

import numpy as np
from tests.fuzzing.arrays import SCOPE
from tests.fuzzing.compounds import COMPOUNDS
from tests.fuzzing.operations import OPERATIONS
from tests.fuzzing.program import TRANSFORMS, Input, Line, Program
from tests.ops.domains import LAYOUTS, REAL

from pullback.core.errors import PullbackError

LENGTHS = (0, 1, 2, 3, 5, 7, 8, 15, 16, 17, 33)  # nothing, odd, and around the lengths of vectors
CHANCES = np.array((2, 10, 12, 12, 8, 6, 6, 6, 6, 6, 3)) / 77
LARGE = ((70_001,), (257, 300), (3, 129, 200))  # enough for several threads
MOST = 5_000, 300_000  # elements of a value, in a small program and in a large one
DTYPES = {"f": ("float32", "float64"), "i": ("int64", "int64", "int32"), "b": ("bool",)}
UNGUARDED = 0.1  # of the operands outside a function's domain are left there: NaN and infinities are numbers too


class UnfitError(Exception):
    """An operation does not take the operands that were drawn, or gives too much."""


class Drawing:
    """A program that is being drawn, with the numbers of one call."""

    def __init__(self, seed):
        self.seed = tuple(seed)
        self.rng = np.random.default_rng(self.seed)
        self.large = self.chance(0.03)
        self.float = self.one_of(DTYPES["f"])
        self.inputs, self.lines, self.known = [], [], {}

    # Chance.

    def chance(self, probability):
        return self.rng.random() < probability

    def one_of(self, values):
        return values[self.rng.integers(len(values))]

    def integer(self, low, high):
        return int(self.rng.integers(low, high, endpoint=True))

    def integers(self, low, high, count):
        return [self.integer(low, high) for _ in range(count)]

    def number(self, domain=REAL):
        return round(float(domain.draw(self.rng, (1,))[0]), 2)

    def order(self, n):
        return tuple(self.rng.permutation(n).tolist())

    def length(self):
        return int(self.rng.choice(LENGTHS, p=CHANCES))

    def shape(self):
        if self.large:
            return self.one_of(LARGE)
        while True:
            shape = tuple(self.length() for _ in range(self.one_of((0, 1, 1, 2, 2, 2, 3, 3, 4))))
            if np.prod(shape) <= MOST[0]:
                return shape

    def broadcastable(self, shape):
        """A shape that stretches to `shape`."""
        kept = shape[self.integer(0, len(shape)) if self.chance(0.3) else 0 :]
        return tuple(1 if self.chance(0.2) else n for n in kept)

    # Values.

    def input(self, kind, shape, low=None, high=None):
        """A new argument."""
        dtype = np.dtype(self.float if kind == "f" and self.chance(0.9) else self.one_of(DTYPES[kind]))
        low, high = {"f": (-2, 2), "i": (-4, 4), "b": (0, 1)}[kind] if low is None else (low, high)
        made = Input(
            f"x{len(self.inputs)}", tuple(shape), dtype, self.one_of(LAYOUTS) if self.chance(0.5) else "plain",
            self.rng.choice(("any", "grid", "special"), p=(0.85, 0.12, 0.03)).item(), low, high, self.chance(0.3),
        )  # fmt: skip
        self.inputs.append(made)
        self.known[made.name] = eval(made.text(self.seed), {**SCOPE, "call": 0})
        return made

    def pick(self, kind="f", fits=lambda _: True, otherwise=None):
        """A value of this kind that fits, rather a late one; else a new argument of the shape `otherwise`."""
        found = [x for x in (*self.inputs, *self.lines) if x.dtype.kind in kind and fits(x)]
        if found and not self.chance(0.1):
            return found[max(self.rng.integers(len(found), size=2))]
        return self.input(kind[0], self.shape() if otherwise is None else otherwise)

    def beside(self, shape, kind):
        """A value that broadcasts with `shape`."""

        def fits(x):
            return all(m == n or 1 in (m, n) for m, n in zip(x.shape[::-1], shape[::-1], strict=False))

        return self.pick(kind, fits, self.broadcastable(shape))

    def shaped(self, shape):
        """A floating-point value of a shape."""
        return self.pick("f", lambda x: x.shape == tuple(shape), shape)

    def with_axes(self, least, most=4):
        """A floating-point value of at least so many axes."""
        while True:
            x = self.pick("f", lambda x: least <= x.ndim <= most)
            if x.ndim >= least:
                return x

    def inside(self, x, domain):
        """A floating-point value in the domain of a function: x, or something made of it."""
        numbers = np.asarray(getattr(self.known[x.name], "array", self.known[x.name]))
        fits = [(numbers >= low) & (numbers <= high) for low, high in domain.intervals]
        if x.dtype.kind != "f" or np.logical_or.reduce(fits).all() or self.chance(UNGUARDED):
            return x
        low, high = self.one_of(domain.intervals)
        return self.add("tanh", f"pb.tanh({x}) * {(high - low) / 2} + {(high + low) / 2}")

    def value(self, expression):
        """What an expression gives in this call."""
        with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):
            try:
                return eval(expression, SCOPE | self.known)
            except PullbackError as error:
                raise UnfitError(f"{expression}: {error}") from error

    def add(self, operation, expression):
        """A new line, evaluated."""
        value = self.value(expression)
        if value.size > MOST[self.large] or value.dtype.kind not in "fib":
            raise UnfitError(f"{expression}: {value.dtype}{list(value.shape)}")
        line = Line(f"v{len(self.lines)}", value.shape, value.dtype, operation=operation, expression=expression)
        self.lines.append(line)
        self.known[line.name] = value
        return line


def program(seed) -> Program:
    """The program of a seed, a tuple of whole numbers."""
    drawing = Drawing(seed)
    drawing.input("f", drawing.shape())
    count = drawing.integer(2, 6 if drawing.large else 14)
    while len(drawing.lines) < count:
        operation, draw = drawing.one_of(COMPOUNDS if drawing.chance(0.25) else OPERATIONS)
        try:
            drawing.add(operation, draw(drawing))
        except UnfitError:
            continue
    names = [str(line) for line in drawing.lines]
    outputs = {names[-1], *(drawing.one_of(names) for _ in range(drawing.integer(0, 2)))}
    if drawing.chance(0.05):
        outputs.add(str(drawing.one_of(drawing.inputs)))
    transform = drawing.one_of(list(TRANSFORMS))
    made = Program(drawing.seed, tuple(drawing.inputs), tuple(drawing.lines), tuple(sorted(outputs)), transform)
    return (made.alive() if drawing.chance(0.7) else made).sound()
