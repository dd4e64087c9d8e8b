"""What there is to train: a trainer, its data, and what else a run of it can do. Recipes and factories give one."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any, Final, final

from pullback.core.errors import DataError, OptionError
from pullback.functions.random import seed
from pullback.training.catalogue import COMMON, RECIPES
from pullback.training.feed import named
from pullback.training.history import History
from pullback.training.run_folder import RunFolder
from pullback.training.settings import ROWS, USUAL_EPOCHS, Settings
from pullback.training.trainer import Trainer

_MADE_BY_US: Final = frozenset({"recipe", "factory", "options", "epochs", "steps", "threads", "compile"})


@final
@dataclass
class Task:
    """A training, ready to begin.

    Attributes
    ----------
    trainer : Trainer
        What learns.
    train, test : loader
        What it learns from, and what it is evaluated on: see `Trainer.fit`.
    about : callable, optional
        Gives lines that say what is trained, on what.
    report : callable, optional
        Takes the folder and what was measured, writes pictures, and gives two lines: what goes behind what was done,
        and the last one.
    predict : callable, optional
        Takes paths of pictures, and gives lines with what the model says of each, and the complaints about those that
        cannot be read.
    sample : callable, optional
        Takes a prompt, how much to write, a temperature and a generator, and gives pieces of text.
    example : callable, optional
        Gives an array like those that the model takes, to export it; without it, that of a batch is taken.
    open_axes : tuple of str
        Names of the first axes of that, of any length.
    evaluate_every, log_every : int, optional
        Steps between evaluations, and between points of the loss's curve.
    """

    trainer: Trainer
    train: Any
    test: Any = None
    about: Callable[[], list[str]] | None = None
    report: Callable[[RunFolder, History], Iterable[str]] | None = None
    predict: Callable[[Sequence[Path]], tuple[list[str], list[DataError]]] | None = None
    sample: Callable[[str, int, float, Any], Iterator[str]] | None = None
    example: Callable[[], Any] | None = None
    open_axes: tuple[str, ...] = ("N",)
    evaluate_every: int | None = None
    log_every: int | None = None

    @property
    def tests(self) -> dict[str, Any]:
        """What the model is evaluated on, by name."""
        return named(self.test)


def task_of(settings: Settings) -> Task:
    """Make what the settings ask for: a recipe, or what a factory of one's own gives."""
    seed(settings.seed)  # for what is drawn without a generator of its own; and its state is in the checkpoint
    if settings.factory is None:
        module, _, name = RECIPES[str(settings.recipe)].make.partition(":")
        made = getattr(importlib.import_module(f"pullback.training.recipes.{module}"), name)(settings)
    else:
        made = _made(settings)
    if not settings.compile:
        made.trainer.compile = False
    return made


def completed(settings: Settings) -> Settings:
    """The settings, with the length of the run that a factory has for usual."""
    if settings.factory is None or settings.epochs is not None or settings.steps is not None:
        return settings
    parameters = inspect.signature(factory_of(settings.factory)).parameters
    usual = {name: parameters[name].default for name in ("epochs", "steps") if name in parameters}
    length = {name: ROWS[name].accepts(value) for name, value in usual.items()}
    for name, value in usual.items():
        if length[name] is None and value is not None and value is not inspect.Parameter.empty:
            raise OptionError(
                "train: what the factory has for usual cannot be so", factory=settings.factory, setting=name,
                got=repr(value), fix=f"{ROWS[name].form}, or None",
            )  # fmt: skip
    length = {name: value for name, value in length.items() if value is not None}
    return replace(settings, **(length or {"epochs": USUAL_EPOCHS}))


def factory_of(path: str) -> Callable[..., Any]:
    """Find the function that `module:function` or `file.py:function` names.

    Raises OptionError if there is none; what goes wrong inside of the module is not hidden.
    """
    place, _, name = path.rpartition(":")
    if not place or not name:
        raise OptionError("train: this names no factory", got=path, fix="module:function, or file.py:function")
    module = _module(place)
    found: Any = module
    for part in name.split("."):
        found = getattr(found, part, None)
    if not callable(found):
        here = [
            n
            for n, value in vars(module).items()
            if (inspect.isfunction(value) or inspect.isclass(value)) and value.__module__ == module.__name__
        ]
        raise OptionError(
            "train: the module has no such function",
            module=place,
            got=name,
            fix=f"one of {', '.join(here)}" if here else f"define one in the file: def {name}(): ...",
        )
    return found


def _module(place: str) -> ModuleType:
    path = Path(place)
    if place.endswith(".py"):
        if not path.is_file():
            raise OptionError("train: there is no such file", file=place, fix="the path of a Python file")
        name = f"pullback_factory_{path.stem}"
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        sys.path.insert(0, str(path.resolve().parent))
        try:
            spec.loader.exec_module(module)
        finally:
            sys.path.pop(0)
        return module
    sys.path.insert(0, "")
    try:
        return importlib.import_module(place)
    except ModuleNotFoundError as error:
        if error.name is None or not (place == error.name or place.startswith(f"{error.name}.")):
            raise
        raise OptionError(
            "train: there is no such module", got=place, fix="its name as one imports it here, or the path of its file"
        ) from error
    finally:
        sys.path.remove("")


def _made(settings: Settings) -> Task:
    """Call a factory with the settings that it takes."""
    assert settings.factory is not None
    factory = factory_of(settings.factory)
    parameters = inspect.signature(factory).parameters
    free = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
    given = {n: v for n in ROWS if n not in _MADE_BY_US and (v := getattr(settings, n)) is not None}
    given |= settings.options or {}
    strange = [name for name in given if name not in parameters and not free and name not in COMMON]
    if strange:
        raise OptionError(
            "train: the factory does not take this", factory=settings.factory, got=", ".join(strange),
            fix=f"it takes {', '.join(parameters) or 'nothing'}",
        )  # fmt: skip
    missing = [
        name
        for name, parameter in parameters.items()
        if parameter.default is parameter.empty and name not in given
        and parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
    ]  # fmt: skip
    if missing:
        raise OptionError(
            "train: the factory needs more", factory=settings.factory, missing=", ".join(missing),
            fix=" ".join(ROWS[n].option(n) if n in ROWS else f"--set {n}=..." for n in missing),
        )  # fmt: skip
    made = factory(**{name: value for name, value in given.items() if free or name in parameters})
    if isinstance(made, tuple) and 2 <= len(made) <= 3 and isinstance(made[0], Trainer):
        made = Task(*made)
    if not isinstance(made, Task):
        raise OptionError(
            "train: the factory gives something else", factory=settings.factory, got=type(made).__name__,
            fix="return pb.training.Task(trainer, train, test), or these as a tuple",
        )  # fmt: skip
    if made.about is None:
        what = f"model  {settings.factory}, {made.trainer.parameters:,} parameters"
        made.about = lambda: [what]
    return made
