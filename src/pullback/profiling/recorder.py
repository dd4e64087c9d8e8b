"""The recorder: while it runs it stands in place of what is timed; else nothing in the library knows of it.

The methods of a few classes are exchanged for ones that look at the clock before and after, so an operation that nobody
profiles tests nothing more than before. What is noted is a plain tuple, and looked at only when all is over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from threading import Lock, get_ident, local
from time import perf_counter_ns as now
from typing import Any, Final, TypeAlias, final

import numpy as np

from pullback.compiler import Compiled
from pullback.compiler.calls.recordings import Recordings
from pullback.compiler.machine.executable import NOTHING, Executable
from pullback.compiler.machine.profiled import Profiled
from pullback.compiler.pipeline import Pipeline
from pullback.core.errors import GraphError
from pullback.core.modes import current_mode
from pullback.core.origin import is_library, user_line
from pullback.core.primitive import Primitive
from pullback.data import DataLoader
from pullback.nn import Module
from pullback.optim import Optimizer
from pullback.profiling.memory import LEAST, Memory
from pullback.tensors import Tensor
from pullback.tensors.backward import Backward

Method: TypeAlias = Callable[..., Any]
Shapes: TypeAlias = tuple[tuple[tuple[int, ...], np.dtype[Any]] | None, ...]

# What lasts longer than an operation: the class, its method, and what it is.
SPANS: Final[tuple[tuple[type, str, str], ...]] = (
    (Module, "__call__", "module"), (Backward, "backward", "walk"), (Optimizer, "step", "step"),
    (Compiled, "__call__", "call"), (Recordings, "record", "recording"), (Pipeline, "__init__", "passes"),
    (Pipeline, "executable", "code"),
)  # fmt: skip
_running: Final[list[Recorder]] = []
_lock: Final = Lock()


@final
class Place(local):
    """The line of the user's code that all belongs to which is done now, where that is known."""

    line = ""


