"""What fusion gives: groups of equations, and how every value is read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import final

import numpy as np

from pullback.compiler.facts.places import Place
from pullback.compiler.fusion.groups import Group
from pullback.compiler.fusion.views import View, counted, whole
from pullback.core.opaque import Opaque
from pullback.programs.program import Constant, Equation, Operand, Program, Value


@final
@dataclass(slots=True)
class Fused:
    """A program in groups.

    Attributes
    ----------
    program : Program
        What they compute.
    groups : list of Group
        In the order in which they run.
    views : dict
        Of each value: how it is read from its base.
    aliases : dict
        Values that are the memory of another in another shape; both lie in order.
    stored : set of Value
        Bases that are in memory.
    outputs : list
        As the program's, each a base that is made here or a view that permutes one.
    assembled : set of Value
        Bases that are made in parts, none of which lies where another does.
    conditions : list
        Truths without which nothing may be written.
    together : bool
        Whether equations share loops, those of bodies too.
    orders : dict
        Of bases that do not lie in NumPy's order: their axes from the slowest to the fastest.
    """

    program: Program
    groups: list[Group] = field(default_factory=list)
    views: dict[Value, View] = field(default_factory=dict)
    aliases: dict[Value, Operand] = field(default_factory=dict)
    stored: set[Operand] = field(default_factory=set)
    outputs: list[Value] = field(default_factory=list)
    assembled: set[Operand] = field(default_factory=set)
    conditions: list[Value] = field(default_factory=list)
    together: bool = True
    orders: dict[Operand, tuple[int, ...]] = field(default_factory=dict)
    _counts: dict[Operand, View | None] = field(default_factory=dict)
    _wholes: dict[Operand, View] = field(default_factory=dict)
    _roots: list[Operand] = field(default_factory=list)

    def settle(self, groups: Iterable[Group], place: Mapping[Equation, int]) -> None:
        """Take in the groups, their equations by their place in the program; find what has to be in memory."""
        self.groups = list(groups)
        for group in self.groups:
            if group.kind == "assembly":
                continue  # its parts read, and it does not
            group.equations.sort(key=place.__getitem__)
            for equation in group.equations:
                read = [self.view(operand).base for operand in equation.operands]
                inside = {} if equation is group.product else group.where
                self.stored |= {self.root(base) for base in read if base not in inside}
        self.stored |= {self.root(self.view(output).base) for output in (*self.outputs, *self.conditions)}
        drawn = (group.equations[-1] for group in self.groups if group.kind == "kernel")
        self.stored |= {equation.output for equation in drawn if isinstance(equation.primitive, Opaque)}

    def view(self, operand: Operand) -> View:
        """How an operand is read."""
        if isinstance(operand, Value) and operand in self.views:
            return self.views[operand]
        found = self._wholes.get(operand)
        if found is None:
            shape = np.shape(operand.value) if isinstance(operand, Constant) else operand.shape
            found = self._wholes[operand] = whole(operand, shape)
        return found

    def root(self, base: Operand) -> Operand:
        """The value whose memory a base is."""
        while isinstance(base, Value) and base in self.aliases:
            base = self.aliases[base]
        return base

    @property
    def roots(self) -> list[Operand]:
        """Of each output, the value whose memory it is."""
        self._roots += (self.root(self.view(output).base) for output in self.outputs[len(self._roots) :])
        return self._roots

    def spread(self, operand: Operand, shape: tuple[int, ...]) -> View:
        """How an operand is read along the axes of a shape to which it is broadcast."""
        view = self._counted(operand) or self.view(operand)
        extra = len(shape) - len(view.shape)
        return view.renamed(shape, {axis: axis + extra for axis in range(len(view.shape))})

    def picked(self, equation: Equation) -> View | None:
        """What a gather gives, as a view: where all numbers follow from their places, as those of a diagonal do."""
        x, *numbers = equation.operands
        shape, rest, places = equation.output.shape, iter(numbers), list[Place]()
        for axis in equation.params["along"]:
            if axis is not None:
                places.append(Place(0, ((axis, 1),)) if shape[axis] != 1 else Place())
            elif self._counted(number := next(rest)) is None:
                return None
            else:
                places += self.spread(number, shape).places
        return self.view(x).moved(shape, places)

    def _counted(self, operand: Operand) -> View | None:
        """A constant whose numbers follow from their places, as those of `arange` do; it is computed, not read."""
        if not isinstance(operand, Constant) or not hasattr(operand.value, "dtype"):
            return None
        if operand not in self._counts:
            self._counts[operand] = counted(np.asarray(operand.value))
        return self._counts[operand]
