"""What is said about a compiled function, as text and as a table."""

from __future__ import annotations

from typing import final

from pullback.core.views import Sheet, html_of


@final
class Explanation(str):
    """Words about a compiled function, one thing a line; a notebook shows them as a table."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str | None:
        title, *lines = self.split("\n")
        return html_of(Sheet(title, ("what runs",), [(line,) for line in lines]))
