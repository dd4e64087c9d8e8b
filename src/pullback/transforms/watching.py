"""Watching a function run: each primitive that it applies, with its operands and its result."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple, final

import numpy as np

from pullback.core.arrays import as_operand, differentiable
from pullback.core.modes import ModeContext, current_mode
from pullback.core.primitive import Primitive
from pullback.core.walks import track
from pullback.tensors import Tensor

_AS_THEY_ARE: Final = (Tensor, int, float, complex, type(None), np.generic)  # bool is an int


class Step(NamedTuple):
    """One application of a primitive."""

    primitive: Primitive
    operands: tuple[Any, ...]
    params: dict[str, Any]
    result: Tensor


@final
class Steps:
    """What is watched while a function runs: each primitive that is applied. Who watches already goes on to.

    A tracked value is known by its node; what was detached has none, and is a constant.
    """

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self._outer = current_mode().trace

    @property
    def draws(self) -> int:
        """How often random numbers were drawn."""
        return 0 if self._outer is None else self._outer.draws

    def apply(self, primitive: Primitive, operands: tuple[Any, ...], params: dict[str, Any]) -> Any:
        """Apply a primitive as it is applied outside, and note it."""
        operands = tuple([x if isinstance(x, _AS_THEY_ARE) else _held(x) for x in operands])
        with ModeContext(trace=self._outer):
            result = primitive(*operands, **params)
        self.steps.append(Step(primitive, operands, params, result))
        return result

    def write(self, tensor: Any, result: Any) -> None:
        """Give a tensor another value, and with it another node."""
        with ModeContext(trace=self._outer):
            tensor.become(result)

    def __getattr__(self, name: str) -> Any:
        """What else a trace is told: who watches outside is."""
        return _ignored if self._outer is None else getattr(self._outer, name)


def _ignored(*_: Any) -> None:
    pass


def _held(operand: Any) -> Any:
    whole = Primitive.gathered(operand)
    return whole if whole is not operand else np.array(as_operand(operand))


class Formula(NamedTuple):
    """What a function did: the arguments that it was given, the steps, and its results."""

    arguments: list[Tensor]
    steps: list[Step]
    results: Any


def recorded(f: Callable[..., Any], arguments: Sequence[Tensor]) -> Formula:
    """What f does at arguments: it runs once, on sources of its own."""
    watching: Any = Steps()
    given = [track(x.array) if differentiable(x.dtype) else Tensor.of(x.array) for x in arguments]
    with ModeContext(recording=True, trace=watching, exits=None), np.errstate(all="ignore"):
        results = f(*given)
    return Formula(given, watching.steps, results)
