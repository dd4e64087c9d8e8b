"""`pb.compile`: a function that is recorded, and from then on runs as a program."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Sequence
from copy import deepcopy
from functools import partial, update_wrapper
from importlib import import_module
from inspect import isasyncgenfunction, iscoroutinefunction, isgeneratorfunction
from threading import RLock
from types import MethodType
from typing import TYPE_CHECKING, Any, Final, final

from pullback.compiler.calls.call import MISFIT, Call, Key, Static, difference, has_name
from pullback.compiler.calls.check import checked
from pullback.compiler.calls.fast_path import FastPath, fast_path, plain_path
from pullback.compiler.calls.guarded import GuardedProgram
from pullback.compiler.calls.learning import learning
from pullback.compiler.calls.recordings import Recordings
from pullback.compiler.showing.explanation import Explanation
from pullback.core.errors import GraphError, OptionError, PullbackWarning
from pullback.core.habits import explain_keywords
from pullback.core.modes import current_mode
from pullback.parallel.world import rehearsal
from pullback.programs.program import Program

if TYPE_CHECKING:
    from pathlib import Path

    from pullback.compiler.calls.measure import Measurement
    from pullback.visualize import Graph, Picture

MOST_REHEARSALS: Final = 3  # the second may see gradients that the first did not
MOST_KINDS: Final = 16  # of arguments: for more of them, the function runs as it is written


def compile(
    f: Callable[..., Any] | None = None, static_argnums: int | Sequence[int] = (),
    static_argnames: str | Sequence[str] = (),
) -> Any:  # fmt: skip
    """Compile a function of tensors, or a whole training step, from the third call on.

    The first call is an ordinary one, and recorded. So is the second, and the two records must agree: what changed in
    between, and is not in a tensor, is named. From then on the program runs in place of the function, and gives what
    the function would give: it reads and changes the tensors, gradients and generators that the function captured.
    Other shapes, dtypes, modes, flags and objects are other programs; `explain()` says which there are and why.

    Only tensors are computed again. What else the function does, as printing, happens in recorded calls only.

    Parameters
    ----------
    f : callable, optional
        Takes and gives trees of tensors, arrays and Python values. NumPy's arrays come in as tensors, and what it
        computes comes out as tensors. Without it, a decorator is given.
    static_argnums, static_argnames : int, str or sequences of them
        Arguments whose value is part of the program. Python values always are; this is for arrays.

    Returns
    -------
    Compiled

    Raises
    ------
    OptionError
        If f is no function, or a static argument is none of its arguments.
    TraceError
        From calls: if two records differ, or a number of a tensor is looked at; with the line and the fix. Tensors are
        then as they were before the call.

    >>> import pullback as pb
    >>> square = pb.compile(lambda x: x * x + 1)
    >>> [float(square(pb.tensor(x))) for x in (1.0, 2.0, 3.0)]
    [2.0, 5.0, 10.0]
    """
    numbers = (static_argnums,) if isinstance(static_argnums, int) else tuple(static_argnums)
    names = (static_argnames,) if isinstance(static_argnames, str) else tuple(static_argnames)
    if f is None:
        return partial(compile, static_argnums=numbers, static_argnames=names)
    return Compiled(f, numbers, names)


@final
class Compiled:
    """A compiled function; call it as the function, ask it with `explain()` what it did and why.

    Several threads may call it. It may be a method. Within another compiled function it is part of that one's program.
    Its parameters are those of `compile`.
    """

    def __init__(
        self, f: Callable[..., Any], static_argnums: Sequence[int] = (), static_argnames: Sequence[str] = ()
    ) -> None:
        if not callable(f):
            raise OptionError(
                "compile: this is not a function", got=type(f).__name__,
                fix="put @classmethod and @staticmethod above @pb.compile",
            )  # fmt: skip
        if isgeneratorfunction(f) or iscoroutinefunction(f) or isasyncgenfunction(f):
            raise OptionError(
                "compile: a function that waits between its steps is not one program", got=getattr(f, "__name__", f),
                fix="compile the function that it calls at each step",
            )  # fmt: skip
        update_wrapper(self, f, updated=())
        self.__name__: str = getattr(f, "__name__", type(f).__name__)
        self.__qualname__: str = getattr(f, "__qualname__", self.__name__)
        self._f = f
        self._static = Static(f, static_argnums, static_argnames)
        self._kinds: dict[Key, Recordings] = {}
        self._turned_down = 0  # calls for more kinds of arguments than that
        self._fast: FastPath | None = None
        self._lock = RLock()
        self._ahead = False  # programs are made before they are needed
        self._check = os.environ.get("PULLBACK_CHECK", "0") not in ("", "0")

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return self if instance is None else MethodType(self, instance)

    def __reduce__(self) -> Any:
        """A compiled function pickles as functions do, by a name: by its own, or as that of the plain one compiled."""
        return (Compiled, (self._f, *self._static.given)) if has_name(self._f) else self.__qualname__

    def __copy__(self) -> Compiled:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Compiled:
        """A function of the same kind, not yet compiled; of a method, that of the copied object."""
        if captured := learning(self._f):
            warnings.warn(
                PullbackWarning(
                    f"deepcopy: the copy of {self.__name__} still trains the original: the function captured {captured}"
                    "\n  fix  compile a method (@pb.compile above def step(self, ...)), or make the function "
                    "anew for the copy"
                ),
                stacklevel=2,
            )
        made = Compiled(deepcopy(self._f, memo))
        made._static = self._static
        memo[id(self)] = made
        return made

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        if (fast := self._fast) is not None:  # where all is as it was
            result = fast(args, kwargs)
            if result is not MISFIT:
                return result
        return self._call(args, kwargs)

    def _call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        mode = current_mode()
        if mode.apply is not None:  # part of a larger recording, or each operation is looked at
            return self._f(*args, **kwargs)
        call = Call.of(args, kwargs, self._static, mode)
        recordings = self._recordings(call)
        if recordings is None:
            return call.plainly(self._f)
        if call.tracked and mode.recording:
            recordings.interpreted = "an argument is tracked: it was computed from tensors that require gradients"
        if recordings.interpreted is None:
            result = self._run_fitting(recordings, call)
            if result is MISFIT and self._ahead:
                self.prepare(*args, **kwargs)
                result = self._run_fitting(recordings, call)
            if result is not MISFIT:
                return result
            if self._lock.acquire(blocking=False):  # else another thread records
                try:
                    return recordings.record(self._f, call)
                finally:
                    self._lock.release()
        recordings.calls += 1
        if recordings.interpreted is not None:
            self._fast = plain_path(call, self._f, recordings)
        return call.plainly(self._f)

    def prepare(self, /, *args: Any, **kwargs: Any) -> None:
        """Make the program for arguments like these: the function is recorded twice, and what it changes is put back.

        So all calls run as the program, the first ones too, and round as it does. Where another program is needed
        later, it is made likewise.

        >>> import pullback as pb
        >>> total = pb.tensor(0.0)
        >>> add = pb.compile(lambda x: total.assign(total + x) * 1)
        >>> add.prepare(pb.tensor(1.0))
        >>> float(total), float(add(pb.tensor(1.0))), float(total)
        (0.0, 1.0, 1.0)
        """
        mode = current_mode()
        if mode.apply is not None:
            return
        self._ahead = True
        call = Call.of(args, kwargs, self._static, mode)
        recordings = self._recordings(call)
        for _ in range(MOST_REHEARSALS):
            if recordings is None or recordings.interpreted is not None or next(recordings.fitting(call), None):
                return
            with self._lock, rehearsal():
                recordings.record(self._f, call, keep=False)

    def measure(self, /, *args: Any, **kwargs: Any) -> Measurement:
        """Time the program and the function as it is written, in turn, on copies: what they change is put back.

        Gives a Measurement, with `compiled` and `written`, seconds of a call, which prints which is quicker. It takes
        half a second; for arguments of which there is no program yet, one is made first. Raises GraphError, with the
        reason, if calls with such arguments are not compiled.

        >>> import pullback as pb
        >>> step = pb.compile(lambda x: (pb.tanh(x) ** 2).sum())
        >>> found = step.measure(pb.ones(1000))
        >>> found.compiled > 0, found.written > 0, found.why
        (True, True, '')
        """
        self.prepare(*args, **kwargs)
        call = Call.of(args, kwargs, self._static, current_mode())
        return import_module("pullback.compiler.calls.measure").measured(self, self._f, call, self._recordings(call))

    def _run_fitting(self, recordings: Recordings, call: Call) -> Any:
        for program in recordings.fitting(call):
            result = self._run(program, call)
            if result is not MISFIT:
                return result
        return MISFIT

    def _run(self, program: GuardedProgram, call: Call) -> Any:
        if program.unpaid is None:
            answer = partial(program.answer, call)
            result = checked(self.__name__, program, call, self._f, answer) if self._check else answer()
            fast = fast_path(program, call)
            self._fast = self._checked_path(program, fast) if self._check and fast is not None else fast
        if program.unpaid is not None:  # which may be known only now
            result, self._fast = call.plainly(self._f), plain_path(call, self._f, program)
        program.calls += result is not MISFIT
        return result

    def _checked_path(self, program: GuardedProgram, fast: FastPath) -> FastPath:
        """The fast path with a check of what it gives."""

        def checked_fast(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            call = Call.of(args, kwargs, self._static, current_mode())
            if program.differs(call) is not None:
                return MISFIT
            return checked(self.__name__, program, call, self._f, lambda: fast(args, kwargs))

        return checked_fast

    def _recordings(self, call: Call) -> Recordings | None:
        """The recordings for a kind of arguments; None if there are too many kinds."""
        found = self._kinds.get(call.key)
        if found is not None:
            return found
        reason = difference(next(reversed(self._kinds)), call.key) if self._kinds else "the first call"
        if len(self._kinds) < MOST_KINDS:
            return self._kinds.setdefault(call.key, Recordings(self.__name__, reason))
        if not self._turned_down:
            warnings.warn(
                PullbackWarning(
                    f"{self.__name__}: called with {MOST_KINDS} kinds of arguments, lately {reason}; "
                    "it is not compiled for more\n  fix  pass what changes often as a tensor, and pad to a few shapes"
                ),
                stacklevel=4,
            )
        self._turned_down += 1
        return None

    @property
    def stages(self) -> dict[str, Program]:
        """The program that has run most, by the name of what made it: as recorded, and after each pass that changed it.

        The passes run twice; what one changed in the second round is called `simplify 2`, for instance. Raises
        GraphError if there is none yet.
        """
        return self._most_used("stages").stages

    def graph(self, stage: str | None = None) -> Graph:
        """The program that has run most as a graph, at a stage or as it is compiled: `record`, `expand`, `simplify`, ….

        >>> import pullback as pb
        >>> step = pb.compile(lambda x: pb.sin(x) ** pb.sin(x))
        >>> for _ in range(3):
        ...     value = step(pb.tensor(0.5))
        >>> [vertex.label for vertex in step.graph("record").nodes]
        ['argument 0', 'sin', 'sin', 'power']
        >>> [vertex.label for vertex in step.graph().nodes]
        ['argument 0', 'sin', 'power']
        """
        stages = self.stages
        name = next(reversed(stages)) if stage is None else stage
        if name not in stages:
            raise OptionError(f"{self.__name__}: there is no such stage", got=name, fix=f"one of {', '.join(stages)}")
        return import_module("pullback.compiler.showing.drawing").graph_of(
            stages[name]
        )  # who never draws does not wait

    def draw(self, path: str | os.PathLike[str] | None = None, stage: str | None = None) -> Picture:
        """A picture of the program that has run most, at a stage or as it is compiled; saved where a path is given."""
        return self.graph(stage).draw(path)

    def llvm(self) -> str:
        """The LLVM IR of the program that has run most."""
        return "\n".join(code.ir() for e in self._most_used("llvm").executables for code in e.codes)

    def asm(self) -> str:
        """The assembly of the program that has run most, for this machine."""
        return "\n".join(code.asm() for e in self._most_used("asm").executables for code in e.codes)

    def to_c(self, path: str | os.PathLike[str]) -> Path:
        """Write the program that has run most as C99: `step.c`, and `step.h` beside it.

        What it captured and changes is a struct. Raises TraceError, with the line, if something has no loops.
        """
        return import_module("pullback.compiler.portable").write_source(path, self._most_used("to_c").made)

    def _most_used(self, what: str) -> GuardedProgram:
        programs = [program for kind in self._kinds.values() for program in kind.programs]
        if not programs:
            why = next((kind.interpreted for kind in self._kinds.values() if kind.interpreted), None)
            fix = None if why else f"call {self.__name__}.prepare(...) or itself with like arguments"
            raise GraphError(f"{self.__name__}.{what}: there is no program", why=why, fix=fix)
        return max(programs, key=lambda program: program.calls)

    def explain(self) -> Explanation:
        """What was recorded and why, in words; a notebook shows them as a table.

        >>> import pullback as pb
        >>> double = pb.compile(lambda x: 2 * pb.sin(x))
        >>> for n in (1, 1, 1, 1, 2):
        ...     _ = double(pb.ones(n))
        >>> print(double.explain())
        <lambda>: 3 calls recorded, 2 run as a program
          the first call
            2 operations, 2 calls
              loops   1: sin multiply; 1 piece, 16 B of memory
              memory: an arena of 0 B, where NumPy would hold 16 B
          argument 0: float64[2] where there was float64[1]
            recorded once; a program comes with the second recording that agrees
        """
        kinds = list(self._kinds.values())
        recorded, ran = sum(k.recorded for k in kinds), sum(p.calls for k in kinds for p in k.programs)
        lines = [f"{self.__name__}: {recorded} calls recorded, {ran} run as a program"]
        for kind in kinds:
            lines += [f"  {kind.reason}", *(f"    {line}" for line in kind.explain())]
        if self._turned_down:
            lines.append(f"  {self._turned_down} calls of other kinds ran as the function is written")
        return Explanation("\n".join(lines))


explain_keywords(globals())
