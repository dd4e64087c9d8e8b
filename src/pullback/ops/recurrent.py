"""The state of an LSTM from its gates, in one node: what a step does besides its product."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final, final

import numpy as np
from numpy import ndarray

from pullback.core.graph import Node
from pullback.core.kinds import strong_multiply
from pullback.core.outputs import pick_
from pullback.core.primitive import Primitive
from pullback.core.spec import completed
from pullback.ops.movement import concatenate

PRECISIONS: Final = (np.dtype(np.float32), np.dtype(np.float64))


@np.errstate(over="ignore")  # 1 / (1 + ∞) is 0
def _state(z: ndarray[Any, Any], c: ndarray[Any, Any]) -> tuple[Any, ...]:
    """h′ and c′, the gates σ(i), σ(f), tanh(g) and σ(o) beside each other, and tanh(c′)."""
    n = c.shape[-1]
    if z.shape != (*c.shape[:-1], 4 * n):
        raise ValueError(f"gates {z.shape} are not four times as wide as the state {c.shape}")
    gates = np.negative(z)
    np.exp(gates, out=gates)
    gates += 1
    np.reciprocal(gates, out=gates)
    i, f, g, o = _four(gates, n)
    np.tanh(z[..., 2 * n : 3 * n], out=g)
    new = f * c
    new += i * g
    t = np.tanh(new)
    return o * t, new, gates, t


def _four(x: Any, n: int) -> tuple[Any, ...]:
    return x[..., :n], x[..., n : 2 * n], x[..., 2 * n : 3 * n], x[..., 3 * n :]


def _plain_cotangents(ch: Any, cc: Any, gates: Any, t: Any, c: Any) -> tuple[Any, Any]:
    """The cotangents of gates and state for those of h′ and c′, of arrays, in few passes over memory."""
    n = c.shape[-1]
    i, f, g, o = _four(gates, n)
    slopes = 1 - gates
    slopes *= gates  # of σ; of tanh it is another
    of_g = slopes[..., 2 * n : 3 * n]
    np.subtract(1, np.multiply(g, g, out=of_g), out=of_g)
    result = np.empty_like(slopes)
    di, df, dg, do = _four(result, n)
    if ch is None:
        dc = cc
        do[...] = 0
    else:
        dc = t * t
        np.subtract(1, dc, out=dc)
        dc *= o
        dc *= ch
        if cc is not None:
            dc += cc
        np.multiply(ch, t, out=do)
    np.multiply(dc, g, out=di)
    np.multiply(dc, c, out=df)
    np.multiply(dc, i, out=dg)
    result *= slopes
    return result, dc * f


@final
class _State(Primitive):
    """A primitive of two operands and four outputs: h′, c′, the gates after their functions, and tanh(c′).

    The last two are outputs so that derivatives of higher order find them; nothing else reads them.
    """

    def needs(self, operand: int, count: int) -> tuple[int, ...]:
        return (0, 2)

    def vjp(self, node: Node, cotangent: Any, saved: Sequence[Any], wanted: Sequence[int]) -> list[Any]:
        ch, cc, cg, ct = cotangent
        (_, _, gates, t), _, c = saved
        if cg is ct is None and all(x is None or type(x) is ndarray for x in (ch, cc, gates, t, c)):
            found = _plain_cotangents(ch, cc, gates, t, c)
            if math.isfinite(abs(np.vdot(found[0], found[0])) + abs(np.vdot(found[1], found[1]))):  # as nearly always
                return [found[place] for place in wanted]
        times = strong_multiply.bind
        i, f, g, o = _four(gates, n := t.shape[-1])
        ch, cc, ct = (np.zeros(t.shape, t.dtype) if x is None else x for x in (ch, cc, ct))
        dc = cc + times(1 - t * t, ct + times(o, ch))
        di, df, dg, do = (0, 0, 0, 0) if cg is None else _four(cg, n)
        parts = [
            times(i * (1 - i), times(g, dc) + di), times(f * (1 - f), times(c, dc) + df),
            times(1 - g * g, times(i, dc) + dg), times(o * (1 - o), times(t, ch) + do),
        ]  # fmt: skip
        found = _joined(parts), times(f, dc)
        return [found[place] for place in wanted]

    def jvp(self, node: Node, tangents: Sequence[Any], saved: Sequence[Any]) -> Any:
        (_, _, gates, t), _, c = saved
        dz, dc = completed(tangents, node.inputs)
        times = strong_multiply.bind
        i, f, g, o = _four(gates, n := t.shape[-1])
        zi, zf, zg, zo = _four(dz, n)
        di, df, dg = times(i * (1 - i), zi), times(f * (1 - f), zf), times(1 - g * g, zg)
        do = times(o * (1 - o), zo)
        new = times(f, dc) + times(c, df) + (times(i, dg) + times(g, di))
        dt = times(1 - t * t, new)
        return times(o, dt) + times(t, do), new, _joined([di, df, dg, do]), dt


def _joined(parts: Sequence[Any]) -> Any:
    if any(isinstance(part, Primitive.tensor) for part in parts):
        return concatenate(parts, -1)
    return np.concatenate(parts, -1)


lstm_cell_ = _State(
    "lstm_cell", _state,
    "c′ = σ(f)·c + σ(i)·tanh(g) and h′ = σ(o)·tanh(c′) of gates (i, f, g, o), and what their derivatives need.",
)  # fmt: skip


def fits_cell(z: Any, c: Any) -> bool:
    """Whether the cell's kernel takes these operands: arrays of NumPy's of one precision, single or double."""
    z, c = getattr(z, "array", z), getattr(c, "array", c)
    return type(z) is type(c) is ndarray and z.dtype == c.dtype and z.dtype in PRECISIONS


def lstm_cell(z: Any, c: Any) -> tuple[Any, Any]:
    """h′ and c′ of gates (N, 4·H) and a state (N, H) that `fits_cell`."""
    outputs = lstm_cell_(z, c)
    return pick_(outputs, index=0), pick_(outputs, index=1)
