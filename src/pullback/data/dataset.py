"""Data sets: anything with a length whose samples are asked for by position, one or many at a time."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, TypeAlias, final

import numpy as np
import numpy.typing as npt

from pullback.core.errors import AxisError, DataError, DTypeError, ShapeError
from pullback.data.collate import as_array, collate
from pullback.data.mapped import packed, unpacked

Array: TypeAlias = npt.NDArray[Any]


class Dataset(ABC):
    """Samples with a length and a position each; subclass it for data that is not arrays in memory.

    A sample is an array, a number, or a tuple or dict of them, nested in any way. A subclass whose storage can gather
    many samples at once overrides `batch` too, which is all that a `DataLoader` calls; one whose samples differ from
    epoch to epoch overrides `at`.

    >>> class Squares(Dataset):
    ...     def __len__(self) -> int:
    ...         return 4
    ...
    ...     def __getitem__(self, index: int) -> tuple[int, int]:
    ...         return index, index**2
    >>> Squares().batch(np.array([3, 1]))
    (array([3, 1]), array([9, 1]))
    """

    @abstractmethod
    def __len__(self) -> int:
        """Return the number of samples."""

    @abstractmethod
    def __getitem__(self, index: int) -> Any:
        """Return the sample at `index`."""

    def batch(self, indices: npt.NDArray[np.intp]) -> Any:
        """Return the samples at `indices`, stacked along a new first axis: a tuple, or what else a sample is."""
        samples = collate([self[int(index)] for index in indices])
        return samples if isinstance(samples, (tuple, dict)) else (samples,)

    def at(self, epoch: int) -> Dataset:
        """Return the data set as it is in an epoch: itself, unless what it gives is drawn anew in each."""
        return self


@final
class TensorDataset(Dataset):
    """Arrays of one length: sample i is the tuple of their rows i.

    Nothing is copied: the arrays are kept as they are given, of tensors the values without their graph. An
    integer gives one sample, a slice views of the arrays, an array of integers (or of booleans) copies of the
    rows that it names.

    Parameters
    ----------
    *arrays : array_like or Tensor
        At least one, each of shape (N, …).

    Raises
    ------
    ShapeError
        If there is no array, one without a first axis, or two of different lengths.
    DTypeError
        If an array holds Python objects.

    >>> data = TensorDataset(np.arange(6.0).reshape(3, 2), [0, 1, 1])
    >>> len(data), data[2]
    (3, (array([4., 5.]), np.int64(1)))
    >>> images, labels = data[1:]
    >>> labels
    array([1, 1])
    """

    __slots__ = ("arrays",)

    def __init__(self, *arrays: Any) -> None:
        self.arrays: tuple[Array, ...] = tuple(as_array(array) for array in arrays)
        shapes = {f"array {position}": array.shape for position, array in enumerate(self.arrays)}
        if not self.arrays:
            raise ShapeError("TensorDataset: no arrays were given", fix="TensorDataset(inputs, targets)")
        if not all(shapes.values()):
            raise ShapeError(
                "TensorDataset: an array has no first axis", **shapes, fix="give each array one row a sample"
            )
        if len({shape[0] for shape in shapes.values()}) > 1:
            raise ShapeError(
                "TensorDataset: the arrays have different lengths",
                **shapes,
                fix="the first axis counts the samples and is the same for all",
            )

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.arrays[0])

    def __getitem__(self, index: int | slice | Sequence[int] | npt.NDArray[Any]) -> tuple[Any, ...]:
        """Return one sample, or the tuple of the rows that `index` names."""
        if not isinstance(index, (int, np.integer, slice)):
            index = _row_numbers(index)
        return tuple(array[index] for array in self.arrays)

    def batch(self, indices: npt.NDArray[np.intp]) -> tuple[Array, ...]:
        """Return the rows at `indices`: one gather an array."""
        return tuple([array.take(indices, axis=0) for array in self.arrays])

    def __getstate__(self) -> list[Any]:
        return [packed(array) for array in self.arrays]

    def __setstate__(self, state: list[Any]) -> None:
        self.arrays = tuple(map(unpacked, state))

    def __repr__(self) -> str:
        parts = ", ".join(f"{array.shape[1:]} {array.dtype}" for array in self.arrays)
        return f"TensorDataset({len(self)} samples: {parts})"


@final
class Subset(Dataset):
    """The samples of a data set at some positions, in their order; a position may repeat.

    Parameters
    ----------
    dataset : Dataset or arrays
        What to choose from.
    indices : array_like of int
        Positions, of shape (M,); negative ones count from the end.

    Raises
    ------
    AxisError
        If a position is not in the data set.

    >>> Subset(np.array([10, 11, 12, 13]), [3, 0])[:]
    (array([13, 10]),)
    """

    __slots__ = ("dataset", "indices")

    def __init__(self, dataset: Any, indices: Sequence[int] | npt.NDArray[Any]) -> None:
        self.dataset = as_dataset(dataset)
        size = len(self.dataset)
        rows = _row_numbers(indices)
        if rows.dtype == bool and len(rows) == size:
            rows = np.flatnonzero(rows)
        outside = rows[(rows < -size) | (rows >= size)]
        if outside.size:
            raise AxisError(
                "Subset: a position is not in the data set",
                position=outside[0],
                samples=size,
                fix=f"positions go from 0 to {size - 1}",
            )
        self.indices: npt.NDArray[np.intp] = np.where(rows < 0, rows + size, rows).astype(np.intp)

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.indices)

    def __getitem__(self, index: int | slice | Sequence[int] | npt.NDArray[Any]) -> Any:
        """Return one sample, or the tuple of the samples that `index` names, stacked."""
        if isinstance(index, (int, np.integer)):
            return self.dataset[int(self.indices[index])]
        return self.dataset.batch(self.indices[index if isinstance(index, slice) else _row_numbers(index)])

    def batch(self, indices: npt.NDArray[np.intp]) -> Any:
        """Return the samples at `indices`, gathered as the data set itself does it."""
        return self.dataset.batch(self.indices[indices])

    def at(self, epoch: int) -> Subset:
        """Return the same samples of the data set as it is in an epoch."""
        dataset = self.dataset.at(epoch)
        return self if dataset is self.dataset else Subset(dataset, self.indices)

    def __repr__(self) -> str:
        return f"Subset({len(self)} of {self.dataset!r})"


def as_dataset(data: Any) -> Dataset:
    """Return `data` if it is a data set, else the data set of an array or of a tuple of arrays."""
    if isinstance(data, Dataset):
        return data
    if isinstance(data, tuple):
        return TensorDataset(*data)
    if hasattr(data, "__array__"):
        return TensorDataset(data)
    raise DataError(
        "data: this is neither a data set nor arrays",
        got=type(data).__name__,
        fix="data.train or data.test" if hasattr(data, "train") else "arrays, a tuple of them, or a pb.data.Dataset",
    )


def _row_numbers(index: Any) -> npt.NDArray[Any]:
    """Return `index` as a vector of integers or of booleans."""
    rows = np.asarray(index)
    if rows.size == 0:  # an empty list reads as float64
        rows = rows.astype(np.intp)
    if rows.ndim != 1 or rows.dtype.kind not in "iub":
        raise DTypeError(
            "data: these are not positions of samples",
            got=f"{rows.dtype} of shape {rows.shape}",
            fix="use an integer, a slice or a vector of integers",
        )
    return rows
