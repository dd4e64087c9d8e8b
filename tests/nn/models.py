"""Whole models beside PyTorch's: one state, and the outputs and gradients of both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from tests.nn.case import Case, Integers

from pullback import nn


@dataclass(frozen=True, repr=False)
class Model(Case):
    """A model, with the first values that it draws itself."""

    def layer(self, dtype: Any = float, seed: int = 0) -> nn.Module:
        return self.make(rng=seed, dtype=dtype).train(self.training)


def nothing(*_: Any) -> None:
    """What models have in place of a formula: PyTorch alone judges them."""


def lenet(n: Any, **kept: Any) -> Any:
    """LeNet-5 of two libraries: `n` is either's module of layers."""
    return n.Sequential(
        n.Conv2d(1, 6, 5, **kept), n.ReLU(), n.MaxPool2d(2), n.Conv2d(6, 16, 5, **kept), n.ReLU(), n.MaxPool2d(2),
        n.Flatten(), n.Linear(256, 120, **kept), n.ReLU(), n.Linear(120, 84, **kept), n.ReLU(),
        n.Linear(84, 10, **kept),
    )  # fmt: skip


def residual(n: Any, drawn: Any = None, typed: Any = None) -> Any:
    """A small image classifier with all sorts of normalization, a depthwise convolution, and a transposed one."""
    drawn, typed = drawn or {}, typed or {}
    return n.Sequential(
        n.Conv2d(3, 8, 3, padding="same", bias=False, **drawn), n.BatchNorm2d(8, **typed), n.SiLU(),
        n.Conv2d(8, 8, 3, stride=2, padding=1, groups=8, **drawn), n.GroupNorm(2, 8, **typed), n.GELU(),
        n.ConvTranspose2d(8, 4, 2, stride=2, bias=False, **drawn), n.InstanceNorm2d(4), n.AvgPool2d(2),
        n.PReLU(4, **typed), n.AdaptiveAvgPool2d(2), n.Flatten(), n.Linear(16, 5, **drawn), n.LayerNorm(5, **typed),
    )  # fmt: skip


class Letters(nn.Module):
    """Two layers of LSTM over embedded letters."""

    def __init__(self, rng: Any, dtype: Any) -> None:
        generator = np.random.default_rng(rng)
        self.embedding = nn.Embedding(20, 8, rng=generator, dtype=dtype)
        self.lstm = nn.LSTM(8, 12, 2, batch_first=True, rng=generator, dtype=dtype)
        self.head = nn.Linear(12, 20, rng=generator, dtype=dtype)

    def forward(self, x: Any) -> Any:
        return self.head(self.lstm(self.embedding(x))[0])


def theirs_of_letters(torch: Any) -> Any:
    class Letters(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding = torch.nn.Embedding(20, 8)
            self.lstm = torch.nn.LSTM(8, 12, 2, batch_first=True)
            self.head = torch.nn.Linear(12, 20)

        def forward(self, x: Any) -> Any:
            return self.head(self.lstm(self.embedding(x))[0])

    return Letters()


class Gpt(nn.Module):
    """A causal transformer: blocks with normalization first, learned positions, a head tied to the embedding."""

    def __init__(self, rng: Any, dtype: Any) -> None:
        generator = np.random.default_rng(rng)
        self.tokens = nn.Embedding(20, 16, rng=generator, dtype=dtype)
        self.places = nn.Embedding(9, 16, rng=generator, dtype=dtype)
        self.blocks = nn.ModuleList([
            nn.TransformerEncoderLayer(
                16, 4, 32, dropout=0.0, activation="gelu", batch_first=True, norm_first=True, rng=generator, dtype=dtype
            ) for _ in range(2)
        ])  # fmt: skip
        self.norm = nn.LayerNorm(16, dtype=dtype)
        self.head = nn.Linear(16, 20, bias=False, rng=generator, dtype=dtype)
        self.head.weight = self.tokens.weight

    def forward(self, x: Any) -> Any:
        length = x.shape[1]
        y = self.tokens(x) + self.places(np.arange(length))
        mask = np.triu(np.ones((length, length), bool), 1)
        for block in self.blocks:
            y = block(y, src_mask=mask)
        return self.head(self.norm(y))


def theirs_of_gpt(torch: Any) -> Any:
    class Gpt(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.tokens, self.places = torch.nn.Embedding(20, 16), torch.nn.Embedding(9, 16)
            self.blocks = torch.nn.ModuleList([
                torch.nn.TransformerEncoderLayer(16, 4, 32, 0.0, "gelu", batch_first=True, norm_first=True)
                for _ in range(2)
            ])  # fmt: skip
            self.norm, self.head = torch.nn.LayerNorm(16), torch.nn.Linear(16, 20, bias=False)
            self.head.weight = self.tokens.weight

        def forward(self, x: Any) -> Any:
            y = self.tokens(x) + self.places(torch.arange(x.shape[1]))
            mask = torch.triu(torch.ones(x.shape[1], x.shape[1], dtype=torch.bool), 1)
            for block in self.blocks:
                y = block(y, src_mask=mask)
            return self.head(self.norm(y))

    return Gpt()


class Translator(nn.Module):
    """An encoder and a decoder with attention to it."""

    def __init__(self, rng: Any, dtype: Any) -> None:
        generator = np.random.default_rng(rng)
        self.encoder = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, rng=generator, dtype=dtype)
        self.decoder = nn.TransformerDecoderLayer(8, 2, 16, dropout=0.0, rng=generator, dtype=dtype)

    def forward(self, source: Any, target: Any) -> Any:
        return self.decoder(target, self.encoder(source))


def theirs_of_translator(torch: Any) -> Any:
    class Translator(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = torch.nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0)
            self.decoder = torch.nn.TransformerDecoderLayer(8, 2, 16, dropout=0.0)

        def forward(self, source: Any, target: Any) -> Any:
            return self.decoder(target, self.encoder(source))

    return Translator()


MODELS: Final = (
    Model("LeNet-5", lambda **kept: lenet(nn, **kept), ((3, 1, 28, 28),), nothing, lambda t: lenet(t.nn)),
    Model("residual images", lambda rng, dtype: residual(nn, {"rng": rng, "dtype": dtype}, {"dtype": dtype}),
          ((4, 3, 8, 8),), nothing, lambda t: residual(t.nn)),
    Model("letters", Letters, (Integers(20, (3, 7)),), nothing, theirs_of_letters),
    Model("GPT", Gpt, (Integers(20, (2, 9)),), nothing, theirs_of_gpt),
    Model("encoder and decoder", Translator, ((4, 2, 8), (5, 2, 8)), nothing, theirs_of_translator),
)  # fmt: skip
