"""Every elementwise operation, activation and loss where numbers end: ±0, subnormal, largest, infinite, NaN.

Values and partial derivatives, of all pairs of such numbers, in both modes, in three precisions, interpreted and
compiled, are the limits that mpmath gives (`limits.py`). Where there is no limit, or a convention says otherwise, a row
of docs/kinks.md does; an operation without a twin, or a point with neither limit nor row, fails.
"""

from __future__ import annotations

import itertools
import re
import warnings
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from tests.ops.limits import TWINS, NoLimitError, limit

import pullback as pb
from pullback.core import kinds
from pullback.ops import elementwise, special

PAGE = Path(__file__).resolve().parents[2] / "docs" / "kinks.md"
NAMES = {
    name: getattr(np, name)
    for name in ("abs", "isnan", "isinf", "isfinite", "sign", "sqrt", "floor", "log", "signbit", "inf", "nan")
}
NAMES["times"] = lambda a, b: np.where((a == 0) | (b == 0), 0, a * b)
LIMIT = "…"  # in a cell: as the limit


def pair(f):
    """A function of two logits."""
    return lambda a, b: f(pb.stack([a, b], -1))


def primitives(module: ModuleType) -> dict[str, pb.Elementwise]:
    return {op.name: op for op in vars(module).values() if isinstance(op, pb.Elementwise)}


ACTIVATIONS = ("silu", "mish", "elu", "celu", "selu", "relu6", "hardtanh", "hardsigmoid", "hardswish")
PRIMITIVES = {**primitives(kinds), **primitives(elementwise), **primitives(special)}
CALLS: dict[str, Any] = {
    **PRIMITIVES,
    **{name: getattr(pb, name) for name in ACTIVATIONS},
    "glu": pair(lambda x: pb.glu(x)[..., 0]),
    "gelu": pb.gelu,
    "tanh_gelu": lambda x: pb.gelu(x, approximate=True),
    **{
        name: partial(getattr(pb, name), reduction="none")
        for name in ("mse_loss", "l1_loss", "binary_cross_entropy", "binary_cross_entropy_with_logits")
    },
    "softmax": pair(lambda x: pb.softmax(x)[..., 0]),
    "log_softmax": pair(lambda x: pb.log_softmax(x)[..., 0]),
    "logsumexp": pair(lambda x: pb.logsumexp(x, axis=-1)),
    "softmax_cross_entropy": pair(lambda x: pb.cross_entropy(x, np.zeros(x.shape[:-1], int), reduction="none")),
    "cross_entropy of probabilities": pair(
        lambda x: pb.cross_entropy(x, np.eye(2, dtype=x.dtype)[np.zeros(x.shape[:-1], int)], reduction="none")
    ),
}
OF_FUNCTIONS = {
    f"pullback.functions.{name}" for name in ("activations", "classification", "gates", "losses", "piecewise")
}
OTHERWISE = {
    "prelu": "leaky_relu",
    "logits_cross_entropy": "binary_cross_entropy_with_logits",
    **dict.fromkeys(("cross_entropy", "cross_entropy of probabilities"), "softmax_cross_entropy"),
}
SELECTIONS = {"where", "clip"}  # tested below, of three operands
PARTS = {"sinc_derivative"}  # whose second operand is a Python number
SYMBOLS = {"x / y": "divide", "x**y": "power"}
ROWS = re.findall(r"^\| `([^`]*)` \| where `([^`]*)` \| `([^`]*)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)


def named(function: str) -> str:
    return SYMBOLS.get(function) or function.partition("(")[0]


def points(dtype, operands):
    """All combinations of special numbers, one array an operand."""
    info = np.finfo(dtype)
    ends = [1.0, float(info.smallest_subnormal), float(info.smallest_normal), float(info.max), np.inf]
    numbers = [0.0, -0.0, np.nan, *ends, *(-x for x in ends)]
    return [np.array(column, dtype) for column in zip(*itertools.product(numbers, repeat=operands), strict=True)]


def conventions(name, columns, value):
    """What the rows of the page say: for each operand the derivatives, and where they are said; nothing if nowhere.

    Of what is no number only rows speak that ask for it.
    """
    number = ~np.isnan(np.stack([*columns, value])).any(axis=0)
    wide = [x.astype(np.promote_types(x.dtype, np.float32)) for x in columns]
    names = {**NAMES, **dict(zip("xyz", wide, strict=False))}
    found = [np.full(x.shape, np.nan) for x in columns]
    said = [np.zeros(x.shape, bool) for x in columns]
    for function, where, derivative in ROWS:
        if named(function) == OTHERWISE.get(name, name):
            with np.errstate(all="ignore"):
                here = eval(where, {"__builtins__": {}}, names) & (number | ("isnan" in where))  # the page is ours
                cells = [cell.strip() for cell in derivative.split(";")]
                values = [None if cell == LIMIT else eval(cell, {"__builtins__": {}}, names) for cell in cells]
            assert len(values) == len(columns), derivative
            for known, done, value in zip(found, said, values, strict=True):
                if value is not None:
                    new = here & ~done
                    known[new] = np.broadcast_to(value, known.shape)[new]
                    done |= new
    return found, said


def evaluated(f, columns, count):
    """The value and the partial derivatives in reverse mode, in forward mode, and compiled."""

    def both(*xs):
        return f(*xs), *pb.grad(lambda *ys: f(*ys).sum(), range(count))(*xs)

    compiled = pb.compile(both)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        for _ in range(3):
            native = [y.numpy() for y in compiled(*columns)]
        value, *reverse = (y.numpy() for y in both(*columns))
        forward = []
        for i in range(count):
            tangents = tuple(np.full(x.shape, float(i == k), x.dtype) for k, x in enumerate(columns))
            forward.append(pb.jvp(f, tuple(columns), tangents)[1].numpy())
    return value, {"reverse": reverse, "forward": forward, "compiled": native[1:]}, native[0]


def close(found, expected, info):
    """Whether numbers are the same, to some last digits."""
    least = 2 * float(info.smallest_subnormal)
    with np.errstate(over="ignore"):
        expected = float(np.asarray(expected, found.dtype)) if np.isfinite(expected) else expected
    return np.isclose(found.astype(float), expected, rtol=float(16 * info.eps), atol=least, equal_nan=True)


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16], ids=lambda d: d.__name__)
@pytest.mark.parametrize("name", TWINS)
def test_values_and_derivatives_are_limits_or_conventions(name, dtype):
    twin, info = TWINS[name], np.finfo(dtype)
    count = len(twin.partials)
    columns = points(dtype, count)
    value, ways, native = evaluated(CALLS[name], columns, count)
    known, said = conventions(name, columns, value)
    wrong = []
    for j, point in enumerate(zip(*(x.tolist() for x in columns), strict=True)):
        nan = np.isnan(point).any()
        if twin.value is not None and not nan:
            try:
                expected = limit(twin.value, point, info, twin.exact)
            except NoLimitError:
                expected = limit(twin.value, point, info, twin.exact, ties=True) if twin.ties else np.nan
            if not (close(value[j], expected, info) and close(native[j], expected, info)):
                wrong.append(f"value at {point}: {value[j]}, compiled {native[j]}, expected {expected}")
        for i, slope in enumerate(twin.partials):
            if said[i][j]:
                expected = float(known[i][j])
            elif nan or np.isnan(value[j]):
                continue  # the derivative of what is no number is not said
            else:
                try:
                    expected = limit(slope, point, info, twin.exact)
                except NoLimitError:
                    wrong.append(f"derivative {i} at {point}: no limit and no row; {ways['reverse'][i][j]}")
                    continue
            for way, found in ways.items():
                if not close(found[i][j], expected, info):
                    wrong.append(f"derivative {i} at {point}, {way}: {found[i][j]}, expected {expected}")
    assert not wrong, f"{len(wrong)}:\n" + "\n".join(wrong[:40])


