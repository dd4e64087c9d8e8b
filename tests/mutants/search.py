"""Showing mutants to what should notice them, one after the other, until one does."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import islice
from typing import Any, Final, NamedTuple

import numpy as np
from tests.mutants import checks
from tests.mutants.lowered import Lowered, of_lowering
from tests.mutants.sites import Mutant, of_batching, of_derivatives
from tests.mutants.subjects import Subject, subjects

from pullback.compiler import pipeline
from pullback.compiler.facts import ROWS, answers, complex_numbers
from pullback.compiler.facts import convolutions as windowed
from pullback.compiler.facts.matrices import unsigned_eigh_
from pullback.ops import complex_parts, convolutions
from pullback.ops.discrete import answer_
from pullback.ops.linalg import spectra

AnyMutant = Mutant | Lowered
KINDS: Final = ("derivatives", "batching", "lowering")

# What the compiler makes of other primitives, and nobody calls.
MADE_OF: Final[dict[Any, Any]] = {
    complex_numbers.complex_: complex_parts.conj_,
    unsigned_eigh_: spectra.eigh_,
    answers.signbit_: answer_, answers.nextafter_: answer_, answers.exponent_: answer_,
    windowed.correlate_: convolutions.conv_, windowed.correlate_weight_: convolutions.conv_weight_,
}  # fmt: skip
# Its derivative is asked for in the third derivative of a spectrum alone, which no check takes.
OUT_OF_REACH: Final = (spectra.asked_,)


class Fate(NamedTuple):
    """What became of a mutant: it died, and by which subject; it survived; or it changes nothing anywhere."""

    mutant: AnyMutant
    end: str  # "died", "survived", "changes nothing", "never shown"
    by: str = ""


def mutants(kinds: Iterable[str] = KINDS) -> Iterator[AnyMutant]:
    """Every mutant of some kinds, primitive by primitive."""
    for primitive in ROWS:
        if "derivatives" in kinds and primitive not in OUT_OF_REACH:
            yield from of_derivatives(primitive)
        if "batching" in kinds:
            yield from of_batching(primitive)
        if "lowering" in kinds:
            yield from of_lowering(primitive)


def shown(subject: Subject, kind: str, *, derived: bool = False, complexes: bool = False) -> None:
    """Make the check that should notice; it raises."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        if kind == "lowering":
            checks.lowering(subject, gradient=derived, complexes=complexes)
        elif kind == "batching":
            checks.batching(subject, gradient=derived)
        else:
            checks.derivatives(subject, kind, twice=derived or kind == "second", complexes=complexes)


@cache
def is_sound(subject: Subject, kind: str, derived: bool, complexes: bool) -> bool:  # a key of the cache
    """Whether the check passes where nothing is wrong: else it says nothing."""
    try:
        shown(subject, kind, derived=derived, complexes=complexes)
    except Exception:  # noqa: BLE001  # whatever it is, this subject does not tell
        return False
    return True


def candidates(mutant: AnyMutant) -> Iterator[tuple[Subject, bool, bool]]:
    """The subjects that use the primitive of a mutant; whether only in a derivative; whether with complex arguments."""
    primitive = MADE_OF.get(mutant.primitive, mutant.primitive)
    using = [(subject, False) for subject in subjects() if primitive in subject.primitives]
    using += [(subject, True) for subject in subjects() if primitive in subject.derived]
    of_derivative = isinstance(mutant, Mutant) and mutant.kind != "batching"
    if of_derivative:
        using = [(subject, derived) for subject, derived in using if subject.differentiable]
    if isinstance(mutant, Lowered) and mutant.complexes:
        yield from ((subject, False, True) for subject in subjects() if primitive in subject.of_complexes)
        return
    if mutant.change != "conjugate":
        yield from ((subject, derived, False) for subject, derived in using)
    if of_derivative:
        yield from ((subject, derived, True) for subject, derived in using if subject.complexes is not None)


def fate(mutant: AnyMutant, most: int | None = None) -> Fate:
    """Show a mutant to one subject after the other, until it dies; to so many at most."""
    kind = "lowering" if isinstance(mutant, Lowered) else mutant.kind
    mutant.touched = False
    seen = False
    for subject, derived, complexes in islice(candidates(mutant), most):
        if not is_sound(subject, kind, derived, complexes):
            continue
        seen = True
        try:
            with mutant.at_work():
                shown(subject, kind, derived=derived, complexes=complexes)
        except Exception as error:  # noqa: BLE001  # that it is noticed at all is what counts
            return Fate(mutant, "died", f"{subject.name}: {type(error).__name__}")
    if not seen:
        return Fate(mutant, "changes nothing" if mutant.change == "conjugate" else "never shown")
    return Fate(mutant, "survived" if mutant.touched else "changes nothing")


def natively() -> Any:
    """Let all programs run natively, whether it pays or not; gives what undoes it."""
    before = pipeline.unpaid
    pipeline.unpaid = lambda *_: None  # type: ignore[assignment]  # for a while

    def back() -> None:
        pipeline.unpaid = before

    return back
