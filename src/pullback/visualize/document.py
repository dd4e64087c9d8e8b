"""What a player shows, as plain data for its page: values, events, rules and pictures; arrays apart, in bytes."""

from __future__ import annotations

import linecache
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, final

import numpy as np

from pullback.core.kinds import strong_multiply
from pullback.core.primitive import Primitive
from pullback.ops import (
    contractions,
    convolutions,
    cross_entropy,
    cumulative,
    elementwise,
    indexing,
    labels,
    movement,
    products,
    reductions,
    rows,
    special,
    windows,
)
from pullback.ops.places import ARRAY
from pullback.visualize.blob import Blob
from pullback.visualize.derivation import Derivation, Place
from pullback.visualize.folding import folded, size_of
from pullback.visualize.mathematics import formula, operand_names
from pullback.visualize.tape import Event, Tape, Value
from pullback.visualize.vertex import params_text, shorten
from pullback.visualize.views import View, Views

# What the page can compute: our own primitives, known by the object. Another one may have the same name.
KERNELS: Final[dict[Primitive, str]] = {
    value: value.name
    for module in (
        *(elementwise, special, reductions, cross_entropy, movement, indexing, rows, windows, contractions),
        *(products, convolutions, cumulative, labels),
    )
    for value in vars(module).values()
    if isinstance(value, Primitive)
} | {strong_multiply: "multiply_strong"}

# Bytes of arrays: of a page with up to 100 values, for each further one, and at most.
_ROOM, _FEW, _ROOM_EACH, _MOST_ROOM = 110_000, 100, 900, 1_000_000


def document(tapes: Sequence[Tape], title: str) -> tuple[dict[str, Any], str]:
    """The data of a page, ready for JSON, and the bytes of its arrays in base 64."""
    with np.errstate(all="ignore"):  # numbers that are not finite, or very large, are shown like others
        return _Document([_Take(tape) for tape in tapes], title).data()


@final
class _Take:
    """One run of what is played: the values that matter to it, numbered anew, and its events."""

    def __init__(self, tape: Tape) -> None:
        walked = [e.value for e in tape.events if e.kind in ("seed", "start", "push")]
        needed: set[int] = set()
        stack = walked or list(range(len(tape.values)))
        while stack:
            index = stack.pop()
            if index not in needed:
                needed.add(index)
                stack += [operand for operand in tape.values[index].operands if operand is not None]
        self.place = {old: new for new, old in enumerate(sorted(needed))}
        self.values = [tape.values[old] for old in self.place]
        self.operands = [[None if i is None else self.place[i] for i in value.operands] for value in self.values]
        self.events = [e for e in tape.events if e.value in needed or e.kind == "walk"]
        self.many = tape.many

    @property
    def arrays(self) -> Iterator[Any]:
        """All arrays and numbers in it."""
        for value in self.values:
            yield value.array
        for event in self.events:
            yield from (event.number, event.partial, *event.parts.values(), *event.slopes.values())

    @property
    def form(self) -> Any:
        """What runs have in common that differ in their numbers alone."""
        return [
            (v.kind, v.primitive, v.name, repr(v.params), o, getattr(v.array, "shape", ()), v.pulls.keys())
            for v, o in zip(self.values, self.operands, strict=True)
        ]


