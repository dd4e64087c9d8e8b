"""The search: trial after trial, and of one that fails the smallest that still does, as a script of its own."""

from __future__ import annotations

import inspect
from collections import Counter
from dataclasses import dataclass, field, replace
from textwrap import indent

import numpy as np
from tests.fuzzing import arrays, passes
from tests.fuzzing.check import CALLS, MismatchError, SilentError, check
from tests.fuzzing.draw import program
from tests.fuzzing.program import Program
from tests.fuzzing.training import Training, training

TRAININGS = 0.2  # of the trials
SHRINKS = 400  # attempts to make a failure smaller


@dataclass(frozen=True)
class Failure:
    """A trial that fails, as it was drawn and made smaller."""

    number: int
    passes: tuple[str, ...]
    trial: Program | Training
    error: MismatchError

    def script(self):
        """The text of a program that shows it."""
        functions = "\n\n".join(inspect.getsource(f) for f in arrays.PRINTED)
        chosen = f"import os\n\nos.environ[{passes.SWITCH!r}] = {','.join(self.passes)!r}\n"
        return f"""{indent(str(self.error), "# ")}
{chosen}import numpy as np
import pullback as pb

np.seterr(all="ignore")

{functions}
{self.trial.source}
(plain, before, plain_state), (step, before_compiled, state) = build(), build()
compiled = pb.compile(step)
for call in range({CALLS}):
    before(call), before_compiled(call)
    print(call, "interpreted", plain(*arguments(call)), *plain_state(), sep="\\n  ")
    print(call, "compiled", compiled(*arguments(call)), *state(), sep="\\n  ")
"""


@dataclass
class Findings:
    """What a search has seen."""

    tried: int = 0
    silent: int = 0
    worst: float = 0.0
    operations: Counter = field(default_factory=Counter)


def drawn(seed, number):
    """The trial of this number, and the passes that it is compiled with."""
    rng = np.random.default_rng([seed, number])
    trial = (training if rng.random() < TRAININGS else program)((seed, number))
    choices = passes.choices()
    return trial, choices[rng.integers(len(choices))] if rng.random() < 0.5 else passes.ALL


def attempt(seed, number, findings):
    """Try one trial; give its failure, or None."""
    trial, chosen = drawn(seed, number)
    findings.tried += 1
    findings.operations += trial.operations
    try:
        findings.worst = max(findings.worst, check(trial, chosen))
    except SilentError:
        findings.silent += 1
    except MismatchError as error:
        return shrunk(Failure(number, chosen, trial, error))
    return None


def shrunk(failure):
    """The smallest trial that still fails in the same way."""
    attempts = iter(range(SHRINKS))
    found = failure
    while found is not None:
        failure, found = found, None
        for trial, _ in zip(failure.trial.smaller(), attempts, strict=False):
            error = error_of(trial, failure.passes) if trial != failure.trial else None
            if error is not None and error.kind == failure.error.kind:
                found = replace(failure, trial=trial, error=error)
                break
    return failure


def error_of(trial, chosen):
    """How a trial fails, or None; one that was made smaller may be no program at all."""
    try:
        check(trial, chosen)
    except MismatchError as error:
        return error
    except SilentError:
        pass
    return None
