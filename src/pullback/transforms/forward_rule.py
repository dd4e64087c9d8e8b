"""A function with a jvp rule, which gives the value and its tangent: run once, and kept as a linear map."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple, final

import numpy as np

from pullback.batching.lanes import Level, within
from pullback.core.errors import GraphError
from pullback.core.graph import Node
from pullback.core.leaving import LeftTraceError, RuleExits, depends
from pullback.core.modes import ModeContext, current_mode
from pullback.core.opaque import array_of
from pullback.core.paths import between
from pullback.core.spec import completed, spec_of, zeros_of
from pullback.core.tree import tree_map
from pullback.core.walks import pull, push, track
from pullback.ops.movement import astype
from pullback.tensors import Tensor
from pullback.transforms.authored import Authored, boxed, fitting, node_behind, require_uncaptured, without_node


class Linear(NamedTuple):
    """The tangent of the value as a linear function of those of the arguments, recorded once.

    Of a rule that runs as a whole in a program there is none: `tangents` is None.
    """

    sources: list[Node]  # that stand for the tangents of the arguments
    tangents: list[Any] | None  # of the values
    exits: RuleExits
    primals: Sequence[Any]


@final
class ForwardRule(Authored):
    """A function with a jvp rule."""

    how_to_give = "decorate a rule with @f.defjvp"
    rule: Callable[..., Any] | None = None

    @property
    def is_given(self) -> bool:
        return self.rule is not None

    def many(self, level: Level, flags: list[bool]) -> ForwardRule:
        together = self.of_all(level, flags)
        if self.rule is not None:
            together.rule = partial(within(level, self.rule), flags * 2)
        return together

    def begin(self, primals: Sequence[Any], params: dict[str, Any]) -> tuple[Any, Any]:
        directions = [track(zeros_of(spec_of(x.array if isinstance(x, Tensor) else x))) for x in primals]
        sources = [t.node for t in directions if t.node is not None]
        exits = RuleExits(sources, rule=self)
        try:
            with ModeContext(recording=True, exits=exits, observers=()):
                value, tangents = self._given(primals, directions, params)
        except LeftTraceError as error:
            exits.left = str(error)
            return self.whole("value", self.f)(*primals, **params), Linear([], None, exits, primals)
        return value, Linear(sources, tangents, exits, primals)

    def _given(self, primals: Any, directions: Any, params: dict[str, Any]) -> tuple[Any, list[Any]]:
        assert self.rule is not None
        result = self.rule(tuple(primals), tuple(directions), **params)
        if not isinstance(result, tuple) or len(result) != 2:
            raise GraphError(f"{self.name}: the jvp rule gives a pair (value, tangent)", got=type(result).__name__)
        value, tangent = result
        several = isinstance(value, (tuple, list))
        values, given = (value, tangent) if several else ((value,), (tangent,))
        if not isinstance(given, (tuple, list)) or len(given) != len(values):
            what = "the jvp rule gives a tangent for each output, as a tuple"
            raise GraphError(f"{self.name}: {what}", outputs=len(values))
        likes = [spec_of(array_of(y)) for y in values]
        return value, [_of_type(fitting(self.name, t, y, summed=False), y) for t, y in zip(given, likes, strict=True)]

    def vjp(self, node: Node, cotangent: Any, saved: Sequence[Any], wanted: Sequence[int]) -> list[Any]:
        linear = self.kept(node, saved)
        parts = cotangent if isinstance(cotangent, tuple) else (cotangent,)
        self._tell(linear)
        if linear.tangents is None:
            return self.whole("vjp", self._pulled)(tuple(linear.primals), parts, tuple(wanted), node.params)
        return self._pull(linear, parts, wanted)

    def _pulled(self, primals: Any, parts: Any, wanted: Any, params: Any) -> list[Any]:
        """The same at primals, for a program."""
        sources = [track(x.array) if i in wanted else x for i, x in enumerate(primals)]
        return self._pull(self.begin(sources, params)[1], parts, wanted)

    def _pull(self, linear: Linear, parts: Sequence[Any], wanted: Sequence[int]) -> list[Any]:
        linear.exits.require_linear(self.name)
        assert linear.tangents is not None
        sources = [linear.sources[i] for i in wanted]
        if any(t is not None and _unlinked(t, linear) is not None and np.any(array_of(t)) for t in linear.tangents):
            raise GraphError(
                f"{self.name}: the jvp rule gave a tangent that does not depend on those of the operands",
                fix="the tangent is linear in them: 0 where they are",
            )
        seeds = [(n, c) for t, c in zip(linear.tangents, parts, strict=True) if c is not None and (n := node_behind(t))]
        path = between([n for n, _ in seeds], set(sources)).nodes if seeds else []
        on_path = set(path)
        record = any(isinstance(c, Tensor) for c in parts) and current_mode().recording
        if not record:
            require_uncaptured(self.name, linear.tangents)
        found = pull([s for s in seeds if s[0] in on_path], path, set(sources), record=record, retain=True, within=True)
        return [found.get(source) for source in sources]

    def jvp(self, node: Node, tangents: Sequence[Any], saved: Sequence[Any]) -> Any:
        linear = self.kept(node, saved)
        recorded = any(isinstance(t, Tensor) for t in tangents)
        if linear.tangents is None:
            self._tell(linear)
            filled = completed(tangents, node.inputs)
            found = self.whole("jvp", self._pushed)(tuple(linear.primals), filled, node.params)
        elif linear.exits.with_tangent is not None:
            found = self._directly(linear, tangents, node, recorded)
        else:
            self._tell(linear)
            given = {s: t for s, t in zip(linear.sources, tangents, strict=True) if t is not None}
            ends = [n for t in linear.tangents if (n := node_behind(t)) is not None]
            path = between(ends, set(given)).nodes if ends else []
            record = recorded and current_mode().recording
            if not record:
                require_uncaptured(self.name, linear.tangents)
            carried = push(given, path, record=record, retain=True)
            found = [
                carried.get(n) if (n := node_behind(t)) in carried else _unlinked(t, linear) for t in linear.tangents
            ]
        return tuple(found) if isinstance(node.aval, tuple) else found[0]

    def _directly(self, linear: Linear, tangents: Sequence[Any], node: Node, recorded: bool) -> list[Any]:
        """A rule that makes numbers of its tangents has to be given them."""
        if recorded:
            linear.exits.require_linear(self.name)
        primals = tree_map(without_node, tuple(linear.primals))
        return self._pushed(primals, completed(tangents, node.inputs), node.params)

    def _pushed(self, primals: Any, tangents: Any, params: Any) -> list[Any]:
        """The tangents of the value at primals, by the rule."""
        _, found = self._given(primals, tuple(map(boxed, tangents)), params)
        return [None if t is None else array_of(t) for t in found]

    def _tell(self, linear: Linear) -> None:
        outer = current_mode().exits
        if isinstance(outer, RuleExits):
            outer.join(linear.exits)


def _unlinked(tangent: Any, linear: Linear) -> Any:
    """A tangent that depends on none of the operands' tangents, as an array; else None."""
    node = node_behind(tangent)
    linked = node is not None and depends(node, set(linear.sources))
    return None if tangent is None or linked else array_of(tangent)


def _of_type(tangent: Any, like: Any) -> Any:
    return astype(tangent, like.dtype) if isinstance(tangent, Tensor) and tangent.dtype != like.dtype else tangent
