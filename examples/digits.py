"""A network for handwritten digits in forty lines: data, model, loss, optimizer, and the loop.

Run it with `python examples/digits.py`. `pullback train` does the same, with checkpoints, metrics and pictures.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pullback as pb


def accuracy(model: pb.nn.Module, images: pb.Tensor, labels: pb.Tensor) -> float:
    """Share of the images whose most likely class is their label."""
    model.eval()
    with pb.no_grad():
        predicted = model(images).argmax(axis=-1)
    model.train()
    return float((predicted == labels).astype(float).mean())


def train(epochs: int = 10, seed: int = 0) -> Iterator[tuple[float, float]]:
    """Learn from the embedded digits; give the last loss and the accuracy on the test part after each epoch."""
    data = pb.data.digits()
    model = pb.nn.Sequential(pb.nn.Flatten(), pb.nn.MLP(64, 64, 10, rng=seed))
    criterion = pb.nn.CrossEntropyLoss()
    optimizer = pb.optim.AdamW(model.parameters(), lr=0.003)
    loader = pb.data.DataLoader(data.train, batch_size=32, shuffle=True, rng=seed)
    images, labels = map(pb.asarray, data.test.arrays)
    for _ in range(epochs):
        for batch, targets in loader:
            optimizer.zero_grad()
            loss = criterion(model(batch), targets)
            loss.backward()
            optimizer.step()
        yield loss.item(), accuracy(model, images, labels)


if __name__ == "__main__":
    for number, (loss, share) in enumerate(train(), start=1):
        sys.stdout.write(f"epoch {number:2}  loss {loss:.4f}  test accuracy {share:.2%}\n")
