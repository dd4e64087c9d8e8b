"""Loops as people write them: functions with a Python loop, and arrays to call them with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import pullback as pb
from pullback.core.tree import leaves, rebuild
from pullback.programs.program import Program
from pullback.programs.recording import record

LOOPS: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {}
_rng = np.random.default_rng(0)


def loop(*args: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Note a function with its arguments."""

    def note(f: Callable[..., Any]) -> Callable[..., Any]:
        LOOPS[f.__name__] = f, args
        return f

    return note


def recorded(f: Callable[..., Any], args: tuple[Any, ...]) -> tuple[Program, list[Any]]:
    """A function as a program, and the arrays that it is given."""
    flat = leaves([*args])

    def fill(tracer: Any) -> tuple[Any, dict[str, Any]]:
        given = [tracer.argument(x, f"a{i}", i) for i, x in enumerate(flat)]
        return rebuild([*args], given), {}

    return record(f, fill, "program")[1].program, flat


def _normal(*shape: int) -> Any:
    return _rng.normal(size=shape)


@loop(_normal(6))
def helper(x):
    def step(y, t):
        return np.tanh(y * 0.9 + x * t)

    y = x
    for t in range(40):
        y = step(y, 0.1 * t)
    return y.sum()


@loop(_normal(20, 5), _normal(20, 5), _normal(5))
def zipped(a, b, w):
    s = w * 0
    for x, y in zip(a, b, strict=True):
        s = s * 0.5 + np.tanh(x * w) - y * s
    return (s * s).sum()


@loop(_normal(20, 5), _normal(5))
def backwards(a, w):
    s = w
    for t in reversed(range(20)):
        s = np.sin(s) * 0.9 + a[t] * w
    for x in a[::-1]:
        s = s + np.cos(x * s) * 0.1
    return s.sum()


@loop([_normal(5) for _ in range(20)], _normal(5))
def lists(xs, w):
    ys, s = [], w
    for x in xs:
        s = np.tanh(s * w + x) + np.cos(s)
        ys.append(s)
    total = 0.0
    for y, x in zip(reversed(ys), xs, strict=True):
        total = total + (y * x).sum()
    return total + np.stack(ys).sum() + np.concatenate(ys[::-1]).std()


@loop(_normal(5), _normal(5))
def interleaved(w, v):
    s = v
    for i in range(40):
        s = np.tanh(s * w + v) if i % 2 else np.sin(s + w) * v
    return s.sum()


@loop(_normal(5), _normal(5))
def in_turn(w, v):
    a, b = w, v
    for _ in range(40):
        a, b = b, np.tanh(a * w + b)
    return (a * b).sum()


@loop(_normal(5), _normal(5))
def conditions(w, v):
    s = v
    for i in range(60):
        s = np.tanh(s * w) + v
        if i == 40:
            s = s * 2 + np.cos(s)
        if i % 20 == 0:
            s = s * 0.5
    return s.sum()


@loop(_normal(6, 6) * 0.3, _normal(6))
def nested(w, x):
    y = x
    for _ in range(8):
        z = y
        for _ in range(14):
            z = np.tanh(z * 0.9 + x) + y * 0.1
        y = y * 0.5 + z @ w
    return (y * y).sum()


@loop(_normal(8, 14, 6), _normal(6))
def nested_over_an_array(a, x):
    y = x
    for i in range(8):
        z = y
        for j in range(14):
            z = np.tanh(z * 0.9 + a[i, j]) + y * 0.1
        y = y * 0.5 + z
    return (y * y).sum()


@loop(_normal(10, 4), _normal(10), _normal(4))
def meta_gradient(x, y, rate):
    w = m = rate * 0

    def loss(w):
        return ((x @ w - y) ** 2).mean()

    for _ in range(12):
        m = 0.9 * m + pb.grad(loss)(w)
        w = w - 0.1 * pb.exp(rate) * m
    return loss(w)


