"""The settings of a run, in layers: what is built in, then a TOML file, then the command line's options.

Each setting is one row: its default, its meaning, and what it accepts. The command line's options and their
help, the checks, and the file that a run keeps are all made from these rows.
"""

from __future__ import annotations

import dataclasses
import difflib
import json
import os
import textwrap
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple, final

from pullback.core.errors import OptionError
from pullback.core.files import read_file


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

# What a machine is told, and a checkpoint is not: where the data lie, and how many threads there are.
MACHINE: Final = frozenset({"data_dir", "threads"})

# What may change when a run is resumed: how long it goes on, and where it finds what it needs. (More threads, or a
# compiled step, may round sums in another order.) What may change too, and is noted, since the run is then another:
RESUMABLE: Final = frozenset({"epochs", "steps", "compile"}) | MACHINE
ADJUSTABLE: Final = frozenset({"lr", "momentum", "weight_decay"})

_MOST_BYTES: Final = 1 << 20  # of a file of settings
_WIDEST: Final = 1_000_000
_LARGEST: Final = 1e300  # of a number


@final
@dataclass(frozen=True)
class Row:
    """What a setting means, what it accepts, and an example: `accepts` gives the value, or None where it cannot be."""

    meaning: str
    accepts: Callable[[Any], Any]
    form: str
    example: Any

    def option(self, name: str, value: Any = None) -> str:
        """A value, or the example, as it stands on the command line."""
        flag, shown = f"--{name.replace('_', '-')}", self.example if value is None else value
        if isinstance(shown, bool):
            return flag if shown else f"--no-{name}"
        values = shown if isinstance(shown, tuple) else (shown,)
        return f"{flag} {','.join(map(str, values))}"


def _row(default: Any, meaning: str, accepts: Callable[[Any], Any], form: str, example: Any) -> Any:
    return field(default=default, metadata={"row": Row(meaning, accepts, form, example)})


def _whole(least: int) -> Callable[[Any], Any]:
    return lambda value: value if type(value) is int and least <= value < 2**63 else None


def _real(least: float, below: float = _LARGEST) -> Callable[[Any], Any]:
    return lambda value: float(value) if type(value) in (int, float) and least <= value < below else None


def _positive(value: Any) -> Any:
    return float(value) if type(value) in (int, float) and 0 < value < _LARGEST else None


def _one_of(*words: str) -> Callable[[Any], Any]:
    return lambda value: value if value in words else None


def _flag(value: Any) -> Any:
    return value if type(value) is bool else None


def _folder(value: Any) -> Any:
    try:
        folder = str(Path(value).expanduser().resolve()) if isinstance(value, (str, os.PathLike)) else None
        return folder and folder.encode().decode()  # a name that is no text cannot be written down
    except (ValueError, OSError, RuntimeError):  # a null character; a circle of links; no such user
        return None


def _widths(value: Any) -> Any:
    """Give the widths of the hidden layers: 64, [128, 64], or "128,64" as the command line has it."""
    if isinstance(value, str):
        parts = value.replace(",", " ").split()
        value = [int(part) for part in parts] if all(map(_short, parts)) else None
    widths = (value,) if type(value) is int else value
    whole = isinstance(widths, (list, tuple)) and all(type(width) is int and 0 < width <= _WIDEST for width in widths)
    return tuple(widths) if whole else None


def _short(number: str) -> bool:
    return number.isdecimal() and len(number) <= len(str(_WIDEST))


