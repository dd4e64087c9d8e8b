"""Fooling a network.

The gradient by the weights makes a network better. The gradient by the *image* says how to change the image so that
the network errs: each pixel a little, by the sign of its slope (Goodfellow et al. 2015).
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import pullback as pb


def trained(epochs: int) -> Any:
    """A network that reads digits."""
    model = pb.nn.Sequential(pb.nn.Flatten(), pb.nn.MLP(64, 64, 10, rng=0))
    optimizer = pb.optim.Adam(model.parameters(), lr=0.003)

    @pb.compile
    def step(x: Any, y: Any) -> Any:
        loss = pb.softmax_cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    loader = pb.data.DataLoader(pb.data.digits().train, batch_size=32, shuffle=True, drop_last=True, rng=0)
    for _ in range(epochs):
        for x, y in loader:
            step(x, y)
    return model


def main(path: str | Path, epochs: int = 15) -> dict[str, Any]:
    """Fool it, draw some digits to a file, and give the accuracy before and after."""
    model = trained(epochs)
    images, labels = pb.data.digits().test.arrays

    def loss(x: Any) -> Any:
        return pb.softmax_cross_entropy(model(x), labels, reduction="sum")

    direction = np.sign(pb.grad(loss)(images).numpy())
    sizes = np.linspace(0, 0.3, 11)
    shares = []
    for size in sizes:
        changed = np.clip(images + np.float32(size) * direction, 0, 1)
        shares.append(float((model(changed).numpy().argmax(axis=1) == labels).mean()))
    changed = np.clip(images + np.float32(0.15) * direction, 0, 1)
    taken = model(changed).numpy().argmax(axis=1)
    fooled = np.flatnonzero((taken != labels) & (model(images).numpy().argmax(axis=1) == labels))[:6]

    figure = Figure(figsize=(7.6, 3.2), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=(1, 1.4))
    axes = left.subplots()
    axes.plot(sizes, shares, "o-", color="#175ca5", markersize=3)
    axes.set(xlabel="change of each pixel", ylabel="share that is read", ylim=(0, 1.03))
    for ax, place in zip(right.subplots(2, 3).ravel(), fooled, strict=False):
        ax.imshow(changed[place], cmap="gray_r", vmin=0, vmax=1)
        ax.set_title(f"{labels[place]}, taken for {taken[place]}", fontsize=8)
        ax.set_axis_off()
    figure.savefig(path)
    return {"before": shares[0], "after": shares[-1]}


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).with_suffix(".svg").name)
