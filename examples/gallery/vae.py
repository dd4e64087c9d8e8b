"""A variational autoencoder of digits.

An encoder says where in a plane a digit lies and how surely, a point is drawn there, and a decoder makes a digit of it
(Kingma and Welling 2014). Gradients pass through the draw, for it is a mean plus noise times a width. In the end the
plane is a map of all digits.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import pullback as pb


def main(path: str | Path, epochs: int = 150) -> dict[str, Any]:
    """Learn, draw the map to a file, and give the losses."""
    images = pb.data.digits().train.arrays[0].reshape(-1, 64)
    encoder = pb.nn.MLP(64, 96, 4, activation=pb.nn.Tanh, rng=0)
    decoder = pb.nn.MLP(2, 96, 64, activation=pb.nn.Tanh, rng=1)
    optimizer = pb.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=0.003)

    @pb.compile
    def step(x: Any, noise: Any) -> Any:
        middle, log_width = pb.split(encoder(x), 2, axis=1)
        code = middle + noise * np.exp(log_width)
        missed = pb.binary_cross_entropy_with_logits(decoder(code), x, reduction="sum")
        spread = 0.5 * np.sum(middle**2 + np.exp(2 * log_width) - 2 * log_width - 1)
        loss = (missed + 0.25 * spread) / len(x)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    rng, losses = np.random.default_rng(0), []
    for _ in range(epochs):
        order = rng.permutation(len(images))[: len(images) // 64 * 64].reshape(-1, 64)
        losses += [step(images[batch], rng.normal(size=(64, 2)).astype(np.float32)).item() for batch in order]

    side = 12
    grid = np.linspace(-2, 2, side, dtype=np.float32)
    codes = np.stack([point.ravel() for point in np.meshgrid(grid, grid[::-1])], axis=1)
    drawn = pb.sigmoid(decoder(codes)).numpy().reshape(side, side, 8, 8)
    figure = Figure(figsize=(5.2, 5.2), layout="constrained")
    axes = figure.subplots()
    axes.imshow(drawn.transpose(0, 2, 1, 3).reshape(8 * side, 8 * side), cmap="Blues", extent=(-2, 2, -2, 2))
    axes.set_title("a digit for each point of the plane")
    figure.savefig(path)
    return {"losses": losses}


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).with_suffix(".svg").name)
