"""Data sets: arrays, subsets and the user's own; what is not a data set is named."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pullback.core.errors import AxisError, DataError, DTypeError, ShapeError
from pullback.data import Dataset, Subset, TensorDataset, digits
from pullback.data.collate import collate
from pullback.data.dataset import as_dataset
from pullback.tensors import Tensor

X = np.arange(12.0, dtype=np.float32).reshape(4, 3)
Y = np.array([0, 1, 1, 0])


class Squares(Dataset):
    def __len__(self):
        return 5

    def __getitem__(self, index):
        return np.array([index, index**2]), index


def same(left, right):
    assert len(left) == len(right)
    for a, b in zip(left, right, strict=True):
        assert np.asarray(a).dtype == np.asarray(b).dtype
        np.testing.assert_array_equal(a, b)


def test_arrays_are_kept_and_not_copied():
    data = TensorDataset(X, Tensor(Y))
    assert data.arrays[0] is X
    assert np.shares_memory(data.arrays[1], Y)
    assert len(data) == 4


def test_an_integer_gives_one_sample():
    same(TensorDataset(X, Y)[2], (X[2], Y[2]))
    same(TensorDataset(X, Y)[np.int32(-1)], (X[-1], Y[-1]))


def test_a_slice_gives_views_and_positions_give_copies():
    data = TensorDataset(X, Y)
    assert np.shares_memory(data[1:3][0], X)
    assert not np.shares_memory(data[[1, 2]][0], X)
    same(data[1:3], data[[1, 2]])
    same(data[Y == 1], data[(1, 2)])
    same(data[[]], (X[:0], Y[:0]))


@given(indices=st.lists(st.integers(0, 3), min_size=1, max_size=6))
def test_a_batch_is_the_stack_of_its_samples(indices):
    for data in TensorDataset(X, Y), Subset((X, Y), [3, 1, 1, 0]), Subset(Squares(), [4, 2, 0, 3]):
        rows = np.array(indices, np.intp)
        same(data.batch(rows), collate([data[index] for index in indices]))
        same(data[rows], data.batch(rows))


def test_a_loop_over_a_data_set_ends():
    assert [int(label) for _, label in TensorDataset(X, Y)] == Y.tolist()


@pytest.mark.parametrize("index", [1.0, None, "a", [0.5], [[0, 1]]])
def test_other_indices_are_refused(index):
    with pytest.raises(DTypeError, match="not positions"):
        TensorDataset(X)[index]


def test_positions_outside_raise_as_numpy_does():
    for index in 4, -5, [0, 4]:
        with pytest.raises(IndexError):
            TensorDataset(X)[index]


def test_lengths_that_differ_are_named():
    with pytest.raises(ShapeError) as caught:
        TensorDataset(X, Y[:3])
    assert str(caught.value) == (
        "TensorDataset: the arrays have different lengths\n"
        "  array 0  (4, 3)\n"
        "  array 1  (3,)\n"
        "  fix      the first axis counts the samples and is the same for all"
    )


def test_what_is_not_rows_of_numbers_is_refused():
    with pytest.raises(ShapeError, match="no arrays"):
        TensorDataset()
    with pytest.raises(ShapeError, match="no first axis"):
        TensorDataset(X, 3.0)
    with pytest.raises(ShapeError, match="different lengths"):
        TensorDataset([[1, 2], [3]])
    with pytest.raises(DTypeError, match="not numbers"):
        TensorDataset([None, 1])


def test_a_subset_counts_negative_positions_from_the_end():
    subset = Subset(X, [-1, 0])
    same(subset[:], (X[[3, 0]],))
    same(subset[0], (X[3],))
    assert len(subset) == 2
    same(Subset(Squares(), [-1])[0], Squares()[4])
    same(Subset(X, Y == 1)[:], (X[1:3],))


@pytest.mark.parametrize("position", [4, -5])
def test_a_subset_refuses_positions_outside(position):
    with pytest.raises(AxisError, match=f"position +{position}\n +samples +4"):
        Subset(X, [0, position])


def test_samples_of_one_batch_must_agree():
    with pytest.raises(ShapeError, match="different shapes"):
        collate([np.ones(2), np.ones(3)])
    with pytest.raises(ShapeError, match="different structures"):
        collate([(1, 2), (1,)])


def test_stacking_keeps_the_type_of_numbers():
    same(collate([(np.float32(1), 2), (np.float32(3), 4)]), (np.float32([1, 3]), np.array([2, 4])))


def test_arrays_and_tuples_of_arrays_are_data_sets():
    same(as_dataset(X)[0], (X[0],))
    same(as_dataset(Tensor(X))[0], (X[0],))
    same(as_dataset((X, Y))[0], (X[0], Y[0]))
    data = Squares()
    assert as_dataset(data) is data
    with pytest.raises(DataError, match=r"got +list"):
        as_dataset([(1, 2), (3, 4)])


def test_a_set_of_two_parts_is_pointed_at_them():
    with pytest.raises(DataError, match=r"data\.train or data\.test"):
        as_dataset(digits())
