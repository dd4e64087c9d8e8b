"""`pullback train`: a network learns to read handwritten digits, in a folder from which it can go on."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final, final

import typer
from typer.core import TyperCommand

from pullback.cli.report import report
from pullback.cli.threads import COMMAND_LINE, threads_of, use_threads
from pullback.core.errors import OptionError
from pullback.data import ImageSet, digits, mnist
from pullback.training import checkpoint
from pullback.training.checkpoint import Checkpoint
from pullback.training.interrupts import Interrupts
from pullback.training.learner import Learner
from pullback.training.loop import Loop
from pullback.training.progress import Progress
from pullback.training.resuming import resumed
from pullback.training.run_folder import RunFolder
from pullback.training.settings import (
    ADJUSTABLE,
    DEFAULTS,
    OPTIMIZERS,
    RESUMABLE,
    ROWS,
    USUAL_EPOCHS,
    Settings,
    layered,
    read_toml,
)

_USUAL: Final[dict[str, str]] = {
    "hidden": "64",
    "epochs": str(USUAL_EPOCHS),
    "lr": ", ".join(f"{usual.lr} of {name}" for name, usual in OPTIMIZERS.items()),
    "momentum": ", ".join(f"{usual.momentum}" for usual in OPTIMIZERS.values() if usual.momentum),
    "threads": "those of the environment, else 1",
    "data_dir": "$PULLBACK_DATA, or the user's cache, or a download",
}

_NUMBERS: Final[dict[str, type[int | float]]] = {
    **dict.fromkeys(("epochs", "steps", "batch_size", "seed", "threads"), int),
    **dict.fromkeys(("dropout", "lr", "momentum", "weight_decay"), float),
}


def _option(name: str, metavar: str) -> Any:
    """Make the option of a setting from the setting's row."""
    usual = _USUAL.get(name) or ("" if DEFAULTS[name] is None else DEFAULTS[name])
    meaning = ROWS[name].meaning + (f" [{usual}]" if usual != "" else "")
    flag = f"--{name.replace('_', '-')}"
    number = _NUMBERS.get(name)
    parser = None if number is None else partial(_number, name, number)
    return typer.Option(flag, help=meaning, metavar=metavar, show_default=False, parser=parser)


def _number(name: str, kind: type[int | float], text: str) -> int | float:
    """Read a number, or show how one is given."""
    try:
        return kind(text)
    except ValueError:
        what = "an integer" if kind is int else "a number"
        raise typer.BadParameter(f"{text!r} is not {what}; for example {ROWS[name].option(name)}") from None


_compile: Final[Any] = typer.Option(
    "--compile/--no-compile", help=ROWS["compile"].meaning + " [--compile]", show_default=False
)
_config: Final[Any] = typer.Option(
    help="TOML file with settings of these names; options come before it.", metavar="FILE"
)
_out: Final[Any] = typer.Option(help="Folder of the run. [runs/DATA-NUMBER]", metavar="DIR")
_resume: Final[Any] = typer.Option(help="Go on with the run in this folder, as if it had never stopped.", metavar="RUN")
_quiet: Final[Any] = typer.Option("--quiet", help="Print the last line only.")


