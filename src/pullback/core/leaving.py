"""The doors out: where the numbers of a tracked tensor leave the graph, and its derivative would be lost.

`item`, `tolist`, `numpy` and `detach` leave on purpose, without a word. To become a Python number (`float(t)`,
`math.sin(t)`, what SciPy makes of a callback's result) or an array (`np.asarray(t)`) is seldom meant. What then happens
depends on who differentiates:

==============================  ==========================  ==============  ===========
While                           a number                    an array        on purpose
==============================  ==========================  ==============  ===========
`backward` is yet to come       warns once a line           raises          passes
a transform runs its function   raises, if it depends on    raises          is noted
                                what is differentiated
a rule of the user's runs       is noted                    is noted        is noted
==============================  ==========================  ==============  ===========

A rule may leave, for it says itself what the derivative is. It is noted, since such a rule cannot be differentiated.
"""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Iterable
from opcode import opname
from types import FrameType
from typing import Any, Final, final

from pullback.core.errors import GraphError, LostGradientWarning, TraceError
from pullback.core.graph import Node, ancestors, next_serial
from pullback.core.lints import complain
from pullback.core.modes import current_mode
from pullback.core.origin import user_line

_REMAINDER: Final = 6  # Python's number of `%` among its binary operators
_READING: Final = (("BINARY_SUBSCR", 0), ("BINARY_OP", 26))  # of x[i]; from Python 3.14 on it is a binary operator
_WAYS: Final = "pb's functions or NumPy's (pb.sin, np.sin) keep the derivative; .item() leaves the graph on purpose"
_ARRAYS: Final = "t.numpy() leaves on purpose; np.stack makes one tensor of several, and pb.mean([x, y]) takes them"
WRITES: Final = "write to a tensor: pb.zeros(3) in place of np.zeros(3)"
_READS: Final = "of array[i] or list[i], pb.tensor(array)[i] reads where a tensor i says; "
_LOOKS: Final = "return the tensor and look at it outside, or use pb.where instead of a branch"


class LeftTraceError(TraceError):
    """A rule looked at numbers while a program was being recorded; whoever runs it then runs it as a whole."""


class Exits(ABC):
    """What is done about tracked tensors that leave; `how` says what was called."""

    outer: Exits | None = None

    @abstractmethod
    def on_purpose(self, tensor: Any, how: str) -> None:
        """A tensor leaves in a way that says so."""

    @abstractmethod
    def number(self, tensor: Any, how: str) -> None:
        """A tensor becomes a Python number."""

    @abstractmethod
    def array(self, tensor: Any, how: str) -> None:
        """A tensor becomes a NumPy array."""


@final
class TapeExits(Exits):
    """While `backward` is yet to come."""

    def on_purpose(self, tensor: Any, how: str) -> None:
        """Nothing: it was meant."""

    def number(self, tensor: Any, how: str) -> None:
        if tensor.node.saved is not None and current_mode().recording and not _is_shown():
            complain(
                LostGradientWarning, f"{how}: the derivative of this tensor ends here", shape=tensor.shape, fix=_WAYS
            )

    def array(self, tensor: Any, how: str) -> None:
        if not _is_compared():
            raise _refusal(f"{how}: this would drop the gradient", tensor, f"{WRITES}; " * is_element_write() + _ARRAYS)


@final
class TransformExits(Exits):
    """While a transform runs a function.

    Attributes
    ----------
    sources : set of Node
        The arguments of the function that are differentiated in.
    lines : list of str
        Where numbers left on purpose.
    refused : GraphError or None
        The last error raised; NumPy and SciPy may have put one of their own in its place.
    """

    def __init__(self) -> None:
        self.sources: set[Node] = set()
        self.lines: list[str] = []
        self.refused: GraphError | None = None
        self.outer = current_mode().exits

    def on_purpose(self, tensor: Any, how: str) -> None:
        self.lines.append(f"{how} at {user_line()}")

    def number(self, tensor: Any, how: str) -> None:
        if _is_shown():
            return
        if not current_mode().recording or not depends(tensor.node, self.sources):
            (self.outer or _ON_THE_TAPE).number(tensor, how)
            return
        self.refused = _refusal(f"{how}: the derivative would end here", tensor, _WAYS)
        raise self.refused

    def array(self, tensor: Any, how: str) -> None:
        try:
            _ON_THE_TAPE.array(tensor, how)
        except GraphError as error:
            self.refused = error
            raise


