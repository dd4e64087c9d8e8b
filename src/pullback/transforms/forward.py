"""Forward mode: tangents of functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pullback.core.errors import GraphError
from pullback.core.habits import explain_keywords
from pullback.transforms.recording import Recording


def jvp(f: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any], has_aux: bool = False) -> Any:
    """(f(x), ∂f/∂x · t): the value and the derivative along `tangents`, one for each primal.

    >>> import pullback as pb
    >>> jvp(lambda x, y: x * y, (2.0, 5.0), (1.0, 0.0))
    (Tensor(10.), Tensor(5.))
    """
    check_directions("jvp", primals, tangents)
    run = Recording(f, primals, {}, range(len(primals)), "jvp", has_aux)
    tangent = run.push(tangents, retain=has_aux)
    return (run.value(), tangent, run.value(run.aux)) if has_aux else (run.value(), tangent)


def check_directions(name: str, primals: Any, tangents: Any) -> None:
    """Refuse primals and tangents that are no tuples, or not as many."""
    tuples = isinstance(primals, (tuple, list)) and isinstance(tangents, (tuple, list))
    if not tuples or len(primals) != len(tangents):
        raise GraphError(
            f"{name}: one tangent for each primal", primals=_count(primals), tangents=_count(tangents),
            fix=f"give both as tuples, e.g. pb.{name}(f, (x,), (t,))",
        )  # fmt: skip


def _count(values: Any) -> Any:
    return len(values) if isinstance(values, (tuple, list)) else type(values).__name__


def linearize(f: Callable[..., Any], *primals: Any) -> tuple[Any, Callable[..., Any]]:
    """(f(x), t ↦ ∂f/∂x · t): the value and the linear map at it, recorded once and applied as often as wanted.

    >>> y, push = linearize(lambda x: x**2, 3.0)
    >>> push(1.0), push(2.0)
    (Tensor(6.), Tensor(12.))
    """
    run = Recording(f, primals, {}, range(len(primals)), "linearize")

    def push(*tangents: Any) -> Any:
        return run.push(tangents, retain=True)

    return run.value(), push


explain_keywords(globals())
