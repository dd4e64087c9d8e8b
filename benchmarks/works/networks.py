"""Training steps of real networks beside PyTorch: LeNet-5, a convolutional network, an LSTM; batches move on."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping
from itertools import cycle
from typing import Any, Final

import numpy as np
from contest import COMPILED, Step, Target, Work

Array = np.ndarray[Any, Any]
Batches = Callable[[], Iterator[tuple[Array, Array]]]

BATCHES: Final = 8  # the next one is not the one that is still in the nearest cache


def weights(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Array]:
    """First values of parameters, the same for a name and a shape in every library."""
    found = {}
    for name, shape in shapes.items():
        rng = np.random.default_rng(zlib.crc32(name.encode()))
        reach = (shape[-1] if len(shape) < 3 else np.prod(shape[1:])) ** -0.5
        found[name] = rng.uniform(-reach, reach, shape).astype(np.float32)
    return found


def images(size: int) -> Iterator[tuple[Array, Array]]:
    """Batch after batch of images of 28 × 28, four fifths of whose pixels are 0, with labels."""
    rng = np.random.default_rng(1)
    pixels = rng.random((BATCHES, size, 1, 28, 28), np.float32)
    pixels[rng.random(pixels.shape) < 0.8] = 0
    return cycle(zip(pixels, rng.integers(0, 10, (BATCHES, size)), strict=True))


def sequences() -> Iterator[tuple[Array, Array]]:
    """Batch after batch of 32 sequences of 64 vectors, with a label each."""
    rng = np.random.default_rng(1)
    steps = rng.standard_normal((BATCHES, 32, 64, 64), np.float32)
    return cycle(zip(steps, rng.integers(0, 10, (BATCHES, 32)), strict=True))


def enter(work: Work, model: Callable[[Any], Any], batches: Batches, lr: float) -> None:
    """Enter Pullback, compiled and not, and PyTorch, for a model that is written for either's `nn`."""

    def pullback(prepared: Callable[[Any], Any]) -> Step:
        import pullback as pb
        from pullback import nn, optim

        net = model(nn)
        net.load_state_dict(weights({name: p.shape for name, p in net.named_parameters()}))
        criterion, optimizer, data = nn.CrossEntropyLoss(), optim.Adam(net.parameters(), lr=lr), batches()

        def train(x: Any, t: Any) -> Any:
            loss = criterion(net(x), t)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return loss

        ready = prepared(train)

        def step() -> float:
            x, t = next(data)
            return float(ready(pb.tensor(x, copy=False), t).item())

        return step

    @work.contestant(COMPILED)
    def compiled() -> Step:
        import pullback as pb

        return pullback(pb.compile)

    @work.contestant("pullback")
    def plain() -> Step:
        return pullback(lambda train: train)

    @work.contestant("torch")
    def torch() -> Step:
        import torch
        from torch import nn

        net = model(nn)
        first = weights({name: tuple(p.shape) for name, p in net.named_parameters()})
        net.load_state_dict({name: torch.from_numpy(value) for name, value in first.items()})
        criterion, optimizer, data = nn.CrossEntropyLoss(), torch.optim.Adam(net.parameters(), lr=lr), batches()

        def step() -> float:
            x, t = map(torch.from_numpy, next(data))
            loss = criterion(net(x), t)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return loss.item()

        return step


def targets(limit: float) -> tuple[Target, ...]:
    """What each of them is to reach: its time compiled, its time eager, its memory."""
    return (
        Target(limit, against="torch", contestant=COMPILED), Target(2.5, against="torch"),
        Target(1.0, against="torch", contestant=COMPILED, measure="resident"),
    )  # fmt: skip


def lenet(nn: Any) -> Any:
    """6 and 16 channels of 5 × 5, maxima of 2 × 2, 120-84-10."""
    return nn.Sequential(
        nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(256, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
    )  # fmt: skip


def convolutional(nn: Any) -> Any:
    """32 and 64 channels of 3 × 3, maxima of 2 × 2, 128 features."""
    return nn.Sequential(
        nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(),
        nn.MaxPool2d(2), nn.Flatten(), nn.Linear(64 * 7 * 7, 128), nn.ReLU(), nn.Linear(128, 10),
    )  # fmt: skip


def recurrent(nn: Any) -> Any:
    """An LSTM from 64 to 128, and a head on its last step."""

    class Last(nn.Module):  # type: ignore[misc]  # of either library
        def __init__(self) -> None:
            super().__init__()
            self.lstm, self.head = nn.LSTM(64, 128, batch_first=True), nn.Linear(128, 10)

        def forward(self, x: Any) -> Any:
            return self.head(self.lstm(x)[0][:, -1])

    return Last()


lenet5: Final = Work(
    "lenet", "LeNet-5, batch 64, Adam", *targets(0.35), reference="torch", tolerance=1e-3,
)  # fmt: skip
cnn: Final = Work(
    "cnn", "convolutions of 32 and 64 channels of 3 × 3, batch 64 of 28 × 28, Adam", *targets(0.9), reference="torch",
    tolerance=1e-3,
)  # fmt: skip
lstm: Final = Work(
    "lstm-step", "LSTM 64-128, batch 32, 64 steps, a head, Adam", *targets(0.7), reference="torch", tolerance=1e-3
)

enter(lenet5, lenet, lambda: images(64), 3e-4)
enter(cnn, convolutional, lambda: images(64), 1e-3)
enter(lstm, recurrent, sequences, 1e-3)
