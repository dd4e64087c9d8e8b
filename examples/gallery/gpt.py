"""A transformer that sorts.

It is given six digits and asked for them in order, one after the other. Each digit that it writes has looked back at
those that were given: the picture shows where. A GPT in small: embeddings, positions, two blocks of causal attention.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, final

import numpy as np
from matplotlib.figure import Figure

import pullback as pb

LENGTH = 6


@final
class Sorter(pb.nn.Module):
    """Digits (N, L) to logits (N, L, 10)."""

    def __init__(self, width: int = 48) -> None:
        self.digits = pb.nn.Embedding(10, width, rng=0)
        self.places = pb.nn.Embedding(2 * LENGTH, width, rng=1)
        self.blocks = [
            pb.nn.TransformerEncoderLayer(
                width, 4, 2 * width, dropout=0.0, activation="gelu", batch_first=True, norm_first=True, rng=2 + i
            )
            for i in range(2)
        ]
        self.norm = pb.nn.LayerNorm(width)
        self.head = pb.nn.Linear(width, 10, rng=4)

    def forward(self, tokens: Any) -> Any:
        """Each place sees itself and what is before it."""
        x = self.digits(tokens) + self.places(np.arange(tokens.shape[-1]))
        for block in self.blocks:
            x = block(x, is_causal=True)
        return self.head(self.norm(x))


def main(path: str | Path, steps: int = 350) -> dict[str, Any]:
    """Learn, draw to a file, and give the losses and the share that is right."""
    rng = np.random.default_rng(0)
    model = Sorter()
    optimizer = pb.optim.AdamW(model.parameters(), lr=0.002)

    @pb.compile
    def step(sequence: Any, wanted: Any) -> Any:
        logits = model(sequence)[:, LENGTH - 1 :]
        loss = pb.cross_entropy(logits, wanted, axis=-1)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    def examples(count: int) -> tuple[Any, Any]:
        given = rng.integers(0, 10, (count, LENGTH))
        ordered = np.sort(given, axis=1)
        return np.concatenate([given, ordered[:, :-1]], axis=1), ordered

    losses = [step(*examples(64)).item() for _ in range(steps)]
    given, ordered = examples(200)
    sequence = given[:, :LENGTH]
    with pb.no_grad():
        for _ in range(LENGTH):
            sequence = np.concatenate([sequence, model(sequence)[:, -1:].numpy().argmax(-1)], axis=1)
        chances = pb.softmax(model(given[:1])).numpy()[0, LENGTH - 1 :]
    right = float((sequence[:, LENGTH:] == ordered).all(axis=1).mean())

    figure = Figure(figsize=(7, 3.4), layout="constrained")
    left, middle = figure.subplots(1, 2)
    left.semilogy(losses, color="#175ca5", linewidth=0.9)
    left.set(xlabel="step", title=f"{right:.0%} of 200 new rows are sorted")
    middle.imshow(chances, cmap="Purples", vmin=0, vmax=1)
    middle.set(xlabel="digit", ylabel="place in the answer", title=f"sorting {' '.join(map(str, given[0, :LENGTH]))}")
    middle.set_xticks(range(10))
    figure.savefig(path)
    return {"losses": losses, "right": right}


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).with_suffix(".svg").name)
