"""`pb.explain`: why a gradient is zero, missing or NaN."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from pullback.core.anomaly import ranges
from pullback.core.errors import GraphError, OptionError
from pullback.core.graph import Node, ancestors
from pullback.core.modes import ModeContext
from pullback.core.paths import between
from pullback.core.tree import leaves
from pullback.core.walks import pull
from pullback.explaining.case import Case, numbers_of
from pullback.explaining.cuts import why_none
from pullback.explaining.diagnosis import Diagnosis, Finding, Verdict
from pullback.explaining.flat import CANCELLED, MOVED, why_flat
from pullback.explaining.kept import kept
from pullback.explaining.rounding import DIGITS, edges, largest, rounding
from pullback.explaining.singular import why_mixed, why_slope, why_value
from pullback.explaining.watch import Made, Step, Walk, Watch, WatchedExits, array_of
from pullback.tensors import Tensor


def explain(loss: Tensor | Callable[[], Any], wrt: Any = None) -> Diagnosis:
    """Why ∂loss/∂x is zero, missing, NaN or infinite: the operation, its line, its operands, the cause and the repair.

    A loss that is there already is walked back once, and its graph stays. A function without arguments is called once,
    as it is written, though it be compiled, or call what is: so all that it does is seen, with its lines, a training
    step with its `backward()` too. Afterwards the tensors that it took hold what they held, and have the gradients that
    they had; other things that it changes, such as the memory of an optimizer, stay changed.

    Parameters
    ----------
    loss : Tensor or callable
        One number, whose graph is still there; or what computes it, called without arguments. What it gives is one
        number, the loss and not its gradient; or it calls `backward()` itself.
    wrt : Tensor, or tree of them, or Module, optional
        Whose gradients are in question. All leaves that the loss was computed from, if None.

    Returns
    -------
    Diagnosis
        A verdict for each tensor, which prints itself.

    Raises
    ------
    GraphError
        If the graph was freed by a walk; or if the loss is not one number.
    OptionError
        If loss is neither a tensor nor a function.

    >>> import pullback as pb
    >>> w = pb.tensor([1.0, -2.0], requires_grad=True, name="w")
    >>> explain(pb.relu(w * w * -1).sum(), w)
    the gradient of w is 0
      gradient  (2,) in [0, 0]
      op        relu
      operands  (2,) in [-4, -1]
      cause     dead: what comes in is at most 0 wherever a gradient comes back, and relu is flat there
      fix       leaky_relu or gelu, a smaller learning rate, another bias at the start
    (a graph keeps no lines: pb.explain(lambda: loss_of(w), w) names them)
    >>> explain(lambda: pb.log(w + 2).sum(), w).findings[0].cause
    'log of 0'
    """
    watch = Watch()
    given = list(_wanted(wrt))
    for tensor in given:
        if isinstance(tensor, Tensor):
            watch.meet(tensor)
    if isinstance(loss, Tensor):
        losses = [loss]
        _walk_back(losses, watch)
        for walk in watch.walks:
            kept(walk, watch)
    elif callable(loss):
        losses = _run(loss, watch)
    else:
        raise OptionError(
            "explain: this is neither a tensor nor a function", got=type(loss).__name__,
            fix="pb.explain(loss, w), or pb.explain(lambda: f(w), w)",
        )  # fmt: skip
    roots = [node for walk in watch.walks for node in walk.seeds]
    found = given if wrt is not None else [owner for owner in _leaves(roots) if owner is not None]
    whole = not isinstance(loss, Tensor)
    verdicts = [_verdict(tensor, place, losses, roots, watch, whole) for place, tensor in enumerate(found)]
    return Diagnosis(verdicts)


def _wanted(wrt: Any) -> Iterator[Any]:
    """The tensors of a tree; of a module its parameters."""
    parameters = getattr(wrt, "parameters", None)
    if callable(parameters):
        wrt = list(parameters())
    elif isinstance(wrt, Iterable) and not isinstance(wrt, (Tensor, Mapping, Collection, str)):
        wrt = list(wrt)  # a generator
    yield from leaves(wrt) if wrt is not None else ()


def _leaves(roots: Iterable[Node]) -> Iterator[Tensor | None]:
    for node in ancestors(roots):
        if node.primitive is None:
            yield node.owner() if hasattr(node, "owner") else None


def _walk_back(losses: Iterable[Tensor], watch: Watch) -> None:
    """Carry the cotangent 1 back from losses, for the watch to see."""
    for loss in losses:
        if loss.node is None:
            continue
        if any(node.saved is None for node in ancestors([loss.node])):
            raise GraphError(
                "explain: the graph of this loss was walked before, and what it saved is freed",
                fix="explain before backward(), backward(retain_graph=True), or pb.explain(lambda: loss_of(…), w)",
            )  # fmt: skip
        with ModeContext(observer=watch):
            pull([(loss.node, array_of(loss.seed(None, boxed=False)))], retain=True)


def _run(function: Callable[[], Any], watch: Watch) -> list[Tensor]:
    """Call a function as it is written, and walk back from what it gives, unless it did so itself."""
    try:
        with ModeContext(observer=watch, exits=WatchedExits(watch)), np.errstate(all="ignore"):
            value = function()
        losses = [y for y in leaves(value) if isinstance(y, Tensor)]
        if not watch.walks:
            tracked = [y for y in losses if y.node is not None]
            if len(tracked) > 1:
                raise GraphError(
                    "explain: the function gives several tensors", got=len(tracked), fix="give the loss alone"
                )
            _walk_back(tracked, watch)
    finally:
        watch.put_back()
    return losses


def _verdict(tensor: Any, place: int, losses: list[Tensor], roots: list[Node], watch: Watch, whole: bool) -> Verdict:
    shape = getattr(tensor, "shape", None)
    name = getattr(tensor, "name", None) or (f"tensor {place} {shape}" if shape is not None else f"{tensor!r:.40}")
    node = getattr(tensor, "node", None)
    walks = [(walk, path) for walk in watch.walks if node is not None and (path := between(walk.seeds, {node}).nodes)]
    if node is None or not walks:
        return Verdict(name, "none", None, {}, tuple(dict.fromkeys(why_none(tensor, losses, roots, watch, whole))))
    reached = [_reached(node, walk, path) for walk, path in walks]
    gradient = sum(total for total, _ in reached)
    most = max(off for _, off in reached)
    numbers = numbers_of(gradient)
    facts: dict[str, object] = {"gradient": ranges([np.asarray(gradient)])}
    findings: list[Finding] = []
    if not numbers.finite:
        state = "nan" if numbers.nan else "infinite"
        findings = [found for walk, path in walks for found in _not_finite(walk, path, watch)]
    elif numbers.zero or largest(gradient) <= DIGITS * most:
        state = "zero" if numbers.zero else "rounding"
        findings = [
            found for walk, path in walks for found in (*_zero(walk, path, watch), *_behind(node, walk, path, watch))
        ]
    else:
        state = "finite"
        facts |= _remarks(tensor, gradient)
    bad = [made for walk, _ in walks for root in walk.seeds if (made := watch.of_node.get(root)) is not None]
    if state in ("finite", "zero", "rounding") and bad and not numbers_of(bad[0].result).finite:
        findings += _origin(bad[0], watch)
    return Verdict(name, state, gradient, facts, tuple(dict.fromkeys(findings)))


def _remarks(tensor: Tensor, gradient: Any) -> dict[str, object]:
    zeros = int(np.size(gradient) - np.count_nonzero(gradient))
    return {
        "zeros": f"{zeros:,} of {np.size(gradient):,} elements" if zeros else None,
        "but": None if tensor.is_leaf else ".grad is kept by leaves alone: pb.gradients(loss, wrt=t) gives it",
    }


def _reached(node: Node, walk: Walk, path: Collection[Node]) -> tuple[Any, float]:
    """The gradient of a node, and how far rounding may have put it off."""
    parts = [part for step, i in edges(walk, path) if step.node.inputs[i] is node
             if (part := step.contributions.get(i)) is not None]  # fmt: skip
    if node in walk.seeds:
        parts.append(walk.seeds[node])
    return sum(parts, np.zeros(node.aval.shape, node.aval.dtype)), rounding(walk, path)[0].get(node, 0.0)


def _case(step: Step, place: int, watch: Watch) -> Case:
    return Case(watch.of_node[step.node], step, place)


def _zero(walk: Walk, path: Collection[Node], watch: Watch) -> Iterator[Finding]:
    """Where a cotangent that is not 0 ended, on every way along a path; or where its parts cancel."""
    if all(numbers_of(seed).zero for seed in walk.seeds.values()):
        yield Finding("backward", "the walk began with a gradient of 0", "pass another grad= to backward()")
    live = False
    for step, i in edges(walk, path):
        if not numbers_of(step.cotangent).zero and numbers_of(step.contributions.get(i)).zero:
            live = True
            case = _case(step, i, watch)
            above = [] if step.node.primitive not in MOVED else list(_above(step.node, walk, path, watch))
            yield from above or [case.finding(why_flat(case))]
    for step, i in () if live else rounding(walk, path)[1]:
        yield _case(step, max(i, 0), watch).finding(CANCELLED)


def _behind(source: Node, walk: Walk, path: Collection[Node], watch: Watch) -> Iterator[Finding]:
    """What else ends the ways to a source: where a cotangent would end that got past the first cuts."""
    seen: set[Node] = set()
    while True:
        cut = {
            step.node.inputs[i] for step, i in edges(walk, path)
            if not numbers_of(step.cotangent).zero and numbers_of(step.contributions.get(i)).zero
        }  # fmt: skip
        known = (
            node for node in cut - seen - {source} if all(n.saved is not None for n in ancestors([node]) if n.primitive)
        )
        further = sorted(known, key=lambda node: -node.serial)
        if not further:
            return
        seen.update(further)
        seeds = {
            node: np.cos(1 + np.arange(node.aval.size)).astype(node.aval.dtype).reshape(node.aval.shape)
            for node in further
        }
        inner = Watch()
        with ModeContext(observer=inner), np.errstate(all="ignore"):
            pull([*seeds.items()], retain=True)
        walk, path = inner.walks[-1], between(seeds, {source}).nodes
        for step, i in edges(walk, path):
            if (
                not numbers_of(step.cotangent).zero
                and numbers_of(step.contributions.get(i)).zero
                and step.node in watch.of_node
            ):
                case = _case(step, i, watch)
                yield case.finding(why_flat(case))


def _above(node: Node, walk: Walk, path: Collection[Node], watch: Watch) -> Iterator[Finding]:
    """What gave nothing to some elements of a value, of which others were moved together with them."""
    for step, i in edges(walk, path):
        if step.node.inputs[i] is node and not np.all(step.contributions.get(i)):
            if step.node.primitive in MOVED:
                yield from _above(step.node, walk, path, watch)
            else:
                case = _case(step, i, watch)
                yield case.finding(why_flat(case))


def _not_finite(walk: Walk, path: Collection[Node], watch: Watch) -> Iterator[Finding]:
    """The first derivative on the way to a node that is not finite, and the value behind it."""
    for step, i in edges(walk, path):
        given = numbers_of(step.cotangent)
        if given.finite and not numbers_of(step.contributions.get(i)).finite:
            case = _case(step, i, watch)
            bad = [x for x in (*case.made.operands, case.made.result) if not numbers_of(x).finite]
            origin = list(_origin(case.made, watch)) if bad else []
            yield from origin or [case.finding(why_slope(case))]
            if origin and all(found.op != case.made.op for found in origin):
                cause = "the derivative is not finite here, because its operands are not"
                yield case.finding((cause, "see where they came from"))
            return
    yield Finding("backward", "the walk began with a gradient that is not finite", "look at grad= of backward()")


def _origin(made: Made, watch: Watch) -> list[Finding]:
    """Where the NaN or infinity in an operation came from: the first value that was not finite, or the data."""
    mixed: Finding | None = None
    while True:
        bad = [i for i, x in enumerate(made.operands) if not numbers_of(x).finite]
        if not bad:
            return [Case(made).finding(why_value(Case(made))), *([mixed] if mixed else [])]
        if numbers_of(made.result).nan and not any(numbers_of(made.operands[i]).nan for i in bad):
            mixed = Case(made).finding(why_mixed(Case(made)))
        nan = [i for i in bad if numbers_of(made.operands[i]).nan] or bad
        node = made.nodes[nan[0]]
        before = watch.of_node.get(node) if node is not None else _maker(made.operands[nan[0]], watch)
        if before is None:
            kind = "NaN" if numbers_of(made.operands[nan[0]]).nan else "infinity"
            what = f"{kind} in the data already: operand {nan[0]} of this operation, which nothing computed"
            if node is not None:
                what = f"{kind} in the parameter already: {getattr(node, 'name', None) or node.aval.shape}"
            fix = "look at it with np.isfinite; pb.nanmean and the like leave NaN out"
            return [Case(made).finding((what, fix)), *([mixed] if mixed else [])]
        made = before


def _maker(array: Any, watch: Watch) -> Made | None:
    """What computed a constant, if that was seen."""
    return next((made for made in watch.made if made.result is array), None)