@final
class RuleExits(Exits):
    """While a rule of the user's runs.

    Attributes
    ----------
    left : str or None
        How and where numbers left.
    tangents : set of Node
        Sources that stand for tangents.
    since : int or None
        The number of the first node that may depend on numbers that left.
    with_tangent : str or None
        How and where numbers left that depend on a tangent.
    rule : object
        Whose rule it is.
    """

    def __init__(self, tangents: Iterable[Node] = (), rule: Any = None) -> None:
        self.left: str | None = None
        self.since: int | None = None
        self.with_tangent: str | None = None
        self.tangents = set(tangents)
        self.rule = rule
        self.outer = current_mode().exits

    def on_purpose(self, tensor: Any, how: str) -> None:
        self.left = f"{how} at {user_line()}"
        self.since = next_serial() if self.since is None else self.since
        if self.tangents and depends(tensor.node, self.tangents):
            self.with_tangent = self.left

    number = array = on_purpose

    def join(self, inner: RuleExits, left: str | None = None) -> None:
        """Note what another rule noted that ran for this one, or earlier for it."""
        self.left = left or inner.left or self.left
        self.with_tangent = inner.with_tangent or self.with_tangent

    def require_linear(self, name: str) -> None:
        """Complain of numbers that left with a tangent, of which the rule is a linear function."""
        if self.with_tangent is not None:
            raise GraphError(
                f"{name}: its rule makes numbers of what it has to be linear in, and so has no transpose",
                line=self.with_tangent,
                fix="write it with pb's functions or NumPy's; custom_vjp serves reverse mode, custom_jvp forward mode",
            )  # fmt: skip


_ON_THE_TAPE: Final = TapeExits()


def depends(node: Node, sources: set[Node]) -> bool:
    """Whether a value was computed from one of `sources`."""
    return bool(sources) and not sources.isdisjoint(ancestors([node], min(source.serial for source in sources)))


def is_differentiated(node: Node) -> bool:
    """Whether a value was computed from what a transform that runs its function here differentiates in."""
    mode = current_mode()
    exits = mode.exits if mode.recording else None
    while exits is not None:
        if isinstance(exits, TransformExits) and depends(node, exits.sources):
            return True
        exits = exits.outer
    return False


def require_kept(name: str, values: Iterable[Any], fix: str) -> None:
    """Refuse to make arrays of values where a transform differentiates in what they were computed from."""
    for value in values:
        if getattr(value, "node", None) is not None and is_differentiated(value.node):
            raise GraphError(f"{name}: the derivative would end here", shape=value.shape, line=user_line(), fix=fix)


def _refusal(what: str, tensor: Any, fix: str) -> GraphError:
    from pullback.elsewhere import asking  # what nobody asks for is not loaded

    function, ours = asking()
    fix = f"{ours}, which differentiates\n{fix}" if ours else fix
    return GraphError(what, shape=tensor.shape, by=function, line=user_line(), fix=fix)


def look(how: str) -> None:
    """See that numbers may be looked at: those of a program that is being recorded may not."""
    mode = current_mode()
    if mode.trace is None:
        return
    kind = LeftTraceError if isinstance(mode.exits, RuleExits) else TraceError
    raise kind(
        f"{how}: a program that is being recorded has no numbers to look at", line=user_line(),
        fix=WRITES if is_element_write() else _READS * (_instruction() in _READING) + _LOOKS,
    )  # fmt: skip


def leave(tensor: Any, how: str, way: str) -> None:
    """See what is to be done where the numbers of a tensor leave: `on_purpose`, as a `number` or as an `array`."""
    mode = current_mode()
    if mode.trace is not None:
        look(how)
    if tensor.node is not None and (mode.exits is not None or way != "on_purpose"):
        getattr(mode.exits or _ON_THE_TAPE, way)(tensor, how)


def is_element_write() -> bool:
    """Whether `array[i] = t` has asked for the number: the element of an array is one."""
    return _instruction()[0] == "STORE_SUBSCR"


def is_asked_by_scipy() -> bool:
    """Whether SciPy asks, which goes on in code that knows arrays alone."""
    return _asking_frame().f_globals.get("__name__", "").startswith("scipy.")


def _is_shown() -> bool:
    """Whether `"%f" % t` has asked for the number, which only shows it."""
    return _instruction() == ("BINARY_OP", _REMAINDER)


def _is_compared() -> bool:
    """Whether `numpy.testing` has asked for the array: what it computes is whether arrays are equal."""
    return _asking_frame().f_globals.get("__name__", "").startswith("numpy.testing.")


def _instruction() -> tuple[str, int]:
    """What the innermost frame outside of Pullback is doing."""
    frame = _asking_frame()
    code, place = frame.f_code.co_code, frame.f_lasti
    return opname[code[place]], code[place + 1]


def _asking_frame() -> FrameType:
    """The innermost frame outside of Pullback."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("pullback."):
        frame = frame.f_back
    return frame
