"""Write the list of primitives into docs/primitives.md: kind, derivative, kinks, batching, compilation, checks of each.

`python -m scripts.primitives` writes the part between the page's two marks, from the rows that run; tests compare it.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

from scripts.site import rules
from scripts.site.formulas import WRITTEN
from tests.linalg.cases import CASES as LINALG
from tests.ops.cases import CASES
from tests.special.cases import CASES as SPECIAL

from pullback.batching import rules as many
from pullback.compiler.facts import ROWS, Row
from pullback.compiler.facts.row import RECORDED
from pullback.core.errors import PullbackError
from pullback.core.kinds import Elementwise
from pullback.core.primitive import OPERAND_NAMES, Primitive
from pullback.visualize.mathematics import slopes

ROOT: Final = Path(__file__).resolve().parent.parent
PAGE: Final = ROOT / "docs" / "primitives.md"
BEGIN: Final = "<!-- scripts/primitives.py writes from here -->\n"
END: Final = "<!-- to here -->\n"

KINDS: Final = {
    "f": "floating point",
    "i": "integers",
    "u": "integers without signs",
    "b": "truths",
    "c": "complex numbers",
}
LONG: Final = "longer than a line"
OPERATORS: Final = {"**": "power", "/": "divide", "%": "mod"}  # as the table of kinks writes them


def of_kinds(kinds: str) -> str:
    """Dtypes, in words."""
    return ", ".join(KINDS[kind] for kind in kinds)


def ways(row: Row) -> Iterator[str]:
    """How a primitive becomes native code, in words."""
    if row.instructions is not None:
        yield f"instructions in a loop: {of_kinds(row.instructions.kinds)}"
    if row.places is not None:
        yield "a view: the loops that use it read where it says"
    if row.definition is not None:
        yield "others, as its kernel does it" if row.definition == RECORDED else "others that give the same"
    if row.accumulator is not None:
        yield f"an accumulator in a loop: {of_kinds(row.accumulator.kinds)}"
    if row.running is not None:
        yield "an accumulator, of which all values are stored"
    if row.parts is not None:
        yield "parts: each is stored in its place by the loop that makes it"
    if row.indexed is not None:
        yield {"reads": "loads", "writes": "stores"}[row.indexed] + " in a loop at places that numbers say"
    if row.contraction:
        yield "code for its shapes, or a call of BLAS"
    if row.pairs is not None:
        yield "of complex numbers pairs of real ones"
    if row.kernel:
        yield f"NumPy's kernel: {row.kernel}"


@cache
def printed() -> dict[str, str]:
    """What primitives that are not elementwise give back, as the rules say it."""
    return {name: given.replace("`", "") for f in rules.APPLIED.values() for name, given in rules.pulled(f)}


def derivative(primitive: Primitive) -> str:
    """The derivative of a primitive, as a formula."""
    if not primitive.differentiable or primitive.name in ("answer", "find"):
        return "none"
    if primitive.name in WRITTEN:
        return WRITTEN[primitive.name]
    if not isinstance(primitive, Elementwise):
        return printed().get(primitive.name, LONG)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some are defined at whole numbers alone
        try:
            found = slopes(primitive)
        except PullbackError:
            return LONG
    names = OPERAND_NAMES[len(primitive.rules)]
    parts = [(name, slope or LONG) for name, slope, rule in zip(names, found, primitive.rules, strict=True) if rule]
    return parts[0][1] if len(names) == 1 else "; ".join(f"∂{name} = {slope}" for name, slope in parts)


@cache
def kinked() -> dict[str, list[str]]:
    """By the name of a function: where its derivative is a convention, as docs/kinks.md has it."""
    found: dict[str, list[str]] = {}
    for line in (ROOT / "docs" / "kinks.md").read_text(encoding="utf-8").splitlines():
        row = re.match(r"^\| `([^`]*)` \| (?:`([^`]*)`|where `([^`]*)`) \|", line)
        if row is None:
            continue
        operator = next((name for sign, name in OPERATORS.items() if f"x{sign}" in row[1].replace(" ", "")), "")
        name = operator or row[1].partition("(")[0]
        found.setdefault(name, []).append(row[2] or row[3].replace("|", "\\|"))
    return found


def kinks(primitive: Primitive) -> str:
    """Where the derivative of a primitive is a convention: the first points of the table of kinks."""
    points = list(dict.fromkeys(kinked().get(primitive.name, [])))
    shown = ", ".join(f"`{point}`" for point in points[:2])
    return f"{shown} and {len(points) - 2} more" if len(points) > 2 else shown


def batched(primitive: Primitive) -> str:
    """How a primitive does many examples at once, in words."""
    rule: Any = primitive.batching
    if rule is None:
        return "no"
    if rule in (many.elementwise, many.as_it_is):
        return "as it is"
    if rule is many.reduction or getattr(rule, "__qualname__", "").startswith("in_front"):
        return "behind the batch"
    return "by a rule of its own"


def checks(primitive: Primitive) -> str:
    """Which tests a primitive passes, in words: of its own rows, else through those that use it."""
    names = {primitive.name, f"{primitive.name}_"}
    own = [c for c in CASES if names & {c.primitive or c.name, f"{c.name}_"} or c.call is primitive]
    found: dict[str, None] = {}
    if any(case.differentiable and "numbers" not in case.skips for case in own):
        found |= dict.fromkeys(("differences to order 3",))
    if any(case.analytic for case in own):
        found |= dict.fromkeys(("complex step",))
    if any(case.truth is not None for case in own):
        found |= dict.fromkeys(("mpmath",))
    if any(case.linear for case in own):
        found |= dict.fromkeys(("adjoint",))
    if own and not any(case.differentiable for case in own):
        found |= dict.fromkeys(("values",))
    if any(case.name == primitive.name for case in SPECIAL):
        found |= dict.fromkeys(("mpmath to order 2",))
    if any(case.name == primitive.name for case in LINALG):
        found |= dict.fromkeys(("differences to order 2",))
    return ", ".join(found) or "through others"


def table() -> str:
    """The table of all primitives."""
    lines = ["| Primitive | Kind | Derivative | Kinks | Many at once | Compiled, it becomes | Checked by |"]
    lines.append("| --- | --- | --- | --- | --- | --- | --- |")
    for primitive, row in ROWS.items():
        kind = type(primitive).__name__.lstrip("_")
        slope = derivative(primitive).replace("|", "\\|")
        cells = [f"`{primitive.name}`", f"`{kind}`", slope if slope in ("none", LONG) else f"`{slope}`"]
        cells += [kinks(primitive), batched(primitive), "; ".join(ways(row)), checks(primitive)]
        lines.append(f"| {' | '.join(cells)} |".replace("|  |", "| |"))
    return "\n".join(lines) + "\n"


def page() -> str:
    """The page with its table as the rows say it."""
    before, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
    return before + BEGIN + "\n" + table() + "\n" + END + rest.split(END)[1]


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
