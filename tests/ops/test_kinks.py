"""docs/kinks.md to the letter: each row of its tables is run, in both modes and in three precisions."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import pytest
from tests.ops.cases import CASES

import pullback as pb

PAGE = Path(__file__).resolve().parents[2] / "docs" / "kinks.md"
FUNCTIONS = {name: getattr(pb, name) for name in dir(pb)}
NUMBERS = {"inf": math.inf, "nan": math.nan}
ROW = re.compile(r"^\| `(?P<function>[^|]*)` \| `(?P<at>[^|]*)` \| `(?P<derivative>[^|]*)` \|")
LINES = [  # those that say "where" are read by test_limits.py
    line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| `") and "| where `" not in line
]
ROWS = [
    pytest.param(ROW.match(line), id=line.split("`")[1] + " at " + line.split("`")[3])
    for line in LINES
    if ROW.match(line)
]

# Operations with a kink, a tie, a jump or an infinite slope. Each must be in the table.
KINKED = {
    *("abs", "sign", "relu", "leaky_relu", "maximum", "minimum", "max", "min", "clip", "where", "floor", "ceil"),
    *("trunc", "rint", "round", "mod", "floor_divide", "norm", "std", "hypot", "arctan2", "prod", "logaddexp"),
    *("sqrt", "cbrt", "log", "log1p", "arcsin", "arccos", "arccosh", "arctanh", "softmax", "argmax", "logsumexp"),
    *("silu", "gelu", "cross_entropy"),
    *("elu", "prelu", "relu6", "hardtanh", "hardsigmoid", "hardswish"),
}  # fmt: skip


def evaluated(text, names):
    """The value of a cell, in which functions are Pullback's."""
    return eval(text, {"__builtins__": {}, **NUMBERS}, names)  # the page is ours


@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16], ids=lambda d: d.__name__)
def test_a_row(row, dtype):
    names = re.findall(r"(\w+) =", row["at"])
    values = evaluated("[" + re.sub(r"\w+ = ", "", row["at"]) + "]", {})
    point = tuple(np.array(value, dtype) for value in values)
    expected = [np.array(value, dtype) for value in evaluated(f"[{row['derivative']}]", {})]
    assert len(names) == len(expected) == len(point)

    def f(*arguments):
        return evaluated(row["function"], {**FUNCTIONS, **dict(zip(names, arguments, strict=True))})

    with np.errstate(all="ignore"):
        reverse = pb.grad(f, range(len(point)))(*point)
        forward = pb.jacobian(f, range(len(point)), mode="forward")(*point)
    for found in (reverse, forward):
        for ours, wanted in zip(found, expected, strict=True):
            assert ours.dtype == dtype
            np.testing.assert_array_equal(ours.numpy(), wanted)


def test_every_row_of_the_page_is_read():
    assert len(ROWS) == len(LINES)
    assert len(ROWS) > 50


def test_every_operation_with_a_kink_is_in_the_table():
    written = " ".join(row.values[0]["function"] for row in ROWS)
    assert {name for name in KINKED if not re.search(rf"\b{name}\(", written)} == set()
    assert KINKED - {case.name for case in CASES} == set()


def test_a_zero_that_came_of_an_overflow_shows_where_one_asks():
    def f(x):
        return pb.log(pb.exp(x))

    with np.errstate(over="ignore"):
        assert pb.grad(f)(800.0).item() == 0
        with pb.strict_nan():
            assert np.isnan(pb.grad(f)(800.0).item())
        with (
            pb.detect_anomaly(),
            pytest.raises(pb.NotFiniteError, match=r"exp: the value is not finite[\s\S]*test_kinks"),
        ):
            pb.grad(f)(800.0)
