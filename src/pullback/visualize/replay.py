"""A graph computed again, for the player: from the values of its variables and constants, by the same primitives."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from pullback.core.errors import GraphError, OptionError, PullbackError
from pullback.core.graph import Node
from pullback.core.modes import ModeContext
from pullback.core.observers import Scope
from pullback.core.walks import pull, push, track
from pullback.tensors import Tensor
from pullback.visualize.player import Player
from pullback.visualize.tape import Tape
from pullback.visualize.vertex import Vertex


def replay(vertices: Sequence[Vertex], outputs: Sequence[int], mode: str, title: str) -> Player:
    """Compute a graph again while a tape looks on, and walk it back from its outputs, or forward from its variables.

    `Graph.play` says more.
    """
    if mode not in ("reverse", "forward"):
        raise OptionError("play: unknown mode", got=repr(mode), fix='"reverse" or "forward"')
    if not any(vertex.kind == "variable" for vertex in vertices):
        raise GraphError(
            "play: nothing was recorded that could be played", outputs=len(outputs),
            fix="make a tensor with requires_grad=True and compute from it, outside no_grad",
        )  # fmt: skip
    tape = Tape()
    with ModeContext(observer=tape, recording=True), np.errstate(all="ignore"):
        tensors = _computed(vertices)
        _require_same(vertices, tensors)
        if mode == "reverse":
            pull([(node, _ones(node)) for node in _nodes(tensors[i] for i in dict.fromkeys(outputs))])
        else:
            path = _nodes(tensors)
            push({node: _ones(node) for node in path if node.primitive is None}, path)
    return Player([tape.finish()], title)


def _nodes(values: Iterable[Any]) -> list[Node]:
    """The nodes of those values that have one: constants, and what carries no derivative, have none."""
    return [value.node for value in values if isinstance(value, Tensor) and value.node is not None]


def _ones(node: Node) -> Any:
    return np.ones(node.aval.shape, node.aval.dtype)[()]


def _computed(vertices: Sequence[Vertex]) -> list[Any]:
    """The tensor, or the constant, that each vertex stands for."""
    values: list[Any] = []
    scopes: dict[str, Scope] = {}
    for vertex in vertices:
        if vertex.kind == "operation":
            with ModeContext(scope=_scope(vertex, vertices, scopes), line=vertex.site):
                values.append(_applied(vertex, [values[i] for i in vertex.inputs]))
        elif vertex.value is None:
            raise _unknown(vertex)
        elif vertex.kind == "variable":
            values.append(track(vertex.value, vertex.name))
        else:
            values.append(_constant(vertex))
    return values


def _scope(vertex: Vertex, vertices: Sequence[Vertex], scopes: dict[str, Scope]) -> Scope | None:
    """Where an operation was called from, as far as its parameters tell: "layers.0.weight" is of layers.0."""
    names = [vertices[i].name or "" for i in vertex.inputs if vertices[i].kind == "variable"]
    path = next(filter(None, (name.rpartition(".")[0] for name in names)), "")
    scope = None
    for depth in range(path.count(".") + 1 if path else 0):
        part = ".".join(path.split(".")[: depth + 1])
        scope = scopes.setdefault(part, Scope(part, scope))
    return scope


def _constant(vertex: Vertex) -> Any:
    if vertex.name is None:
        return vertex.value
    tensor = Tensor.of(vertex.value)
    tensor.name = vertex.name
    return tensor


def _applied(vertex: Vertex, operands: Sequence[Any]) -> Tensor:
    if vertex.primitive is None:
        raise _unknown(vertex)
    try:
        result: Tensor = vertex.primitive(*operands, **vertex.params)
    except (PullbackError, NotImplementedError) as error:
        raise GraphError(
            f"play: {vertex.label} cannot be computed again", node=vertex.id, why=str(error) or None,
            fix="pb.record_player(step) looks on while it is computed",
        ) from error  # fmt: skip
    if vertex.name is not None:
        result.name = vertex.name
    return result


def _unknown(vertex: Vertex) -> GraphError:
    return GraphError(
        "play: the graph no longer has all that it was computed from",
        missing=f"{vertex.kind} {vertex.id} {vertex.shape}",
        why="a large constant, which is kept only as long as backward needs it" if vertex.kind == "constant" else None,
        fix="play before backward, or pass retain_graph=True; or pb.record_player(step), which looks on from the start",
    )  # fmt: skip


def _require_same(vertices: Sequence[Vertex], tensors: Sequence[Any]) -> None:
    """See that what was computed again is what the graph had."""
    for vertex, tensor in zip(vertices, tensors, strict=True):
        had = vertex.value
        if (
            vertex.kind == "operation"
            and hasattr(had, "shape")
            and not np.array_equal(had, tensor.array, equal_nan=True)
        ):
            raise GraphError(
                "play: computed again, the graph has other values", node=vertex.id,
                why="a variable was changed after it was used, as by an optimizer's step",
                fix="play before the step; or pb.record_player(step), which looks on",
            )  # fmt: skip
