"""How many threads the matrix products use.

OpenBLAS and OpenMP read the number from the environment, once, as NumPy is loaded; and NumPy is loaded before
any option can be read. So a process that finds itself with another number starts itself anew, once, with the
number in its environment. That costs the time of an import and needs no further library.
"""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Final, Never, final

VARIABLES: Final = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


@final
class RestartError(Exception):
    """The process has to start anew with another environment; raised to where nothing is open any more."""

    def __init__(self, environment: dict[str, str]) -> None:
        super().__init__("the number of threads is read when NumPy is loaded")
        self.environment = environment


def use_threads(number: int | None) -> None:
    """Ask for a restart unless the environment has this number of threads already; None leaves it as it is."""
    wanted = {} if number is None else dict.fromkeys(VARIABLES, str(number))
    if any(os.environ.get(name) != value for name, value in wanted.items()):
        raise RestartError({**os.environ, **wanted})


def restart(environment: dict[str, str]) -> Never:
    """Run the same command line in the place of this process, with another environment."""
    command = [sys.executable, *sys.orig_argv[1:]]
    if os.name == "nt":  # where a process cannot take the place of another
        sys.exit(subprocess.run(command, env=environment, check=False).returncode)  # noqa: S603 - it is our own
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(command[0], command, environment)  # noqa: S606 - it is our own
