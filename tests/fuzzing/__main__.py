"""Random programs and training steps, compiled against interpreted: `scripts/fuzz --seconds 60 --seed 0`.

On the first that differs it prints the smallest script found that shows it, and leaves with status 1.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import time

from tests.fuzzing.search import Findings, attempt


def options():
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="fuzz", description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=60, help="for how long (60)")
    parser.add_argument("--seed", type=int, default=0, help="which programs (0)")
    parser.add_argument("--number", type=int, help="this program of the seed alone")
    parser.add_argument("--keep-going", action="store_true", help="report further failures too")
    return parser.parse_args()


def main():
    """Search, and print what was found."""
    chosen = options()
    findings, failures = Findings(), 0
    begin = time.monotonic()
    for number in itertools.count() if chosen.number is None else [chosen.number]:
        if time.monotonic() - begin > chosen.seconds and chosen.number is None:
            break
        failure = attempt(chosen.seed, number, findings)
        if failure is not None:
            failures += 1
            print(f"# fuzz --seed {chosen.seed} --number {number}\n{failure.script()}", flush=True)
            if not chosen.keep_going:
                break
    print(f"{findings.tried} programs, {failures} failed, {findings.silent} that NumPy refuses; ", end="")
    print(f"the worst error is {findings.worst:.2g} of what is allowed; {len(findings.operations)} operations:")
    print(", ".join(f"{name} {count}" for name, count in sorted(findings.operations.items())))
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
