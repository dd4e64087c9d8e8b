"""Little programs as strangers write them: each is run as it is written and compiled, and must answer the same.

A program is given what makes a step (`pb.compile`, or nothing), and yields what each call gave. It changes what it
likes in between. Compiled, it may also raise TraceError, where its row says so.
"""

from __future__ import annotations

import collections
import contextlib
import enum
import functools
import importlib
import itertools
import os
import random
import sys
import tempfile
import threading
import types
import weakref
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import pullback as pb
from pullback import nn, optim

PROGRAMS: dict[str, Any] = {}
REFUSED: set[str] = set()  # programs that change Python's values, draw random numbers or advance iterators


def program(f):
    """A program that answers the same."""
    PROGRAMS[f.__name__] = f
    return f


def refused(f):
    """A program that may raise TraceError instead."""
    REFUSED.add(f.__name__)
    return program(f)


def repeated(f, value, times):
    """What a function gives for a value, so many times."""
    for _ in range(times):
        yield f(value)


x = np.array([1.0, 2.0])
t = pb.tensor(x)
GLOBAL, FLAG, TABLE = 2.0, False, {"scale": 2.0, "nested": {"deep": [1.0, 2.0]}}


class Color(enum.Enum):
    RED = 1
    BLUE = 2


@dataclass
class Config:
    lr: float = 0.5
    layers: list[float] = field(default_factory=lambda: [1.0, 2.0])
    mode: Color = Color.RED


class Pair(NamedTuple):
    a: Any
    b: Any


def helper(v):
    return v * GLOBAL


def outer_helper(v):
    return helper(v) + 1.0


@program
def global_number(c):
    global GLOBAL
    GLOBAL = 2.0
    f = c(lambda v: v * GLOBAL)
    yield from repeated(f, t, 4)
    GLOBAL = 3.0
    yield from repeated(f, t, 4)


@program
def global_read_by_a_helper_of_a_helper(c):
    global GLOBAL
    GLOBAL = 2.0
    f = c(lambda v: outer_helper(v))
    yield from repeated(f, t, 4)
    GLOBAL = 3.0
    yield from repeated(f, t, 4)


@program
def nested_dict_of_lists(c):
    TABLE["nested"]["deep"][1] = 2.0
    f = c(lambda v: v * TABLE["nested"]["deep"][1])
    yield from repeated(f, t, 4)
    TABLE["nested"]["deep"][1] = 5.0
    yield from repeated(f, t, 4)


@program
def dict_with_get(c):
    cfg = {"scale": 2.0}
    f = c(lambda v: v * cfg.get("scale", 1.0) + cfg.get("shift", 0.0))
    yield from repeated(f, t, 3)
    cfg["shift"] = 1.0
    yield from repeated(f, t, 3)
    del cfg["scale"]
    yield from repeated(f, t, 4)


@program
def dataclass_fields(c):
    cfg = Config()
    f = c(lambda v: v * cfg.lr if cfg.mode is Color.RED else v * cfg.layers[0])
    yield from repeated(f, t, 3)
    cfg.lr = 0.25
    yield from repeated(f, t, 3)
    cfg.mode = Color.BLUE
    yield from repeated(f, t, 3)
    cfg.layers[0] = 7.0
    yield from repeated(f, t, 3)


@program
def loop_over_a_list_of_objects(c):
    class Layer:
        def __init__(self, w):
            self.w = w

        def __call__(self, v):
            return v * self.w

    layers = [Layer(1.0), Layer(2.0)]

    def net(v):
        for layer in layers:
            v = layer(v)
        return v

    f = c(net)
    yield from repeated(f, t, 3)
    layers[1].w = 5.0
    yield from repeated(f, t, 3)
    layers.append(Layer(3.0))
    yield from repeated(f, t, 3)
    layers.reverse()
    del layers[0]
    yield from repeated(f, t, 3)


@program
def comprehension_over_closures(c):
    fs = [lambda v, s=s: v * s for s in (1.0, 2.0)]
    f = c(lambda v: sum(g(v) for g in fs))
    yield from repeated(f, t, 4)
    fs[0] = lambda v: v * 10.0
    yield from repeated(f, t, 4)


@program
def method_replaced_on_the_class(c):
    class Model:
        def forward(self, v):
            return v * 2.0

    m = Model()
    f = c(lambda v: m.forward(v))
    yield from repeated(f, t, 4)
    Model.forward = lambda self, v: v * 3.0
    yield from repeated(f, t, 4)


@program
def method_replaced_on_the_object(c):
    class Model:
        def forward(self, v):
            return v * 2.0

    m = Model()
    f = c(lambda v: m.forward(v))
    yield from repeated(f, t, 4)
    m.forward = lambda v: v * 3.0
    yield from repeated(f, t, 4)


