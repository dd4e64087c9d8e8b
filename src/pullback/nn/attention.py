"""Attention with several heads."""

from __future__ import annotations

import math
from typing import Any, final

import numpy as np

from pullback.core.axes import dtype_of, ndim_of, shape_of
from pullback.core.errors import OptionError, ShapeError
from pullback.core.lints import check_precision
from pullback.functions import random
from pullback.functions.attention import attention_weights, dropped
from pullback.functions.padding import pad
from pullback.nn import init
from pullback.nn.linear import Linear
from pullback.nn.module import Module
from pullback.nn.outline import unusual
from pullback.nn.parameter import Parameter
from pullback.nn.sizes import positive, truths
from pullback.ops.contractions import linear, matmul
from pullback.ops.elementwise import logical_not, multiply, where
from pullback.ops.movement import broadcast_to, concatenate, expand_dims, permute_dims, reshape, swapaxes
from pullback.ops.reductions import mean


@final
class MultiHeadAttention(Module):
    """Attention in several subspaces, side by side: head i is softmax(q·Wqᵢ·(k·Wkᵢ)ᵀ / √d)·v·Wvᵢ (Vaswani et al. 2017).

    PyTorch's `MultiheadAttention`, with its parameters. Projections of the inputs begin as `init.glorot_uniform`, their
    biases at 0.

    Parameters
    ----------
    embed_dim, num_heads : int
        Features, and into how many heads they are divided.
    dropout : float
        Probability that a weight is dropped, in training.
    bias : bool
        Whether projections have biases.
    add_bias_kv : bool
        Append a learned key and value to each sequence.
    add_zero_attn : bool
        Append a key and a value of zeros.
    kdim, vdim : int, optional
        Features of keys and values, if they are others.
    batch_first : bool
        Sequences are (N, L, E) and not (L, N, E).
    rng : None, int or numpy.random.Generator
        What the parameters, and dropout, are drawn from.
    dtype : dtype
        Of the parameters.

    Attributes
    ----------
    in_proj_weight : Parameter, (3 · embed_dim, embed_dim)
        Of queries, keys and values; with `kdim` or `vdim` these are q_proj_weight, k_proj_weight and v_proj_weight.
    in_proj_bias : Parameter, (3 · embed_dim,), or None
    out_proj : Linear
    bias_k, bias_v : Parameter, (1, 1, embed_dim), or None

    Raises
    ------
    OptionError
        If the heads do not divide the features.
    ShapeError
        When called, if sequences or masks do not fit.

    >>> layer = MultiHeadAttention(8, 2, batch_first=True, rng=0)
    >>> x = np.ones((5, 7, 8), np.float32)
    >>> output, weights = layer(x, x, x)
    >>> output.shape, weights.shape
    ((5, 7, 8), (5, 7, 7))
    """

    def __init__(
        self, embed_dim: int, num_heads: int, dropout: float = 0.0, bias: bool = True, add_bias_kv: bool = False,
        add_zero_attn: bool = False, kdim: int | None = None, vdim: int | None = None, batch_first: bool = False, *,
        rng: random.Rng = None, dtype: Any = np.float32,
    ) -> None:  # fmt: skip
        flags = {"bias": bias, "add_bias_kv": add_bias_kv, "add_zero_attn": add_zero_attn, "batch_first": batch_first}
        truths("MultiHeadAttention", **flags)
        self.embed_dim = positive("MultiHeadAttention", "embed_dim", embed_dim)
        self.num_heads = positive("MultiHeadAttention", "num_heads", num_heads)
        if embed_dim % num_heads:
            raise OptionError(
                "MultiHeadAttention: heads do not divide the features", heads=num_heads, features=embed_dim
            )
        self.dropout, self.batch_first, self.add_zero_attn = dropout, batch_first, add_zero_attn
        self.kdim = embed_dim if kdim is None else positive("MultiHeadAttention", "kdim", kdim)
        self.vdim = embed_dim if vdim is None else positive("MultiHeadAttention", "vdim", vdim)
        self.rng = None if rng is None else random.generator(rng)
        generator = random.generator(rng if self.rng is None else self.rng)

        def drawn(rows: int, columns: int) -> Parameter:
            return Parameter(init.glorot_uniform((rows, columns), rng=generator, dtype=dtype))

        if self.kdim == self.vdim == embed_dim:
            self.in_proj_weight = drawn(3 * embed_dim, embed_dim)
        else:
            self.q_proj_weight = drawn(embed_dim, embed_dim)
            self.k_proj_weight = drawn(embed_dim, self.kdim)
            self.v_proj_weight = drawn(embed_dim, self.vdim)
        self.in_proj_bias = Parameter(np.zeros(3 * embed_dim, dtype)) if bias else None
        self.out_proj = Linear(embed_dim, embed_dim, bias, rng=generator, dtype=dtype)
        if self.out_proj.bias is not None:
            init.zeros(self.out_proj.bias)
        self.bias_k, self.bias_v = (
            Parameter(random.normal(0.0, math.sqrt(1 / embed_dim), (1, 1, embed_dim), rng=generator, dtype=dtype))
            if add_bias_kv else None for _ in "kv"
        )  # fmt: skip

    def forward(
        self, query: Any, key: Any, value: Any, key_padding_mask: Any = None, need_weights: bool = True,
        attn_mask: Any = None, average_attn_weights: bool = True, is_causal: bool = False,
    ) -> tuple[Any, Any]:  # fmt: skip
        """Attend.

        A query that may attend to nothing takes 0 from the values, and not NaN.

        Parameters
        ----------
        query, key, value : array-like, (L, N, E), (S, N, kdim), (S, N, vdim)
            With `batch_first` (N, L, E) and so on; one sequence may lack N.
        key_padding_mask : array-like, (N, S), optional
            Booleans say which keys are *left out*, as PyTorch's do; numbers are added to the scores.
        need_weights : bool
            Whether the weights are given too; else None in their place.
        attn_mask : array-like, (L, S) or (N · heads, L, S), optional
            Likewise, for each query.
        average_attn_weights : bool
            Give the mean of the weights over the heads, and not those of each.
        is_causal : bool
            Query i takes part in keys up to i only.

        Returns
        -------
        output : Tensor, as the query
        weights : Tensor, (N, L, S) or (N, heads, L, S), or None
        """
        check_precision("MultiHeadAttention", query, self.out_proj.weight)
        if ndim_of(query) == 2:
            axis = 0 if self.batch_first else 1
            padding = None if key_padding_mask is None else expand_dims(key_padding_mask, 0)
            output, weights = self.forward(
                expand_dims(query, axis), expand_dims(key, axis), expand_dims(value, axis), padding, need_weights,
                attn_mask, average_attn_weights, is_causal,
            )  # fmt: skip
            return output[:, 0] if axis else output[0], None if weights is None else weights[0]
        q, k, v = (x if self.batch_first else swapaxes(x, 0, 1) for x in self._checked(query, key, value))
        q, k, v = self._projected(q, k, v)
        k, v, more = self._appended(k, v)
        (batch, length, _), keys = q.shape, k.shape[1]
        q, k, v = map(self._divided, (q, k, v))
        scores = matmul(multiply(q, 1 / math.sqrt(self.embed_dim // self.num_heads)), swapaxes(k, -1, -2))
        mask = self._mask(attn_mask, key_padding_mask, (batch, length, keys - more), more)
        if is_causal:
            causal = np.concatenate([np.tri(length, keys - more) == 1, np.ones((length, more), bool)], axis=1)
            scores = where(causal, scores, -math.inf)
            mask = np.zeros((), scores.dtype) if mask is None else mask
        weights = attention_weights(scores, mask)
        used = dropped(weights, self.dropout if self.training else 0, self.rng)
        together = reshape(permute_dims(matmul(used, v), (0, 2, 1, 3)), (batch, length, self.embed_dim))
        output = self.out_proj(together)
        output = output if self.batch_first else swapaxes(output, 0, 1)
        if not need_weights:
            return output, None
        return output, mean(weights, 1) if average_attn_weights else weights

    def _checked(self, query: Any, key: Any, value: Any) -> tuple[Any, Any, Any]:
        q, k, v = map(shape_of, (query, key, value))
        first = 0 if self.batch_first else 1
        features = (self.embed_dim, self.kdim, self.vdim)
        if (
            {len(q), len(k), len(v)} != {3} or (q[-1], k[-1], v[-1]) != features or k[:2] != v[:2]
            or q[first] != k[first]
        ):  # fmt: skip
            order = ("N, L", "N, S") if self.batch_first else ("L, N", "S, N")
            expected = [f"({order[i > 0]}, {n})" for i, n in enumerate(features)]
            raise ShapeError(
                "MultiHeadAttention: the sequences do not fit", expected=", ".join(expected), got=[q, k, v]
            )
        return query, key, value

    def _projected(self, q: Any, k: Any, v: Any) -> tuple[Any, ...]:
        e = self.embed_dim
        parts = [slice(i * e, (i + 1) * e) for i in range(3)]
        if hasattr(self, "in_proj_weight"):
            if q is k is v:
                together = linear(q, self.in_proj_weight, self.in_proj_bias)
                return tuple(together[..., part] for part in parts)
            weights = [self.in_proj_weight[part] for part in parts]
        else:
            weights = [self.q_proj_weight, self.k_proj_weight, self.v_proj_weight]
        biases = [None if self.in_proj_bias is None else self.in_proj_bias[part] for part in parts]
        return tuple(linear(x, w, b) for x, w, b in zip((q, k, v), weights, biases, strict=True))

    def _appended(self, k: Any, v: Any) -> tuple[Any, Any, int]:
        """Keys and values with what is appended to each sequence, and how many that are."""
        more, shape = 0, (k.shape[0], 1, self.embed_dim)
        if self.bias_k is not None:
            k, v = (concatenate([x, broadcast_to(b, shape)], 1) for x, b in ((k, self.bias_k), (v, self.bias_v)))
            more += 1
        if self.add_zero_attn:
            k, v = (concatenate([x, np.zeros(shape, x.dtype)], 1) for x in (k, v))
            more += 1
        return k, v, more

    def _divided(self, x: Any) -> Any:
        """(N, L, E) to (N, heads, L, E / heads)."""
        batch, length, _ = x.shape
        heads = self.num_heads
        return permute_dims(reshape(x, (batch, length, heads, self.embed_dim // heads)), (0, 2, 1, 3))

    def _mask(self, attn_mask: Any, padding: Any, shape: tuple[int, int, int], more: int) -> Any:
        """Both masks as one, of what takes part or of what is added to the scores; what was appended takes part."""
        batch, length, keys = shape
        masks = []
        if attn_mask is not None:
            got = shape_of(attn_mask)
            if got not in ((length, keys), (batch * self.num_heads, length, keys)):
                raise ShapeError(
                    "MultiHeadAttention: the mask does not fit", got=got,
                    expected=f"{(length, keys)} or {(batch * self.num_heads, length, keys)}",
                )  # fmt: skip
            masks.append(attn_mask if len(got) == 2 else reshape(attn_mask, (batch, self.num_heads, length, keys)))
        if padding is not None:
            if shape_of(padding) != (batch, keys):
                raise ShapeError(
                    "MultiHeadAttention: the mask of keys does not fit", expected=(batch, keys), got=shape_of(padding)
                )
            masks.append(reshape(padding, (batch, 1, 1, keys)))
        found: Any = None
        for mask in masks:
            takes = logical_not(mask) if dtype_of(mask).kind == "b" else mask
            if found is None:
                found = takes
            elif found.dtype.kind == "b" and takes.dtype.kind == "b":
                found = found & takes
            else:
                found = _added(found) + _added(takes)
        if found is None or not more:
            return found
        width = ((0, 0),) * (ndim_of(found) - 1) + ((0, more),)
        if found.dtype.kind == "b":
            return logical_not(pad(logical_not(found), width))
        return pad(found, width)

    def extra_repr(self) -> str:
        usual: dict[str, Any] = {"dropout": 0.0, "batch_first": False, "add_zero_attn": False}
        usual |= {"kdim": self.embed_dim, "vdim": self.embed_dim}
        said = unusual(self, usual) + (["bias=False"] if self.in_proj_bias is None else [])
        return ", ".join([f"{self.embed_dim}, {self.num_heads}", *said])


def _added(mask: Any) -> Any:
    """A mask as what is added to scores."""
    return where(mask, np.float32(0), np.float32(-math.inf)) if mask.dtype.kind == "b" else mask