def clipped(x, low, high):
    """Which operands np.clip selects: 1 for the one, or the share of each NaN."""
    nans = [v != v for v in (x, low, high)]
    if any(nans):
        return [nan / sum(nans) for nan in nans]
    if max(x, low) > high:
        return [0.0, 0.0, 1.0]
    return [0.0, 1.0, 0.0] if x < low else [1.0, 0.0, 0.0]


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16], ids=lambda d: d.__name__)
def test_clip_selects_one_operand_or_shares_among_nans(dtype):
    columns = points(dtype, 3)
    value, ways, native = evaluated(pb.clip, columns, 3)
    expected = np.array([clipped(*point) for point in zip(*(x.tolist() for x in columns), strict=True)]).astype(dtype)
    for found in ways.values():
        np.testing.assert_array_equal(np.stack(found, -1), expected)
    np.testing.assert_array_equal(native, value)


@pytest.mark.parametrize("condition", [True, False, np.True_, 0, 2.0, np.array(1), None])
def test_where_with_a_condition_of_python_s(condition):
    x, y = np.array([1.0, np.nan, np.inf]), np.array([-1.0, 2.0, 3.0])
    taken = float(bool(condition))

    def f(x, y):
        return pb.where(condition, x, y).sum()

    for found in (pb.grad(f, (0, 1))(x, y), pb.jacobian(f, (0, 1), mode="forward")(x, y)):
        assert (found[0].numpy() == taken).all()
        assert (found[1].numpy() == 1 - taken).all()


def test_every_operation_activation_and_loss_has_a_twin():
    differentiable = {name for name, op in PRIMITIVES.items() if op.differentiable}
    of_functions = {
        name for name, f in vars(pb).items()
        if str(getattr(f, "__module__", "")) in OF_FUNCTIONS
    }  # fmt: skip
    names = {OTHERWISE.get(name, name) for name in differentiable | of_functions}
    assert names - TWINS.keys() - SELECTIONS - PARTS == set()
    assert TWINS.keys() - CALLS.keys() == set()


def test_every_row_is_used():
    for function, where, _ in ROWS:
        name = named(function)
        assert name in TWINS
        columns = points(np.float64, len(TWINS[name].partials))
        with np.errstate(all="ignore"):
            assert np.any(eval(where, {"__builtins__": {}}, {**NAMES, **dict(zip("xyz", columns, strict=False))}))
    assert len(ROWS) > 25
