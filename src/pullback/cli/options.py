"""The options of `pullback train`: one for each row of the settings, made from it."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Annotated, Any, final, get_type_hints

import typer
from typer.core import TyperCommand

from pullback.core.errors import OptionError
from pullback.training.rows import ARGUMENT, OPTIONS, flag_of
from pullback.training.settings import DEFAULTS, ROWS


def with_settings(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command that takes `**settings` an option for each row, and the factory as an argument."""
    signature = inspect.signature(command)
    hints = get_type_hints(command, include_extras=True)
    own = [p.replace(annotation=hints[p.name]) for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
    made = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=_annotation(name))
        for name in ROWS
    ]
    made.sort(key=lambda parameter: parameter.name != ARGUMENT)
    keywords = [p.replace(kind=p.KEYWORD_ONLY) for p in own[1:]]
    parameters = [own[0].replace(kind=own[0].KEYWORD_ONLY), *made, *keywords]
    command.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]  # typer reads it
    command.__annotations__ = {p.name: p.annotation for p in parameters} | {"return": None}
    return command


def _annotation(name: str) -> Any:
    row = ROWS[name]
    usual = row.usual or ("" if DEFAULTS[name] is None else DEFAULTS[name])
    meaning = row.meaning + (f" [{usual}]" if usual not in ("", True) else " [--compile]" if usual is True else "")
    if name == ARGUMENT:
        return Annotated[str | None, typer.Argument(help=meaning, metavar="[MODULE:FACTORY]", show_default=False)]
    shared: Any = {"help": meaning, "show_default": False}
    if isinstance(row.example, bool):
        return Annotated[bool | None, typer.Option(f"{flag_of(name)}/{flag_of(name, on=False)}", **shared)]
    if name == OPTIONS:
        return Annotated[list[str] | None, typer.Option(flag_of(name), metavar=row.metavar, **shared)]
    if row.kind is not None:
        parser = partial(_number, name, row.kind)
        return Annotated[row.kind | None, typer.Option(flag_of(name), metavar=row.metavar, parser=parser, **shared)]
    kind = Path if row.metavar == "DIR" else str
    return Annotated[kind | None, typer.Option(flag_of(name), metavar=row.metavar, **shared)]


def _number(name: str, kind: type[int | float], text: str) -> int | float:
    """Read a number, or show how one is given."""
    try:
        return kind(text)
    except ValueError:
        what = "an integer" if kind is int else "a number"
        raise typer.BadParameter(f"{text!r} is not {what}; for example {ROWS[name].option(name)}") from None


def given(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings that stand on the command line."""
    named = {name: value for name, value in settings.items() if value not in (None, [])}
    if OPTIONS in named:
        named[OPTIONS] = dict(map(_pair, named[OPTIONS]))
    return named


def _pair(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip().isidentifier():
        raise OptionError("train: this sets nothing", got=f"--set {text}", fix="--set NAME=VALUE")
    try:
        read = json.loads(value)
    except ValueError:
        read = value
    return name.strip(), read if isinstance(read, (int, float, bool)) else value


def named_so(names: Iterable[str]) -> str:
    """Options in a row, for a message."""
    return ", ".join(map(flag_of, names))


@final
class TrainCommand(TyperCommand):
    """The command, whose complaint of an option without its value shows one."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except Exception as error:
            option = str(getattr(error, "option_name", ""))  # of a class that typer keeps to itself
            name = next((name for name in ROWS if flag_of(name) == option), None)
            if name is not None and hasattr(error, "message"):
                error.message += f" For example {ROWS[name].option(name)}"
            raise