@program
def inherited_method_replaced_in_the_parent(c):
    class Parent:
        scale = 2.0

        def forward(self, v):
            return v * self.scale

    class Child(Parent):
        def forward(self, v):
            return super().forward(v) + 1.0

    m = Child()
    f = c(lambda v: m.forward(v))
    yield from repeated(f, t, 4)
    Parent.forward = lambda self, v: v * 9.0
    yield from repeated(f, t, 4)
    Child.forward = lambda self, v: v - 1.0
    yield from repeated(f, t, 4)


@program
def class_attribute_shadowed_by_the_object(c):
    class Model:
        scale = 2.0

    m = Model()
    f = c(lambda v: v * m.scale)
    yield from repeated(f, t, 3)
    m.scale = 3.0
    yield from repeated(f, t, 3)
    del m.scale
    yield from repeated(f, t, 3)
    Model.scale = 4.0
    yield from repeated(f, t, 3)


@program
def property_of_a_property(c):
    class Model:
        def __init__(self):
            self._half = 1.0

        @property
        def whole(self):
            return self._half * 2

        @property
        def scale(self):
            return self.whole + 1

    m = Model()
    f = c(lambda v: v * m.scale)
    yield from repeated(f, t, 4)
    m._half = 4.0
    yield from repeated(f, t, 4)


@program
def user_descriptor(c):
    class Field:
        def __set_name__(self, owner, name):
            self.name = "_" + name

        def __get__(self, owner, kind=None):
            return self if owner is None else getattr(owner, self.name)

        def __set__(self, owner, value):
            setattr(owner, self.name, value)

    class Model:
        scale = Field()

    m = Model()
    m.scale = 2.0
    f = c(lambda v: v * m.scale)
    yield from repeated(f, t, 4)
    m.scale = 5.0
    yield from repeated(f, t, 4)


@program
def getattr_object(c):
    class Cfg:
        def __init__(self):
            self.values = {"scale": 2.0}

        def __getattr__(self, name):
            return self.__dict__["values"][name]

    cfg = Cfg()
    f = c(lambda v: v * cfg.scale)
    yield from repeated(f, t, 4)
    cfg.values["scale"] = 5.0
    yield from repeated(f, t, 4)


@program
def computed_attribute_names(c):
    class Cfg:
        low, high = 1.0, 2.0

    cfg = Cfg()
    cfg.high = 3.0

    def step(v):
        for name in ("low", "high"):
            v = v * getattr(cfg, name)
        return v

    f = c(step)
    yield from repeated(f, t, 4)
    cfg.high = 7.0
    yield from repeated(f, t, 4)
    Cfg.low = 3.0
    yield from repeated(f, t, 4)


@program
def slots(c):
    class Point:
        __slots__ = ("a",)

    p = Point()
    p.a = 2.0
    f = c(lambda v: v * p.a)
    yield from repeated(f, t, 4)
    p.a = 5.0
    yield from repeated(f, t, 4)


@program
def weak_reference(c):
    class Box:
        w = 2.0

    box, other = Box(), Box()
    other.w = 9.0
    ref = weakref.ref(box)
    f = c(lambda v: v * ref().w)
    yield from repeated(f, t, 4)
    box.w = 5.0
    yield from repeated(f, t, 4)


@program
def named_tuple_replaced(c):
    pair = Pair(2.0, [3.0])
    f = c(lambda v: v * pair.a + pair.b[0])
    yield from repeated(f, t, 4)
    pair.b[0] = 5.0
    yield from repeated(f, t, 4)
    pair = pair._replace(a=7.0)
    yield from repeated(f, t, 4)


@program
def operators_of_a_users_class(c):
    class Scale:
        def __init__(self, s):
            self.s = s

        def __mul__(self, v):
            return v * self.s

        def __len__(self):
            return int(self.s)

        def __getitem__(self, i):
            return self.s + i

        def __iter__(self):
            return iter([self.s, 1.0])

        def __contains__(self, v):
            return v == self.s

    s = Scale(2.0)
    f = c(lambda v: (s * v) * len(s) + s[1] + sum(s) + (2.0 in s))
    yield from repeated(f, t, 4)
    s.s = 3.0
    yield from repeated(f, t, 4)


@program
def context_manager_of_ones_own(c):
    class Scaled:
        factor = 2.0

        def __enter__(self):
            return self.factor

        def __exit__(self, *_):
            pass

    s = Scaled()

    def step(v):
        with s as factor:
            return v * factor

    f = c(step)
    yield from repeated(f, t, 4)
    Scaled.factor = 3.0
    yield from repeated(f, t, 4)


