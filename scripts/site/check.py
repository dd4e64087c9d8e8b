"""Check a built site: each link leads to a page, a file or a heading of it, and nothing is asked of the network.

`python -m scripts.site.check build/site`
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Final, final
from urllib.parse import unquote, urldefrag

MOST: Final = 20_000_000  # bytes of the whole site


@final
class _Page(HTMLParser):
    """The ids of a page, its links, and what it loads."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id" and value:
                self.ids.add(value)
            elif value and (name == "src" or (name == "href" and tag == "link")):
                self.loads.append(value)
            elif value and name == "href" and tag == "a":
                self.links.append(value)


def complaints(site: Path) -> Iterator[str]:
    """What is wrong with a site."""
    pages = {path.resolve(): _Page(path) for path in sorted(site.rglob("*.html"))}
    for path, page in pages.items():
        name = path.relative_to(site.resolve())
        for target in page.loads:
            if re.match(r"(https?:)?//", target):
                yield f"{name}: {target} is loaded from the network"
        for target in {*page.links, *page.loads}:
            if re.match(r"[a-z]+:|//", target):
                continue
            address, anchor = urldefrag(target)
            place = (path.parent / unquote(address.partition("?")[0])).resolve() if address else path
            if not place.exists():
                yield f"{name}: {target} leads nowhere"
            elif anchor and place.suffix == ".html" and unquote(anchor) not in pages[place].ids:
                yield f"{name}: {target} leads to no heading"
    size = sum(path.stat().st_size for path in site.rglob("*") if path.is_file())
    if size > MOST:
        yield f"the site has {size:,} bytes, of at most {MOST:,}"


def main(site: Path) -> None:
    """Print what is wrong, and leave with status 1 if anything is."""
    found = list(complaints(site))
    pages = len(list(site.rglob("*.html")))
    size = sum(path.stat().st_size for path in site.rglob("*") if path.is_file())
    print(*found, f"site: {pages} pages, {size / 1e6:.1f} MB, {len(found)} complaints", sep="\n")
    sys.exit(bool(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
