"""`pullback sample`: a model of language writes, character by character."""

from __future__ import annotations

import sys
from typing import Annotated

import numpy as np
import typer

from pullback.cli.evaluate import Run, trained
from pullback.core.errors import OptionError
from pullback.core.numbers import checked_count, checked_number
from pullback.training.run_folder import RunFolder

_Prompt = Annotated[str, typer.Option("--prompt", help="What to go on with.", metavar="TEXT")]
_Length = Annotated[int, typer.Option("--length", help="Pieces to write.", metavar="N")]
_Temperature = Annotated[
    float, typer.Option("--temperature", help="Below 1 the likely is likelier; 0 takes the likeliest.", metavar="X")
]
_Seed = Annotated[int, typer.Option("--seed", help="Of what is drawn.", metavar="N")]
_Best = Annotated[bool, typer.Option("--best", help="Use the best state, where a callback kept it.")]


def sample(
    run: Run, prompt: _Prompt = "", length: _Length = 500, temperature: _Temperature = 0.8, seed: _Seed = 0,
    best: _Best = False,
) -> None:  # fmt: skip
    """Let the model of a run write: the prompt, and what it holds likely to come next, as it is drawn."""
    length = checked_count("sample", "length", length)
    temperature = checked_number("sample", "temperature", temperature, 0)
    task, told = trained(RunFolder.open(run), best=best)
    if task.sample is None:
        raise OptionError(
            "sample: the run does not write", run=run, recipe=told.settings.name,
            fix="a run of a text recipe, or a factory whose task has sample=",
        )  # fmt: skip
    sys.stdout.write(prompt)
    for piece in task.sample(prompt, length, temperature, np.random.default_rng(checked_count("sample", "seed", seed))):
        sys.stdout.write(piece)
        sys.stdout.flush()
    sys.stdout.write("\n")
