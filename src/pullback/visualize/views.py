"""The pictures of a player: one of each group, with what is in it and what it is joined to, and one of the whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple, final

from pullback.visualize.folding import Group, groups_of
from pullback.visualize.layout import Point, layout
from pullback.visualize.svg import columns, curve
from pullback.visualize.tape import Value

MOST_WHOLE: Final = 2_500  # vertices of a graph that is also shown unfolded
TITLE: Final = 22  # characters in a box
GROUP_TITLE: Final = 24  # and in that of a group
GROUP_SIZE: Final = (178.0, 66.0)  # at least
STUB_HEIGHT: Final = 26.0

Item = tuple[str, int]  # ("v", a value), ("g", a group), ("i" or "o", what a value comes from or goes to outside)


class Line(NamedTuple):
    """A line between two boxes of a view, and its way in SVG's words."""

    tail: int
    head: int
    operand: int  # of the head, where that is a value, else -1
    path: str


class View(NamedTuple):
    """A picture: its boxes with their middles and sizes, and the lines between them. `group` is -1 for the whole."""

    group: int
    boxes: list[tuple[Item, Point, Point]]
    lines: list[Line]
    width: float
    height: float


@final
class Views:
    """All views of a graph, and the group that each value and each group stands in."""

    def __init__(self, values: Sequence[Value], labels: Sequence[str], root: Group) -> None:
        self.groups = list(groups_of(root))
        self.labels = labels
        self._values = values
        self._number = {id(group): number for number, group in enumerate(self.groups)}
        self.parents = [-1] * len(self.groups)
        self.holders = [-1] * len(values)
        for number, group in enumerate(self.groups):
            for part in group.parts:
                if isinstance(part, int):
                    self.holders[part] = number
                else:
                    self.parents[self._number[id(part)]] = number
        self._place_sources()

    def _place_sources(self) -> None:
        """Put what was not computed into the innermost group that holds all its uses."""
        for head, value in enumerate(self._values):
            for tail in value.operands if value.kind == "operation" else ():
                if tail is not None and self._values[tail].kind != "operation":
                    now = self.holders[tail]
                    self.holders[tail] = self.holders[head] if now < 0 else self._common(now, self.holders[head])
        self.holders = [max(holder, 0) for holder in self.holders]

    def _common(self, a: int, b: int) -> int:
        above = set(self._chain(a))
        return next(group for group in self._chain(b) if group in above)

    def _chain(self, group: int) -> Iterator[int]:
        while group >= 0:
            yield group
            group = self.parents[group]

    def all(self) -> Iterator[View]:
        """The root's view first, then those of the groups in it, and last the whole, if anything is folded."""
        inside: list[list[int]] = [[] for _ in self.groups]
        for index, holder in enumerate(self.holders):
            inside[holder].append(index)
        crossing: list[list[tuple[int, int, int]]] = [[] for _ in self.groups]  # edges that a view may show
        for head, value in enumerate(self._values):
            for operand, tail in enumerate(value.operands):
                if tail is not None:
                    for group in dict.fromkeys((*self._chain(self.holders[tail]), *self._chain(self.holders[head]))):
                        crossing[group].append((tail, head, operand))
        for number in range(len(self.groups)):
            yield self._view(number, inside[number], crossing[number])
        if len(self.groups) > 1 and len(self._values) <= MOST_WHOLE:
            yield self._whole()

    def _item(self, value: int, view: int) -> Item:
        """What stands for a value in a view: itself, or the largest group around it that the view does not open."""
        opened = set(self._chain(view))
        item: Item = ("v", value)
        for group in self._chain(self.holders[value]):
            if group in opened:
                break
            item = ("g", group)
        return item

    def _within(self, item: Item, view: int) -> bool:
        kind, number = item
        return (self.holders[number] if kind == "v" else self.parents[number]) == view

    def _view(self, view: int, inside: Sequence[int], edges: Sequence[tuple[int, int, int]]) -> View:
        own: list[Item] = [("v", index) for index in inside]
        own += [("g", self._number[id(part)]) for part in self.groups[view].parts if isinstance(part, Group)]
        order = {item: rank for rank, item in enumerate(sorted(own, key=self._first))}
        joined: dict[tuple[Item, Item, int], None] = {}
        for tail, head, operand in edges:
            a, b = self._item(tail, view), self._item(head, view)
            if not (self._within(a, view) or self._within(b, view)) or a == b:
                continue
            if not self._within(a, view):
                a = ("i", self._code(a))
            if not self._within(b, view):
                b = ("o", self._code(b))
            if order.get(a, -1) < order.get(b, len(order)):
                joined[a, b, operand if b[0] == "v" else -1] = None
        boxes = list(dict.fromkeys((*order, *(item for a, b, _ in joined for item in (a, b)))))
        return self._drawn(view, boxes, list(joined))

    def _code(self, item: Item) -> int:
        """What is outside, as one number: that of a value or, below 0, of a group."""
        return item[1] if item[0] == "v" else -1 - item[1]

    def _first(self, item: Item) -> int:
        return item[1] if item[0] == "v" else self._least(self.groups[item[1]])

    def _least(self, group: Group) -> int:
        part: Any = group
        while isinstance(part, Group):
            part = part.parts[0]
        return int(part)

    def _whole(self) -> View:
        edges: list[tuple[Item, Item, int]] = [
            (("v", tail), ("v", head), operand)
            for head, value in enumerate(self._values)
            for operand, tail in enumerate(value.operands)
            if tail is not None
        ]
        return self._drawn(-1, [("v", index) for index in range(len(self._values))], edges)

    def _drawn(self, view: int, boxes: Sequence[Item], edges: Sequence[tuple[Item, Item, int]]) -> View:
        place = {item: at for at, item in enumerate(boxes)}
        sizes = [self._size(item) for item in boxes]
        pairs = [(place[a], place[b]) for a, b, _ in edges]
        plan = layout(sizes, pairs)
        lines = [
            Line(tail, head, operand, curve(route, "TB"))
            for (tail, head), (_, _, operand), route in zip(pairs, edges, plan.routes, strict=True)
        ]
        return View(view, list(zip(boxes, plan.centres, sizes, strict=True)), lines, plan.width, plan.height)

    def _size(self, item: Item) -> Point:
        kind, number = item
        if kind == "g":
            width, height = GROUP_SIZE
            return max(width, min(columns(self.groups[number].label), GROUP_TITLE) * 7.6 + 24), height
        if kind in ("i", "o"):
            label = self.labels[number] if number >= 0 else self.groups[-1 - number].label
            return min(columns(label), TITLE) * 7.0 + 40, STUB_HEIGHT
        return size_of(self._values[number], self.labels[number])


def size_of(value: Value, label: str) -> Point:
    """The width and height of a value's box."""
    title = min(columns(label), TITLE) * 8.2 + 26
    array = getattr(value.array, "size", 1) != 1 or isinstance(value.array, tuple)
    if value.kind == "constant":
        return (max(title, 92.0), 58.0) if array else (max(title, 46.0), 30.0)
    return (max(title, 148.0), 104.0) if array else (max(title, 126.0), 62.0)
