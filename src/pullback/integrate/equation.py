"""Initial value problems: y' = f(t, y) from a given y, with steps that choose their own length."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, final

import numpy as np

from pullback.core.errors import ConvergenceError, OptionError
from pullback.core.modes import current_mode, no_grad
from pullback.core.origin import user_line
from pullback.functions.creation import asarray
from pullback.integrate.steps import METHODS, Field, Method, Step, plain
from pullback.transforms.reverse import grad

SAFETY, SHRINK, GROW = 0.9, 0.2, 10.0
CORRECTIONS: Final = 3  # steps of Newton that an event's time is recorded with, and so orders of its derivative


@final
@dataclass(frozen=True, slots=True)
class Piece:
    """One accepted step, over [start, start + h]."""

    start: float
    h: float
    step: Step

    def at(self, t: Any) -> Any:
        """The solution at a time within."""
        return self.step.within((t - self.start) / self.h)


@final
class Solution:
    """The solution as a function of time, at one time or several: `sol(t)` has shape (n,) or (n, times)."""

    def __init__(self, pieces: Sequence[Piece]) -> None:
        self._pieces = pieces
        self._ends = np.array([p.start + p.h for p in pieces[:-1]])

    def __call__(self, t: Any) -> Any:
        times = np.asarray(plain(t))
        if times.ndim:
            return np.stack([self(t[i]) for i in range(len(times))], axis=-1)
        backward = self._pieces[0].h < 0
        place = np.searchsorted(-self._ends if backward else self._ends, -times if backward else times)
        return self._pieces[int(place)].at(t)


@final
@dataclass
class OdeResult:
    """What `solve_ivp` gives, as SciPy's: times, values (n, times), a function of time, events, how it ended."""

    t: Any
    y: Any
    sol: Callable[[Any], Any] | None
    t_events: list[Any] | None
    y_events: list[Any] | None
    nfev: int
    status: int
    message: str
    success: bool = field(init=False)

    def __post_init__(self) -> None:
        self.success = self.status >= 0


@final
class Walk:
    """Steps from t0 to t1; an error of each below atol + rtol·|y|."""

    def __init__(
        self, f: Field, span: tuple[float, float], y: Any, method: Method, rtol: float, atol: Any, first: float | None,
        longest: float,
    ) -> None:  # fmt: skip
        self.calls = 0
        self._f, self._method, self._rtol, self._atol, self._longest = f, method, rtol, atol, longest
        self.t, self.end = span
        self.y = y
        self.slope = self._field(self.t, y)
        self.h = first if first is not None else self._first()

    def _field(self, t: float, y: Any) -> Any:
        self.calls += 1
        return asarray(self._f(t, y))

    def _size(self, x: Any, y: Any) -> float:
        scaled = x / (self._atol + self._rtol * np.abs(y))
        return float(np.sqrt(np.mean(np.square(np.abs(scaled))))) if scaled.size else 0.0

    def _first(self) -> float:
        """A first length (E. Hairer, S. Nørsett & G. Wanner, *Solving Ordinary Differential Equations I*, II.4)."""
        y, slope = plain(self.y), plain(self.slope)
        d0, d1 = self._size(y, y), self._size(slope, y)
        h0 = 1e-6 if min(d0, d1) < 1e-5 else 0.01 * d0 / d1
        with no_grad():
            turn = math.copysign(h0, self.end - self.t)
            after = plain(self._field(self.t + turn, asarray(y + turn * slope)))
        d2 = self._size(after - slope, y) / h0
        h1 = max(1e-6, h0 * 1e-3) if max(d1, d2) <= 1e-15 else (0.01 / max(d1, d2)) ** -self._method.exponent
        return min(100 * h0, h1)

    def __iter__(self) -> Iterator[Piece]:
        """Each accepted step. Stops before the end where steps would have to be too short."""
        forward = math.copysign(1.0, self.end - self.t)
        while (self.end - self.t) * forward > 0:
            least = 10 * abs(np.nextafter(self.t, forward * np.inf) - self.t)
            length, rejected = min(max(self.h, least), self._longest), False
            while True:
                if not length >= least:
                    return
                last = length >= abs(self.end - self.t) * (1 - 1e-12)
                h = self.end - self.t if last else length * forward
                step = self._method.step(self._field, self.t, self.y, self.slope, h)
                if step is None:
                    length, rejected = abs(h) / 4, True
                    continue
                size = self._size(step.error, np.maximum(np.abs(plain(self.y)), np.abs(plain(step.y))))
                if size < 1:
                    grow = GROW if size == 0 else min(GROW, SAFETY * size**self._method.exponent)
                    self.h = abs(h) * max(SHRINK, min(1.0, grow) if rejected else grow)
                    break
                length = abs(h) * (max(SHRINK, SAFETY * size**self._method.exponent) if math.isfinite(size) else SHRINK)
                rejected = True
            piece = Piece(self.t, h, step)
            self.t = self.end if last else self.t + h
            self.y, self.slope = step.y, step.slope
            yield piece


