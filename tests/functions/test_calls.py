"""NumPy's functions of tensors: value, dtype, derivatives in both modes, by NumPy's name and by ours."""

from __future__ import annotations

import inspect
import re
import warnings
from typing import Any

import numpy as np
import pytest
from tests.along import along
from tests.functions.calls import GROUPS, NAMES, rows

import pullback as pb
from pullback.core.errors import UnbatchedError
from pullback.core.tree import leaves

NUMPYS = [(group, row) for group in ("linear", "curved", "discrete") for row in rows(group)]
OURS = [("ours", row) for row in rows("ours")]
FLOATS = [name for name, value in NAMES.items() if isinstance(value, np.ndarray) and value.dtype.kind == "f"]

NAME = r"\bnp\.(?!float|int|array\(|linalg)(\w+)"


def computed(row: str, names: dict[str, Any], ours: bool = False) -> Any:
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        warnings.simplefilter("ignore", pb.BroadcastWarning)
        code = re.sub(NAME, r"pb.\1", row) if ours else row
        return eval(code, {"np": np, "pb": pb}, names)


def used(row: str) -> list[str]:
    return [name for name in FLOATS if re.search(rf"(?<![\w.\"']){name}\b(?![\"'(=])", row)]


def tensors(tracked: tuple[str, ...] = ()) -> dict[str, Any]:
    return {
        name: pb.tensor(value, requires_grad=name in tracked) if isinstance(value, np.ndarray) else value
        for name, value in NAMES.items()
    }


def plain(value: Any) -> Any:
    return value.numpy() if isinstance(value, pb.Tensor) else value


def assert_same(found: Any, expected: Any) -> None:
    found, expected = (list(map(plain, leaves(v))) for v in (found, expected))
    assert len(found) == len(expected)
    for a, b in zip(found, expected, strict=True):
        if not isinstance(b, (np.ndarray, np.generic, int, float)):
            assert a == b
            continue
        a, b = np.asarray(a), np.asarray(b)
        assert a.shape == b.shape
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=1e-12 if b.dtype != np.float32 else 1e-6, atol=1e-14)


# Spelled as NumPy alone spells it: methods and keywords of ufuncs, first arguments by name, a dtype in the third place.
NUMPYS_OWN = r"np\.\w+\.(reduce|accumulate|outer|at|reduceat)\b|\((a|y)=|, np\.float64\)|np\.(add|exp|multiply)\(.*="


def has_name(row: str) -> bool:
    """Whether a row can be written with `pb` in place of `np`."""
    return not re.search(NUMPYS_OWN, row) and all(hasattr(pb, name) for name in re.findall(NAME, row))


@pytest.mark.parametrize(("group", "row"), NUMPYS)
def test_numpys_function_of_tensors_gives_numpys_answer(group, row):
    expected = computed(row, NAMES)
    assert_same(computed(row, tensors(tuple(used(row)))), expected)
    if has_name(row):
        assert_same(computed(row, tensors(tuple(used(row))), ours=True), expected)


@pytest.mark.parametrize(("group", "row"), [r for r in NUMPYS if r[0] != "discrete"] + OURS)
def test_derivatives(group, row):
    names = used(row)
    ours = group == "ours"

    def f(*floats: Any) -> Any:
        given = tensors() | dict(zip(names, floats, strict=True))
        found = [pb.asarray(y) for y in leaves(computed(row, given, ours))]
        return [y for y in found if y.dtype == float]

    arrays = [NAMES[name] for name in names]
    if not names or "float32" in row:
        return  # differences of it are those of a staircase
    if any(np.isnan(a).any() or a.size == 0 for a in arrays):
        holes(f, arrays)
        return
    pb.testing.check_grads(*along(f, *arrays), order=GROUPS[group][1])


def holes(f: Any, arrays: list[Any]) -> None:
    """Where there is NaN there is no difference to compare with: the numbers around it are checked."""
    if any(a.size == 0 for a in arrays):
        pb.vjp(f, *arrays)
        return

    def around(*numbers: Any) -> Any:
        filled = [
            pb.setitem(pb.tensor(a), ~np.isnan(a), x) if np.isnan(a).any() else x
            for a, x in zip(arrays, numbers, strict=True)
        ]
        return f(*filled)

    pb.testing.check_grads(around, *(a[~np.isnan(a)] if np.isnan(a).any() else a for a in arrays), order=1)


# What has no answer for many examples at once, for the numbers of each decide on a shape, or on a number of Python's.
BY_NUMBERS = (
    r"trim_zeros|unique|union1d|intersect1d|setdiff1d|setxor1d|(?<!count_)nonzero|argwhere|polydiv|array_equ|allclose"
)
OUTSIDE = (
    rf"{BY_NUMBERS}|strides|itemsize|tobytes|result_type|common_type|einsum_path|if a > 0|after\(lambda t: t\.fill"
)


@pytest.mark.parametrize(("group", "row"), [r for r in NUMPYS + OURS if used(r[1])])
def test_many_examples_at_once(group, row):
    names = used(row)
    examples = [np.stack([NAMES[name], 1.01 * NAMES[name]]) for name in names]

    def f(*floats: Any) -> Any:
        found = computed(row, tensors() | dict(zip(names, floats, strict=True)), group == "ours")
        return [pb.asarray(y) for y in leaves(found)]

    if re.search(OUTSIDE, row):
        if re.search(BY_NUMBERS, row):
            with pytest.raises(UnbatchedError):
                pb.vmap(f)(*examples)
        return
    found = pb.vmap(f)(*examples)
    one_by_one = [f(*(pb.tensor(x[i]) for x in examples)) for i in range(2)]
    for place, y in enumerate(found):
        assert_same(list(y), [each[place] for each in one_by_one])


@pytest.mark.parametrize(("group", "row"), OURS)
def test_where_numpy_does_not_ask_its_error_names_ours(group, row):
    expected = computed(row, NAMES)
    assert_same(computed(row, tensors(tuple(used(row))), ours=True), expected)
    with pytest.raises(pb.PullbackError):
        computed(row, tensors(tuple(used(row))))


def test_every_public_function_is_called():
    text = "\n".join(row for group in GROUPS for row in rows(group))
    modules = ("applying", "arranging", "differences", "floats", "grids", "histograms", "joining", "nan", "padding",
               "placing", "polynomials", "products", "quantiles", "selecting", "sets", "statistics")  # fmt: skip
    public = [
        name for name, f in ((name, getattr(pb, name)) for name in dir(pb))
        if callable(f) and getattr(f, "__module__", "") in [f"pullback.functions.{m}" for m in modules]
        and not inspect.isclass(f) and hasattr(np, name)
    ]  # fmt: skip
    missing = [name for name in public if not re.search(rf"\bnp\.{name}\b", text)]
    assert set(missing) == {"broadcast_shapes", "indices", "tri"}  # which take no arrays