def train(
    ctx: typer.Context,
    data: Annotated[str | None, _option("data", "[digits|mnist]")] = None,
    data_dir: Annotated[Path | None, _option("data_dir", "DIR")] = None,
    hidden: Annotated[str | None, _option("hidden", "N[,N...]")] = None,
    dropout: Annotated[float | None, _option("dropout", "P")] = None,
    epochs: Annotated[int | None, _option("epochs", "N")] = None,
    steps: Annotated[int | None, _option("steps", "N")] = None,
    batch_size: Annotated[int | None, _option("batch_size", "N")] = None,
    optimizer: Annotated[str | None, _option("optimizer", f"[{'|'.join(OPTIMIZERS)}]")] = None,
    lr: Annotated[float | None, _option("lr", "X")] = None,
    momentum: Annotated[float | None, _option("momentum", "X")] = None,
    weight_decay: Annotated[float | None, _option("weight_decay", "X")] = None,
    seed: Annotated[int | None, _option("seed", "N")] = None,
    threads: Annotated[int | None, _option("threads", "N")] = None,
    compile: Annotated[bool | None, _compile] = None,
    config: Annotated[Path | None, _config] = None,
    out: Annotated[Path | None, _out] = None,
    resume: Annotated[Path | None, _resume] = None,
    quiet: Annotated[bool, _quiet] = False,
) -> None:
    """Learn to read handwritten digits, and show how well that went.

    Ctrl-C saves and stops, with exit code 130; --resume goes on, bit for bit, as if nothing had happened.
    Pressed again, it stops at once, and what was saved last stays. A terminal that closes saves and stops too.
    """
    named = {name: value for name, value in locals().items() if name in ROWS and value is not None}
    with ExitStack() as stack:
        folder, saved = None, None
        if resume is None:
            settings = layered({} if config is None else read_toml(config), named)
        else:
            _refuse_another_run(config, out, named)
            folder = RunFolder.open(resume)
            stack.enter_context(folder.held())
            settings, saved = resumed(folder, named)
        threads = threads_of(settings.threads)
        settings = replace(settings, threads=threads)
        if ctx.obj == COMMAND_LINE:
            use_threads(threads)
        data_set = data_of(settings)
        learner = Learner(settings, data_set)
        if folder is None:
            folder = RunFolder.create(out, settings)
            stack.enter_context(folder.held())
        elif saved is not None:
            _restore(learner, saved, folder)
        began, first = time.perf_counter(), learner.step
        with Interrupts() as interrupts:
            if not quiet:
                print(_heading(learner, folder), flush=True)
            with Progress(learner.step, learner.last, quiet=quiet) as progress:
                finished = Loop(learner, folder).run(progress, interrupts)
        if not finished:
            print(f"stopped at step {learner.step:,} of {learner.last:,}; go on: pullback train --resume {folder.path}")
            raise typer.Exit(128 + (interrupts.signal or 0))
        seconds = time.perf_counter() - began
        done = f"{learner.step - first:,} steps in {seconds:.1f} s"
        report(folder, learner.network, data_set, len(learner.loader), done, learner.step, quiet=quiet)


@final
class TrainCommand(TyperCommand):
    """The command, whose complaint of an option without its value shows one."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except Exception as error:
            option = str(getattr(error, "option_name", ""))  # of a class that typer keeps to itself
            row = ROWS.get(option.removeprefix("--").replace("-", "_"))
            if row is not None and hasattr(error, "message"):
                error.message += f" For example {row.option(option.removeprefix('--'))}"
            raise


def data_of(settings: Settings) -> ImageSet:
    """Give the data set of a run."""
    return mnist(settings.data_dir) if settings.data == "mnist" else digits()


def _refuse_another_run(config: Path | None, out: Path | None, named: dict[str, Any]) -> None:
    """Refuse options that would make a resumed run another run."""
    may = RESUMABLE | ADJUSTABLE
    refused = [name for name, value in (("config", config), ("out", out)) if value is not None]
    refused += [name for name in named if name not in may]
    if refused:
        raise OptionError(
            "train: a run that is resumed keeps its settings",
            got=", ".join(f"--{name.replace('_', '-')}" for name in refused),
            fix="only these may change: " + ", ".join(f"--{name.replace('_', '-')}" for name in sorted(may)),
        )  # fmt: skip


def _restore(learner: Learner, saved: Checkpoint, folder: RunFolder) -> None:
    with checkpoint.naming(folder.checkpoint):
        learner.restore(saved)
    if learner.last < learner.step:
        raise OptionError(
            "train: the run is further than that", step=learner.step, last=learner.last,
            fix="--epochs or --steps of more than that, or a new run",
        )  # fmt: skip


def _heading(learner: Learner, folder: RunFolder) -> str:
    data = learner.data
    images, _ = data.train.arrays
    height, width = images.shape[1:]
    settings = learner.settings
    sizes = "-".join(map(str, (height * width, *settings.hidden, len(data.classes))))
    momentum = f", momentum {settings.inertia:g}" if settings.inertia else ""
    rule = f"{settings.optimizer}, learning rate {settings.rate:g}{momentum}, batches of {settings.batch_size}"
    start = f", from step {learner.step:,}" if learner.step else ""
    test = f"{len(data.test):,} to test on"
    lines = (
        f"data   {data.name}: {len(images):,} images of {height} × {width} to learn from, {test}",
        f"model  {sizes}, {learner.parameters:,} parameters; {rule}",
        f"run    {folder.path}, {learner.last:,} steps{start}",
    )
    return "\n".join([*lines, *(f"note   {str(change).removeprefix('# ')}" for change in learner.changes)])
