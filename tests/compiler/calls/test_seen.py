"""What a function looks at of Python's values, and its program answers for: each changes when the program is made."""

from __future__ import annotations

import array
import collections
import contextvars
import ctypes
import functools
import operator
import queue
from types import SimpleNamespace

import numpy as np
import pytest

import pullback as pb
from pullback.compiler.calls import guards
from pullback.compiler.calls.paths import MOST_INSTALLED, Path

VARIABLE = contextvars.ContextVar("VARIABLE", default=1.0)
NUMBER = 1.0


class Own:
    """Where a method stands, and another one."""

    rate = 1.0

    def work(self, x):
        return x * 2

    @functools.cached_property
    def made(self):
        return self.rate


class Other(Own):
    """The same, but for the method."""

    def work(self, x):
        return x * 3


class Doubles(pb.nn.Module):
    """A module of the user's."""

    def forward(self, x):
        return x * 2


class Triples(Doubles):
    """Another."""

    def forward(self, x):
        return x * 3


def functions():
    """A function with defaults of both kinds."""

    def scaled(x, by=1.0, *, more=1.0):
        return x * by * more

    return scaled


def set_number(_):
    global NUMBER
    NUMBER += 1.0


def queued():
    line = queue.Queue()
    line.put(1.0)
    return line


# What is captured, how it is changed, and what is computed with it.
ROWS = {
    "class": (Own, lambda o: setattr(o, "__class__", Other), lambda o, x: o.work(x)),
    "class of a module": (Doubles, lambda o: setattr(o, "__class__", Triples), lambda o, x: o(x)),
    "code": (functions, lambda f: setattr(f, "__code__", (lambda x, by=1.0: x - by).__code__), lambda f, x: f(x)),
    "defaults": (functions, lambda f: setattr(f, "__defaults__", (4.0,)), lambda f, x: f(x)),
    "defaults by name": (functions, lambda f: f.__kwdefaults__.update(more=4.0), lambda f, x: f(x)),
    "variable of a context": (lambda: VARIABLE, lambda v: v.set(v.get() + 1), lambda v, x: x * v.get()),
    "attribute by a getter": (lambda: SimpleNamespace(a=SimpleNamespace(b=1.0)), lambda o: setattr(o.a, "b", 2.0),
                              lambda o, x: x * operator.attrgetter("a.b")(o)),
    "eval": (lambda: None, set_number, lambda _, x: x * eval("NUMBER")),
    "__dict__": (Own, lambda o: setattr(o, "rate", 3.0), lambda o, x: x * o.__dict__.get("rate", 1.0)),
    "cached property": (Own, lambda o: setattr(o, "made", 3.0), lambda o, x: x * o.made),
    "bytearray": (lambda: bytearray(b"ab"), lambda o: o.__setitem__(0, 9), lambda o, x: x * o[0]),
    "array.array": (lambda: array.array("d", [1.0]), lambda o: o.__setitem__(0, 9.0), lambda o, x: x * o[0]),
    "memoryview": (lambda: memoryview(bytearray(b"ab")), lambda o: o.__setitem__(0, 9), lambda o, x: x * o[0]),
    "ctypes": (lambda: ctypes.c_double(1.0), lambda o: setattr(o, "value", 9.0), lambda o, x: x * o.value),
    "array of objects": (lambda: np.array([1.0, "a"], object), lambda o: o.__setitem__(0, 9.0), lambda o, x: x * o[0]),
    "shape of an array": (lambda: np.ones(3), lambda o: o.resize((3, 1), refcheck=False),
                          lambda o, x: x * o.ndim),
    "queue": (queued, lambda o: o.put(2.0), lambda o, x: x * o.qsize()),
    "order of a dict": (lambda: {"a": 1.0, "b": 2.0}, lambda o: o.update(a=o.pop("a")),
                        lambda o, x: x * next(iter(o.values()))),
    "counter": (lambda: collections.Counter("aab"), lambda o: o.update("a"), lambda o, x: x * o["a"]),
    "requires_grad": (lambda: pb.tensor([1.0]), lambda o: setattr(o, "requires_grad", True),
                      lambda o, x: x * (2 if o.requires_grad else 3)),
    "name of a tensor": (lambda: pb.tensor([1.0]), lambda o: setattr(o, "name", "bias"),
                         lambda o, x: x * (2 if o.name is None else 3)),
}  # fmt: skip


