"""How many threads the matrix products use.

OpenBLAS and OpenMP read the number from the environment, once, as NumPy is loaded; and NumPy is loaded before
any option can be read. So a process that finds itself with another number starts itself anew, once, with the
number in its environment. That costs the time of an import and needs no further library.

Unless told otherwise it is one thread: the products of a small network are too short to be shared, and threads
that wait for each other on a machine with other work make them many times slower. And the sums of one thread
do not depend on how many cores there are.
"""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Final, Never, final

COMMAND_LINE: Final = "command line"  # what the commands' context says where the process is theirs to restart
VARIABLES: Final = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


@final
class RestartError(Exception):
    """The process has to start anew with another environment; raised to where nothing is open any more."""

    def __init__(self, environment: dict[str, str]) -> None:
        super().__init__("the number of threads is read when NumPy is loaded")
        self.environment = environment


def threads_of(number: int | None) -> int:
    """How many threads are wanted: the number asked for, else the environment's, else one."""
    told = [value for name in VARIABLES if (value := os.environ.get(name, "")).isdecimal() and int(value)]
    return number or int(told[0] if told else 1)


def use_threads(number: int) -> None:
    """Ask for a restart unless the environment has this number of threads already.

    Raises
    ------
    RestartError
        To be answered with `restart`, once files are closed.
    """
    wanted = dict.fromkeys(VARIABLES, str(number))
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
