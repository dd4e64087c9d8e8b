"""Tables of vectors, one for each index."""

from __future__ import annotations

from typing import Any, Self, final

import numpy as np

from pullback.core.errors import OptionError, ShapeError
from pullback.functions import random
from pullback.nn.module import Module
from pullback.nn.parameter import Parameter
from pullback.nn.sizes import positive
from pullback.ops.rows import embedding


@final
class Embedding(Module):
    """weight[x]: a learned vector for each index, as of words (Bengio et al. 2003).

    The weight begins normal with deviation 1, as PyTorch's does, and 0 at `padding_idx`.

    Parameters
    ----------
    num_embeddings, embedding_dim : int
        How many vectors there are, and how long they are.
    padding_idx : int, optional
        An index whose vector does not learn; negative ones count from the end.
    rng : None, int or numpy.random.Generator
        What the weight is drawn from.
    dtype : dtype
        Of the weight.

    Attributes
    ----------
    weight : Parameter, (num_embeddings, embedding_dim)

    Raises
    ------
    OptionError
        If a number is not 1 or more, or the padding index is outside.
    AxisError
        When called, if an index is not from 0 to num_embeddings − 1.

    >>> layer = Embedding(10, 4, padding_idx=0, rng=0)
    >>> layer([[1, 2, 0]]).shape
    (1, 3, 4)
    """

    def __init__(
        self, num_embeddings: int, embedding_dim: int, padding_idx: int | None = None, *, rng: random.Rng = None,
        dtype: Any = np.float32,
    ) -> None:  # fmt: skip
        self.num_embeddings = positive("Embedding", "num_embeddings", num_embeddings)
        self.embedding_dim = positive("Embedding", "embedding_dim", embedding_dim)
        if padding_idx is not None and not -num_embeddings <= padding_idx < num_embeddings:
            raise OptionError("Embedding: padding_idx is outside the table", got=padding_idx, count=num_embeddings)
        self.padding_idx = None if padding_idx is None else padding_idx % num_embeddings
        numbers = random.normal(size=(num_embeddings, embedding_dim), rng=rng, dtype=dtype).numpy().copy()
        if padding_idx is not None:
            numbers[padding_idx] = 0
        self.weight = Parameter(numbers)

    @classmethod
    def from_pretrained(cls, embeddings: Any, freeze: bool = True, padding_idx: int | None = None) -> Self:
        """A layer with a table that is there already, which does not learn unless `freeze` is False.

        >>> Embedding.from_pretrained(np.eye(3))([2])
        Tensor([[0., 0., 1.]])
        """
        table = np.asarray(getattr(embeddings, "array", embeddings))
        if table.ndim != 2:
            raise ShapeError("Embedding.from_pretrained: not a table", expected="(count, features)", got=table.shape)
        count, features = table.shape
        layer = cls(count, features, padding_idx, rng=0, dtype=table.dtype)
        layer.weight = Parameter(table, requires_grad=not freeze)
        return layer

    def forward(self, x: Any) -> Any:
        return embedding(x, self.weight, self.padding_idx)

    def extra_repr(self) -> str:
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        return f"{self.num_embeddings}, {self.embedding_dim}{padding}"
