"""Recipes of text: models of language that learn which character comes next, and write."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import cache, partial
from typing import Any, Final, TypeAlias, final

import numpy as np

from pullback.core.errors import ShapeError
from pullback.core.modes import no_grad
from pullback.data import Characters, DataLoader, TextSet, TokenWindows, tiny_shakespeare
from pullback.nn import LSTM, CrossEntropyLoss, Embedding, LayerNorm, Linear, Module, TransformerEncoderLayer
from pullback.nn.evaluating import evaluating
from pullback.optim import AdamW, Schedule, groups_by_name
from pullback.optim.schedules import Cosine, Warmup
from pullback.tensors import Tensor
from pullback.training.feed import Deferred
from pullback.training.looking import Distributions, Samples
from pullback.training.settings import Settings
from pullback.training.task import Task
from pullback.training.trainer import Trainer

Text: TypeAlias = Callable[[], TextSet]  # which loads it when it is first asked for

# The characters of tiny_shakespeare, so that a model can write without its data.
SHAKESPEARES: Final = Characters("\n !$&',-.3:;?ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")

_EVALUATED: Final = 512  # characters in a window of held-out text, for a model that reads as far as one likes
_AT_ONCE: Final = 32  # windows


def lstm(settings: Settings) -> Task:
    """A recurrent network on the plays of Shakespeare."""
    return lstm_on(settings, cache(lambda: tiny_shakespeare(settings.data_dir)), SHAKESPEARES)


def lstm_on(settings: Settings, text: Text, characters: Characters) -> Task:
    """A recurrent network on any text; held-out text is read in long windows."""
    rng = np.random.default_rng(settings.seed)
    model = Recurrent(len(characters), settings.width, settings.layers, settings.dropout, rng)
    trainer = Trainer(
        model, CrossEntropyLoss(), AdamW(model.parameters(), lr=_rate(settings), weight_decay=settings.weight_decay),
        clip_norm=settings.clip,
    )  # fmt: skip
    what = f"LSTM of {settings.layers} layers, {settings.width} wide"
    return _language(settings, text, characters, trainer, what, _EVALUATED)


def gpt(settings: Settings) -> Task:
    """A transformer on the plays of Shakespeare."""
    return gpt_on(settings, cache(lambda: tiny_shakespeare(settings.data_dir)), SHAKESPEARES)


def gpt_on(settings: Settings, text: Text, characters: Characters) -> Task:
    """A transformer on any text: what is a vector, and not a matrix, does not decay."""
    model = GPT(len(characters), settings.context, settings.width, settings.layers, settings.heads, settings.seed)
    groups = groups_by_name(model.named_parameters(), {"*norm*": {"weight_decay": 0.0}})
    optimizer = AdamW(groups, lr=_rate(settings), betas=(0.9, 0.99), weight_decay=settings.weight_decay)
    trainer = Trainer(model, CrossEntropyLoss(), optimizer, clip_norm=settings.clip)
    what = f"GPT of {settings.layers} layers, {settings.heads} heads, {settings.width} wide"
    return _language(settings, text, characters, trainer, what, settings.context)


def _rate(settings: Settings) -> Schedule:
    """A warm-up, and then a cosine down to a tenth."""
    steps = settings.steps or 1
    return Warmup(Cosine(settings.rate, steps, settings.rate / 10), max(1, settings.warmup))


@final
class Recurrent(Module):
    """Characters (N, L) to logits (N, L, C): an embedding, LSTM layers, an affine layer."""

    def __init__(self, characters: int, width: int, layers: int, dropout: float, rng: np.random.Generator) -> None:
        self.embedding = Embedding(characters, width, rng=rng)
        self.lstm = LSTM(width, width, num_layers=layers, batch_first=True, dropout=dropout, rng=rng)
        self.head = Linear(width, characters, rng=rng)

    def forward(self, tokens: Any) -> Any:
        output, _ = self.lstm(self.embedding(tokens))
        return self.head(output)


@final
class GPT(Module):
    """Characters (N, L) to logits (N, L, C): a causal transformer whose last layer is its embedding again.

    References
    ----------
    A. Radford et al., Language Models are Unsupervised Multitask Learners, 2019; first values and sizes as in
    A. Karpathy, nanoGPT, 2022.
    """

    def __init__(self, characters: int, context: int, width: int, layers: int, heads: int, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.context = context
        self.embedding = Embedding(characters, width, rng=rng)
        self.positions = Embedding(context, width, rng=rng)
        self.blocks = [
            TransformerEncoderLayer(
                width, heads, 4 * width, dropout=0.0, activation="gelu", batch_first=True, norm_first=True, bias=False,
                rng=rng,
            )
            for _ in range(layers)
        ]  # fmt: skip
        self.norm = LayerNorm(width, bias=False)
        for name, parameter in self.named_parameters():
            if parameter.ndim == 2:
                # What is added to the stream is smaller, the more of it there is.
                added = name.endswith(("out_proj.weight", "linear2.weight"))
                deviation = 0.02 / math.sqrt(2 * layers) if added else 0.02
                with no_grad():
                    parameter.assign(rng.normal(0.0, deviation, parameter.shape).astype(parameter.dtype))

    def forward(self, tokens: Any) -> Any:
        length = tokens.shape[-1]
        if length > self.context:
            raise ShapeError(
                "GPT: the sequence is longer than the positions", length=length, context=self.context,
                fix=f"at most {self.context} characters at once",
            )  # fmt: skip
        x = self.embedding(tokens) + self.positions(np.arange(length))
        for block in self.blocks:
            x = block(x, is_causal=True)
        return self.norm(x) @ self.embedding.weight.T


def _language(
    settings: Settings, text: Text, characters: Characters, trainer: Trainer, what: str, evaluated: int
) -> Task:
    """Learn from windows of the first part of a text, and read the whole of the rest."""

    def learned() -> DataLoader:
        windows = TokenWindows(characters.encode(text().train), settings.context)
        return DataLoader(windows, settings.batch_size, shuffle=True, drop_last=True, rng=settings.seed)

    def held_out() -> DataLoader:
        tokens = characters.encode(text().test)
        return DataLoader(windows := TokenWindows(tokens, evaluated, evaluated), min(_AT_ONCE, len(windows)))

    def about() -> list[str]:
        batches = f"batches of {settings.batch_size} windows of {settings.context}"
        rule = f"adamw, learning rate {settings.rate:g}, {batches}"
        return [
            f"data   {text().name}: {len(text().train):,} characters to learn from, {len(text().test):,} to test on",
            f"model  {what}, {trainer.parameters:,} parameters; {rule}",
        ]

    sample = partial(write, trainer.model, characters, getattr(trainer.model, "context", None))
    trainer.callbacks += [Distributions(), Samples(sample)]
    return Task(
        trainer, Deferred(learned), Deferred(held_out), about=about, sample=sample,
        example=lambda: np.zeros((2, settings.context), np.int64), open_axes=("N", "T"),
        evaluate_every=settings.evaluate_every,
    )  # fmt: skip


def write(
    model: Module, characters: Characters, context: int | None, prompt: str, length: int, temperature: float, rng: Any
) -> Iterator[str]:
    """Go on with a text, character by character, each drawn from what the model holds likely.

    Parameters
    ----------
    model : Module
        Gives logits (1, L, C) for characters (1, L).
    context : int or None
        How far it reads back.
    prompt : str
        What to go on with; nothing is a new line.
    length : int
        Characters to write.
    temperature : float
        Below 1 the likely is likelier; at 0 the likeliest is written.
    rng : numpy.random.Generator
        What is drawn from.
    """
    tokens = characters.encode(prompt or "\n").tolist()
    with evaluating(model), no_grad():
        for _ in range(length):
            window = tokens if context is None else tokens[-context:]
            logits = model(Tensor(np.array([window]))).numpy()[0, -1].astype(np.float64)
            if temperature:
                shares = np.exp((logits - logits.max()) / temperature)
                chosen = int(rng.choice(len(shares), p=shares / shares.sum()))
            else:
                chosen = int(logits.argmax())
            tokens.append(chosen)
            yield characters.decode([chosen])
