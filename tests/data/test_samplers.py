"""Orders of samplers: what each promises, the same in every process, and refused where they cannot be."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pullback.core.errors import AxisError, DataError, OptionError
from pullback.data import (
    BucketSampler,
    DataLoader,
    RandomSampler,
    RankSampler,
    Sampler,
    StratifiedSampler,
    WeightedSampler,
)

LENGTHS = np.random.default_rng(1).integers(1, 60, size=103)
LABELS = np.random.default_rng(2).choice(4, size=103, p=[0.6, 0.25, 0.1, 0.05])
MADE = {
    "weighted": lambda: WeightedSampler(np.arange(103.0), rng=5),
    "weighted once": lambda: WeightedSampler(np.arange(103.0), size=50, replacement=False, rng=5),
    "stratified": lambda: StratifiedSampler(LABELS, rng=5),
    "bucket": lambda: BucketSampler(LENGTHS, 8, stretch=4, rng=5),
    "random": lambda: RandomSampler(103, rng=5),
    "rank": lambda: RankSampler(103, 1, 4, rng=5),
}


@pytest.mark.parametrize("name", MADE)
def test_an_order_follows_from_seed_and_epoch(name):
    one, other = MADE[name](), MADE[name]()
    orders = [one.order(epoch) for epoch in range(3)]
    assert [len(order) for order in orders] == [len(one)] * 3
    assert not np.array_equal(orders[0], orders[1])
    for epoch in (2, 0, 1):
        np.testing.assert_array_equal(other.order(epoch), orders[epoch])
    with pytest.raises(OptionError, match="negative"):
        one.order(-1)


@pytest.mark.parametrize("name", ["stratified", "bucket", "random"])
def test_each_sample_comes_once(name):
    assert sorted(MADE[name]().order(3).tolist()) == list(range(103))


@given(st.integers(1, 50), st.integers(1, 7), st.booleans(), st.integers(0, 3))
def test_the_ranks_share_an_order(size, ranks, drop_last, epoch):
    if drop_last and size < ranks:
        return
    parts = [RankSampler(size, rank, ranks, drop_last, rng=9).order(epoch) for rank in range(ranks)]
    assert len({len(part) for part in parts}) == 1
    together = np.stack(parts, axis=1).ravel()  # position by position
    whole = RandomSampler(size, rng=9).order(epoch)
    number = min(size, len(together))
    np.testing.assert_array_equal(together[:number], whole[:number])
    np.testing.assert_array_equal(together[number:], np.resize(whole, len(together))[number:])


def test_ranks_divide_any_sampler():
    sampler = StratifiedSampler(LABELS, rng=5)
    parts = [RankSampler(sampler, rank, 2).order(1) for rank in range(2)]
    np.testing.assert_array_equal(np.stack(parts, 1).ravel()[:103], sampler.order(1))


def test_weights_are_shares():
    weights = np.array([0.0, 1.0, 2.0, 5.0])
    counts = sum(np.bincount(WeightedSampler(weights, 2000, rng=1).order(epoch), minlength=4) for epoch in range(5))
    expected = weights / weights.sum() * 10_000
    assert counts[0] == 0
    assert ((counts[1:] - expected[1:]) ** 2 / expected[1:]).sum() < 14  # chi-square, 2 degrees of freedom, p < 0.001


def test_without_replacement_the_first_one_has_the_share_of_its_weight():
    weights = np.array([0.0, 1.0, 2.0, 5.0])
    sampler = WeightedSampler(weights, 3, replacement=False, rng=1)
    orders = np.array([sampler.order(epoch) for epoch in range(4000)])
    assert (np.sort(orders, axis=1) == [1, 2, 3]).all()
    counts = np.bincount(orders[:, 0], minlength=4)
    expected = weights / weights.sum() * 4000
    assert ((counts[1:] - expected[1:]) ** 2 / expected[1:]).sum() < 14


@given(st.lists(st.integers(0, 3), min_size=1, max_size=80), st.integers(1, 20))
def test_every_stretch_has_each_class_in_its_share(labels, batch):
    labels = np.array(labels)
    order = StratifiedSampler(labels, rng=0).order(0)
    for label in set(labels.tolist()):
        share = (labels == label).mean()
        for start in range(0, len(labels) - batch + 1, batch):
            count = (labels[order[start : start + batch]] == label).sum()
            assert abs(count - share * batch) < 2 + 1e-9


def test_a_bucket_is_padded_little_and_the_short_batch_stays_last():
    order = MADE["bucket"]().order(0)
    whole = LENGTHS[order[:96]].reshape(-1, 8)
    shuffled = LENGTHS[RandomSampler(103, rng=5).order(0)[:96]].reshape(-1, 8)
    waste = [(rows.max(1, keepdims=True) - rows).sum() for rows in (whole, shuffled)]
    assert waste[0] < waste[1] / 2
    batches = list(DataLoader(LENGTHS, 8, sampler=MADE["bucket"]()).batches(0))
    assert [len(batch[0]) for batch in batches] == [8] * 12 + [7]


def test_a_loader_takes_the_order_of_a_sampler():
    sampler = MADE["weighted once"]()
    loader = DataLoader(np.arange(103), 8, sampler=sampler)
    assert len(loader) == 7
    got = np.concatenate([batch[0].numpy() for batch in loader.batches(2)])
    np.testing.assert_array_equal(got, sampler.order(2))
    late = np.concatenate([batch[0].numpy() for batch in loader.batches(2, start=3)])
    np.testing.assert_array_equal(late, sampler.order(2)[24:])


class Given(Sampler):
    def __init__(self, order):
        self.given = order

    def __len__(self):
        return 2

    def order(self, epoch):
        return self.given


@pytest.mark.parametrize(
    ("order", "kind", "words"),
    [([0, 3], AxisError, "not in the data set"), ([0, -1], AxisError, "not in"), ([0.0, 1.0], DataError, "no order"),
     ([0], DataError, "no order")],
)  # fmt: skip
def test_an_order_that_is_none_is_refused(order, kind, words):
    with pytest.raises(kind, match=words):
        next(DataLoader(np.arange(3), sampler=Given(order)).batches(0))


WRONG = [
    (lambda: WeightedSampler([1.0, -1.0]), DataError, "no weights"),
    (lambda: WeightedSampler([0.0, 0.0]), DataError, "no weights"),
    (lambda: WeightedSampler([1.0, np.nan]), DataError, "no weights"),
    (lambda: WeightedSampler([1.0, 0.0], replacement=False), DataError, "fewer samples"),
    (lambda: WeightedSampler([1.0], size=0), OptionError, "size is not possible"),
    (lambda: StratifiedSampler([0.5]), DataError, "no labels"),
    (lambda: BucketSampler([0.5], 2), DataError, "no lengths"),
    (lambda: BucketSampler([5], 0), OptionError, "batch_size"),
    (lambda: RankSampler(4, 2, 2), OptionError, "no such rank"),
    (lambda: RankSampler(1, 0, 2, drop_last=True), DataError, "a rank has no samples"),
    (lambda: DataLoader(np.ones(3), shuffle=True, sampler=RandomSampler(3)), OptionError, "a sampler gives the order"),
    (lambda: DataLoader(np.ones(3), sampler=[0, 1, 2]), OptionError, "no sampler"),
]


@pytest.mark.parametrize(("make", "kind", "words"), WRONG, ids=[str(n) for n in range(len(WRONG))])
def test_what_cannot_be_is_refused(make, kind, words):
    with pytest.raises(kind, match=words):
        make()
