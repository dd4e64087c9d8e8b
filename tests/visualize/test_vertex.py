"""Short texts of values and parameters."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pullback.core.spec import Spec
from pullback.visualize.vertex import Vertex, params_text, shorten, spec_text, value_text


def vertex(results, params=None):
    return Vertex(0, "operation", "f", "%0", None, params or {}, None, tuple(Spec(*result) for result in results), ())


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (3, "3"),
        (1 / 3, "0.33333"),
        (True, "True"),
        (1 + 2j, "1+2j"),
        (np.float32(0.1), "0.1"),
        (np.array(-2.0), "-2"),
        (np.array([1.0, 2.5]), "[1, 2.5]"),
        (np.arange(10), "0 … 9"),
        (np.array([[1.0, np.nan]]), "nan … nan"),
        (np.array([[True, False]]), "False … True"),
        (np.ones((2, 3), complex), ""),
        (np.zeros((0, 3)), "empty"),
        (Spec((100,), np.dtype("float64")), ""),
        (None, ""),
        ((np.array(1.0), Spec((100,), np.dtype("float64")), np.arange(9)), "1, , 0 … 8"),
    ],
)
def test_values(value, text):
    assert value_text(value) == text


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({"axis": None, "keepdims": False}, ""),
        ({"axis": (0, 1), "keepdims": True}, "axis=(0, 1), keepdims=True"),
        ({"axis": (0,)}, "axis=(0,)"),
        ({"index": (slice(1, None), Ellipsis, None, 3)}, "index=(1:, ..., None, 3)"),
        ({"index": slice(None, None, -1)}, "index=::-1"),
        ({"index": np.array([1, 2])}, "index=array(2,)"),
        ({"at": np.int64(3)}, "at=3"),
        ({"dtype": np.dtype("float32")}, "dtype=float32"),
        ({"dtype": np.float32}, "dtype=float32"),
        ({"f": np.sin}, "f=sin"),
        ({"s": "ij,jk->ik"}, "s='ij,jk->ik'"),
        ({"s": "a" * 60}, "s='" + "a" * 38 + "…"),
    ],
)
def test_parameters(params, text):
    assert params_text(params) == text


def test_shapes_and_dtypes_of_one_or_several_outputs():
    one, two = ((2, 3), np.dtype("float32")), ((3,), np.dtype("int64"))
    assert spec_text(vertex([one])) == "(2, 3) float32"
    assert spec_text(vertex([one, two])) == "[(2, 3) float32, (3,) int64]"
    assert spec_text(replace(vertex([((), np.dtype("int64"))]), value=3)) == "int"
    assert spec_text(replace(vertex([((), np.dtype("int64"))]), value=np.int64(3))) == "() int64"
    assert (vertex([one, two]).shape, vertex([one, two]).dtype) == one


def test_long_text_is_cut_and_put_on_one_line():
    assert shorten("a\n  b\tc", 10) == "a b c"
    assert shorten("abcdef", 4) == "abc…"
