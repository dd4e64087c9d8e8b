"""Sparing LLVM: in a long module, functions that would become too many lines in place of their calls stay functions."""

from __future__ import annotations

import re
from collections import Counter
from typing import Final

LONG: Final = 100_000  # letters of a module from which on it matters
PLENTY: Final = 1_500  # lines that calls in a long module may become
_INLINE: Final = re.compile(r"^define [^\n]*@([\w.]+)\([^\n]* alwaysinline [^\n]*\{.*?^\}", re.MULTILINE | re.DOTALL)
_CALLED: Final = re.compile(r"@([\w.]+)\([^\n]*\)$", re.MULTILINE)  # calls that are marked stay calls anyway


def spared(text: str) -> str:
    r"""A module, in whose text functions of which the calls would cost most are not put in place of these.

    Examples
    --------
    >>> spared("define i8 @one() alwaysinline {\n ret i8 1\n}")
    'define i8 @one() alwaysinline {\n ret i8 1\n}'
    """
    if len(text) < LONG:
        return text
    calls, lines = Counter(_CALLED.findall(text)), 0
    costs = {found[1]: calls[found[1]] * found[0].count("\n") for found in _INLINE.finditer(text)}
    kept = set[str]()
    for name, cost in sorted(costs.items(), key=lambda pair: pair[1]):
        lines += cost
        if lines > PLENTY:
            kept.add(name)

    def changed(found: re.Match[str]) -> str:
        return found[0].replace("alwaysinline", "noinline", 1) if found[1] in kept else found[0]

    return _INLINE.sub(changed, text)
