"""Pooling as one operator: a reduction over windows whose own axes were brought to the front.

What is not of this form, or of a dtype that few runtimes pool, is written as it is recorded.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any, Final

import numpy as np

from pullback.core.primitive import Primitive
from pullback.interop.onnx.reduction_rows import ROWS as REDUCED
from pullback.interop.onnx.writer import Name, Rule, Site
from pullback.ops import elementwise, movement, reductions, windows
from pullback.programs.program import Constant, Equation, Operand

_MOST: Final = 3  # axes of a window that runtimes know


def _maker(site: Site, operand: Operand, primitive: Primitive) -> Equation | None:
    found = None if isinstance(operand, Constant) else site.writer.makers.get(operand)
    return found if found is not None and found.primitive is primitive else None


def _windows_of(site: Site) -> Equation | None:
    """The windows whose elements are reduced, if nothing else is."""
    if site.params["axis"] != (0,) or site.params["keepdims"]:
        return None
    flat = _maker(site, site.operands[0], movement.reshape_)
    turned = None if flat is None else _maker(site, flat.operands[0], movement.permute_)
    found = None if turned is None else _maker(site, turned.operands[0], windows.windows_)
    if found is None or turned is None:
        return None
    d, rank = len(found.params["axes"]), len(found.output.shape)
    first = (*range(rank - d, rank), *range(rank - d))
    last = tuple(range(rank - 2 * d, rank - d))
    fits = turned.params["axes"] == first and found.params["axes"] == last and d <= _MOST
    fits = fits and len(site.shape) == rank - d and site.shape_of(0)[0] == prod(found.params["sizes"])
    return found if fits and rank - 2 * d in (1, 2) else None


def _padded(site: Site, x: Operand, value: float) -> tuple[Operand, Sequence[tuple[int, int]]]:
    """What was padded with a value, and how wide, where that is so."""
    where = _maker(site, x, elementwise.select)
    inner = x
    if value != 0:
        if where is None or not isinstance(where.operands[2], Constant) or where.operands[2].value != value:
            return x, ()
        inner = where.operands[1]
    padded = _maker(site, inner, movement.pad_)
    if padded is None:
        return x, ()
    widths = padded.params["width"]
    if value != 0:
        assert where is not None
        inside = np.pad(np.ones(padded.operands[0].shape, bool), widths)  # type: ignore[union-attr]  # an array was padded, and no constant
        mask = where.operands[0]
        if not isinstance(mask, Constant) or not np.array_equal(mask.value, inside):
            return x, ()
    return padded.operands[0], widths


def _pooled(kind: str, fill: float, otherwise: Rule) -> Rule:
    """One operator for a reduction of windows; `otherwise` for all others."""

    def rule(site: Site) -> Name:
        found = _windows_of(site)
        known = "fd" if kind == "MaxPool" else "f"
        if found is None or site.dtype.char not in known or found.output.dtype != site.dtype:
            return otherwise(site)
        d, holes = len(found.params["axes"]), found.params["dilations"]
        if kind == "AveragePool" and set(holes) != {1}:
            return otherwise(site)
        x, widths = _padded(site, found.operands[0], fill)
        if any(map(any, widths[:-d])) or any(max(w) >= k for w, k in zip(widths[-d:], found.params["sizes"])):  # noqa: B905 - without padding there are none
            x, widths = found.operands[0], ()
        more: dict[str, Any] = {"dilations": list(holes)} if kind == "MaxPool" else {"count_include_pad": 1}
        pads = [pair[side] for side in (0, 1) for pair in widths[-d:]] or [0] * 2 * d
        name, alone = site.writer.of(x, site.line, site.dtype), len(site.shape) == d + 1
        if alone:
            name = site.op("Unsqueeze", name, site.ints(0))
        name = site.op(
            kind, name, kernel_shape=list(found.params["sizes"]), strides=list(found.params["strides"]), pads=pads,
            **more,
        )  # fmt: skip
        if alone:
            name = site.op("Squeeze", name, site.ints(0))
        if site.equation.primitive is reductions.sum_:
            return site.op("Mul", name, site.const(prod(found.params["sizes"])))
        return name

    return rule


_MAX, _MEAN, _SUM = reductions.max_, reductions.mean_, reductions.sum_
ROWS: Final[dict[Primitive, Rule]] = {
    _MAX: _pooled("MaxPool", -np.inf, REDUCED[_MAX]),
    _MEAN: _pooled("AveragePool", 0.0, REDUCED[_MEAN]),
    _SUM: _pooled("AveragePool", 0.0, REDUCED[_SUM]),
}
