"""What `import` costs in a fresh interpreter, in user and system time."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Final

from contest import Step, Target, Work

LIBRARIES: Final = ("numpy", "pullback", "torch", "jax", "autograd", "mygrad")

work: Final = Work(
    "import", "import in a fresh interpreter, CPU of user and system",
    Target(0.060, against="numpy", comparison="excess", measure="CPU"),
    measure="CPU", comparison="excess",
)  # fmt: skip


def of(library: str) -> Callable[[], Step]:
    """The contestant of one library."""

    def importing() -> Step:
        command = [sys.executable, "-c", f"import {library}"]
        compiling = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}

        def step() -> None:
            subprocess.run(command, env=compiling, check=True)  # the first call compiles, the others import

        return step

    return importing


for name in LIBRARIES:
    work.contestant(name)(of(name))
