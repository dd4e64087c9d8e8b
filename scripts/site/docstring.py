"""A docstring as Markdown: its paragraphs, its sections, and its examples with a button to copy them."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from textwrap import dedent
from typing import Any, Final

_SECTION: Final = re.compile(r"^(\S[^\n]*)\n-{3,}\n", re.MULTILINE)
_LISTED: Final = {"Parameters", "Attributes", "Returns", "Yields", "Raises", "Warns"}  # names, each with what is said
_ESCAPED: Final = re.compile(r"([\\*_<>\[\]|#~{}$!&])")
_WORDS: Final = re.compile(r"(``.+?``|`[^`\n]+`)", re.DOTALL)


def markdown(thing: Any, *, short: bool = False) -> str:
    """What the docstring of a thing says, as Markdown; `short` is its first paragraph."""
    text = inspect.getdoc(thing) or ""
    if short:
        return _text(text.partition("\n\n")[0])
    before, *rest = _SECTION.split(text)
    parts = [*_body(before)]
    for title, body in zip(rest[::2], rest[1::2], strict=True):
        parts.append(f"**{title}**")
        listed, mark, example = body.partition("\n\n>>>") if title in _LISTED else ("", "", body)
        parts += [*_entries(listed), *_body(mark.strip() + example)]
    return "\n\n".join(part for part in parts if part.strip())


def summary(thing: Any) -> str:
    """The first sentence of a docstring, as one line of Markdown."""
    first = (inspect.getdoc(thing) or "").partition("\n\n")[0].replace("\n", " ")
    return _text(re.split(r"(?<=[.!?]) (?=[A-Z`])", first)[0])


def _body(text: str) -> Iterator[str]:
    """Paragraphs, examples, and what is set as it stands: tables and formulas."""
    for block in re.split(r"\n\s*\n", text.strip("\n")):
        lines = block.splitlines()
        if not lines:
            continue
        if lines[0].lstrip().startswith(">>>"):
            yield f"```pycon\n{inspect.cleandoc(block)}\n```"
        elif any(re.fullmatch(r"\s*[=-]{3,}[\s=-]*", line) for line in lines) or all(
            line.startswith("    ") for line in lines
        ):
            yield f"```text\n{inspect.cleandoc(block)}\n```"
        else:
            example = next((place for place, line in enumerate(lines) if line.startswith(">>>")), len(lines))
            yield _text("\n".join(lines[:example]))
            if example < len(lines):
                yield "```pycon\n" + "\n".join(lines[example:]) + "\n```"


def _entries(text: str) -> Iterator[str]:
    """Names, types, and what is said about each, as a list."""
    entries = re.split(r"\n(?=\S)", dedent(text).strip())
    rows = []
    for entry in entries:
        head, _, said = entry.partition("\n")
        if not head:
            continue
        name, colon, kind = head.partition(" : ")
        shown = f"**`{name}`**"
        shown += f" *({kind.strip().replace('*', '')})*" if colon and kind.strip() else ""
        told = _text(" ".join(inspect.cleandoc(said).split()))
        rows.append(f"- {shown}{': ' if told else ''}{told}")
    if rows:
        yield "\n".join(rows)


def _text(text: str) -> str:
    """Text in which nothing but code and lists means anything to Markdown."""
    parts = _WORDS.split(text)
    made = "".join(
        f"`{part.strip('`')}`" if place % 2 else _ESCAPED.sub(r"\\\1", part) for place, part in enumerate(parts)
    )
    return re.sub(r"^(\s*)([+=])", r"\1\\\2", made, flags=re.MULTILINE)
