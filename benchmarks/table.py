"""The table: one block a work, one row a contestant, and one more for each further target."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median
from typing import Final, NamedTuple

from contest import COMPARISONS, Target
from measures import FIRST, MEASURES, as_time
from race import Results

# A negative width aligns to the right.
WIDTHS: Final = {
    "work": 18, "contestant": 17, "median": -14, "first call": -10, "compared": -22, "target": -22, "met?": -5,
}  # fmt: skip


class Verdict(NamedTuple):
    """What a target came to; None where one of the two was not measured."""

    target: Target
    value: float | None

    @property
    def met(self) -> bool | None:
        """Whether the value is at most the limit."""
        return None if self.value is None else self.value <= self.target.limit


def verdicts(results: Results) -> list[Verdict]:
    """What the targets of a work came to."""
    return [
        Verdict(t, results.compared(t.measure, t.contestant, t.against, t.comparison)) for t in results.work.targets
    ]


def line(*cells: str) -> str:
    """The cells in their columns."""
    columns = zip(cells, WIDTHS.values(), strict=True)
    return "  ".join(c.rjust(-w) if w < 0 else c.ljust(w) for c, w in columns).rstrip()


def heading() -> str:
    """The names of the columns, underlined."""
    return f"{line(*WIDTHS)}\n{line(*('─' * abs(width) for width in WIDTHS.values()))}"


def comparison_text(value: float, measure: str, against: str, comparison: str) -> str:
    """A compared figure in words: 1.21 × numpy."""
    how = COMPARISONS[comparison]
    number = f"{value:.2f}" if how.plain else MEASURES[measure].show(value)
    return f"{number} {how.text.format(against)}".strip()


def target_cells(verdict: Verdict) -> tuple[str, str, str]:
    """The last three cells of a row that has a target."""
    t, value = verdict
    limit = f"≤ {comparison_text(t.limit, t.measure, t.against, t.comparison)}"
    if value is None:
        return "", limit, "-"
    return comparison_text(value, t.measure, t.against, t.comparison), limit, "yes" if verdict.met else "NO"


def compared_cells(results: Results, measure: str, name: str) -> list[tuple[str, str, str]]:
    """The last three cells of a contestant's rows: its targets, or without any how it compares with the reference."""
    asked = [v for v in verdicts(results) if (v.target.contestant, v.target.measure) == (name, measure)]
    if asked:
        return [target_cells(verdict) for verdict in asked]
    work = results.work
    value = None if name == work.reference else results.compared(measure, name, work.reference, work.comparison)
    text = "" if value is None else comparison_text(value, measure, work.reference, work.comparison)
    return [(text, "", "")]


def block(results: Results) -> Iterator[str]:
    """The rows of a work."""
    work = results.work
    yield f"{work.name}: {work.title}"
    for measure, names in work.measured().items():
        for name in names:
            if samples := results.samples.get((measure, name)):
                first, *more = compared_cells(results, measure, name)
                figure = MEASURES[measure].show(median(samples)) + ("" if measure == "time" else f" {measure}")
                call = as_time(median(results.samples[FIRST, name])) if measure == "time" else ""
                yield line(work.name, name, figure, call, *first)
                yield from (line("", "", "", "", *cells) for cells in more)
            elif name in results.failed:
                yield line(work.name, name, "left out" if name in work.optional else "failed", "", "", "", "")
