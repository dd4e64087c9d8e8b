"""The kinds whose rule comes from outside: custom jvp and vjp rules."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, final

from pullback.core.complex import conjugate
from pullback.core.conformity import conform
from pullback.core.errors import GraphError
from pullback.core.graph import Node
from pullback.core.primitive import Primitive
from pullback.core.spec import completed, spec_of, zeros_of
from pullback.core.walks import transpose


class _Whole(Primitive):
    """What the custom kinds share: all operands and outputs are kept, and the rule comes from outside."""

    foreign = True

    def needs(self, operand: int, count: int) -> tuple[int, ...]:
        return tuple(range(count + 1))


@final
class CustomJVP(_Whole):
    """Anything else: its jvp, written with operations; reverse mode pulls back through the jvp just recorded.

    Parameters
    ----------
    rule : callable
        `rule(primals, tangents, y, **params)` gives the tangent of the output; `primals` and `tangents` are tuples as
        long as the operands. The tangents are never None.
    """

    def __init__(
        self, name: str, kernel: Callable[..., Any], rule: Callable[..., Any], doc: str | None = None,
        batching: Callable[..., Any] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(name, kernel, doc)
        self.batching = batching
        self.rule = rule

    def jvp(self, node: Node, tangents: Sequence[Any], saved: Sequence[Any]) -> Any:
        return self.rule(tuple(saved[1:]), tuple(completed(tangents, node.inputs)), saved[0], **node.params)

    def vjp(self, node: Node, cotangent: Any, saved: Sequence[Any], wanted: Sequence[int]) -> list[Any]:
        def push(*tangents: Any) -> Any:
            filled = [zeros_of(spec_of(i)) for i in node.inputs]
            for i, tangent in zip(wanted, tangents, strict=True):
                filled[i] = tangent
            return self.rule(tuple(saved[1:]), tuple(filled), saved[0], **node.params)

        return transpose(push, [spec_of(node.inputs[i]) for i in wanted], cotangent, self.name)


@final
class CustomVJP(_Whole):
    """A user's reverse rule; forward mode is the transpose of that rule, which is linear in the cotangent.

    Parameters
    ----------
    rule : callable
        `rule(cotangent, primals, y, **params)` gives a tuple: the cotangent of each operand, None for 0. Of complex
        operands it is the adjoint Jᴴ, as users see it; the walks are told its transpose.
    """

    def __init__(
        self, name: str, kernel: Callable[..., Any], rule: Callable[..., Any], doc: str | None = None,
        batching: Callable[..., Any] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(name, kernel, doc)
        self.batching = batching
        self.rule = rule

    def vjp(self, node: Node, cotangent: Any, saved: Sequence[Any], wanted: Sequence[int]) -> list[Any]:
        given = tuple(map(conjugate, cotangent)) if isinstance(cotangent, tuple) else conjugate(cotangent)
        contributions = self.rule(given, tuple(saved[1:]), saved[0], **node.params)
        if not isinstance(contributions, tuple) or len(contributions) != len(node.inputs):
            raise GraphError(
                f"{self.name}: the vjp rule must give one cotangent for each operand, as a tuple",
                got=type(contributions).__name__, operands=len(node.inputs), fix="return (…,), with None for 0",
            )  # fmt: skip
        return [conjugate(contributions[i]) for i in wanted]

    def jvp(self, node: Node, tangents: Sequence[Any], saved: Sequence[Any]) -> Any:
        given = [i for i, tangent in enumerate(tangents) if tangent is not None]
        several = isinstance(node.aval, tuple)

        def back(*cotangents: Any) -> Any:
            found = self.vjp(node, cotangents if several else cotangents[0], saved, given)
            pairs = zip(found, given, strict=True)
            return tuple(c if c is None else conform(c, spec_of(node.inputs[i]), self.name) for c, i in pairs)

        found = transpose(back, node.aval if several else [node.aval], tuple(tangents[i] for i in given), self.name)
        return tuple(found) if several else found[0]
