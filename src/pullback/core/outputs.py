"""Primitives of several outputs: each output is picked from the tuple of all."""

from __future__ import annotations

from typing import Any

from pullback.core.kinds import LinearMap


def _place(cotangent: Any, outputs: Any, index: int) -> Any:
    return tuple(cotangent if i == index else None for i in range(len(outputs)))


def _picked(primitive: Any, _level: Any, operands: Any, _batched: Any, params: dict[str, Any]) -> Any:
    return primitive(*operands, **params)  # each output has the batch in front


pick_ = LinearMap("pick", lambda outputs, index: outputs[index], _place, batching=_picked, doc="One output of several.")


def outputs_of(result: Any) -> Any:
    """The outputs of a primitive as tensors of their own, where it has several."""
    outputs = result.array
    while (held := getattr(outputs, "held", None)) is not None:
        outputs = held.array  # of all examples of a `vmap`
    return tuple(pick_(result, index=i) for i in range(len(outputs))) if isinstance(outputs, tuple) else result
