"""Random splits share no sample, leave none out, and have the lengths that were asked for."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pullback.core.errors import DataError
from pullback.data import random_split

weights = st.lists(st.integers(0, 9), min_size=1, max_size=5).filter(sum)


def values(part):
    return part[:][0].tolist()


@given(size=st.integers(0, 50), weights=weights, seed=st.integers(0, 9))
def test_parts_are_the_whole_and_share_nothing(size, weights, seed):
    fractions = [weight / sum(weights) for weight in weights]
    parts = random_split(np.arange(size), fractions, rng=seed)
    assert sorted(value for part in parts for value in values(part)) == list(range(size))
    assert all(abs(len(part) - fraction * size) < 1 for part, fraction in zip(parts, fractions, strict=True))


@given(lengths=st.lists(st.integers(0, 9), min_size=1, max_size=5))
def test_lengths_are_kept_to_the_letter(lengths):
    assert [len(part) for part in random_split(np.arange(sum(lengths)), lengths, rng=0)] == lengths


def test_a_fraction_that_binary_cannot_hold_still_gets_its_sample():
    assert [len(part) for part in random_split(np.arange(100), [0.29, 0.71], rng=0)] == [29, 71]


def test_the_seed_decides():
    first, again, other = (values(random_split(np.arange(50), [25, 25], rng=seed)[0]) for seed in (3, 3, 4))
    assert first == again != other
    assert first != sorted(first)


def test_a_generator_gives_a_new_split_each_time():
    rng = np.random.default_rng(0)
    first, second = (values(random_split(np.arange(50), [50], rng=rng)[0]) for _ in range(2))
    assert first != second


@pytest.mark.parametrize("parts", [[2, 2], [0.5, 0.4], [6, -1], [], [1.5, -0.5], [0.5, 1]])
def test_parts_that_do_not_add_up_are_refused(parts):
    with pytest.raises(DataError, match="do not add up"):
        random_split(np.arange(5), parts)
