"""The recordings of a function for arguments of one kind: when to record, when to run, and why."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple, final

import numpy as np

from pullback.compiler.calls.agree import agree
from pullback.compiler.calls.call import PLACE, Call
from pullback.compiler.calls.guarded import GuardedProgram
from pullback.compiler.calls.guards import Dependencies
from pullback.compiler.calls.outside import Outside
from pullback.core.collecting import uncollected
from pullback.core.errors import PullbackWarning, TraceError
from pullback.core.tree import leaves
from pullback.programs.dependencies import Numbers
from pullback.programs.effects import Change, Effects
from pullback.programs.identity import PLAIN
from pullback.programs.record import Record
from pullback.programs.recording import record
from pullback.tensors import Tensor

MOST: Final = 16  # programs for arguments of one kind
_WAITING: Final = 4  # recordings that wait for a second one, for instance with gradients and without
_TO_THE_USER: Final = 6  # frames from a warning here to the call
_OFTEN: Final = 6  # recordings for one reason, from which on it is told


class _Pending(NamedTuple):
    """A recording that waits for a second one to agree, and what the function saw when it was done."""

    made: Record
    seen: Dependencies
    state: tuple[Tensor, ...]

    def comparable(self, call: Call) -> bool:
        """Whether only numbers changed since. Another flag or object is a reason for another program."""
        same = all(a is b for a, b in zip(call.state, self.state, strict=True))
        same &= all(isinstance(call.arrays[n], Tensor) is tensor for n, tensor in self.made.personal.items())
        return same and all(fact.number for fact in self.seen.changes())

    def preceded(self, made: Record) -> bool:
        """Whether the function then made tensors that are there to stay, and that it captured this time."""
        lasting = {id(tensor) for reference in self.made.made if (tensor := reference()) is not None}
        return any(id(captured.tensor) in lasting for captured in made.captured)


@final
class Recordings:
    """All programs for arguments of one kind.

    Attributes
    ----------
    interpreted : str or None
        Why the function runs as it is written, if it does.
    programs : list of GuardedProgram
        The programs, the latest first.
    recorded, calls : int
        How many calls were recorded, and how many ran as the function is written.
    """

    def __init__(self, name: str, reason: str) -> None:
        self.interpreted: str | None = None
        self.programs: list[GuardedProgram] = []
        self.recorded = self.calls = 0
        self.reason = reason
        self._name = name
        self._pending: list[_Pending] = []
        self._watched: dict[int, Any] = {}  # what the function was found to call
        self._free: dict[int, Any] = {}  # by `id`, the numbers of arrays that were found not to matter
        self._arrays: dict[int, Any] = {}  # which lives as long
        self._told = False
        self._reasons: dict[str, tuple[int, str]] = {}  # by what changed: how often, and how it did the last time

    def fitting(self, call: Call) -> Iterator[GuardedProgram]:
        """The programs that fit a call, as far as one can know without looking at arrays and gradients."""
        return (program for program in self.programs if program.differs(call) is None)

    @uncollected
    def record(self, f: Callable[..., Any], call: Call, *, keep: bool = True) -> Any:
        """Run the function in the ordinary way, and note what it does; make a program of it when it does that again.

        Without `keep` the call is undone. It is too where two recordings differ, which raises TraceError.
        """
        reason = self._why(call)
        self._count(reason)
        if self._too_many():
            self._give_up(reason)
            return call.plainly(f)
        objects = [leaf for leaf in leaves(call.given) if leaf is not PLACE and not isinstance(leaf, PLAIN)]
        others = [*objects, *self._watched.values()]
        seen = Dependencies(f, others, self._free)
        effects = Effects(seen.changing)
        waiting = [pending for pending in self._pending if pending.comparable(call)]
        meanwhile = [next(map(str, pending.seen.changes()), None) for pending in waiting]
        with Outside(seen.done.values()) as outside:
            result, made, ledger = record(f, call.fill, self._name, effects)

        def undo() -> None:
            ledger.undo()
            effects.undo()
            seen.undo()

        self._watched |= {id(owner): owner for owner in made.watched}
        self.recorded += 1
        if outside.asked is not None:
            self._leave_to_the_world(*outside.asked)
        elif made.unfit is not None:
            self._interpret(made.unfit)
        elif made.live:
            self._interpret(
                "what it gives can still be differentiated; compile the whole step with its backward(), "
                "or pb.grad of the function, or call it under no_grad()"
            )
        own = self._changed(seen, effects)  # by the function itself
        if not keep:
            ledger.undo()
        if self.interpreted is not None:
            return result
        if own or len(others) < len(objects) + len(self._watched):
            seen = Dependencies(f, [*objects, *self._watched.values()], self._free)
        found = next((i for i, pending in enumerate(waiting) if pending.made.had == made.had), None)
        try:
            if not own and self._adopt(made, seen, call):
                return result
            if found is None or waiting[found].preceded(made):
                self._pending = [_Pending(made, seen, tuple(call.state)), *self._pending][:_WAITING]
                return result
            pending = waiting[found]
            self._pending.remove(pending)
            settled = agree(pending.made, made, str(own) if own else meanwhile[found])
            if own:
                raise TraceError(
                    f"{self._name}: it changes a value of Python, which its program would not", changed=own,
                    line=own.line, fix="keep it in a tensor (t += 1, t.assign), return it, or change it outside",
                )  # fmt: skip
        except TraceError:
            undo()
            raise
        self._set_free(pending.seen, seen, settled)
        settled.made.clear()
        self.programs.insert(0, GuardedProgram(made, settled, seen, call.state, reason))
        return result

    def _interpret(self, why: str) -> None:
        """From now on the function runs as it is written."""
        self.interpreted = why
        self.programs.clear()
        self._pending.clear()

    @staticmethod
    def _changed(seen: Dependencies, effects: Effects) -> Change | None:
        """What the function itself changed."""
        fact = next(seen.changes(), None)
        return effects.change() if fact is None else Change(str(fact), fact.line)

    def _set_free(self, before: Dependencies, now: Dependencies, made: Record) -> None:
        """Look no longer at numbers that have changed without any matter, of arrays that the program reads itself."""
        inputs: dict[int, Any] = {}
        for captured in made.captured:
            array = captured.tensor.array
            while isinstance(array, np.ndarray):
                inputs[id(array)] = array
                array = array.base
        for fact in before.contents:
            if type(fact.value) is Numbers and id(fact.argument) in inputs and not fact.holds:
                self._arrays[id(fact.argument)] = fact.argument
                self._free[id(fact.argument)] = fact.value.free | fact.value.differ(fact.argument.tobytes())
        now.know(inputs, self._free)

    def explain(self) -> list[str]:
        """What there is and why, a line each."""
        if self.interpreted is not None:
            return [f"runs as it is written ({self.calls} calls): {self.interpreted}"]
        again = [
            f"recorded again {'once' if times == 1 else f'{times} times'} because {reason}"
            for times, reason in self._reasons.values()
        ]
        if not self.programs:
            times = "once" if self.recorded == 1 else f"{self.recorded} times"
            return [f"recorded {times}; a program comes with the second recording that agrees", *again]
        return [line for program in reversed(self.programs) for line in program.explain()] + again

    def _adopt(self, made: Record, seen: Dependencies, call: Call) -> bool:
        """Find a program that does the same still, although something that the function can see has changed."""
        for program in self.programs:
            try:
                agree(program.raw, made)
            except TraceError:
                continue
            if program.raw.had == made.had:
                self._set_free(program.seen, seen, program.made)
                program.renew(made, seen, call.state)
                return True
        return False

    def _why(self, call: Call) -> str:
        if not self.programs:
            changes = (str(fact) for pending in self._pending[:1] for fact in pending.seen.changes())
            return next(changes, "")
        return self.programs[0].differs(call) or "a captured tensor has another shape or dtype, or a gradient or none"

    def _count(self, reason: str) -> None:
        """Count why it is recorded again, and say it once where it happens often."""
        label, _, changed = reason.partition(" was ")
        if not changed:
            return
        times = 1 + self._reasons.get(label, (0, ""))[0]
        self._reasons[label] = times, reason
        if times >= _OFTEN and not self._told:
            self._told = True
            warnings.warn(
                PullbackWarning(
                    f"{self._name}: recorded again {times} times, lately because {reason}; "
                    f"after {2 * MOST} times it is not compiled any more\n"
                    "  fix  keep what changes in a tensor (t.assign), or pass it as an argument"
                ),
                stacklevel=_TO_THE_USER,
            )

    def _leave_to_the_world(self, asked: str, line: str) -> None:
        why = f"it asks the world outside ({asked}), of whose answers no program can know"
        self._interpret(why)
        warnings.warn(
            PullbackWarning(
                f"{self._name}: {why}; so it is not compiled\n"
                f"  line  {line}\n  fix   ask outside of the function, and pass the answer as an argument"
            ),
            stacklevel=_TO_THE_USER,
        )

    def _too_many(self) -> bool:
        runs = sum(program.calls for program in self.programs)
        return len(self.programs) == MOST or (self.recorded >= 2 * MOST and self.recorded > runs // 8)

    def _give_up(self, reason: str) -> None:
        self._interpret(f"it was recorded {self.recorded} times, lately because {reason}")
        warnings.warn(
            PullbackWarning(
                f"{self._name}: recorded {self.recorded} times, lately because {reason}; "
                "from now on it is not compiled\n  fix  keep what changes often in a tensor, or outside of the function"
            ),
            stacklevel=_TO_THE_USER,
        )
