"""The recorder: while it runs it stands in place of what is timed; else nothing in the library knows of it.

The methods of a few classes are exchanged for ones that look at the clock before and after, so an operation that nobody
profiles tests nothing more than before. What is noted are the things at hand, flat in lists: names, lines, works and
the course of memory are found when all is over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from threading import Lock, Thread, get_ident
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
from pullback.core.origin import is_library
from pullback.core.primitive import Primitive
from pullback.data import DataLoader
from pullback.nn import Module
from pullback.optim import Optimizer
from pullback.profiling.memory import LEAST, Memory
from pullback.profiling.places import Place, place_now
from pullback.profiling.rests import CALLS, FIRST, LATER, Rests
from pullback.profiling.threads import naming, thread_names
from pullback.profiling.work import PRODUCTS
from pullback.tensors import Tensor
from pullback.tensors.backward import Backward

Method: TypeAlias = Callable[..., Any]

# What lasts longer than an operation: the class, its method, and what it is.
SPANS: Final[tuple[tuple[type, str, str], ...]] = (
    (Backward, "backward", "walk"), (Optimizer, "step", "step"),
    (Compiled, "__call__", "call"), (Recordings, "record", "recording"), (Pipeline, "__init__", "passes"),
    (Compilation, "executable", "code"),
)  # fmt: skip
APPLIED, WALKED, SPAN, KERNELS = 8, 7, 5, 4  # things that are noted of each; of an operation, before its shapes
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
    looking : bool
        Whether things are noted now, and not only counted.
    rests : Rests
        When, and how often things were done else.
    names : dict
        Of threads, by their number.
    """

    def __init__(self, *, memory: bool) -> None:
        self.applied: list[Any] = []
        self.walked: list[Any] = []
        self.spans: list[Any] = []
        self.kernels: list[Any] = []
        self.memory = Memory() if memory else None
        self.begin = self.end = 0
        self.looking = True
        self.rests = Rests(self._look)
        self.names = thread_names()
        self._until = FIRST, CALLS * KERNELS  # lengths of `applied` and `kernels` at which a look ends
        self._noted = 0  # things at the beginning of a look
        self._looks: list[tuple[type, str, Any, Any]] = []  # methods, as they are in a rest and in a look
        self._places: dict[int, Place] = {}  # by thread: of which all is that is done there now, where that is known
        self._restored: list[tuple[type, str, Any]] = []
        self._programs: dict[int, tuple[Executable, Profiled]] = {}  # by id of the executable, which is kept alive
        self.programs: dict[int, int] = {}  # calls in rests, by id of what was looked at

    def start(self) -> None:
        """Take the places of what is timed."""
        with _lock:
            if _running:
                raise GraphError("profile: a profile is running", fix="one `with pb.profile()` at a time in a process")
            _running.append(self)
        self._exchange(Primitive, "__call__", self._operation)
        self._exchange_all(Module, "__call__", self._module)
        self._looks = [(owner, name, method, vars(owner)[name]) for owner, name, method in self._restored]
        for name, direction in (("vjp", "backward"), ("jvp", "forward")):
            self._exchange_all(Primitive, name, self._rule(direction))
        for owner, name, what in SPANS:
            self._exchange_all(owner, name, self._span(what))
        self._exchange(DataLoader, "__iter__", self._batches)
        self._exchange(Executable, "__call__", self._program)
        self._exchange(Thread, "start", naming(self.names))
        self.begin = now()
        self.rests.look(self.begin)

    def stop(self) -> None:
        """Put everything back."""
        self.rests.end()
        self.end = now()
        while self._restored:
            owner, name, method = self._restored.pop()
            setattr(owner, name, method)
        if self.memory is not None:
            self.memory.forget()
        self.programs = {id(stamped): self.rests.programs.get(known, 0) for known, stamped in self._programs.values()}
        self._programs.clear()
        _running.clear()

    def _rest(self) -> None:
        """Count for a while, and note nothing."""
        with _lock:
            if not self.looking:
                return
            self.looking = False
        for owner, name, method, _ in self._looks:
            setattr(owner, name, method)
        noted = self._things
        self.rests.begin(noted - self._noted)
        self._noted = noted

    def _look(self) -> None:
        """Note everything again."""
        self._places.clear()
        self._until = len(self.applied) + LATER, len(self.kernels) + CALLS * KERNELS
        self.looking = True
        for owner, name, _, timed in self._looks:
            setattr(owner, name, timed)

    @property
    def duration(self) -> int:
        """Nanoseconds from the beginning to the end, without those in which programs with stamps were built."""
        return self.end - self.begin - self._built

    @property
    def looked(self) -> int:
        """Nanoseconds of all looks, without the same."""
        return sum(end - begin for begin, end in self.rests.windows) - self._built

    @property
    def _built(self) -> int:
        spans = zip(*[iter(self.spans)] * SPAN, strict=True)
        return sum(end - begin for kind, _, begin, end, _ in spans if kind == "profiler")

    @property
    def _things(self) -> int:
        """About how many things are noted; a call of a program is as dear as two."""
        return len(self.applied) // 14 + len(self.walked) // WALKED + len(self.spans) // SPAN + len(self.kernels) // 2

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
        applied, note, thread, mode_of = self.applied, self.applied.extend, get_ident, current_mode
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
                len(operands), primitive, begin, end, own, place_of(own) or place_now(),
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
            if len(applied) > self._until[0]:
                self._rest()
            return result

        return timed

    def _rule(self, direction: str) -> Callable[[Method], Method]:
        note, thread, array_type, counted = self.walked.extend, get_ident, np.ndarray, self.rests.walked[direction]
        hold = None if self.memory is None else self.memory.hold

        def exchanged(method: Method) -> Method:
            def timed(primitive: Any, node: Any, given: Any, saved: Any, wanted: Any = None) -> Any:
                if not self.looking:
                    counted[primitive] += 1
                    if wanted is None:
                        return method(primitive, node, given, saved)
                    return method(primitive, node, given, saved, wanted)
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
        counted = self.rests.spans[kind]
        walks = _entry(counted, None) if is_walk else None  # a tensor would keep its graph

        def exchanged(method: Method) -> Method:
            def timed(owner: Any, /, *args: Any, **kwargs: Any) -> Any:
                if not self.looking:
                    (walks or counted.get(id(owner)) or _entry(counted, owner))[1] += 1
                    return method(owner, *args, **kwargs) if kwargs else method(owner, *args)
                begin = now()
                try:
                    return method(owner, *args, **kwargs) if kwargs else method(owner, *args)
                finally:
                    note((kind, None if is_walk else owner, begin, now(), thread()))

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
                places[own] = place_now()
            else:
                places.pop(own, None)
            try:
                return method(module, *args, **kwargs)
            finally:
                if before is None:
                    places.pop(own, None)
                else:
                    places[own] = before
                note(("module", module, begin, now(), own))

        return timed

    def _batches(self, method: Method) -> Method:
        note, thread, counted = self.spans.extend, get_ident, self.rests.spans["data"]

        def timed(loader: Any) -> Iterator[Any]:
            batches = method(loader)
            while True:
                if not self.looking:
                    (counted.get(id(loader)) or _entry(counted, loader))[1] += 1
                    try:
                        batch = next(batches)
                    except StopIteration:
                        return
                    yield batch
                    continue
                begin = now()
                try:
                    batch = next(batches)
                except StopIteration:
                    return
                note(("data", loader, begin, now(), thread()))
                yield batch

        return timed

    def _program(self, method: Method) -> Method:
        note, programs, counted = self.kernels.extend, self._programs, self.rests.programs

        def timed(executable: Executable, inputs: Any, outputs: Any, writes: Any = NOTHING) -> bool:
            if not self.looking:
                counted[executable] += 1
                return bool(method(executable, inputs, outputs, writes))
            known = programs.get(id(executable))
            if known is None:
                begin = now()
                stamped = _stamped.get(executable) or Profiled(executable)
                known = programs[id(executable)] = executable, stamped
                _stamped[executable] = stamped
                self.spans.extend(("profiler", known[1], begin, now(), get_ident()))
            refused, stamps, called = known[1](inputs, outputs, writes)
            note((known[1], stamps, called, get_ident()))
            if len(self.kernels) > self._until[1]:
                self._rest()
            return refused

        return timed


def _entry(counted: dict[int, list[Any]], whose: Any) -> list[Any]:
    return counted.setdefault(id(whose), [whose, 0])


def _kinds(owner: type) -> Iterator[type]:
    kinds: list[type] = owner.__subclasses__()
    for kind in kinds:
        yield kind
        yield from _kinds(kind)
