"""What a setting is: its meaning, what it accepts, and an example; one row each."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, final

WIDEST: Final = 1_000_000
LARGEST: Final = 1e300  # of a number
OPTIONS: Final = "options"  # the setting that is given as --set NAME=VALUE, again and again
ARGUMENT: Final = "factory"  # the one that is given without a name


@final
@dataclass(frozen=True)
class Row:
    """What a setting means, what it accepts, and an example: `accepts` gives the value, or None where it cannot be.

    `kind` is what its text on the command line is read as, where that is a number.
    """

    meaning: str
    accepts: Callable[[Any], Any]
    form: str
    example: Any
    metavar: str
    usual: str | None
    kind: type[int | float] | None

    def option(self, name: str, value: Any = None) -> str:
        """A value, or the example, as it stands on the command line."""
        shown = self.example if value is None else value
        flag = flag_of(name, on=shown is not False)
        if isinstance(shown, bool):
            return flag
        if isinstance(shown, Mapping):
            return " ".join(f"{flag} {key}={part}" for key, part in shown.items())
        if name == ARGUMENT:
            return str(shown)
        values = shown if isinstance(shown, tuple) else (shown,)
        return f"{flag} {','.join(map(str, values))}"


def flag_of(name: str, *, on: bool = True) -> str:
    """What a setting is called on the command line, or what turns it off.

    >>> flag_of("batch_size"), flag_of("compile", on=False), flag_of("options")
    ('--batch-size', '--no-compile', '--set')
    """
    return "--set" if name == OPTIONS else f"--{'' if on else 'no-'}{name.replace('_', '-')}"


def row(
    default: Any, meaning: str, accepts: Callable[[Any], Any], form: str, example: Any, metavar: str = "",
    usual: str | None = None,
) -> Any:  # fmt: skip
    """The field of a setting, with its row."""
    kind = {"N": int, "X": float, "P": float}.get(metavar)
    return field(default=default, metadata={"row": Row(meaning, accepts, form, example, metavar, usual, kind)})


def whole(least: int) -> Callable[[Any], Any]:
    """Whole numbers from `least` on."""
    return lambda value: value if type(value) is int and least <= value < 2**63 else None


def real(least: float, below: float = LARGEST) -> Callable[[Any], Any]:
    """Numbers from `least` to below another."""
    return lambda value: float(value) if type(value) in (int, float) and least <= value < below else None


def positive(value: Any) -> Any:
    """Numbers above 0."""
    return float(value) if type(value) in (int, float) and 0 < value < LARGEST else None


def one_of(*words: str) -> Callable[[Any], Any]:
    """Some words."""
    return lambda value: value if value in words else None


def text(value: Any) -> Any:
    """Text that is not empty, and that a file can hold."""
    return value if isinstance(value, str) and value.strip() and value.isprintable() else None


def flag(value: Any) -> Any:
    """Yes or no."""
    return value if type(value) is bool else None


def folder(value: Any) -> Any:
    """The name of a folder."""
    try:
        found = str(Path(value).expanduser().resolve()) if isinstance(value, (str, os.PathLike)) else None
        return found and found.encode().decode()  # a name that is no text cannot be written down
    except (ValueError, OSError, RuntimeError):  # a null character; a circle of links; no such user
        return None


def widths(value: Any) -> Any:
    """Give the widths of the hidden layers: 64, [128, 64], or "128,64" as the command line has it."""
    if isinstance(value, str):
        parts = value.replace(",", " ").split()
        value = [int(part) for part in parts] if all(map(_short, parts)) else None
    found = (value,) if type(value) is int else value
    whole = isinstance(found, (list, tuple)) and all(type(width) is int and 0 < width <= WIDEST for width in found)
    return tuple(found) if whole else None


def _short(number: str) -> bool:
    return number.isdecimal() and len(number) <= len(str(WIDEST))


def options(value: Any) -> Any:
    """Names and values that a factory takes: text, numbers, true and false."""
    plain = isinstance(value, Mapping) and all(
        isinstance(name, str) and name.isidentifier() and isinstance(part, (str, int, float, bool))
        for name, part in value.items()
    )
    return dict(value) if plain else None
