"""Loops in random programs: Python's own, which are rolled up when they are compiled, and scans."""

from __future__ import annotations

import numpy as np

import pullback as pb


def stepped(kind, s, w, t):
    """What a step of a loop does to a state; none lets it grow."""
    if kind == "decay":
        return s * 0.5 + w * 0.25
    if kind == "tanh":
        return np.tanh(s * w) * 0.5 + 0.1 * t
    if kind == "mean":
        return s - s.mean(axis=-1, keepdims=True)
    if kind == "flip":
        return s[..., ::-1] * 0.5 + w
    if kind == "where":
        return np.where(s > w, s * 0.5, w)
    return np.sin(s + t) * w if kind == "sin" else np.cos(s) * 0.5


def looped(s, w, kinds, steps, stacked):
    """A Python loop that carries a state, each step of several parts."""
    seen = []
    for t in range(steps):
        for kind in kinds:
            s = stepped(kind, s, w, t)
        seen.append(s)
        if t == 3:
            w = w * 0.5
    return pb.stack(seen).mean(0) + s if stacked else s


def scanned(s, w, kinds, steps, reverse):
    """A scan that does the same to a state, and gives all states."""

    def step(s, x):
        for kind in kinds:
            s = stepped(kind, s, x, 1)
        return s, s

    xs = pb.stack([w * (0.5 + 0.1 * t) for t in range(steps)])
    last, seen = pb.scan(step, s, xs, reverse=reverse)
    return last + seen.mean(0)


LOOPS = {"looped", "scanned"}
KINDS = ("decay", "tanh", "mean", "flip", "where", "sin", "cos")


def loop(name):
    """A row of a loop: the text of a call."""

    def text(d, x):
        w = d.shaped(x.shape)
        if w.dtype != x.dtype or x.size > 400:
            w = x
        kinds = tuple(d.one_of(KINDS) for _ in range(d.integer(2, 3)))
        return f"{name}({x}, {w}, {kinds}, {d.integer(1, 9)}, {d.chance(0.5)})"

    return text
