"""`PULLBACK_CHECK=1`: each call of a program is also done by the function itself, and the two are compared.

What both change is put back in between, so that nothing is done twice. Bits must be the same. Where the program adds in
another order, or has an elementary function of its own, numbers may differ by 2¹⁰ units in the last place of the
largest number of their array.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from pullback.compiler.calls.call import MISFIT, Call
from pullback.compiler.calls.guarded import GuardedProgram
from pullback.compiler.calls.state import State
from pullback.core.errors import CompileCheckError
from pullback.core.tree import leaves, structure
from pullback.programs.effects import Effects
from pullback.programs.identity import PLAIN, frozen
from pullback.programs.program import Equation

BOUND: Final = 2**10  # in units of the last place


def checked(name: str, program: GuardedProgram, call: Call, f: Callable[..., Any], run: Callable[[], Any]) -> Any:
    """The result of the program, run as it always is, after the function's own was found to be the same.

    Raises CompileCheckError where they differ; names the output, the worst place, and both values.
    """
    made = program.raw
    before, given = State.of(made), [x.copy() if type(x) is np.ndarray else x for x in call.arrays]
    effects = Effects(program.seen.changing)
    arrays = [(x, then) for x, then in zip(call.arrays, given, strict=True) if type(x) is np.ndarray]
    drawn = {id(generator.bit_generator) for generator in made.program.generators}
    try:
        expected = call.plainly(f)
        after, written = State.of(made), [x.copy() for x, _ in arrays]
        change = effects.change(besides=drawn)
    finally:
        effects.undo()
        before.restore()
        for x, then in arrays:
            if x.flags.writeable:
                x[...] = then
    if change is not None:
        raise CompileCheckError(f"{name}: the function does what its program does not", changed=change)
    copied = [x.copy() if isinstance(x, np.ndarray) else x for x in leaves(expected)]  # which the program may write to
    result = run()
    if result is MISFIT:
        return result
    if structure(expected) != structure(result):
        raise CompileCheckError(
            f"{name}: the result has another structure", function=structure(expected), program=structure(result)
        )
    exact = not any(map(_rounds, made.program.equations))
    for number, (a, b) in enumerate(zip(copied, leaves(result), strict=True)):
        _compare(name, f"result {number}", getattr(a, "array", a), getattr(b, "array", b), exact=exact)
    now = State.of(made)
    for (label, a), (_, b) in zip(after.named(), now.named(), strict=True):
        _compare(name, label, a, b, exact=exact)
    for label, a, (b, _) in zip(call.names, written, arrays, strict=False):
        _compare(name, label, a, b, exact=exact)
    for (_, a), (_, b) in zip(after.generators, now.generators, strict=True):
        if str(a) != str(b):
            raise CompileCheckError(f"{name}: the program drew other random numbers than the function")
    return result


def _rounds(equation: Equation) -> bool:
    """Whether native code may differ from NumPy in the last places: of complex numbers, as NumPy fuses products."""
    from pullback.compiler.facts import row_of  # which takes longer to load than all that calls need

    row = row_of(equation.primitive)
    return row.rounds or (
        callable(row.pairs) and any(o.spec.dtype.kind == "c" for o in (equation.output, *equation.values))
    )


def _compare(name: str, output: str, expected: Any, got: Any, *, exact: bool) -> None:
    if not isinstance(expected, (np.ndarray, np.generic)) or not isinstance(got, (np.ndarray, np.generic)):
        if type(expected) is not type(got) and (expected is None or got is None):
            raise CompileCheckError(f"{name}: only one of function and program gave {output}")
        if isinstance(expected, PLAIN) and isinstance(got, PLAIN) and frozen(expected) != frozen(got):
            raise CompileCheckError(
                f"{name}: {output} is not what the function gives", function=repr(expected), program=repr(got),
                fix="the function depends on what is out of sight: pass it as an argument",
            )  # fmt: skip
        return
    if (expected.shape, expected.dtype) != (got.shape, got.dtype):
        raise CompileCheckError(
            f"{name}: {output} has another shape or dtype", function=f"{expected.dtype}{list(expected.shape)}",
            program=f"{got.dtype}{list(got.shape)}",
        )  # fmt: skip
    a, b = np.atleast_1d(expected), np.atleast_1d(got)
    same = (a == b) & (np.signbit(a) == np.signbit(b)) if a.dtype.kind == "f" else a == b
    if a.dtype.kind in "fc":
        same |= np.isnan(a) & np.isnan(b)
    if same.all():
        return
    with np.errstate(invalid="ignore", over="ignore"):
        away = np.where(same, 0, np.abs(np.subtract(a, b, dtype=np.result_type(a, float))))
    away[np.isnan(away)] = np.inf  # one is NaN, or they are different infinities
    bound = 0.0
    if not exact and a.dtype.kind in "fc":
        size = np.abs(a[np.isfinite(a)])
        bound = BOUND * float(np.finfo(a.dtype).eps) * float(size.max(initial=0))
    if exact or float(away.max()) > bound:
        worst = np.unravel_index(int(away.argmax() if away.max() else np.argmin(same)), a.shape)
        raise CompileCheckError(
            f"{name}: {output} is not what the function gives", place=str(tuple(map(int, worst[: expected.ndim]))),
            function=repr(a[worst]), program=repr(b[worst]), bound=f"{bound:.3g}" if bound else "the same bits",
            fix="report it: this is a mistake of the compiler",
        )  # fmt: skip
