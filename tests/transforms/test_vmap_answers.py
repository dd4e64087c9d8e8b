"""NumPy's functions without a derivative inside vmap: which do all examples in one call, and which one by one."""

from __future__ import annotations

import ast
import importlib
import pkgutil
from pathlib import Path

import numpy as np
import pytest

import pullback as pb
from pullback.core.tree import leaves
from pullback.ops import discrete

rng = np.random.default_rng(0)
SORTED = np.array([-1.0, 0.0, 0.5, 2.0])
TABLE = rng.normal(size=(2, 3))

ONE_CALL = {
    "argsort": lambda x: pb.argsort(x),
    "argsort backwards": lambda x: pb.argsort(x, descending=True),
    "lexsort": lambda x: pb.lexsort([np.round(x), x]),
    "lexsort of matrices": lambda x: pb.lexsort([np.round(x.reshape(2, 3)), x.reshape(2, 3)], axis=0),
    "argpartition": lambda x: pb.sort(x[pb.argpartition(x, 2)[:2]]),
    "searchsorted": lambda x: pb.searchsorted(SORTED, x),
    "digitize": lambda x: pb.digitize(x, SORTED),
    "interp": lambda x: pb.interp(x, SORTED, SORTED**2),
    "isin": lambda x: pb.isin(np.round(x), [0.0, 1.0]),
    "nanargmax": lambda x: pb.nanargmax(x),
    "nanargmin of an axis": lambda x: pb.nanargmin(x.reshape(2, 3), axis=-1, keepdims=True),
    "nanargmin of all": lambda x: pb.nanargmin(x.reshape(2, 3), keepdims=True),
    "unwrap": lambda x: pb.unwrap(9 * x),
    "count_nonzero": lambda x: pb.count_nonzero(x > 0),
    "choose": lambda x: pb.choose((x > 0).astype(int), [x, 2 * x]),
    "ravel_multi_index": lambda x: pb.ravel_multi_index([(x > 0).astype(int), (x > 1).astype(int)], (2, 2)),
    "unravel_index": lambda x: pb.unravel_index((x > 0).astype(int), (2, 2)),
    "frexp": lambda x: pb.frexp(x),
    "histogram of given bins, weighted": lambda x: pb.histogram(x, SORTED, weights=x)[0],
    "segment_mean": lambda x: pb.segment_mean(x, (x > 0).astype(int), 3),
    "segment_max": lambda x: pb.segment_max(x, (x > 0).astype(int), 2),
    "segment_max of rows": lambda x: pb.segment_max(x.reshape(3, 2), np.array([0, 1, 0]), 2),
    "scatter_add": lambda x: pb.scatter_add(x.reshape(2, 3), (x.reshape(2, 3) > 0).astype(int), TABLE),
    "scatter_max": lambda x: pb.scatter_max(x.reshape(2, 3), (x.reshape(2, 3) > 0).astype(int), TABLE, axis=1),
}  # fmt: skip
ONE_AFTER_THE_OTHER = {
    "searchsorted among one's own": lambda x: pb.searchsorted(pb.sort(x), 0.0),
    "histogram": lambda x: pb.histogram(x, 3)[0],
}


@pytest.fixture
def calls(monkeypatch):
    """How often a kernel runs, and how often a function in it."""
    counted = {"kernels": 0, "functions": 0}
    kernel, each = discrete.answer_.kernel, discrete._of_each

    def counting(*arrays, function, **params):
        counted["kernels"] += 1
        if function is each:
            one = params.pop("one")

            def of_one(*given, **more):
                counted["functions"] += 1
                return one(*given, **more)

            return kernel(*arrays, function=each, one=of_one, **params)
        counted["functions"] += 1
        return kernel(*arrays, function=function, **params)

    monkeypatch.setattr(discrete.answer_, "kernel", counting)
    return counted


def counts(calls, f, n):
    x = np.random.default_rng(n).normal(size=(n, 6))
    calls.update(kernels=0, functions=0)
    found = leaves(pb.vmap(f)(x))
    seen = dict(calls)
    rows = [leaves(f(pb.tensor(row))) for row in x]
    for place, y in enumerate(found):
        expected = np.stack([row[place].numpy() for row in rows])
        assert y.dtype == expected.dtype
        np.testing.assert_allclose(y, expected, rtol=1e-12)
    return seen


@pytest.mark.parametrize("name", ONE_CALL)
def test_all_examples_in_one_call(name, calls):
    few, many = (counts(calls, ONE_CALL[name], n) for n in (2, 7))
    assert few == many
    assert few["functions"] == few["kernels"] > 0


@pytest.mark.parametrize("name", ONE_AFTER_THE_OTHER)
def test_the_number_of_kernels_does_not_grow_where_a_function_takes_one_example(name, calls):
    few, many = (counts(calls, ONE_AFTER_THE_OTHER[name], n) for n in (2, 7))
    assert few["kernels"] == many["kernels"] > 0
    assert many["functions"] > few["functions"] > few["kernels"]


def answered():
    """All functions that `answer` is given in the package, by where."""
    root = Path(pb.__file__).parent
    for module in pkgutil.walk_packages([str(root)], "pullback."):
        path = root.joinpath(*module.name.split(".")[1:])
        path = path / "__init__.py" if module.ispkg else path.with_suffix(".py")
        source = path.read_text(encoding="utf-8")
        if "discrete import" not in source:
            continue
        names = vars(importlib.import_module(module.name))
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "answer":
                text = ast.unparse(node.args[0])
                if text.partition(".")[0] in names:  # and no argument of a function around it
                    yield f"{module.name}: {text}", eval(text, dict(names))


def test_every_function_says_how_it_does_many_examples():
    found = dict(answered())
    assert len(found) > 30
    lists = (discrete.BY_ELEMENT, discrete.ALONG, discrete.STACKS, discrete.IN_OPERANDS, discrete.ONE_BY_ONE)
    ways = {place: sum(f in some for some in lists) + isinstance(f, np.ufunc) for place, f in found.items()}
    assert {place for place, count in ways.items() if count != 1} == set()
