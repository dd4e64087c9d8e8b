"""Write the names of other libraries, from `src/pullback/elsewhere.py`, into docs/how-to/coming-from.md.

`python scripts/coming_from.py` writes the part between the page's two marks; tests compare it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pullback.elsewhere import TABLES, Row

PAGE: Final = Path(__file__).resolve().parent.parent / "docs" / "how-to" / "coming-from.md"
BEGIN: Final = "<!-- scripts/coming_from.py writes from here -->\n"
END: Final = "<!-- to here -->\n"

# How a library writes the owners of the tables.
PACKAGES: Final = {
    "PyTorch": "torch.", "JAX": "jax.", "autograd": "autograd.", "TensorFlow": "tf.", "Keras": "keras.",
    "MyGrad": "mg.", "tinygrad": "tinygrad.", "NumPy": "np.",
}  # fmt: skip
PLACES: Final = {
    "pullback": "", "pullback.nn": "nn.", "pullback.optim": "optim.", "pullback.functions.random": "random.",
    "pullback.data": "data.",
}  # fmt: skip


def theirs(table: str, library: str, row: Row) -> str:
    """What is written elsewhere, as code."""
    names = row.names.split()
    if table == "keyword":
        return ", ".join(f"`{name}=`" for name in names)
    before = {"Tensor": "x.", "Module": "model."}.get(table) or PACKAGES[library] + PLACES[table]
    return ", ".join([f"`{before}{names[0]}`", *(f"`{name}`" for name in names[1:])])


def names() -> Iterator[str]:
    """The lines of the page's tables, library by library."""
    for library in PACKAGES:
        found = [(table, row) for table, rows in TABLES.items() for row in rows if library in row.source.split(", ")]
        yield from (f"### Names of {library}", "", f"| {library} | Pullback |", "| --- | --- |")
        for table, row in found:
            ways = "; ".join(f"`{way}`" for way in row.here.split("; ") if way)
            yield f"| {theirs(table, library, row)} | {'; '.join(filter(None, (ways, row.note)))} |"
        yield ""


def written(page: str) -> str:
    """The page with its part written anew."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + BEGIN + "\n" + "\n".join(names()) + END + after


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
