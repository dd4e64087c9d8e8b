"""Looking on: who wants to know is told of each operation, and of each step of a walk.

A mode names its observers; `ModeContext(observer=…)` adds one. Where there are none, nobody asks for them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, final

if TYPE_CHECKING:
    from pullback.core.graph import Node
    from pullback.core.primitive import Primitive
    from pullback.tensors import Tensor


class Observer(Protocol):
    """What an observer is told. It changes nothing, and may look at what nodes have saved.

    It is told of the walks too that rules make inside of walks; while it is, `current_mode().walking` is 2 or more.
    """

    def applied(self, primitive: Primitive, operands: Sequence[Any], params: dict[str, Any], result: Tensor) -> None:
        """A primitive was applied, recorded or not."""

    def began_pull(self, cotangents: Mapping[Node, Any]) -> None:
        """A walk back begins, with the cotangents of some nodes."""

    def pulled(self, node: Node, cotangent: Any, contributions: Mapping[int, Any]) -> None:
        """A node's cotangent is complete; by the place of the operand, what it gave to each. None stands for 0."""

    def began_push(self, tangents: Mapping[Node, Any]) -> None:
        """A walk forward begins, with the tangents of some nodes."""

    def pushed(self, node: Node, tangents: Sequence[Any], tangent: Any) -> None:
        """The tangents of a node's operands gave that of its value. None stands for 0."""


@final
class Scope:
    """One call of a module: what was computed in it belongs together. `outer` is the call that it was made from."""

    __slots__ = ("label", "outer")

    def __init__(self, label: str, outer: Scope | None = None) -> None:
        self.label = label
        self.outer = outer