@program
def generator_based_context(c):
    level = [2.0]

    @contextlib.contextmanager
    def scaled():
        yield level[0]

    def step(v):
        with scaled() as s:
            return v * s

    f = c(step)
    yield from repeated(f, t, 4)
    level[0] = 3.0
    yield from repeated(f, t, 4)


@program
def partial_of_a_method(c):
    class Model:
        w = 2.0

        def forward(self, a, v):
            return v * self.w * a

    m = Model()
    g = functools.partial(m.forward, 3.0)
    f = c(lambda v: g(v))
    yield from repeated(f, t, 4)
    m.w = 5.0
    yield from repeated(f, t, 4)


@program
def wrapped_by_a_decorator(c):
    scale = 2.0

    def twice(function):
        @functools.wraps(function)
        def wrapper(*args):
            return function(*args) * 2.0

        return wrapper

    @twice
    def g(v):
        return v * scale

    f = c(lambda v: g(v))
    yield from repeated(f, t, 4)
    scale = 3.0
    yield from repeated(f, t, 4)


@program
def switch_of_strings(c):
    class Model:
        activation = "relu"

        def __call__(self, v):
            match self.activation:
                case "relu":
                    return pb.relu(v)
                case "neg":
                    return -v
                case other:
                    raise ValueError(other)

    m = Model()
    f = c(m)
    yield from repeated(f, t, 4)
    m.activation = "neg"
    yield from repeated(f, t, 4)


@program
def registry_of_functions(c):
    registry = {"a": lambda v: v * 2.0, "b": lambda v: v + 1.0}
    name = "a"
    f = c(lambda v: registry[name](v))
    yield from repeated(f, t, 4)
    name = "b"
    yield from repeated(f, t, 4)
    registry["b"] = lambda v: v - 1.0
    yield from repeated(f, t, 4)


@program
def exceptions_as_control_flow(c):
    cfg = {}

    def step(v):
        try:
            return v * cfg["scale"]
        except KeyError:
            return v

    f = c(step)
    yield from repeated(f, t, 4)
    cfg["scale"] = 3.0
    yield from repeated(f, t, 4)


@program
def a_name_that_appears(c):
    globals().pop("APPEARS", None)

    def step(v):
        try:
            return v * APPEARS
        except NameError:
            return v

    f = c(step)
    yield from repeated(f, t, 4)
    globals()["APPEARS"] = 3.0
    yield from repeated(f, t, 4)
    del globals()["APPEARS"]
    yield from repeated(f, t, 4)


@program
def an_attribute_that_appears(c):
    class Cfg:
        pass

    cfg = Cfg()
    f = c(lambda v: v * cfg.scale if hasattr(cfg, "scale") else v)
    yield from repeated(f, t, 4)
    cfg.scale = 3.0
    yield from repeated(f, t, 4)
    del cfg.scale
    yield from repeated(f, t, 4)


@program
def an_attribute_that_is_asked_for_by_name_alone(c):
    class Cfg:
        pass

    cfg, other, name = Cfg(), Cfg(), "mode"
    f = c(lambda v: v * (2.0 if hasattr(cfg, "double") else 1.0) + getattr(cfg, "shift", 0.0))
    g = c(lambda v: v * (2.0 if hasattr(other, name) else 1.0))
    yield from (*repeated(f, t, 4), *repeated(g, t, 4))
    cfg.double = other.mode = True
    yield from (*repeated(f, t, 4), *repeated(g, t, 4))
    cfg.shift = 5.0
    yield from repeated(f, t, 4)


@program
def a_keyword_of_a_partial(c):
    scaled = functools.partial(lambda v, k: v * k, k=2.0)
    f = c(lambda v: scaled(v) + 1.0)
    yield from repeated(f, t, 4)
    scaled.keywords["k"] = 3.0
    yield from repeated(f, t, 4)


@program
def a_function_of_a_module_that_was_imported(c):
    file = Path(tempfile.mkdtemp()) / "helpers_of_a_stranger.py"
    file.write_text("K = 2.0\n\ndef scale(v):\n    return v * K\n")
    (file.parent / "steps_of_a_stranger.py").write_text(
        "import helpers_of_a_stranger\n\ndef step(v):\n    return helpers_of_a_stranger.scale(v) + 1.0\n"
    )
    sys.path.insert(0, str(file.parent))
    try:
        helpers, steps = map(importlib.import_module, ("helpers_of_a_stranger", "steps_of_a_stranger"))
    finally:
        sys.path.remove(str(file.parent))
    f = c(steps.step)
    yield from repeated(f, t, 4)
    helpers.K = 3.0
    yield from repeated(f, t, 4)
    helpers.scale = lambda v: v - 1.0
    yield from repeated(f, t, 4)
    for name in ("helpers_of_a_stranger", "steps_of_a_stranger"):
        del sys.modules[name]


