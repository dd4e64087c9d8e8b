"""Compiled against interpreted: results, gradients, and what is written, call after call.

The rule. Shapes, dtypes, places of NaN and of infinities, whole numbers and truth values are the same, and a number
is off by at most SPREADS times the farthest of some runs under `Noise`, plus SPREADS roundings of itself. What differs
between those runs otherwise (a comparison that hangs on a last bit) is not compared. A few runs will do to accept;
before a program is called wrong, there are many.
"""

from __future__ import annotations

import warnings
from contextlib import nullcontext

import numpy as np
from tests.fuzzing.arrays import SCOPE
from tests.fuzzing.noise import Noise
from tests.fuzzing.passes import ALL, only

import pullback as pb
from pullback.core.errors import PullbackError
from pullback.core.modes import ModeContext
from pullback.core.tree import leaves
from pullback.tensors import Tensor

CALLS = 4  # two are recorded; the others run the program
COMPARED = 2  # from this call on
SPREADS = 8
FEW, MANY = 4, 64


class MismatchError(Exception):
    """The compiled function is not the interpreted one; `kind` says in which way, so that smaller ones stay on it."""

    def __init__(self, reason, kind="numbers"):
        super().__init__(reason)
        self.kind = kind


class SilentError(Exception):
    """The interpreted function itself refuses: nothing to compare."""


def run(trial, prepared=lambda f: f, noise=None):
    """All arrays that calls of the trial's function give and leave, by what they are."""
    scope = dict(SCOPE)
    exec(compile(trial.source, "<fuzz>", "exec"), scope)
    step, before, state = scope["build"]()
    step = prepared(step)
    results, found = [], {}
    with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):
        for call in range(CALLS):
            before(call)
            given, again = scope["arguments"](call), scope["arguments"](call)
            with nullcontext() if noise is None else ModeContext(trace=noise):
                results.append(step(*given))
            if not all(np.array_equal(array(a), array(b), equal_nan=True) for a, b in zip(given, again, strict=True)):
                raise MismatchError(f"call {call} changed an argument", "argument")
            found |= {f"state {i} after call {call}": array(x).copy() for i, x in enumerate(state())}
    for call, result in enumerate(results):  # only now: no call may change what an earlier one gave
        found |= {f"result {i} of call {call}": array(x).copy() for i, x in enumerate(leaves(result))}
    return {name: x for name, x in found.items() if int(name.split()[-1]) >= COMPARED}


def array(x):
    """The numbers of a tensor, or of anything else."""
    return np.asarray(x.array if isinstance(x, Tensor) else x)


def check(trial, passes=ALL):
    """Compare, and give the worst error in units of what is allowed; raise MismatchError beyond 1."""
    try:
        expected = run(trial)
    except PullbackError as error:
        raise SilentError(f"{type(error).__name__}: {error}") from error
    except Exception as error:
        raise MismatchError(f"interpreted, raises {type(error).__name__}: {error}", type(error).__name__) from error
    try:
        with only(passes):
            found = run(trial, pb.compile)
    except MismatchError:
        raise
    except Exception as error:
        raise MismatchError(f"raises {type(error).__name__}: {error}", type(error).__name__) from error
    if expected.keys() != found.keys():
        raise MismatchError(f"gives {len(found)} arrays instead of {len(expected)}")
    for name, e in expected.items():
        if (e.shape, e.dtype) != (found[name].shape, found[name].dtype):
            f = found[name]
            raise MismatchError(f"{name} is {f.dtype}{list(f.shape)} instead of {e.dtype}{list(e.shape)}", "shape")
    if all(np.array_equal(e, found[name], equal_nan=e.dtype.kind == "f") for name, e in expected.items()):
        return 0.0
    samples = []
    for count in (FEW, MANY):
        samples += [run(trial, noise=Noise(number)) for number in range(len(samples), count)]
        worst, name, place = max(excess(name, e, found[name], samples) for name, e in expected.items())
        if worst <= 1:
            return worst
    e, f = expected[name].flat[place], found[name].flat[place]
    raise MismatchError(f"{name}, element {place}, is {f!r} instead of {e!r}: {worst:.3g} times what is allowed")


def excess(name, expected, found, samples):
    """The greatest error in units of the bound, and where it is."""
    if expected.size == 0:
        return 0.0, name, 0
    with np.errstate(all="ignore"):
        spread = np.max([apart(expected, sample[name]) for sample in samples], axis=0)
        error = apart(expected, found)
        units = np.where(error == 0, 0, error / (SPREADS * (spread + rounding(expected))))
    units = np.where(np.isnan(units), 0, units).ravel()  # both are infinite: undecided
    place = int(np.argmax(units))
    return float(units[place]), name, place


def rounding(x):
    """A unit in the last place; of no number that is not finite, or whole."""
    if x.dtype.kind != "f":
        return 0
    facts = np.finfo(x.dtype)
    return np.where(np.isfinite(x), np.abs(x) * facts.eps + facts.smallest_normal, 0).astype(float)


def apart(a, b):
    """How far numbers are from each other; infinitely where one is not finite and the other another, or whole."""
    if a.dtype.kind != "f":
        return np.where(a == b, 0.0, np.inf)
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    difference = np.abs(a.astype(float) - b)
    return np.where(same, 0, np.where(np.isfinite(difference), difference, np.inf))
