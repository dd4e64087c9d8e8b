"""Write the list of primitives, and how each is compiled, from the compiler's rows into docs/primitives.md.

`python scripts/primitives.py` writes the part between the page's two marks; tests compare it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pullback.compiler.facts import ROWS, Row
from pullback.compiler.facts.row import RECORDED

PAGE: Final = Path(__file__).resolve().parent.parent / "docs" / "primitives.md"
BEGIN: Final = "<!-- scripts/primitives.py writes from here -->\n"
END: Final = "<!-- to here -->\n"

KINDS: Final = {"f": "floating point", "i": "integers", "u": "integers without signs", "b": "truths"}


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
    if row.kernel:
        yield f"NumPy's kernel: {row.kernel}"


def table() -> str:
    """The table of all primitives."""
    lines = ["| Primitive | It becomes |", "| --- | --- |"]
    lines += [f"| `{primitive.name}` | {'; '.join(ways(row))} |" for primitive, row in ROWS.items()]
    return "\n".join(lines) + "\n"


def page() -> str:
    """The page with its table as the rows say it."""
    before, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
    return before + BEGIN + "\n" + table() + "\n" + END + rest.split(END)[1]


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
