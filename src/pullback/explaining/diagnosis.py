"""What `explain` has found: for each tensor how its gradient is, and what made it so."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple, final

from pullback.core.errors import message
from pullback.core.views import Sheet, html_of

_SHOWN: Final = 5  # findings of one gradient
_NAMED: Final = 6  # tensors of which the names are told
_LINES: Final = "(a graph keeps no lines: pb.explain(lambda: loss_of(w), w) names them)"

# What is said of a gradient, by its state.
SAID: Final = {
    "none": "there is no gradient of {}",
    "zero": "the gradient of {} is 0",
    "rounding": "the gradient of {} is 0 but for rounding",
    "nan": "the gradient of {} is NaN",
    "infinite": "the gradient of {} is infinite",
    "finite": "the gradient of {} is there",
}


class Finding(NamedTuple):
    """One thing that made a gradient what it is.

    Attributes
    ----------
    op : str
        The operation, or the way out of the graph; empty where it is none.
    cause, fix : str
        Why, and what to do about it.
    operands : str
        Shapes and ranges of what went in.
    line, layer : str
        The user's line, and the module that was being computed; empty where they are not known.
    """

    op: str
    cause: str
    fix: str = ""
    operands: str = ""
    line: str = ""
    layer: str = ""

    @property
    def facts(self) -> dict[str, object]:
        """What is known, by name, as errors print it."""
        return {name: fact for name in ("op", "layer", "line", "operands", "cause", "fix") if (fact := self._at(name))}

    def _at(self, name: str) -> str:
        return str(getattr(self, name))


class Verdict(NamedTuple):
    """The gradient of one tensor: `state` is none, zero, rounding, nan, infinite or finite.

    Attributes
    ----------
    name : str
        What the tensor is called; else its shape.
    state : str
        How the gradient is. "rounding" is a sum that is 0 but for its last digits.
    gradient : array or None
        The gradient itself.
    facts : dict
        What is known of it, for a person.
    findings : tuple of Finding
        What made it so, the most telling first.
    """

    name: str
    state: str
    gradient: Any
    facts: dict[str, object]
    findings: tuple[Finding, ...]


@final
class Diagnosis(Sequence[Verdict]):
    """The verdicts on the gradients that were asked for; prints itself, and is a table in notebooks."""

    def __init__(self, verdicts: Sequence[Verdict]) -> None:
        self.verdicts = tuple(verdicts)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All findings, each once."""
        return tuple(dict.fromkeys(found for verdict in self.verdicts for found in verdict.findings))

    @property
    def well(self) -> bool:
        """Whether all gradients are there, finite and not 0."""
        return all(verdict.state == "finite" and not verdict.findings for verdict in self.verdicts)

    def __len__(self) -> int:
        return len(self.verdicts)

    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, str):
            return next(verdict for verdict in self.verdicts if verdict.name == place)
        return self.verdicts[place]

    def _groups(self) -> Iterator[tuple[str, Verdict]]:
        """What is said of tensors with the same findings, once, and the first of them."""
        groups: dict[Any, list[Verdict]] = {}
        for verdict in self.verdicts:
            groups.setdefault((verdict.state, verdict.findings, verdict.facts.get("but")), []).append(verdict)
        for group in groups.values():
            names = [verdict.name for verdict in group]
            more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
            yield SAID[group[0].state].format(", ".join(names[:_NAMED]) + more), group[0]

    def __repr__(self) -> str:
        parts = []
        for said, verdict in self._groups():
            first, *rest = verdict.findings or (None,)
            parts.append(message(said, {**verdict.facts, **(first.facts if first else {})}))
            parts += [message("and", found.facts) for found in rest[: _SHOWN - 1] if found]
        if any(found.op and not (found.line or found.layer) for found in self.findings):
            parts.append(_LINES)
        return "\n".join(parts) or "explain: no gradient was asked for"

    def _repr_html_(self) -> str | None:
        rows = []
        for said, verdict in self._groups():
            for found in verdict.findings[:_SHOWN] or (Finding("", ""),):
                rows.append((said, found.op, found.cause, found.operands, found.line or found.layer, found.fix))
                said = ""
        return html_of(Sheet("explain", ("gradient", "operation", "cause", "operands", "line", "repair"), rows))
