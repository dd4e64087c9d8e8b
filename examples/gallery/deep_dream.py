"""What a network dreams of.

Start with grey noise and change the *image*, by gradient ascent, so that the network holds one digit more and more
likely. Blurring a little keeps the picture a picture (Mordvintsev et al. 2015).
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import pullback as pb


def main(path: str | Path, epochs: int = 15, steps: int = 60) -> dict[str, Any]:
    """Learn, dream, draw the dreams to a file, and give how sure the network is of each."""
    data = pb.data.digits()
    model = pb.nn.Sequential(
        pb.nn.Unflatten(1, (1, 8)), pb.nn.Conv2d(1, 16, 3, padding=1, rng=0), pb.nn.Tanh(), pb.nn.Flatten(),
        pb.nn.Linear(16 * 64, 10, rng=0),
    )  # fmt: skip
    optimizer = pb.optim.AdamW(model.parameters(), lr=0.003, weight_decay=0.1)

    @pb.compile
    def step(x: Any, y: Any) -> Any:
        loss = pb.softmax_cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    for _ in range(epochs):
        for x, y in pb.data.DataLoader(data.train, batch_size=32, shuffle=True, drop_last=True, rng=0):
            step(x, y)

    digits = np.arange(10)
    dream = np.random.default_rng(0).uniform(0.2, 0.4, (10, 8, 8)).astype(np.float32)

    def wish(x: Any) -> Any:
        rough = np.mean((x[:, 1:] - x[:, :-1]) ** 2) + np.mean((x[:, :, 1:] - x[:, :, :-1]) ** 2)
        return np.sum(model(x)[digits, digits]) / 10 - 6 * rough

    climb = pb.compile(pb.grad(wish))
    for _ in range(steps):
        dream = np.clip(dream + np.float32(0.3) * climb(dream).numpy(), 0, 1)
    sure = pb.softmax(model(dream)).numpy()[digits, digits]

    figure = Figure(figsize=(7.6, 3.2), layout="constrained")
    for ax, digit in zip(figure.subplots(2, 5).ravel(), digits, strict=True):
        ax.imshow(dream[digit], cmap="magma", vmin=0, vmax=1, interpolation="bicubic")
        ax.set_title(f"{digit}: {sure[digit]:.0%}", fontsize=9)
        ax.set_axis_off()
    figure.savefig(path)
    return {"sure": sure}


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).with_suffix(".svg").name)
