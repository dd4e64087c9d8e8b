"""The fast path: what runs a program for calls like one before with the least to do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any, Final

from pullback.compiler.calls.call import MISFIT, PLACE, Call, boxed
from pullback.compiler.calls.guarded import GuardedProgram
from pullback.compiler.calls.recordings import Recordings
from pullback.core.changes import CHANGES
from pullback.core.modes import current_mode
from pullback.core.tree import children, leaves, rebuild
from pullback.programs.dependencies import same
from pullback.tensors import Tensor

FastPath = Callable[[tuple[Any, ...], dict[str, Any]], Any]
_CONTAINERS: Final = (tuple, list, dict)
_AGAIN: Final = 1000
_array, _node = attrgetter("array"), attrgetter("node")
_look: Final = attrgetter("array.shape", "node")


def fast_path(program: GuardedProgram, call: Call) -> FastPath | None:
    """A function of (args, kwargs) that runs a program for calls like this one; it gives MISFIT for others.

    It compares by identity what names stand for and what is fixed, by type what is given, and nothing else: the program
    looks at the arrays. None if calls like this one need a Call.
    """
    if program.needs_call or call.fixed or not all(map(_is_flat, whole := (*call.args, *call.kwargs.values()))):
        return None
    flat = _flat_path(program, leaves(whole), [i for i, leaf in enumerate(leaves(call.given)) if leaf is PLACE])
    if not call.kwargs and not any(isinstance(value, _CONTAINERS) for value in whole):
        return flat
    names, count = (*call.kwargs,), len(call.args)
    forms = [(type(value), _form(value)) if isinstance(value, _CONTAINERS) else None for value in whole]

    def flattening(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if (*kwargs,) != names or len(args) != count:
            return MISFIT
        values: list[Any] = []
        for form, value in zip(forms, (*args, *kwargs.values()), strict=True):
            if form is None:
                values.append(value)
            elif type(value) is not form[0] or _form(value) != form[1]:
                return MISFIT
            else:
                values += value.values() if isinstance(value, dict) else value
        return flat((*values,), {})

    return flattening


def _flat_path(program: GuardedProgram, args: Sequence[Any], given: Sequence[int]) -> FastPath:
    """The same for positional arguments that are no containers; those at `given` are arrays and tensors."""
    mode, types, changes, written = current_mode(), tuple(map(type, args)), program.changes, program.written
    tensors = [(place, i) for place, i in enumerate(given) if isinstance(args[i], Tensor)]
    fixed = [(i, arg) for i, arg in enumerate(args) if i not in given]
    names = [(fact.get, fact.argument, fact.now) for fact in program.seen.names]
    holders = [fact.quick() for fact in program.seen.contents]
    run, plain = program.run, not tensors and not fixed
    alike = len(tensors) == len(args) and not written

    def flat(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
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
            program.calls += 1
        return result

    return flat


def plain_path(call: Call, f: Callable[..., Any], owner: GuardedProgram | Recordings) -> FastPath | None:
    """A function of (args, kwargs) that calls `f` as it is written, for tensors like these; it gives MISFIT for others.

    That is right whatever else may have changed, so nothing else is asked. But another program might pay then, so each
    thousandth call is a MISFIT too.
    """
    if call.kwargs or call.tracked or not call.args or not all(type(arg) is Tensor for arg in call.args):
        return None
    mode, count, looks = current_mode(), len(call.args), [*map(_look, call.args)]
    (shape, node), (other_shape, other_node) = looks[0], looks[-1]

    def plain(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        now, calls = current_mode(), owner.calls + 1
        try:  # one and two are written out: to make lists of them takes half as long as a small function does
            if kwargs or (now is not mode and now.flags != mode.flags):
                return MISFIT
            if count == 1:
                (tensor,) = args
            elif count == 2:
                tensor, other = args
                if other.array.shape != other_shape or other.node is not other_node:
                    return MISFIT
            elif [*map(_look, args)] != looks:
                return MISFIT
            else:
                tensor = args[0]
            if tensor.array.shape != shape or tensor.node is not node:
                return MISFIT
        except (AttributeError, ValueError):
            return MISFIT
        if not calls % _AGAIN:
            return MISFIT
        owner.calls = calls
        result = f(*args)
        if type(result) is Tensor or (type(result) is tuple and all(type(part) is Tensor for part in result)):
            return result
        return rebuild(result, map(boxed, leaves(result)))

    return plain


def _is_flat(arg: Any) -> bool:
    """Whether an argument is a value, or a plain container of values with names, none of them tracked by others."""
    parts = children(arg)
    if parts is None:
        return not isinstance(arg, Tensor) or arg.is_leaf
    named = type(arg) is not dict or all(type(key) is str for key, _ in parts)
    return type(arg) in _CONTAINERS and named and all(children(part) is None and _is_flat(part) for _, part in parts)


def _form(container: Any) -> Any:
    """What is the same of containers whose values are found in the same way."""
    return (*container,) if type(container) is dict else len(container)
