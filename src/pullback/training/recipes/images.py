"""Recipes of images: networks that learn which of some classes a picture shows."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final, TypeAlias

import numpy as np

from pullback.core.errors import DataError
from pullback.data import DataLoader, ImageSet, TensorDataset, digits, mnist
from pullback.data.catalogue import DIGITS
from pullback.metrics import Accuracy
from pullback.nn import (
    BatchNorm2d,
    Conv2d,
    CrossEntropyLoss,
    Dropout,
    Flatten,
    Linear,
    MaxPool2d,
    Module,
    ReLU,
    Sequential,
    Unflatten,
    init,
)
from pullback.optim import SGD, Adam, AdamW, Optimizer, Schedule
from pullback.optim.schedules import OneCycle
from pullback.training.digit_image import FRAMES, Frame
from pullback.training.feed import Deferred
from pullback.training.looking import Distributions
from pullback.training.prediction import predict
from pullback.training.report import report
from pullback.training.settings import Settings
from pullback.training.task import Task
from pullback.training.trainer import Trainer

Shape: TypeAlias = tuple[int, ...]
Data: TypeAlias = Callable[[], ImageSet]  # which loads it when it is first asked for

_TESTED_AT_ONCE: Final = 1_000

RULES: Final[Mapping[str, Callable[[Module, Settings, Any], Optimizer]]] = {
    "sgd": lambda net, s, lr: SGD(net.parameters(), lr=lr, momentum=s.inertia, weight_decay=s.weight_decay),
    "adam": lambda net, s, lr: Adam(net.parameters(), lr=lr, weight_decay=s.weight_decay),
    "adamw": lambda net, s, lr: AdamW(net.parameters(), lr=lr, weight_decay=s.weight_decay),
}


def mlp(settings: Settings) -> Task:
    """Affine layers, on the digits that come with Pullback or on MNIST."""
    data = _mnist(settings) if settings.data == "mnist" else cache(digits)
    return mlp_on(settings, data, FRAMES[settings.data])


def mlp_on(settings: Settings, data: Data, frame: Frame, classes: int = 10) -> Task:
    """Affine layers, on any images."""
    network = network_for(settings, (frame.side, frame.side), classes)
    return classification(settings, data, network, "-".join(map(str, _widths(network))), frame)


def cnn(settings: Settings) -> Task:
    """Two convolutions with 32 and 64 channels of 3 × 3, each normalized and pooled, and 128 features."""
    rng, masks = map(np.random.default_rng, np.random.SeedSequence(settings.seed).spawn(2))
    network = Sequential(
        Unflatten(1, (1, 28)), Conv2d(1, 32, 3, padding=1, rng=rng), BatchNorm2d(32), ReLU(), MaxPool2d(2),
        Conv2d(32, 64, 3, padding=1, rng=rng), BatchNorm2d(64), ReLU(), MaxPool2d(2), Flatten(),
        Linear(64 * 7 * 7, 128, rng=rng), ReLU(), Dropout(settings.dropout, rng=masks), Linear(128, 10, rng=rng),
    )  # fmt: skip
    # The rate rises, and falls to nearly nothing.
    rate = OneCycle(settings.rate, max(1, settings.length(60_000 // settings.batch_size)))
    what = "convolutions of 32 and 64 channels, 128 features"
    return classification(settings, _mnist(settings), network, what, FRAMES["mnist"], rate)


def lenet5(settings: Settings) -> Task:
    """LeNet-5 as it is mostly made today: 6 and 16 channels of 5 × 5, ReLU, maxima of 2 × 2, 120, 84, 10.

    References
    ----------
    Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, Gradient-Based Learning Applied to Document Recognition, 1998.
    """
    rng = np.random.default_rng(settings.seed)
    network = Sequential(
        Unflatten(1, (1, 28)), Conv2d(1, 6, 5, rng=rng), ReLU(), MaxPool2d(2), Conv2d(6, 16, 5, rng=rng), ReLU(),
        MaxPool2d(2), Flatten(), Linear(256, 120, rng=rng), ReLU(), Linear(120, 84, rng=rng), ReLU(),
        Linear(84, 10, rng=rng),
    )  # fmt: skip
    return classification(settings, _mnist(settings), network, "LeNet-5", FRAMES["mnist"])


def _mnist(settings: Settings) -> Data:
    return cache(lambda: mnist(settings.data_dir))


def network_for(settings: Settings, shape: Shape, classes: int) -> Module:
    """Make the network: affine layers of the hidden widths, ReLU after each but the last, dropout if asked.

    Parameters
    ----------
    settings : Settings
        `hidden`, `dropout` and `seed` are used: weights and dropout draw from streams of their own.
    shape : tuple of int
        Of an image.
    classes : int
        How many there are.

    >>> network_for(Settings(hidden=(16,)), (8, 8), 10)
    Sequential
    ├── 0: Flatten()
    ├── 1: Linear(64, 16)
    ├── 2: ReLU()
    └── 3: Linear(16, 10)
    """
    weights, masks = map(np.random.default_rng, np.random.SeedSequence(settings.seed).spawn(2))
    network = Sequential(Flatten())
    width = math.prod(shape)
    for hidden in settings.hidden:
        layer = Linear(width, hidden, rng=weights)
        init.he_normal(layer.weight, rng=weights)
        network.append(layer).append(ReLU())
        if settings.dropout:
            network.append(Dropout(settings.dropout, rng=masks))
        width = hidden
    return network.append(Linear(width, classes, rng=weights))


def _widths(network: Module) -> list[int]:
    """The widths of a network's affine layers, from the inputs to the classes."""
    layers = [module for module in network.modules() if isinstance(module, Linear)]
    return [layers[0].weight.shape[1], *(layer.weight.shape[0] for layer in layers)]


