"""The two walks: *pull* carries cotangents back along the graph, *push* carries tangents forward.

A walk goes from values to values along the nodes between them; it knows no levels, so nested walks cannot be confused.
It is iterative, visits nodes in the order of their numbers, adds contributions in that same fixed order, and frees what
it has used.

Within a walk no cotangent is conjugated: a complex cotangent u of y stands for the number Re Σ u·dy, so one formula
∂y/∂x multiplies tangents and cotangents alike, and a transpose is a transpose. What is asked and answered is the
adjoint Jᴴ, so `pull` conjugates at both ends (docs/complex.md).

Given `record=False` a walk runs on plain arrays. With `record=True` everything that it touches is a tensor again, so
the derivative is recorded and has derivatives itself.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy import float64, ndarray

from pullback.core.conformity import cast_tangent, conform
from pullback.core.errors import GraphError
from pullback.core.graph import COMPLEX_SOURCES, Node, ancestors, source
from pullback.core.leaving import LeftTraceError, RuleExits, require_kept
from pullback.core.modes import ModeContext, current_mode
from pullback.core.opaque import once, whole_jvp, whole_vjp
from pullback.core.outputs import outputs_of
from pullback.core.paths import between
from pullback.core.primitive import Primitive
from pullback.core.spec import layout_of, zeros_of
from pullback.core.ways import Way, way_of

if TYPE_CHECKING:
    from pullback.tensors import Tensor


# A walk makes none of NumPy's warnings: a singular partial that meets a 0 is no event, and that a cotangent overflowed,
# or is not a number, shows in the result. (One that decorates is entered in a third of the time of one that is made.)
_quietly: Final = np.errstate(all="ignore")


def boxed(node: Node, saved: Sequence[Any], tracing: bool = False) -> Sequence[Any]:
    """The saved values of a node as tensors that know where they came from; constants too, while tracing."""
    box = Primitive.tensor.of
    values: list[Any] = [None if saved[0] is None else outputs_of(box(saved[0], node))]
    for value, operand in zip(saved[1:], node.inputs, strict=False):
        if value is not None and type(operand) is Node:
            value = box(value, operand)
        elif type(value) is np.ndarray or (tracing and hasattr(value, "dtype")):  # boxed, it is not copied again
            value = box(value)
        values.append(value)
    return values  # without the residual: where the derivative is recorded, it is computed again from the operands


@_quietly
def pull(
    seeds: Iterable[tuple[Node, Any]], path: Sequence[Node] | None = None, wrt: Collection[Node] = (), *,
    record: bool = False, retain: bool = False, within: bool = False,
) -> dict[Node, Any]:  # fmt: skip
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
        Cotangents are tensors, and what happens to them is recorded. (While tracing they are tensors in any case.)
    retain : bool
        Keep the saved values, so that the graph can be walked again.
    within : bool
        A rule asks, within another walk: its cotangents are transposed, and not conjugated.

    Returns
    -------
    dict
        The cotangent of each node asked for that was reached; of a source behind a derivative of 0 it is 0.
    """
    way = way_of(record)
    if way.changes is None:
        return _pull(seeds, path, wrt, way, retain, not within)
    with ModeContext(**way.changes):
        return _pull(seeds, path, wrt, way, retain, not within)


