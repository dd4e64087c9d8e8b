"""Check the documentation: every link leads somewhere, and every `>>>` example prints what it says.

Called by `scripts/docs` and `scripts/check`.
"""

from __future__ import annotations

import doctest
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final
from urllib.parse import unquote

ROOT: Final = Path(__file__).resolve().parent.parent

FENCE: Final = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
LINK: Final = re.compile(
    r"\]\(\s*<?([^)>\s]+)>?[^)]*\)|^\[[^\]]+\]:\s*(\S+)|<(?:img|a)\s[^>]*(?:src|href)=\"([^\"]+)\"", re.MULTILINE
)
HEADING: Final = re.compile(r"^#{1,6}\s+(.+?)\s*#*$", re.MULTILINE)


# Under docs/, what the build of the site makes from the code and the checkout; it checks these itself.
MADE: Final = ("reference", "gallery", "contributing.md", "changelog.md")


def made(path: Path) -> bool:
    """Whether a page is one that the build of the site makes."""
    docs = ROOT / "docs"
    return path.is_relative_to(docs) and path != docs and path.relative_to(docs).parts[0] in MADE


def pages() -> list[Path]:
    """List every page of the documentation that is written by hand."""
    written = (page for page in (ROOT / "docs").rglob("*.md") if not made(page))
    return [*sorted(ROOT.glob("*.md")), *sorted(written)]


@cache
def prose(page: Path) -> str:
    """Leave out a page's code, in which brackets are no links."""
    return re.sub(r"`[^`\n]*`", "", FENCE.sub("", page.read_text(encoding="utf-8")))


@cache
def anchors(page: Path) -> frozenset[str]:
    """List the anchors that GitHub gives to a page's headings."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    return frozenset(re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in HEADING.findall(text))


def broken_links(page: Path) -> Iterator[str]:
    """Find each link of a page to a file or heading of this checkout that is not there."""
    for link in (next(filter(None, groups)) for groups in LINK.findall(prose(page))):
        if re.match(r"[a-z]+:", link):
            continue  # the web's own pages are not ours to check, and tests run offline
        path, _, anchor = unquote(link).partition("#")
        target = (page.parent / path).resolve() if path else page
        if made(target):
            continue
        if not target.exists():
            yield f"{page.relative_to(ROOT)}: {link} leads to no file"
        elif anchor and target.suffix == ".md" and anchor not in anchors(target):
            yield f"{page.relative_to(ROOT)}: {link} leads to no heading"


def main() -> None:
    """Check all pages; leave with status 1 if something is wrong."""
    complaints = [complaint for page in pages() for complaint in broken_links(page)]
    options = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    results = [
        doctest.testfile(str(page), module_relative=False, optionflags=options, encoding="utf-8") for page in pages()
    ]
    failed, attempted = (sum(counts) for counts in zip(*results, strict=True))
    print(*complaints, sep="\n", end="\n" if complaints else "")
    print(f"docs: {len(pages())} pages, {len(complaints)} broken links, {attempted} examples, {failed} failed")
    sys.exit(bool(complaints or failed))


if __name__ == "__main__":
    main()
