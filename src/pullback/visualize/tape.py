"""What happened, for the player: values in the order in which they were made, and the steps of the walks over them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, final

import numpy as np

from pullback.batching.lanes import Lanes
from pullback.core.graph import Node
from pullback.core.modes import ModeContext, current_mode
from pullback.core.observers import Scope
from pullback.core.origin import user_line
from pullback.core.primitive import Primitive
from pullback.tensors import Tensor
from pullback.visualize.derivation import Derivation, pull_of, push_of, slope_of
from pullback.visualize.vertex import Kind


@final
class Value:
    """Something that was computed, or given: a vertex of the graph that is played.

    Attributes
    ----------
    kind : str
        "variable", "constant" or "operation".
    primitive, params, operands
        Of an operation; operands are indices of values, None for one that was not given.
    array : array or number
        What it is; of a primitive with several outputs, a tuple.
    name, site, scope
        What the user called it, the user's line, and the call of a module that it was made in.
    tracked : bool
        Whether cotangents may reach it.
    pulls, partials, pushes : dict
        By operand: what carries derivatives to it and from it, as equations.
    """

    __slots__ = (
        "array", "kind", "name", "operands", "params", "partials", "primitive", "pulls", "pushes", "scope", "site",
        "tracked",
    )  # fmt: skip

    def __init__(self, kind: Kind, array: Any, name: str | None = None, tracked: bool = False) -> None:
        self.kind: Kind = kind
        self.array = array
        self.name = name
        self.tracked = tracked
        self.primitive: Primitive | None = None
        self.params: dict[str, Any] = {}
        self.operands: tuple[int | None, ...] = ()
        self.site = ""
        self.scope: Scope | None = None
        self.pulls: dict[int, Derivation | None] = {}
        self.partials: dict[int, Derivation | None] = {}
        self.pushes: dict[int, Derivation | None] = {}


@final
@dataclass(frozen=True, slots=True)
class Event:
    """One step of what is played.

    `kind` says what `value` is the index of: "made" (it was computed), "walk" (a walk begins: of none), "seed" (it has
    a cotangent to begin with), "pull" (its cotangent gives `number` to operand `operand`), "start" (it has a tangent to
    begin with), "push" (it gets a tangent, of which each operand gives a part) and "update" (the variable has another
    value now).
    `partial` is the local derivative, where there is one; of a push `slopes` are, by operand.
    """

    kind: str
    value: int
    operand: int = 0
    number: Any = None
    partial: Any = None
    parts: Mapping[int, Any] = field(default_factory=dict)
    slopes: Mapping[int, Any] = field(default_factory=dict)


@final
class Tape:
    """An observer that writes down all that it is told of."""

    def __init__(self) -> None:
        self.values: list[Value] = []
        self.events: list[Event] = []
        self.many = False  # whether a walk carries many derivatives at once, as in a Jacobian
        self._nodes: dict[Node, int] = {}  # of recorded operations
        self._sources: dict[Node, tuple[int, Any]] = {}  # with the array that they had
        self._known: dict[int, tuple[int, Any, Any]] = {}  # by the id of a tensor or an array, which is kept
        self._derived: dict[Any, tuple[Derivation | None, ...]] = {}

    # What it is told.

    def applied(self, primitive: Primitive, operands: Sequence[Any], params: dict[str, Any], result: Tensor) -> None:
        value = Value("operation", result.array, result.name, result.node is not None)
        value.operands = tuple(None if operand is None else self._operand(operand) for operand in operands)
        value.primitive, value.params = primitive, params
        mode = current_mode()
        value.site, value.scope = user_line() if mode.line is None else mode.line, mode.scope
        index = self._add(value, result)
        if result.node is not None:
            self._nodes[result.node] = index
        self.events.append(Event("made", index))

    def began_pull(self, cotangents: Mapping[Node, Any]) -> None:
        self._began("seed", cotangents)

    def pulled(self, node: Node, cotangent: Any, contributions: Mapping[int, Any]) -> None:
        if (index := self._nodes.get(node)) is None or current_mode().walking > 1:
            return
        value, saved = self.values[index], node.saved or ()
        for operand, contribution in contributions.items():
            pull, partial = self._rules(node, saved, operand, cotangent, pull_of)
            value.pulls[operand], value.partials[operand] = pull, partial
            if contribution is not None:
                slope = None if partial is None else _partial(node, saved, operand)
                self.events.append(Event("pull", index, operand, _plain(contribution), slope))

    def began_push(self, tangents: Mapping[Node, Any]) -> None:
        self._began("start", tangents)

    def pushed(self, node: Node, tangents: Sequence[Any], tangent: Any) -> None:
        if (index := self._nodes.get(node)) is None or tangent is None or current_mode().walking > 1:
            return
        value, saved = self.values[index], node.saved or ()
        assert node.primitive is not None
        given = [i for i, t in enumerate(tangents) if t is not None]
        parts, slopes = {}, {}
        for operand in given:
            push, partial = self._rules(node, saved, operand, tangents[operand], push_of)
            value.pushes[operand], value.partials[operand] = push, partial
            alone = [_one(t) if i == operand else None for i, t in enumerate(tangents)]
            with ModeContext(observers=(), recording=False):  # linear: the parts add up
                part = tangent if len(given) == 1 else node.primitive.jvp(node, alone, saved)
            parts[operand] = None if part is None else _plain(part)
            if partial is not None:
                slopes[operand] = _partial(node, saved, operand)
        self.events.append(Event("push", index, number=_plain(tangent), parts=parts, slopes=slopes))

    def finish(self) -> Tape:
        """Note which variables have another value now; then forget the graph."""
        for node, (index, array) in self._sources.items():
            owner = node.owner() if hasattr(node, "owner") else None
            if owner is not None and owner.array is not array:
                self.events.append(Event("update", index, number=_plain(owner.array)))
        self._nodes.clear()
        self._sources.clear()
        self._known.clear()
        return self

    # What it knows.

    def _began(self, kind: str, given: Mapping[Node, Any]) -> None:
        if current_mode().walking > 1:
            return  # of a rule's own, as that of a checkpoint
        self.events.append(Event("walk", -1))
        self.many = self.many or any(type(_one(number)) is Tensor for number in given.values())
        for node, number in given.items():
            if (index := self._place(node)) is not None:
                self.events.append(Event(kind, index, number=_plain(number)))

    def _add(self, value: Value, *owners: Any) -> int:
        self.values.append(value)
        index = len(self.values) - 1
        for owner in owners:
            self._known[id(owner)] = index, owner, getattr(owner, "array", owner)
        return index

    def _operand(self, operand: Any) -> int:
        if not isinstance(operand, Tensor):
            return self._constant(operand, operand)
        node = operand.node
        if node is None:
            return self._constant(operand, operand.array, operand.name)
        if node.primitive is None:
            known = self._sources.get(node)
            if known is None or known[1] is not operand.array:
                known = self._add(Value("variable", operand.array, operand.name, tracked=True)), operand.array
                self._sources[node] = known
            return known[0]
        if node not in self._nodes:  # from before: what it was made of is not played
            self._nodes[node] = self._add(Value("variable", operand.array, operand.name, tracked=True))
        return self._nodes[node]

    def _constant(self, operand: Any, array: Any, name: str | None = None) -> int:
        for key in (operand, array):
            known = self._known.get(id(key))
            if known is not None and known[1] is key and known[2] is array and not isinstance(key, np.bool_):
                index = known[0]
                if not isinstance(operand, np.ndarray) or _same(self.values[index].array, operand):
                    return index
        if isinstance(operand, (list, tuple, np.ndarray)):
            array = np.array(array)  # the caller may change it
        shared = [operand] if getattr(array, "ndim", 0) or isinstance(operand, Tensor) else []
        return self._add(Value("constant", array, name), *shared)

    def _place(self, node: Node) -> int | None:
        if node.primitive is not None:
            return self._nodes.get(node)
        if node in self._sources:
            return self._sources[node][0]
        owner = node.owner() if hasattr(node, "owner") else None
        return None if owner is None else self._operand(owner)

    def _rules(self, node: Node, saved: Sequence[Any], operand: int, direction: Any, derive: Any) -> Any:
        """What carries a derivative by an operand, and ∂y/∂x, as equations; derived once for nodes that are alike."""
        key = _likeness(node, saved, operand, derive)
        found = self._derived.get(key) if key else None
        if found is None:
            assert node.primitive is not None
            found = derive(node, saved, _example(direction), operand), slope_of(node.primitive, saved, operand)
            if key:
                self._derived[key] = found
        return found


_SIMPLE: Final = (bool, int, float, str, type(None), np.dtype, slice, type(Ellipsis))


def _likeness(node: Node, saved: Sequence[Any], operand: int, derive: Any) -> Any:
    """What nodes with the same equations have in common; None where that is not known."""
    parts = list(_flat(node.params.values()))
    if not all(isinstance(part, _SIMPLE) for part in parts):
        return None
    shapes = tuple(
        (
            type(i) is Node,
            getattr(getattr(i, "aval", i), "shape", None),
            str(getattr(getattr(i, "aval", i), "dtype", i)),
        )
        for i in node.inputs
    )
    numbers = tuple(s if type(s) in (bool, int, float) else type(s) for s in saved)
    return node.primitive, repr(node.params), shapes, repr(numbers), operand, derive


def _flat(values: Any) -> Iterator[Any]:
    for value in values:
        if isinstance(value, tuple):
            yield from _flat(value)
        else:
            yield value


def _partial(node: Node, saved: Sequence[Any], operand: int) -> Any:
    rule = node.primitive.rules[operand] if node.primitive is not None else None
    assert rule is not None
    return _plain(rule.at(tuple(map(_plain, saved))))


def _plain(value: Any) -> Any:
    """A value as arrays: a walk that is itself recorded carries tensors, one inside `vmap` many cotangents at once."""
    if isinstance(value, tuple):
        return tuple(map(_plain, value))
    if isinstance(value, Tensor):
        return _plain(value.array)
    return _plain(value.held) if isinstance(value, Lanes) else value


def _one(value: Any) -> Any:
    """A value as an array, or as it is where it is many at once."""
    return value if isinstance(value, Tensor) and isinstance(value.array, Lanes) else _plain(value)


def _example(value: Any) -> Any:
    """A value as arrays; of many at once, one like each of them."""
    lanes = value.array if isinstance(value, Tensor) else value
    return np.ones(lanes.shape, lanes.dtype) if isinstance(lanes, Lanes) else _plain(value)


def _same(kept: Any, now: Any) -> bool:
    return kept.shape == now.shape and bool(np.array_equal(kept, now, equal_nan=kept.dtype.kind in "fc"))
