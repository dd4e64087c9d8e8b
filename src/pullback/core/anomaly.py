"""Anomaly mode: an observer that raises at the first value or derivative that is not finite."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, final

import numpy as np

from pullback.core.errors import NotFiniteError
from pullback.core.graph import Node, known_value
from pullback.core.modes import ModeContext, bare
from pullback.core.origin import user_line

if TYPE_CHECKING:
    from pullback.core.primitive import Primitive
    from pullback.tensors import Tensor


@bare
def detect_anomaly() -> ModeContext:
    """Raise `NotFiniteError` at the first op whose value or derivative is NaN or infinite, with the user's line.

    >>> import pullback as pb
    >>> x = pb.tensor(0.0, requires_grad=True)
    >>> with pb.detect_anomaly():  # doctest: +ELLIPSIS
    ...     pb.sqrt(x).backward()
    Traceback (most recent call last):
        ...
    pullback.core.errors.NotFiniteError: sqrt: the derivative is not finite...
    """
    return ModeContext(observer=_FiniteCheck())


@final
class _FiniteCheck:
    def applied(self, primitive: Primitive, operands: Sequence[Any], params: dict[str, Any], result: Tensor) -> None:
        node = result.node
        if node is None:
            return
        node.site = user_line()
        if not _finite([result.array]):
            raise NotFiniteError(
                f"{primitive.name}: the value is not finite", operands=ranges(map(known_value, node.inputs)),
                line=node.site, fix="keep the operands inside the domain, e.g. with pb.where or pb.clip before the op",
            )  # fmt: skip

    def began_pull(self, cotangents: Mapping[Node, Any]) -> None:
        """What a walk begins with is the user's."""

    began_push = began_pull

    def pulled(self, node: Node, cotangent: Any, contributions: Mapping[int, Any]) -> None:
        self._check(node, [cotangent], [*contributions.values()], "cotangent")

    def pushed(self, node: Node, tangents: Sequence[Any], tangent: Any) -> None:
        self._check(node, tangents, [tangent], "tangent")

    def _check(self, node: Node, given: Sequence[Any], found: Sequence[Any], what: str) -> None:
        """Raise where a walk's first value that is not finite was made: finite went in, and came out otherwise."""
        assert node.primitive is not None
        if _finite(given) and not _finite(found):
            raise NotFiniteError(
                f"{node.primitive.name}: the derivative is not finite",
                operands=ranges(map(known_value, node.inputs)),
                **{what: ranges(_parts(given))},
                line=getattr(node, "site", "recorded outside detect_anomaly"),
                fix="keep the operands away from the singular point, e.g. sqrt(x + 1e-12) or pb.where",
            )


def _finite(values: Sequence[Any]) -> bool:
    """Whether no element is NaN or infinite; a value that is not floating-point always is finite."""
    return all(part.dtype.kind not in "fc" or bool(np.isfinite(part).all()) for part in _parts(values))


def _parts(values: Sequence[Any]) -> Iterator[Any]:
    for value in values:
        if isinstance(value, tuple):
            yield from _parts(value)
        elif value is not None:
            yield getattr(value, "array", value)


def ranges(values: Any) -> str:
    """The shapes of values and, where their numbers are known, how far they reach."""
    return ", ".join(map(_range, values))


def _range(value: Any) -> str:
    if isinstance(value, (np.ndarray, np.generic)) and value.size and value.dtype.kind in "fiu":
        return f"{value.shape} in [{value.min():.6g}, {value.max():.6g}]"
    return str(value.shape) if hasattr(value, "shape") else repr(value)
