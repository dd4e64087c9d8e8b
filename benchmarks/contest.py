"""What a benchmark says: a work, its contestants, and how fast Pullback wants to be at it.

A module in `works/` states `Work` objects, and for each contestant a function that sets it up and gives a *step*: a
callable without arguments that does the work once and gives its numbers. Heavy libraries are imported inside these
functions, so that a contestant's process loads its own library and no other.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, final

import works

Step = Callable[[], Any]
SetUp = Callable[[], Step]

COMPILED: Final = "pullback compiled"  # the contestant that most targets are of


class Comparison(NamedTuple):
    """How a contestant's figure is set against another's: a number, and whether that number has no unit."""

    of: Callable[[float, float], float]
    text: str
    plain: bool


COMPARISONS: Final = {
    "ratio": Comparison(lambda own, other: own / other, "× {}", plain=True),
    "excess": Comparison(lambda own, other: own - other, "over {}", plain=False),
    "alone": Comparison(lambda own, _other: own, "", plain=False),
}


@final
@dataclass(frozen=True)
class Target:
    """The figure of `contestant`, compared with that of `against`, is to be at most `limit`."""

    limit: float
    against: str = ""
    comparison: str = "ratio"
    contestant: str = "pullback"
    measure: str = "time"


@final
class Work:
    """One piece of work that every contestant does.

    Attributes
    ----------
    name, title : str
        What it is called on the command line, and what it is.
    reference : str
        The contestant that those without a target are compared with.
    measure : str
        What is measured of all contestants, a row of `measures.MEASURES`; a target may ask for another of some.
    comparison : str
        How, a row of COMPARISONS.
    tolerance : float
        How far the contestants' numbers may be apart, absolutely for those below 1, relatively for others.
    contestants : dict
        By name, the functions that set them up.
    uncompared, optional : set of str
        The contestants whose numbers are not compared, and those that may fail.
    """

    def __init__(
        self, name: str, title: str, *targets: Target, reference: str = "numpy", measure: str = "time",
        comparison: str = "ratio", tolerance: float = 1e-9,
    ) -> None:  # fmt: skip
        self.name, self.title = name, title
        self.targets, self.reference = targets, reference
        self.measure, self.comparison, self.tolerance = measure, comparison, tolerance
        self.contestants: dict[str, SetUp] = {}
        self.uncompared: set[str] = set()
        self.optional: set[str] = set()

    def contestant(self, name: str, *, compared: bool = True, optional: bool = False) -> Callable[[SetUp], SetUp]:
        """Enter a contestant.

        Parameters
        ----------
        name : str
            Its first word is the library that it needs.
        compared : bool
            False where it does a part of the work only, so that its numbers are not those of the others.
        optional : bool
            It needs what not every machine has, as a C++ compiler: where it fails, it is left out by name.
        """

        def enter(set_up: SetUp) -> SetUp:
            self.contestants[name] = set_up
            self.uncompared |= set() if compared else {name}
            self.optional |= {name} if optional else set()
            return set_up

        return enter

    def both_ways(self, of_pullback: Callable[[Callable[[Any], Any]], Step]) -> Callable[[Callable[[Any], Any]], Step]:
        """Enter Pullback's two contestants: `of_pullback` is told what prepares a function, nothing or `pb.compile`."""

        def compiled() -> Step:
            import pullback as pb

            return of_pullback(pb.compile)

        self.contestant("pullback")(lambda: of_pullback(lambda f: f))
        self.contestant(COMPILED)(compiled)
        return of_pullback

    def measured(self) -> dict[str, list[str]]:
        """For each measure, the contestants that it is taken of."""
        others = {target.measure for target in self.targets} - {self.measure}
        asked = {m: {n for t in self.targets if t.measure == m for n in (t.contestant, t.against)} for m in others}
        chosen = {m: [name for name in self.contestants if name in names] for m, names in sorted(asked.items())}
        return {self.measure: list(self.contestants), **chosen}


def library(contestant: str) -> str:
    """The module that a contestant needs."""
    return contestant.split()[0]


def every_work() -> dict[str, Work]:
    """All works by name, in the order of their modules."""
    names = sorted(module.name for module in pkgutil.iter_modules(works.__path__))
    modules = [importlib.import_module(f"works.{name}") for name in names]
    found = [value for module in modules for value in vars(module).values() if isinstance(value, Work)]
    return {work.name: work for work in found}


def chosen_works(names: Sequence[str]) -> list[Work]:
    """The works whose names begin with one of `names`; all where there are none."""
    return [work for work in every_work().values() if not names or work.name.startswith(tuple(names))]
