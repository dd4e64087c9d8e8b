"""Loaders: every sample once an epoch, in an order that only seed and epoch decide."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pullback.core.errors import DataError, GraphError, OptionError
from pullback.data import DataLoader, Dataset, TensorDataset, padded
from pullback.data.order import EPOCH, SPLIT, permutation
from pullback.functions.creation import tensor
from pullback.functions.random import default_generator, seed
from pullback.tensors import Tensor

sizes = st.integers(1, 40).flatmap(lambda n: st.tuples(st.just(n), st.integers(1, n)))


def labels(batches):
    return [batch[0].numpy().tolist() for batch in batches]


@given(sizes=sizes, shuffle=st.booleans(), drop_last=st.booleans(), epoch=st.integers(0, 5))
def test_each_epoch_gives_every_sample_once(sizes, shuffle, drop_last, epoch):
    size, batch_size = sizes
    loader = DataLoader(np.arange(size), batch_size, shuffle, drop_last, rng=3)
    batches = labels(loader.batches(epoch))
    seen = [label for batch in batches for label in batch]
    assert len(batches) == len(loader)
    assert sorted(loader.order(epoch).tolist()) == list(range(size))
    assert seen == loader.order(epoch)[: len(seen)].tolist()
    assert all(len(batch) == batch_size for batch in batches[: -1 if not drop_last else None])
    assert len(seen) == (size // batch_size * batch_size if drop_last else size)


@given(sizes=sizes, epoch=st.integers(0, 5), data=st.data())
def test_starting_late_gives_the_rest_of_the_same_epoch(sizes, epoch, data):
    size, batch_size = sizes
    loader = DataLoader(np.arange(size), batch_size, shuffle=True, rng=3)
    start = data.draw(st.integers(0, len(loader)))
    assert labels(loader.batches(epoch, start)) == labels(loader.batches(epoch))[start:]


def test_batches_before_the_start_are_not_built():
    asked = []

    class Counted(Dataset):
        def __len__(self):
            return 6

        def __getitem__(self, index):
            asked.append(index)
            return index

    assert labels(DataLoader(Counted(), 2).batches(0, start=2)) == [[4, 5]]
    assert asked == [4, 5]


def test_the_order_is_pinned():
    # NumPy promises the raw words of PCG64; a change here would break every resumed run.
    assert permutation(8, 0, EPOCH, 0).tolist() == [3, 7, 1, 4, 0, 6, 2, 5]
    assert permutation(8, 2**63 - 1, EPOCH, 7).tolist() == [5, 0, 6, 2, 1, 3, 7, 4]
    assert permutation(8, 0, SPLIT).tolist() == [7, 5, 1, 6, 3, 2, 4, 0]


def test_orders_of_all_seeds_and_epochs_differ():
    orders = {tuple(permutation(20, seed, EPOCH, epoch)) for seed in range(10) for epoch in range(10)}
    assert len(orders) == 100


def test_each_place_is_as_likely():
    counts = np.zeros((5, 5), int)
    for epoch in range(4000):
        counts[np.arange(5), permutation(5, 1, EPOCH, epoch)] += 1
    expected = 4000 / 5
    assert ((counts - expected) ** 2 / expected).sum() < 40  # chi-square, 16 degrees of freedom, p < 0.001


def test_a_loop_runs_the_next_epoch():
    loader = DataLoader(np.arange(10), 3, shuffle=True, rng=0)
    for epoch in range(3):
        assert loader.epoch == epoch
        assert labels(loader) == labels(loader.batches(epoch))
    loader.epoch = 1
    for _ in loader:
        assert loader.epoch == 2
        break
    assert labels(loader) == labels(loader.batches(2))


def test_two_loops_at_once_are_two_epochs():
    loader = DataLoader(np.arange(10), 5, shuffle=True, rng=0)
    pairs = list(zip(loader, loader, strict=True))
    assert labels(pair[0] for pair in pairs) == labels(loader.batches(0))
    assert labels(pair[1] for pair in pairs) == labels(loader.batches(1))


def test_batches_are_constant_tensors_that_own_their_numbers():
    images, classes = np.ones((4, 2), np.float32), np.arange(4)
    batch = next(iter(DataLoader((images, classes), 2)))
    assert all(isinstance(part, Tensor) for part in batch)
    assert [(part.shape, part.dtype) for part in batch] == [((2, 2), np.float32), ((2,), np.int64)]
    assert not any(part.requires_grad for part in batch)
    assert not np.shares_memory(batch[0].numpy(), images)


def test_without_shuffle_the_order_is_the_data_sets():
    loader = DataLoader(TensorDataset(np.arange(5)), 2)
    assert labels(loader) == labels(loader) == [[0, 1], [2, 3], [4]]
    assert loader.seed is None


def test_a_generator_gives_one_seed_once():
    one, two = (DataLoader(np.arange(9), shuffle=True, rng=np.random.default_rng(5)) for _ in range(2))
    assert one.seed == two.seed
    rng = np.random.default_rng(5)
    first, second = (DataLoader(np.arange(9), shuffle=True, rng=rng).seed for _ in range(2))
    assert first == one.seed != second
    assert DataLoader(np.arange(9), shuffle=True, rng=one.seed).order(4).tolist() == one.order(4).tolist()


def test_a_generator_gives_one_of_very_many_seeds():
    rng = np.random.default_rng(5)
    seeds = [DataLoader(np.arange(2), shuffle=True, rng=rng).seed for _ in range(100)]
    assert len(set(seeds)) == 100
    assert max(seeds) > 2**62


def test_without_rng_two_loaders_have_two_orders():
    one, two = (DataLoader(np.arange(9), shuffle=True) for _ in range(2))
    assert one.seed != two.seed


def test_the_default_generator_is_the_one_that_seed_seeds():
    before = default_generator().bit_generator.state
    seed(4)
    first = DataLoader(np.arange(9), shuffle=True).seed
    DataLoader(np.arange(9))  # in order: it draws nothing
    second = DataLoader(np.arange(9), shuffle=True).seed
    seed(4)
    assert [DataLoader(np.arange(9), shuffle=True).seed for _ in range(2)] == [first, second]
    default_generator().bit_generator.state = before


def test_collate_fn_gets_the_samples_and_makes_the_batch():
    class Words(Dataset):
        def __len__(self):
            return 3

        def __getitem__(self, index):
            return np.arange(index + 1)

    def padded(words):
        width = max(map(len, words))
        return np.array([np.pad(word, (0, width - len(word))) for word in words]), Tensor(np.array([1]))

    words, ones = next(iter(DataLoader(Words(), 3, collate_fn=padded)))
    assert words.numpy().tolist() == [[0, 0, 0], [0, 1, 0], [0, 1, 2]]
    assert ones.numpy().tolist() == [1]
    (single,) = next(iter(DataLoader(Words(), 2, collate_fn=lambda words: len(words))))
    assert single.numpy() == 2


def test_an_empty_data_set_is_refused():
    with pytest.raises(DataError, match="the data set is empty"):
        DataLoader(np.ones((0, 3)))


@pytest.mark.parametrize("drop_last", [False, True])
def test_a_batch_larger_than_the_data_set_is_refused(drop_last):
    with pytest.raises(DataError) as caught:
        DataLoader(np.ones(3), 4, drop_last=drop_last)
    assert str(caught.value) == (
        "DataLoader: a batch is larger than the data set\n"
        "  batch_size  4\n"
        "  samples     3\n"
        "  fix         batch_size=3 or less"
    )


@pytest.mark.parametrize("batch_size", [0, -1, 2.0, None, "8"])
def test_batch_sizes_that_count_nothing_are_refused(batch_size):
    with pytest.raises(OptionError, match="batch_size"):
        DataLoader(np.ones(3), batch_size)


@pytest.mark.parametrize("rng", [-1, 0.5, True, "seed", np.random.RandomState(0)])
def test_other_sources_of_randomness_are_refused(rng):
    with pytest.raises(OptionError, match="rng"):
        DataLoader(np.ones(3), shuffle=True, rng=rng)


def test_places_that_an_epoch_has_not_are_refused():
    loader = DataLoader(np.ones(3), 2)
    assert list(loader.batches(0, start=2)) == []
    for start in -1, 3:
        with pytest.raises(OptionError, match="no such batch"):
            loader.batches(0, start)
    with pytest.raises(OptionError, match="negative"):
        loader.order(-1)


class Tracked(Dataset):
    """Its samples depend on something that learns."""

    def __len__(self):
        return 4

    def __getitem__(self, index):
        return tensor([1.0, 2.0], requires_grad=True) * index


@pytest.mark.parametrize(
    "batch",
    [
        lambda x: TensorDataset(x),
        lambda x: DataLoader((np.arange(2), x * 2)),
        lambda _: next(iter(DataLoader(Tracked(), 2))),
        lambda _: next(iter(DataLoader(Tracked(), 2, num_workers=1))),
        lambda x: next(iter(DataLoader(np.arange(2), collate_fn=lambda _: x * 2))),
        lambda x: padded([x, x * 2]),
    ],
)
def test_a_derivative_is_not_lost_in_a_batch(batch):
    with pytest.raises(GraphError, match=r"tracked[\s\S]*detach"):
        batch(tensor([1.0, 2.0], requires_grad=True))
    assert TensorDataset(tensor([1.0, 2.0]) * 2).arrays[0].tolist() == [2, 4]