@final
@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a run does, from which it can be repeated.

    >>> settings = layered({"hidden": [128, 64], "steps": 500}, {"steps": 900, "lr": 0.01})
    >>> settings.hidden, settings.steps, settings.lr, settings.batch_size
    ((128, 64), 900, 0.01, 32)
    """

    data: str = _row("digits", "Handwritten digits to learn from.", _one_of(*DATA), " or ".join(DATA), "digits")
    data_dir: str | None = _row(None, "Folder with the files of MNIST.", _folder, "a folder", "~/mnist")
    hidden: tuple[int, ...] = _row(
        (64,), "Widths of the hidden layers: 64, or 128,64 for two.", _widths,
        f"whole numbers from 1 to {_WIDEST:,}", (64, 32),
    )  # fmt: skip
    dropout: float = _row(0.0, "Share of the hidden values that are left out.", _real(0, 1), "from 0 to below 1", 0.2)
    epochs: int | None = _row(None, "Times to go through the data.", _whole(0), "a whole number of 0 or more", 30)
    steps: int | None = _row(
        None, "Batches to learn from, instead of --epochs.", _whole(0), "a whole number of 0 or more", 5000
    )
    batch_size: int = _row(32, "Images a batch.", _whole(1), "a whole number of 1 or more", 32)
    optimizer: str = _row(
        "adam", "Rule by which the weights change.", _one_of(*OPTIMIZERS), ", ".join(OPTIMIZERS), "adam"
    )
    lr: float | None = _row(None, "Learning rate.", _positive, "a number above 0", 0.001)
    momentum: float | None = _row(None, "Momentum of sgd.", _real(0, 1), "from 0 to below 1", 0.9)
    weight_decay: float = _row(0.0, "Pull of the weights towards 0.", _real(0), "a number of 0 or more", 0.01)
    seed: int = _row(
        0, "Of the first weights, of the order of the data and of dropout.", _whole(0), "a whole number of 0 or more", 1
    )
    threads: int | None = _row(None, "Threads of the matrix products.", _whole(1), "a whole number of 1 or more", 2)
    compile: bool = _row(
        default=True, meaning="Run the step as native code where that is possible.", accepts=_flag, form="true, false",
        example=False,
    )  # fmt: skip

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
        return "".join(
            f"{name} = {_written(value)}\n" for name, value in dataclasses.asdict(self).items() if _set(value)
        )

    def kept(self) -> dict[str, Any]:
        """What a checkpoint keeps of the settings: all that are set, but for what only this machine is told."""
        pairs = dataclasses.asdict(self).items()
        return {name: value for name, value in pairs if _set(value) and name not in MACHINE}


class Change(NamedTuple):
    """A setting that a run was resumed with in another way than before; written, it is a comment of TOML."""

    step: int
    name: str
    before: Any
    after: Any

    def __str__(self) -> str:
        return f"# from step {self.step:,} on: {self.name} = {_written(self.after)}, before {_written(self.before)}"


def _set(value: Any) -> bool:
    return value is not None


def _written(value: Any) -> str:
    """A value as TOML, which is JSON's but for the letters that TOML does not escape, and the one that it does."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def differences(one: Settings, other: Settings) -> dict[str, tuple[Any, Any]]:
    """The settings in which two runs differ, but for what only a machine is told, with both values.

    >>> differences(Settings(seed=1, threads=2), Settings(seed=2))
    {'seed': (1, 2)}
    """
    pairs = {name: (getattr(one, name), getattr(other, name)) for name in ROWS if name not in MACHINE}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


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
        raise OptionError(
            f"settings: {name} cannot be so",
            got=textwrap.shorten(repr(value), 80),
            fix=_fix(name, ROWS[name].option(name)),
        )
    return accepted


def _fix(name: str, example: str) -> str:
    return f"{ROWS[name].form}: {example}"


def read_toml(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read a file of settings; `batch-size` and `batch_size` are the same name.

    Raises
    ------
    OptionError
        If the file cannot be read or is not TOML, or a setting in it is unknown or cannot be.
    """
    try:
        pairs = tomllib.loads(read_file(path, _MOST_BYTES).decode())
    except OSError as error:
        raise OptionError(
            "settings: the file cannot be read", file=path, got=error.strerror,
            fix="a TOML file, such as the config.toml of a run",
        ) from error  # fmt: skip
    except (ValueError, RecursionError) as error:  # no TOML, no UTF-8, a number of 5,000 digits, brackets without end
        raise OptionError("settings: the file is not TOML", file=path, got=str(error).splitlines()[0]) from error
    settings: dict[str, Any] = {}
    for key, value in pairs.items():
        name = key.replace("-", "_")
        if name in settings:
            raise OptionError("settings: a setting stands twice", file=path, got=f"{key}, {name}", fix="keep one")
        try:
            settings[name] = _checked(name, value)
        except OptionError as error:
            fix = {"fix": _fix(name, f"{name} = {_written(ROWS[name].example)}")} if name in ROWS else {}
            raise OptionError(error.what, **{"file": path, **error.facts, **fix}) from error
    return settings
