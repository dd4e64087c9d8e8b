"""How operations behave here and now: recording, anomaly detection, strictness, tracing.

One immutable `Mode` lives in one `ContextVar`, so threads and coroutines do not see each other's, and an
exception restores what was.
"""

from __future__ import annotations

from contextlib import ContextDecorator
from contextvars import ContextVar, Token
from typing import Any, Final, NamedTuple, Protocol, Self


class Trace(Protocol):
    """What watches while a program is recorded: every application of a primitive, every write to a tensor."""

    def apply(self, primitive: Any, operands: Any, params: dict[str, Any]) -> Any:
        """Apply a primitive in the ordinary way, and note it."""

    def write(self, tensor: Any, result: Any) -> None:
        """Give a tensor another value in the ordinary way, and note it."""

    def touch_grad(self, node: Any) -> None:
        """Note that the gradient of a source is about to be read or replaced."""


class Mode(NamedTuple):
    """What an operation asks before it records.

    Attributes
    ----------
    recording : bool
        Operations on tracked tensors become nodes.
    anomaly : bool
        Nodes remember the user's line, and the first value or derivative that is not finite raises.
    strict_nan : bool
        A derivative that is infinite or NaN times a cotangent of exactly 0 is NaN, as IEEE says, instead of 0.
    strict : bool
        Lints (broadcasts and precision) raise instead of warning.
    trace : Trace or None
        Watches what is done while a program is being recorded.
    """

    recording: bool = True
    anomaly: bool = False
    strict_nan: bool = False
    strict: bool = False
    trace: Trace | None = None


MODE: Final[ContextVar[Mode]] = ContextVar("pullback mode", default=Mode())  # noqa: B039 (a Mode is immutable)


class ModeContext(ContextDecorator):
    """A context manager and decorator that changes fields of the mode, and puts them back.

    >>> with ModeContext(recording=False):
    ...     MODE.get().recording
    False
    """

    def __init__(self, **changes: Any) -> None:
        self._changes = changes
        self._tokens: list[Token[Mode]] = []

    def __enter__(self) -> Self:
        self._tokens.append(MODE.set(MODE.get()._replace(**self._changes)))
        return self

    def __exit__(self, *exception: object) -> None:
        MODE.reset(self._tokens.pop())

    def _recreate_cm(self) -> ModeContext:
        # A decorated function may recurse or run in several threads: each call has its own tokens.
        return type(self)(**self._changes)


def no_grad() -> ModeContext:
    """Compute without recording, as a context manager or a decorator.

    >>> import pullback as pb
    >>> x = pb.tensor(2.0, requires_grad=True)
    >>> with pb.no_grad():
    ...     y = x * x
    >>> y.requires_grad
    False
    """
    return ModeContext(recording=False)


def enable_grad() -> ModeContext:
    """Record again inside `no_grad`, as a context manager or a decorator.

    >>> import pullback as pb
    >>> x = pb.tensor(2.0, requires_grad=True)
    >>> with pb.no_grad(), pb.enable_grad():
    ...     y = x * x
    >>> y.requires_grad
    True
    """
    return ModeContext(recording=True)


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
    return ModeContext(anomaly=True)


def strict_nan() -> ModeContext:
    """Let 0 · inf be NaN in derivatives, as IEEE 754 says, instead of the 0 of a branch that was not taken.

    >>> import numpy as np
    >>> import pullback as pb
    >>> f = lambda x: pb.where(x > 0, pb.sqrt(x), x)
    >>> with np.errstate(invalid="ignore"):
    ...     print(pb.grad(f)(-1.0).item())
    ...     with pb.strict_nan():
    ...         print(pb.grad(f)(-1.0).item())
    1.0
    nan
    """
    return ModeContext(strict_nan=True)


def strict() -> ModeContext:
    """Make the lints raise: (N, 1)-(N,) broadcasts, and float64 batches in float32 models.

    >>> import pullback as pb
    >>> with pb.strict():  # doctest: +ELLIPSIS
    ...     pb.tensor([[1.0], [2.0]], requires_grad=True) - pb.ones(2)
    Traceback (most recent call last):
        ...
    pullback.core.errors.BroadcastWarning: ...
    """
    return ModeContext(strict=True)
