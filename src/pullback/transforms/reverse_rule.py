"""A function with a vjp rule in two halves, of which the forward one makes the value."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple, final

from pullback.batching.lanes import Level, within
from pullback.core.complex import conjugate
from pullback.core.errors import GraphError
from pullback.core.graph import Node
from pullback.core.leaving import RuleExits
from pullback.core.modes import current_mode
from pullback.core.opaque import array_of
from pullback.core.spec import spec_of, zeros_of
from pullback.core.tree import leaves, tree_map
from pullback.core.walks import transpose
from pullback.tensors import Tensor
from pullback.transforms.authored import Authored, boxed, fitting, node_behind, require_uncaptured, without_node


class Residuals(NamedTuple):
    """What the forward half of a vjp rule gave besides the value, and where it left the graph."""

    tree: Any
    left: str | None


@final
class ReverseRule(Authored):
    """A function with a vjp rule in two halves."""

    how_to_give = "call f.defvjp(forward, backward)"
    forward: Callable[..., Any] | None = None
    backward: Callable[..., Any] | None = None

    @property
    def is_given(self) -> bool:
        return self.forward is not None

    def many(self, level: Level, flags: list[bool]) -> ReverseRule:
        together = self.of_all(level, flags)
        forward, backward = self.forward, self.backward
        if forward is not None and backward is not None:
            together.forward = partial(within(level, forward), flags)

            def back(residuals: Any, cotangent: Any) -> Any:
                tensors = [isinstance(x, Tensor) for x in leaves(((residuals, cotangent), {}))]
                return within(level, backward)(tensors, residuals, cotangent)

            together.backward = back
        return together

    def begin(self, primals: Sequence[Any], params: dict[str, Any]) -> tuple[Any, Any]:
        assert self.forward is not None
        given, exits = self.run("forward", self.forward, primals, params)
        if not isinstance(given, tuple) or len(given) != 2:
            raise GraphError(
                f"{self.name}: the forward half of its rule gives a pair (value, residuals)", got=type(given).__name__,
                fix="return (value, None) where nothing is to be kept",
            )  # fmt: skip
        value, residuals = given
        known = [*primals, *params.values()]
        lost = any(self._may_be_lost(part, known, exits) for part in leaves(residuals))
        return value, Residuals(residuals, exits.left if lost else None)

    @staticmethod
    def _may_be_lost(part: Any, known: Sequence[Any], exits: RuleExits) -> bool:
        """Whether a residual may have been computed from numbers that left the graph."""
        if part is None or any(part is x for x in known):
            return False
        node = node_behind(part)
        return node is None or exits.since is None or node.serial > exits.since

    def vjp(self, node: Node, cotangent: Any, saved: Sequence[Any], wanted: Sequence[int]) -> list[Any]:
        residuals, left = self.kept(node, saved)
        parts = cotangent if isinstance(cotangent, tuple) else (cotangent,)
        avals = node.aval if isinstance(node.aval, tuple) else (node.aval,)
        recorded = any(isinstance(part, Tensor) for part in parts)
        cotangents = tuple(boxed(zeros_of(a) if c is None else conjugate(c)) for c, a in zip(parts, avals, strict=True))
        given = cotangents if isinstance(cotangent, tuple) else cotangents[0]
        assert self.backward is not None
        outer = current_mode().exits
        if not recorded:
            require_uncaptured(self.name, residuals)
            residuals = tree_map(without_node, residuals)
        if isinstance(outer, RuleExits):
            result, exits = self.run("backward", self.backward, (residuals, given), {}, outer.tangents)
            outer.join(exits, left)
        else:
            result, _ = self.run("backward", self.backward, (residuals, given), {})
        result = result if isinstance(result, tuple) or result is None else (result,)
        if result is None or len(result) != len(node.inputs):
            raise GraphError(
                f"{self.name}: the vjp rule must give one cotangent for each operand, as a tuple",
                got="None" if result is None else len(result), operands=len(node.inputs),
                fix="return (…,), with None for 0",
            )  # fmt: skip
        found = [conjugate(fitting(self.name, result[i], spec_of(node.inputs[i]), summed=True)) for i in wanted]
        if recorded:
            return found
        require_uncaptured(self.name, found)
        return [None if c is None else array_of(c) for c in found]

    def jvp(self, node: Node, tangents: Sequence[Any], saved: Sequence[Any]) -> Any:
        given = [i for i, tangent in enumerate(tangents) if tangent is not None]
        several = isinstance(node.aval, tuple)

        def back(*cotangents: Any) -> Any:
            return tuple(self.vjp(node, cotangents if several else cotangents[0], saved, given))

        avals = node.aval if several else [node.aval]
        found = transpose(back, avals, tuple(tangents[i] for i in given), self.name)
        return tuple(found) if several else found[0]
