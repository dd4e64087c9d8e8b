"""`pullback train`: a model learns, in a folder from which it can go on."""

from __future__ import annotations

import signal
import sys
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Final, Never

import typer

from pullback.cli.options import given, named_so, with_settings
from pullback.cli.threads import COMMAND_LINE, VARIABLES, threads_of, use_threads
from pullback.core.errors import OptionError
from pullback.parallel.launcher import launch
from pullback.parallel.world import launched
from pullback.training import checkpoint
from pullback.training.checkpoint import Checkpoint
from pullback.training.data_parallel import DataParallel
from pullback.training.history import History
from pullback.training.interrupts import Interrupts
from pullback.training.loop import Loop
from pullback.training.measurements import read_measurements
from pullback.training.profiled import PAGE, TRACE, ProfileSteps
from pullback.training.progress import Progress
from pullback.training.report_page import write_report
from pullback.training.resuming import loop_for, resumed
from pullback.training.run_folder import RunFolder
from pullback.training.settings import ADJUSTABLE, RESUMABLE, Change, Settings, layered, read_toml
from pullback.training.task import Task, completed, task_of

_Config = Annotated[
    Path | None,
    typer.Option("--config", help="TOML file with settings of these names; options come before it.", metavar="FILE"),
]
_Out = Annotated[Path | None, typer.Option("--out", help="Folder of the run. [runs/NAME-NUMBER]", metavar="DIR")]
_Resume = Annotated[
    Path | None,
    typer.Option("--resume", help="Go on with the run in this folder, as if it had never stopped.", metavar="RUN"),
]
_Quiet = Annotated[bool, typer.Option("--quiet", help="Print the last line only.")]
_Profile = Annotated[
    bool,
    typer.Option(
        "--profile", help="Find out where the time of 100 steps goes: profile.html and trace.json in the run."
    ),
]
_ENDING: Final = (signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGHUP", None))
_Ranks = Annotated[
    int | None, typer.Option("--ranks", help="Processes that learn together, by MPI. [1]", metavar="N", min=1)
]
_Survive = Annotated[bool, typer.Option("--survive", help="Ranks go on where another dies, from the step before.")]
_Shard = Annotated[bool, typer.Option("--shard", help="Each rank keeps a part of the optimizer's state only.")]


@with_settings
def train(
    ctx: typer.Context, config: _Config = None, out: _Out = None, resume: _Resume = None, quiet: _Quiet = False,
    profile: _Profile = False, ranks: _Ranks = None, survive: _Survive = False, shard: _Shard = False,
    **settings: Any,
) -> None:  # fmt: skip
    """Train a recipe that comes with Pullback, or a model of your own, and show how well that went.

    MODULE:FACTORY names a function in a module or a Python file that gives a trainer and its data: the settings
    that are among its arguments are passed on to it, and others with --set.

    Ctrl-C saves and stops, with exit code 130; --resume goes on, bit for bit, as if nothing had happened.
    Pressed again, it stops at once, and what was saved last stays. A terminal that closes saves and stops too.
    """
    named = given(settings)
    together = {name: True for name, on in (("survive", survive), ("shard", shard)) if on}
    _refuse_alone(together, ranks)
    with ExitStack() as stack:
        folder, saved = None, None
        if resume is None:
            chosen = layered({} if config is None else read_toml(config), named)
        else:
            _refuse_another_run(config, out, named)
            folder = RunFolder.open(resume)
            alone = (ranks or 1) == 1 and not launched()
            if alone:
                stack.enter_context(folder.held())
            chosen, saved = resumed(folder, named)
        threads = threads_of(chosen.threads)
        if ranks is not None and ranks > 1 and not launched():
            _start(ctx, ranks, threads, survive=survive)
        if ctx.obj == COMMAND_LINE:
            use_threads(threads)
        chosen = completed(replace(chosen, threads=threads))
        task = task_of(chosen)
        parallel = task.trainer.parallel = _parallel(task, together)
        if folder is None:
            _begin(task, chosen)  # before anything is written
            if parallel.rank == 0:
                folder = RunFolder.create(out, chosen.name, chosen.toml())
        loop = _begin(task, chosen, folder, saved)
        if parallel.rank > 0:
            loop.folder = None
            _follow(task, loop, quiet=quiet)
            return
        assert folder is not None
        stack.enter_context(folder.held())
        profiled = ProfileSteps()
        if profile:
            loop.trainer.callbacks.append(profiled)
        began, first = time.perf_counter(), loop.step
        with Interrupts(ranks=parallel.size > 1) as interrupts:
            if not quiet:
                print("\n".join(heading(task, loop)), flush=True)
            with Progress(loop.step, loop.last, quiet=quiet) as progress:
                history = loop.run(progress, interrupts)
        if profiled.profile is not None and not quiet:
            profiled.profile.table("operation").show()
            print(f"profile of {profiled.steps} steps in {folder.path}: {PAGE}, {TRACE}")
        if not history.finished:
            last = "" if loop.last is None else f" of {loop.last:,}"
            print(f"stopped at step {loop.step:,}{last}; go on: pullback train --resume {folder.quoted}")
            asked = interrupts.signal if parallel.size == 1 or interrupts.signal in _ENDING else None
            raise typer.Exit(128 + asked if asked else 0)  # of several ranks, the one that started them says more
        done = f"{loop.step - first:,} steps in {time.perf_counter() - began:.1f} s"
        tell(task, folder, loop.step, done, quiet=quiet)


def _refuse_alone(together: dict[str, bool], ranks: int | None) -> None:
    """Refuse, before anything is started, options of ranks that go with one process, or not with each other."""
    if len(together) > 1:
        DataParallel(**together)  # it says why not
    if together and (ranks or 1) == 1 and not launched():
        raise OptionError(
            "train: this is of several processes", got=named_so(together), fix=f"--ranks 2 {named_so(together)}"
        )


def _parallel(task: Task, together: dict[str, bool]) -> DataParallel:
    """How the ranks learn: as the factory has it, else by the options."""
    if task.trainer.parallel is None:
        return DataParallel(**together)
    if together:
        raise OptionError(
            "train: the factory's trainer has its own parallel=", got=named_so(together),
            fix="DataParallel(" + ", ".join(f"{name}=True" for name in together) + ") in the factory",
        )  # fmt: skip
    return task.trainer.parallel


def _start(ctx: typer.Context, ranks: int, threads: int, *, survive: bool) -> Never:
    """Run the same command line in several processes, and end as they do."""
    if ctx.obj != COMMAND_LINE:
        raise OptionError("train: --ranks starts processes, from the command line", ranks=ranks)
    environment = dict.fromkeys(VARIABLES, str(threads))
    sys.exit(launch(ranks, "pullback", sys.argv[1:], environment, survive=survive))


def _follow(task: Task, loop: Loop, *, quiet: bool) -> None:
    """Learn with rank 0, which writes and tells what there is; if it dies, the rank that writes then tells."""
    first = loop.step
    with Interrupts(ranks=True, quiet=True) as interrupts, Progress(loop.step, loop.last, quiet=True) as progress:
        history = loop.run(progress, interrupts)
    if loop.folder is not None and history.finished:
        tell(task, loop.folder, loop.step, f"{loop.step - first:,} steps", quiet=quiet)


def tell(task: Task, folder: RunFolder, step: int, done: str, *, quiet: bool = False) -> None:
    """Print what came out, the last line alone where quiet is asked for.

    What was measured after the step, by a training that goes on, is left out.
    """
    rows = [row for row in read_measurements(folder.metrics) if row.step <= step] if folder.metrics.exists() else []
    lines = iter((task.report or plain_report)(folder, History(rows)))
    first = next(lines)
    if not quiet:
        print(f"{done}: {first}")
    for line in lines:
        print(line)


def plain_report(folder: RunFolder, history: History) -> list[str]:
    """What was measured last, of a model of which nothing else is known; and the page of its run."""
    last = {(row.split, row.name): row.value for row in history.rows}
    shown = {f"{split} {name}": value for (split, name), value in last.items() if split in ("train", "test")}
    text = ", ".join(f"{name} {value:.4f}" for name, value in shown.items()) or "nothing was measured"
    page = write_report(folder, history.rows)
    return [text, f"{text}; run in {folder.path}, with {page.name}"]


def _begin(task: Task, settings: Settings, folder: RunFolder | None = None, saved: Checkpoint | None = None) -> Loop:
    if folder is None or saved is None:
        return loop_for(task, settings, folder)
    with checkpoint.naming(folder.checkpoint):
        loop = loop_for(task, settings, folder, saved)
    if loop.last is not None and loop.last < loop.step:
        raise OptionError(
            "train: the run is further than that", step=loop.step, last=loop.last,
            fix="--epochs or --steps of more than that, or a new run",
        )  # fmt: skip
    return loop


def _refuse_another_run(config: Path | None, out: Path | None, named: dict[str, Any]) -> None:
    """Refuse options that would make a resumed run another run."""
    may = RESUMABLE | ADJUSTABLE
    refused = [name for name, value in (("config", config), ("out", out)) if value is not None]
    refused += [name for name in named if name not in may]
    if refused:
        raise OptionError(
            "train: a run that is resumed keeps its settings", got=named_so(refused),
            fix="only these may change: " + named_so(sorted(may)),
        )  # fmt: skip


def heading(task: Task, loop: Loop) -> list[str]:
    """What is trained, on what, and where."""
    start = f", from step {loop.step:,}" if loop.step else ""
    steps = "an unknown number of" if loop.last is None else f"{loop.last:,}"
    folder = "" if loop.folder is None else loop.folder.path
    return [
        *(task.about() if task.about else ()),
        f"run    {folder}, {steps} steps{start}",
        *(f"note   {str(change).removeprefix('# ')}" for change in map(Change._make, loop.trainer.notes["changes"])),
    ]
