"""A program that two recordings agree on: when it may run, and running it. It computes first, and only then writes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, repeat
from types import CodeType, ModuleType
from typing import Any, Final, final

import numpy as np

from pullback.compiler.calls.call import MISFIT, Call
from pullback.compiler.calls.guards import Dependencies
from pullback.compiler.calls.results import builder
from pullback.compiler.compilation import Compilation
from pullback.compiler.lowering.layout import Strides, strides_of
from pullback.compiler.machine.executable import NOTHING, Executable
from pullback.compiler.machine.fallback import native
from pullback.core.changes import CHANGES
from pullback.core.errors import TraceError
from pullback.core.tree import leaves, rebuild
from pullback.programs.commit import commit
from pullback.programs.dependencies import Fact
from pullback.programs.interpret import interpreter
from pullback.programs.ledger import drawn, set_array, set_grad, write_all
from pullback.programs.program import Operand, Program
from pullback.programs.record import Captured, Given, Record, given_twice
from pullback.tensors import Tensor
from pullback.tensors.backward import ADDING

MOST_LAYOUTS: Final = 4  # of arrays that a program is compiled for; what lies otherwise is copied
_new: Final = object.__new__


@final
class GuardedProgram:
    """A program, and what has to be so that it may run in place of the function.

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

    Attributes
    ----------
    calls : int
        How often it has run.
    written : set
        The ids of the captured tensors that it changes.
    needs_call : bool
        Whether it needs to know more of a call than the arrays.
    changes : int
        The count of changes at which all was as it is here.
    """

    def __init__(self, raw: Record, made: Record, seen: Dependencies, state: Sequence[Tensor], reason: str) -> None:
        self.raw, self.made, self.seen, self.state, self.reason = raw, made, seen, tuple(state), reason
        self.calls, self.changes = 0, -1
        self.written = {id(captured.tensor) for captured in made.written}
        self._given_back = [leaf.number for leaf in leaves(made.result) if isinstance(leaf, Given)]
        self.needs_call = bool(made.state or self._given_back or made.rewritten)
        self._nodes = made.nodes
        program = made.program
        self._readers = [_reader(captured) for captured in made.captured]
        self._assigned = [captured.tensor for captured in made.written if not captured.gradient]
        self._graded = [captured.tensor for captured in made.written if captured.gradient]
        self._gradients = [*made.grads.values()]
        read = {id(captured.tensor) for captured in made.captured if captured.gradient}
        self._adds = any(id(tensor) in read for tensor in self._graded)
        places = [number for number in range(len(made.state) + len(program.inputs)) if number not in made.state]
        self._rewritten = [places.index(number) for number, _ in made.rewritten]
        self._count = made.count
        self._numbers = [i for i, output in enumerate(program.outputs[: made.count]) if not output.spec.shape]
        self._build = builder(made.result)
        foreign = any(not value.dtype.isnative for value in program.inputs)  # swapped bytes are NumPy's alone
        self._compilation = Compilation(program)
        self._interpreter = interpreter(self._compilation.pipeline.program) if foreign or not native() else None
        self._executables: dict[tuple[Strides, ...], Executable] = {}
        self._last: Executable | None = None

    # When it may run.

    def differs(self, call: Call) -> str | None:
        """What is not as this program needs it, in words; None if all is."""
        changes = CHANGES[0]
        if changes == self.changes:
            fact = next((fact for fact in (*self.seen.names, *self.seen.contents) if not fact.holds), None)
        else:
            fact = next(self.seen.changes(), None)
        if fact is not None:
            return str(fact)
        for tensor, node in self._nodes:
            if tensor.node is not node:
                return f"{tensor.name or f'a tensor {list(tensor.shape)}'} is tracked in another way"
        self.changes = changes
        if any(a is not b for a, b in zip(call.state, self.state, strict=True)):
            return "an argument that requires a gradient is another tensor"
        if any(call.arrays[number] is not tensor for number, tensor in self.made.state.items()):
            return "an argument that is changed in place is another tensor"
        for number, is_tensor in self.made.personal.items():
            if isinstance(call.arrays[number], Tensor) is not is_tensor:
                return f"{call.names[number]} is a tensor where there was an array, or the other way round"
        return None

    def renew(self, made: Record, seen: Dependencies, state: Sequence[Tensor]) -> None:
        """Take over what there is now, as the program was found to be the same still."""
        self.seen, self.state, self._nodes, self.changes = seen, tuple(state), made.nodes, -1

    def explain(self) -> list[str]:
        """What it does, how often, what it is guarded by, and what runs."""
        count = len(self.raw.program.equations)
        done = f"{count} operation{'s' * (count != 1)}, {self.calls} call{'s' * (self.calls != 1)}"
        lines = [f"{done}: {self.reason}" if self.reason else done]
        guards = dict.fromkeys(fact.label for fact in (*self.seen.names, *self.seen.contents) if not _is_plain(fact))
        watched = sorted({fact.label.partition(".")[0] for fact in self.seen.noticed})
        if guards:
            lines.append(f"  as long as these are the same: {', '.join(guards)}")
        if watched:
            lines.append(f"  and nothing changes in {', '.join(watched)}")
        return lines + [f"  {line}" for line in self._report().splitlines()]

    @property
    def stages(self) -> dict[str, Program]:
        """The program as recorded and after each pass that changed it, by name and in order."""
        return self._compilation.pipeline.stages

    @property
    def unpaid(self) -> str | None:
        """Why the function itself runs in its place, if it does: the program was found not to pay."""
        return self._compilation.unpaid

    @property
    def executables(self) -> list[Executable]:
        """What was compiled, for each way in which arrays lay."""
        return [*self._executables.values()]

    def _report(self) -> str:
        """What runs, in words."""
        if self.unpaid is not None:
            return f"runs as it is written: {self.unpaid}"
        if self._interpreter is not None:
            why = "the bytes of an argument are swapped" if native() else "llvmlite is not installed"
            return f"{len(self._compilation.pipeline.program.equations)} operations, by NumPy: {why}"
        from pullback.compiler.showing.report import report  # for those who ask alone

        return "\n".join(map(report, self.executables))

    # Running it.

    def answer(self, call: Call) -> Any:
        """What the program gives for a call, with arguments that are given back as they are; MISFIT as `run`."""
        result = self.run(self._arrays(call))
        if not self._given_back or result is MISFIT:
            return result
        return rebuild(result, [call.arrays[x.number] if isinstance(x, Given) else x for x in leaves(result)])

    def _arrays(self, call: Call) -> list[Any]:
        """What the program is given: the arrays of all arguments that are not known by identity."""
        named = enumerate(zip(call.arrays, call.names, strict=True))
        given = [pair for number, pair in named if number not in self.made.state]
        for array, name in given:
            if id(array) in self.written:
                raise TraceError(
                    f"compile: {name} is a tensor that the function captured and changes", shape=array.shape,
                    fix="give a copy: x.copy()",
                )  # fmt: skip
        for number, _ in self.made.rewritten:
            others = [x for i, x in enumerate(call.arrays) if i != number and isinstance(x, np.ndarray)]
            if any(np.may_share_memory(call.arrays[number], other) for other in others):
                raise given_twice(call.names[number], call.arrays[number])
        return [array.array if isinstance(array, Tensor) else array for array, _ in given]

    def run(self, arguments: list[Any]) -> Any:
        """Compute, then write: if something fails, nothing has changed. MISFIT for other arrays, or failure."""
        if not self._adds:
            return self._run(arguments)
        with ADDING[0]:
            return self._run(arguments)

    def _run(self, arguments: list[Any]) -> Any:
        for owner, had in self._gradients:
            if (owner.node is not None and owner.node.grad is not None) is not had:
                return MISFIT
        inputs = [*arguments, *[read() for read in self._readers]] if self._readers else arguments
        executable = self._last
        if executable is None:
            return self._run_other(inputs)
        outputs = executable.arrays_for(inputs)
        writes = self._writes(inputs, outputs)
        if writes is None or executable(inputs, outputs, writes):
            return self._run_other(inputs)
        return self._finish(outputs)

    def _run_other(self, inputs: list[Any]) -> Any:
        """Run for arrays that lie otherwise than those of the last call, or on NumPy."""
        arrays = [np.asarray(x) for x in inputs]
        for array, value in zip(arrays, self.made.program.inputs, strict=True):
            if array.shape != value.shape or array.dtype != value.dtype:
                return MISFIT
        if self._interpreter is not None:
            return self._interpret(self._interpreter, inputs, arrays)
        key = tuple(map(strides_of, arrays))
        executable = self._executables.get(key)
        if executable is None and len(self._executables) < MOST_LAYOUTS:
            executable = self._compiled(key)
            if executable is None:
                return MISFIT
            self._executables[key] = executable
        if executable is None:  # too many: as the first, copied where it has to be
            executable = next(iter(self._executables.values()))
            arrays = [layout.laid_out(array) for layout, array in zip(executable.inputs, arrays, strict=True)]
        self._last = executable
        outputs = executable.arrays_for(arrays)
        writes = self._writes(inputs, outputs)
        if writes is None or executable(arrays, outputs, writes):
            return MISFIT
        return self._finish(outputs)

    def _compiled(self, strides: Sequence[Strides]) -> Executable | None:
        """The program for arrays with these strides; None where it does not pay."""
        made = self.made
        given = dict(zip(made.program.inputs, strides, strict=True))
        captured = dict(zip((c.key for c in made.captured), [*given][len(given) - len(made.captured) :], strict=True))
        old = [captured.get((id(c.tensor), False)) for c in made.written]
        replaces = {
            made.count + j: value
            for j, (c, value) in enumerate(zip(made.written, old, strict=True))
            if value is not None and not c.gradient
        }
        wanted = [None if value is None else given[value] for value in (*[None] * made.count, *old)]
        wanted += [None] * len(made.rewritten)
        executable = self._compilation.executable(given, wanted, replaces)
        if executable is not None and os.environ.get("PULLBACK_SHOW"):
            from pullback.compiler.showing.show import show, topics

            show(self.stages, executable, topics())
        return executable

    def _interpret(
        self, interpreter: Callable[[Sequence[Any]], list[Any]], inputs: Sequence[Any], arrays: Sequence[Any]
    ) -> Any:
        """Run on NumPy."""
        undo, keep = drawn(self.made.program.generators)
        try:
            with np.errstate(all="ignore"):
                outputs = [_apart(output, arrays) for output in interpreter(inputs)]
            expected = self.made.program.outputs
            made, conditions = outputs[: len(expected)], outputs[len(expected) :]
            fits = all(map(_fits, made, expected)) and all(conditions)
            writes = self._writes(inputs, made) if fits else None
            if writes is None:
                return MISFIT
            commit(chain(writes, keep))
        except (ValueError, IndexError, TypeError):
            return MISFIT  # the function itself says what is wrong
        finally:
            any(undo)
        return self._finish(made)

    def _writes(self, inputs: Sequence[Any], outputs: Sequence[Any]) -> Iterable[tuple[Any, ...]] | None:
        """All that is to be written, as calls of C's (see `commit`); None if it cannot be."""
        if len(outputs) == self._count and not self.made.cleared:
            return NOTHING
        tensors, graded, at = self._assigned, self._graded, self._count
        writes: Iterator[tuple[Any, ...]] = zip(repeat(set_array), tensors, outputs[at:], strict=False)
        if graded or self.made.cleared:
            at += len(tensors)
            nodes = [owner.node for owner in graded]
            cleared = [owner.node for owner in self.made.cleared]
            if None in nodes or None in cleared:
                return None
            gradients = [Tensor(array) for array in outputs[at : at + len(graded)]]
            writes = chain(
                zip(repeat(set_grad), cleared, repeat(None)), writes, zip(repeat(set_grad), nodes, gradients)
            )
        if self._rewritten:
            arrays = [inputs[place] for place in self._rewritten]
            if not all(type(array) is np.ndarray and array.flags.writeable for array in arrays):
                return None
            at = self._count + len(tensors) + len(graded)
            writes = chain(writes, zip(repeat(write_all), arrays, repeat(...), outputs[at:]))
        return writes

    def _finish(self, outputs: list[Any]) -> Any:
        """Give the result."""
        del outputs[self._count :]
        for i in self._numbers:
            outputs[i] = outputs[i][()]
        for i, array in enumerate(outputs):
            outputs[i] = tensor = _new(Tensor)  # no program runs while another is recorded: nobody has to know
            tensor.array = array
            tensor.node = None
        return self._build(outputs)


def _is_plain(fact: Fact) -> bool:
    """Whether a fact is not worth telling: that there is nothing of a name, and what modules, code and classes are."""
    return fact.value is True or isinstance(fact.value, (ModuleType, CodeType)) or fact.get is type


def _fits(array: Any, output: Operand) -> bool:
    """Whether NumPy computed what was computed when the program was recorded."""
    return bool(array.shape == output.spec.shape)


def _apart(output: Any, inputs: Sequence[Any]) -> Any:
    """An output that shares no memory with what came in, which others may change."""
    output = np.asarray(output)
    return output.copy() if any(np.may_share_memory(output, array) for array in inputs) else output


def _reader(captured: Captured) -> Callable[[], Any]:
    """What reads the array of a captured tensor."""
    tensor = captured.tensor
    if captured.gradient:
        return lambda: tensor.node.grad.array  # type: ignore[union-attr]  # it was there when this was recorded
    return lambda: tensor.array
