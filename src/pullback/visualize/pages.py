"""A page in one file: styles, scripts and data are put into a template, and nothing comes from elsewhere."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from pullback.visualize.svg import clean

PAGE: Final = Path(__file__).parent / "page"

# What may not stand in JSON within HTML: what could end a script, and what turns text around.
_UNSAFE: Final = re.compile("[<>&\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def assembled(
    template: Path, styles: Sequence[Path], scripts: Sequence[Path], title: str, data: Mapping[str, Any], blob: str = ""
) -> str:
    """Fill a template, behind the head that all pages have.

    What comes from outside stands in JSON, in which no < can end a script, or is escaped.
    """
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    text = _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
    parts = {
        "TITLE": clean(title), "STYLE": "\n".join(map(_part, styles)), "SCRIPT": "\n".join(map(_part, scripts)),
        "DATA": text, "BLOB": blob,
    }  # fmt: skip
    whole = (PAGE / "head.html").read_text(encoding="utf-8") + template.read_text(encoding="utf-8")
    before, *rest = whole.split("{{")
    return before + "".join(parts[name] + after for name, _, after in (piece.partition("}}") for piece in rest))


def _part(path: Path) -> str:
    """A file of the page, without what is there for people who read the source."""
    lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("//"))