def _pull(
    seeds: Iterable[tuple[Node, Any]], path: Sequence[Node] | None, wrt: Collection[Node], way: Way, retain: bool,
    adjoint: bool,
) -> dict[Node, Any]:  # fmt: skip
    observers, tracing, exits, plain = way.observers, way.tracing, way.exits, way.plain
    on_path = None if path is None else set(path)
    cotangents: dict[Node, Any] = {}
    heap: list[tuple[int, Node]] = []  # what is still to be visited, the newest first
    unfed: list[Node] = []  # that were given a cotangent of 0
    owned: set[Node] = set()  # whose cotangents are sums of the walk's own, which may be added to in place
    for node, cotangent in seeds:
        if adjoint and type(cotangent) is not float64 and cotangent.dtype.kind == "c":
            cotangent = cotangent.conj()
        if node not in cotangents:
            heappush(heap, (-node.serial, node))
        cotangents[node] = _added(cotangents.get(node), cotangent)
    for observer in observers:
        observer.began_pull(cotangents)
    results: dict[Node, Any] = {}
    while heap:
        node = heappop(heap)[1]
        primitive = node.primitive
        if primitive is None:
            continue  # a source keeps its cotangent
        if wrt and node in wrt:
            results[node] = cotangents[node]
        cotangent = cotangents.pop(node)
        saved: Sequence[Any] | None = node.saved
        if saved is None:
            raise GraphError(
                "backward: this graph was walked before, and its saved values are freed",
                op=primitive.name,
                fix="pass retain_graph=True to the first backward, or compute the loss again",
            )
        inputs = node.inputs
        wanted: Sequence[int] = node.tracked
        if on_path is not None:
            wanted = _within(wanted, inputs, on_path)
            if not wanted:
                continue
        if exits is None:
            contributions = primitive.vjp(node, cotangent, saved, wanted)
        else:
            saved = saved if plain and primitive.blocks else boxed(node, saved, tracing)
            contributions = _by_rule(node, primitive.vjp, whole_vjp, (cotangent, saved, wanted), exits)
        if observers:
            contributions = _shown(observers, node, cotangent, wanted, contributions)
        if not retain:
            node.saved = None
        del saved, cotangent  # hold no array longer than it is needed
        contributions.reverse()
        for i in wanted:
            contribution = contributions.pop()
            parent = inputs[i]
            if contribution is None:
                unfed.append(parent)
                continue
            aval = parent.aval
            kind = type(contribution)
            if kind is ndarray:
                if contribution.dtype is not aval.dtype or contribution.shape != aval.shape:
                    contribution = conform(contribution, aval, primitive.name)
            elif kind is not float64 or type(aval) is not float64:
                contribution = conform(contribution, aval, primitive.name)
            total = cotangents.get(parent)
            if total is None:
                cotangents[parent] = contribution
                if parent.primitive is not None:
                    heappush(heap, (-parent.serial, parent))
            elif parent in owned:
                total += contribution
                cotangents[parent] = total
            else:
                cotangents[parent] = _added(total, contribution) if type(aval) is tuple else total + contribution
                if type(total) is ndarray:
                    owned.add(parent)
        contribution = total = None
    if not wrt:
        for node in ancestors(unfed) if unfed else ():
            if node.primitive is None and node not in cotangents:
                cotangents[node] = zeros_of(node.aval)
        results = cotangents  # of the sources: all others are spent
    for node in wrt:
        if node in cotangents:  # the sources among them
            results[node] = cotangents[node]
    if adjoint and (wrt or COMPLEX_SOURCES[0]):
        for node, cotangent in results.items():
            if type(cotangent) is not float64 and cotangent.dtype.kind == "c":
                results[node] = cotangent.conj()
    return results


# What comprehensions need stands apart: a variable that one uses is slower to reach in all of the function around it.


def _within(wanted: Sequence[int], inputs: Sequence[Node], path: Collection[Node]) -> Sequence[int]:
    """Those of the wanted operands that lie on the path."""
    return [i for i in wanted if inputs[i] in path]


def _shown(
    observers: Iterable[Any], node: Node, cotangent: Any, wanted: Sequence[int], contributions: Sequence[Any]
) -> list[Any]:
    """The contributions in the form of their operands, after the observers have seen them."""
    assert node.primitive is not None
    name = node.primitive.name
    pairs = list(zip(wanted, contributions, strict=True))
    contributions = [c if c is None else conform(c, node.inputs[i].aval, name) for i, c in pairs]
    for observer in observers:
        observer.pulled(node, cotangent, dict(zip(wanted, contributions, strict=True)))
    return contributions


def _by_rule(
    node: Node, rule: Callable[..., Any], whole: Callable[..., Any], given: tuple[Any, ...], exits: RuleExits
) -> Any:
    """What a rule of a node gives, where that is part of a program or to be differentiated again."""
    primitive = node.primitive
    assert primitive is not None
    exits.left = None
    if primitive.foreign or hasattr(node, "site"):  # what is done is of the operation's line; a user's rule has its own
        rule = ModeContext(line=None if primitive.foreign else node.site)(rule)
    try:
        found = rule(node, *given)
    except LeftTraceError:
        found = whole(node, *given)
    return found if exits.left is None else once(found, node, given[0], exits.left)