@program
def a_shadowed_builtin(c):
    globals().pop("abs", None)
    f = c(lambda v: v * abs(-2.0))
    yield from repeated(f, t, 4)
    globals()["abs"] = lambda v: 10.0
    yield from repeated(f, t, 4)
    del globals()["abs"]


@program
def environment_variable(c):
    os.environ["PULLBACK_STRANGER"] = "2"
    f = c(lambda v: v * float(os.environ["PULLBACK_STRANGER"]) + float(os.getenv("PULLBACK_STRANGER")))
    yield from repeated(f, t, 4)
    os.environ["PULLBACK_STRANGER"] = "3"
    yield from repeated(f, t, 4)


@program
def environment_variable_alone(c):
    os.environ["PULLBACK_STRANGER"] = "2"
    f = c(lambda v: v * float(os.getenv("PULLBACK_STRANGER", "1")))
    yield from repeated(f, t, 4)
    os.environ["PULLBACK_STRANGER"] = "3"
    yield from repeated(f, t, 4)
    del os.environ["PULLBACK_STRANGER"]


@program
def module_with_settings(c):
    settings = types.ModuleType("settings")
    settings.scale = 2.0
    settings.act = pb.relu
    f = c(lambda v: settings.act(v * settings.scale))
    yield from repeated(f, t, 4)
    settings.scale = -3.0
    yield from repeated(f, t, 4)
    settings.act = pb.tanh
    yield from repeated(f, t, 4)


@program
def class_that_a_name_stands_for(c):
    class A:
        scale = 2.0

    class B:
        scale = 3.0

    kind = A
    f = c(lambda v: v * kind.scale)
    yield from repeated(f, t, 4)
    kind = B
    yield from repeated(f, t, 4)
    B.scale = 5.0
    yield from repeated(f, t, 4)


@program
def object_made_inside(c):
    class Cfg:
        default = 2.0

        def __init__(self):
            self.scale = self.default

        def get(self):
            return self.scale * 2

    f = c(lambda v: v * Cfg().get())
    yield from repeated(f, t, 4)
    Cfg.default = 3.0
    yield from repeated(f, t, 4)


@program
def module_reads_a_global(c):
    global FLAG
    FLAG = False

    class M(nn.Module):
        def forward(self, v):
            return -v if FLAG else v

    m = nn.Sequential(M(), nn.ReLU())
    f = c(lambda v: m(v))
    for k in range(8):
        FLAG = k >= 4
        yield f(t)


@program
def module_with_a_config_object(c):
    class M(nn.Module):
        def __init__(self):
            self.cfg = Config()
            self.lst = [types.SimpleNamespace(a=1.0)]

        def forward(self, v):
            return v * self.cfg.lr + self.lst[0].a

    m = M()
    f = c(lambda v: m(v))
    yield from repeated(f, t, 4)
    m.cfg.lr = 3.0
    yield from repeated(f, t, 4)
    m.lst[0].a = 7.0
    yield from repeated(f, t, 4)


@program
def loss_of_ones_own_in_a_sequential(c):
    class Scaled(nn.Module):
        weight = 2.0

        def helper(self):
            return self.weight

        def forward(self, v):
            return (v * self.helper()).sum()

    m = nn.Sequential(nn.ReLU(), Scaled())
    f = c(lambda v: m(v))
    yield from repeated(f, t, 4)
    m[1].weight = 5.0
    yield from repeated(f, t, 4)


@program
def custom_rule_that_reads_a_global(c):
    global GLOBAL
    GLOBAL = 2.0

    @pb.custom_vjp
    def cube(v):
        return v * v * v

    cube.defvjp(lambda v: (cube(v), v), lambda v, ct: (GLOBAL * v * v * ct,))
    f = c(lambda v: pb.grad(lambda u: cube(u).sum())(v))
    yield from repeated(f, t, 4)
    GLOBAL = 5.0
    yield from repeated(f, t, 4)


