"""`pullback play`: a page in which a formula runs forward and backward."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from pullback.cli.derivatives import recorded
from pullback.cli.formulas import Formula, Values
from pullback.core.errors import OptionError


def play(
    formula: Formula,
    values: Values = None,
    out: Annotated[Path, typer.Option("-o", "--out", metavar="FILE.html", help="Where to.")] = Path("play.html"),
    forward: Annotated[bool, typer.Option("--forward", help="Carry tangents forward, not cotangents back.")] = False,
) -> None:
    """Make a page in which a formula runs, forward and back with its derivatives; its inputs can be changed there.

    The page is one file and needs no network.
    """
    print(page(formula, values or [], out, forward=forward))


def page(text: str, given: Sequence[str], path: Path, *, forward: bool = False) -> str:
    """Write the page of a formula, and tell what is in it.

    Raises
    ------
    ExpressionError
        If the formula or a value cannot be read.
    OptionError
        If the file's name does not end in .html, or it cannot be written.
    GraphError
        If the formula has no variables.
    """
    with np.errstate(all="ignore"):
        expression, drawn = recorded(text, given)
        player = drawn.play(mode="forward" if forward else "reverse", title=expression.text)
    try:
        player.save(path)
    except OSError as error:
        raise OptionError(
            "play: the file cannot be written", file=path, got=error.strerror, fix="name another: -o play.html"
        ) from error
    return f"{path}: {player.said}"
