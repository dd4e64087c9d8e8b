"""The contract: what was recorded twice must be the same, so that nothing that changes is frozen in silence."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from pullback.core.errors import TraceError
from pullback.core.tree import leaves, structure
from pullback.programs.identity import PLAIN, frozen
from pullback.programs.program import Constant, Equation, Operand, Program, Value
from pullback.programs.record import Captured, Record
from pullback.tensors import Tensor

_IN_TENSORS = "keep what changes in a tensor (pb.tensor, t.assign), or pass it as an argument"
_BRANCH = "a Python condition or loop depends on something that changes: use pb.where, or pass it as a static argument"
_SAME_TENSORS = "use the same tensors at each call: change their values (t.assign) instead of making new ones"


def agree(first: Record, second: Record, changed: str | None = None) -> Record:
    """The second of two records of a function, with the NumPy arrays of both as inputs; or say where they differ.

    Parameters
    ----------
    first, second : Record
        Of two calls.
    changed : str, optional
        A variable that changed in between, for the message.

    Raises
    ------
    TraceError
        At the first difference; names it, the user's line, and the fix.
    """
    names: dict[Value, Any] = {}
    for made in (first, second):
        count = len(made.program.inputs) - len(made.captured)
        for number, value in enumerate(made.program.inputs):
            names[value] = -1 - number if number < count else made.captured[number - count].key
    name = second.program.name
    for number, (one, other) in enumerate(zip(first.program.equations, second.program.equations, strict=False)):
        if not _alike(one, other, names):
            first.program.renamed()
            second.program.renamed()
            _compare(one, other, names, name, changed)
        names[one.output] = names[other.output] = number
    _compare_lengths(first.program, second.program, changed)
    _compare_captured(first, second)
    _compare_results(first, second, names, changed)
    return with_arrays(first, second)


def _alike(one: Equation, other: Equation, names: dict[Value, Any]) -> bool:
    """Whether two equations are the same; `_compare` tells how they differ."""
    a, b = one.output, other.output
    if one.primitive is not other.primitive or a.shape != b.shape or a.dtype != b.dtype:
        return False
    if len(one.operands) != len(other.operands):
        return False
    for x, y in zip(one.operands, other.operands, strict=True):
        if type(x) is Value:
            if type(y) is not Value or names[x] != names[y]:
                return False
        elif type(y) is Value or not _equal(x.value, y.value):
            return False
    now = other.params
    if not one.params and not now:
        return True
    if one.params.keys() != now.keys():
        return False
    return all(value is now[param] or frozen(value) == frozen(now[param]) for param, value in one.params.items())


def _compare(one: Equation, other: Equation, names: dict[Value, Any], name: str, changed: str | None) -> None:
    if one.primitive.name != other.primitive.name or len(one.operands) != len(other.operands):
        raise TraceError(
            f"{name}: two calls did different things", **_both(one, other), changed=changed, line=other.line,
            fix=_BRANCH,
        )  # fmt: skip
    if one.primitive is not other.primitive:
        raise TraceError(
            f"{name}: an operation of your own was made anew", operation=one.primitive.name, line=other.line,
            fix=f"make {one.primitive.name} once, outside the function",
        )  # fmt: skip
    for param, value in one.params.items():
        now = other.params.get(param)
        if isinstance(value, np.random.Generator) and value is not now:
            raise TraceError(
                f"{name}: {one.primitive.name} drew from a generator that was made anew", line=other.line,
                fix="make the generator once, outside the function, or give a seed: rng=0",
            )  # fmt: skip
        if frozen(value) != frozen(now):
            raise TraceError(
                f"{name}: {one.primitive.name} was asked for something else",
                **_both(f"{param}={value!r}", f"{param}={now!r}"), changed=changed, line=other.line, fix=_BRANCH,
            )  # fmt: skip
    for a, b in zip(one.operands, other.operands, strict=True):
        _compare_operands(a, b, one, other, names, name, changed)
    if one.output.spec != other.output.spec:
        raise TraceError(
            f"{name}: {one.primitive.name} gave another shape or dtype",
            **_both(one.output.spec, other.output.spec), line=other.line,
            fix="shapes may depend on the shapes of arguments, not on numbers",
        )  # fmt: skip


def _compare_operands(
    a: Operand, b: Operand, one: Equation, other: Equation, names: dict[Value, Any], name: str, changed: str | None
) -> None:
    if isinstance(a, Value) or isinstance(b, Value):
        if _name(a, names) != _name(b, names):
            raise TraceError(
                f"{name}: two calls combined different tensors", **_both(one, other), changed=changed,
                line=other.line, fix=_SAME_TENSORS,
            )  # fmt: skip
    elif not _equal(a.value, b.value):
        array = getattr(b.value, "ndim", 0) > 0
        raise TraceError(
            f"{name}: {one.primitive.name} was given {'an array' if array else 'a number'} that changed between two "
            "calls", **_both(a.value, b.value), changed=changed, line=other.line,
            fix="draw with pb.random, or pass it as an argument" if array else _IN_TENSORS,
        )  # fmt: skip


def _name(operand: Operand, names: dict[Value, Any]) -> Any:
    return names[operand] if isinstance(operand, Value) else "constant"


def _equal(a: Any, b: Any) -> bool:
    """Whether two constants are the same, to the last bit."""
    if a is b:
        return True
    if type(a) is type(b) is float and a == b and a:
        return True
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray) and _memory(a) == _memory(b):
        return True
    if isinstance(a, (np.ndarray, np.generic)) and type(a) is type(b):
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    return bool(frozen(a) == frozen(b))


def _both(once: Any, then: Any) -> dict[str, str]:
    """What there was once and then, in words that differ."""
    texts = _shown(once), _shown(then)
    if texts[0] == texts[1] and getattr(once, "shape", None) == getattr(then, "shape", ()):
        a, b = np.atleast_1d(once), np.atleast_1d(then)
        bits = [np.ascontiguousarray(x).view(np.uint8).reshape(*x.shape, -1) for x in (a, b)]
        if a.dtype == b.dtype and len(place := np.argwhere((bits[0] != bits[1]).any(axis=-1))):
            at = tuple(map(int, place[0]))
            texts = f"{a[at]!r} at {at}", f"{b[at]!r} at {at}"
    if texts[0] == texts[1] and type(once) is type(then):
        texts = texts[0], f"another {texts[1]}"
    elif texts[0] == texts[1]:
        texts = f"{texts[0]} ({type(once).__name__})", f"{texts[1]} ({type(then).__name__})"
    return {"once": texts[0], "then": texts[1]}


def _shown(value: Any) -> str:
    if getattr(value, "ndim", 0) == 0:
        return str(value)
    return np.array2string(np.asarray(value), threshold=8, edgeitems=2, precision=4)


def _compare_lengths(first: Program, second: Program, changed: str | None) -> None:
    if len(first.equations) == len(second.equations):
        return
    longer, shorter = (first, second) if len(first.equations) > len(second.equations) else (second, first)
    extra = longer.equations[len(shorter.equations)]
    raise TraceError(
        f"{second.name}: two calls did different things", once=f"{len(first.equations)} operations",
        then=f"{len(second.equations)} operations", first_extra=extra, changed=changed, line=extra.line, fix=_BRANCH,
    )  # fmt: skip


def _compare_captured(first: Record, second: Record) -> None:
    for what in ("captured", "written"):
        once, then = ([c.label for c in getattr(made, what)] for made in (first, second))
        if [c.key for c in getattr(first, what)] != [c.key for c in getattr(second, what)]:
            raise TraceError(
                f"{second.program.name}: two calls {what.replace('written', 'wrote to')} different tensors",
                **_both(", ".join(once) or "none", ", ".join(then) or "none"), fix=_SAME_TENSORS,
            )  # fmt: skip
    if first.rewritten != second.rewritten or first.state.keys() != second.state.keys():
        raise TraceError(f"{second.program.name}: two calls wrote to different arguments", fix=_BRANCH)
    if list(map(id, first.cleared)) != list(map(id, second.cleared)):
        raise TraceError(
            f"{second.program.name}: two calls forgot different gradients",
            fix="call zero_grad() in each call, or in none",
        )  # fmt: skip


def _compare_results(first: Record, second: Record, names: dict[Value, Any], changed: str | None) -> None:
    name = second.program.name
    if structure(first.result) != structure(second.result):
        raise TraceError(
            f"{name}: two calls gave results of different structures",
            **_both(structure(first.result), structure(second.result)), changed=changed, fix=_BRANCH,
        )  # fmt: skip
    for number, (a, b) in enumerate(zip(first.program.outputs, second.program.outputs, strict=True)):
        constants = isinstance(a, Constant) and isinstance(b, Constant)
        if _equal(a.value, b.value) if constants else _name(a, names) == _name(b, names):  # type: ignore[union-attr]  # both are constants
            continue
        raise TraceError(
            f"{name}: two calls gave different tensors", result=number, changed=changed,
            fix=_IN_TENSORS if constants else _BRANCH,
        )  # fmt: skip
    for number, (a, b) in enumerate(zip(leaves(first.result), leaves(second.result), strict=True)):
        if _equal(a, b):
            continue
        values = [isinstance(x, (*PLAIN, np.ndarray)) for x in (a, b)]
        if all(values):
            raise TraceError(
                f"{name}: the result holds a value that changed", result=number, **_both(a, b),
                changed=changed, fix="give back tensors, in tuples, lists and dicts, and compute with tensors",
            )  # fmt: skip
        raise TraceError(
            f"{name}: the result holds an object that was made anew", result=number, changed=changed,
            **_both(*(v if plain else type(v).__name__ for v, plain in zip((a, b), values, strict=True))),
            fix="give back tensors and plain values, in tuples, lists and dicts, or make the object once, outside the "
            "function",
        )  # fmt: skip


def with_arrays(first: Record, second: Record) -> Record:
    """The second record, with each NumPy array that both used as an input: it is read at each call, for it may change.

    Arrays that were made anew, and are equal, stay constants.
    """
    before = {_memory(array) for array in _arrays(first.program)}
    inputs: dict[int, tuple[Captured, Value]] = {}
    for array in _arrays(second.program):
        if _memory(array) in before and id(array) not in inputs:
            captured = Captured(Tensor(array))
            inputs[id(array)] = captured, Value(array.shape, array.dtype, captured.label)
    if not inputs:
        return second

    def read(operand: Operand) -> Operand:
        known = inputs.get(id(operand.value)) if isinstance(operand, Constant) else None
        return operand if known is None else known[1]

    program = second.program
    made = replace(
        program,
        inputs=(*program.inputs, *(value for _, value in inputs.values())),
        equations=tuple(equation.on(tuple(map(read, equation.operands))) for equation in program.equations),
        outputs=tuple(map(read, program.outputs)),
    )
    return replace(second, program=made, captured=[*second.captured, *(captured for captured, _ in inputs.values())])


def _memory(array: Any) -> Any:
    """What is the same of arrays that see the same numbers: the array itself, or where a view lies."""
    if array.base is None:
        return id(array)
    return array.__array_interface__["data"][0], array.shape, array.strides, array.dtype.str


def _arrays(program: Program) -> list[Any]:
    operands = [operand for equation in program.equations for operand in equation.operands]
    constants = [o for o in (*operands, *program.outputs) if isinstance(o, Constant)]
    return [o.value for o in constants if isinstance(o.value, np.ndarray)]
