"""The command line: `pullback` and what it does: `train`, `runs`, `diff`, `sample`, `evaluate`, `predict`, `grad` …."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line, and leave with its exit code.

    Parameters
    ----------
    arguments : sequence of str, optional
        Else those of the process, which may then start itself anew to change its number of threads.
    """
    try:
        from pullback.cli import app  # loading takes long enough to be stopped by Ctrl-C
    except KeyboardInterrupt:
        sys.exit(130)
    app.main(arguments)
