"""Every argument of every public function: a tracked tensor there gives the right derivative or an error."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pullback as pb
from pullback.core import lints

X = np.array([[0.3, 0.7, 0.6], [0.9, 0.44, 0.2]])
Y = np.array([[0.8, 0.4, 0.25], [0.16, 0.65, 0.35]])
V = np.array([0.3, 0.7, 0.6])
LABELS = np.array([2, 0])

# Functions of functions, of graphs and of the library itself; and the one that ends derivatives on purpose.
OF_NO_ARRAYS = {
    "checkpoint",
    "compile",
    "cond",
    "detect_anomaly",
    "enable_grad",
    "fori_loop",
    "get_threads",
    "grad",
    "gradients",
    "graph",
    "hessian",
    "hvp",
    "jacobian",
    "jvp",
    "linearize",
    "map",
    "no_grad",
    "record_player",
    "scan",
    "seed",
    "set_threads",
    "strict",
    "strict_nan",
    "switch",
    "value_and_grad",
    "stop_gradient",
    "vjp",
    "while_loop",
}

# Arguments by name that are no numbers to differentiate in, each with its reason; a tracked tensor there is an error.
REFUSED = {
    **dict.fromkeys(("axis", "axis1", "axis2", "source", "destination", "axes"), "an axis is an integer"),
    **dict.fromkeys(("shape", "num", "rows", "columns", "classes", "sections", "repeats", "repetitions"), "a length"),
    **dict.fromkeys(("window_shape", "kernel_size", "output_size", "dilation", "padding", "stride"), "a length"),
    **dict.fromkeys(("k", "offset", "shift", "pad_width", "index", "indices", "labels"), "a place is an integer"),
    **dict.fromkeys(("decimals",), "a number of digits"),
    **dict.fromkeys(
        ("start", "stop", "step"), "how many numbers there are depends on it: pb.linspace has a derivative"
    ),
}
REFUSED_OF = {
    ("std", "correction"): "a number of degrees of freedom, and part of the operation",
    ("var", "correction"): "likewise",
    ("bitwise_and", "a"): "of integers",
    ("bitwise_and", "b"): "of integers",
    ("bitwise_or", "a"): "of integers",
    ("bitwise_or", "b"): "of integers",
    ("bitwise_xor", "a"): "of integers",
    ("bitwise_xor", "b"): "of integers",
    ("invert", "x"): "of integers",
}
ACCEPTED_OF = {("linspace", "start"), ("linspace", "stop")}
# Flags and words are no numbers: none of their derivatives is lost.
NO_NUMBERS = {
    "keepdims",
    "copy",
    "requires_grad",
    "endpoint",
    "approximate",
    "mode",
    "reduction",
    "dtype",
    "device",
    "name",
}

# What to call a function with, where a matrix for each operand will not do.
CALLS: dict[str, dict[str, Any]] = {
    "arange": {"start": 0.0, "stop": 2.0, "step": 0.5, "dtype": float},
    "arccosh": {"x": 1 + X},
    "astype": {"x": X, "dtype": np.float64},
    "binary_cross_entropy": {"probability": X, "target": Y, "reduction": "sum"},
    "bitwise_and": {"a": LABELS, "b": LABELS},
    "bitwise_or": {"a": LABELS, "b": LABELS},
    "bitwise_xor": {"a": LABELS, "b": LABELS},
    "invert": {"x": LABELS},
    "broadcast_to": {"x": X, "shape": (2, 2, 3)},
    "clip": {"x": X, "min": 0.25, "max": 0.55},
    "cross_entropy": {"logits": X, "labels": LABELS, "reduction": "sum"},
    "softmax_cross_entropy": {"logits": X, "labels": LABELS, "reduction": "sum"},
    "diag": {"x": V, "k": 1},
    "diagonal": {"x": X, "offset": 1, "axis1": 0, "axis2": 1},
    "dot": {"a": X, "b": X.T},
    "matmul": {"a": X, "b": X.T},
    "outer": {"a": V, "b": V},
    "vdot": {"a": V, "b": V},
    "linear": {"x": X, "weight": Y, "bias": V[:2]},
    "empty": {"shape": (2,), "dtype": float},
    "zeros": {"shape": (2,), "dtype": float},
    "ones": {"shape": (2,), "dtype": float},
    "eye": {"rows": 2, "columns": 3, "k": 0, "dtype": float},
    "full": {"shape": (2,), "fill_value": 0.5, "dtype": np.float64},
    "full_like": {"x": X, "fill_value": 0.5, "dtype": np.float64},
    "empty_like": {"x": X, "dtype": float},
    "ones_like": {"x": X, "dtype": float},
    "zeros_like": {"x": X, "dtype": float},
    "expand_dims": {"x": X, "axis": 1},
    "flip": {"x": X, "axis": 1},
    "cumsum": {"x": X, "axis": 1},
    "getitem": {"x": X, "index": 1},
    "setitem": {"x": X, "index": 1, "values": V},
    "leaky_relu": {"x": X - 0.55, "slope": 0.1},
    "linspace": {"start": 0.2, "stop": 0.9, "num": 4, "endpoint": True, "dtype": np.float64},
    "moveaxis": {"x": X, "source": 0, "destination": 1},
    "norm": {"x": X, "ord": 3.0, "axis": 1, "keepdims": False},
    "one_hot": {"labels": LABELS, "classes": 3, "dtype": np.float64},
    "pad": {"x": X, "pad_width": 1, "mode": "constant", "constant_values": 0.5},
    "permute_dims": {"x": X, "axes": (1, 0)},
    "transpose": {"x": X, "axes": (1, 0)},
    "repeat": {"x": X, "repeats": 2, "axis": 1},
    "roll": {"x": X, "shift": 1, "axis": 1},
    "round": {"x": X, "decimals": 1},
    "split": {"x": X, "sections": 3, "axis": 1},
    "squeeze": {"x": X[None], "axis": 0},
    "std": {"x": X, "axis": 1, "keepdims": False, "correction": 1.0},
    "var": {"x": X, "axis": 1, "keepdims": False, "correction": 1.0},
    "swapaxes": {"x": X, "axis1": 0, "axis2": 1},
    "take": {"x": X, "indices": LABELS, "axis": 1},
    "take_along_axis": {"x": X, "indices": LABELS[:, None], "axis": 1},
    "tensor": {"data": X, "dtype": np.float64, "requires_grad": False, "name": "t", "copy": True, "device": "cpu"},
    "asarray": {"data": X, "dtype": np.float64, "device": "cpu", "copy": True},
    "tensordot": {"a": X, "b": Y, "axes": 2},
    "tile": {"x": X, "repetitions": 2},
    "trace": {"x": X, "offset": 0, "axis1": 0, "axis2": 1},
    "celu": {"x": X - 0.55, "alpha": 0.7},
    "elu": {"x": X - 0.55, "alpha": 0.7},
    "fold": {
        "x": X.reshape(1, 2, 3),
        "output_size": (2, 3),
        "kernel_size": (2, 1),
        "dilation": 1,
        "padding": 0,
        "stride": 1,
    },
    "glu": {"x": X.T, "axis": 1},
    "hardtanh": {"x": X, "min_val": 0.25, "max_val": 0.55},
    "prelu": {"x": X - 0.55, "weight": V},
    "sliding_window_view": {"x": X, "window_shape": 2, "axis": 1},
    "unfold": {"x": X[None, None], "kernel_size": 2, "dilation": 1, "padding": 0, "stride": 1},
    "tril": {"x": X, "k": 0},
    "triu": {"x": X, "k": 0},
    "where": {"condition": X > 0.5, "a": X, "b": Y},
}
VARIADIC = {
    "broadcast_arrays": lambda a, b: pb.broadcast_arrays(a, b)[0] * pb.broadcast_arrays(a, b)[1],
    "einsum": lambda a, b: pb.einsum("ij,ij->i", a, b),
    "reshape": lambda a, b: pb.reshape(a, 3, 2) * b[0, 0],
    "concat": lambda a, b: pb.concat([a, b]),
    "concatenate": lambda a, b: pb.concatenate([a, b]),
    "stack": lambda a, b: pb.stack([a, b]),
    "unstack": lambda a, b: pb.unstack(a, axis=1)[1] * pb.unstack(b)[0][0],
    "in a list": lambda a, b: pb.tensor([[a[0, 0], 2.0], [1.0, b[0, 0]]]),
}


def functions() -> dict[str, Callable[..., Any]]:
    found = {name: getattr(pb, name) for name in dir(pb)}
    return {
        name: f
        for name, f in found.items()
        if callable(f) and not inspect.isclass(f) and name not in OF_NO_ARRAYS | VARIADIC.keys()
    }


def call_of(name: str, f: Any) -> dict[str, Any]:
    """An argument for each parameter of a function."""
    if name in CALLS:
        return CALLS[name]
    if isinstance(f, pb.Primitive):
        return dict(zip(("x",) if f.arity == 1 else "abc"[: f.arity], (X, Y, X), strict=False))
    parameters = inspect.signature(f).parameters.values()
    usual = {"axis": 1, "keepdims": False, "approximate": False, "reduction": "sum"}
    return {p.name: usual.get(p.name, Y if i else X) for i, p in enumerate(parameters)}


ARGUMENTS = [(name, p) for name, f in functions().items() for p in call_of(name, f) if p not in NO_NUMBERS]


def total(result: Any) -> Any:
    """One number of a result, to which each element adds in another way."""
    if isinstance(result, (list, tuple)):
        return sum(map(total, result))
    weights = np.cos(np.arange(float(np.size(result.numpy())))).reshape(np.shape(result.numpy()))
    return (result * weights).sum()


def called(f: Any, arguments: dict[str, Any]) -> Any:
    return f(*arguments.values()) if isinstance(f, pb.Primitive) else f(**arguments)


def derivative_by_differences(f: Callable[[Any], Any], x: Any) -> Any:
    direction, h = np.sin(1.0 + np.arange(float(np.size(x)))).reshape(np.shape(x)), 1e-6
    return direction, (total(f(x + h * direction)).item() - total(f(x - h * direction)).item()) / (2 * h)


def is_number(value: Any) -> bool:
    return np.asarray(value).dtype.kind in "iufb" and not isinstance(value, type)


@pytest.fixture(autouse=True)
def lines_not_seen(monkeypatch):
    monkeypatch.setattr(lints, "_seen", set())  # a warning comes once a line


@pytest.mark.parametrize(("name", "parameter"), ARGUMENTS, ids=lambda x: x)
def test_an_argument_that_is_tracked(name, parameter):
    f = functions()[name]
    arguments = call_of(name, f)
    given = arguments[parameter]
    refused = (name, parameter) in REFUSED_OF or (parameter in REFUSED and (name, parameter) not in ACCEPTED_OF)
    value = np.asarray(given, float) if is_number(given) else np.asarray(1.0)

    def result(t: Any) -> Any:
        return called(f, arguments | {parameter: t})

    if refused:
        with pytest.raises((pb.PullbackError, TypeError)):
            pb.grad(lambda t: total(result(t)))(value)
        with pytest.raises((pb.PullbackError, pb.PullbackWarning, TypeError)):
            result(pb.tensor(value, requires_grad=True))
        return
    direction, slope = derivative_by_differences(result, value)
    found = (pb.grad(lambda t: total(result(t)))(value).numpy() * direction).sum()
    assert found == pytest.approx(slope, rel=1e-6, abs=1e-8)
    leaf = pb.tensor(value, requires_grad=True)
    loss = total(result(leaf))
    if slope:
        loss.backward()
        assert (leaf.grad.numpy() * direction).sum() == pytest.approx(slope, rel=1e-6)


@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize("name", VARIADIC)
def test_an_operand_of_many(name, place):
    operands = [X, Y]

    def result(t: Any) -> Any:
        return VARIADIC[name](*[t if i == place else pb.tensor(x) for i, x in enumerate(operands)])

    direction, slope = derivative_by_differences(lambda x: result(pb.tensor(x)), operands[place])
    found = (pb.grad(lambda t: total(result(t)))(operands[place]).numpy() * direction).sum()
    assert found == pytest.approx(slope, rel=1e-6, abs=1e-8)


@pytest.mark.parametrize("name", ["normal", "uniform", "integers", "bernoulli"])
def test_what_is_drawn_has_no_derivative(name):
    with pytest.raises(pb.PullbackError):
        pb.grad(lambda t: getattr(pb.random, name)(t).sum() * 1.0)(0.5)


@pytest.mark.parametrize("order", [0.5, 1.0, 2.0, 3.5])
def test_the_order_of_a_norm(order):
    slope = (pb.norm(V, ord=order + 1e-6).item() - pb.norm(V, ord=order - 1e-6).item()) / 2e-6
    assert pb.grad(lambda p: pb.norm(V, ord=p))(order).item() == pytest.approx(slope, rel=1e-6)
