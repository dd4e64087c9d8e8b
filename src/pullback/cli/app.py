"""The `pullback` command: its parts, and what becomes of errors.

A failure that Pullback foresees is printed as its message, without a traceback. The exit code tells the rest:
0 all is well, 1 it failed, 2 the command line or a setting is wrong, 129, 130 and 143 stopped by SIGHUP, Ctrl-C or
SIGTERM. A warning is printed as its message too.
`--traceback`, or PULLBACK_TRACEBACK=1, shows where an error comes from.
"""

from __future__ import annotations

import os
import sys
import textwrap
import warnings
from collections.abc import Callable, Sequence
from io import TextIOWrapper
from typing import Annotated, Final

import typer
from typer.core import TyperCommand

from pullback.cli.evaluate import evaluate, predict
from pullback.cli.export import export
from pullback.cli.formulas import FormulaCommand, draw, grad
from pullback.cli.information import info
from pullback.cli.options import TrainCommand
from pullback.cli.play import play
from pullback.cli.runs import diff, runs
from pullback.cli.sample import sample
from pullback.cli.threads import COMMAND_LINE, RestartError, restart
from pullback.cli.train import train
from pullback.cli.watch import watch
from pullback.core.errors import ExpressionError, OptionError, PullbackError, PullbackWarning
from pullback.core.version import __version__
from pullback.parallel.world import launched, say_last

TRACEBACK: Final = "PULLBACK_TRACEBACK"

# The rest of the map, below the commands; \b keeps its lines as they are.
MAP: Final = """\b
In Python, import pullback as pb:
  pb.grad(f)  pb.jvp  pb.hessian  pb.vmap             derivatives of functions
  pb.tensor(x, requires_grad=True)  loss.backward()   the tape
  pb.graph(t).draw()  .play("page.html")              what was computed, seen
  pb.nn  pb.optim  pb.data  pb.training               networks that learn
  pb.compile(step)                                    a whole step as native code
To read the source, begin with: python -m pullback.core.read_me_first
"""

app: Final = typer.Typer(
    name="pullback",
    epilog=MAP,
    help="Differentiate formulas, draw their graphs, and train models: those that come with it, and your own.",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain text, as in every other message; and rich is slow to load
)

# Each command, how its line is read, and lines to try.
COMMANDS: Final[tuple[tuple[Callable[..., None], type[TyperCommand], str], ...]] = (
    (
        train,
        TrainCommand,
        """
        pullback train
        pullback train --data mnist --hidden 128,64 --optimizer adam --epochs 10
        pullback train --resume runs/mnist-1 --epochs 20
        pullback train --recipe shakespeare-gpt
        pullback train mine.py:make --lr 0.01 --set width=64
        """,
    ),
    (
        runs,
        TyperCommand,
        """
        pullback runs
        pullback runs runs/digits-1 runs/digits-2 --curve "test loss" -o curves.svg
        pullback runs --html runs.html
        """,
    ),
    (
        watch,
        TyperCommand,
        """
        pullback watch runs/digits-1
        pullback watch runs/digits-1 --html
        """,
    ),
    (diff, TyperCommand, "pullback diff runs/digits-1 runs/digits-2"),
    (sample, TyperCommand, 'pullback sample runs/shakespeare-gpt-1 --prompt "ROMEO:"'),
    (evaluate, TyperCommand, "pullback evaluate runs/digits-1"),
    (predict, TyperCommand, "pullback predict runs/mnist-1 seven.png"),
    (export, TyperCommand, "pullback export runs/digits-1 --onnx digits.onnx"),
    (
        grad,
        FormulaCommand,
        """
        pullback grad "x**2 * sin(y)" x=3 y=pi/2
        pullback grad "norm(w) + sum(w * x)" w=[3,4] x=2
        pullback grad "where(x > 0, sqrt(x), x)" x=-1
        """,
    ),
    (draw, FormulaCommand, 'pullback draw "sin(x)**sin(x)" x=0.5 -o sine.svg'),
    (play, FormulaCommand, 'pullback play "sin(x * y) + x**2" x=0.5 y=2 -o play.html'),
    (info, TyperCommand, "pullback info"),
)
for command, kind, lines in COMMANDS:
    # \b keeps the lines from being filled up to paragraphs.
    app.command(cls=kind, epilog="\b\nTry:\n" + textwrap.indent(textwrap.dedent(lines).strip(), "  "))(command)


def _version(asked: bool) -> None:
    if asked:
        print(f"pullback {__version__}")
        raise typer.Exit


@app.callback()
def pullback(
    traceback: Annotated[
        bool, typer.Option("--traceback", help=f"Show where an error comes from; {TRACEBACK}=1 does too.")
    ] = False,
    version: Annotated[  # noqa: ARG001 - its callback does it, before a command is looked for
        bool, typer.Option("--version", help="Show the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Differentiate formulas, draw their graphs, and train models: those that come with it, and your own."""
    if traceback:
        os.environ[TRACEBACK] = "1"  # for the code below, which is outside of this, and for a restart


def _told(text: Warning | str, *_rest: object, **_more: object) -> None:
    """Print a warning as an error is printed, without the line of code that it comes from."""
    print(f"warning: {text}", file=sys.stderr)


def main(arguments: Sequence[str] | None = None) -> None:
    """What `pullback.cli.main` runs, once the commands are loaded."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a console that does not know a letter shows a question mark
            stream.reconfigure(errors="replace")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("always", PullbackWarning)
            warnings.showwarning = _told  # type: ignore[assignment]  # the rest is for programmers
            app(arguments, prog_name="pullback", obj=COMMAND_LINE if arguments is None else None)
    except RestartError as wanted:
        restart(wanted.environment)
    except BrokenPipeError:  # who read what is printed, as `head` does, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # where what is left to print goes
        sys.exit(1)
    except (PullbackError, OSError, MemoryError) as error:
        if os.environ.get(TRACEBACK, "0") not in ("", "0"):
            raise
        print(f"error: {error}", file=sys.stderr)
        if launched():
            say_last()
        sys.exit(2 if isinstance(error, (OptionError, ExpressionError)) else 1)
