"""The settings of a run, in layers: what is built in, then a TOML file, then the command line's options.

Each setting is one row: its default, its meaning, and what it accepts. From it come the command line's option and
its help, the check of its value, and its line in the file that a run keeps. `layered` checks what settings demand
of each other.
"""

from __future__ import annotations

import dataclasses
import difflib
import json
import math
import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple, final

from pullback.core.errors import OptionError


class Usual(NamedTuple):
    """What an optimizer does where nothing else is said; a momentum of None is one that it does not have."""

    lr: float
    momentum: float | None


OPTIMIZERS: Final[Mapping[str, Usual]] = {
    "sgd": Usual(0.02, 0.9),
    "adam": Usual(0.002, None),
    "adamw": Usual(0.002, None),
}
DATA: Final = ("digits", "mnist")
USUAL_EPOCHS: Final = 30

# What may change when a run is resumed: how long it goes on, and where it finds what it needs. (More threads, or a
# compiled step, may round sums in another order.)
RESUMABLE: Final = frozenset({"epochs", "steps", "threads", "compile", "data_dir"})


@final
@dataclass(frozen=True)
class Row:
    """What a setting means and what it accepts: `accepts` gives the value, or None where it cannot be."""

    meaning: str
    accepts: Callable[[Any], Any]
    form: str


def _row(default: Any, meaning: str, accepts: Callable[[Any], Any], form: str) -> Any:
    return field(default=default, metadata={"row": Row(meaning, accepts, form)})


def _whole(least: int) -> Callable[[Any], Any]:
    return lambda value: value if type(value) is int and value >= least else None


def _real(least: float, below: float = math.inf) -> Callable[[Any], Any]:
    return lambda value: float(value) if type(value) in (int, float) and least <= value < below else None


def _positive(value: Any) -> Any:
    return float(value) if type(value) in (int, float) and 0 < value < math.inf else None


def _one_of(*words: str) -> Callable[[Any], Any]:
    return lambda value: value if value in words else None


def _flag(value: Any) -> Any:
    return value if type(value) is bool else None


def _folder(value: Any) -> Any:
    return str(Path(value).expanduser().resolve()) if isinstance(value, (str, os.PathLike)) else None


def _widths(value: Any) -> Any:
    """Give the widths of the hidden layers: 64, [128, 64], or "128,64" as the command line has it."""
    if isinstance(value, str):
        parts = value.replace(",", " ").split()
        value = [int(part) for part in parts] if all(map(str.isdecimal, parts)) else None
    widths = (value,) if type(value) is int else value
    whole = isinstance(widths, (list, tuple)) and all(type(width) is int and width > 0 for width in widths)
    return tuple(widths) if whole else None


@final
@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a run does, from which it can be repeated.

    >>> settings = layered({"hidden": [128, 64], "steps": 500}, {"steps": 900, "lr": 0.01})
    >>> settings.hidden, settings.steps, settings.lr, settings.batch_size
    ((128, 64), 900, 0.01, 32)
    """

    data: str = _row("digits", "Handwritten digits to learn from.", _one_of(*DATA), " or ".join(DATA))
    data_dir: str | None = _row(None, "Folder with the files of MNIST.", _folder, "a folder")
    hidden: tuple[int, ...] = _row(
        (64,), "Widths of the hidden layers: 64, or 128,64 for two.", _widths, "numbers of 1 or more"
    )
    dropout: float = _row(0.0, "Share of the hidden values that are left out.", _real(0, 1), "from 0 to below 1")
    epochs: int | None = _row(None, "Times to go through the data.", _whole(0), "a whole number of 0 or more")
    steps: int | None = _row(
        None, "Batches to learn from, instead of --epochs.", _whole(0), "a whole number of 0 or more"
    )
    batch_size: int = _row(32, "Images a batch.", _whole(1), "a whole number of 1 or more")
    optimizer: str = _row("adam", "Rule by which the weights change.", _one_of(*OPTIMIZERS), ", ".join(OPTIMIZERS))
    lr: float | None = _row(None, "Learning rate.", _positive, "a number above 0")
    momentum: float | None = _row(None, "Momentum of sgd.", _real(0, 1), "from 0 to below 1")
    weight_decay: float = _row(0.0, "Pull of the weights towards 0.", _real(0), "a number of 0 or more")
    seed: int = _row(
        0, "Of the first weights, of the order of the data and of dropout.", _whole(0), "a whole number of 0 or more"
    )
    threads: int | None = _row(None, "Threads of the matrix products.", _whole(1), "a whole number of 1 or more")
    compile: bool = _row(
        default=True, meaning="Run the step as native code where that is possible.", accepts=_flag, form="true, false"
    )

    @property
    def rate(self) -> float:
        """The learning rate, or the optimizer's usual one."""
        return OPTIMIZERS[self.optimizer].lr if self.lr is None else self.lr

    @property
    def inertia(self) -> float:
        """The momentum, or the optimizer's usual one; 0 of those that have none of this kind."""
        return (OPTIMIZERS[self.optimizer].momentum or 0.0) if self.momentum is None else self.momentum

    def length(self, batches: int) -> int:
        """How many steps the run has, of `batches` an epoch."""
        if self.steps is not None:
            return self.steps
        return batches * (USUAL_EPOCHS if self.epochs is None else self.epochs)

    def toml(self) -> str:
        """Write the settings as a file that `--config` reads; those that are not set are left out."""
        pairs = dataclasses.asdict(self).items()
        return "".join(f"{name} = {json.dumps(value)}\n" for name, value in pairs if value is not None)


