"""A program that two recordings agree on: when it may run, and with what."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import attrgetter
from types import ModuleType
from typing import Any, Final, final

import numpy as np

from pullback.compiler.calls.call import PLACE, Call
from pullback.compiler.calls.guards import Dependencies
from pullback.compiler.calls.run import MISFIT, Runner
from pullback.core.changes import CHANGES
from pullback.core.errors import TraceError
from pullback.core.modes import current_mode
from pullback.core.tree import children, leaves, rebuild
from pullback.programs.dependencies import Fact, same
from pullback.programs.record import Given, Record
from pullback.programs.tracer import given_twice
from pullback.tensors import Tensor

_array, _node = attrgetter("array"), attrgetter("node")

Short = Callable[[tuple[Any, ...], dict[str, Any]], Any]
_CONTAINERS: Final = (tuple, list, dict)


@final
class Ready:
    """A program that may run, and what has to be so that it may.

    Parameters
    ----------
    raw, made : Record
        The second of the two records as it was recorded, and as it runs.
    seen : Dependencies
        What the function saw of Python's values.
    state : sequence of Tensor
        The arguments that require gradients: they are known by identity.
    reason : str
        Why it was recorded.
    """

    def __init__(self, raw: Record, made: Record, seen: Dependencies, state: Sequence[Tensor], reason: str) -> None:
        self.raw, self.made, self.seen, self.state, self.reason = raw, made, seen, tuple(state), reason
        self.runner = Runner(made)
        self.calls = 0
        self._changed = made.state
        self._nodes = made.nodes
        self._given = [leaf.number for leaf in leaves(made.result) if isinstance(leaf, Given)]
        self._personal = made.personal
        self._rewritten = {number for number, _ in made.rewritten}
        self._written = {id(captured.tensor) for captured in made.written}
        self._changes = -1  # the count of changes at which all was as it is here

    def differs(self, call: Call) -> str | None:
        """What is not as this program needs it, in words; None if all is."""
        changes = CHANGES[0]
        if changes == self._changes:
            fact = next((fact for fact in (*self.seen.names, *self.seen.contents) if not fact.holds), None)
        else:
            fact = next(self.seen.changes(), None)
        if fact is not None:
            return str(fact)
        for tensor, node in self._nodes:
            if tensor.node is not node:
                return f"{tensor.name or f'a tensor {list(tensor.shape)}'} is tracked in another way"
        self._changes = changes
        if any(a is not b for a, b in zip(call.state, self.state, strict=True)):
            return "an argument that requires a gradient is another tensor"
        if any(call.arrays[number] is not tensor for number, tensor in self._changed.items()):
            return "an argument that is changed in place is another tensor"
        for number, is_tensor in self._personal.items():
            if isinstance(call.arrays[number], Tensor) is not is_tensor:
                return f"{call.names[number]} is a tensor where there was an array, or the other way round"
        return None

    def arrays(self, call: Call) -> list[Any]:
        """What the program is given: the arrays of all arguments that are not known by identity."""
        named = enumerate(zip(call.arrays, call.names, strict=True))
        given = [pair for number, pair in named if number not in self._changed]
        for array, name in given:
            if id(array) in self._written:
                raise TraceError(
                    f"compile: {name} is a tensor that the function captured and changes", shape=array.shape,
                    fix="give a copy: x.copy()",
                )  # fmt: skip
        for number in self._rewritten:
            others = [x for i, x in enumerate(call.arrays) if i != number and isinstance(x, np.ndarray)]
            if any(np.may_share_memory(call.arrays[number], other) for other in others):
                raise given_twice(call.names[number], call.arrays[number])
        return [array.array if isinstance(array, Tensor) else array for array, _ in given]

    def answer(self, result: Any, call: Call) -> Any:
        """What the caller is given: with arguments that are given back as they are."""
        if not self._given or result is MISFIT:
            return result
        return rebuild(result, [call.arrays[x.number] if isinstance(x, Given) else x for x in leaves(result)])

    def renew(self, made: Record, seen: Dependencies, state: Sequence[Tensor]) -> None:
        """Take over what there is now, as the program was found to be the same still."""
        self.seen, self.state, self._nodes, self._changes = seen, tuple(state), made.nodes, -1

    def explain(self) -> list[str]:
        """What it does, how often, what it is guarded by, and what its runner says."""
        count = len(self.raw.program.equations)
        done = f"{count} operation{'s' * (count != 1)}, {self.calls} call{'s' * (self.calls != 1)}"
        lines = [f"{done}: {self.reason}" if self.reason else done]
        guards = dict.fromkeys(fact.label for fact in (*self.seen.names, *self.seen.contents) if not _is_plain(fact))
        watched = sorted({fact.label.partition(".")[0] for fact in self.seen.noticed})
        if guards:
            lines.append(f"  as long as these are the same: {', '.join(guards)}")
        if watched:
            lines.append(f"  and nothing changes in {', '.join(watched)}")
        return lines + [f"  {line}" for line in self.runner.report().splitlines()]

    def short_way(self, call: Call) -> Short | None:
        """A function that runs the program for arguments like these with the least to do; MISFIT for others.

        It compares by identity what names stand for and what is fixed, by type what is given, and nothing else: the
        runner looks at the arrays. None if arguments like these have to be taken apart.
        """
        if (
            self._changed
            or self._given
            or self._rewritten
            or call.fixed
            or not all(map(_is_flat, whole := (*call.args, *call.kwargs.values())))
        ):
            return None
        short = self._short_way(leaves(whole), [i for i, leaf in enumerate(leaves(call.given)) if leaf is PLACE])
        if not call.kwargs and not any(isinstance(value, _CONTAINERS) for value in whole):
            return short
        names, count = (*call.kwargs,), len(call.args)
        forms = [(type(value), _form(value)) if isinstance(value, _CONTAINERS) else None for value in whole]

        def apart(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            if (*kwargs,) != names or len(args) != count:
                return MISFIT
            flat: list[Any] = []
            for form, value in zip(forms, (*args, *kwargs.values()), strict=True):
                if form is None:
                    flat.append(value)
                elif type(value) is not form[0] or _form(value) != form[1]:
                    return MISFIT
                else:
                    flat += value.values() if isinstance(value, dict) else value
            return short((*flat,), {})

        return apart

    def _short_way(self, args: Sequence[Any], given: Sequence[int]) -> Short:
        """The same for positional arguments that are no containers; those at `given` are arrays and tensors."""
        mode, types, changes, written = current_mode(), tuple(map(type, args)), self._changes, self._written
        tensors = [(place, i) for place, i in enumerate(given) if isinstance(args[i], Tensor)]
        fixed = [(i, arg) for i, arg in enumerate(args) if i not in given]
        names = [(fact.get, fact.argument, fact.now) for fact in self.seen.names]
        holders = [fact.quick() for fact in self.seen.contents]
        run, plain = self.runner.run, not tensors and not fixed
        alike = len(tensors) == len(args) and not written

        def short(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            now = current_mode()
            if (
                kwargs
                or CHANGES[0] != changes
                or (now is not mode and (now.apply is not mode.apply or now.flags != mode.flags))
                or (*map(type, args),) != types
            ):
                return MISFIT
            try:
                for get, argument, value in names:
                    if (found := get(argument)) is not value and not same(found, value):
                        return MISFIT
            except (AttributeError, LookupError, ValueError):
                return MISFIT
            for holds in holders:
                if not holds():
                    return MISFIT
            if plain:
                arrays = [*args]
            elif alike:
                if any(map(_node, args)):
                    return MISFIT
                arrays = [*map(_array, args)]
            else:
                for i, value in fixed:
                    if args[i] is not value:
                        return MISFIT
                arrays = [args[i] for i in given]
                for place, i in tensors:
                    tensor = args[i]
                    if tensor.node is not None or id(tensor) in written:
                        return MISFIT
                    arrays[place] = tensor.array
            result = run(arrays)
            if result is not MISFIT:
                self.calls += 1
            return result

        return short


def _is_plain(fact: Fact) -> bool:
    """Whether a fact is not worth telling: that there is nothing of a name, and what modules are called."""
    return fact.value is True or isinstance(fact.value, ModuleType)


def _is_flat(arg: Any) -> bool:
    """Whether an argument is a value, or a plain container of values with names, none of them tracked by others."""
    parts = children(arg)
    if parts is None:
        return not isinstance(arg, Tensor) or arg.is_leaf
    named = type(arg) is not dict or all(type(key) is str for key, _ in parts)
    return type(arg) in _CONTAINERS and named and all(children(part) is None and _is_flat(part) for _, part in parts)


def _form(container: Any) -> Any:
    """What is the same of containers that are taken apart in the same way."""
    return (*container,) if type(container) is dict else len(container)
