"""A finished picture: SVG that notebooks show and that is saved whole or not at all."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import final

from pullback.core.errors import OptionError


@final
class Picture:
    """An SVG picture; `str()` gives its text, a notebook shows it.

    >>> picture = Picture("<svg/>")
    >>> str(picture)
    '<svg/>'
    """

    __slots__ = ("_svg",)

    def __init__(self, svg: str) -> None:
        self._svg = svg

    def __str__(self) -> str:
        return self._svg

    def __repr__(self) -> str:
        return f"<Picture: SVG of {len(self._svg):,} characters; save('name.svg') writes it>"

    def _repr_svg_(self) -> str:
        return self._svg

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the picture to a file whose name ends in .svg, and give its path.

        The file is written beside its place and then moved there, so that an old one stays until the new one
        is whole.

        Raises
        ------
        OptionError
            When the name has another ending.
        """
        target = Path(path)
        if target.suffix.lower() != ".svg":
            raise OptionError(
                "draw: a picture is SVG",
                got=target.name,
                fix="end the name in .svg, and turn that into other formats with a browser or rsvg-convert",
            )
        return write_whole(target, self._svg)


def write_whole(target: Path, text: str) -> Path:
    """Write a file so that it is there whole or not at all."""
    scratch = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
    try:
        with scratch.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
        scratch.replace(target)
    except BaseException as error:
        scratch.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename is not None:  # the caller knows another name
            raise OSError(error.errno, error.strerror, str(target)) from error
        raise
    return target
