"""The doors out: what happens where the numbers of a tracked tensor leave the graph."""

from __future__ import annotations

import array
import ctypes
import inspect
import math
import statistics
import struct
from pathlib import Path

import numpy as np
import pytest
from scipy import integrate, optimize

import pullback as pb
from pullback.core import lints
from pullback.core.errors import GraphError, TraceError, UnbatchedError


@pytest.fixture(autouse=True)
def lines_not_seen(monkeypatch):
    monkeypatch.setattr(lints, "_seen", set())  # a warning comes once a line


def element(t, kind=np.float64):
    target = np.zeros(3, kind)
    target[1] = t
    return target[1]


def typed_element(t):
    target = array.array("d", [0.0])
    target[0] = t
    return target[0]


# Ways in which a number leaves without saying so.
NUMBERS = {
    "float": float,
    "int": int,
    "complex": lambda t: complex(t).real,
    "math.sin": math.sin,
    "math.sqrt": math.sqrt,
    "math.hypot": lambda t: math.hypot(t, 1.0),
    "math.fsum": lambda t: math.fsum([t, 1.0]),
    "math.floor": math.floor,
    "fill": lambda t: np.zeros(2).fill(t),
    "fromiter": lambda t: np.fromiter((t for _ in range(2)), float).sum(),
    "struct": lambda t: struct.pack("d", t),
    "ctypes": lambda t: ctypes.c_double(t).value,
    "fmean": lambda t: statistics.fmean([t, 1.0]),
    "quad": lambda t: integrate.quad(lambda z: t * z, 0, 1)[0],
    "brentq": lambda t: optimize.brentq(lambda z: z - t, 0, 9),
}

# And as an array, or an element of one.
ARRAYS = {
    "np.asarray": np.asarray,
    "np.array": np.array,
    "np.array of a list": lambda t: np.array([t, 1.0]),
    "element": element,
    "integer element": lambda t: element(t, int),
    "typed element": typed_element,
    "slice": lambda t: np.zeros(2).__setitem__(slice(0, 1), t),
    "np.asfortranarray": np.asfortranarray,
    "put": lambda t: np.put(np.zeros(2), 0, t),
    "copyto": lambda t: np.copyto(np.zeros(2), t),
    "itemset by mask": lambda t: np.zeros(2).__setitem__(np.array([True, False]), t),
    "np.float64": lambda t: np.float64(t),
    "np.float32": lambda t: np.float32(t),
    "np.full": lambda t: np.full(2, t).sum(),
    "fsolve": lambda t: optimize.fsolve(lambda z: z[0] - t, [0.5])[0],
    "minimize_scalar": lambda t: optimize.minimize_scalar(lambda z: (z - t) ** 2).x,
    "nditer": lambda t: next(np.nditer(t)),
}


@pytest.mark.parametrize("leave", {**NUMBERS, **ARRAYS}.values(), ids={**NUMBERS, **ARRAYS})
@pytest.mark.parametrize(
    "transform",
    [
        pb.grad,
        pb.value_and_grad,
        pb.jacobian,
        pb.hessian,
        lambda f: lambda x: pb.jvp(f, (x,), (1.0,)),
        lambda f: lambda x: pb.vjp(f, x),
        lambda f: lambda x: pb.linearize(f, x),
    ],
    ids=["grad", "value_and_grad", "jacobian", "hessian", "jvp", "vjp", "linearize"],
)
def test_within_a_transform_it_raises(leave, transform):
    with pytest.raises((pb.GraphError, pb.OptionError)) as raised:
        transform(lambda x: x * leave(x * x))(2.0)
    assert Path(__file__).name in str(raised.value), "the user's line"
    assert "site-packages" not in str(raised.value)
    assert "item()" in str(raised.value) or "numpy()" in str(raised.value)


@pytest.mark.filterwarnings("ignore:.*:scipy.integrate.IntegrationWarning")
@pytest.mark.parametrize("leave", NUMBERS.values(), ids=NUMBERS)
def test_on_the_tape_a_number_warns_while_its_graph_is_live(leave):
    x = pb.tensor(2.0, requires_grad=True)
    y = x * x
    with pytest.warns(pb.LostGradientWarning) as warned:
        leave(y)
    assert {Path(w.filename).name for w in warned} == {Path(__file__).name}
    y.backward()
    leave(y)  # the graph is freed: nothing is lost


@pytest.mark.parametrize("leave", ARRAYS.values(), ids=ARRAYS)
def test_on_the_tape_an_array_raises(leave):
    x = pb.tensor(2.0, requires_grad=True)
    with pytest.raises((pb.GraphError, pb.OptionError, ValueError)) as raised:
        leave(x * x)
    error = raised.value
    assert isinstance(error, pb.PullbackError) or isinstance(error.__cause__, pb.PullbackError)


