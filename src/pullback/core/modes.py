"""How operations behave here and now: recording, strictness, who looks on, tracing.

One `Mode`, never changed once it is made, lives in one `ContextVar`, so threads and coroutines do not see each other's,
and an exception restores what was.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ContextDecorator
from contextvars import ContextVar
from functools import wraps
from inspect import iscoroutinefunction, isgeneratorfunction
from typing import TYPE_CHECKING, Any, Final, Protocol, Self, TypeVar, overload

from pullback.core.errors import OptionError
from pullback.core.observers import Observer, Scope

if TYPE_CHECKING:
    from pullback.batching.lanes import Level

F = TypeVar("F", bound=Callable[..., Any])


_new: Final = object.__new__


class Trace(Protocol):
    """What watches while a program is recorded: every application of a primitive, every write to a tensor."""

    @property
    def draws(self) -> int:
        """How often random numbers were drawn."""

    def apply(self, primitive: Any, operands: Any, params: dict[str, Any]) -> Any:
        """Apply a primitive in the ordinary way, and note it."""

    def write(self, tensor: Any, result: Any) -> None:
        """Give a tensor another value in the ordinary way, and note it."""

    def made(self, tensor: Any) -> None:
        """Note that a tensor was made, and was not there before."""

    def touch_grad(self, node: Any) -> None:
        """Note that the gradient of a source is about to be read."""

    def replace_grad(self, node: Any) -> None:
        """Note that the gradient of a source is about to be replaced."""

    def unfit(self, why: str) -> None:
        """Note that no program can do what is done."""

    def watch(self, owner: Any) -> None:
        """Note an object on whose attributes depends what is done."""


def _telling(observers: tuple[Observer, ...]) -> Callable[[Any, tuple[Any, ...], dict[str, Any]], Any]:
    """What applies primitives in the ordinary way and tells observers, who do not see what happens inside of one."""

    def apply(primitive: Any, operands: tuple[Any, ...], params: dict[str, Any]) -> Any:
        with ModeContext(observers=()):
            result = primitive(*operands, **params)
        tell(observers, primitive, operands, params, result)
        return result

    return apply


def tell(observers: tuple[Observer, ...], primitive: Any, operands: Any, params: dict[str, Any], result: Any) -> None:
    """Tell observers that a primitive was applied."""
    for observer in observers:
        observer.applied(primitive, operands, params, result)


class Mode:
    """What an operation asks before it records; never changed once it is made.

    Attributes
    ----------
    recording : bool
        Operations on tracked tensors become nodes.
    strict_nan : bool
        A derivative that is infinite or NaN times a cotangent of exactly 0 is NaN, as IEEE says, instead of 0.
    strict : bool
        Lints (broadcasts and precision) raise instead of warning.
    trace : Trace or None
        Watches what is done while a program is being recorded.
    observers : tuple of Observer
        Who is told of each operation, and of each step of a walk.
    walking : int
        How many walks are under way of which observers are told: 2 within a walk that a rule makes.
    scope : Scope or None
        The call of a module that is being computed, where somebody looks on.
    apply : callable or None
        What applies a primitive within `vmap` or where somebody looks on: the trace, or what tells the observers.
    line : str or None
        The user's line, where all that is done is of one: within a walk.
    exits : Exits or None
        What is done where the numbers of tracked tensors leave the graph; None on the tape.
    levels : tuple of Level
        Each `vmap` that is under way, the outermost first.
    outer, owner : Mode or None, ModeContext or None
        What comes back when the context ends, and the context that made this mode.
    """

    __slots__ = (
        "apply", "bare", "exits", "levels", "line", "observers", "outer", "owner", "recording", "scope", "strict",
        "strict_nan", "trace", "walking",
    )  # fmt: skip

    def __init__(
        self, recording: bool = True, strict_nan: bool = False, strict: bool = False, trace: Trace | None = None,
        observers: tuple[Observer, ...] = (), walking: int = 0, scope: Scope | None = None, line: str | None = None,
        exits: Any = None, levels: tuple[Level, ...] = (), outer: Mode | None = None, owner: ModeContext | None = None,
    ) -> None:  # fmt: skip
        self.recording = recording
        self.strict_nan = strict_nan
        self.strict = strict
        self.trace = trace
        self.observers = observers
        self.walking = walking
        self.scope = scope
        self.line = line
        self.exits = exits
        self.levels = levels
        self.apply = self._application()
        self.outer = outer
        self.owner = owner
        self.bare: Mode | None = None  # the same without a trace, once it was asked for

    def _application(self) -> Callable[..., Any] | None:
        if self.levels:
            return self.levels[-1].apply
        if self.trace is not None:
            return self.trace.apply
        return _telling(self.observers) if self.observers else None

    @property
    def flags(self) -> tuple[bool, bool, bool]:
        """What differs between modes apart from who watches: recording, strict_nan, strict."""
        return self.recording, self.strict_nan, self.strict

    def replace(self, **changes: Any) -> Mode:
        """Another mode, that differs in some fields; of `observer` it has one more."""
        mode = _new(Mode)  # by hand, for a transform asks for one at every call
        mode.recording = self.recording
        mode.strict_nan = self.strict_nan
        mode.strict = self.strict
        mode.trace = self.trace
        mode.observers = self.observers
        mode.walking = self.walking
        mode.scope = self.scope
        mode.line = self.line
        mode.exits = self.exits
        mode.levels = self.levels
        mode.outer = self.outer
        mode.owner = self.owner
        mode.bare = None
        for name, value in changes.items():
            if name == "observer":
                mode.observers = (*self.observers, value)
            else:
                setattr(mode, name, value)
        mode.apply = mode._application() if mode.trace or mode.observers or mode.levels else None
        return mode


_USUAL: Final = Mode()
_FIELDS: Final = frozenset({*Mode.__slots__, "observer"})
MODE: Final[ContextVar[Mode]] = ContextVar("pullback mode", default=_USUAL)

# A method bound once: what every operation asks is asked without looking the method up.
current_mode: Final = MODE.get


def untraced(function: Callable[..., Any], operands: Sequence[Any], params: dict[str, Any]) -> Any:
    """Call a function without the trace that is looking on: what `ModeContext(trace=None)` does, for each operation."""
    mode = current_mode()
    if mode.bare is None:
        mode.bare = mode.replace(trace=None, outer=mode)
    MODE.set(mode.bare)
    try:
        return function(*operands, **params)
    finally:
        MODE.set(mode)


class ModeContext(ContextDecorator):
    """A context manager and decorator that changes fields of the mode, and puts them back.

    It holds nothing but the changes, so one object serves any number of threads. It decorates functions, coroutines and
    generators, whose caller keeps its own mode.

    >>> with ModeContext(recording=False):
    ...     current_mode().recording
    False
    """

    def __init__(self, **changes: Any) -> None:
        if not changes.keys() <= _FIELDS:
            raise TypeError(f"there is no such mode: {', '.join(changes.keys() - _FIELDS)}")
        self._changes = changes

    def __enter__(self) -> Self:
        mode = current_mode()
        MODE.set(mode.replace(**self._changes, outer=mode, owner=self))
        return self

    def __exit__(self, *exception: object) -> None:
        # Not always the innermost: a generator that waits inside a mode of its own leaves that one standing.
        mode: Mode | None = current_mode()
        while mode is not None and mode.owner is not self:
            mode = mode.outer
        if mode is not None and mode.outer is not None:
            MODE.set(mode.outer)

    def __call__(self, function: Any) -> Any:
        if iscoroutinefunction(function):

            @wraps(function)
            async def coroutine(*args: Any, **kwargs: Any) -> Any:
                with self:
                    return await function(*args, **kwargs)

            return coroutine
        if isgeneratorfunction(function):

            @wraps(function)
            def generator(*args: Any, **kwargs: Any) -> Any:
                return self._steps(function(*args, **kwargs))

            return generator
        return super().__call__(function)

    def _steps(self, steps: Any) -> Any:
        """The steps of a generator, each in the mode, and what is between them not."""
        advance, given = steps.send, None
        try:
            while True:
                try:
                    with self:
                        made = advance(given)
                except StopIteration as stop:
                    return stop.value
                try:
                    given, advance = (yield made), steps.send
                except GeneratorExit:
                    raise
                except BaseException as error:  # noqa: BLE001 (whatever the caller throws is the generator's to catch)
                    given, advance = error, steps.throw
        finally:
            with self:
                steps.close()


class _Switch(Protocol):
    """What gives a mode, and decorates with brackets and without."""

    @overload
    def __call__(self, function: None = None, /) -> ModeContext: ...
    @overload
    def __call__(self, function: F, /) -> F: ...


def bare(switch: Callable[[], ModeContext]) -> _Switch:
    """Let a function that gives a mode also decorate by itself, without brackets."""

    @wraps(switch)
    def given(function: Any = None, /) -> Any:
        if function is None:
            return switch()
        if isinstance(function, type) or not callable(function):
            raise OptionError(
                f"{switch.__name__}: it decorates functions and methods", got=repr(function),
                fix=f"@pb.{switch.__name__} above a function, or with pb.{switch.__name__}(): ...",
            )  # fmt: skip
        return switch()(function)

    return given


@bare
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


@bare
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


@bare
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


@bare
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
