"""The kind of what has no derivative: integers and truths, which jump from one value to the next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, final

from pullback.core.graph import Node
from pullback.core.primitive import Primitive


@final
class Discrete(Primitive):
    """A function of arrays whose answer is integers, truths or steps: it carries no derivative, and leaves no node."""

    differentiable = False

    def vjp(self, node: Node, cotangent: Any, saved: Sequence[Any], wanted: Sequence[int]) -> list[Any]:
        return [None for _ in wanted]

    def jvp(self, node: Node, tangents: Sequence[Any], saved: Sequence[Any]) -> Any:
        return None
