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
    "einsum_path",
    "enable_grad",
    "explain",
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
    "profile",
    "record_player",
    "scan",
    "seed",
    "sparse_hessian",
    "sparse_jacobian",
    "set_threads",
    "strict",
    "strict_nan",
    "switch",
    "taylor",
    "value_and_grad",
    "stop_gradient",
    "vjp",
    "vmap",
    "while_loop",
    # Of dtypes, of functions, and what writes to its first argument, which calls.py has.
    *("can_cast", "finfo", "iinfo", "isdtype", "result_type", "from_dlpack", "broadcast_shapes", "indices", "tri"),
    *("apply_along_axis", "apply_over_axes", "piecewise", "r_", "c_"),
    "roots",  # complex: test_polynomials.py
    *("copyto", "fill_diagonal", "place", "put", "put_along_axis", "putmask"),
}

# Arguments by name that are no numbers to differentiate in, each with its reason; a tracked tensor there is an error.
REFUSED = {
    **dict.fromkeys(("axis", "axis1", "axis2", "source", "destination", "axes"), "an axis is an integer"),
    **dict.fromkeys(("shape", "num", "rows", "columns", "classes", "sections", "repeats", "repetitions"), "a length"),
    **dict.fromkeys(("window_shape", "kernel_size", "output_size", "dilation", "padding", "stride"), "a length"),
    **dict.fromkeys(("k", "offset", "shift", "pad_width", "index", "indices", "labels"), "a place is an integer"),
    **dict.fromkeys(("decimals",), "a number of digits"),
    **dict.fromkeys(("q",), "a share of the numbers"),
    **dict.fromkeys(("axisa", "axisb", "axisc", "edge_order", "indices_or_sections"), "an integer"),
    **dict.fromkeys(
        ("dims", "new_shape", "N", "M", "ndmin", "num_segments", "minlength", "bins", "deg", "m", "n"), "a length"
    ),
    **dict.fromkeys(("kth", "obj", "segment_ids", "multi_index", "sorter"), "a place is an integer"),
    **dict.fromkeys(
        ("start", "stop", "step"), "how many numbers there are depends on it: pb.linspace has a derivative"
    ),
}
SHIFTS = ("left_shift", "right_shift", "bitwise_left_shift", "bitwise_right_shift")
QUANTILES = ("quantile", "percentile", "nanquantile", "nanpercentile")
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
    ("bitwise_invert", "x"): "of integers",
    ("bitwise_not", "x"): "of integers",
    **dict.fromkeys([(f, p) for f in SHIFTS for p in ("a", "b")], "of integers"),
    ("std", "ddof"): "likewise",
    ("var", "ddof"): "likewise",
    ("cov", "fweights"): "how often an observation was made",
    ("bincount", "x"): "of integers",
    ("choose", "a"): "a place is an integer",
    ("select", "condlist"): "truths",
    ("ldexp", "x2"): "a whole exponent",
    ("interp", "period"): "it says how often the points come again",
    ("unwrap", "period"): "likewise",
    ("unwrap", "discont"): "a bound between two constants",
    ("polyfit", "rcond"): "a bound between two constants",
    **dict.fromkeys([(f, "weights") for f in QUANTILES], "they say which numbers are meant"),
}
ACCEPTED_OF = {
    *((f, p) for f in ("linspace", "logspace", "geomspace") for p in ("start", "stop")),
    ("polyint", "k"), ("cov", "m"), ("digitize", "bins"), ("identity", "n"),
}  # fmt: skip
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
    *("order", "kind", "stable", "descending", "side", "overwrite_input", "method", "casting", "equal_nan", "where"),
    *(
        "return_index",
        "return_inverse",
        "return_counts",
        "return_indices",
        "sorted",
        "assume_unique",
        "invert",
        "range",
    ),
    *("include_initial", "largest", "returned", "rowvar", "bias", "density", "sparse", "indexing", "retstep"),
    *("increasing", "full", "cov", "right", "otypes", "wrap", "rtol", "atol", "tol"),
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
    "empty_like": {"x": X, "dtype": float},
    "ones_like": {"x": X, "dtype": float},
    "zeros_like": {"x": X, "dtype": float},
    "expand_dims": {"x": X, "axis": 1},
    "flip": {"x": X, "axis": 1},
    "getitem": {"x": X, "index": 1},
    "setitem": {"x": X, "index": 1, "values": V},
    "leaky_relu": {"x": X - 0.55, "slope": 0.1},
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
    "swapaxes": {"x": X, "axis1": 0, "axis2": 1},
    "take": {"x": X, "indices": LABELS, "axis": 1},
    "take_along_axis": {"x": X, "indices": LABELS[:, None], "axis": 1},
    "tensor": {"data": X, "dtype": np.float64, "requires_grad": False, "name": "t", "copy": True, "device": "cpu"},
    "array": {"data": X, "dtype": np.float64, "copy": True, "ndmin": 3},
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
C = np.array([[0.3, 0.9, 0.2], [0.7, 0.1, 0.8], [0.5, 0.6, 0.45]])
CALLS |= {
    **{name: {"a": LABELS, "b": LABELS} for name in SHIFTS},
    **{name: {"x": LABELS} for name in ("bitwise_invert", "bitwise_not")},
    **{name: {"x": 1 + X} for name in ("acosh",)},
    **{name: {"tup": [X, Y]} for name in ("vstack", "hstack", "dstack", "column_stack")},
    **{name: {"x": X, "indices_or_sections": 3} for name in ("hsplit",)},
    **{name: {"x": X, "indices_or_sections": 2} for name in ("vsplit",)},
    **{name: {"x": X, "axis": 1, "keepdims": False, "dtype": None, "initial": 0.5} for name in ("sum", "prod")},
    **{name: {"x": X, "axis": 1, "keepdims": False, "initial": 0.5} for name in ("max", "min", "amax", "amin")},
    **{name: {"a": X, "axis": 1, "keepdims": False, "dtype": None, "initial": 0.5} for name in ("nansum", "nanprod")},
    **{name: {"a": X, "axis": 1, "keepdims": False, "initial": 0.5} for name in ("nanmax", "nanmin")},
    **{name: {"x": X, "axis": 1, "keepdims": False} for name in ("mean",)},
    **{name: {"a": X, "axis": 1, "keepdims": False} for name in ("nanmean",)},
    **{name: {"x": X, "axis": 1, "keepdims": False} for name in ("any", "all")},
    **{name: {"a": X, "axis": 1, "correction": 1.0} for name in ("nanvar", "nanstd")},
    **{name: {"x": X, "axis": 1, "correction": 1.0} for name in ("var", "std")},
    **{name: {"x": X, "axis": 1} for name in ("cumsum", "cumprod", "cumulative_sum", "cumulative_prod")},
    **{name: {"a": X, "axis": 1} for name in ("nancumsum", "nancumprod")},
    **{name: {"a": X, "axis": 1} for name in ("nanargmax", "nanargmin")},
    **{name: {"a": X, "axis": 1} for name in ("median", "nanmedian")},
    **{name: {"a": X, "q": 0.3, "axis": 1} for name in ("quantile", "nanquantile")},
    **{name: {"a": X, "q": 30.0, "axis": 1} for name in ("percentile", "nanpercentile")},
    **{name: {"x": X, "axis": 1} for name in ("argsort", "sort")},
    **{name: {"x": X, "kth": 1, "axis": 1} for name in ("argpartition", "partition")},
    **{
        name: {"data": C, "segment_ids": np.array([0, 1, 1]), "num_segments": 2}
        for name in ("segment_sum", "segment_mean", "segment_max", "segment_min")
    },
    **{
        name: {"x": X, "indices": LABELS[:, None], "values": Y[:, :1], "axis": 1}
        for name in ("scatter_add", "scatter_mean", "scatter_max", "scatter_min")
    },
    **{name: {"x": V} for name in ("unique_all", "unique_counts", "unique_inverse", "unique_values")},
    **{name: {"a1": V, "a2": V[:2]} for name in ("polyadd", "polysub", "polymul")},
    **{name: {"ar1": V, "ar2": Y[0]} for name in ("union1d", "setxor1d")},
    **{name: {"x": X} for name in ("conj", "conjugate")},
    **{name: {"val": X} for name in ("real", "imag")},
    **{name: {"x": X, "decimals": 1} for name in ("around",)},
    "append": {"arr": X, "values": Y, "axis": 0},
    "argwhere": {"a": X},
    "array_split": {"x": X, "indices_or_sections": 2, "axis": 1},
    "angle": {"z": X},
    "average": {"a": X, "axis": 1, "weights": Y},
    "bincount": {"x": LABELS, "weights": V[:2], "minlength": 4},
    "block": {"arrays": X},
    "choose": {"a": LABELS, "choices": C[:, :2]},
    "compress": {"condition": [True, False], "a": X, "axis": 0},
    "convolve": {"a": V, "v": V[:2]},
    "correlate": {"a": V, "v": V[:2]},
    "corrcoef": {"x": C},
    "count_nonzero": {"x": X, "axis": 1},
    "cov": {"m": X, "y": Y, "ddof": 0.0, "fweights": np.array([1, 2, 1]), "aweights": V},
    "cross": {"a": X, "b": Y, "axisa": 1, "axisb": 1, "axisc": 1},
    "delete": {"arr": X, "obj": 1, "axis": 1},
    "diagflat": {"v": V, "k": 1},
    "diff": {"a": X, "n": 1, "axis": 1, "prepend": Y[:, :1], "append": Y[:, 1:2]},
    "digitize": {"x": X, "bins": V.cumsum() + 0.013},
    "dsplit": {"x": X[..., None], "indices_or_sections": 1},
    "ediff1d": {"ary": V, "to_end": V[:1], "to_begin": V[:2]},
    "extract": {"condition": X > 0.5, "arr": X},
    "eye": {"rows": 2, "columns": 3, "k": 0, "dtype": float},
    "flatnonzero": {"a": X},
    "fliplr": {"x": X},
    "flipud": {"x": X},
    "full_like": {"x": X, "fill_value": 0.5, "dtype": np.float64},
    "geomspace": {"start": 0.2, "stop": 0.9, "num": 4, "axis": 0},
    "heaviside": {"x1": X, "x2": Y},
    "histogram": {"a": V, "bins": 2, "weights": V},
    "histogram_bin_edges": {"a": V, "bins": 2},
    "histogram2d": {"x": V, "y": V[::-1] * V, "bins": 2, "weights": V},
    "histogramdd": {"sample": X.T, "bins": 2, "weights": X[0]},
    "index_add": {"x": X, "indices": LABELS, "values": Y[:, :2], "axis": 1},
    "insert": {"arr": X, "obj": 1, "values": V[:2], "axis": 1},
    "interp": {"x": X, "xp": V.cumsum() + 0.013, "fp": V, "left": 0.1, "right": 0.2},
    "intersect1d": {"ar1": V, "ar2": Y[0]},
    "isclose": {"a": X, "b": Y},
    "isin": {"element": X, "test_elements": V},
    "iscomplex": {"x": X},
    "isreal": {"x": X},
    "kaiser": {"M": 5, "beta": 2.0},
    "kron": {"a": X, "b": Y},
    "ldexp": {"x1": X, "x2": LABELS[:, None]},
    "lexsort": {"keys": X},
    "linspace": {"start": 0.2, "stop": 0.9, "num": 4, "axis": 0},
    "logspace": {"start": 0.2, "stop": 0.9, "num": 4, "base": 2.0, "axis": 0},
    "matvec": {"x1": C, "x2": V},
    "nan_to_num": {"x": X, "nan": 0.5},
    "nonzero": {"x": X},
    "poly": {"seq_of_zeros": V},
    "polyder": {"p": V, "m": 1},
    "polydiv": {"u": V, "v": V[:2]},
    "polyfit": {"x": np.array([0.2, 1.0, 3.0]), "y": V, "deg": 1, "w": V},
    "polyint": {"p": V, "m": 1, "k": 0.5},
    "polyval": {"p": V, "x": X},
    "ptp": {"a": X, "axis": 1},
    "ravel": {"x": X},
    "ravel_multi_index": {"multi_index": np.array([[0, 1], [1, 1]]), "dims": (2, 3)},
    "real_if_close": {"a": X},
    "reshape": {"x": X, "shape": (3, 2)},
    "resize": {"a": X, "new_shape": (2, 2)},
    "rollaxis": {"x": X, "axis": 1},
    "rot90": {"x": X, "k": 1},
    "searchsorted": {"x": V.cumsum() + 0.013, "v": X},
    "select": {"condlist": [X > 0.5], "choicelist": X[None], "default": 0.5},
    "setdiff1d": {"ar1": V, "ar2": Y[0]},
    "topk": {"x": X, "k": 2, "axis": 1},
    "trapezoid": {"y": X, "x": Y.cumsum(axis=1), "axis": 1},
    "unique": {"ar": V},
    "unravel_index": {"indices": LABELS, "shape": (2, 3)},
    "trim_zeros": {"filt": V},
    "unstack": {"x": X, "axis": 1},
    "unwrap": {"p": X, "discont": None, "axis": 1, "period": 6.0},
    "vander": {"x": V, "N": 3},
    "vecdot": {"x1": X, "x2": Y, "axis": 1},
    "vecmat": {"x1": V, "x2": C},
}
VARIADIC = {
    "atleast_1d": lambda a, b: pb.atleast_1d(a, b)[0] * pb.atleast_1d(a, b)[1],
    "atleast_2d": lambda a, b: pb.atleast_2d(a, b)[0] * pb.atleast_2d(a, b)[1],
    "atleast_3d": lambda a, b: pb.atleast_3d(a, b)[0] * pb.atleast_3d(a, b)[1],
    "gradient": lambda a, b: pb.gradient(a, b[0, 0], b[1].cumsum(0))[1],
    "meshgrid": lambda a, b: pb.meshgrid(a, b)[0] * pb.meshgrid(a, b)[1],
    "broadcast_arrays": lambda a, b: pb.broadcast_arrays(a, b)[0] * pb.broadcast_arrays(a, b)[1],
    "einsum": lambda a, b: pb.einsum("ij,ij->i", a, b),
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
    if isinstance(f, pb.Primitive):
        return f(*arguments.values())
    kinds = {p.name: p.kind for p in inspect.signature(f).parameters.values()}
    by_place = [value for name, value in arguments.items() if kinds[name] is inspect.Parameter.POSITIONAL_ONLY]
    return f(*by_place, **dict(list(arguments.items())[len(by_place) :]))


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
