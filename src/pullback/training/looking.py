"""What the report of a run shows, noted while it goes on: spreads of weights and gradients, dead units, samples."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, final

import numpy as np

from pullback.core.modes import no_grad
from pullback.interop.atomic import write_atomically
from pullback.nn import Module, ReLU, ReLU6
from pullback.nn.evaluating import evaluating
from pullback.training.callback import Callback
from pullback.training.feed import Feed
from pullback.training.step import as_tensors, divided

if TYPE_CHECKING:
    from pullback.training.loop import Loop

QUANTILES: Final = (0, 5, 25, 50, 75, 95, 100)  # per cent
SAMPLED: Final = 200  # characters


@final
class Distributions(Callback):
    """Log, after each evaluation, how the numbers of weights and gradients are spread, which units are dead, and rates.

    They are logged as "weight" and "gradient" of `NAME 5%`, "dead" of a layer's name, and "rate" of `lr`. A unit is
    dead if it gives 0 for all examples of a batch that the model is tested on.
    """

    def after_evaluation(self, loop: Loop, values: Mapping[str, float]) -> None:
        for name, parameter in loop.trainer.model.named_parameters():
            for split, tensor in (("weight", parameter), ("gradient", parameter.grad)):
                if tensor is not None and tensor.size and tensor.dtype.kind == "f":
                    self._spread(loop, split, name, tensor.numpy())
        for number, group in enumerate(g for o in loop.trainer.optimizers.values() for g in o.param_groups):
            loop.log("rate", "lr" if number == 0 else f"lr {number + 1}", float(group.lr.item()))
        for name, share in dead_units(loop.trainer.model, loop.tests).items():
            loop.log("dead", name, share)

    def _spread(self, loop: Loop, split: str, name: str, array: Any) -> None:
        found = np.percentile(array.astype(np.float64), QUANTILES)
        for percent, value in zip(QUANTILES, found.tolist(), strict=True):
            loop.log(split, f"{name} {percent}%", value)


def dead_units(model: Module, tests: Mapping[str, Any]) -> dict[str, float]:
    """The share of units of each ReLU that give 0 for all examples of the first batch that the model is tested on."""
    found: dict[str, float] = {}
    layers = [(name, module) for name, module in model.named_modules() if isinstance(module, (ReLU, ReLU6))]
    if not layers or not tests:
        return found

    def look(name: str) -> Callable[..., None]:
        def hook(_module: Module, _args: Any, output: Any) -> None:
            found[name] = float((output.numpy().reshape(output.shape[0], -1) == 0).all(axis=0).mean())

        return hook

    handles = [module.register_forward_hook(look(name)) for name, module in layers]
    try:
        batch, _ = next(Feed(next(iter(tests.values()))).epoch(0, 0))
        with evaluating(model), no_grad():
            model(*divided(as_tensors(batch))[0])
    finally:
        for handle in handles:
            handle.remove()
    return found


class Sample(NamedTuple):
    """A text that a model wrote, and after which step."""

    step: int
    text: str


@final
class Samples(Callback):
    """Let a model write after each evaluation, into `samples.jsonl` in the run's folder.

    Parameters
    ----------
    write : callable
        `write(prompt, length, temperature, rng)` gives pieces of text, as `Task.sample` does.
    prompt : str
        What it goes on with.
    """

    def __init__(self, write: Callable[[str, int, float, Any], Iterator[str]], prompt: str = "\n") -> None:
        self._write, self._prompt = write, prompt

    def started(self, loop: Loop) -> None:
        """What a run that died wrote after its last checkpoint is written once more."""
        if loop.folder is not None and (path := loop.folder.samples).exists():
            kept = [sample for sample in read_samples(path) if sample.step <= loop.step]
            write_atomically(path, "".join(map(_line, kept)).encode())

    def after_evaluation(self, loop: Loop, values: Mapping[str, float]) -> None:
        if loop.folder is not None:
            rng = np.random.default_rng(loop.step)  # of its own: the run goes on as if nothing was written
            text = "".join(self._write(self._prompt, SAMPLED, 0.8, rng))
            with loop.folder.samples.open("a", encoding="utf-8") as file:
                file.write(_line(Sample(loop.step, text)))


def read_samples(path: str | os.PathLike[str]) -> list[Sample]:
    """The samples of a run; lines that are damaged are left out."""
    if not Path(path).exists():
        return []
    found = []
    for line in Path(path).read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if isinstance(row, dict) and type(row.get("step")) is int and isinstance(row.get("text"), str):
            found.append(Sample(row["step"], row["text"]))
    return found


def _line(sample: Sample) -> str:
    return json.dumps(sample._asdict()) + "\n"
