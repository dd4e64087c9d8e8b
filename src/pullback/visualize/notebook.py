"""Views of tensors and tables for notebooks: HTML that needs no script, in light and in dark."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from pullback.core.spec import Spec
from pullback.core.views import VIEWS, Sheet
from pullback.tensors import Tensor
from pullback.visualize.blob import coarse
from pullback.visualize.svg import clean
from pullback.visualize.vertex import value_text

MOST_CELLS: Final = 64  # numbers that are shown as a table
MOST_COLUMNS: Final = 10
_CELL: Final = 9  # pixels of a heat map's element
_BOX: Final = (
    "display:inline-block;border:1px solid #8886;border-radius:8px;padding:8px 12px;font-size:13px;line-height:1.45"
)
_FAINT: Final = "opacity:.7"
_MONO: Final = "font-family:ui-monospace,Menlo,Consolas,monospace;white-space:pre"


def tensor_view(tensor: Tensor) -> str:
    """A tensor: its numbers as a table where they are few, else as a line or a heat map; and what is known of it."""
    array = np.asarray(tensor.array)
    name = f"<b>{clean(tensor.name)}</b> " if tensor.name else ""
    shape = " × ".join(map(str, array.shape)) or "number"
    facts = [shape, str(array.dtype)]
    if tensor.requires_grad:
        facts.append("variable" if tensor.is_leaf else f"from {tensor.node.primitive.name}")  # type: ignore[union-attr]  # it requires a gradient
    if array.size > 1 and array.dtype.kind in "biuf":
        facts.append(value_text(array) if array.size > MOST_CELLS else f"mean {np.mean(array):.5g}")
    bad = array.size - int(np.count_nonzero(np.isfinite(array))) if array.dtype.kind == "f" else 0
    warning = f' · <b style="color:#b80f2a">{bad:,} not finite</b>' if bad else ""
    head = f'<div>{name}<span style="{_FAINT}">{clean(" · ".join(facts))}</span>{warning}</div>'
    return f'<div style="{_BOX}" title="{escape(repr(Spec(array.shape, array.dtype)))}">{head}{_picture(array)}</div>'


def _picture(array: npt.NDArray[Any]) -> str:
    if array.size == 0 or array.dtype.kind not in "biuf":
        return f'<div style="{_MONO}">{clean(np.array2string(array, threshold=20))}</div>'
    if array.size <= MOST_CELLS and (array.ndim < 2 or array.shape[-1] <= MOST_COLUMNS):
        return _numbers(array)
    return _sparkline(array) if array.ndim == 1 else _heat_map(array)


def _numbers(array: npt.NDArray[Any]) -> str:
    matrix = array.reshape(-1, array.shape[-1]) if array.ndim > 1 else array.reshape(1, -1)
    most = float(np.max(np.abs(matrix[np.isfinite(matrix)].astype(float)), initial=0.0))
    rows = "".join(
        "<tr>"
        + "".join(
            f'<td style="text-align:right;padding:1px 8px;background:{_tint(x, most)}">{x:.5g}</td>'
            for x in row.tolist()
        )
        + "</tr>"
        for row in matrix
    )
    return f'<table style="{_MONO};border-collapse:collapse;margin-top:5px">{rows}</table>'


def _tint(x: float, most: float) -> str:
    """Blue below 0, orange above, as in the player; see-through, so that it suits any ground."""
    if not math.isfinite(x):
        return "#b80f2a66"
    share = round(0.5 * abs(x) / most, 3) if most else 0
    return f"rgba(23,92,165,{share})" if x < 0 else f"rgba(184,84,8,{share})"


def _sparkline(array: npt.NDArray[Any]) -> str:
    values = [float(x) for x in coarse(array, 120).ravel()]
    finite = [x for x in values if math.isfinite(x)] or [0.0]
    low, span = min(finite), (max(finite) - min(finite)) or 1.0
    step = 240 / max(len(values) - 1, 1)
    points = " ".join(
        f"{4 + i * step:.1f},{38 - 34 * (x - low) / span:.1f}" for i, x in enumerate(values) if math.isfinite(x)
    )
    line = f'<polyline points="{points}" fill="none" stroke="#6334b5" stroke-width="1.5"/>'
    return (
        f'<svg width="248" height="42" role="img" aria-label="the numbers in order" style="display:block">{line}</svg>'
    )


def _heat_map(array: npt.NDArray[Any]) -> str:
    matrix = coarse(array, 24).astype(float)
    most = float(np.max(np.abs(matrix[np.isfinite(matrix)]), initial=0.0))
    cells = "".join(
        f'<rect x="{j * _CELL}" y="{i * _CELL}" width="{_CELL}" height="{_CELL}" fill="{_tint(x, most / 2)}"/>'
        for i, row in enumerate(matrix.tolist())
        for j, x in enumerate(row)
    )
    height, width = matrix.shape[0] * _CELL, matrix.shape[1] * _CELL
    facts = f'width="{width}" height="{height}" role="img" aria-label="heat map"'
    return f'<svg {facts} style="display:block;margin-top:5px">{cells}</svg>'


def sheet_view(sheet: Sheet) -> str:
    """A table; spaces and branches of trees stay where they are."""
    head = _row("th", sheet.columns, f"{_FAINT};font-weight:600")
    body = "".join(_row("td", row, "") for row in sheet.rows)
    note = f'<div style="{_FAINT};margin-top:4px">{clean(sheet.note)}</div>' if sheet.note else ""
    table = f'<table style="{_MONO};border-collapse:collapse;margin-top:4px">{head}{body}</table>'
    return f'<div style="{_BOX}"><b>{clean(sheet.title)}</b>{table}{note}</div>'


def _row(tag: str, cells: Sequence[str], style: str) -> str:
    sides = ["right" if place == 1 else "left" for place in range(len(cells))]  # the first is a name, then a number
    parts = [
        f'<{tag} style="text-align:{side};padding:0 14px 0 0;{style}">{clean(cell)}</{tag}>'
        for side, cell in zip(sides, cells, strict=True)
    ]
    return f"<tr>{''.join(parts)}</tr>"


VIEWS[Tensor] = tensor_view
VIEWS[Sheet] = sheet_view
