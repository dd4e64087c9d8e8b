"""The two walks: *pull* carries cotangents back along the graph, *push* carries tangents forward.

A walk goes from values to values along the nodes between them; it knows no levels and no ambient state, so nested walks
cannot be confused. It is iterative, visits nodes in the order of their numbers, adds contributions in that same fixed
order, and frees what it has used.

Given `record=False` a walk runs on plain arrays. With `record=True` everything that it touches is a tensor again, so the
derivative is recorded and has derivatives itself.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from pullback.core.errors import GraphError, NotFiniteError
from pullback.core.graph import Node, ancestors, source
from pullback.core.modes import MODE, ModeContext
from pullback.core.primitive import Primitive, all_finite, describe_range
from pullback.core.spec import Spec, spec_of, zeros_of

if TYPE_CHECKING:
    from pullback.tensor import Tensor


class Between(NamedTuple):
    """The nodes that lie between `wrt` and some outputs, in order; and whether something else is tracked too."""

    nodes: list[Node]
    outside: bool


def between(outputs: Iterable[Node], wrt: Collection[Node]) -> Between:
    """Find the nodes on a path from `wrt` to `outputs`."""
    oldest = min(node.serial for node in wrt)
    active: set[Node] = set()
    nodes = []
    outside = False
    for node in ancestors(outputs, oldest):
        if node in wrt or not active.isdisjoint(node.parents):
            active.add(node)
            nodes.append(node)
        elif node.primitive is None or node.serial < oldest:
            outside = True
    return Between(nodes, outside)


def boxed(node: Node) -> Sequence[Any]:
    """The saved values of a node as tensors that know where they came from."""
    saved = node.saved
    assert saved is not None
    box = Primitive.tensor.of
    values = [None if saved[0] is None else box(saved[0], node)]
    for value, operand in zip(saved[1:], node.inputs, strict=True):
        values.append(box(value, operand) if value is not None and type(operand) is Node else value)
    return values


def pull(
    seeds: Iterable[tuple[Node, Any]],
    path: Sequence[Node] | None = None,
    wrt: Collection[Node] = (),
    *,
    record: bool = False,
    retain: bool = False,
) -> dict[Node, Any]:
    """Carry cotangents from `seeds` back to sources.

    Parameters
    ----------
    seeds : iterable of (node, cotangent)
        Where to begin.
    path : sequence of Node, optional
        Visit only these. All nodes if None.
    wrt : collection of Node
        Whose cotangents are asked for; the sources if empty.
    record : bool
        Cotangents are tensors, and what happens to them is recorded.
    retain : bool
        Keep the saved values, so that the graph can be walked again.

    Returns
    -------
    dict
        The cotangent of each node asked for that was reached.
    """
    on_path = None if path is None else set(path)
    pending: dict[int, list[Any]] = {}
    heap: list[int] = []
    for node, cotangent in seeds:
        _deposit(pending, heap, node, cotangent, record)
    anomaly = MODE.get().anomaly
    results: dict[Node, Any] = {}
    with np.errstate(
        all="ignore"
    ):  # a singular partial that meets a 0 is no event; a real NaN shows in the result
        while heap:
            node, cotangent, _ = pending.pop(-heappop(heap))
            if node in wrt:
                results[node] = cotangent
            primitive = node.primitive
            if primitive is None:
                if not wrt:
                    results[node] = cotangent
                continue
            if node.saved is None:
                raise GraphError(
                    "backward: this graph was walked before, and its saved values are freed",
                    op=primitive.name,
                    fix="pass retain_graph=True to the first backward, or compute the loss again",
                )
            inputs = node.inputs
            wanted = [
                i for i, x in enumerate(inputs) if type(x) is Node and (on_path is None or x in on_path)
            ]  # fmt: skip
            if not wanted:
                continue
            contributions = primitive.vjp(node, cotangent, boxed(node) if record else node.saved, wanted)
            if anomaly:
                _check(node, cotangent, contributions)
            if not retain:
                node.saved = None
            for i, contribution in zip(wanted, contributions, strict=True):
                if contribution is not None:
                    _deposit(pending, heap, inputs[i], contribution, record)
            contributions = cotangent = None  # hold no array through the next rule
    return results


def _deposit(
    pending: dict[int, list[Any]], heap: list[int], node: Node, cotangent: Any, record: bool
) -> None:
    """Add a contribution to the cotangent of `node`, in the dtype of its value."""
    aval = node.aval
    if type(aval) is tuple:
        cotangent = tuple(
            None if c is None else _cast(c, a.dtype) for c, a in zip(cotangent, aval, strict=True)
        )
    elif cotangent.dtype != aval.dtype:
        cotangent = _cast(cotangent, aval.dtype)
    entry = pending.get(node.serial)
    if entry is None:
        pending[node.serial] = [node, cotangent, False]
        heappush(heap, -node.serial)
    elif type(aval) is tuple:
        entry[1] = tuple(
            b if a is None else a if b is None else a + b for a, b in zip(entry[1], cotangent, strict=True)
        )  # fmt: skip
    elif entry[2]:
        entry[1] += cotangent  # this sum is the walk's own array
    else:
        entry[1] = entry[1] + cotangent
        entry[2] = not record


def _cast(cotangent: Any, dtype: np.dtype[Any]) -> Any:
    return cotangent if cotangent.dtype == dtype else cotangent.astype(dtype)


def _check(node: Node, cotangent: Any, contributions: Sequence[Any]) -> None:
    given = [c for c in (cotangent if isinstance(cotangent, tuple) else (cotangent,)) if c is not None]
    found = [c for c in contributions if c is not None]
    if all(map(all_finite, given)) and not all(map(all_finite, found)):
        assert node.primitive is not None
        raise NotFiniteError(
            f"{node.primitive.name}: the derivative is not finite",
            operands=", ".join(describe_range(spec_of(i)) for i in node.inputs),
            cotangent=", ".join(describe_range(c) for c in given),
            line=getattr(node, "site", "recorded outside detect_anomaly"),
            fix="keep the operands away from the singular point, e.g. sqrt(x + 1e-12) or pb.where",
        )


def push(
    tangents: Mapping[Node, Any], path: Sequence[Node], *, record: bool = False, retain: bool = False
) -> dict[Node, Any]:
    """Carry tangents from sources forward along `path`; give the tangent of each node on it that has one."""
    carried: dict[Node, Any] = dict(tangents)
    with np.errstate(all="ignore"):
        for node in path:
            if node in tangents or node.primitive is None:
                continue
            given = [carried.get(i) if type(i) is Node else None for i in node.inputs]
            if all(tangent is None for tangent in given):
                continue
            if node.saved is None:
                raise GraphError("jvp: the graph's saved values are freed", fix="run the function again")
            tangent = node.primitive.jvp(node, given, boxed(node) if record else node.saved)
            if not retain:
                node.saved = None
            if tangent is not None:
                carried[node] = tangent if type(tangent) is tuple else _cast(tangent, node.aval.dtype)
    return carried


def track(value: Any, name: str | None = None) -> Tensor:
    """Make a new source that holds the array `value`."""
    spec = Spec(value.shape, value.dtype)
    tensor = Primitive.tensor.of(value, source(spec))
    assert tensor.node is not None
    tensor.node.owner = weakref.ref(tensor)
    if name is not None:
        tensor.node.name = name
    return tensor


def transpose(function: Callable[..., Any], specs: Sequence[Any], cotangents: Any) -> list[Any]:
    """Apply the transpose of a linear function to cotangents, by recording it once and pulling.

    Parameters
    ----------
    function : callable
        Linear; takes one tensor for each of `specs`, gives one value or a tuple.
    specs : sequence
        The shapes and dtypes of its arguments.
    cotangents : array, or a tuple of them in which None stands for 0
        One for each value.

    Returns
    -------
    list
        The cotangent of each argument, as tensors if any of `cotangents` is one.
    """
    single = not isinstance(cotangents, tuple)
    with ModeContext(recording=True, anomaly=False):
        arguments = [track(zeros_of(spec)) for spec in specs]
        outputs = function(*arguments)
        nodes = [argument.node for argument in arguments if argument.node is not None]
        pairs = (
            zip((outputs,), (cotangents,), strict=True) if single else zip(outputs, cotangents, strict=True)
        )
        seeds = [(y.node, c) for y, c in pairs if c is not None and getattr(y, "node", None) is not None]
        record = any(isinstance(c, Primitive.tensor) for _, c in seeds)
        path = between([node for node, _ in seeds], nodes).nodes if seeds else []
        found = pull([s for s in seeds if s[0] in set(path)], path, nodes, record=record)
    return [found.get(node) for node in nodes]