@final
class Recorder:
    """What was noted, of all threads, from `start` to `stop`.

    Attributes
    ----------
    applied : list of tuple
        Of each operation: primitive, begin, end, thread, line, the node's number, the shapes and dtypes of its operands
        and, last, of its result, and its parameters where they say how much work it is. Times are in nanoseconds.
    walked : list of tuple
        Of each step of a walk: "backward" or "forward", primitive, begin, end, thread, the node's number, and how many
        operands were wanted.
    spans : list of tuple
        Of what lasts longer: what it is, whose it is, begin, end, thread.
    kernels : list of tuple
        Of each call of a program: what was timed, the times, the thread.
    """

    def __init__(self, *, memory: bool) -> None:
        self.applied: list[tuple[Any, ...]] = []
        self.walked: list[tuple[Any, ...]] = []
        self.spans: list[tuple[Any, ...]] = []
        self.kernels: list[tuple[Any, ...]] = []
        self.memory = Memory() if memory else None
        self.begin = self.end = 0
        self._place = Place()
        self._restored: list[tuple[type, str, Any]] = []
        self._programs: dict[int, tuple[Executable, Profiled]] = {}  # by id of the executable, which is kept alive

    def start(self) -> None:
        """Take the places of what is timed."""
        with _lock:
            if _running:
                raise GraphError("profile: a profile is running", fix="one `with pb.profile()` at a time in a process")
            _running.append(self)
        self._exchange(Primitive, "__call__", self._operation)
        for name, direction in (("vjp", "backward"), ("jvp", "forward")):
            self._exchange_all(Primitive, name, self._rule(direction))
        for owner, name, what in SPANS:
            self._exchange_all(owner, name, self._module if what == "module" else self._span(what))
        self._exchange(DataLoader, "__iter__", self._batches)
        self._exchange(Executable, "__call__", self._program)
        self.begin = now()

    def stop(self) -> None:
        """Put everything back."""
        self.end = now()
        while self._restored:
            owner, name, method = self._restored.pop()
            setattr(owner, name, method)
        if self.memory is not None:
            self.memory.forget()
        self._programs.clear()
        _running.clear()

    def _exchange_all(self, owner: type, name: str, timed: Callable[[Method], Method]) -> None:
        """Exchange a method wherever a class of that kind has one of its own."""
        for kind in (owner, *_kinds(owner)):
            if name in vars(kind) and not getattr(vars(kind)[name], "__isabstractmethod__", False):
                self._exchange(kind, name, timed)

    def _exchange(self, owner: type, name: str, timed: Callable[[Method], Method]) -> None:
        method = vars(owner)[name]
        self._restored.append((owner, name, method))
        setattr(owner, name, timed(method))

    def _operation(self, method: Method) -> Method:
        note, thread, mode_of, array_type = self.applied.append, get_ident, current_mode, np.ndarray
        place, hold = self._place, None if self.memory is None else self.memory.hold

        def timed(primitive: Any, /, *operands: Any, **params: Any) -> Any:
            if mode_of().apply is not None:  # it comes back here, for what it does
                return method(primitive, *operands, **params)
            begin = now()
            result = method(primitive, *operands, **params)
            end = now()
            shapes: list[Any] = []
            for operand in operands:
                array = operand.array if isinstance(operand, Tensor) else operand
                shapes.append((array.shape, array.dtype) if type(array) is array_type else None)
            array, node = result.array, result.node
            if type(array) is array_type:
                shapes.append((array.shape, array.dtype))
                if array.nbytes >= LEAST and hold is not None:
                    hold(array, end)
            else:
                shapes.append(None)
            serial = None if node is None else node.serial
            note((primitive, begin, end, thread(), place.line or user_line(), serial, shapes, params or None))
            return result

        return timed

    def _rule(self, direction: str) -> Callable[[Method], Method]:
        note, thread = self.walked.append, get_ident
        hold = None if self.memory is None else self.memory.hold

        def exchanged(method: Method) -> Method:
            def timed(primitive: Any, node: Any, given: Any, saved: Any, *wanted: Any) -> Any:
                begin = now()
                found = method(primitive, node, given, saved, *wanted)
                end = now()
                note((direction, primitive, begin, end, thread(), node.serial, len(wanted[0]) if wanted else 1))
                if hold is not None:
                    for array in found if type(found) is list else (found,):
                        if type(array) is np.ndarray and array.nbytes >= LEAST:
                            hold(array, end)
                return found

            return timed

        return exchanged

    def _span(self, kind: str) -> Callable[[Method], Method]:
        note, thread = self.spans.append, get_ident

        def exchanged(method: Method) -> Method:
            def timed(owner: Any, /, *args: Any, **kwargs: Any) -> Any:
                begin = now()
                try:
                    return method(owner, *args, **kwargs)
                finally:
                    note((kind, owner, begin, now(), thread()))

            return timed

        return exchanged

    def _module(self, method: Method) -> Method:
        note, thread, place = self.spans.append, get_ident, self._place
        ours: dict[type, bool] = {}  # whether all that a module does stands in the line that calls it

        def timed(module: Any, /, *args: Any, **kwargs: Any) -> Any:
            kind, before = type(module), place.line
            known = ours.get(kind)
            if known is None:
                known = ours[kind] = is_library(kind.forward)
            begin = now()
            place.line = (before or user_line()) if known else ""
            try:
                return method(module, *args, **kwargs)
            finally:
                place.line = before
                note(("module", module, begin, now(), thread()))

        return timed

    def _batches(self, method: Method) -> Method:
        note, thread = self.spans.append, get_ident

        def timed(loader: Any) -> Iterator[Any]:
            batches = method(loader)
            while True:
                begin = now()
                try:
                    batch = next(batches)
                except StopIteration:
                    return
                note(("data", loader, begin, now(), thread()))
                yield batch

        return timed

    def _program(self, method: Method) -> Method:
        note, programs = self.kernels.append, self._programs

        def timed(executable: Executable, inputs: Any, outputs: Any, writes: Any = NOTHING) -> bool:
            known = programs.get(id(executable))
            if known is None:
                begin = now()
                known = programs[id(executable)] = executable, Profiled(executable)
                self.spans.append(("profiler", known[1], begin, now(), get_ident()))
            refused, times = known[1](inputs, outputs, writes)
            note((known[1], times, get_ident()))
            return refused

        return timed


def _kinds(owner: type) -> Iterator[type]:
    for kind in owner.__subclasses__():
        yield kind
        yield from _kinds(kind)
