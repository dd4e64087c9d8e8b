"""`pullback grad` and `pullback draw`: the commands that take a formula."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, cast, final

import typer
from typer.core import TyperCommand

from pullback.cli.derivatives import derivatives, picture
from pullback.visualize.layout import Direction

Formula = Annotated[str, typer.Argument(metavar="EXPR", help="A formula, such as 'x**2 * sin(y)'.", show_default=False)]
Values = Annotated[
    list[str] | None, typer.Argument(metavar="NAME=VALUE", help="x=1.5, x=pi/2 or x=[1,2,3].", show_default=False)
]


@final
class FormulaCommand(TyperCommand):
    """A command that takes '-x**2' for a formula, where others would look for an option -x."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        options = {name for option in self.params for name in option.opts}
        formulas = [f" {arg}" if arg[:1] == "-" != arg[1:2] and arg not in options else arg for arg in args]
        return super().parse_args(ctx, formulas)


def grad(formula: Formula, values: Values = None) -> None:
    """Give the value, the gradient and the Hessian of a formula.

    A formula has numbers, names, [lists], x[0], the operators + - * / // % ** @, comparisons, pi and e, and
    functions such as sin, exp, sqrt, where, maximum, sum, dot and norm. It is read, never run as code.
    """
    print(derivatives(formula, values or []))


def draw(
    formula: Formula,
    values: Values = None,
    out: Annotated[Path, typer.Option("-o", "--out", metavar="FILE.svg", help="Where to.")] = Path("graph.svg"),
    direction: Annotated[str, typer.Option(metavar="[TB|LR]", help="From the top down, or from left to right.")] = "TB",
) -> None:
    """Draw the graph of a formula, with its values, as SVG."""
    print(picture(formula, values or [], out, direction=cast(Direction, direction)))  # drawing checks it
