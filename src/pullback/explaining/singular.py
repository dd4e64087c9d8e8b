"""Why a value, or a derivative, is NaN or infinite where what went in was finite: the rows, by primitive."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from pullback.core.modes import current_mode
from pullback.core.primitive import Primitive
from pullback.explaining.case import Case, Reason, Rule, first_of, known, numbers_of
from pullback.ops import elementwise as ew
from pullback.ops import reductions

_KEEP: Final = "keep it above 0: pb.clip(x, 1e-12, None), x + 1e-12, or pb.where before it"


def _any(test: Callable[[Any], Any], cause: str, fix: str, place: int = 0) -> Rule:
    """A reason that holds where an operand has such an element."""

    def rule(case: Case) -> Reason | None:
        return (cause, fix) if case.some(case.made.operands[place], test) else None

    return rule


def _outside(name: str, domain: str, test: Callable[[Any], Any]) -> Rule:
    return _any(test, f"{name} outside of {domain}", f"pb.clip to {domain} first, a little inside")


def _zero(x: Any) -> Any:
    return x == 0


def _negative(x: Any) -> Any:
    return x < 0


_LOG: Final = (
    _any(_negative, "log of a negative number", _KEEP),
    _any(_zero, "log of 0", f"{_KEEP}; of a softmax use log_softmax, and losses that take logits"),
)
_DIVIDED: Final = _any(
    _zero, "division by 0", "x / (y + 1e-12), or pb.where(y == 0, 0, x / y): what it leaves out contributes nothing", 1
)
_EMPTY: Final[Rule] = lambda case: (  # noqa: E731  # a row, as the others
    ("of no elements there is no mean", "look at the mask or index that left none")
    if np.size(case.made.operands[0]) == 0 else
    ("too few elements: there are no degrees of freedom left", "correction=0, or more elements")
)  # fmt: skip

# Of values.
VALUES: Final[dict[Primitive, tuple[Rule, ...]]] = {
    ew.log: _LOG, ew.log2: _LOG, ew.log10: _LOG,
    ew.log1p: (_any(lambda x: x < -1, "log of a negative number: x < −1", _KEEP),
               _any(lambda x: x == -1, "log of 0: x = −1", _KEEP)),
    ew.sqrt: (_any(_negative, "square root of a negative number", "pb.clip(x, 0, None), or abs(x)"),),
    ew.divide: (_DIVIDED,), ew.floor_divide: (_DIVIDED,), ew.mod: (_DIVIDED,),
    ew.reciprocal: (_any(_zero, "division by 0", "x + 1e-12, or pb.where before it"),),
    ew.power: (
        _any(_negative, "a negative number has no such power", "abs(x), or a whole exponent"),
        _any(_zero, "0 to a negative power", _KEEP),
    ),
    ew.arcsin: (_outside("arcsin", "[-1, 1]", lambda x: abs(x) > 1),),
    ew.arccos: (_outside("arccos", "[-1, 1]", lambda x: abs(x) > 1),),
    ew.arctanh: (_outside("arctanh", "(-1, 1)", lambda x: abs(x) >= 1),),
    ew.arccosh: (_outside("arccosh", "[1, ∞)", lambda x: x < 1),),
    reductions.mean_: (_EMPTY,), reductions.var_: (_EMPTY,), reductions.std_: (_EMPTY,),
}  # fmt: skip

_AWAY: Final = "keep away from the singular point: a small number added inside, or pb.where before it"

# Of derivatives.
SLOPES: Final[dict[Primitive, tuple[Rule, ...]]] = {
    ew.sqrt: (_any(_zero, "√x has an infinite slope at 0",
                   "√(x + 1e-12); of a length pb.norm, whose derivative at 0 is 0"),),
    ew.cbrt: (_any(_zero, "the cube root has an infinite slope at 0", _AWAY),),
    ew.power: (_any(_zero, "such a power has an infinite slope at 0", _AWAY),
               _any(_negative, "a negative base has no derivative in the exponent", "keep the exponent constant")),
    ew.log: (_any(_zero, "log has an infinite slope at 0", _AWAY),),
    ew.arcsin: (_any(lambda x: abs(x) == 1, "arcsin has an infinite slope at ±1", _AWAY),),
    ew.arccos: (_any(lambda x: abs(x) == 1, "arccos has an infinite slope at ±1", _AWAY),),
    ew.arccosh: (_any(lambda x: x == 1, "arccosh has an infinite slope at 1", _AWAY),),
    ew.divide: (_DIVIDED,),
}  # fmt: skip


def _overflow(case: Case) -> Reason | None:
    """What came out is infinite, and nothing that went in was."""
    dtype = getattr(case.made.result, "dtype", None)
    if dtype is None or dtype.kind not in "fc":
        return None
    return (
        f"overflow: beyond the largest {dtype}, {np.finfo(dtype).max:.6g}",
        "smaller numbers: subtract the largest before exp, use logsumexp, clip gradients; or a wider dtype",
    )


def _zero_times_infinity(case: Case) -> Reason | None:
    """As IEEE 754 multiplies, where the user asked for that."""
    strict = current_mode().strict_nan
    if strict and case.step is not None and case.some(case.step.cotangent, _zero):
        return "0·∞: a slope that is infinite where the cotangent is 0", "without pb.strict_nan() the 0 wins"
    return None


def _custom(case: Case) -> Reason | None:
    if case.own:
        return "its own rule gives it", "look at the rule: pb.testing.check_grads compares it with numbers"
    return None


def why_value(case: Case) -> Reason:
    """Why the result of an operation on finite numbers is not finite."""
    rules = (*VALUES.get(case.made.primitive, ()), *((_overflow,) if numbers_of(case.made.result).infinite else ()))
    return first_of(rules, case, ("the operation is not defined here", "keep the operands inside of its domain"))


def why_slope(case: Case) -> Reason:
    """Why the derivative of an operation, at finite numbers and with a finite cotangent, is not finite."""
    infinite = case.step is not None and numbers_of(case.step.contributions.get(case.place)).infinite
    rules = (_zero_times_infinity, *SLOPES.get(case.made.primitive, ()), _custom, *((_overflow,) if infinite else ()))
    return first_of(rules, case, ("the derivative does not exist here", _AWAY))


def why_mixed(case: Case) -> Reason:
    """Why an operation on infinities gave NaN."""
    signs = [np.sign(x[np.isinf(x)]) for x in map(np.asarray, filter(known, case.made.operands)) if x.dtype.kind == "f"]
    names: dict[Primitive, str] = {ew.multiply: "0·∞", ew.divide: "∞ / ∞", ew.subtract: "∞ − ∞", ew.add: "∞ − ∞"}
    what = names.get(case.made.primitive) or ("∞ − ∞" if sum(map(np.size, signs)) else "NaN")
    return f"{what}: infinities met here", "see where the infinity came from"