@pytest.mark.parametrize("row", ROWS)
def test_what_changes_is_seen(row):
    make, change, work = ROWS[row]
    captured = make()

    def program(x):
        return work(captured, x)

    compiled, x = pb.compile(program), np.array([1.0, -2.0, 3.0])
    before = [compiled(x).tolist() for _ in range(4)]
    change(captured)
    after = np.asarray(program(pb.tensor(x)))
    assert before[-1] != after.tolist()
    for _ in range(4):
        np.testing.assert_array_equal(compiled(x), after)


@pytest.mark.parametrize("read", [lambda d: d.astype(np.float32), lambda d: d[[1, 2, 3]], lambda d: float(d[0, 0])])
def test_large_arrays_are_seen_where_numpy_computes_from_them(read):
    data, x = np.ones((1000, 20)), np.ones(20)
    compiled = pb.compile(lambda x: (x * read(data)).sum())
    for _ in range(4):
        compiled(x)
    data[:] = 3.0
    assert compiled(x).item() == 3 * (x * read(np.ones((1000, 20)))).sum()


def test_numbers_of_another_library_are_seen():
    torch = pytest.importorskip("torch")
    held = torch.ones(3)
    compiled = pb.compile(lambda x: x * float(held[0]))
    for _ in range(4):
        compiled(np.ones(2))
    held[0] = 7.0
    assert compiled(np.ones(2)).tolist() == [7.0, 7.0]


def test_a_name_with_a_dot_is_one_name():
    class Named:
        pass

    setattr(Named, "one.two", 3.0)
    held = Named()
    compiled = pb.compile(lambda x: x * getattr(held, "one.two"))
    for _ in range(4):
        assert compiled(np.ones(1)).tolist() == [3.0]
    setattr(Named, "one.two", 4.0)
    assert compiled(np.ones(1)).tolist() == [4.0]


def test_an_assert_that_pytest_has_rewritten_leads_nowhere():
    def f(x):
        assert x.shape == (2,), "two"
        return x * NUMBER

    assert [fact.label for fact in guards.Dependencies(f).names if fact.label.startswith("@")] == []
    assert "NUMBER" in [fact.label for fact in guards.Dependencies(f).names]


def test_of_installed_packages_the_nearest_functions_alone_are_followed(tmp_path, monkeypatch):
    lines = [f"def f{i}(x):\n    return f{i + 1}(x)\n" for i in range(4 * MOST_INSTALLED)]
    (tmp_path / "chained.py").write_text("".join([*lines, f"def f{len(lines)}(x):\n    return x\n"]), encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    import chained

    followed = []
    follow = Path.follow
    monkeypatch.setattr(Path, "follow", lambda path: (followed.append(path), follow(path)))
    monkeypatch.setattr(guards, "owner_of", lambda file: "installed" if file == chained.__file__ else "user")
    compiled = pb.compile(lambda x: chained.f0(x) * 2)
    assert compiled(np.ones(1)).tolist() == [2.0]
    assert MOST_INSTALLED <= len(followed) <= MOST_INSTALLED + 2


def test_a_column_of_another_library_is_known_by_its_numbers():
    pandas = pytest.importorskip("pandas")
    column = pandas.Series(np.arange(6.0))

    def f(w):
        return (column.to_numpy() * w).sum() + column.max()

    assert len(guards.Dependencies(f).names) < 50  # its methods are not followed into pandas
    step = pb.compile(f)
    for _ in range(3):
        assert float(step(2.0)) == 35.0
    column[0] = 10.0
    assert float(step(2.0)) == 60.0
