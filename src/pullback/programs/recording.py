"""Recording one call: the function runs in the ordinary way, and what it does becomes a record."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from pullback.core.errors import TraceError
from pullback.core.modes import MODE, ModeContext, current_mode
from pullback.core.tree import children
from pullback.programs.effects import Effects
from pullback.programs.ledger import Ledger
from pullback.programs.record import Record
from pullback.programs.refusals import told
from pullback.programs.tracer import Tracer


def _held(tree: Any) -> Iterator[tuple[Any, list[tuple[Any, Any]]]]:
    """The containers of a tree, with what they hold."""
    parts = children(tree)
    if parts is not None:
        yield tree, parts
        for _, part in parts:
            yield from _held(part)


def _require_unchanged(held: Sequence[tuple[Any, list[tuple[Any, Any]]]], name: str) -> None:
    """See that arguments hold what they held: a function has copies of them, which its caller does not see."""
    for container, before in held:
        now = children(container) or []
        if len(now) != len(before) or any(a != b or x is not y for (a, x), (b, y) in zip(now, before, strict=True)):
            changed = [key for key, part in now if not any(key == k and part is p for k, p in before)]
            raise TraceError(
                f"{name}: it changes a {type(container).__name__} that it is given, which its program would not",
                changed=", ".join(map(repr, changed)) or f"{len(before)} values became {len(now)}",
                fix="change the tensors in it (t -= 1, t.assign), or give back another one",
            )  # fmt: skip


def record(
    f: Callable[..., Any], fill: Callable[[Tracer], Any], name: str, effects: Effects | None = None
) -> tuple[Any, Record, Ledger]:
    """Run `f` once in the ordinary way, and write down what it does.

    Parameters
    ----------
    f : callable
        The function.
    fill : callable
        Gives (args, kwargs), with tensors that the tracer knows as arguments.
    name : str
        Of the program.
    effects : Effects, optional
        What `f` may change outside of tensors.

    Returns
    -------
    result, Record, Ledger
        What `f` gave; the program; and what can undo the call.

    Raises
    ------
    TraceError
        If `f` looks at a number of a tensor (`if`, `float`, `.item()`, `.numpy()`); names the line and the fix. As
        after any error, nothing has changed.
    """
    tracer, mode = Tracer(effects), current_mode()
    try:
        with ModeContext(trace=tracer):
            args, kwargs = fill(tracer)
            held = list(_held((*args, *kwargs.values())))
            with told():
                result = tracer.with_arrays(f(*args, **kwargs))
        _require_unchanged(held, name)
        made = tracer.finish(result, name)
        tracer.write_arrays(made)
    except BaseException:
        MODE.set(mode)  # an interrupt may have come before a context was left
        tracer.ledger.undo()
        raise
    finally:
        tracer.ledger.give_back()
    return tracer.answer(result, made), made, tracer.ledger
