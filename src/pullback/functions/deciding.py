"""What decides by numbers how it goes on, as solvers do: how it stands in programs and in `vmap`."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from pullback.core.errors import UnbatchedError
from pullback.core.habits import explained
from pullback.core.modes import ModeContext, current_mode
from pullback.core.origin import user_line

P = ParamSpec("P")
R = TypeVar("R")


def deciding(f: Callable[P, R], name: str = "") -> Callable[P, R]:
    """Let a solver run as it is written in a function that is compiled, and refuse one example of many.

    Messages call it `name`, or by its own.

    >>> import pullback as pb
    >>> step = pb.compile(lambda k: pb.optimize.root(lambda x: x * x - k, 1.0).x)
    >>> step(pb.tensor(4.0))
    Tensor(2.)
    """
    name = name or f.__name__
    f = explained(f)  # which is refused its keywords here

    @wraps(f)
    def solve(*args: P.args, **kwargs: P.kwargs) -> R:
        mode = current_mode()
        if mode.trace is None and not mode.levels:
            return f(*args, **kwargs)
        if mode.trace is not None:
            mode.trace.unfit(f"{name} decides by numbers how it goes on, at {user_line()}: call it outside")
        try:
            with ModeContext(trace=None):
                return f(*args, **kwargs)
        except UnbatchedError:
            if not mode.levels:
                raise
            raise UnbatchedError(
                f"{name}: it decides by numbers how it goes on, which inside vmap are one for each example",
                line=user_line(), fix="pb.map(f, xs), in place of pb.vmap(f)(xs), solves one example after the other",
            ) from None  # fmt: skip

    return solve
