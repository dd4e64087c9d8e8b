"""Showing what becomes of a program, to who asks for it: PULLBACK_SHOW=program,kernels,plan,llvm."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Mapping
from typing import Final

from pullback.compiler.lowering.plan import size_of
from pullback.compiler.machine.executable import Executable
from pullback.compiler.showing.report import amount, report
from pullback.core.errors import OptionError
from pullback.programs.program import Program

TOPICS: Final = ("program", "kernels", "plan", "llvm")


def topics() -> tuple[str, ...]:
    """What PULLBACK_SHOW asks for.

    Raises
    ------
    OptionError
        If it asks for something else.
    """
    asked = tuple(filter(None, os.environ.get("PULLBACK_SHOW", "").replace(" ", "").split(",")))
    for topic in asked:
        if topic not in TOPICS:
            raise OptionError("PULLBACK_SHOW: nothing of that name", got=topic, fix=f"some of {', '.join(TOPICS)}")
    return asked


def show(stages: Mapping[str, Program], executable: Executable, asked: Collection[str]) -> None:
    """Write what is asked for to the standard error."""
    texts: list[tuple[str, str]] = []
    if "program" in asked:
        texts += [(name, str(stage)) for name, stage in stages.items()]
    if "kernels" in asked:
        texts.append(("kernels", report(executable)))
    if "plan" in asked:
        texts.append(("plan", places(executable)))
    if "llvm" in asked:
        texts += [("llvm", code.ir()) for code in executable.codes]
    sys.stderr.write("".join(f"--- {title}\n{text}\n" for title, text in texts))


def places(executable: Executable) -> str:
    """Where temporaries lie in the arena, and during which regions."""
    plan = executable.plan
    lines = [f"arena of {amount(plan.arena)}"]
    for value, place in sorted(plan.places.items(), key=lambda item: item[1]):
        used = [str(i) for i, region in enumerate(plan.regions) if value in region.reads | region.writes]
        lines.append(f"  {place:>10}  {size_of(value):>10} B  {value!r}  in regions {', '.join(used)}")
    return "\n".join(lines)
