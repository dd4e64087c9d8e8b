"""Text as numbers, and windows of tokens: what a model of language learns from."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias, final

import numpy as np
import numpy.typing as npt

from pullback.core.errors import DataError, DTypeError
from pullback.core.numbers import checked_count
from pullback.data.collate import as_array
from pullback.data.dataset import Dataset
from pullback.data.mapped import packed, unpacked

Array: TypeAlias = npt.NDArray[Any]


@final
class Characters:
    """Numbers for the characters of a text, in the order of their code points.

    >>> alphabet = Characters("hello")
    >>> alphabet.encode("hole").tolist(), alphabet.decode([1, 3])
    ([1, 3, 2, 0], 'ho')
    """

    def __init__(self, text: Iterable[str]) -> None:
        self.characters = "".join(sorted(set(text)))
        self._points = _points(self.characters)

    def __len__(self) -> int:
        return len(self.characters)

    def encode(self, text: str) -> npt.NDArray[np.int64]:
        """The numbers of a text's characters.

        Raises DataError for a character that is none of them.
        """
        points = _points(text)
        numbers = np.searchsorted(self._points, points)
        strange = np.flatnonzero(~np.isin(points, self._points))
        if strange.size:
            raise DataError(
                "Characters: the text has a character that is not known", got=repr(text[strange[0]]),
                known=repr(self.characters), fix="write it with these",
            )  # fmt: skip
        return numbers.astype(np.int64)

    def decode(self, numbers: Iterable[Any]) -> str:
        """The text of some numbers."""
        return "".join(self.characters[int(number)] for number in numbers)


def _points(text: str) -> npt.NDArray[np.uint32]:
    """The code points of a text; halves of pairs, which are no characters, stand for themselves."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.dtype("<u4"))


@final
class TokenWindows(Dataset):
    """Windows of a long row of tokens: `context` of them, and the same moved on by one, which is what comes next.

    Nothing is copied until a batch is made, so the tokens may lie in a file that is larger than memory.

    Parameters
    ----------
    tokens : (N,) integers
        An array, or a memory-mapped one.
    context : int
        Tokens in a window.
    stride : int
        How far apart windows begin; as far as `context`, and each token is a target once.

    Raises
    ------
    DataError
        If there are too few tokens for one window.

    >>> data = TokenWindows(np.arange(10), context=4, stride=4)
    >>> len(data), data[1]
    (2, (array([4, 5, 6, 7]), array([5, 6, 7, 8])))
    """

    def __init__(self, tokens: Any, context: int, stride: int = 1) -> None:
        self.tokens = as_array(tokens)
        self.context = checked_count("TokenWindows", "context", context, least=1)
        self.stride = checked_count("TokenWindows", "stride", stride, least=1)
        if self.tokens.ndim != 1 or self.tokens.dtype.kind not in "iu":
            raise DTypeError(
                "TokenWindows: these are no tokens", shape=self.tokens.shape, dtype=self.tokens.dtype,
                fix="a vector of integers",
            )  # fmt: skip
        if len(self.tokens) <= context:
            raise DataError(
                "TokenWindows: there are too few tokens for a window", tokens=len(self.tokens), context=context,
                fix=f"more text, or a context of at most {len(self.tokens) - 1}",
            )  # fmt: skip

    def __len__(self) -> int:
        return (len(self.tokens) - self.context - 1) // self.stride + 1

    def __getitem__(self, index: int) -> tuple[Array, Array]:
        position = range(len(self))[index] * self.stride
        window = self.tokens[position : position + self.context + 1].astype(np.int64)
        return window[:-1], window[1:]

    def batch(self, indices: npt.NDArray[np.intp]) -> tuple[Array, Array]:
        windows = self.tokens[(np.asarray(indices) * self.stride)[:, None] + np.arange(self.context + 1)]
        windows = windows.astype(np.int64)
        return np.ascontiguousarray(windows[:, :-1]), np.ascontiguousarray(windows[:, 1:])

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "tokens": packed(self.tokens)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, tokens=unpacked(state["tokens"]))

    def __repr__(self) -> str:
        return f"TokenWindows({len(self)} windows of {self.context})"
