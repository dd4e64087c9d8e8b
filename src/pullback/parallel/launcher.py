"""Starting several ranks of a Python module with the launcher of MPI, and ending them with it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from typing import Final

from pullback.core.errors import OptionError
from pullback.parallel.world import INSTALL, RANKS

_NAMES: Final = ("mpiexec", "mpirun")
_HEARD: Final = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


def launcher() -> str:
    """The path of MPI's launcher: that of this environment, as the wheels have it, else the system's.

    Raises
    ------
    OptionError
        If mpi4py or a launcher is missing.
    """
    folders = [sysconfig.get_path("scripts"), str(Path(sys.executable).parent)]
    found = [path for name in _NAMES if (path := shutil.which(name, path=os.pathsep.join(folders)))]
    found += [path for name in _NAMES if (path := shutil.which(name))]
    missing = "mpi4py" if find_spec("mpi4py") is None else None if found else "mpiexec"
    if missing is not None or os.name == "nt":  # where a launcher cannot be asked to stop
        raise OptionError(
            "parallel: several ranks need MPI, on Linux or macOS", missing=missing, looked_in="\n".join(folders),
            fix=INSTALL,
        )  # fmt: skip
    return found[0]


def launch(
    ranks: int, module: str, arguments: Sequence[str], environment: Mapping[str, str], *, survive: bool = False
) -> int:
    """Run `python -m module arguments` in several ranks; the exit status of the first that failed, else 0.

    With `survive` the launcher does not end the others where one dies.

    Ctrl-C, SIGTERM and SIGHUP are passed on as SIGUSR1, which launchers hand to all ranks, and which those take as a
    wish to stop; the status is then that of the signal. One that comes later ends them at once.
    """
    path = launcher()
    lenient = _lenient(path) if survive else ()
    command = [path, *lenient, "-n", str(ranks), sys.executable, "-m", "mpi4py", "-m", module, *arguments]
    came: list[int] = []
    before = {number: signal.getsignal(number) for number in _HEARD}
    # A group of its own, so that the terminal's Ctrl-C reaches the launcher through this process alone.
    process = subprocess.Popen(  # noqa: S603 - it is our own
        command, env={**settled(), **environment, RANKS: str(ranks)}, stdin=subprocess.DEVNULL, process_group=0
    )

    def passed_on(number: int, _frame: FrameType | None) -> None:
        process.send_signal(signal.SIGTERM if came else signal.SIGUSR1)
        came.append(number)

    try:
        for number, handler in before.items():
            if handler not in (signal.SIG_IGN, None):
                signal.signal(number, passed_on)
        status = process.wait()
    except BaseException:
        process.terminate()
        process.wait()
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if came:
        return 128 + came[0]
    return status if status >= 0 else 128 - status


def _lenient(path: str) -> Sequence[str]:
    """What tells a launcher to let ranks live where another dies; that of Open MPI alone knows how."""
    told = subprocess.run([path, "--version"], capture_output=True, text=True, check=False).stdout  # noqa: S603 - found by name
    if "Open MPI" not in told and "PRRTE" not in told:
        raise OptionError(
            "parallel: this launcher ends all ranks where one dies", launcher=path,
            got=told.strip().partition("\n")[0] or "no version", fix=f"Open MPI: {INSTALL}",
        )  # fmt: skip
    return "--with-ft", "ulfm"


def settled() -> dict[str, str]:
    """What Open MPI has to be told once: more ranks than cores may run, where they like, and in a container as root."""
    told = {"PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe", "PRTE_MCA_hwloc_default_binding_policy": "none"}
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        told |= {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    return {**told, **os.environ}
