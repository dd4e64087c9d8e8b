"""Every error and warning of Pullback, drawn as a tree.

::

    PullbackError
    ├── ShapeError (ValueError)            shapes, axes or sizes that do not fit
    │   └── AxisError (IndexError)         an axis or an index that the array does not have
    ├── DTypeError (TypeError)             a dtype that the operation cannot take
    ├── KeywordError (TypeError)           a keyword that a function does not have
    ├── GraphError (RuntimeError)          a graph that cannot be walked or changed as asked
    │   ├── NoGradientError                a gradient that does not exist
    │   ├── TraceError                     code that cannot be recorded for compilation
    │   └── UnbatchedError (AttributeError) what cannot be done for all examples of a vmap at once
    ├── NotFiniteError (ArithmeticError)   the first NaN or infinity, with its op and line
    ├── GradientCheckError (AssertionError) a derivative that numbers do not confirm
    ├── CompileCheckError (AssertionError) a compiled result that the function itself does not confirm
    ├── LinAlgError (np.linalg.LinAlgError) a matrix that has no such factor, inverse or function
    ├── ConvergenceError (ArithmeticError)  a solver that has not found what it looked for
    ├── ExpressionError (ValueError)       a formula that cannot be read
    ├── DataError (ValueError)             data that is missing, damaged or of the wrong kind
    ├── CheckpointError (ValueError)       a saved file that is damaged or of another model
    ├── ParallelError (RuntimeError)       processes that do not do the same, or one that does not come
    └── OptionError (ValueError)           an option or setting that is not known or not possible

    PullbackWarning (UserWarning)
    ├── BroadcastWarning                   an (N, 1)-(N,) broadcast that is rarely meant
    ├── LostGradientWarning                a tracked tensor that became a Python number
    └── PrecisionWarning                   a float64 batch that doubles the cost of a float32 model

Each subclasses the builtin that a NumPy user would catch. A message says what is wrong, then what was got, then
the fix, on aligned lines::

    ShapeError: matmul: inner dimensions differ
      left   (32, 784)
      right  (10, 784)
      fix    transpose the right operand: x @ w.T
"""

from __future__ import annotations

from functools import partial

import numpy as np


def message(what: str, facts: dict[str, object]) -> str:
    """Lay out `what` and its facts, one aligned line each; a fact that is None is left out."""
    facts = {name: fact for name, fact in facts.items() if fact is not None}
    width = max((len(name) for name in facts), default=0)
    lines = [what]
    for name, fact in facts.items():
        first, *rest = str(fact).splitlines() or [""]
        lines.append(f"  {name:<{width}}  {first}".rstrip())
        lines += [" " * (width + 4) + line for line in rest]
    return "\n".join(lines)


class PullbackError(Exception):
    """The root of all errors that Pullback raises on purpose.

    Parameters
    ----------
    what : str
        What is wrong, in one line that begins with the operation's name.
    **facts : object
        What was got and, last, the `fix`; printed one a line, in this order.
    """

    def __init__(self, what: str, **facts: object) -> None:
        self.what = what
        self.facts = facts
        super().__init__(message(what, facts))

    def note_first(self, name: str, fact: object) -> None:
        """Say one fact more, before the others; the first who says it is right."""
        if name not in self.facts:
            self.facts = {name: fact, **self.facts}
            self.args = (message(self.what, self.facts),)

    def __reduce__(self) -> tuple[object, ...]:
        # Exceptions pickle as cls(*args): give back the parts instead of the finished text.
        return partial(type(self), self.what, **self.facts), ()


class ShapeError(PullbackError, ValueError):
    """Shapes or sizes that do not fit."""


class AxisError(ShapeError, IndexError):
    """An axis or an index that the array does not have."""


class DTypeError(PullbackError, TypeError):
    """A dtype that the operation cannot take."""


class KeywordError(PullbackError, TypeError):
    """A keyword that a function does not have; says what it is called here."""


class GraphError(PullbackError, RuntimeError):
    """A graph that cannot be walked or changed as asked."""


class NoGradientError(GraphError):
    """A gradient that does not exist; says of which tensor, and why."""


class TraceError(GraphError):
    """Code that cannot be recorded for compilation; names the line and the fix."""


class UnbatchedError(GraphError, AttributeError):
    """What cannot be done for all examples of a `vmap` at once."""


class NotFiniteError(PullbackError, ArithmeticError):
    """A value or a derivative that is NaN or infinite; names the first op and its line."""


class GradientCheckError(PullbackError, AssertionError):
    """A derivative that finite differences, or the other mode, do not confirm."""


class CompileCheckError(PullbackError, AssertionError):
    """A result of a compiled function that the function itself does not confirm (`PULLBACK_CHECK=1`)."""


class LinAlgError(PullbackError, np.linalg.LinAlgError):
    """A matrix that has no such factor, inverse or function; names it and its condition."""


class ConvergenceError(PullbackError, ArithmeticError):
    """A solver that has not found what it looked for; says how far it came."""


class ExpressionError(PullbackError, ValueError):
    """A formula that cannot be read; points at the place."""


class DataError(PullbackError, ValueError):
    """Data that is missing, damaged or of the wrong kind."""


class CheckpointError(PullbackError, ValueError):
    """A saved file that is damaged, or that belongs to another model."""


class ParallelError(PullbackError, RuntimeError):
    """Processes that do not do the same, or one that does not come."""


class OptionError(PullbackError, ValueError):
    """An option or setting that is not known or not possible."""


class PullbackWarning(UserWarning):
    """The root of Pullback's warnings; `pb.strict()` turns them into errors."""


class BroadcastWarning(PullbackWarning):
    """Two operands of shapes (N, 1) and (N,) made an (N, N) result, which is rarely meant."""


class LostGradientWarning(PullbackWarning):
    """A tensor became a Python number while its derivative was still to come, and ends there."""


class PrecisionWarning(PullbackWarning):
    """A float64 batch met float32 parameters, which doubles the cost without a word."""
