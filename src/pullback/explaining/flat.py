"""Why an operation gave nothing back of a cotangent that is not 0: the rows, by primitive."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from pullback.core.kinds import BilinearMap, Elementwise, strong_multiply
from pullback.core.primitive import Primitive
from pullback.explaining.case import Case, Reason, Rule, first_of, numbers_of
from pullback.ops import cross_entropy, indexing, movement, reductions, rows
from pullback.ops import elementwise as ew

_SATURATED: Final = "use a loss that takes logits, scale what comes in, or begin with smaller weights"
_STEPS: Final = "for a straight-through gradient, x + (f(x) − x).detach(); or a smooth stand-in"


def _if(holds: Callable[[Case], bool], cause: str, fix: str) -> Rule:
    return lambda case: (cause, fix) if holds(case) else None


def _always(cause: str, fix: str) -> Rule:
    return lambda case: (cause, fix)


def _saturated(name: str) -> Rule:
    return _if(
        lambda case: case.some(case.x, lambda x: abs(x) > 3),
        f"saturated: {name} is flat this far out, to the last digit", _SATURATED,
    )  # fmt: skip


CANCELLED: Final = (
    "the parts of the gradient cancel: what it adds in one place it takes away in another",
    "look for terms that undo each other; a bias before a normalization, or the sum of a softmax, can be left out",
)
_DEAD: Final = _if(
    lambda case: case.holds(case.x, lambda x: x <= 0),
    "dead: what comes in is at most 0 wherever a gradient comes back, and relu is flat there",
    "leaky_relu or gelu, a smaller learning rate, another bias at the start",
)
_NOT_CHOSEN: Final = "another operand is chosen everywhere: this one has no say"
_COMPARE: Final = "compare what is chosen from: print both; a soft maximum (pb.logaddexp) lets both learn"

# What moves numbers: nothing comes back to some where the gradient is that of others.
MOVED: Final = {
    movement.reshape_, movement.permute_, movement.flip_, movement.roll_, movement.concatenate_, movement.stack_,
    movement.pad_, movement.tril_, movement.triu_,
}  # fmt: skip

ROWS: Final[dict[Primitive, tuple[Rule, ...]]] = {
    ew.relu: (_DEAD,),
    ew.clip_: (
        _if(lambda case: case.place == 0, "outside of the bounds: clip is flat there",
            "wider bounds, or a smooth bound such as tanh"),
        _always("no element is at this bound", "a bound learns only where it limits"),
    ),
    ew.maximum: (
        _if(lambda case: any(case.holds(x, lambda x: x == 0) for x in case.others),
            "dead: the other operand, 0, is larger wherever a gradient comes back",
            "leaky_relu or gelu, a smaller learning rate, another bias at the start"),
        _always(_NOT_CHOSEN, _COMPARE),
    ),
    ew.minimum: (_always(_NOT_CHOSEN, _COMPARE),),
    ew.select: (_always("the condition takes the other branch everywhere", "look at the condition"),),
    ew.absolute: (_if(lambda case: case.holds(case.x, lambda x: x == 0), "|x| has derivative 0 at 0 exactly",
                      "begin elsewhere than at 0"),),
    **dict.fromkeys(
        (ew.sign_, ew.floor, ew.ceil, ew.trunc, ew.rint, ew.floor_divide),
        (_always("a step: it is flat wherever it has a derivative", _STEPS),),
    ),
    ew.square: (_if(lambda case: case.holds(case.x, lambda x: x == 0), "x² is flat at 0, and x is 0",
                    "it is at the minimum already, or begin elsewhere than at 0"),),
    ew.power: (
        _if(lambda case: case.place == 0 and case.holds(case.at(case.made.operands[1]), lambda n: n == 0),
            "the exponent is 0: x⁰ is a constant", "another exponent"),
        _if(lambda case: case.place == 0 and case.holds(case.x, lambda x: x == 0),
            "the base is 0, where the power is flat", "begin elsewhere than at 0"),
    ),
    ew.exp: (_if(lambda case: case.holds(case.y, lambda y: y == 0), "underflow: eˣ is 0 for so negative an x",
                 "subtract the largest x first, as softmax and logsumexp do"),),
    ew.sigmoid: (_saturated("sigmoid"),),
    ew.tanh: (_saturated("tanh"),),
    ew.erf: (_saturated("erf"),),
    ew.arctan: (_saturated("arctan"),),
    ew.softsign: (_saturated("softsign"),),
    ew.softplus: (_saturated("softplus"),),
    ew.logits_cross_entropy: (_always(
        "the logits are so sure, and right, that the loss does not change", "there is nothing left to learn here"),),
    cross_entropy.cross_entropy_: (_always(
        "the logits are so sure, and right, that the loss does not change",
        "nothing is left to learn here; else scale the logits down"),),
    reductions.max_: (_always("other elements are the largest: these have no say", "logsumexp lets all have a say"),),
    reductions.min_: (_always("other elements are the least: these have no say",
                               "−logsumexp(−x) lets all have a say"),),
    reductions.prod_: (_always(
        "several of the numbers are 0, and so is each product of the others", "begin elsewhere than at 0"),),
    reductions.norm_: (_always("the norm has derivative 0 where all numbers are 0", "begin elsewhere than at 0"),),
    reductions.std_: (_always("all numbers are equal: there is no spread to follow", "numbers that differ"),),
    reductions.var_: (_always("all numbers are equal, where the variance is flat", "numbers that differ"),),
    **dict.fromkeys(
        (indexing.get_, rows.rows_),
        (_if(lambda case: case.place == 0, "the elements that a gradient comes back to are not taken by this index",
             "look at the index"),),
    ),
    indexing.put_: (_always("all of it that counts is written over", "assign to fewer elements"),),
}  # fmt: skip


def _other_is_zero(case: Case) -> Reason | None:
    """One factor of a product is 0 wherever it counts."""
    primitive, others = case.made.primitive, case.others
    if not isinstance(primitive, BilinearMap) and primitive not in (ew.multiply, strong_multiply):
        return None
    if others and case.holds(case.at(others[0]), lambda x: x == 0):
        return "the other factor is 0 everywhere", "look at the mask, or do not begin with weights of 0"
    return None


def _overflowed(case: Case) -> Reason | None:
    """An infinite slope met a 0, which wins."""
    if any(numbers_of(x).infinite for x in (*case.made.operands, case.made.result)):
        return (
            "overflow: infinity on the way, and a derivative of exactly 0 wins over it",
            "keep it finite: subtract the largest first, use logsumexp or log1p; pb.strict_nan() shows the NaN",
        )
    return None


def _underflow(case: Case) -> Reason | None:
    """Both factors are something, and their product is not."""
    slope = case.slope
    if slope is not None and case.some(slope, lambda s: s != 0):
        smallest = np.finfo(np.asarray(case.made.result).dtype).smallest_subnormal
        return f"underflow: the product is less than the least number, {smallest:.3g}", (
            "a wider dtype, or scale the loss (pb.optim.LossScaler)"
        )
    return None


def _turned(case: Case) -> Reason | None:
    """What comes back to a real number is imaginary."""
    primitive, cotangent = case.made.primitive, None if case.step is None else case.step.cotangent
    operand = case.made.operands[case.place]
    if isinstance(cotangent, tuple) or np.asarray(cotangent).dtype.kind != "c" or np.asarray(operand).dtype.kind == "c":
        return None
    slope = 1.0 if primitive is movement.cast_ else case.slope
    if slope is None or np.any(np.real(moved := slope * case.at(cotangent))) or not np.any(moved):
        return None
    return (
        "the part of the complex result that counts is the one that this real number does not move",
        "look at real and imag: take the other part, or abs",
    )


def _cancelled(case: Case) -> Reason | None:
    """What is added up is not 0, and its sum is."""
    made, slope = case.made, case.slope
    if isinstance(made.primitive, Elementwise):
        stretched = case.step is not None and np.size(made.operands[case.place]) < np.size(case.step.cotangent)
        adds = stretched and case.some(slope, lambda s: s != 0)
    else:
        adds = isinstance(made.primitive, BilinearMap) or made.primitive is movement.broadcast_to_
    return CANCELLED if adds else None


def _empty(case: Case) -> Reason | None:
    if np.size(case.made.operands[case.place]) == 0:
        return "it has no elements", "look at the mask or index that left none"
    return None


def _custom(case: Case) -> Reason | None:
    if case.own:
        return "its own rule gives 0", "look at the rule: pb.testing.check_grads compares it with numbers"
    return None


def why_flat(case: Case) -> Reason:
    """Why an operand got nothing."""
    own = ROWS.get(case.made.primitive, ())
    rules = (_empty, _other_is_zero, _overflowed, *own, _turned, _cancelled, _underflow, _custom)
    return first_of(rules, case, ("it is flat where it is", "look at the range of its operands"))