def classification(
    settings: Settings, data: Data, network: Module, what: str, frame: Frame, rate: Schedule | None = None
) -> Task:
    """A network that learns to tell classes of images apart: batches are whole, and others in each epoch.

    Raises
    ------
    DataError
        When it begins, if there are no images to learn from or to test on, or fewer than a batch.
    """
    optimizer = RULES[str(settings.optimizer)](network, settings, rate or settings.rate)
    trainer = Trainer(
        network, CrossEntropyLoss(), optimizer, metrics={"accuracy": Accuracy()}, callbacks=[Distributions()]
    )
    loader = Deferred(
        lambda: DataLoader(data().train, settings.batch_size, shuffle=True, drop_last=True, rng=settings.seed)
    )

    def tested() -> DataLoader:
        if len(data().test) == 0:
            raise DataError("train: there are no images to test on", data=data().name, fix="keep some back")
        return DataLoader(data().test, min(_TESTED_AT_ONCE, len(data().test)))

    def learned() -> DataLoader:
        """Of as many images learned from: how far the two are apart tells what was learned by heart."""
        part = TensorDataset(*[array[: len(data().test)] for array in data().train.arrays])
        return DataLoader(part, min(_TESTED_AT_ONCE, len(part)))

    return Task(
        trainer, loader, {"test": Deferred(tested), "train": Deferred(learned)},
        about=lambda: _about(settings, data(), trainer, what),
        report=lambda folder, history: report(folder, network, data(), history.rows, len(loader)),
        predict=lambda paths: predict(network, frame, DIGITS, paths),
        example=lambda: np.zeros((2, frame.side, frame.side), np.float32),
    )  # fmt: skip


def _about(settings: Settings, data: ImageSet, trainer: Trainer, what: str) -> list[str]:
    images, _ = data.train.arrays
    height, width = images.shape[1:]
    momentum = f", momentum {settings.inertia:g}" if settings.inertia else ""
    rule = f"{settings.optimizer}, learning rate {settings.rate:g}{momentum}, batches of {settings.batch_size}"
    test = f"{len(data.test):,} to test on"
    return [
        f"data   {data.name}: {len(images):,} images of {height} × {width} to learn from, {test}",
        f"model  {what}, {trainer.parameters:,} parameters; {rule}",
    ]
