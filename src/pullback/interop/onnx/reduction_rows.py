"""How reductions, running sums and orders are written in operators of ONNX."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from pullback.core.primitive import Primitive
from pullback.interop.onnx.writer import Name, Rule, Site
from pullback.ops import cumulative, discrete, ordering, reductions

_WHOLE: Final = np.dtype(np.int64)


def _reduced(site: Site, kind: str, x: Name) -> Name:
    axis, keepdims = site.params["axis"], int(site.params["keepdims"])
    if axis is None:
        return site.op(kind, x, keepdims=keepdims)
    if not axis:
        return site.op("Identity", x)
    return site.op(kind, x, site.ints(*axis), keepdims=keepdims)


def reduction(kind: str) -> Rule:
    """One operator, of the operand in the dtype of the result."""
    return lambda site: _reduced(site, kind, site.at(0, site.dtype))


def _extremum(kind: str) -> Rule:
    """The largest or the smallest, of truths as numbers."""

    def rule(site: Site) -> Name:
        if site.dtype.kind != "b":
            return _reduced(site, kind, site.at(0, site.dtype))
        return _of_truths(site, kind)

    return rule


def _of_truths(site: Site, kind: str) -> Name:
    truths = site.at(0, np.dtype(bool))
    return site.cast(_reduced(site, kind, site.cast(truths, np.int32)), bool)


def _place(kind: str) -> Rule:
    def rule(site: Site) -> Name:
        axis, keepdims = site.params["axis"], site.params["keepdims"]
        x = site.at(0)
        if site.dtype_of(0).kind == "b":
            x = site.cast(x, np.int32)
        if axis is not None:
            return site.op(kind, x, axis=axis, keepdims=int(keepdims))
        found = site.op(kind, site.op("Reshape", x, site.ints(-1)), axis=0, keepdims=0)
        return site.op("Reshape", found, site.ints(*(1,) * len(site.shape))) if keepdims else found

    return rule


def _cumsum(site: Site) -> Name:
    return site.op("CumSum", site.at(0, site.dtype), site.const(site.params["axis"], np.int64))


def _cumprod(site: Site) -> Name:
    """Products of twice as many neighbours at each step (Hillis & Steele 1986)."""
    axis, y = site.params["axis"], site.at(0, site.dtype)
    n = site.known(site.shape[axis], "the length of the axis of a running product")
    along, step = site.ints(axis), 1
    while step < n:
        before = site.op("Slice", y, site.ints(0), site.ints(n - step), along)
        after = site.op("Slice", y, site.ints(step), site.ints(n), along)
        head = site.op("Slice", y, site.ints(0), site.ints(step), along)
        y = site.op("Concat", head, site.op("Mul", before, after), axis=axis)
        step *= 2
    return y


def _sorted(output: int, largest: int = 0) -> Rule:
    """The elements in order, or their places (output 1); of equals the first comes first."""

    def rule(site: Site) -> Name:
        axis = site.params["axis"]
        n = site.writer.size(site.shape_of(0)[axis], site.line)
        found = site.op("TopK", site.at(0), n, axis=axis, largest=largest, sorted=1, outputs=2)
        return found[output]

    return rule


def _ranked(site: Site) -> Name:
    axis = len(site.shape_of(0)) - 1
    n = site.writer.size(site.shape_of(0)[axis], site.line)
    ordered, _ = site.op("TopK", site.at(0), n, axis=axis, largest=0, sorted=1, outputs=2)
    return site.op("GatherElements", ordered, site.cast(site.at(1), _WHOLE), axis=axis)


def _count_nonzero(site: Site) -> Name:
    truths = site.cast(site.at(0, np.dtype(bool)), _WHOLE)
    axis = site.params["axis"]
    axes = (axis,) if isinstance(axis, int) else axis
    keepdims = int(site.params["keepdims"])
    if axes is None:
        return site.op("ReduceSum", truths, keepdims=keepdims)
    return site.op("ReduceSum", truths, site.ints(*axes), keepdims=keepdims)


_ANSWERS: Final[dict[Callable[..., Any], Rule]] = {
    ordering.stable_places: _sorted(1),
    ordering.descending_places: _sorted(1, largest=1),
    np.count_nonzero: _count_nonzero,
}


def _answer(site: Site) -> Name:
    rule = _ANSWERS.get(site.params["function"])
    if rule is not None:
        return rule(site)
    return site.refuse(f"{site.params.get('name') or site.params['function'].__name__.strip('_')} of NumPy")


ROWS: Final[dict[Primitive, Rule]] = {
    reductions.sum_: reduction("ReduceSum"),
    reductions.mean_: reduction("ReduceMean"),
    reductions.prod_: reduction("ReduceProd"),
    reductions.max_: _extremum("ReduceMax"),
    reductions.min_: _extremum("ReduceMin"),
    reductions.norm_: reduction("ReduceL2"),
    reductions.any_: lambda site: _of_truths(site, "ReduceMax"),
    reductions.all_: lambda site: _of_truths(site, "ReduceMin"),
    reductions.argmax_: _place("ArgMax"),
    reductions.argmin_: _place("ArgMin"),
    reductions.cumsum_: _cumsum,
    cumulative.cumprod_: _cumprod,
    ordering.sort_: _sorted(0),
    ordering.ranked_: _ranked,
    discrete.answer_: _answer,
}
