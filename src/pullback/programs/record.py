"""Records: a program with what ties it to the world, the tensors that it reads and writes besides its arguments."""

from __future__ import annotations

import weakref
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple, final

from pullback.core.errors import TraceError
from pullback.core.graph import Node, ancestors
from pullback.programs.program import Program
from pullback.tensors import Tensor


@final
@dataclass(frozen=True, slots=True, eq=False)
class Captured:
    """A tensor from outside, or the gradient of one: what a program reads and writes besides its arguments."""

    tensor: Tensor
    gradient: bool = False

    @property
    def current(self) -> Tensor | None:
        """The tensor whose array is read now."""
        return self.tensor.grad if self.gradient else self.tensor

    @property
    def key(self) -> tuple[int, bool]:
        """What tells captured tensors apart: identity."""
        return id(self.tensor), self.gradient

    @property
    def label(self) -> str:
        """A name for people."""
        name = self.tensor.name or f"captured{list(self.tensor.shape)}"
        return f"{name}.grad" if self.gradient else name


@final
@dataclass(frozen=True, slots=True)
class Hole:
    """In a tree of results, the place of an output of the program, by its number."""

    number: int


@final
@dataclass(frozen=True, slots=True)
class Given:
    """In a tree of results, the place of an argument that is given back as it is, by its number."""

    number: int


hole, given = cache(Hole), cache(Given)  # one object each, so that trees of two records are compared easily


class Rewritten(NamedTuple):
    """An argument, by its number, that is an array of the caller's, which the function writes to."""

    number: int
    label: str


@final
@dataclass(slots=True)
class Record:
    """A program with what ties it to the world.

    Attributes
    ----------
    program : Program
        Its inputs are the arguments' arrays, then `captured`; its outputs the results, `written` and `rewritten`.
    captured, written : list of Captured
        What it reads, and what it changes.
    result : Any
        The tree that the function gave, with a Hole at each tensor that the program computes, of which there are
        `count`, and a Given at each argument. What else it holds is given back as it is, a captured tensor for one.
    rewritten : list of Rewritten
        The arguments that are arrays of the caller's, and are written to.
    cleared : list of Tensor
        Tensors whose gradient the function forgot.
    grads : dict
        Of the sources whose gradient was looked at before it was set: whether there was one when the function began.
    nodes : list of (Tensor, Node or None)
        What each captured tensor stood for in the graph: a tensor that begins to be tracked needs another program.
    state : dict
        Arguments, by their number, that are known by identity: leaves that require gradients, and what was changed.
    personal : dict
        Arguments, by their number, that are given back or changed: whether a tensor was given, and no array.
    watched : list
        Objects on whose attributes depends what was done: the modules that were called.
    made : list of weak references
        To the tensors that the function made itself.
    live : bool
        A result is still tied to the graph of tensors outside: it may be differentiated later.
    unfit : str or None
        Why no program can do what was done, if so.
    """

    program: Program
    captured: list[Captured]
    written: list[Captured]
    result: Any
    count: int
    rewritten: list[Rewritten] = field(default_factory=list)
    cleared: list[Tensor] = field(default_factory=list)
    grads: dict[int, tuple[Tensor, bool]] = field(default_factory=dict)
    nodes: list[tuple[Tensor, Node | None]] = field(default_factory=list)
    state: dict[int, Tensor] = field(default_factory=dict)
    personal: dict[int, bool] = field(default_factory=dict)
    watched: list[Any] = field(default_factory=list)
    made: list[weakref.ref[Tensor]] = field(default_factory=list)
    live: bool = False
    unfit: str | None = None

    @property
    def had(self) -> dict[int, bool]:
        """Which of the gradients that mattered there were."""
        return {key: had for key, (_, had) in self.grads.items()}


def given_twice(name: str, original: Any) -> TraceError:
    """The complaint about an argument that is changed, and is given in another way too."""
    return TraceError(
        f"compile: {name} is changed in place, and was also given in another way", shape=original.shape,
        fix="give it once, or give a copy: x.copy()",
    )  # fmt: skip


def is_live(tensor: Any) -> bool:
    """Whether a tensor can still be differentiated: it was recorded, and no part of its graph was walked and freed."""
    if tensor is None or tensor.node is None or tensor.node.primitive is None:
        return False
    return all(node.saved is not None for node in ancestors([tensor.node]))
