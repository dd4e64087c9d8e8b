"""The fast path into a program: which calls take it, and that no other does."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, NamedTuple

import numpy as np
import pytest

import pullback as pb
from pullback.compiler.calls.attributes import Attributes
from pullback.compiler.calls.call import Call
from pullback.core.tree import leaves, tree_map

x, y = np.array([1.0, 2.0, 3.0]), np.array([0.5, 0.25, 4.0])
tx, ty = pb.tensor(x), pb.tensor(y)
leaf = pb.tensor(y, requires_grad=True)


class Pair(NamedTuple):
    a: Any
    b: Any


def call(*args, **kwargs):
    return args, kwargs


def plainly(f, args, kwargs):
    """What a function gives for tensors in place of arrays."""
    boxed = tree_map(lambda v: pb.tensor(v) if isinstance(v, (np.ndarray, np.generic)) else v, [args, kwargs])
    return f(*boxed[0], **boxed[1])


FAST = {
    "arrays by name": (lambda a, b: a - b, call(a=x, b=y)),
    "tensors by name": (lambda a, b: a - b, call(b=ty, a=tx)),
    "some by name": (lambda a, b, *, scale: (a - b) * scale, call(x, b=ty, scale=2.0)),
    "a dict": (lambda p, a: p["a"] - p["b"] * a, call({"a": tx, "b": y}, a=ty)),
    "a dict by name": (lambda p: p["a"] - p["b"], call(p={"b": y, "a": tx})),
    "a list": (lambda p, a: p[0] - p[1] * a, call([tx, ty], x)),
    "a tuple with a flag": (lambda p: p[0] - p[1] if p[2] else p[0], call((x, y, True))),
    "nothing in a list": (lambda p, a: a * len(p), call([], x)),
    "a leaf in a dict": (lambda p, a: pb.grad(lambda w: (w * w * a).sum())(p["w"].detach()), call({"w": leaf}, x)),
}


@pytest.mark.parametrize("name", FAST)
def test_arguments_that_take_the_fast_path(name, monkeypatch):
    f, (args, kwargs) = FAST[name]
    step, expected = pb.compile(f), plainly(f, args, kwargs).numpy()
    for _ in range(3):
        step(*args, **kwargs)
    monkeypatch.setattr(Call, "of", None)
    for _ in range(2):
        np.testing.assert_array_equal(step(*args, **kwargs), expected)
    assert "2 calls recorded, 3 run as a program" in step.explain()


def of_any(*args, **kwargs):
    """A result that shows what it was given, and as what."""
    names = [*kwargs, *(type(value).__name__ for value in (*args, *kwargs.values()))]
    total = sum((k + 1) * v for k, v in enumerate(leaves((args, kwargs))))
    return total, names, [list(v) for v in (*args, *kwargs.values()) if isinstance(v, dict)]


CALLS = [
    call({"a": x, "b": y}), call({"b": x, "a": y}), call({"a": x}), call({"a": x, "b": y, "c": y}), call([x, y]),
    call((x, y)), call(x, y), call(Pair(x, y)), call(OrderedDict(a=x, b=y)), call({"a": x, "b": [y]}),
    call({"a": x, "b": 2.0}), call({"a": x, "b": 3.0}), call({"a": x, "b": 3}), call({1: x, "b": y}),
    call({True: x, "b": y}), call({"1": x, "b": y}),
    call(a=x, b=y), call(b=y, a=x), call(a=x), call(x, b=y), call([x], y), call([x, y[:2].sum()]), call([tx, y]),
]  # fmt: skip


@pytest.mark.parametrize("first", range(len(CALLS)))
def test_no_other_arguments_take_it(first, recwarn):
    step = pb.compile(of_any)
    args, kwargs = CALLS[first]
    for number in (*range(first), *range(first + 1, len(CALLS)))[first % 2 :: 2]:
        for _ in range(3):
            step(*args, **kwargs)
        others, named = CALLS[number]
        got, expected = step(*others, **named), plainly(of_any, others, named)
        np.testing.assert_array_equal(got[0], expected[0])
        assert got[1:] == expected[1:]


@pytest.mark.parametrize("value", [np.float64(2.0), np.float32(3.0), tx, 2.0, True], ids=str)
def test_a_static_number_or_tensor_is_not_given(value):
    step = pb.compile(lambda a, b: a * b, static_argnums=1)
    for _ in range(5):
        np.testing.assert_array_equal(step(x, value), x * np.asarray(value))
    assert "2 calls recorded, 3 run as a program" in step.explain()


def test_a_tensor_that_came_to_be_tracked_does_not_take_it():
    step = pb.compile(lambda p: p["w"] * 2)
    w = pb.tensor(x)
    for _ in range(4):
        step({"w": w})
    w.requires_grad = True
    assert step({"w": w}).requires_grad


def test_of_a_large_container_the_number_of_values_is_watched():
    many, rows = dict.fromkeys(range(300), 2.0), [1.0] * 300
    step = pb.compile(lambda a: a * len(many) + len(rows))
    for _ in range(4):
        np.testing.assert_array_equal(step(x), x * 300 + 300)
    many[300] = 2.0
    rows.pop()
    np.testing.assert_array_equal(step(x), x * 301 + 299)


@pytest.mark.parametrize("checking", ["0", "1"])
def test_the_path_itself_is_nothing_that_a_caller_depends_on(checking, monkeypatch):
    monkeypatch.setenv("PULLBACK_CHECK", checking)
    f = pb.compile(lambda a: a * 2)
    for _ in range(3):
        f(x)
    assert f._fast is not None
    held = list(Attributes(None).held(f))
    assert f._f in held
    assert f._fast not in held