def walk(
    f: Field, span: tuple[float, float], y: Any, t_eval: Any, events: Sequence[Callable[..., Any]], method: str,
    dense: bool, **options: Any,
) -> OdeResult:  # fmt: skip
    """Step through; gather what is asked for."""
    steps = Walk(f, span, y, METHODS[method](), **options)
    watch = Watch(events, span[0], y)
    times, values, pieces = [span[0]], [y], []
    asked = None if t_eval is None else plain(t_eval).tolist()
    exact = None if t_eval is None or t_eval.node is None else list(t_eval)  # times that are differentiated
    found: list[Any] = []
    forward = math.copysign(1.0, span[1] - span[0])
    stopped: tuple[Any, Any] | None = None
    if asked is not None and exact is None:
        while asked and asked[0] == span[0]:
            found.append(y)
            asked.pop(0)
    for piece in steps:
        stopped = watch.look(piece)
        end = float(plain(stopped[0])) if stopped else piece.start + piece.h
        end = span[1] if steps.t == span[1] and not stopped else end
        times.append(end)
        values.append(stopped[1] if stopped else piece.step.y)
        if dense:
            pieces.append(piece)
        while asked and (asked[0] - end) * forward <= 0:
            t = asked.pop(0)
            found.append(piece.at(exact.pop(0)) if exact else values[-1] if t == end else piece.at(t))
        if stopped:
            break
    done = stopped is not None or steps.t == span[1]
    if not done and (steps.y.node is not None or steps.slope.node is not None):
        raise ConvergenceError(
            "solve_ivp: the steps became too short before the end, so there is no derivative there", reached=steps.t,
            end=span[1], y=plain(steps.y), line=user_line(),
            fix='method="Radau" for a stiff equation; the solution may be infinite before the end',
        )  # fmt: skip
    if t_eval is not None:
        times, values = list(plain(t_eval)[: len(found)]), found
    status = 1 if stopped else 0 if done else -1
    message = ("Required step size is less than spacing between numbers.", "The solver reached the end.",
               "A termination event occurred.")[status + 1]  # fmt: skip
    empty = np.zeros((y.size, 0))
    return OdeResult(
        np.array(times, float), np.stack(values, axis=-1) if values else asarray(empty),
        Solution(pieces) if dense and pieces else None, *watch.seen(), steps.calls, status, message,
    )  # fmt: skip


@final
class Watch:
    """Events: functions g(t, y) whose roots on the way are found, with `terminal` and `direction` as SciPy has them."""

    def __init__(self, events: Sequence[Callable[..., Any]], t: float, y: Any) -> None:
        self._events = events
        self._times: list[list[Any]] = [[] for _ in events]
        self._values: list[list[Any]] = [[] for _ in events]
        self._last = [self._number(g, t, y) for g in events]

    @staticmethod
    def _number(g: Callable[..., Any], t: float, y: Any) -> float:
        with no_grad():
            return float(plain(asarray(g(t, asarray(plain(y))))))

    def seen(self) -> tuple[list[Any] | None, list[Any] | None]:
        """Times and values of each event, in order."""
        if not self._events:
            return None, None
        return [np.stack(t) if t else np.zeros(0) for t in self._times], [
            np.stack(y) if y else np.zeros((0, 0)) for y in self._values
        ]

    def look(self, piece: Piece) -> tuple[Any, Any] | None:
        """Note what happens within a step; give the time and value where it is to end, if it is."""
        happened = []
        for i, g in enumerate(self._events):
            before, after = self._last[i], self._number(g, piece.start + piece.h, piece.step.y)
            self._last[i] = after
            direction = getattr(g, "direction", 0)
            rising, falling = before <= 0 <= after, before >= 0 >= after
            if before != after and before and ((rising and direction >= 0) or (falling and direction <= 0)):
                happened.append((*self._time(g, piece), i))
        happened.sort(key=lambda x: float(plain(x[0])) * math.copysign(1, piece.h))
        for t, y, i in happened:
            self._times[i].append(t)
            self._values[i].append(y)
            limit = getattr(self._events[i], "terminal", False)
            if limit and len(self._times[i]) >= int(limit):
                return t, y
        return None

    @staticmethod
    def _time(g: Callable[..., Any], piece: Piece) -> tuple[Any, Any]:
        """When it happens: found on numbers, then by Newton's steps that are recorded."""
        from scipy.optimize import brentq  # heavy: only who uses it loads it

        def crossing(share: Any) -> Any:
            return asarray(g(piece.start + piece.h * share, piece.step.within(share)))

        def number(share: float) -> float:
            return float(plain(crossing(share)))

        with no_grad():
            root = float(brentq(number, 0.0, 1.0, xtol=1e-15, rtol=1e-14))
        share = asarray(root)
        if current_mode().recording and crossing(share).node is not None:
            with no_grad():
                slope = float(plain(grad(crossing)(root)))
            for _ in range(CORRECTIONS):
                share = share - crossing(share) / slope
        return piece.start + piece.h * share, piece.step.within(share)


def checked(method: str, gradient: str) -> None:
    """Raise unless both words are known."""
    if method not in METHODS:
        raise OptionError("solve_ivp: unknown method", got=method, fix=", ".join(METHODS))
    if gradient not in ("discrete", "adjoint"):
        raise OptionError("solve_ivp: unknown gradient", got=gradient, fix='"discrete" or "adjoint"')
