"""The settings of a run, in layers: what a recipe has for usual, then a TOML file, then the command line's options.

Each setting is one row: its default, its meaning, and what it accepts. From it come the command line's option and
its help, the check of its value, and its line in the file that a run keeps. `layered` checks what settings demand
of each other.
"""

from __future__ import annotations

import dataclasses
import difflib
import json
import os
import re
import textwrap
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, final

from pullback.core.errors import OptionError
from pullback.core.files import read_file
from pullback.training.catalogue import COMMON, DEFAULT, OPTIMIZERS, RECIPES
from pullback.training.rows import WIDEST, Row, flag, folder, one_of, options, positive, real, row, text, whole, widths

DATA: Final = ("digits", "mnist")
USUAL_EPOCHS: Final = 30

# What a machine is told, and a checkpoint is not: where the data lie, and how many threads there are.
MACHINE: Final = frozenset({"data_dir", "threads"})

# What may change when a run is resumed: how long it goes on, and where it finds what it needs. (More threads, or a
# compiled step, may round sums in another order.) What may change too, and is noted, since the run is then another:
RESUMABLE: Final = frozenset({"epochs", "steps", "compile"}) | MACHINE
ADJUSTABLE: Final = frozenset({"lr", "momentum", "weight_decay"})

_WHOLE: Final = "a whole number of 1 or more"
_MOST_BYTES: Final = 1 << 20  # of a file of settings