@loop(_normal(8))
def two_steps_back(x):
    a, b = x * 0.1, x
    for _ in range(40):
        a, b = b, np.sin(2 * b - a)
    return b.sum()


@loop(_normal(7))
def windows(x):
    s = x[:3] * 0
    y = np.concatenate([x] * 7)
    for i in range(40):
        s = np.tanh(s + y[i : i + 3]) * 1.1 + s * y[i + 2]
    return s.sum()


@loop(_normal(30, 4), _normal(4))
def filled(a, w):
    out = pb.zeros((30, 4))
    s = w
    for i in range(30):
        s = np.tanh(s * w + a[i] * 0.5)
        out[i] = s
    return (out * a).sum()


@loop(_normal(30, 4), _normal(4))
def flags(a, w):
    out = pb.zeros((30, 4), dtype=bool)
    s = w
    for i in range(30):
        s = np.tanh(s * w + a[i] * 0.5)
        out[i] = s > 0.1
    return np.where(out, a, -w).sum() + s.sum()


@loop(_normal(5))
def terms(x):
    return sum([np.sin(x * i).sum() * 0.1 for i in range(40)])


@loop(_normal(3, 20), _normal(3))
def columns(a, w):
    s = w
    for t in range(20):
        s = np.tanh(s * w + a[:, t]) * w + np.cos(s)
    return s.sum()


@loop(_normal(20, 4), _normal(4, 4) * 0.5, _normal(4))
def two_passes(a, w, h):
    for xs in (a, a * 2):
        for t in range(20):
            h = np.tanh(h @ w + xs[t])
    return h.sum()


@loop(_normal(15, 2, 6), _normal(6, 6) * 0.4, _normal(2, 6))
def recurrent(a, w, h):
    for t in range(15):
        h = np.tanh(a[t] @ w + h @ w)
    return (h**2).sum()


@loop(_normal(8))
def made_on_the_way(x):
    s = x
    for i in range(40):
        s = np.sin(s) + x * 0.1
        if i == 10:
            c = np.cos(s)
        if i >= 10:
            s = s * c
    return s.sum()


@loop(_normal(8).astype(np.float32))
def single(x):
    s = x
    for i in range(30):
        s = s * 0.9 + np.float32(0.1) * np.sin(x * (i + 0.5)) ** 2
    return s.sum()


@loop(_normal(12), _normal(12))
def optimized(x, target):
    w, m, v = x, x * 0, x * 0
    for i in range(1, 15):
        g = 2 * (w - target) * np.exp(-((w - target) ** 2))
        m = 0.9 * m + 0.1 * g
        v = 0.99 * v + 0.01 * g * g
        w = w - 0.1 * (m / (1 - 0.9**i)) / (np.sqrt(v / (1 - 0.99**i)) + 1e-8)
    return ((w - target) ** 2).sum()


@loop(_normal(7))
def runge_kutta(x):
    def f(y):
        return x * np.concatenate([np.ones(1), y[:-1]])

    y, h = x * 0, 0.2
    for _ in range(10):
        k1 = f(y)
        k2 = f(y + h / 2 * k1)
        k3 = f(y + h / 2 * k2)
        k4 = f(y + h * k3)
        y = y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return y[-1]


@loop(_normal(2, 2, 12), _normal(2, 2, 3), _normal(16, 3))
def lstm(w, s, xs):
    hidden, cell, total = [s[0, 0], s[1, 0]], [s[0, 1], s[1, 1]], 0.0
    for t in range(15):
        x = xs[t]
        for l in range(2):
            g = np.concatenate([x, hidden[l], x, hidden[l]]) * w[l, 0] + w[l, 1]
            forget, let_in, let_out = pb.sigmoid(g[:3]), pb.sigmoid(g[3:6]), pb.sigmoid(g[6:9])
            cell[l] = cell[l] * forget + let_in * np.tanh(g[9:])
            x = hidden[l] = let_out * np.tanh(cell[l])
        total = total + (xs[t + 1] * (x - np.log(2 + np.exp(x).sum()))).sum()
    return -total