@final
class _Document:
    def __init__(self, takes: list[_Take], title: str) -> None:
        self.takes, self.title = takes, title
        count = sum(len(take.values) for take in takes)
        room = min(_ROOM + _ROOM_EACH * max(count - _FEW, 0), _MOST_ROOM)
        self.blob = Blob((array for take in takes for array in take.arrays if array is not None), room)
        self.obstacle: str | None = None  # why the page cannot compute
        self._rules: dict[int, tuple[int, Derivation]] = {}
        self.rules: list[Any] = []
        self.operations: dict[str, tuple[int, Any]] = {}
        self.lines: dict[str, tuple[int, Any]] = {}

    def data(self) -> tuple[dict[str, Any], str]:
        forms: list[Any] = []
        graphs: list[Any] = []
        frames = []
        for take in self.takes:
            form = take.form
            if form not in forms:
                forms.append(form)
                graphs.append(self._graph(take))
            frames.append(
                {
                    "graph": forms.index(form),
                    "values": [self.blob.add(value.array) for value in take.values],
                    "events": [self._event(event, take) for event in self._with_rates(take)],
                }
            )
            self._require_whole(take)
        data = {
            "title": self.title, "graphs": graphs, "frames": frames, "rules": self.rules, "obstacle": self.obstacle,
            "operations": [entry for _, entry in self.operations.values()],
            "lines": [entry for _, entry in self.lines.values()],
            "cap": self.blob.cap, "arrays": self.blob.table,
        }  # fmt: skip
        return data, self.blob.text()

    # The graph, which runs share.

    def _graph(self, take: _Take) -> dict[str, Any]:
        ids = _ids(take.values)
        renumbered = [_renumbered(v, o) for v, o in zip(take.values, take.operands, strict=True)]
        views = Views(renumbered, [_label(v, i) for v, i in zip(take.values, ids, strict=True)], folded(renumbered))
        return {
            "values": [self._value(v, o, i) for v, o, i in zip(take.values, take.operands, ids, strict=True)],
            "holders": views.holders,
            "groups": [[g.kind, g.label, p, size_of(g)] for g, p in zip(views.groups, views.parents, strict=True)],
            "views": [_drawn(view) for view in views.all()],
        }

    def _value(self, value: Value, operands: Sequence[int | None], id: str) -> dict[str, Any]:
        made: dict[str, Any] = {
            "kind": value.kind[0], "id": id, "dtype": _dtype(value.array),
            "shape": list(getattr(value.array, "shape", ())),
        }  # fmt: skip
        if value.primitive is None:
            return made | {"label": _label(value, id), "operands": []}
        made |= {"operands": operands, "op": self._listed(self.operations, self._operation(value)),
                 "line": self._listed(self.lines, _line(value.site))}  # fmt: skip
        return made | ({"name": value.name} if value.name else {})

    def _operation(self, value: Value) -> dict[str, Any]:
        """What equal operations have in common: how they are computed, and their derivatives."""
        primitive = value.primitive
        assert primitive is not None
        count = len(value.operands)
        made = {
            "label": primitive.name, "names": list(operand_names(count)), "kernel": self._kernel(primitive, count),
            "params": self._params(value.params, primitive) if count else {}, "said": params_text(value.params),
            "doc": shorten(primitive.__doc__, 200) if "__doc__" in vars(primitive) and primitive.__doc__ else None,
        }  # fmt: skip
        for key, rules in (("pulls", value.pulls), ("partials", value.partials), ("pushes", value.pushes)):
            used = {i: rule for i, rule in rules.items() if rule is not None or key != "partials"}
            made[key] = {str(i): self._rule(rule, primitive, count) for i, rule in used.items()}
        return made

    def _listed(self, table: dict[str, tuple[int, Any]], entry: Any) -> int:
        """The number of an entry in a table that holds each once."""
        return table.setdefault(repr(entry), (len(table), entry))[0]

    def _kernel(self, primitive: Primitive, operands: int = 1) -> str | None:
        kernel = KERNELS.get(primitive)
        if kernel is None and operands:  # random numbers stay what they were
            self._refuse(f"{primitive.name} is an operation that the page does not know")
        return kernel

    def _params(self, params: Mapping[str, Any], primitive: Primitive) -> dict[str, Any]:
        try:
            return {name: _param(value) for name, value in params.items()}
        except TypeError:
            self._refuse(f"{primitive.name} has a parameter that the page does not know")
            return {}

    def _rule(self, rule: Derivation | None, primitive: Primitive, count: int) -> int | None:
        """The number of a rule in the page's list; None where it could not be written down."""
        if rule is None:
            self._refuse(f"the derivative of {primitive.name} cannot be written down")
            return None
        if id(rule) not in self._rules:
            self._rules[id(rule)] = len(self.rules), rule
            steps = [
                [self._kernel(e.primitive), [self._operand(o) for o in e.operands], self._params(e.params, primitive)]
                for e in rule.equations
            ]
            self.rules.append([steps, self._operand(rule.result), formula(rule, count)])
        return self._rules[id(rule)][0]

    def _operand(self, operand: Any) -> Any:
        if isinstance(operand, Place):
            return [operand.kind, operand.number]
        if operand is None or type(operand) in (bool, int) or (isinstance(operand, float) and math.isfinite(operand)):
            return operand.item() if isinstance(operand, np.generic) else operand
        array = np.asarray(operand)
        if (why := self.blob.lacks(array)) is not None:
            self._refuse(f"an array of a rule {why}")
        return ["k", self.blob.add(array)]

    def _refuse(self, why: str) -> None:
        self.obstacle = self.obstacle or why

    def _require_whole(self, take: _Take) -> None:
        """A page computes on what it holds: no array may be too large for it, or of numbers that it does not have."""
        if take.many:
            self._refuse("the walk carries many derivatives at once")
        for value in take.values:
            if (why := self.blob.lacks(value.array)) is not None:
                what = value.primitive.name if value.primitive is not None else value.name or "a constant"
                self._refuse(f"{what} {why}")

    # What happens.

    def _event(self, event: Event, take: _Take) -> list[Any]:
        if event.kind == "walk":
            return ["walk"]
        made = [event.kind, take.place[event.value], event.operand, self.blob.add(event.number)]
        if event.partial is not None:
            made.append(event.partial if event.kind == "update" else self.blob.add(event.partial))
        if event.parts:
            made.append({operand: self.blob.add(part) for operand, part in event.parts.items()})
            made.append({operand: self.blob.add(slope) for operand, slope in event.slopes.items()})
        return made

    def _with_rates(self, take: _Take) -> Iterator[Event]:
        """The events; an update that is a step against the gradient is told its learning rate, as `partial`."""
        gradients: dict[int, Any] = {}
        for event in take.events:
            if event.kind == "walk":
                gradients = {}
            elif event.kind == "seed":
                gradients[take.place[event.value]] = event.number
            elif event.kind == "pull":
                tail = take.operands[take.place[event.value]][event.operand]
                assert tail is not None
                gradients[tail] = gradients[tail] + event.number if tail in gradients else event.number
            elif event.kind == "update":
                place = take.place[event.value]
                rate = _rate(take.values[place].array, event.number, gradients.get(place))
                yield Event("update", event.value, number=event.number, partial=rate)
                continue
            yield event


