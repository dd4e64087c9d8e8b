"""`check_grads`: the derivatives of a function against numbers, in all nestings of modes, to any order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple, final

import numpy as np

from pullback.core.errors import GradientCheckError, OptionError
from pullback.testing.contract import check_contract
from pullback.testing.entries import table
from pullback.testing.leafwise import Arguments, Flat, Function
from pullback.testing.probes import Comparison, direction
from pullback.transforms.forward import jvp
from pullback.transforms.reverse import vjp

_MODES: Final = ("forward", "reverse")


class Finding(NamedTuple):
    """What one comparison covered: `mode` is the nesting of modes, as in "forward over reverse"."""

    order: int
    mode: str
    entries: int
    coverage: str
    kinks: int
    largest_difference: float

    def cells(self) -> list[str]:
        """The finding as a row of a table."""
        covered = [f"{self.entries:,}", self.coverage, str(self.kinks)]
        return [str(self.order), self.mode, *covered, f"{self.largest_difference:.2g}"]


@final
class Report:
    """What `check_grads` has compared; prints as a table.

    Attributes
    ----------
    findings : tuple of Finding
        One for each nesting of modes.
    kinks : tuple of str
        Where one-sided derivatives differ; there a derivative must lie between them.
    sampled : bool
        Whether directions stood for the entries of a Jacobian, because there are too many of them.
    """

    def __init__(self, findings: Sequence[Finding], kinks: Sequence[str]) -> None:
        self.findings = tuple(findings)
        self.kinks = tuple(kinks)
        self.sampled = any(finding.coverage != "every entry" for finding in findings)

    def __repr__(self) -> str:
        header = ["order", "mode", "entries", "coverage", "kinks", "largest difference"]
        return "\n".join(table([header, *(finding.cells() for finding in self.findings)]))


def check_grads(
    f: Callable[..., Any], *args: Any, modes: Sequence[str] = _MODES, order: int = 1, rtol: float = 1e-9,
    kinks: str = "between", limit: int = 2048, rng: int = 0,
) -> Report:  # fmt: skip
    """Compare ∂f/∂x, entry by entry, with differences of f that are extrapolated to step 0.

    The numbers are checked in float64, complex ones in both of their parts, along the real and the imaginary
    direction. A tolerance is the estimated error of its own entry, plus `rtol` times
    the entry; it does not grow with the size of anything. In the dtype that was given it is checked that
    gradients have the dtype and shape of their values and at least half of the digits, that pulling twice
    gives the same, and that no input changes. Higher orders differentiate the products of lower ones with
    fixed directions, in all nestings of the modes.

    Parameters
    ----------
    f : callable
        Takes and gives trees (nested tuples, lists, dicts) of tensors.
    *args
        Its arguments: trees of floats, arrays or tensors. What is not floating-point stays as it is.
    modes : sequence of {"forward", "reverse"}
        Each is compared with the numbers, and with the other.
    order : int
        How many times to differentiate: 1, 2, 3 …
    rtol : float
        Relative error that is forgiven on top of the estimated one.
    kinks : {"between", "raise"}
        Where one-sided derivatives differ, a derivative must lie between them, and the report lists the
        place; or it is an error. Where f jumps, or a slope is infinite, it always is one.
    limit : int
        With more numbers than this in the arguments or in the outputs, 40 of them and 24 directions through
        all stand for the entries, with the adjoint identity ⟨u, J t⟩ = ⟨Jᵀ u, t⟩; the report says so.
    rng : int
        Seed of the directions.

    Returns
    -------
    Report
        What was compared.

    Raises
    ------
    GradientCheckError
        With the worst entries: where they are, both values, their difference and its tolerance.
    OptionError, DTypeError
        If an option is not known, or nothing is floating-point.

    Source of the differences: Ridders (1982); see `pullback.testing.numerical`.

    >>> import pullback as pb
    >>> check_grads(lambda x: pb.sin(x) * x, np.array([1.0, 2.0]), order=2).sampled
    False
    """
    if isinstance(modes, str) or not modes or not set(modes) <= set(_MODES):
        raise OptionError("check_grads: unknown modes", got=modes, fix='modes=("forward", "reverse")')
    if order < 1:
        raise OptionError("check_grads: the order is 1 or more", got=order)
    if kinks not in ("between", "raise"):
        raise OptionError("check_grads: unknown treatment of kinks", got=kinks, fix='"between" or "raise"')
    arguments = Arguments(args)
    name = getattr(f, "__name__", type(f).__name__)
    function = arguments.leafwise(f)
    check_contract(function, arguments.given, arguments.names, modes)
    generator = np.random.default_rng(rng)
    findings: list[Finding] = []
    places: dict[str, None] = {}
    nestings: list[tuple[str, Function]] = [("", function)]
    for level in range(1, order + 1):
        deeper = []
        for inner, derived in nestings:
            flat = Flat(derived, arguments.given)
            if not np.isfinite(flat.value).all():
                raise GradientCheckError(
                    f"check_grads: the derivative in {inner} mode is not finite at this point", function=name,
                    order=level - 1, fix="choose a point away from the kink, the jump or the singular point",
                )  # fmt: skip
            comparison = Comparison(flat, arguments.names, limit, generator)
            for mode, tally in comparison.run(modes, rtol, forbid_kinks=kinks == "raise").items():
                nesting = f"{mode} over {inner}" if inner else mode
                tally.verdict(nesting, function=name, order=level)
                findings.append(
                    Finding(level, nesting, tally.entries, comparison.coverage, len(tally.kinks), tally.largest)
                )
                places |= dict.fromkeys(tally.kinks)
                if mode in modes:
                    deeper.append((nesting, _derivative(derived, mode, flat, generator)))
        nestings = deeper
    return Report(findings, list(places))


def _derivative(function: Function, mode: str, flat: Flat, generator: np.random.Generator) -> Function:
    """The derivative of a function in one mode, times a fixed direction: a function of the same leaves."""
    if mode == "reverse":
        cotangents = tuple(direction(leaf, generator) for leaf in flat.outputs)
        return lambda *xs: vjp(function, *xs)[1](cotangents)
    tangents = tuple(direction(leaf, generator) for leaf in flat.inputs)
    return lambda *xs: jvp(function, xs, tangents)[1]
