"""What belongs together in a large graph: the calls of modules, and the turns of a loop.

Calls of modules are known by the scopes that the values carry. A loop is found: three or more stretches of operations,
one after the other, that do the same. Nothing is known of a loop in the program's text; a chain of equal layers folds
likewise.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias, final

from pullback.visualize.tape import Value

FOLDED_ABOVE: Final = 40  # vertices; smaller graphs are shown whole
LEAST_TURNS: Final = 3
LEAST_VERTICES: Final = 9  # in all turns of a loop together
MOST_PERIOD: Final = 160  # operations in one turn


@final
@dataclass(slots=True, eq=False)
class Group:
    """Operations, and groups of them, that are shown as one box.

    `kind` is "graph" (all there is), "module" (one call), "loop" (its turns) or "turn".
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
    for group in (*called.values(), root):  # a call is opened after the call that it was made from
        group.shape = None
    _fold_loops(root, shapes)
    return root


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
    whole = []
    for part in group.parts:
        whole.append(shapes[part] if isinstance(part, int) else _fold_loops(part, shapes))
    tokens = {}
    symbols = [tokens.setdefault(shape, len(tokens)) for shape in whole]
    parts = group.parts
    period = 1
    while period <= min(MOST_PERIOD, len(parts) // LEAST_TURNS):
        parts, symbols = _fold_period(parts, symbols, period, tokens)
        period += 1
    group.parts = parts
    if len(parts) == 1 and isinstance(parts[0], Group) and group.kind == "module" and parts[0].kind == "module":
        group.label, group.parts = f"{group.label} › {parts[0].label}", parts[0].parts  # a box in a box is one
    group.shape = group.label.rpartition(": ")[2], tuple(symbols_of(group, shapes))
    return group.shape


def symbols_of(group: Group, shapes: dict[int, Any]) -> Iterator[Any]:
    """What the parts of a group are, for telling whether two groups do the same."""
    return (shapes[part] if isinstance(part, int) else part.shape for part in group.parts)


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
        loop = Group("loop", f"× {turns}")
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
