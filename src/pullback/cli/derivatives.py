"""`pullback grad` and `pullback draw`: a formula's value and derivatives, and the picture of its graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from pullback.cli.expression import Expression, assignments
from pullback.core.errors import ExpressionError, OptionError
from pullback.tensors import Tensor
from pullback.transforms.higher_order import hessian
from pullback.transforms.reverse import value_and_grad
from pullback.visualize import Graph, graph
from pullback.visualize.layout import Direction

_MOST: Final = 12  # rows and columns of a Hessian that fit a terminal


def derivatives(text: str, given: Sequence[str]) -> str:
    """Give the value, gradient and Hessian of a formula at a point, as aligned lines.

    Raises
    ------
    ExpressionError
        If the formula or a value cannot be read, or the result is not one number.

    >>> print(derivatives("x**2 * y", ["x=3", "y=2"]))
    x**2 * y  at  x = 3, y = 2
    <BLANKLINE>
    value     18
    gradient  x  12
              y   9
    Hessian      x  y
              x  4  6
              y  6  0
    """
    expression = Expression(text)
    with np.errstate(all="ignore"):  # a NaN or an infinity is shown, and says enough
        values = assignments(expression, given)
        result = expression(values)
        if result.size != 1 or result.dtype.kind != "f":
            truth = result.dtype.kind == "b"
            raise ExpressionError(
                "expression: only a single number has a gradient", formula=expression.text,
                shape=result.shape, dtype=result.dtype,
                fix=f"let it choose: where({expression.text}, a, b)" if truth else f"reduce it: sum({expression.text})",
            )  # fmt: skip
        point = ", ".join(f"{name} = {_number(value)}" for name, value in values.items())
        lines = [expression.text + (f"  at  {point}" if point else ""), "", f"value     {result.item():.10g}"]
        if values:
            lines += _derivatives(expression, values)
    return "\n".join(lines)


def _derivatives(expression: Expression, values: Mapping[str, Tensor]) -> list[str]:
    def f(*arguments: Tensor) -> Any:
        return expression(dict(zip(values, arguments, strict=True))).reshape(())

    every = tuple(range(len(values)))
    point = tuple(values.values())
    _, gradients = value_and_grad(f, argnums=every)(*point)
    labels = [label for name, value in values.items() for label in _entries(name, value.shape)]
    column = np.concatenate([part.numpy().ravel() for part in gradients])
    lines = _table("gradient", labels, column[:, None])
    if len(labels) > _MOST:
        return [*lines, f"Hessian   {len(labels)} × {len(labels)}: more than fits here"]
    blocks = hessian(f, argnums=every)(*point)
    sizes = [value.size for value in point]
    matrix = np.block(
        [[blocks[i][j].numpy().reshape(sizes[i], sizes[j]) for j in every] for i in every]
    )  # fmt: skip
    return [*lines, *_table("Hessian", labels, matrix, labels)]


def _table(title: str, rows: list[str], numbers: npt.NDArray[Any], columns: Sequence[str] = ("",)) -> list[str]:
    """Write numbers under each other, with the names of their rows and, if given, of their columns."""
    cells = [[f"{number + 0.0:.10g}" for number in row] for row in numbers]  # + 0.0: no negative zero
    widths = [max(len(cell) for cell in column) for column in zip(columns, *cells, strict=True)]
    label = max(map(len, rows))
    body = [("", columns)] * any(columns) + list(zip(rows, cells, strict=True))
    lines = [
        f"{name:<{label}}  " + "  ".join(f"{cell:>{width}}" for cell, width in zip(row, widths, strict=True))
        for name, row in body
    ]
    return [f"{title if place == 0 else '':<8}  {line}" for place, line in enumerate(lines)]


def _entries(name: str, shape: tuple[int, ...]) -> list[str]:
    """Name each element of a variable: x, or x[0], x[1] and so on."""
    return [f"{name}[{', '.join(map(str, place))}]" if place else name for place in product(*map(range, shape))]


def _number(value: Tensor) -> str:
    return (
        " ".join(np.array2string(value.numpy(), precision=10, separator=", ", floatmode="maxprec").split())
        if value.ndim
        else f"{value.item():.10g}"
    )


def recorded(text: str, given: Sequence[str]) -> tuple[Expression, Graph]:
    """A formula, and the graph of it at a point, in which its variables have their names."""
    expression = Expression(text)
    values = assignments(expression, given)
    for name, value in values.items():
        value.requires_grad = True
        value.name = name
    return expression, graph(expression(values))


def picture(text: str, given: Sequence[str], path: Path, *, direction: Direction) -> str:
    """Draw the graph of a formula with its values to an SVG file, and tell what was drawn.

    Raises
    ------
    ExpressionError
        If the formula or a value cannot be read.
    OptionError
        If the file's name does not end in .svg, or it cannot be written.
    """
    with np.errstate(all="ignore"):
        _, drawn = recorded(text, given)
    try:
        drawn.draw(path, values=True, direction=direction)
    except OSError as error:
        raise OptionError(
            "draw: the file cannot be written", file=path, got=error.strerror, fix="name another: -o graph.svg"
        ) from error
    parts = {"node": len(drawn), "edge": len(drawn.edges)}
    return f"{path}: " + ", ".join(f"{number} {part}{'s'[: number != 1]}" for part, number in parts.items())
