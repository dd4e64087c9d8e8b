"""The layers of a transformer (Vaswani et al. 2017, "Attention is all you need")."""

from __future__ import annotations

from abc import ABC
from collections.abc import Callable
from typing import Any, ClassVar, Final, final

import numpy as np

from pullback.core.errors import OptionError
from pullback.functions import random
from pullback.functions.activations import gelu
from pullback.nn.attention import MultiHeadAttention
from pullback.nn.dropout import Dropout
from pullback.nn.linear import Linear
from pullback.nn.module import Module
from pullback.nn.normalization import LayerNorm
from pullback.nn.sizes import truths
from pullback.ops.elementwise import add, relu

_ACTIVATIONS: Final[dict[str, Callable[[Any], Any]]] = {"relu": relu, "gelu": gelu}


class _Layer(Module, ABC):
    """What the layers share: attentions, by their names, and two linear layers; a norm and a dropout for each part."""

    attentions: ClassVar[tuple[str, ...]] = ("self_attn",)
    self_attn: MultiHeadAttention
    norm1: LayerNorm
    norm2: LayerNorm
    dropout1: Dropout
    dropout2: Dropout

    def __init__(
        self, d_model: int, nhead: int, dim_feedforward: int = 2048, dropout: float = 0.1,
        activation: str | Callable[[Any], Any] = "relu", layer_norm_eps: float = 1e-5, batch_first: bool = False,
        norm_first: bool = False, bias: bool = True, *, rng: random.Rng = None, dtype: Any = np.float32,
    ) -> None:  # fmt: skip
        truths(type(self).__name__, batch_first=batch_first, norm_first=norm_first, bias=bias)
        rng = None if rng is None else random.generator(rng)
        kept: dict[str, Any] = {"rng": rng, "dtype": dtype}
        for name in self.attentions:
            setattr(self, name, MultiHeadAttention(d_model, nhead, dropout, bias, batch_first=batch_first, **kept))
        self.linear1 = Linear(d_model, dim_feedforward, bias, **kept)
        self.dropout = Dropout(dropout, rng)
        self.linear2 = Linear(dim_feedforward, d_model, bias, **kept)
        parts = range(1, len(self.attentions) + 2)
        for i in parts:
            setattr(self, f"norm{i}", LayerNorm(d_model, layer_norm_eps, bias=bias, dtype=dtype))
        for i in parts:
            setattr(self, f"dropout{i}", Dropout(dropout, rng))
        self.norm_first = norm_first
        if not (activation in _ACTIVATIONS if isinstance(activation, str) else callable(activation)):
            raise OptionError(
                f"{type(self).__name__}: unknown activation", got=repr(activation), fix="relu, gelu or a function"
            )
        self.activation = activation

    def _fed(self, x: Any) -> Any:
        f = _ACTIVATIONS[self.activation] if isinstance(self.activation, str) else self.activation
        return self.linear2(self.dropout(f(self.linear1(x))))

    def _residual(self, x: Any, part: Callable[[Any], Any], norm: LayerNorm) -> Any:
        return add(x, part(norm(x))) if self.norm_first else norm(add(x, part(x)))


@final
class TransformerEncoderLayer(_Layer):
    """x ← norm(x + attention(x)), x ← norm(x + W₂·f(W₁·x)).

    Parameters
    ----------
    d_model, nhead : int
        Features, and heads of the attention.
    dim_feedforward : int
        Features between the two linear layers.
    dropout : float
        Probability that an element is dropped, in training: after each part, between the linear layers, and of the
        weights of attention.
    activation : {"relu", "gelu"} or callable
        f.
    layer_norm_eps : float
        ε of the norms.
    batch_first : bool
        Sequences are (N, L, E) and not (L, N, E).
    norm_first : bool
        x + part(norm(x)) in place of norm(x + part(x)), which is easier to train (Xiong et al. 2020).
    bias : bool
        Whether linear layers and norms have biases.
    rng : None, int or numpy.random.Generator
        What the parameters, and dropout, are drawn from.
    dtype : dtype
        Of the parameters.

    >>> layer = TransformerEncoderLayer(8, 2, 16, batch_first=True, rng=0)
    >>> layer(np.ones((5, 7, 8), np.float32)).shape
    (5, 7, 8)
    """

    def forward(
        self, src: Any, src_mask: Any = None, src_key_padding_mask: Any = None, is_causal: bool = False
    ) -> Any:  # fmt: skip
        """Give the sequence anew; masks are as of `MultiHeadAttention`: booleans say what is left out."""

        def attended(x: Any) -> Any:
            found = self.self_attn(
                x, x, x, src_key_padding_mask, need_weights=False, attn_mask=src_mask, is_causal=is_causal
            )
            return self.dropout1(found[0])

        x = self._residual(src, attended, self.norm1)
        return self._residual(x, lambda x: self.dropout2(self._fed(x)), self.norm2)


@final
class TransformerDecoderLayer(_Layer):
    """As `TransformerEncoderLayer`, with attention to another sequence between: that of the encoder.

    Parameters are as of `TransformerEncoderLayer`.

    >>> layer = TransformerDecoderLayer(8, 2, 16, batch_first=True, rng=0)
    >>> layer(np.ones((5, 7, 8), np.float32), np.ones((5, 9, 8), np.float32), tgt_is_causal=True).shape
    (5, 7, 8)
    """

    attentions = ("self_attn", "multihead_attn")
    multihead_attn: MultiHeadAttention
    norm3: LayerNorm
    dropout3: Dropout

    def forward(
        self, tgt: Any, memory: Any, tgt_mask: Any = None, memory_mask: Any = None,
        tgt_key_padding_mask: Any = None, memory_key_padding_mask: Any = None, tgt_is_causal: bool = False,
        memory_is_causal: bool = False,
    ) -> Any:  # fmt: skip
        """Give the sequence `tgt` anew, attending to `memory` too; masks say what is left out."""

        def attended(x: Any) -> Any:
            found = self.self_attn(
                x, x, x, tgt_key_padding_mask, need_weights=False, attn_mask=tgt_mask, is_causal=tgt_is_causal
            )
            return self.dropout1(found[0])

        def crossed(x: Any) -> Any:
            found = self.multihead_attn(
                x, memory, memory, memory_key_padding_mask, need_weights=False, attn_mask=memory_mask,
                is_causal=memory_is_causal,
            )  # fmt: skip
            return self.dropout2(found[0])

        x = self._residual(tgt, attended, self.norm1)
        x = self._residual(x, crossed, self.norm2)
        return self._residual(x, lambda x: self.dropout3(self._fed(x)), self.norm3)
