"""What fusion gives: groups of equations, and how every value is read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import final

import numpy as np

from pullback.compiler.fusion.groups import Group
from pullback.compiler.fusion.views import View, whole
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
    conditions : list
        Truths without which nothing may be written.
    """

    program: Program
    groups: list[Group] = field(default_factory=list)
    views: dict[Value, View] = field(default_factory=dict)
    aliases: dict[Value, Operand] = field(default_factory=dict)
    stored: set[Operand] = field(default_factory=set)
    outputs: list[Value] = field(default_factory=list)
    conditions: list[Value] = field(default_factory=list)

    def settle(self, groups: Iterable[Group], place: Mapping[Equation, int]) -> None:
        """Take in the groups, their equations by their place in the program; find what has to be in memory."""
        self.groups = list(groups)
        for group in self.groups:
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
        return whole(operand, np.shape(operand.value) if isinstance(operand, Constant) else operand.shape)

    def root(self, base: Operand) -> Operand:
        """The value whose memory a base is."""
        while isinstance(base, Value) and base in self.aliases:
            base = self.aliases[base]
        return base

    @property
    def roots(self) -> list[Operand]:
        """Of each output, the value whose memory it is."""
        return [self.root(self.view(output).base) for output in self.outputs]

    def spread(self, operand: Operand, shape: tuple[int, ...]) -> View:
        """How an operand is read along the axes of a shape to which it is broadcast."""
        view = self.view(operand)
        extra = len(shape) - len(view.shape)
        return View(
            view.base, shape,
            tuple(p._replace(terms=tuple((a + extra, c) for a, c in p.terms)) for p in view.places),
        )  # fmt: skip