def test_it_warns_once_a_line_and_says_what_to_do():
    x = pb.tensor(2.0, requires_grad=True)
    with pytest.warns(pb.LostGradientWarning, match=r"pb.sin.*\.item\(\)") as warned:
        assert [float(x * 2) for _ in range(3)] == [4.0] * 3
    assert len(warned) == 1
    with pytest.warns(pb.LostGradientWarning):
        float(x)  # a leaf too
    with pb.strict(), pytest.raises(pb.LostGradientWarning):
        float(x)


EXPLICIT = {
    "item": lambda t: t.item(),
    "tolist": lambda t: t.tolist(),
    "numpy": lambda t: t.numpy(),
    "detach": lambda t: t.detach(),
    "float of detach": lambda t: float(t.detach()),
    "bool": bool,
    "format": lambda t: f"{t:.3f}",
    "percent": lambda t: "%.3f" % t,  # noqa: UP031 (as loggers do)
    "repr": repr,
    "str": str,
    "comparison": lambda t: t > 1,
    "shape": lambda t: t.shape,
}


@pytest.mark.parametrize("leave", EXPLICIT.values(), ids=EXPLICIT)
def test_ways_that_say_so_and_looks_are_silent(leave):
    x = pb.tensor(2.0, requires_grad=True)
    leave(x * x)
    assert pb.grad(lambda v: (leave(v), v * v)[1])(2.0).item() == 4.0


def test_what_is_not_tracked_leaves_freely():
    t = pb.tensor(2.0)
    for leave in (*NUMBERS.values(), *ARRAYS.values()):
        leave(t)
    assert pb.grad(lambda x: x * float(t))(1.0).item() == 2.0
    with pb.no_grad():
        assert float(pb.tensor(2.0, requires_grad=True)) == 2.0


def test_within_a_transform_what_is_on_the_tape_alone_warns():
    w = pb.tensor(3.0, requires_grad=True)
    with pytest.warns(pb.LostGradientWarning):
        assert pb.grad(lambda x: x * float(w))(1.0).item() == 3.0
    with pytest.raises(pb.GraphError):
        pb.grad(lambda x: pb.grad(lambda y: y * float(x * y))(x))(1.0)
    with pytest.raises(pb.GraphError):
        pb.grad(lambda x: pb.grad(lambda y: y * float(x))(2.0))(1.0)  # of the outer one


def test_an_error_that_the_function_handles_is_its_own():
    def f(x):
        try:
            return x * float(x)
        except pb.GraphError:
            return x * x

    assert pb.grad(f)(3.0).item() == 6.0


def test_a_constant_of_numpy_has_derivative_0():
    for constant in (np.float64(2.0), np.float32(2.0), np.int64(2), np.array(2.0), 2, 2.0):
        assert pb.grad(lambda x, constant=constant: constant)(3.0).item() == 0.0
        assert pb.jvp(lambda x, constant=constant: constant, (3.0,), (1.0,))[1].item() == 0.0
    assert pb.jacobian(lambda x: np.ones(2))(3.0).tolist() == [0.0, 0.0]
    with pytest.raises(pb.GraphError, match="gave no tensor") as raised:
        pb.grad(lambda x: x.numpy().sum())(3.0)
    assert Path(__file__).name in str(raised.value)


def squares(x):
    kept = np.zeros(3)
    for i in range(3):
        kept[i] = x[i] ** 2  # the line
    return kept.sum()


def slices(x):
    kept = np.zeros_like(x)
    kept[1:] = x[1:] * 2  # the line
    return kept.sum()


@pytest.mark.parametrize("f", [squares, slices])
@pytest.mark.parametrize(
    ("run", "kind"),
    [(pb.grad, GraphError), (pb.compile, TraceError), (lambda f: pb.compile(pb.grad(f)), TraceError),
     (lambda f: lambda x: pb.vmap(f)(np.stack([x, x])), UnbatchedError)],
    ids=["grad", "compile", "compiled grad", "vmap"],
)  # fmt: skip
def test_writing_into_an_array_is_told_with_the_line_and_the_tensor_to_write_to(f, run, kind):
    with pytest.raises(kind, match=rf"line +.*:{line_of(f)} in .*\n +fix +write to a tensor.*pb\.zeros") as raised:
        run(f)(np.arange(3.0))
    assert "setting an array element" not in str(raised.value)


def line_of(function):
    lines, first = inspect.getsourcelines(function)
    return first + next(i for i, line in enumerate(lines) if "the line" in line)


@pytest.mark.parametrize("things", [np.arange(3.0), [1.0, 2.0, 3.0]], ids=["array", "list"])
def test_reading_where_a_tensor_says_is_explained(things):
    step = pb.compile(lambda i: pb.sin(things[i]))
    with pytest.raises(pb.TraceError, match=r"pb\.tensor\(array\)\[i\] reads"):
        step(pb.tensor(1))
