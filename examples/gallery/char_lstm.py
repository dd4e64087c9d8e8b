"""A recurrent network learns a sonnet by heart.

It reads one character at a time, keeps what it has read in two vectors, and says which character comes next. Gradients
go back through forty characters at once.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, final

import numpy as np
from matplotlib.figure import Figure

import pullback as pb

SONNET = """\
Shall I compare thee to a summer's day?
Thou art more lovely and more temperate:
Rough winds do shake the darling buds of May,
And summer's lease hath all too short a date;
Sometime too hot the eye of heaven shines,
And often is his gold complexion dimm'd;
And every fair from fair sometime declines,
By chance or nature's changing course untrimm'd;
"""  # W. Shakespeare, 1609


@final
class Reader(pb.nn.Module):
    """Characters (N, L) to logits (N, L, C)."""

    def __init__(self, characters: int, width: int) -> None:
        self.embedding = pb.nn.Embedding(characters, width, rng=0)
        self.lstm = pb.nn.LSTM(width, width, batch_first=True, rng=0)
        self.head = pb.nn.Linear(width, characters, rng=0)

    def forward(self, tokens: Any) -> Any:
        """Read from the beginning."""
        return self.head(self.lstm(self.embedding(tokens))[0])


def main(path: str | Path, steps: int = 300, width: int = 64) -> dict[str, Any]:
    """Learn, write, draw both to a file, and give the losses and the text."""
    letters = sorted(set(SONNET))
    tokens = np.array([letters.index(letter) for letter in SONNET])
    model = Reader(len(letters), width)
    optimizer = pb.optim.Adam(model.parameters(), lr=0.01)
    rng = np.random.default_rng(0)

    @pb.compile
    def step(before: Any, after: Any) -> Any:
        loss = pb.cross_entropy(model(before), after, axis=-1)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    losses = []
    for _ in range(steps):
        starts = rng.integers(0, len(tokens) - 41, 16)[:, None] + np.arange(41)
        losses.append(step(tokens[starts][:, :-1], tokens[starts][:, 1:]).item())

    written = list(tokens[:20])
    with pb.no_grad():
        for _ in range(240):
            logits = model(np.array([written[-40:]]))
            written.append(int(logits[0, -1].argmax()))
    text = "".join(letters[token] for token in written)

    figure = Figure(figsize=(7, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.plot(losses, color="#175ca5")
    left.set(xlabel="step", title="loss of a character")
    right.axis("off")
    right.text(0, 0.95, text, va="top", family="monospace", fontsize=7.5).set_in_layout(False)
    right.set_title("it goes on from 20 characters")
    figure.savefig(path)
    return {"losses": losses, "text": text}


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).with_suffix(".svg").name)
