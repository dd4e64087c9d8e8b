"""Where the first NaN or infinity of a training step comes from: which layer, which operation, which line.

A step is compiled and tells nothing but its loss. So when that is not finite, the run is put back to its last good
state, goes again to the bad step, and takes that one as it is written, with an observer that looks at each number.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, final

import numpy as np

from pullback.core.graph import Node
from pullback.core.modes import ModeContext, current_mode
from pullback.core.origin import owner_of, user_frame, user_line
from pullback.core.tree import leaves
from pullback.nn import Module
from pullback.training.checkpoint import Checkpoint
from pullback.training.step import as_tensors

if TYPE_CHECKING:
    from pullback.training.loop import Loop

Facts = dict[str, object]


@final
class _FoundError(Exception):
    """The first number that is not finite was found."""

    def __init__(self, facts: Facts) -> None:
        super().__init__()
        self.facts = facts


@final
class _Looking:
    """An observer that raises at the first value or derivative that is not finite, and knows the layers."""

    def __init__(self) -> None:
        self._places: dict[Node, tuple[str, str]] = {}

    def applied(self, primitive: Any, operands: Sequence[Any], params: Mapping[str, Any], result: Any) -> None:
        place = _layer(), _line()
        for one in result if isinstance(result, (tuple, list)) else (result,):
            if getattr(one, "node", None) is not None:
                self._places[one.node] = place
        if not finite(result):
            raise _FoundError({"layer": place[0], "operation": primitive.name, "line": place[1]})

    def began_pull(self, cotangents: Mapping[Node, Any]) -> None:
        """What a walk begins with was looked at when it was made."""

    began_push = began_pull

    def pulled(self, node: Node, cotangent: Any, contributions: Mapping[int, Any]) -> None:
        if finite(cotangent) and not finite(list(contributions.values())):
            layer, line = self._places.get(node, ("", ""))
            name = "" if node.primitive is None else node.primitive.name
            raise _FoundError({"layer": layer, "operation": f"the derivative of {name}", "line": line})

    def pushed(self, node: Node, tangents: Sequence[Any], tangent: Any) -> None:
        """A training step walks back; what it does forward besides is its own affair."""


def blamed(loop: Loop, good: Checkpoint, bad: int) -> Facts:
    """Say which layer of a run went bad first, and leave model and optimizers in the good state.

    Parameters
    ----------
    loop : Loop
        Whose step number `bad` gave a loss or a weight that is not finite.
    good : Checkpoint
        Its last good state.
    """
    trainer = loop.trainer
    try:
        group = _batches_of(loop, good, _first_bad_step(loop, good, bad))
        for callback in trainer.callbacks:
            callback.before_step(loop)
        step = trainer.plain_step()
        tensors = [as_tensors(batch) for batch in group]
        return first_bad(trainer.model, lambda: step(tensors), group) or {"layer": "none: it does not come up again"}
    finally:
        trainer.restore(good)


def _first_bad_step(loop: Loop, good: Checkpoint, bad: int) -> int:
    """Take the steps from a good state on again, up to the first one that is bad, and give its number."""
    loop.trainer.restore(good)
    for batches, ends in loop.groups():
        loss, _ = loop.learn(batches)
        if loop.step >= bad or not math.isfinite(loss) or not loop.trainer.finite():
            break
        loop.count(ends)
    return loop.step


def _batches_of(loop: Loop, good: Checkpoint, step: int) -> list[Any]:
    """Take them up to the one before a step, and give the batches of that one."""
    loop.trainer.restore(good)
    for batches, ends in loop.groups():
        if loop.step == step - 1:
            return batches
        loop.learn(batches)
        loop.count(ends)
    return []


def first_bad(model: Module, step: Callable[[], Any], batches: Sequence[Any]) -> Facts | None:
    """Say where the first number that is not finite comes up in a step, or None if it does not.

    Parameters
    ----------
    model : Module
        In the state before the step.
    step : callable
        The step, as it is written.
    batches : sequence
        What it learns from.
    """
    for number, part in enumerate(leaves(list(batches))):
        if not finite(part):
            return {
                "layer": "none: the batch itself is not finite",
                "part": number,
                "fix": "mend the data: np.isfinite tells which samples",
            }
    if any(map(empty, batches)):
        return {"layer": "none: the batch has no samples", "fix": "leave empty batches out"}
    if (bad := bad_parameter(model)) is not None:
        return bad
    try:
        with ModeContext(observer=_Looking()):
            step()
    except _FoundError as found:
        return {name: fact for name, fact in found.facts.items() if fact}
    return bad_parameter(model, "the step itself: its learning rate, or the optimizer's memory")


def bad_parameter(model: Module, operation: str | None = None) -> Facts | None:
    """The first parameter that is not finite, by name; or None."""
    for name, parameter in model.named_parameters():
        if not finite(parameter):
            facts: Facts = {"layer": name.rpartition(".")[0] or type(model).__name__, "parameter": name}
            return facts if operation is None else {**facts, "operation": operation}
    return None


def finite(value: Any) -> bool:
    """Whether all floating-point numbers in a value are finite."""
    for one in leaves(value):
        array = np.asarray(getattr(one, "array", one)) if one is not None else None
        if array is not None and array.dtype.kind in "fc" and not np.isfinite(array).all():
            return False
    return True


def empty(batch: Any) -> bool:
    """Whether there are arrays in a batch, and all of them have no elements."""
    sizes = [part.size for part in leaves(batch) if hasattr(part, "size")]
    return bool(sizes) and not any(sizes)


def _line() -> str:
    """The user's line; nothing where a recipe runs from the command line, and no line is the user's."""
    frame = user_frame()
    return user_line() if frame is not None and owner_of(frame.f_code.co_filename) == "user" else ""


def _layer() -> str:
    """The innermost call of a module that is being computed."""
    scope = current_mode().scope
    return "the loss, outside of the model" if scope is None else scope.label