@final
@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a run does, from which it can be repeated; None is what its recipe does not have.

    >>> settings = layered({"hidden": [128, 64], "steps": 500}, {"steps": 900, "lr": 0.01})
    >>> settings.hidden, settings.steps, settings.lr, settings.batch_size
    ((128, 64), 900, 0.01, 32)
    """

    recipe: str | None = row(
        DEFAULT, "What to train.", one_of(*RECIPES), ", ".join(RECIPES), "mnist-mlp", "NAME", usual=DEFAULT
    )
    factory: str | None = row(None, "A function that gives the training.", text, "module:function", "mine.py:make")
    options: dict[str, Any] | None = row(  # noqa: RUF009 - it gives a field
        None, "A setting of the factory's own; may be given again and again.", options, "NAME=VALUE", "width=64",
        "NAME=VALUE",
    )  # fmt: skip
    data: str = row("digits", "Handwritten digits to learn from.", one_of(*DATA), " or ".join(DATA), "digits",
                    "[digits|mnist]")  # fmt: skip
    data_dir: str | None = row(
        None, "Folder with the files of the data.", folder, "a folder", "~/mnist", "DIR",
        usual="$PULLBACK_DATA, or the user's cache, or a download",
    )  # fmt: skip
    hidden: tuple[int, ...] = row(
        (64,), "Widths of the hidden layers: 64, or 128,64 for two.", widths,
        f"whole numbers from 1 to {WIDEST:,}", (64, 32), "N[,N...]", usual="64",
    )  # fmt: skip
    dropout: float = row(
        0.0, "Share of the hidden values that are left out.", real(0, 1), "from 0 to below 1", 0.2, "P"
    )
    epochs: int | None = row(
        None, "Times to go through the data.", whole(0), "a whole number of 0 or more", 30, "N",
        usual=str(USUAL_EPOCHS),
    )  # fmt: skip
    steps: int | None = row(
        None, "Batches to learn from, instead of --epochs.", whole(0), "a whole number of 0 or more", 5000, "N"
    )
    batch_size: int = row(32, "Samples a batch.", whole(1), _WHOLE, 32, "N")
    optimizer: str | None = row(
        "adam", "Rule by which the weights change.", one_of(*OPTIMIZERS), ", ".join(OPTIMIZERS), "adam",
        f"[{'|'.join(OPTIMIZERS)}]",
    )  # fmt: skip
    lr: float | None = row(
        None, "Learning rate.", positive, "a number above 0", 0.001, "X",
        usual=", ".join(f"{usual.lr} of {name}" for name, usual in OPTIMIZERS.items()),
    )  # fmt: skip
    momentum: float | None = row(
        None, "Momentum of sgd.", real(0, 1), "from 0 to below 1", 0.9, "X",
        usual=", ".join(f"{usual.momentum}" for usual in OPTIMIZERS.values() if usual.momentum),
    )  # fmt: skip
    weight_decay: float = row(0.0, "Pull of the weights towards 0.", real(0), "a number of 0 or more", 0.01, "X")
    width: int = row(None, "Features of each character, inside of the model.", whole(1), _WHOLE, 128, "N")
    layers: int = row(None, "Layers of the model.", whole(1), _WHOLE, 4, "N")
    heads: int = row(None, "Heads of attention.", whole(1), _WHOLE, 4, "N")
    context: int = row(None, "Characters in a window.", whole(1), _WHOLE, 64, "N")
    warmup: int = row(
        None, "Steps in which the learning rate rises.", whole(0), "a whole number of 0 or more", 100, "N"
    )
    clip: float | None = row(None, "Bound for the norm of all gradients.", positive, "a number above 0", 1.0, "X")
    evaluate_every: int = row(None, "Steps between evaluations.", whole(1), _WHOLE, 250, "N")
    seed: int = row(
        0, "Of the first weights, of the order of the data and of dropout.", whole(0), "a whole number of 0 or more",
        1, "N",
    )  # fmt: skip
    threads: int | None = row(
        None, "Threads of the matrix products.", whole(1), _WHOLE, 2, "N",
        usual="those of the environment, else 1",
    )  # fmt: skip
    compile: bool = row(
        default=True, meaning="Run the step as native code where that is possible.", accepts=flag, form="true, false",
        example=False,
    )  # fmt: skip

    @property
    def name(self) -> str:
        """What the run is called: after its data, its recipe, or the function that makes it."""
        if self.factory is not None:
            return re.sub(r"\W+", "-", self.factory.rpartition(":")[2]).strip("-") or "run"
        return self.data if (self.recipe or "").endswith("-mlp") else str(self.recipe)

    @property
    def rate(self) -> float:
        """The learning rate, or the optimizer's usual one."""
        return OPTIMIZERS[str(self.optimizer)].lr if self.lr is None else self.lr

    @property
    def inertia(self) -> float:
        """The momentum, or the optimizer's usual one; 0 of those that have none of this kind."""
        return (OPTIMIZERS[str(self.optimizer)].momentum or 0.0) if self.momentum is None else self.momentum

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
    """A value as TOML: as JSON but for tables, the letters that TOML does not escape, and the one that it does."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name} = {_written(part)}" for name, part in value.items()) + "}"
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
    """Lay settings over each other, later ones on top of what the recipe has for usual, and check them.

    A layer that sets `epochs` takes back the `steps` of those below, and the other way round; a `factory` takes back
    the `recipe`.

    Raises
    ------
    OptionError
        If a setting is unknown (near names are given), cannot be or is not one of the recipe, or a layer has both
        `epochs` and `steps`.
    """
    values: dict[str, Any] = {}
    for layer in layers:
        checked = {name: _checked(name, value) for name, value in layer.items()}
        for pair, what in ((("epochs", "steps"), "say when to end"), (("recipe", "factory"), "say what to train")):
            if set(pair) <= checked.keys():
                raise OptionError(
                    f"settings: {' and '.join(pair)} both {what}", **{name: checked[name] for name in pair},
                    fix="give one of them",
                )  # fmt: skip
            if set(pair) & checked.keys():
                values = {name: value for name, value in values.items() if name not in pair}
        values |= checked
    settings = Settings(**(_of_a_factory(values) if "factory" in values else _of_a_recipe(values)))
    if settings.optimizer is None:
        return settings
    usual = OPTIMIZERS[settings.optimizer]
    if settings.momentum is not None and usual.momentum is None:
        raise OptionError(
            "settings: only sgd has a momentum of this kind", optimizer=settings.optimizer,
            momentum=settings.momentum, fix="--optimizer sgd, or leave --momentum out",
        )  # fmt: skip
    # What is usual is written down, so that a run stays the same where later versions do otherwise.
    momentum = usual.momentum if settings.momentum is None else settings.momentum
    return dataclasses.replace(settings, lr=settings.rate, momentum=momentum)


def _of_a_recipe(values: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a recipe: the given ones, and its usual ones; those that it does not have are None."""
    name = values.get("recipe", DEFAULT)
    recipe = RECIPES[name]
    usual = dict(recipe.usual)
    if {"epochs", "steps"} & values.keys():
        usual = {key: value for key, value in usual.items() if key not in ("epochs", "steps")}
    takes = COMMON - {"factory", "options"} | recipe.takes | recipe.usual.keys()
    strange = [key for key in values if key not in takes]
    if strange:
        known = ", ".join(f"--{key.replace('_', '-')}" for key in sorted(takes - {"recipe"}))
        raise OptionError(
            f"settings: {name} has no such setting", got=", ".join(strange), fix=textwrap.fill(f"it has {known}", 90)
        )
    none = {key: None for key in ROWS if key not in takes}
    return {**none, **usual, **values, "recipe": name}


def _of_a_factory(values: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a training of one's own: those that are given."""
    return {**{key: None for key in ROWS if key not in COMMON}, **values, "recipe": None}


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