ROWS: Final[Mapping[str, Row]] = {field.name: field.metadata["row"] for field in dataclasses.fields(Settings)}
DEFAULTS: Final = dataclasses.asdict(Settings())


def layered(*layers: Mapping[str, Any]) -> Settings:
    """Lay settings over each other, later ones on top, and check them.

    A layer that sets `epochs` takes back the `steps` of those below, and the other way round.

    Raises
    ------
    OptionError
        If a setting is unknown (near names are given) or cannot be, or a layer has both `epochs` and `steps`.
    """
    values: dict[str, Any] = {}
    for layer in layers:
        checked = {name: _checked(name, value) for name, value in layer.items()}
        if {"epochs", "steps"} <= checked.keys():
            raise OptionError(
                "settings: epochs and steps both say when to end",
                epochs=checked["epochs"],
                steps=checked["steps"],
                fix="give one of them",
            )
        if {"epochs", "steps"} & checked.keys():
            values = {name: value for name, value in values.items() if name not in ("epochs", "steps")}
        values |= checked
    settings = Settings(**values)
    usual = OPTIMIZERS[settings.optimizer]
    if settings.momentum is not None and usual.momentum is None:
        raise OptionError(
            "settings: only sgd has a momentum of this kind", optimizer=settings.optimizer,
            momentum=settings.momentum, fix="--optimizer sgd, or leave --momentum out",
        )  # fmt: skip
    # What is usual is written down, so that a run stays the same where later versions do otherwise.
    epochs = USUAL_EPOCHS if settings.steps is None and settings.epochs is None else settings.epochs
    momentum = usual.momentum if settings.momentum is None else settings.momentum
    return dataclasses.replace(settings, lr=settings.rate, momentum=momentum, epochs=epochs)


def _checked(name: str, value: Any) -> Any:
    if name not in ROWS:
        near = difflib.get_close_matches(name, ROWS, n=3, cutoff=0.5)
        known = f"near names: {', '.join(near)}" if near else f"known: {', '.join(ROWS)}"
        raise OptionError("settings: there is no such setting", got=name, fix=known)
    accepted = ROWS[name].accepts(value)
    if accepted is None:
        raise OptionError(f"settings: {name} cannot be so", got=repr(value), fix=ROWS[name].form)
    return accepted


def read_toml(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read a file of settings; `batch-size` and `batch_size` are the same name.

    Raises
    ------
    OptionError
        If the file cannot be read or is not TOML, or a setting in it is unknown or cannot be.
    """
    try:
        with Path(path).open("rb") as file:
            pairs = tomllib.load(file)
    except OSError as error:
        raise OptionError(
            "settings: the file cannot be read", file=path, got=error.strerror,
            fix="a TOML file, such as the config.toml of a run",
        ) from error  # fmt: skip
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise OptionError("settings: the file is not TOML", file=path, got=error) from error
    named = {name.replace("-", "_"): value for name, value in pairs.items()}
    try:
        return {name: _checked(name, value) for name, value in named.items()}
    except OptionError as error:
        raise OptionError(error.what, **{"file": path, **error.facts}) from error
