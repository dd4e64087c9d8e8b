"""What a convolution sees.

A small network learns to read digits. Its first layer then shows its eight filters, and what each of them answers to
one digit: edges of some direction, corners, strokes.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import pullback as pb


def main(path: str | Path, epochs: int = 12) -> dict[str, Any]:
    """Learn, draw filters and answers to a file, and give the accuracy."""
    data = pb.data.digits()
    images, labels = data.train.arrays
    model = pb.nn.Sequential(
        pb.nn.Unflatten(1, (1, 8)), pb.nn.Conv2d(1, 8, 3, padding=1, rng=0), pb.nn.ReLU(), pb.nn.MaxPool2d(2),
        pb.nn.Flatten(), pb.nn.Linear(128, 10, rng=0),
    )  # fmt: skip
    optimizer = pb.optim.Adam(model.parameters(), lr=0.005)

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
    tests, answers = data.test.arrays
    accuracy = float((model(tests).numpy().argmax(axis=1) == answers).mean())

    filters = model[1].weight.numpy()[:, 0]
    seen = model[2](model[1](model[0](images[:1]))).numpy()[0]
    figure = Figure(figsize=(7.6, 2.4), layout="constrained")
    grid = figure.subplots(2, 9)
    most = np.abs(filters).max()
    for ax in grid.ravel():
        ax.set_axis_off()
    grid[1, 0].imshow(images[0], cmap="gray_r")
    for i in range(8):
        grid[0, i + 1].imshow(filters[i], cmap="PuOr", vmin=-most, vmax=most)
        grid[1, i + 1].imshow(seen[i], cmap="Purples", vmin=0)
    figure.suptitle(f"eight filters, and their answers to one digit; {accuracy:.1%} of the test digits are read")
    figure.savefig(path)
    return {"accuracy": accuracy, "label": int(labels[0])}


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).with_suffix(".svg").name)
