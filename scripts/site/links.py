"""Links of a page that lead out of the documentation: on the site they lead to a page there, or are plain text."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

# Files of the checkout that are pages of the site too, by the names of both.
PAGES: Final = {"README.md": "index.md", "CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}

_CODE: Final = re.compile(r"(^(```|~~~).*?^\2|`[^`\n]*`)", re.MULTILINE | re.DOTALL)
_LINK: Final = re.compile(r"\[([^\]\n]*)\]\(([^)\s]+)\)")


def write(docs: Path) -> None:
    """Write the pages that are files of the checkout."""
    for name, page in PAGES.items():
        if page != "index.md":
            text = (docs.parent / name).read_text(encoding="utf-8")
            (docs / page).write_text(inside(docs, page, text, docs.parent), encoding="utf-8")


def inside(docs: Path, name: str, text: str, written: Path | None = None) -> str:
    """Rewrite the links of `docs / name`: those that lead out of `docs`, or all of a page `written` elsewhere."""
    here = (docs / name).parent

    def link(found: re.Match[str]) -> str:
        said, target = found.groups()
        path, _, anchor = target.partition("#")
        if re.match(r"[a-z]+:", target) or not path:
            return found[0]
        place = ((written or here) / path).resolve()
        if place.is_relative_to(docs):
            page = place / "index.md" if place.is_dir() else place
        elif place.name in PAGES:
            page = docs / PAGES[place.name]
        else:
            return said
        return f"[{said}]({os.path.relpath(page, here)}{'#' * bool(anchor)}{anchor})"

    parts = _CODE.split(text)  # text, then code and its fence, in turn
    return "".join(_LINK.sub(link, part) if at % 3 == 0 else part for at, part in enumerate(parts) if at % 3 < 2)
