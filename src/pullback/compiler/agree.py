"""The contract: what was recorded twice must be the same, so that nothing that changes is frozen in silence."""

from __future__ import annotations

from typing import Any

from pullback.compiler.deduplicate import identity_of, said
from pullback.compiler.program import Equation, Program, Value
from pullback.core.errors import TraceError


def agree(first: Program, second: Program, name: str) -> None:
    """Raise TraceError, with the user's line, where two recordings of a function differ."""
    names: dict[Value, Any] = {}
    for number, (a, b) in enumerate(zip(first.inputs, second.inputs, strict=False)):
        names[a] = names[b] = f"input {number}"
    for number, (one, other) in enumerate(zip(first.equations, second.equations, strict=False)):
        _compare(one, other, names, name)
        names[one.output] = names[other.output] = number
    if len(first.equations) != len(second.equations):
        longer, shorter = (first, second) if len(first.equations) > len(second.equations) else (second, first)
        extra = longer.equations[len(shorter.equations)]
        raise TraceError(
            f"{name}: two calls did different things", once=f"{len(first.equations)} operations",
            then=f"{len(second.equations)} operations", first_extra=extra, line=extra.line,
            fix="a Python condition or loop depends on something that changes: pass it as a static argument",
        )  # fmt: skip


def _compare(one: Equation, other: Equation, names: dict[Value, Any], name: str) -> None:
    if (one.primitive.name, said(one.params)) != (other.primitive.name, said(other.params)):
        raise TraceError(
            f"{name}: two calls did different things", once=one, then=other, line=other.line,
            fix="a Python condition depends on something that changes: use pb.where, or pass it as a static argument",
        )  # fmt: skip
    for a, b in zip(one.operands, other.operands, strict=False):
        if isinstance(a, Value) and isinstance(b, Value):
            if names.get(a, a) != names.get(b, b):
                raise TraceError(
                    f"{name}: two calls combined different tensors", once=one, then=other, line=other.line,
                    fix="capture the same tensors at each call: change their values (t.assign), not the tensors",
                )  # fmt: skip
        elif isinstance(a, Value) or isinstance(b, Value) or identity_of(a) != identity_of(b):
            raise TraceError(
                f"{name}: {one.primitive.name} was given a number that changed between two calls",
                once=a, then=b, line=other.line,
                fix="keep what changes in a tensor (pb.tensor, t.assign), or pass it as an argument",
            )  # fmt: skip
