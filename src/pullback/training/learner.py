"""What learns: a network for images, its optimizer, the order of the data, and the step that joins them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from importlib.util import find_spec
from typing import Any, Final, TypeAlias, final

import numpy as np

from pullback.compiler import compile
from pullback.core.errors import CheckpointError, DataError
from pullback.data import DataLoader, ImageSet
from pullback.nn import CrossEntropyLoss, Dropout, Flatten, Linear, Module, ReLU, Sequential, init
from pullback.optim import SGD, Adam, AdamW, Optimizer
from pullback.tensors import Tensor
from pullback.training.checkpoint import Checkpoint
from pullback.training.resuming import Told
from pullback.training.settings import ADJUSTABLE, RESUMABLE, Change, Settings, differences

Step: TypeAlias = Callable[[Tensor, Tensor], Tensor]
Shape: TypeAlias = tuple[int, ...]

_RULES: Final[Mapping[str, Callable[[Module, Settings], Optimizer]]] = {
    "sgd": lambda network, s: SGD(network.parameters(), lr=s.rate, momentum=s.inertia, weight_decay=s.weight_decay),
    "adam": lambda network, s: Adam(network.parameters(), lr=s.rate, weight_decay=s.weight_decay),
    "adamw": lambda network, s: AdamW(network.parameters(), lr=s.rate, weight_decay=s.weight_decay),
}


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


def training_step(network: Module, optimizer: Optimizer) -> Step:
    """Give the function that a step is: it takes images and labels, changes the weights, gives the loss."""
    criterion = CrossEntropyLoss()

    def step(images: Tensor, labels: Tensor) -> Tensor:
        optimizer.zero_grad()
        loss: Tensor = criterion(network(images), labels)
        loss.backward()
        optimizer.step()
        return loss

    return step


def compiled(step: Step) -> Step:
    """Give the step as native code where llvmlite is installed, else the step itself.

    It is native from the first call on, so that a run that is resumed rounds as one that goes straight on.
    """
    if find_spec("llvmlite") is None:
        return step
    program = compile(step)
    waiting = [True]

    def run(images: Tensor, labels: Tensor) -> Tensor:
        if waiting:
            program.prepare(images, labels)
            waiting.clear()
        loss: Tensor = program(images, labels)
        return loss

    return run


@final
class Learner:
    """All that training changes, in one place: it goes into a checkpoint and comes back out bit for bit.

    Batches are whole: an epoch leaves out the images that are too few for one more, others each time.

    Parameters
    ----------
    settings : Settings
        What to make.
    data : ImageSet
        What to learn from.

    Attributes
    ----------
    step : int
        Batches learned from so far; with the seed it decides what comes next.
    last : int
        The step to end at.
    loss_sum, loss_count : float, int
        Of the losses since they were last logged.
    changes : list of Change
        Settings that the run was resumed with in another way than before.
    before : Settings or None
        Those of the checkpoint that was restored, where they were others, until the first save notes the change.

    Raises
    ------
    DataError
        If there are no images to learn from or to test on, or fewer than a batch.
    """

    def __init__(self, settings: Settings, data: ImageSet) -> None:
        images, _ = data.train.arrays
        if len(data.test) == 0:
            raise DataError("train: there are no images to test on", data=data.name, fix="keep some back")
        self.settings = settings
        self.data = data
        self.loader = DataLoader(data.train, settings.batch_size, shuffle=True, drop_last=True, rng=settings.seed)
        self.network = network_for(settings, images.shape[1:], len(data.classes))
        self.optimizer = _RULES[settings.optimizer](self.network, settings)
        step = training_step(self.network, self.optimizer)
        self._learn = compiled(step) if settings.compile else step
        self.last = settings.length(len(self.loader))
        self.step = 0
        self.loss_sum = 0.0
        self.loss_count = 0
        self.changes: list[Change] = []
        self.before: Settings | None = None

    @property
    def epoch(self) -> int:
        """How many epochs are complete."""
        return self.step // len(self.loader)

    @property
    def parameters(self) -> int:
        """How many numbers are learned."""
        return sum(parameter.size for parameter in self.network.parameters())

    def batches(self) -> Iterator[tuple[Tensor, ...]]:
        """The batches from where the run stands to its last step."""
        while self.step < self.last:
            epoch, batch = divmod(self.step, len(self.loader))
            for images, labels in self.loader.batches(epoch, batch):
                yield images, labels
                if self.step >= self.last:
                    return

    def learn(self, images: Tensor, labels: Tensor) -> float:
        """Take one step, and give the loss that the batch had before it."""
        loss = float(self._learn(images, labels).item())
        self.step += 1
        self.loss_sum += loss
        self.loss_count += 1
        return loss

    def finite(self) -> bool:
        """Whether all weights are numbers."""
        return all(np.isfinite(parameter.numpy()).all() for parameter in self.network.parameters())

    def checkpoint(self) -> Checkpoint:
        """The state, as it is saved: nothing in it depends on the clock."""
        generators = {name: generator.bit_generator.state for name, generator in self.network.named_generators()}
        rest = {
            "settings": self.settings.kept(),
            "changes": [list(change) for change in self.changes],
            "step": self.step,
            "loss_sum": self.loss_sum,
            "loss_count": self.loss_count,
            "optimizer": self.optimizer.state_dict(),
            "generators": generators,
        }
        if self.before is not None:
            rest["before"] = self.before.kept()
        return Checkpoint(self.network.state_dict(), rest)

    def restore(self, checkpoint: Checkpoint) -> None:
        """Take over a saved state, but for the settings: what differs of those that may is noted as a change.

        Raises
        ------
        CheckpointError
            If it is of another network, another optimizer or other settings; the first key that does not fit is named.
        """
        told = Told.of(checkpoint)
        self.network.load_state_dict(checkpoint.model)
        self.optimizer.load_state_dict(self._adjusted(told.optimizer))
        changed = differences(told.settings, self.settings)
        fixed = {name: pair for name, pair in changed.items() if name not in RESUMABLE | ADJUSTABLE}
        if fixed:
            differ = {name: f"{there} there, {here} here" for name, (there, here) in fixed.items()}
            raise CheckpointError(
                "checkpoint: it is of a run with other settings", **differ,
                fix="settings as they are there, or a new run",
            )  # fmt: skip
        for name, generator in self.network.named_generators():
            try:
                generator.bit_generator.state = told.generators[name]
            except (KeyError, TypeError, ValueError, OverflowError) as error:
                raise CheckpointError("checkpoint: the state of a generator is missing or wrong", key=name) from error
        self.step, self.loss_sum, self.loss_count = told.step, told.loss_sum, told.loss_count
        noted = [Change(told.step, name, *pair) for name, pair in changed.items() if name in ADJUSTABLE]
        self.changes = told.changes + noted
        self.before = told.settings if changed else None

    def _adjusted(self, saved: Mapping[str, Any]) -> Mapping[str, Any]:
        """The state of an optimizer, with the settings of this one where they may differ."""
        own = {"lr": self.settings.rate, "weight_decay": self.settings.weight_decay, "momentum": self.settings.inertia}
        groups = saved.get("groups")
        if not isinstance(groups, list) or not all(isinstance(group, dict) for group in groups):
            raise CheckpointError("checkpoint: the state of the optimizer has no groups", key="optimizer")
        return {**saved, "groups": [{**group, **{n: own[n] for n in own if n in group}} for group in groups]}
