"""Steps of a differential equation: one from (t, y) over h, its error, and what lies within it.

A step is written with tensors and records what is tracked. Its length is a number, a constant of the record: the
derivative is that of what was computed, step by step.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Final, NamedTuple, final

import numpy as np

from pullback.core.modes import no_grad
from pullback.functions.creation import asarray
from pullback.integrate.tableaus import tableau
from pullback.linalg import solve
from pullback.tensors import Tensor
from pullback.transforms.higher_order import jacobian

ORDERS: Final = 3  # of derivatives that an implicit step's equation is recorded for
NEWTON: Final = 8  # steps of it, at most

Field = Callable[[Any, Any], Any]


class Step(NamedTuple):
    """What a step gives: the next value and slope, the error's estimate (numbers), and what lies within."""

    y: Any
    slope: Any
    error: Any
    within: Callable[[Any], Any]  # of a share of the step


class Method(ABC):
    """A way to step; `exponent` is that of the error in the length of a step."""

    exponent: float

    @abstractmethod
    def step(self, f: Field, t: float, y: Any, slope: Any, h: float) -> Step | None:
        """One step; None where it is too long to be solved for."""


def plain(x: Any) -> Any:
    """The numbers of a tensor; no derivative passes."""
    return x.detach().numpy() if isinstance(x, Tensor) else np.asarray(x)


@final
class Explicit(Method):
    """A Runge-Kutta pair: RK45 of Dormand and Prince, RK23 of Bogacki and Shampine."""

    def __init__(self, name: str) -> None:
        self._pair = tableau(name)
        self.exponent = -1 / self._pair.order

    def step(self, f: Field, t: float, y: Any, slope: Any, h: float) -> Step:
        """One step."""
        pair = self._pair
        stages = [slope]
        for row, c in zip(pair.a[1:], pair.c[1:], strict=True):
            stages.append(f(t + c * h, y + h * _combined(row, stages)))
        after = y + h * _combined(pair.b, stages)
        stages.append(f(t + h, after))
        error = h * _combined(pair.error, [plain(k) for k in stages])

        def within(share: Any) -> Any:
            total = 0.0 * y
            for column in reversed(pair.dense.T):
                total = (total + _combined(column, stages)) * share
            return y + h * total

        return Step(after, stages[-1], error, within)


def _combined(weights: Any, stages: list[Any]) -> Any:
    terms = [float(w) * k for w, k in zip(weights, stages, strict=False) if w]
    return sum(terms[1:], start=terms[0]) if terms else 0.0 * stages[0]


_ROOT: Final = math.sqrt(6)
# Radau IIA of order 5: E. Hairer & G. Wanner, Solving Ordinary Differential Equations II (1996), section IV.8.
_C: Final = np.array([(4 - _ROOT) / 10, (4 + _ROOT) / 10, 1])
_A: Final = np.array([
    [(88 - 7 * _ROOT) / 360, (296 - 169 * _ROOT) / 1800, (-2 + 3 * _ROOT) / 225],
    [(296 + 169 * _ROOT) / 1800, (88 + 7 * _ROOT) / 360, (-2 - 3 * _ROOT) / 225],
    [(16 - _ROOT) / 36, (16 + _ROOT) / 36, 1 / 9],
])  # fmt: skip
_ERROR: Final = np.array([-13 - 7 * _ROOT, -13 + 7 * _ROOT, -1]) / 3
_REAL: Final = 3 + 3 ** (2 / 3) - 3 ** (1 / 3)  # the real eigenvalue of A⁻¹


@final
class Radau(Method):
    """The implicit method Radau IIA of order 5, for stiff equations.

    Its stages solve an equation, which Newton's method does on numbers; its last steps are recorded, so that the
    derivative is that of the solution.
    """

    exponent = -1 / 4

    def step(self, f: Field, t: float, y: Any, slope: Any, h: float) -> Step | None:
        """One step."""
        size, kind = y.size, y.dtype

        def rest(z: Any) -> Any:
            slopes = np.stack([f(t + c * h, y + z[i]) for i, c in enumerate(_C)])
            return z - h * (_A.astype(kind) @ slopes)

        with no_grad():
            start = plain(y)
            field = plain(jacobian(lambda y: f(t, y))(start)).reshape(size, size)
            system = np.eye(3 * size) - h * np.kron(_A, field)
            z = np.zeros((3, size))
            scale = 1e-10 * (1 + np.abs(start).max(initial=0))
            for _ in range(NEWTON):
                change = np.linalg.solve(system, plain(rest(asarray(z))).reshape(-1)).reshape(3, size)
                z = z - change
                if not np.isfinite(z).all():
                    return None
                if np.abs(change).max(initial=0) <= scale:
                    break
            else:
                return None
            raw = plain(slope) + _ERROR @ z / h
            error = np.linalg.solve(np.eye(size) * _REAL / h - field, raw)
        stages = asarray(z.astype(kind))
        if asarray(rest(stages)).node is not None:
            exact = self._slope(f, t, y, h, z)
            for _ in range(ORDERS):
                stages = stages - solve(exact, rest(stages).reshape(-1)).reshape((3, size))
        after = y + stages[2]

        def within(share: Any) -> Any:
            """The polynomial through the start and the stages."""
            nodes = [0.0, *map(float, _C)]
            total = y
            for i in (1, 2, 3):
                weight = math.prod((share - nodes[j]) / (nodes[i] - nodes[j]) for j in range(4) if j != i)
                total = total + weight * stages[i - 1]
            return total

        return Step(after, f(t + h, after), error, within)

    @staticmethod
    def _slope(f: Field, t: float, y: Any, h: float, z: Any) -> Any:
        """The derivative of the equation of the stages, at its solution, as numbers."""
        size = y.size
        with no_grad():
            at = [plain(jacobian(lambda x, c=c: f(t + c * h, x))(plain(y) + z[i])) for i, c in enumerate(_C)]
        blocks = [[-h * _A[i, j] * at[j].reshape(size, size) for j in range(3)] for i in range(3)]
        return np.eye(3 * size) + np.block(blocks)


METHODS: Final[dict[str, Callable[[], Method]]] = {
    "RK45": lambda: Explicit("RK45"), "RK23": lambda: Explicit("RK23"), "Radau": Radau,
}  # fmt: skip
