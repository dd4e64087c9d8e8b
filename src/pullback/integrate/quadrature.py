"""Integrals of functions of one variable: adaptive, after Gauss and Kronrod."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from operator import itemgetter
from typing import Any, Final

import numpy as np

from pullback.core.errors import ConvergenceError, UnbatchedError
from pullback.core.habits import explain_keywords
from pullback.core.modes import no_grad
from pullback.core.origin import user_line
from pullback.functions.creation import asarray
from pullback.functions.deciding import deciding
from pullback.tensors import Tensor
from pullback.transforms.batching import vmap

# Nodes and weights of the 15-point rule of Kronrod and of the 7-point rule of Gauss inside of it, on [-1, 1].
_HALF: Final = (
    (0.991455371120812639206854697526329, 0.022935322010529224963732008058970, 0.0),
    (0.949107912342758524526189684047851, 0.063092092629978553290700663189204, 0.129484966168869693270611432679082),
    (0.864864423359769072789712788640926, 0.104790010322250183839876322541518, 0.0),
    (0.741531185599394439863864773280788, 0.140653259715525918745189590510238, 0.279705391489276667901467771423780),
    (0.586087235467691130294144691693013, 0.169004726639267902826583426598550, 0.0),
    (0.405845151377397166906606412076961, 0.190350578064785409913256402421014, 0.381830050505118944950369775488975),
    (0.207784955007898467600689403773245, 0.204432940075298892414161999234649, 0.0),
)
_MIDDLE: Final = (0.0, 0.209482141084727828012999174891714, 0.417959183673469387755102040816327)
LEAST: Final = 1e-4  # of the whole range: beyond, 1 − s has too few digits for an end at infinity
RULE: Final = np.array([*((-x, k, g) for x, k, g in _HALF), _MIDDLE, *reversed(_HALF)])


@deciding
def quad(
    func: Callable[..., Any], a: Any, b: Any, args: Sequence[Any] = (), epsabs: float = 1.49e-8,
    epsrel: float = 1.49e-8, limit: int = 50, points: Sequence[Any] | None = None,
) -> tuple[Tensor, float]:  # fmt: skip
    """∫ₐᵇ func(x, *args) dx, and an estimate of the error; a and b may be infinite.

    Intervals are cut where the rules of Gauss and Kronrod differ, as in QUADPACK, on numbers alone; over these the
    integral is computed again and recorded, with further cuts near the ends. (It goes over s, where
    x = a + (b − a)(3s² − 2s³), which bends a root or a logarithm at an end straight.) So it differentiates under the
    integral sign, by what `args` holds and `func` captured, and by the bounds, in both modes and to every order.

    `func` is written for one x, and called with many at once, or one by one where it asks for the number that x is
    (`if x < 0`, `math.exp(x)`). `points` are places between a and b where it jumps or has a kink. One that moves with
    what is differentiated is given as the tensor that it is: a place that stays where the kink moves gives derivatives
    without what the kink brings, of a jump from the first order on, of a kink of |x − c| from the second.

    Raises ConvergenceError where `limit` intervals are not enough, with the value and the error so far.

    Source: R. Piessens et al., *QUADPACK* (1983).

    >>> import pullback as pb
    >>> value, error = quad(lambda x, k: np.exp(-k * x), 0, np.inf, (2.0,))
    >>> print(f"{value:.10f}")
    0.5000000000
    >>> print(f"{pb.grad(lambda k: quad(lambda x: np.exp(-k * x), 0, np.inf)[0])(2.0):.6f}")  # -1/k²
    -0.250000
    >>> print(f"{pb.grad(lambda c: quad(lambda x: np.where(x < c, 0.0, x), 0, 1, points=[c])[0])(0.3):.6f}")  # -c
    -0.300000
    """
    a, b = (asarray(x) * 1.0 for x in (a, b))
    low, high = _number(a), _number(b)
    if low == high:
        return (b - a) * 0.0, 0.0
    if low > high:
        value, error = quad(func, b, a, args, epsabs, epsrel, limit, points)
        return -value, error
    places = sorted(((_number(p), p) for p in points if low < _number(p) < high), key=itemgetter(0)) if points else []
    if any(isinstance(p, Tensor) and p.node is not None for _, p in places):  # they are bounds, and move as those do
        ends = [a, *(asarray(p) for _, p in places), b]
        parts = [quad(func, x, y, args, epsabs / (len(ends) - 1), epsrel, limit) for x, y in pairwise(ends)]
        return np.stack([value for value, _ in parts]).sum(), math.fsum(error for _, error in parts)
    place, first, last = _unit(low, high)

    def integrand(s: Any) -> Any:
        u, slope = first + (last - first) * s * s * (3 - 2 * s), 6 * (last - first) * s * (1 - s)
        x, stretch = place(u, a, b)
        return asarray(func(x, *args)) * (stretch * slope)

    def over(lows: Any, highs: Any) -> Any:
        middle, half = (lows + highs) / 2, (highs - lows) / 2
        nodes = middle[:, None] + half[:, None] * RULE[:, 0]
        try:
            values = vmap(integrand)(nodes.reshape(-1))
        except UnbatchedError:
            values = np.stack([integrand(s) for s in nodes.ravel().tolist()])
        return values.reshape(nodes.shape) * half[:, None]

    shares = [(_back(p, low, high) - first) / (last - first) for p, _ in places]
    cuts = [0.0, *(0.5 - math.sin(math.asin(1 - 2 * v) / 3) for v in shares), 1.0]
    with no_grad():
        lows, highs, error = _intervals(lambda x, y: over(x, y).numpy(), cuts, epsabs, epsrel, limit)
    values = over(lows, highs)
    if values.node is not None:
        values = over(*_graded(lows, highs, cuts))
    return (values * RULE[:, 1]).sum(), error


def _number(x: Any) -> float:
    return float(x.detach().numpy() if isinstance(x, Tensor) else x)


def _graded(lows: Any, highs: Any, cuts: Sequence[float]) -> tuple[Any, Any]:
    """Shorter and shorter intervals towards ends and kinks, where a derivative may have a logarithm of its own."""
    edges = [*map(float, lows), float(highs[-1])]
    finer = set(edges)
    for low, high in pairwise(edges):
        both = low in cuts and high in cuts
        size = (high - low) / (2 if both else 1)
        finer |= {low + size} if both else set()
        while size > LEAST:
            size /= 4
            finer |= {low + size} if low in cuts else set()
            finer |= {high - size} if high in cuts else set()
    ends = np.array(sorted(finer))
    return ends[:-1], ends[1:]


def _unit(low: float, high: float) -> tuple[Callable[[Any, Any, Any], tuple[Any, Any]], float, float]:
    """How the range of x is that of u, which is finite: x and dx/du, and the ends of u."""
    if math.isinf(low) and math.isinf(high):
        return lambda u, _a, _b: (u / (1 - u * u), (1 + u * u) / (1 - u * u) ** 2), -1.0, 1.0
    if math.isinf(high):
        return lambda u, a, _b: (a + u / (1 - u), 1 / (1 - u) ** 2), 0.0, 1.0
    if math.isinf(low):
        return lambda u, _a, b: (b - u / (1 - u), 1 / (1 - u) ** 2), 0.0, 1.0
    return lambda u, a, b: (a + (b - a) * u, b - a), 0.0, 1.0


def _back(x: float, low: float, high: float) -> float:
    """The u of an x."""
    if math.isinf(low) and math.isinf(high):
        return 0.0 if x == 0 else (math.sqrt(1 + 4 * x * x) - 1) / (2 * x)
    if math.isinf(high):
        return (x - low) / (1 + x - low)
    if math.isinf(low):
        return (high - x) / (1 + high - x)
    return (x - low) / (high - low)


def _intervals(
    over: Callable[[Any, Any], Any], cuts: Sequence[float], epsabs: float, epsrel: float, limit: int
) -> tuple[Any, Any, float]:
    """The intervals over which the rule is exact enough: the worst is halved, again and again."""

    def judged(lows: Any, highs: Any) -> list[tuple[float, float, float, float]]:
        terms = over(lows, highs)
        values, others = terms @ RULE[:, 1], terms @ RULE[:, 2]
        scale = np.abs(terms) @ RULE[:, 1]
        spread = np.abs(terms - values[:, None] / 2 * (RULE[:, 1].sum() / 2)) @ RULE[:, 1]
        raw = np.abs(values - others)
        with np.errstate(all="ignore"):
            errors = np.where((spread > 0) & (raw > 0), spread * np.minimum(1, (200 * raw / spread) ** 1.5), raw)
        errors = np.maximum(errors, 50 * np.finfo(float).eps * scale)
        return [
            (-float(e), float(x), float(y), float(v)) for e, x, y, v in zip(errors, lows, highs, values, strict=True)
        ]

    heap = judged(np.array(cuts[:-1]), np.array(cuts[1:]))
    heapq.heapify(heap)
    while True:
        value, error = math.fsum(x[3] for x in heap), math.fsum(-x[0] for x in heap)
        if error <= max(epsabs, epsrel * abs(value)):
            break
        if len(heap) >= limit or not math.isfinite(value):
            raise ConvergenceError(
                "quad: the integral has not converged", value=value, error=f"{error:.3g}", intervals=len(heap),
                line=user_line(), fix="limit= allows more intervals, points= names kinks; it may diverge",
            )  # fmt: skip
        _, low, high, _ = heapq.heappop(heap)
        middle = (low + high) / 2
        for part in judged(np.array([low, middle]), np.array([middle, high])):
            heapq.heappush(heap, part)
    lows, highs = np.array(sorted((x[1], x[2]) for x in heap)).T
    return lows, highs, error


explain_keywords(globals())
