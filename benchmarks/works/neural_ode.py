"""A neural differential equation: 2-64-2, with steps that choose their length; the gradient goes back through them.

All contestants take the steps of Dormand and Prince, by the same rule for their length. Pullback's eager one is
`solve_ivp`; compiled, the program is that of one step and that of its gradient, which Python calls as often as needed.
PyTorch's is written as torchdiffeq is.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

import numpy as np
from contest import COMPILED, Step, Target, Work

HIDDEN: Final = 64
END: Final = 4.0
FIRST: Final = 0.05  # length of the first step
RTOL, ATOL = 1e-6, 1e-8

# The pair of Dormand and Prince (1980): the stages, and what tells the error.
NODES: Final = (0.2, 0.3, 0.8, 8 / 9, 1.0, 1.0)
STAGES: Final = (
    (1 / 5,),
    (3 / 40, 9 / 40),
    (44 / 45, -56 / 15, 32 / 9),
    (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729),
    (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656),
    (35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84),
)
ERROR: Final = (-71 / 57600, 0.0, 71 / 16695, -71 / 1920, 17253 / 339200, -22 / 525, 1 / 40)

work: Final = Work(
    "neural-ode", f"a neural differential equation, 2-{HIDDEN}-2, adaptive: its gradient by the weights",
    Target(0.2, against="torch", contestant=COMPILED), reference="torch", tolerance=1e-8,
)  # fmt: skip


def data() -> tuple[tuple[Any, ...], Any, Any]:
    """Weights, where it begins, and where it should end."""
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(HIDDEN, 2)), rng.normal(size=HIDDEN), rng.normal(size=(2, HIDDEN)) / 8, np.zeros(2)
    return weights, np.array([2.0, 0.0]), np.array([0.0, 1.0])


def field(xp: Any, y: Any, w1: Any, b1: Any, w2: Any, b2: Any) -> Any:
    """The slope at y."""
    return w2 @ xp.tanh(w1 @ y + b1) + b2


def stepped(xp: Any, y: Any, slope: Any, h: Any, *weights: Any) -> tuple[Any, Any, Any]:
    """One step: the value and the slope at its end, and the error's estimate."""
    slopes, after = [slope], y
    for stage in STAGES:
        after = y + h * sum(c * k for c, k in zip(stage, slopes, strict=True) if c)
        slopes.append(field(xp, after, *weights))
    return after, slopes[-1], h * sum(c * k for c, k in zip(ERROR, slopes, strict=True) if c)


def walk(
    one: Callable[[Any, Any, float], tuple[Any, Any, Any]], numbers: Callable[[Any], Any], y: Any, slope: Any
) -> Any:
    """Take steps to the end, each as long as its error allows; gives the last value, and each step's length."""
    t, h, lengths = 0.0, FIRST, list[float]()
    while t < END:
        rejected = False
        while True:
            last = h >= (END - t) * (1 - 1e-12)
            h = END - t if last else h
            after, next_slope, error = one(y, slope, h)
            a, b, e = map(numbers, (y, after, error))
            scaled = [x / (ATOL + RTOL * max(abs(u), abs(v))) for x, u, v in zip(e, a, b, strict=True)]
            size = math.sqrt(sum(x * x for x in scaled) / len(scaled))
            grow = 10.0 if size == 0 else min(10.0, 0.9 * size**-0.2)
            if size < 1:
                break
            h, rejected = h * max(0.2, grow), True
        t, y, slope = (END if last else t + h), after, next_slope
        lengths.append(h)
        h *= max(0.2, min(1.0, grow) if rejected else grow)
    return y, lengths


@work.contestant("pullback")
def eager() -> Step:
    import pullback as pb

    weights, start, wanted = data()

    def loss(*weights: Any) -> Any:
        found = pb.integrate.solve_ivp(
            lambda t, y: field(pb, y, *weights), (0, END), start, rtol=RTOL, atol=ATOL, first_step=FIRST
        )
        return pb.square(found.y[:, -1] - wanted).sum()

    both = pb.value_and_grad(loss, argnums=(0, 1, 2, 3))
    return lambda: both(*weights)


@work.contestant(COMPILED)
def compiled() -> Step:
    import pullback as pb

    weights, start, wanted = data()

    def back(y: Any, slope: Any, h: Any, weights: Any, of_y: Any, of_slope: Any, total: Any) -> Any:
        _, pull = pb.vjp(lambda y, slope, *w: stepped(pb, y, slope, h, *w)[:2], y, slope, *weights)
        of_y, of_slope, *more = pull((of_y, of_slope))
        return of_y, of_slope, tuple(a + b for a, b in zip(total, more, strict=True))

    forward = pb.compile(lambda y, slope, h, *w: stepped(pb, y, slope, h, *w))
    first, backward = pb.compile(lambda y, *w: field(pb, y, *w)), pb.compile(back)
    first_back = pb.compile(lambda y, of_slope, *w: pb.vjp(lambda *w: field(pb, y, *w), *w)[1](of_slope))

    def step() -> Any:
        kept = []

        def one(y: Any, slope: Any, h: float) -> Any:
            length = pb.tensor(h)
            given = y, slope, length
            made = forward(*given, *weights)
            kept.append((h, given))
            return made

        y, slope = pb.tensor(start), first(start, *weights)
        y, lengths = walk(one, lambda x: x.tolist(), y, slope)
        rest = y.numpy() - wanted
        of_y, of_slope = pb.tensor(2 * rest), pb.tensor(np.zeros(2))
        total: Any = tuple(map(np.zeros_like, weights))
        for h in reversed(lengths):
            length, given = kept.pop()
            while length != h:  # it was tried, and was too long
                length, given = kept.pop()
            of_y, of_slope, total = backward(*given, weights, of_y, of_slope, total)
        return rest @ rest, [a + b for a, b in zip(total, first_back(start, of_slope, *weights), strict=True)]

    return step


@work.contestant("torch")
def of_torch() -> Step:
    import torch

    weights, start, wanted = data()
    given, y0, target = (
        [torch.tensor(w, requires_grad=True) for w in weights],
        torch.tensor(start),
        torch.tensor(wanted),
    )

    def step() -> Any:
        for w in given:
            w.grad = None

        def one(y: Any, slope: Any, h: float) -> Any:
            return stepped(torch, y, slope, h, *given)

        y, _ = walk(one, lambda x: x.tolist(), y0, field(torch, y0, *given))
        value = (y - target).square().sum()
        value.backward()
        return value.detach().numpy(), [w.grad.numpy() for w in given]

    return step
