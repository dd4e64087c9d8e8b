"""The recorder: while it runs it stands in place of what is timed; else nothing in the library knows of it.

The methods of a few classes are exchanged for ones that look at the clock before and after, so an operation that nobody
profiles tests nothing more than before. What is noted are the things at hand, flat in lists: names, lines, works and
the course of memory are found when all is over.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from threading import Lock, get_ident
from time import perf_counter_ns as now
from types import CodeType
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
from pullback.core.origin import is_library, owner_of, user_line
from pullback.core.primitive import Primitive
from pullback.data import DataLoader
from pullback.nn import Module
from pullback.optim import Optimizer
from pullback.profiling.memory import LEAST, Memory
from pullback.profiling.work import PRODUCTS
from pullback.tensors import Tensor
from pullback.tensors.backward import Backward

Method: TypeAlias = Callable[..., Any]
Place: TypeAlias = str | tuple[CodeType, int]  # a line, or code and which of its instructions

# What lasts longer than an operation: the class, its method, and what it is.
SPANS: Final[tuple[tuple[type, str, str], ...]] = (
    (Module, "__call__", "module"), (Backward, "backward", "walk"), (Optimizer, "step", "step"),
    (Compiled, "__call__", "call"), (Recordings, "record", "recording"), (Pipeline, "__init__", "passes"),
    (Compilation, "executable", "code"),
)  # fmt: skip
APPLIED, WALKED, SPAN, KERNELS = 8, 7, 5, 4  # things that are noted of each; of an operation, before its shapes
_users: Final[set[str]] = set()  # files of the user's, as code knows them
_running: Final[list[Recorder]] = []
_lock: Final = Lock()
_stamped: Final[WeakKeyDictionary[Executable, Profiled]] = WeakKeyDictionary()  # of this process, for the next profile


@final
class Recorder:
    """What was noted, of all threads, from `start` to `stop`.

    Attributes
    ----------
    applied : list
        Of each operation APPLIED things: how many operands, primitive, begin, end, thread, place, the node's number or
        None, and the parameters of a product or None; then in turn shape and dtype of its operands and, last, of its
        result. Times are in nanoseconds. (Of many small tuples the garbage collector would take note.)
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
        self._places: dict[int, Place] = {}  # by thread: of which all is that is done there now, where that is known
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

    # What is exchanged for methods: the hot path of a profile. Calls are written out, and nothing is made twice.

    def _operation(self, method: Method) -> Method:
        note, thread, mode_of = self.applied.extend, get_ident, current_mode
        array_type, tensor_type = np.ndarray, Tensor
        place_of, products, nothing = self._places.get, PRODUCTS, (None, None)
        hold = None if self.memory is None else self.memory.hold

        def timed(primitive: Any, /, *operands: Any, **params: Any) -> Any:
            if mode_of().apply is not None:  # it comes back here, for what it does
                return method(primitive, *operands, **params)
            begin = now()
            result = method(primitive, *operands, **params) if params else method(primitive, *operands)
            end = now()
            own, node, array = thread(), result.node, result.array
            noted: list[Any] = [
                len(operands), primitive, begin, end, own, place_of(own) or _place(),
                None if node is None else node.serial, params if params and primitive in products else None,
            ]  # fmt: skip
            for operand in operands:
                value = operand.array if isinstance(operand, tensor_type) else operand
                noted += (value.shape, value.dtype) if type(value) is array_type else nothing
            if type(array) is array_type:
                noted += array.shape, array.dtype
                if hold is not None and array.nbytes >= LEAST:
                    hold(array, end)
            else:
                noted += nothing
            note(noted)
            return result

        return timed

    def _rule(self, direction: str) -> Callable[[Method], Method]:
        note, thread, array_type = self.walked.extend, get_ident, np.ndarray
        hold = None if self.memory is None else self.memory.hold

        def exchanged(method: Method) -> Method:
            def timed(primitive: Any, node: Any, given: Any, saved: Any, wanted: Any = None) -> Any:
                begin = now()
                if wanted is None:
                    found = method(primitive, node, given, saved)
                else:
                    found = method(primitive, node, given, saved, wanted)
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
        note, thread, is_walk = self.spans.extend, get_ident, kind == "walk"

        def exchanged(method: Method) -> Method:
            def timed(owner: Any, /, *args: Any, **kwargs: Any) -> Any:
                begin = now()
                try:
                    return method(owner, *args, **kwargs) if kwargs else method(owner, *args)
                finally:
                    note((kind, None if is_walk else owner, begin, now(), thread()))  # a tensor would keep its graph

            return timed

        return exchanged

    def _module(self, method: Method) -> Method:
        note, thread, places, place_of = self.spans.extend, get_ident, self._places, self._places.get
        ours: dict[type, bool] = {}  # whether all that a module does stands in the line that calls it
        known_of = ours.get

        def timed(module: Any, /, *args: Any, **kwargs: Any) -> Any:
            own = thread()
            before, known = place_of(own), known_of(type(module))
            if known is None:
                known = ours[type(module)] = is_library(type(module).forward)
            begin = now()
            if known is (before is not None):  # it belongs to the line of what it is part of, or nothing is known of it
                try:
                    return method(module, *args, **kwargs) if kwargs else method(module, *args)
                finally:
                    note(("module", module, begin, now(), own))
            if known:
                places[own] = _place()
            else:
                del places[own]
            try:
                return method(module, *args, **kwargs)
            finally:
                if before is None:
                    del places[own]
                else:
                    places[own] = before
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


def _place() -> Place:
    """Where the user's code is that called what is timed: of most calls the very next frame, and no more is asked."""
    frame = sys._getframe(2)
    code = frame.f_code
    if code.co_filename in _users:
        return code, frame.f_lasti
    if owner_of(code.co_filename) == "user":
        _users.add(code.co_filename)
    return user_line()


def _kinds(owner: type) -> Iterator[type]:
    kinds: list[type] = owner.__subclasses__()
    for kind in kinds:
        yield kind
        yield from _kinds(kind)
