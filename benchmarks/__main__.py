"""Measure Pullback beside its peers and print a table: `python benchmarks [WORK …]`; docs/benchmarks.md says how."""

from __future__ import annotations

import argparse
import os
import platform
import re
import sys
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from contest import Work, chosen_works, library
from race import Results, Settings, race
from table import block, heading, target_cells, verdicts

OURSELVES = "pullback"


def options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("works", nargs="*", help="begin with these names; all if none is given")
    parser.add_argument("--rounds", type=int, default=5, help="how often each contestant has its turn (5)")
    parser.add_argument("--threads", type=int, default=2, help="of each contestant (2)")
    parser.add_argument("--seconds", type=float, default=0.5, help="for which one is timed each round (0.5)")
    parser.add_argument("--peers", type=lambda text: text.split(","), help="only these, as numpy,torch")
    parser.add_argument("--list", action="store_true", help="say what is measured, and measure nothing")
    chosen = parser.parse_args()
    if chosen.rounds < 1 or chosen.threads < 1 or chosen.seconds <= 0:
        parser.error("rounds, threads and seconds must be positive")
    return chosen


def processor() -> str:
    """What this machine computes with."""
    try:
        names = re.findall(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        names = []
    return f"{names[0]}, {len(names)} cores" if names else platform.processor()


def version(name: str) -> str:
    """A library with its version."""
    try:
        return f"{name} {metadata.version(name)}"
    except metadata.PackageNotFoundError:
        return name


def tell(text: str) -> None:
    """Show on a terminal what is being done, in one line that the next one overwrites."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def describe(works: list[Work]) -> None:
    """Print what would be measured."""
    for work in works:
        print(f"{work.name}: {work.title}\n  contestants: {', '.join(work.contestants)}")
        for verdict in verdicts(Results(work)):
            print(f"  target: {verdict.target.contestant} {target_cells(verdict)[1]}, {verdict.target.measure}")


def main() -> None:
    """Run the race of each work and print its rows; leave with status 1 if a contestant failed."""
    chosen = options()
    works = chosen_works(chosen.works)
    if not works:
        sys.exit(f"benchmarks: no work begins with {' or '.join(chosen.works)}; --list names them")
    if chosen.list:
        describe(works)
        return
    known = dict.fromkeys(library(name) for work in chosen_works([]) for name in work.contestants)
    if unknown := set(chosen.peers or ()) - known.keys():
        sys.exit(f"benchmarks: no contestant needs {', '.join(sorted(unknown))}; known are {', '.join(known)}")
    wanted = [name for name in known if not chosen.peers or name in (OURSELVES, *chosen.peers)]
    found = [name for name in wanted if find_spec(name)]
    if OURSELVES not in found:
        sys.exit("benchmarks: pullback is not installed; scripts/bench does that")
    settings = Settings(chosen.rounds, chosen.threads, chosen.seconds)

    print(f"{processor()}; Python {platform.python_version()}; {', '.join(map(version, found))}")
    print(
        f"threads {settings.threads}; medians of {settings.rounds} rounds of {settings.seconds:g} s; "
        f"load before the run {os.getloadavg()[0]:.1f}\n"
    )
    print(heading())
    raced = []
    for work in works:
        names = [name for name in work.contestants if library(name) in found]
        results = race(work, names, settings, tell)
        tell("")
        print(*block(results), "", sep="\n", flush=True)
        raced.append(results)

    asked = [verdict.met for results in raced for verdict in verdicts(results)]
    print(f"{asked.count(True)} of {len(asked)} figures met, {asked.count(None)} not measured")
    if missing := [name for name in wanted if name not in found]:
        print(f"left out, not installed: {', '.join(missing)}")
    failures = [(r.work, name, why) for r in raced for name, why in r.failed.items()]
    for work, name, why in failures:
        print(f"{work.name}: {name} {'left out' if name in work.optional else 'failed'}: {why}", file=sys.stderr)
    sys.exit(any(name not in work.optional for work, name, _ in failures))


if __name__ == "__main__":
    main()