@refused
def schedule_in_an_object(c):
    class Schedule:
        def __init__(self):
            self.step, self.rates = 0, [0.1, 0.2, 0.3]

        def rate(self):
            return self.rates[min(self.step // 4, 2)]

    s = Schedule()
    f = c(lambda v: v * s.rate())
    for _ in range(12):
        yield f(t)
        s.step += 4 if s.step == 0 else 0


@program
def names_of_attributes_elsewhere(c):
    class State:
        step = 0

    state = State()
    w = pb.tensor([1.0], requires_grad=True)
    o = optim.SGD([w], lr=0.1)

    def train(v):
        loss = (w * v).sum() * (1.0 if state is not None else 0.0)
        loss.backward()
        o.step()
        o.zero_grad()
        return loss

    f = c(train)
    for _ in range(12):
        state.step += 1
        yield f(t)


@program
def lru_cache_of_a_function(c):
    @functools.lru_cache
    def scale(n):
        return n * 2.0

    f = c(lambda v, n: v * scale(n))
    for k in range(8):
        yield f(t, k // 4)


@program
def cached_property(c):
    class M:
        base = 2.0

        @functools.cached_property
        def scale(self):
            return self.base * 2

    m = M()
    f = c(lambda v: v * m.scale)
    yield from repeated(f, t, 5)
    m.base = 3.0
    del m.__dict__["scale"]
    yield from repeated(f, t, 4)


@program
def chain_map_and_default_dict(c):
    base = collections.ChainMap({}, {"a": 2.0})
    d = collections.defaultdict(lambda: 3.0, b=1.0)
    f = c(lambda v: v * base["a"] + d["b"])
    yield from repeated(f, t, 4)
    base.maps[1]["a"] = 4.0
    yield from repeated(f, t, 4)
    d["b"] = 9.0
    yield from repeated(f, t, 4)


@program
def set_of_names(c):
    active = {"a", "b"}
    f = c(lambda v: v * 2.0 if "c" in active else v)
    yield from repeated(f, t, 4)
    active.add("c")
    yield from repeated(f, t, 4)


@program
def array_that_numpy_reads_before(c):
    table = np.array([1.0, 2.0, 3.0])
    f = c(lambda v: v * float(table.max()) + table[:2])
    yield from repeated(f, t, 3)
    table[2] = 9.0
    yield from repeated(f, t, 3)
    table[:2] += 1.0
    yield from repeated(f, t, 3)


@program
def array_of_which_one_number_matters(c):
    table = np.arange(4.0)
    f = c(lambda v: v * float(table[3]) + table[:2])
    for k in range(12):
        if k in (3, 4, 5):
            table[:3] += 1.0
        if k == 8:
            table[3] += 1.0
        yield f(t)


@program
def buffer_that_is_filled_outside(c):
    buffer = np.zeros(2)
    f = c(lambda v: v * buffer + buffer[::-1])
    for k in range(12):
        buffer[...] = k, k + 1
        yield f(t)


@program
def view_of_an_array(c):
    table = np.arange(6.0).reshape(2, 3)
    f = c(lambda v: v @ table.T[:2].T.T + pb.asarray(table[0, :2]))
    for k in range(9):
        if k >= 3:
            table[...] += k
        yield f(t)


@program
def large_view_of_an_array(c):
    table = np.ones((200, 200))
    f = c(lambda v: table.T * v[0])
    for k in range(8):
        if k >= 3:
            table[...] += k
        yield f(t)


@program
def two_dimensional_flags(c):
    flags = [[True, False], [False, True]]

    def step(v):
        for row in flags:
            for on in row:
                if on:
                    v = v * 2.0
        return v

    f = c(step)
    yield from repeated(f, t, 4)
    flags[0][1] = True
    yield from repeated(f, t, 4)


@program
def walrus_and_fstring(c):
    cfg = types.SimpleNamespace(name="a", table={"a_scale": 2.0, "b_scale": 3.0})
    f = c(lambda v: v * (s := cfg.table[f"{cfg.name}_scale"]) + s)
    yield from repeated(f, t, 4)
    cfg.name = "b"
    yield from repeated(f, t, 4)


@program
def true_one_and_one_point_zero(c):
    cfg = [1]
    f = c(lambda v: v * cfg[0])
    ints = pb.tensor([1, 2])
    for k in range(9):
        cfg[0] = (1, 1.0, True)[k // 3]
        yield f(ints).astype(float) + (0.5 if f(ints).dtype.kind == "f" else 0.0)


@program
def nan_setting(c):
    cfg = types.SimpleNamespace(fill=float("nan"))
    f = c(lambda v: pb.where(v > 1.5, v, cfg.fill))
    for k in range(8):
        cfg.fill = float("nan") if k < 4 else 0.0
        yield f(t)


@program
def function_attributes(c):
    def step(v):
        return v * step.scale

    step.scale = 2.0
    f = c(step)
    yield from repeated(f, t, 4)
    step.scale = 3.0
    yield from repeated(f, t, 4)


@program
def static_and_class_methods(c):
    class M:
        k = 2.0

        @staticmethod
        def s(v):
            return v * GLOBAL

        @classmethod
        def c(cls, v):
            return v * cls.k

    global GLOBAL
    GLOBAL = 2.0
    m = M()
    f = c(lambda v: m.s(v) + M.c(v) + m.c(v))
    for k in range(12):
        if k == 4:
            GLOBAL = 5.0
        if k == 8:
            M.k = 7.0
        yield f(t)


@program
def a_list_that_grows_outside(c):
    history = []
    f = c(lambda v: v * len(history))
    for k in range(8):
        if k in (3, 6):
            history.append(k)
        yield f(t)


@program
def a_long_list(c):
    rates = [0.1] * 1000
    f = c(lambda v: v * rates[500])
    yield from repeated(f, t, 4)
    rates[500] = 0.5
    yield from repeated(f, t, 4)


@program
def multiplier_objects_with_equality(c):
    class Same:
        def __init__(self, s):
            self.s = s

        def __eq__(self, other):
            return True

        __hash__ = None

    holder = [Same(2.0)]
    f = c(lambda v: v * holder[0].s)
    yield from repeated(f, t, 4)
    holder[0] = Same(3.0)
    yield from repeated(f, t, 4)


@program
def module_attribute_chain(c):
    class Inner:
        class Deep:
            scale = 2.0

        deep = Deep()

    class Outer:
        inner = Inner()

    o = Outer()
    f = c(lambda v: v * o.inner.deep.scale)
    yield from repeated(f, t, 4)
    Inner.Deep.scale = 3.0
    yield from repeated(f, t, 4)
    o.inner = types.SimpleNamespace(deep=types.SimpleNamespace(scale=9.0))
    yield from repeated(f, t, 4)


@program
def conditional_alias(c):
    a, b = types.SimpleNamespace(s=2.0), types.SimpleNamespace(s=3.0)
    use_a = True

    def step(v):
        chosen = a if use_a else b
        return v * chosen.s

    f = c(step)
    yield from repeated(f, t, 3)
    a.s = 4.0
    yield from repeated(f, t, 3)
    use_a = False
    yield from repeated(f, t, 3)
    b.s = 8.0
    yield from repeated(f, t, 3)


@program
def passed_through_a_helper(c):
    cfg = types.SimpleNamespace(scale=2.0)

    def scaled(config, v):
        return v * config.scale

    f = c(lambda v: scaled(cfg, v))
    yield from repeated(f, t, 4)
    cfg.scale = 5.0
    yield from repeated(f, t, 4)


@program
def returned_by_a_helper(c):
    cfgs = {"a": types.SimpleNamespace(scale=2.0)}

    def config():
        return cfgs["a"]

    f = c(lambda v: v * config().scale)
    yield from repeated(f, t, 4)
    cfgs["a"].scale = 5.0
    yield from repeated(f, t, 4)
    cfgs["a"] = types.SimpleNamespace(scale=6.0)
    yield from repeated(f, t, 4)


@program
def sorted_by_a_key(c):
    class Item:
        def __init__(self, rank, w):
            self.rank, self.w = rank, w

    items = [Item(1, 2.0), Item(2, 3.0)]
    f = c(lambda v: v ** sorted(items, key=lambda i: i.rank)[0].w)  # noqa: FURB192 (that is the point)
    yield from repeated(f, t, 4)
    items[0].rank = 5
    yield from repeated(f, t, 4)


@program
def map_and_filter(c):
    weights = [1.0, -2.0, 3.0]
    f = c(lambda v: v * sum(map(lambda w: w * GLOBAL, filter(lambda w: w > 0, weights))))  # noqa: C417 (that is the point)
    global GLOBAL
    GLOBAL = 2.0
    yield from repeated(f, t, 4)
    weights[1] = 2.0
    yield from repeated(f, t, 4)
    GLOBAL = 3.0
    yield from repeated(f, t, 4)


@program
def thread_local(c):
    local = threading.local()
    local.scale = 2.0
    f = c(lambda v: v * local.scale)
    yield from repeated(f, t, 4)
    local.scale = 3.0
    yield from repeated(f, t, 4)


@program
def metaclass_attribute(c):
    class Meta(type):
        @property
        def scale(cls):
            return cls._scale

    class A(metaclass=Meta):
        _scale = 2.0

    f = c(lambda v: v * A.scale)
    yield from repeated(f, t, 4)
    A._scale = 5.0
    yield from repeated(f, t, 4)


@program
def training_mode_of_ones_own(c):
    class Net(nn.Module):
        def __init__(self):
            self.rate = 0.5

        def forward(self, v):
            return v * self.rate if self.training else v

    net = Net()
    f = c(lambda v: net(v))
    for k in range(12):
        net.train(k % 6 < 3)
        yield f(t)


@program
def tensor_in_a_dict_replaced(c):
    params = {"w": pb.tensor(2.0)}
    f = c(lambda v: v * params["w"])
    yield from repeated(f, t, 4)
    params["w"] = pb.tensor(3.0)
    yield from repeated(f, t, 4)
    params["w"].assign(5.0)
    yield from repeated(f, t, 4)


@program
def argument_objects(c):
    cfg = Config()
    f = c(lambda v, config: v * config.lr)
    for k in range(9):
        if k == 3:
            cfg.lr = 2.0
        yield f(t, cfg if k < 6 else Config(lr=9.0))


@program
def arguments_of_many_kinds(c):
    f = c(lambda v, *rest, **named: v * sum(rest) + sum(named.values()))
    for k in range(9):
        yield f(t, 1.0, 2.0, self=3.0, args=4.0) if k < 3 else f(t, 1.0, f=2.0) if k < 6 else f(t)


@program
def keyword_default_that_is_mutable(c):
    def step(v, cfg={"s": 2.0}):  # noqa: B006 (that is the point)
        return v * cfg["s"]

    f = c(step)
    yield from repeated(f, t, 4)
    step.__defaults__[0]["s"] = 3.0
    yield from repeated(f, t, 4)


@program
def swapped_optimizer_settings(c):
    w = pb.tensor([1.0, 2.0], requires_grad=True)
    o = optim.SGD([w], lr=0.1)

    def step(v):
        o.zero_grad()
        ((w - v) ** 2).sum().backward()
        o.step()
        return w.detach() * 1.0

    f = c(step)
    yield from repeated(f, t, 4)
    o.lr = 0.01
    yield from repeated(f, t, 2)
    o = optim.SGD([w], lr=0.5, momentum=0.9)
    yield from repeated(f, t, 3)


# What changes Python's values, draws, or advances.


@refused
def counter_in_a_closure(c):
    n = 0

    def step(v):
        nonlocal n
        n += 1
        return v * n

    f = c(step)
    for _ in range(6):
        yield f(t)


@refused
def counter_that_does_not_matter(c):
    log = types.SimpleNamespace(calls=0)

    def step(v):
        log.calls += 1
        return v * 2.0

    f = c(step)
    for _ in range(6):
        yield f(t)
        yield pb.tensor(float(log.calls))


@refused
def counter_by_setattr(c):
    class Log:
        calls = 0

    log = Log()

    def step(v):
        setattr(log, "calls", log.calls + 1)  # noqa: B010 (that is the point)
        return v * 2.0

    f = c(step)
    for _ in range(6):
        yield f(t)
        yield pb.tensor(float(log.calls))


@refused
def counter_in_a_global_dictionary(c):
    globals()["COUNT"] = 0

    def step(v):
        globals()["COUNT"] += 1
        return v * 2.0

    f = c(step)
    for _ in range(6):
        yield f(t)
        yield pb.tensor(float(globals()["COUNT"]))


@refused
def counter_on_the_class(c):
    class Log:
        calls = 0

    def step(v):
        Log.calls += 1
        return v * 2.0

    f = c(step)
    for _ in range(6):
        yield f(t)
        yield pb.tensor(float(Log.calls))


@refused
def counter_on_the_function(c):
    def step(v):
        step.calls += 1
        return v * 2.0

    step.calls = 0
    f = c(step)
    for _ in range(6):
        yield f(t)
        yield pb.tensor(float(step.calls))


@refused
def deque_of_values(c):
    recent = collections.deque(maxlen=3)

    def step(v):
        recent.append(1.0)
        return v * len(recent)

    f = c(step)
    for _ in range(6):
        yield f(t)


@refused
def long_history(c):
    history = list(range(1000))

    def step(v):
        history.append(0)
        return v * 2.0

    f = c(step)
    for _ in range(5):
        yield f(t)
        yield pb.tensor(float(len(history)))


@refused
def set_and_dict_and_bytearray(c):
    seen, counts, raw = set(), collections.Counter(), bytearray(b"a")

    def step(v):
        seen.add(len(seen))
        counts["a"] += 1
        raw.extend(b"b")
        return v * 2.0

    f = c(step)
    for _ in range(5):
        yield f(t)
        yield pb.tensor(float(len(seen) + counts["a"] + len(raw)))


@refused
def memo_of_results(c):
    memo = {}

    def step(v, k):
        if k not in memo:
            memo[k] = k * 2.0
        return v * memo[k]

    f = c(step)
    for k in range(8):
        yield f(t, k // 4)


@refused
def iterator_of_data(c):
    data = iter([1.0, 1.0, 1.0, 1.0, 5.0, 6.0])
    f = c(lambda v: v * next(data))
    for _ in range(6):
        yield f(t)


@refused
def counting_iterator(c):
    count = itertools.count()
    f = c(lambda v: (next(count), v * 2.0)[1])
    for _ in range(6):
        yield f(t)
    yield pb.tensor(float(next(count)))


@refused
def cycling_iterator(c):
    signs = itertools.cycle([1.0, 1.0, 1.0, -1.0])
    f = c(lambda v: v * next(signs))
    for _ in range(8):
        yield f(t)


@refused
def generator_of_data(c):
    def numbers():
        yield from [1.0, 1.0, 1.0, 4.0, 5.0]

    data = numbers()
    f = c(lambda v: v * next(data))
    for _ in range(5):
        yield f(t)


@refused
def iterator_of_a_users_class(c):
    class Data:
        def __init__(self):
            self.n = 0

        def __iter__(self):
            return self

        def __next__(self):
            self.n += 1
            return 1.0 if self.n < 4 else 9.0

    data = Data()
    f = c(lambda v: v * next(data))
    for _ in range(6):
        yield f(t)


@refused
def zipped_data(c):
    pairs = zip([1.0] * 3 + [2.0] * 3, range(6), strict=True)

    def step(v):
        for a, _ in pairs:
            return v * a
        return v

    f = c(step)
    for _ in range(6):
        yield f(t)


@refused
def branch_on_pythons_random_numbers(c):
    random.seed(0)
    f = c(lambda v: v if random.random() < 0.5 else -v)
    for _ in range(12):
        yield f(t)


@refused
def branch_on_a_random_of_ones_own(c):
    r = random.Random(0)
    f = c(lambda v: v if r.choice([True, False]) else -v)
    for _ in range(12):
        yield f(t)


@refused
def branch_on_numpys_old_random_numbers(c):
    np.random.seed(0)  # noqa: NPY002 (that is the point)
    f = c(lambda v: v if np.random.rand() < 0.5 else -v)  # noqa: NPY002 (that is the point)
    for _ in range(12):
        yield f(t)


@refused
def branch_on_a_random_state(c):
    r = np.random.RandomState(0)
    f = c(lambda v: v if r.rand() < 0.5 else -v)
    for _ in range(12):
        yield f(t)


@refused
def shuffled_in_place(c):
    rng, order = np.random.default_rng(0), np.arange(2)

    def step(v):
        rng.shuffle(order)
        return v[order]

    f = c(step)
    for _ in range(8):
        yield f(t)


@refused
def drawn_by_both(c):
    rng = np.random.default_rng(0)
    f = c(lambda v: (v if rng.random() < 0.5 else -v) + pb.random.normal(size=2, rng=rng))
    for _ in range(8):
        yield f(t)


@refused
def array_that_counts(c):
    n = np.zeros(1)

    def step(v):
        n[0] += 1
        return v * 2.0

    f = c(step)
    for _ in range(5):
        yield f(t)
        yield pb.tensor(n.copy())


@refused
def array_in_an_object_written(c):
    class Stats:
        def __init__(self):
            self.mean = np.zeros(2)

        def update(self):
            self.mean *= 0.5
            self.mean += 1.0
            return self.mean

    s = Stats()
    f = c(lambda v: v * s.update())
    for _ in range(6):
        yield f(t)


@refused
def running_mean_rebound_in_an_object(c):
    class Stats:
        mean = 0.0

    s = Stats()

    def step(v):
        s.mean = 0.9 * s.mean + 1.0
        return v * s.mean

    f = c(step)
    for _ in range(6):
        yield f(t)


@refused
def last_result_kept(c):
    class Keep:
        last = None

    k = Keep()

    def step(v):
        k.last = v * 2.0
        return k.last

    f = c(step)
    for n in range(5):
        f(t + n)
        yield k.last


@refused
def lazily_made_once(c):
    class Lazy:
        def __init__(self):
            self.w = None

        def step(self, v):
            if self.w is None:
                self.w = pb.ones(2) * 3.0
            return v * self.w

    lazy = Lazy()
    f = c(lazy.step)
    for _ in range(6):
        yield f(t)


@refused
def list_popped(c):
    todo = [1.0] * 4 + [2.0] * 4

    f = c(lambda v: v * todo.pop(0))
    for _ in range(8):
        yield f(t)


@refused
def argument_list_that_is_changed(c):
    f = c(lambda v, log: (log.append(1), v * 2.0)[1])
    log = []
    for _ in range(5):
        yield f(t, log)
        yield pb.tensor(float(len(log)))


@refused
def object_argument_that_is_changed(c):
    def step(v, s):
        s.n += 1
        return v * 2.0

    f = c(step)
    s = types.SimpleNamespace(n=0)
    for _ in range(5):
        yield f(t, s)
        yield pb.tensor(float(s.n))


@refused
def nested_function_that_counts(c):
    state = {"n": 0}

    def make():
        def inner(v):
            state["n"] += 1
            return v * state["n"]

        return inner

    inner = make()
    f = c(lambda v: inner(v))
    for _ in range(6):
        yield f(t)


@refused
def custom_rule_that_draws(c):
    rng = np.random.default_rng(0)

    @pb.custom_vjp
    def noisy(v):
        return v + rng.random()

    noisy.defvjp(lambda v: (noisy(v), None), lambda _, ct: (ct,))
    f = c(lambda v: noisy(v) + noisy(v))
    for _ in range(6):
        yield f(t)
