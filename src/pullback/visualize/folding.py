"""What belongs together in a large graph: the calls of modules, and the turns of a loop.

Calls of modules are known by the scopes that the values carry. A loop is found: three or more stretches of operations,
one after the other, that do the same. Nothing is known of a loop in the program's text; a chain of equal layers folds
likewise. What is left, and still too much for one picture, is cut into stretches.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias, final

from pullback.visualize.tape import Value

FOLDED_ABOVE: Final = 40  # vertices; smaller graphs are shown whole
OPENED_BELOW: Final = 16  # parts that the first picture may have after a group in it is opened
SMALL: Final = 2  # operations of a call that need no box of their own
LEAST_TURNS: Final = 3
LEAST_VERTICES: Final = 9  # in all turns of a loop together
MOST_PERIOD: Final = 160  # operations in one turn
MOST_PARTS: Final = 240  # of a picture that nothing else makes smaller
STRETCH: Final = 30  # operations, or groups of them, that are then one box


@final
@dataclass(slots=True, eq=False)
class Group:
    """Operations, and groups of them, that are shown as one box.

    `kind` is "graph" (all there is), "module" (one call), "loop" (its turns), "turn" or "stretch".
    """

    kind: str
    label: str
    parts: list[Part] = field(default_factory=list)
    shape: Any = None  # what equal groups share


Part: TypeAlias = "int | Group"


def folded(values: Sequence[Value]) -> Group:
    """Put the operations among `values` into groups, in their order; all into one if there are few."""
    root = Group("graph", "graph")
    operations = [index for index, value in enumerate(values) if value.kind == "operation"]
    if len(values) <= FOLDED_ABOVE:
        root.parts += operations
        return root
    shapes = {index: _shape(values[index]) for index in operations}
    called: dict[int, Group] = {}
    for index in operations:
        _holder(values[index].scope, root, called).parts.append(index)
    _fold_loops(root, shapes)
    _open(root)
    for group in list(groups_of(root)):
        _fold_stretches(group)
    return root


def _fold_stretches(group: Group) -> None:
    """Fold what has no pattern, but is too much for one picture: stretches of operations, and stretches of those."""
    while group.kind != "loop" and len(group.parts) > MOST_PARTS:
        done = 0
        stretches: list[Part] = []
        for at in range(0, len(group.parts), STRETCH):
            made = Group("stretch", "", group.parts[at : at + STRETCH])
            size = size_of(made)
            made.label = f"operations {done + 1:,} – {done + size:,}"
            done += size
            stretches.append(made)
        group.parts = stretches


def _open(root: Group) -> None:
    """Open what makes the first picture say more: the largest group, as long as there is room."""
    while groups := [part for part in root.parts if isinstance(part, Group) and part.kind == "module"]:
        largest = max(groups, key=size_of)
        if len(root.parts) - 1 + len(largest.parts) > OPENED_BELOW:
            return
        at = root.parts.index(largest)
        root.parts[at : at + 1] = largest.parts


def _holder(scope: Any, root: Group, called: dict[int, Group]) -> Group:
    """The group of a call, made where it is met first."""
    chain = []
    while scope is not None and id(scope) not in called:
        chain.append(scope)
        scope = scope.outer
    group = root if scope is None else called[id(scope)]
    for inner in reversed(chain):
        made = called[id(inner)] = Group("module", inner.label)
        group.parts.append(made)
        group = made
    return group


def _shape(value: Value) -> Any:
    dims = getattr(value.array, "shape", ())
    return value.primitive, dims, value.site, tuple(sorted(value.params))


def _fold_loops(group: Group, shapes: dict[int, Any]) -> Any:
    """Fold what repeats in a group and inside its groups; give what equal groups share."""
    whole: list[Any] = []
    parts: list[Part] = []
    for part in group.parts:
        if isinstance(part, int):
            parts.append(part)
            whole.append(shapes[part])
        else:
            shape = _fold_loops(part, shapes)
            small = part.kind == "module" and size_of(part) <= SMALL
            parts += part.parts if small else [part]
            whole += [_shape_of(inner, shapes) for inner in part.parts] if small else [shape]
    tokens: dict[Any, int] = {}
    symbols = [tokens.setdefault(shape, len(tokens)) for shape in whole]
    period = 1
    while period <= min(MOST_PERIOD, len(parts) // LEAST_TURNS):
        parts, symbols = _fold_period(parts, symbols, period, tokens)
        period += 1
    group.parts = parts
    if len(parts) == 1 and isinstance(parts[0], Group) and group.kind == "module" and parts[0].kind == "module":
        group.label, group.parts = f"{group.label} › {parts[0].label}", parts[0].parts  # a box in a box is one
    group.shape = _kind(group), tuple(_shape_of(part, shapes) for part in group.parts)
    return group.shape


def _shape_of(part: Part, shapes: dict[int, Any]) -> Any:
    return shapes[part] if isinstance(part, int) else part.shape


def _kind(group: Group) -> str:
    """The class of a module, without where it stands."""
    return group.label.rpartition(": ")[2]


def _fold_period(
    parts: list[Part], symbols: list[int], period: int, tokens: dict[Any, int]
) -> tuple[list[Part], list[int]]:
    """Make a loop of each run of three or more equal stretches of `period` parts."""
    kept_parts: list[Part] = []
    kept_symbols: list[int] = []
    at = 0
    while at < len(parts):
        same = at
        while same + period < len(parts) and symbols[same] == symbols[same + period]:
            same += 1
        turns = (same - at) // period + 1
        if turns < LEAST_TURNS or sum(map(size_of, parts[at : at + turns * period])) < LEAST_VERTICES:
            kept_parts.append(parts[at])
            kept_symbols.append(symbols[at])
            at += 1
            continue
        first = parts[at]
        loop = Group("loop", f"{_kind(first) if period == 1 and isinstance(first, Group) else 'loop'} × {turns}")
        body = tuple(symbols[at : at + period])
        for turn in range(turns):
            inside = parts[at + turn * period : at + (turn + 1) * period]
            if period == 1 and isinstance(inside[0], Group):
                loop.parts.append(inside[0])
            else:
                loop.parts.append(inside[0] if period == 1 else Group("turn", str(turn + 1), inside, ("turn", body)))
        loop.shape = "loop", turns, body
        kept_parts.append(loop)
        kept_symbols.append(tokens.setdefault(loop.shape, len(tokens)))
        at += turns * period
    return kept_parts, kept_symbols


def size_of(part: Part) -> int:
    """How many operations there are in a part."""
    return 1 if isinstance(part, int) else sum(map(size_of, part.parts))


def groups_of(group: Group) -> Iterator[Group]:
    """A group and all groups in it, each after the one that holds it."""
    yield group
    for part in group.parts:
        if isinstance(part, Group):
            yield from groups_of(part)
