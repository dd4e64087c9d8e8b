"""How many like it an event stands for, where a profile looked only now and then.

What is alike is a stratum: the same operation, the same step of walks, the same layer. Of each it is known how often it
was done in all, so an event that was looked at stands for as many as were only counted: what W. G. Cochran, Sampling
Techniques, 1977, chapter 5, calls stratified sampling with known sizes. The first look, which has what is slow once, is
a sample of its own, of which nothing was only counted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pullback.profiling.timeline import Event


def weigh(events: Sequence[Event], counted: Mapping[Hashable, int], first: int, every: float, rests: int) -> None:
    """Let each event say how many it stands for.

    Parameters
    ----------
    events : sequence of Event
        All that were seen.
    counted : mapping
        How often the things of a stratum were only counted.
    first : int
        When the first look ended.
    every : float
        The whole time, in that of all looks.
    rests : int
        Nanoseconds in which nothing was looked at: no stratum took longer in them.
    """
    strata: dict[Any, list[Event]] = defaultdict(list)
    for event in events:
        strata[event.stratum].append(event)
    begins = [event.begin > first for event in events if event.kind == "operation"]
    seen = sum(begins) or len(begins)
    ratio = sum(counted.get(stratum, 0) for stratum, of in strata.items() if of[0].kind == "operation") / max(seen, 1)
    for stratum, members in strata.items():
        whole = [e for e in members if not e.part] or [e for e in members if e.part == "unknown"]
        late = [event for event in whole if event.begin > first]
        unseen = sum(bool(event.part) for event in members) - sum(bool(event.part) for event in whole)
        if members[0].kind == "module":  # which nobody counts: as operations are
            more = ratio * (len(late or whole) + unseen) + unseen
        else:
            more = counted.get(stratum, 0) + unseen
        if not whole:  # longer than looks
            for event in members:
                event.weight, event.calls = every, more / len(members)
            continue
        for event in members:
            if event.part != whole[0].part:
                event.weight = event.calls = 0.0
        begun = min(whole, key=lambda event: event.begin)  # which may have loaded what is used from then on
        standing = late or [event for event in whole if event is not begun] or whole
        longest = rests / max(sum(event.own for event in standing), 1)
        for event in standing:
            event.weight, event.calls = 1 + min(more / len(standing), longest), 1 + more / len(standing)
