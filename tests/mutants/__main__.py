"""Make every rule wrong, one after the other, and see that a check notices: `scripts/mutants`.

It prints how many mutants there were and how many died, and names those that did not; the status says whether all did.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter

from tests.mutants.search import KINDS, fate, mutants, natively


def options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="mutants", description=__doc__.partition("\n")[0])
    parser.add_argument("kinds", nargs="*", default=KINDS, help=f"some of {', '.join(KINDS)} (all)")
    parser.add_argument("--only", default="", help="mutants whose description contains this")
    parser.add_argument("--part", default="0/1", help="each n-th mutant from the i-th on: i/n")
    parser.add_argument("--verbose", action="store_true", help="say of each what became of it")
    return parser.parse_args()


def main() -> int:
    """Try them all."""
    chosen = options()
    os.environ["PULLBACK_CACHE"] = "0"  # what is kept is known by its program, whatever the rows say
    natively()
    part, parts = map(int, chosen.part.split("/"))
    ends: Counter[tuple[str, str]] = Counter()
    begin, alive = time.monotonic(), []
    every = [mutant for mutant in mutants(chosen.kinds) if chosen.only in str(mutant)][part::parts]
    for mutant in every:
        found = fate(mutant)
        kind = getattr(mutant, "kind", "lowering")
        ends["derivatives" if kind in ("both", "reverse", "forward", "second") else kind, found.end] += 1
        if found.end in ("survived", "never shown"):
            alive.append(found)
            print(f"{found.end}: {mutant}", flush=True)
        elif chosen.verbose:
            print(f"{found.end}: {mutant} {found.by}", flush=True)
    for kind in dict.fromkeys(kind for kind, _ in ends):
        counts = {end: n for (k, end), n in ends.items() if k == kind}
        real = sum(n for end, n in counts.items() if end != "changes nothing")
        print(f"{kind}: {counts.get('died', 0):,} of {real:,} mutants died; {counts.get('changes nothing', 0):,} more "
              "change nothing")  # fmt: skip
    print(f"{len(alive)} live, in {time.monotonic() - begin:.0f} s")
    return min(len(alive), 1)


if __name__ == "__main__":
    sys.exit(main())
