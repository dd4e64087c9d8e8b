"""Trees: taken apart and put together in order."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

import pullback as pb
from pullback.core.errors import OptionError
from pullback.core.tree import children, leaves, rebuild, same_structure, structure, tree_map


class Pair(NamedTuple):
    first: object
    second: object


TREES = st.recursive(
    st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.tuples(inner, inner) | st.builds(Pair, inner, inner)
    | st.dictionaries(st.text("abc", max_size=2), inner, max_size=3),
    max_leaves=12,
)  # fmt: skip


@given(TREES)
def test_rebuilding_from_the_leaves_gives_the_tree(tree):
    assert rebuild(tree, leaves(tree)) == tree
    assert structure(rebuild(tree, leaves(tree))) == structure(tree)
    assert type(rebuild(tree, leaves(tree))) is type(tree)


@given(TREES)
def test_mapping_maps_each_leaf_once_in_order(tree):
    seen = []
    doubled = tree_map(lambda x: (seen.append(x), 2 * x)[1], tree)
    assert seen == leaves(tree)
    assert leaves(doubled) == [2 * x for x in leaves(tree)]


def test_several_trees_at_once():
    assert tree_map(lambda a, b, c: a + b * c, Pair(1, [2]), Pair(3, [4]), Pair(5, [6])) == Pair(16, [26])


@pytest.mark.parametrize("other", [(1,), [1, 2], {"a": 1, "b": 2}, (1, (2,)), 1, (1, 2, 3)])
def test_another_structure_says_so(other):
    with pytest.raises(pb.ShapeError, match="structures differ"):
        tree_map(lambda a, b: a, (1, 2), other)
    with pytest.raises(OptionError, match=r"state: .*\n  expected  \(\*, \*\)"):
        same_structure((1, 2), other, "state", OptionError)


def test_dictionaries_of_other_keys_differ():
    with pytest.raises(pb.ShapeError, match=r"\{a: \*\}"):
        same_structure({"a": 1}, {"b": 1})
    assert tree_map(lambda x: x, OrderedDict(b=1, a=2)) == {"b": 1, "a": 2}


def test_what_is_a_leaf():
    for value in (None, "text", 1.0, pb.ones(2), {1, 2}, range(3), b"ab"):
        assert children(value) is None
        assert leaves(value) == [value]
    assert leaves([]) == leaves({}) == leaves(((), [{}])) == []


def test_a_deep_tree_of_leaves_is_read_without_recursion():
    tree = 1
    for _ in range(100_000):
        tree = [tree]
    assert leaves(tree) == [1]
    while isinstance(tree, list):  # taken apart by hand, for Python frees nested lists with care but not without end
        tree = tree.pop()


def test_dicts_of_other_types_stay_what_they_are():
    ordered, table = OrderedDict(a=1, b=2), defaultdict(list, a=1)
    made = tree_map(lambda v: v + 1, [ordered, table, {"a": 1}])
    assert made == [OrderedDict(a=2, b=3), {"a": 2}, {"a": 2}]
    assert [*map(type, made)] == [OrderedDict, defaultdict, dict]
    assert made[1]["new"] == []
    assert (ordered, table) == (OrderedDict(a=1, b=2), {"a": 1})