def _added(a: Any, b: Any) -> Any:
    """The sum of two cotangents; of a primitive with several outputs, in each place that is not 0."""
    if a is None or b is None:
        return b if a is None else a
    return tuple(map(_added, a, b)) if type(a) is tuple else a + b


@_quietly
def push(
    tangents: Mapping[Node, Any], path: Sequence[Node], *, record: bool = False, retain: bool = False
) -> dict[Node, Any]:
    """Carry tangents from sources forward along `path`; give the tangent of each node on it that has one."""
    way = way_of(record)
    if way.changes is None:
        return _push(tangents, path, way, retain)
    with ModeContext(**way.changes):
        return _push(tangents, path, way, retain)


def _push(tangents: Mapping[Node, Any], path: Sequence[Node], way: Way, retain: bool) -> dict[Node, Any]:
    observers, tracing, exits, plain = way.observers, way.tracing, way.exits, way.plain
    carried: dict[Node, Any] = dict(tangents)
    for observer in observers:
        observer.began_push(tangents)
    for node in path:
        if node in tangents or node.primitive is None:
            continue
        given = [carried.get(i) if type(i) is Node else None for i in node.inputs]
        if all(tangent is None for tangent in given):
            continue
        saved = node.saved
        if saved is None:
            raise GraphError("jvp: the graph's saved values are freed", fix="run the function again")
        if exits is None:
            tangent = node.primitive.jvp(node, given, saved)
        else:
            values = saved if plain and node.primitive.blocks else boxed(node, saved, tracing)
            tangent = _by_rule(node, node.primitive.jvp, whole_jvp, ((*given,), values), exits)
        tangent = cast_tangent(tangent, node.aval)
        for observer in observers:
            observer.pushed(node, given, tangent)
        if not retain:
            node.saved = None
        if tangent is not None:
            carried[node] = tangent
    return carried


def track(value: Any, name: str | None = None) -> Tensor:
    """Make a new source that holds the array `value`."""
    tensor = Primitive.tensor.of(value, source(layout_of(value)))
    assert tensor.node is not None
    tensor.node.owner = weakref.ref(tensor)
    if name is not None:
        tensor.node.name = name
    return tensor


def transpose(function: Callable[..., Any], specs: Sequence[Any], cotangents: Any, name: str) -> list[Any]:
    """Apply the transpose of a linear function to cotangents, by recording it once and pulling.

    Parameters
    ----------
    function : callable
        Linear; takes one tensor for each of `specs`, gives one value or a tuple.
    specs : sequence
        The shapes and dtypes of its arguments.
    cotangents : array, or a tuple of them in which None stands for 0
        One for each value.
    name : str
        Whose rule it is, for errors.

    Returns
    -------
    list
        The cotangent of each argument, as tensors if any of `cotangents` is one.

    Raises
    ------
    GraphError
        If the function makes numbers of its arguments: then it has no transpose.
    """
    alone = not isinstance(cotangents, tuple)
    outer = current_mode()
    arguments = [track(zeros_of(spec)) for spec in specs]
    nodes = [argument.node for argument in arguments if argument.node is not None]
    exits = RuleExits(nodes)
    with ModeContext(recording=True, observers=(), exits=exits):
        outputs = function(*arguments)
        exits.require_linear(name)
        if exits.left is not None and isinstance(outer.exits, RuleExits):
            outer.exits.left = exits.left
        pairs = [(outputs, cotangents)] if alone else list(zip(outputs, cotangents, strict=True))
        seeds = [(y.node, c) for y, c in pairs if c is not None and getattr(y, "node", None) is not None]
        record = outer.recording and any(isinstance(c, Primitive.tensor) for _, c in seeds)
        if not record:
            require_kept(name, [y for y, _ in pairs], "give its rule what it depends on as operands")
        path = between([node for node, _ in seeds], nodes).nodes if seeds else []
        on_path = set(path)
        # What is recorded may lead through the function's own values, and is walked again.
        found = pull([s for s in seeds if s[0] in on_path], path, nodes, record=record, retain=record, within=True)
    return [found.get(node) for node in nodes]
