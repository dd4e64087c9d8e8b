"""The recorder: while it runs it stands in place of what is timed; else nothing in the library knows of it.

The methods of a few classes are exchanged for ones that look at the clock before and after, so an operation that nobody
profiles tests nothing more than before. What is noted is a plain tuple, and looked at only when all is over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from threading import Lock, get_ident
from time import perf_counter_ns as now
from typing import Any, Final, TypeAlias, final
from weakref import WeakKeyDictionary

import numpy as np

from pullback.compiler import Compiled
from pullback.compiler.calls.recordings import Recordings
from pullback.compiler.compilation import Compilation
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
from pullback.profiling.work import PRODUCTS
from pullback.tensors import Tensor
from pullback.tensors.backward import Backward

Method: TypeAlias = Callable[..., Any]

# What lasts longer than an operation: the class, its method, and what it is.
SPANS: Final[tuple[tuple[type, str, str], ...]] = (
    (Module, "__call__", "module"), (Backward, "backward", "walk"), (Optimizer, "step", "step"),
    (Compiled, "__call__", "call"), (Recordings, "record", "recording"), (Pipeline, "__init__", "passes"),
    (Compilation, "executable", "code"),
)  # fmt: skip
OPERATION, WALKED, SPAN, KERNELS = 7, 7, 5, 4  # things that are noted of each
_running: Final[list[Recorder]] = []
_lock: Final = Lock()
_stamped: Final[WeakKeyDictionary[Executable, Profiled]] = WeakKeyDictionary()  # of this process, for the next profile


@final
class Recorder:
    """What was noted, of all threads, from `start` to `stop`.

    Attributes
    ----------
    applied : list
        Of each operation OPERATION things: primitive, begin, end, thread, line, the node's number or None, and in turn
        shape and dtype of its operands and, last, of its result, followed by the parameters of a product. Times are
        in nanoseconds. (What is noted lies flat in lists: of many small tuples the garbage collector would take note.)
    walked : list
        Of each step of a walk WALKED things: "backward" or "forward", primitive, begin, end, thread, the node's number,
        and the operands that were wanted, of a walk back.
    spans : list
        Of what lasts longer SPAN things: what it is, whose it is, begin, end, thread.
    kernels : list
        Of each call of a program KERNELS things: the program, its stamps, those of NumPy, the thread.
    """

    def __init__(self, *, memory: bool) -> None:
        self.applied: list[Any] = []
        self.walked: list[Any] = []
        self.spans: list[Any] = []
        self.kernels: list[Any] = []
        self.memory = Memory() if memory else None
        self.begin = self.end = 0
        self._lines: dict[int, str] = {}  # by thread: of whose code all is that is done there now, where that is known
        self._known: dict[tuple[Any, ...], tuple[Any, ...]] = {}  # shapes and dtypes, each once
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
        note, thread, mode_of, array_type = self.applied.extend, get_ident, current_mode, np.ndarray
        lines, share, hold = self._lines, self._known.setdefault, None if self.memory is None else self.memory.hold
        products, nothing = PRODUCTS, (None, None)

        def timed(primitive: Any, /, *operands: Any, **params: Any) -> Any:
            if mode_of().apply is not None:  # it comes back here, for what it does
                return method(primitive, *operands, **params)
            begin = now()
            result = method(primitive, *operands, **params)
            end = now()
            facts: list[Any] = []
            for operand in operands:
                array = operand.array if isinstance(operand, Tensor) else operand
                facts += (array.shape, array.dtype) if type(array) is array_type else nothing
            array, node, own = result.array, result.node, thread()
            if type(array) is array_type:
                facts += array.shape, array.dtype
                if hold is not None and array.nbytes >= LEAST:
                    hold(array, end)
            else:
                facts += nothing
            if params and primitive in products:
                facts += params.items()
            specs = tuple(facts)
            note((primitive, begin, end, own, lines.get(own) or user_line(), node and node.serial, share(specs, specs)))
            return result

        return timed

    def _rule(self, direction: str) -> Callable[[Method], Method]:
        note, thread = self.walked.extend, get_ident
        hold, array_type = None if self.memory is None else self.memory.hold, np.ndarray

        def exchanged(method: Method) -> Method:
            def timed(primitive: Any, node: Any, given: Any, saved: Any, *wanted: Any) -> Any:
                begin = now()
                found = method(primitive, node, given, saved, *wanted)
                end = now()
                note((direction, primitive, begin, end, thread(), node.serial, wanted))
                if hold is not None:
                    for array in found if type(found) is list else (found,):
                        if type(array) is array_type and array.nbytes >= LEAST:
                            hold(array, end)
                return found

            return timed

        return exchanged

    def _span(self, kind: str) -> Callable[[Method], Method]:
        note, thread = self.spans.extend, get_ident

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
        note, thread, lines = self.spans.extend, get_ident, self._lines
        ours: dict[type, bool] = {}  # whether all that a module does stands in the line that calls it

        def timed(module: Any, /, *args: Any, **kwargs: Any) -> Any:
            kind, own = type(module), thread()
            before, known = lines.get(own, ""), ours.get(kind)
            if known is None:
                known = ours[kind] = is_library(kind.forward)
            begin = now()
            if before and known:  # it belongs to the line of what it is part of
                try:
                    return method(module, *args, **kwargs)
                finally:
                    note(("module", module, begin, now(), own))
            lines[own] = user_line() if known else ""
            try:
                return method(module, *args, **kwargs)
            finally:
                lines[own] = before
                note(("module", module, begin, now(), own))

        return timed

    def _batches(self, method: Method) -> Method:
        note, thread = self.spans.extend, get_ident

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
        note, programs = self.kernels.extend, self._programs

        def timed(executable: Executable, inputs: Any, outputs: Any, writes: Any = NOTHING) -> bool:
            known = programs.get(id(executable))
            if known is None:
                begin = now()
                stamped = _stamped.get(executable) or Profiled(executable)
                known = programs[id(executable)] = executable, stamped
                _stamped[executable] = stamped
                self.spans.extend(("profiler", known[1], begin, now(), get_ident()))
            refused, stamps, called = known[1](inputs, outputs, writes)
            note((known[1], stamps, called, get_ident()))
            return refused

        return timed


def _kinds(owner: type) -> Iterator[type]:
    kinds: list[type] = owner.__subclasses__()
    for kind in kinds:
        yield kind
        yield from _kinds(kind)
