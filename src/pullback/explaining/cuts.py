"""Why there is no way from a tensor to a loss."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from pullback.core.anomaly import ranges
from pullback.core.arrays import differentiable
from pullback.core.graph import Node, ancestors
from pullback.core.links import Link, link_of
from pullback.explaining.diagnosis import Finding
from pullback.explaining.watch import Cut, Watch, Way
from pullback.tensors import Tensor

# What is said of a cut, and what helps; the most telling come first.
SAID: Final[dict[Way, tuple[str, str]]] = {
    "no_grad": (
        "it was computed within no_grad, where nothing is recorded",
        "compute it outside of no_grad; evaluate with it, learn without it",
    ),
    "detached": ("detached: from here on it is a constant", "without detach() or stop_gradient the derivative goes on"),
    "left": (
        "its numbers left the graph, for Python or NumPy's own arrays",
        "pb's functions or NumPy's on the tensor itself (np.sin(t)); or wrap what needs arrays in pb.custom_vjp",
    ),
    "cast": (
        "a cast to integers or truths, which have no derivative",
        "cast to a floating-point dtype; keep integers for labels and indices",
    ),
    "discrete": (
        "it has no derivative: it gives places, counts or truths",
        "a smooth stand-in: softmax for argmax, sigmoid for a step, pb.max for the value at argmax",
    ),
    "compared": (
        "a comparison has no derivative: a truth does not change by little",
        "a smooth stand-in, such as sigmoid((a − b) / width)",
    ),
}
_UNUSED: Final = "unused: no operation took it"
_FIXES: Final = "use it in the loss, or leave it out of what is learned (requires_grad = False)"


def why_none(tensor: Any, losses: Iterable[Tensor], roots: Iterable[Node], watch: Watch, whole: bool) -> list[Finding]:
    """What ended every way from a tensor to a loss.

    Parameters
    ----------
    tensor : Tensor
        Whose gradient is asked for.
    losses : iterable of Tensor
        What was given to be explained.
    roots : iterable of Node
        What the walks began with.
    watch : Watch
        What was seen.
    whole : bool
        Whether all that was computed was seen: a function was run.
    """
    roots, losses = list(roots), list(losses)
    if not isinstance(tensor, Tensor):
        return [Finding("", f"it is no tensor, but {type(tensor).__name__}", "pb.tensor(x, requires_grad=True)")]
    if not differentiable(tensor.dtype):
        fix = "pb.tensor(data, dtype=float, requires_grad=True)"
        return [Finding("", f"its dtype is {tensor.dtype}: only floating-point numbers have gradients", fix)]
    if tensor.node is None:
        found = [_finding(cut) for cut in ranked(watch.behind.get(id(tensor), ()))]
        fix = "set requires_grad=True before computing"
        return found or [Finding("", "it is a constant: it does not require a gradient", fix)]
    if roots and tensor.node.serial > max(root.serial for root in roots):
        return [_later(tensor)]
    behind = {cut for loss in losses for cut in watch.behind.get(id(loss), ())}
    behind |= {cut for node in ancestors(roots) for cut in watch.behind.get(node, ())}
    cuts = [cut for cut in behind if _depends(cut.node, tensor.node)]
    cuts = cuts or [cut for cut in watch.cuts if _depends(cut.node, tensor.node) and cut.way != "compared"]
    if cuts:
        return [_finding(cut) for cut in ranked(cuts)]
    linked = list(_linked(tensor.node, losses, roots))
    if linked:
        return linked
    if whole and id(tensor) in watch.used:
        last = next(made for made in reversed(watch.made) if any(_depends(n, tensor.node) for n in made.nodes if n))
        cause = "what was computed from it is not part of the loss; this is the last of it"
        return [Finding(last.op, cause, _FIXES, "", last.line, last.layer)]
    if whole:
        return [Finding("", _UNUSED, _FIXES)]
    fix = f"{_FIXES}; pb.explain(lambda: …) of the function that computes the loss says where it was cut off"
    return [Finding("", "the loss was not computed from it: it is unused, or was cut off on the way", fix)]


def ranked(cuts: Iterable[Cut]) -> list[Cut]:
    """The cuts, the most telling first, and of each way the earliest."""
    order = list(SAID)
    return sorted(cuts, key=lambda cut: (order.index(cut.way), cut.node.serial))


def _finding(cut: Cut) -> Finding:
    cause, fix = SAID[cut.way]
    return Finding(cut.op, cause, fix, ranges(cut.operands), cut.line, cut.layer)


def _later(tensor: Tensor) -> Finding:
    if tensor.is_leaf:
        cause = "it was made, or began to require a gradient, after the loss was computed"
        return Finding("", cause, "make it, and set requires_grad, before; then compute the loss again")
    assert tensor.node is not None
    assert tensor.node.primitive is not None
    cause = "it was changed, or computed, after the loss: the loss depends on what it was before"
    return Finding(tensor.node.primitive.name, cause, "keep what the loss was computed from under a name of its own")


def _depends(node: Node | None, source: Node) -> bool:
    return node is not None and (node is source or source in ancestors([node], source.serial))


def _linked(source: Node, losses: Iterable[Tensor], roots: Iterable[Node]) -> Iterator[Finding]:
    """Where a value without a derivative was computed from a tensor, and went into the loss, by the links of values."""
    links = [link for loss in losses if (link := link_of(loss)) is not None]
    links += [link for node in ancestors(roots) for link in getattr(node, "links", {}).values()]
    seen: set[int] = set()
    while links:
        link = links.pop()
        if id(link) in seen:
            continue
        seen.add(id(link))
        for operand in link.inputs:
            if isinstance(operand, Link):
                links.append(operand)
            elif type(operand) is tuple and _depends(operand[0](), source):
                cause, fix = SAID["discrete"]
                yield Finding(link.primitive.name, cause, fix, ranges([operand[1]]))
