"""A random program as the text of a Python function: what is printed is what is run, and lines can be taken away."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import takewhile
from textwrap import indent

import numpy as np

# What is compiled, a `step` made of f. `floats` gives f's floating-point results, `loss` one number made of them, and
# the first `moved` arguments are floating-point numbers.
TRANSFORMS = {
    "f": "step = f",
    "value_and_grad": "step = pb.value_and_grad(loss, argnums=range(moved))",
    "vjp": """
def step(*xs):
    y, back = pb.vjp(lambda *moving: floats(*moving, *xs[moved:]), *xs[:moved])
    return y, back(tuple(map(weights, y)))
""",
    "jvp": """
def step(*xs):
    return pb.jvp(lambda *moving: floats(*moving, *xs[moved:]), xs[:moved], tuple(map(weights, xs[:moved])))
""",
    "grad of grad": """
def slope(*xs):
    return sum(map(weighted, pb.grad(loss, argnums=range(moved))(*xs)))
step = pb.grad(slope, argnums=range(moved))
""",
}


DERIVED = """\
    moved = {moved}
    def floats(*xs):
        y = f(*xs)
        return tuple(y[i] for i in {floats})
    def loss(*xs):
        return sum(map(weighted, floats(*xs)))
"""


@dataclass(frozen=True)
class Variable:
    """A value of the program, and how it prints."""

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype

    @property
    def ndim(self):
        return len(self.shape)

    @property
    def size(self):
        return int(np.prod(self.shape))

    def __str__(self):
        return self.name


@dataclass(frozen=True)
class Input(Variable):
    """An argument: how it lies in memory, what its numbers are, whether it is given as a tensor."""

    layout: str = "plain"
    values: str = "any"
    low: float = -2
    high: float = 2
    tensor: bool = False

    def text(self, seed):
        facts = f"{self.shape}, {self.dtype.name!r}, {self.layout!r}, {self.values!r}, {self.low}, {self.high}"
        number = int(re.sub(r"\D", "", self.name))
        made = f"array([{seed[0]}, {seed[1]}, call, {number}], {facts})"
        return f"pb.tensor({made})" if self.tensor else made


@dataclass(frozen=True)
class Line(Variable):
    """A value that an operation makes."""

    operation: str = ""
    expression: str = ""

    @property
    def operands(self):
        return set(re.findall(r"\b[xv]\d+\b", self.expression))


@dataclass(frozen=True)
class Program:
    """Inputs, lines in order, the names of the outputs, and what is made of it, a row of TRANSFORMS."""

    seed: tuple[int, ...]
    inputs: tuple[Input, ...]
    lines: tuple[Line, ...]
    outputs: tuple[str, ...]
    transform: str = "f"

    @property
    def operations(self):
        return Counter([*(line.operation for line in self.lines), self.transform])

    @property
    def variables(self):
        return {variable.name: variable for variable in (*self.inputs, *self.lines)}

    @property
    def source(self):
        """The text: `build` makes the function, what happens before each call, and what to look at after it."""
        known = self.variables
        inputs = sorted(self.inputs, key=lambda x: x.dtype.kind != "f")
        moved = sum(x.dtype.kind == "f" for x in inputs)
        floats = [i for i, name in enumerate(self.outputs) if known[name].dtype.kind == "f"]
        lines = "".join(f"        {line} = {line.expression}\n" for line in self.lines)
        made = "" if self.transform == "f" else DERIVED.format(moved=moved, floats=floats)
        made += indent(TRANSFORMS[self.transform].strip(), "    ")
        given = ",\n        ".join(x.text(self.seed) for x in inputs)
        return f"""
def build():
    def f({", ".join(map(str, inputs))}):
{lines}        return {", ".join(self.outputs)},
{made}
    return step, lambda call: None, list

def arguments(call):
    return [
        {given},
    ]
"""

    def alive(self):
        """The same program without what its outputs do not need."""
        wanted, kept = set(self.outputs), []
        for line in reversed(self.lines):
            if line.name in wanted:
                wanted |= line.operands
                kept.insert(0, line)
        return replace(self, lines=tuple(kept), inputs=tuple(x for x in self.inputs if x.name in wanted))

    def sound(self):
        """The same program, or the plain one where there is nothing to differentiate."""
        known = self.variables
        moving = any(x.dtype.kind == "f" for x in self.inputs)
        derivable = moving and any(known[name].dtype.kind == "f" for name in self.outputs)
        return self if derivable else replace(self, transform="f")

    def smaller(self) -> Iterator[Program]:
        """Programs with less in them, the boldest first."""
        for output in self.outputs if len(self.outputs) > 1 else ():
            yield replace(self, outputs=(output,)).alive().sound()
        for transform in takewhile(lambda name: name != self.transform, TRANSFORMS):
            yield replace(self, transform=transform)
        yield self.alive().sound()
        for i, line in enumerate(self.lines):
            yield self.given(i, line).alive().sound()
            for name in line.operands:
                if (self.variables[name].shape, self.variables[name].dtype) == (line.shape, line.dtype):
                    yield self.without(i, line, name).alive().sound()
        for x in self.inputs:
            plain = replace(x, layout="plain", values="any", tensor=False)
            yield replace(self, inputs=tuple(plain if y is x else y for y in self.inputs))

    def given(self, i, line):
        """The same program with line i as an argument."""
        bounds = {} if line.dtype.kind == "f" else {"low": 0, "high": 1}
        given = Input(line.name, line.shape, line.dtype, **bounds)
        return replace(self, lines=self.lines[:i] + self.lines[i + 1 :], inputs=(*self.inputs, given))

    def without(self, i, line, operand):
        """The same program with an operand of line i in its place."""

        def renamed(text):
            return re.sub(rf"\b{line}\b", operand, text)

        after = (replace(later, expression=renamed(later.expression)) for later in self.lines[i + 1 :])
        return replace(self, lines=(*self.lines[:i], *after), outputs=tuple(map(renamed, self.outputs)))
