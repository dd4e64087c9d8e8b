"""Hooks: functions of one's own that are called when a module is called, or when its gradient has come.

>>> import numpy as np
>>> from pullback.nn import Linear
>>> layer = Linear(2, 3, rng=0)
>>> handle = layer.register_forward_hook(lambda module, args, output: print(output.shape))
>>> _ = layer(np.ones((5, 2), np.float32))
(5, 3)
>>> handle.remove()
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, final

from pullback.core import tree
from pullback.core.changes import changed
from pullback.core.custom_kinds import CustomVJP
from pullback.core.errors import TraceError
from pullback.core.modes import current_mode
from pullback.core.origin import user_line
from pullback.core.outputs import pick_
from pullback.tensors import Tensor

Hook = Callable[..., Any]


@final
class Handle:
    """What takes a hook away again; also at the end of a `with` block."""

    def __init__(self, owner: Hooked, hooks: list[Any], hook: Any) -> None:
        self._owner, self._hooks, self._hook = owner, hooks, hook

    def remove(self) -> None:
        """Call the hook no more."""
        for i, hook in enumerate(self._hooks):
            if hook is self._hook:
                del self._hooks[i]
                self._owner._forget_hooks()
                break

    def __enter__(self) -> Handle:
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()


class Hooked:
    """The half of a module that calls hooks. Their kinds: before `forward`, after it, and after its gradient."""

    _hooks: tuple[list[Hook], list[Hook], list[Hook]] | None = None

    def register_forward_pre_hook(self, hook: Hook) -> Handle:
        """Call `hook(module, args)` before `forward`; what it gives takes the place of the arguments.

        None leaves them as they are; a value that is no tuple is the one argument.
        """
        return self._register(0, hook)

    def register_forward_hook(self, hook: Hook) -> Handle:
        """Call `hook(module, args, output)` after `forward`; what it gives, unless None, is the output."""
        return self._register(1, hook)

    def register_full_backward_hook(self, hook: Hook) -> Handle:
        """Call `hook(module, grad_input, grad_output)` once the gradients by the inputs are known.

        Both are tuples, with None for what carries no gradient; what the hook gives, unless None, takes the place of
        `grad_input`.
        """
        return self._register(2, hook)

    def _register(self, kind: int, hook: Hook) -> Handle:
        if self._hooks is None:
            self._hooks = ([], [], [])
        self._hooks[kind].append(hook)
        changed()
        return Handle(self, self._hooks[kind], hook)

    def _forget_hooks(self) -> None:
        """A hook was taken away; without any, the module is called as one that never had hooks."""
        if self._hooks is not None and not any(self._hooks):
            del self._hooks
        changed()

    def _hooked(self: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """`forward`, and the hooks around it."""
        before, after, backward = self._hooks
        for hook in tuple(before):
            given = hook(self, args)
            if given is not None:
                args = given if isinstance(given, tuple) else (given,)
        seen: list[Any] = []
        if backward:
            if current_mode().trace is not None:
                raise TraceError(
                    f"{type(self).__name__}: a backward hook is not part of a program", line=user_line(),
                    fix="remove the hook, or do not compile the step",
                )  # fmt: skip
            args = _passed(args, lambda cotangents: self._answer(cotangents, seen))
        output = self.forward(*args, **kwargs)
        for hook in tuple(after):
            given = hook(self, args, output)
            output = output if given is None else given
        if backward:
            output = _passed(output, lambda cotangents: seen.append(cotangents))
        return output

    def _answer(self, cotangents: tuple[Any, ...], seen: list[Any]) -> tuple[Any, ...] | None:
        """Ask the hooks, now that the gradients by inputs and outputs are known."""
        outputs = seen.pop() if seen else ()
        for hook in tuple(self._hooks[2]) if self._hooks is not None else ():
            given = hook(self, cotangents, outputs)
            if given is not None:
                cotangents = given if isinstance(given, tuple) else (given,)
        return cotangents


def _passed(values: Any, notice: Callable[[tuple[Any, ...]], tuple[Any, ...] | None]) -> Any:
    """The same values, whose cotangents are shown to `notice` together; it may give others."""
    given = tree.leaves(values)
    places = [i for i, x in enumerate(given) if isinstance(x, Tensor) and x.node is not None]
    if not places:
        return values

    def rule(cotangents: tuple[Any, ...], *_: Any) -> tuple[Any, ...]:
        filled = list(_boxes(cotangents))
        shown: list[Any] = [None] * len(given)
        for place, cotangent in zip(places, filled, strict=True):
            shown[place] = cotangent
        answer = notice(tuple(shown))
        if answer is None:
            return cotangents
        found = [answer[place] for place in places]
        recorded = any(isinstance(c, Tensor) for c in cotangents)
        return tuple(x.array if isinstance(x, Tensor) and not recorded else x for x in found)

    passing = CustomVJP("hook", lambda *arrays: arrays, rule)
    together = passing(*[given[i] for i in places])
    for number, i in enumerate(places):
        given[i] = pick_(together, index=number)
    return tree.rebuild(values, given)


def _boxes(cotangents: tuple[Any, ...]) -> Iterator[Any]:
    for cotangent in cotangents:
        yield cotangent if cotangent is None or isinstance(cotangent, Tensor) else Tensor.of(cotangent)