def _rate(before: Any, after: Any, gradient: Any) -> float | None:
    """The learning rate of a plain step, before − rate·gradient; None where it was another one."""
    if gradient is None or isinstance(gradient, tuple) or np.iscomplexobj(before):
        return None
    step, slope = np.asarray(before - after, float).ravel(), np.asarray(gradient, float).ravel()
    size = float(slope @ slope)
    if not size:
        return None
    rate = float(step @ slope) / size
    tolerance = 1e-4 * float(np.abs(step).max()) + 1e-6 * float(np.abs(np.asarray(before)).max())
    return float(f"{rate:.6g}") if bool(np.all(np.abs(step - rate * slope) <= tolerance)) else None


def _renumbered(value: Value, operands: Sequence[int | None]) -> Value:
    made = Value(value.kind, value.array, value.name, value.tracked)
    made.primitive, made.params, made.site = value.primitive, value.params, value.site
    made.scope, made.operands = value.scope, tuple(operands)
    return made


def _ids(values: Sequence[Value]) -> list[str]:
    """What the text calls each value: its name, or v0, c0, %0."""
    prefixes = {"variable": "v", "constant": "c", "operation": "%"}
    counts = dict.fromkeys(prefixes, 0)
    ids = []
    for value in values:
        ids.append(value.name or f"{prefixes[value.kind]}{counts[value.kind]}")
        counts[value.kind] += not value.name
    return ids


def _label(value: Value, id: str) -> str:
    if value.primitive is not None:
        return value.primitive.name
    if value.kind == "constant" and not value.name and getattr(value.array, "ndim", 0) == 0:
        plain = value.array.item() if hasattr(value.array, "item") else value.array
        return f"{plain:.5g}".replace("-", "−") if isinstance(plain, float) else str(plain)
    shape = " × ".join(map(str, getattr(value.array, "shape", ())))
    return value.name or (shape if value.kind == "constant" and shape else id)


def _dtype(array: Any) -> str:
    return str(array.dtype) if hasattr(array, "dtype") else type(array).__name__


def _line(site: str) -> tuple[str, str]:
    """Where a value was computed, without the folders, and the line itself."""
    path, _, rest = site.rpartition(":")
    number = rest.partition(" ")[0]
    code = linecache.getline(path, int(number)).strip() if number.isdigit() else ""
    return (f"{Path(path).name}:{rest}" if path else site), shorten(code, 160)


def _param(value: Any) -> Any:
    """A parameter as JSON; raises TypeError for what JSON cannot say."""
    if value is Ellipsis:
        return "..."
    if value is ARRAY:
        return "@"
    if isinstance(value, slice):
        return {"slice": [value.start, value.stop, value.step]}
    if isinstance(value, (tuple, list)):
        return [_param(part) for part in value]
    if isinstance(value, np.dtype):
        return value.name
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, (bool, int, str)) or (isinstance(value, float) and math.isfinite(value)):
        return value
    raise TypeError(type(value).__name__)


def _drawn(view: View) -> dict[str, Any]:
    boxes = [[*item, *(round(n, 1) for n in (*at, *size))] for item, at, size in view.boxes]
    lines = [[line.tail, line.head, line.operand, line.path] for line in view.lines]
    return {"group": view.group, "boxes": boxes, "lines": lines, "size": [round(view.width), round(view.height)]}
