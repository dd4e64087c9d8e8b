"""Looking on while a function runs: what was computed, what walked back, and where numbers left the graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple, TypeAlias, final

from pullback.core.graph import Node
from pullback.core.leaving import Exits, TapeExits
from pullback.core.modes import current_mode
from pullback.core.origin import user_line
from pullback.core.primitive import Primitive
from pullback.ops import elementwise, movement
from pullback.ops.discrete import answer_
from pullback.ops.ordering import descending_places, places_among, stable_places
from pullback.tensors import Tensor

Way: TypeAlias = Literal["left", "no_grad", "detached", "cast", "discrete", "compared"]

# What those of ours that answer by a function of ours are called.
_ASKED: Final = {stable_places: "argsort", descending_places: "argsort", places_among: "searchsorted"}
_COMPARISONS: Final = {
    elementwise.equal, elementwise.not_equal, elementwise.less, elementwise.less_equal, elementwise.greater,
    elementwise.greater_equal, elementwise.logical_and, elementwise.logical_or, elementwise.logical_not,
    elementwise.isnan, elementwise.isinf, elementwise.isfinite,
}  # fmt: skip


class Made(NamedTuple):
    """One application of a primitive: its operands as arrays, and what came out."""

    primitive: Primitive
    params: dict[str, Any]
    operands: tuple[Any, ...]
    nodes: tuple[Node | None, ...]
    result: Any
    node: Node | None
    line: str
    layer: str

    @property
    def op(self) -> str:
        """What it is called; of what answers by a function of NumPy's, as that function."""
        if self.primitive is not answer_:
            return self.primitive.name
        function = self.params.get("one", self.params["function"])  # one: within vmap, example by example
        return _ASKED.get(function) or str(getattr(function, "__name__", self.primitive.name)).strip("_")


@final
@dataclass(frozen=True, eq=False, slots=True)
class Cut:
    """A place where a derivative ended; `node` is what it would have gone on to."""

    way: Way
    op: str
    node: Node
    operands: tuple[Any, ...]
    line: str
    layer: str


class Step(NamedTuple):
    """One step of a walk back: a cotangent, and by the place of the operand what it gave."""

    node: Node
    cotangent: Any
    contributions: Mapping[int, Any]
    saved: Sequence[Any]


@final
class Walk:
    """One walk back: what it began with, and its steps in order."""

    def __init__(self, seeds: Mapping[Node, Any]) -> None:
        self.seeds = {node: array_of(seed) for node, seed in seeds.items()}
        self.steps: dict[Node, Step] = {}


def array_of(value: Any) -> Any:
    """The numbers of a tensor, or of an array."""
    return value.array if isinstance(value, Tensor) else value


def layer_of() -> str:
    """The innermost module that is being computed."""
    scope = current_mode().scope
    return "" if scope is None else scope.label


@final
class Watch:
    """An observer that keeps all that it is told of, and knows which results hang on which cuts."""

    def __init__(self) -> None:
        self.made: list[Made] = []
        self.of_node: dict[Node, Made] = {}
        self.cuts: list[Cut] = []
        self.walks: list[Walk] = []
        self.used: set[int] = set()  # the ids of tensors that an operation took, which `seen` keeps alive
        self.seen: dict[int, tuple[Tensor, Any, Node | None, Any]] = {}  # with what they were when they came
        self.behind: dict[Any, frozenset[Cut]] = {}  # by node, or by the id of a constant: the cuts that it hangs on
        self._kept: list[Any] = []

    # What it is told.

    def applied(self, primitive: Primitive, operands: Sequence[Any], params: dict[str, Any], result: Tensor) -> None:
        line, layer = user_line(), layer_of()
        nodes = tuple(getattr(x, "node", None) for x in operands)
        arrays = tuple(array_of(x) for x in operands)
        made = Made(primitive, params, arrays, nodes, result.array, result.node, line, layer)
        self.made.append(made)
        hanging: set[Cut] = set()
        for operand, node in zip(operands, nodes, strict=True):
            if isinstance(operand, Tensor):
                self.used.add(id(operand))
                self.meet(operand)
            hanging |= self.behind.get(id(operand) if node is None else node, frozenset())
        if result.node is not None:
            self.of_node[result.node] = made
        elif (node := next((n for n in nodes if n is not None), None)) is not None:
            cut = Cut(_way(primitive), made.op, node, arrays, line, layer)
            self.cuts.append(cut)
            hanging.add(cut)
        if hanging:
            self.behind[id(result) if result.node is None else result.node] = frozenset(hanging)
            self._kept.append(result)

    def meet(self, tensor: Tensor) -> None:
        """Note what a tensor is, the first time that it is seen."""
        if id(tensor) not in self.seen:
            node = tensor.node
            grad = node.grad if node is not None and node.primitive is None else None
            self.seen[id(tensor)] = tensor, tensor.array, node, grad

    def began_pull(self, cotangents: Mapping[Node, Any]) -> None:
        if current_mode().walking == 1:
            self.walks.append(Walk(cotangents))

    def pulled(self, node: Node, cotangent: Any, contributions: Mapping[int, Any]) -> None:
        if current_mode().walking == 1 and self.walks:
            parts = {place: array_of(c) for place, c in contributions.items()}
            self.walks[-1].steps[node] = Step(node, array_of(cotangent), parts, node.saved or ())

    def began_push(self, tangents: Mapping[Node, Any]) -> None:
        """What goes forward is no gradient."""

    def pushed(self, node: Node, tangents: Sequence[Any], tangent: Any) -> None:
        """What goes forward is no gradient."""

    # What it does.

    def put_back(self) -> None:
        """Let leaves and constants hold what they held when they were first seen, and have the gradients of then."""
        for tensor, array, node, grad in self.seen.values():
            if tensor.node is node and (node is None or node.primitive is None):
                tensor.array = array
                if node is not None:
                    node.grad = grad


@final
class WatchedExits(Exits):
    """What is done where numbers leave: as ever, and the watch is told."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self.outer: Exits | None = current_mode().exits
        self._then = self.outer or TapeExits()

    def _note(self, tensor: Any, how: str) -> None:
        cut = Cut("left", how, tensor.node, (tensor.array,), user_line(), layer_of())
        self._watch.cuts.append(cut)

    def on_purpose(self, tensor: Any, how: str) -> None:
        self._note(tensor, how)
        self._then.on_purpose(tensor, how)

    def number(self, tensor: Any, how: str) -> None:
        self._note(tensor, how)
        self._then.number(tensor, how)

    def array(self, tensor: Any, how: str) -> None:
        self._note(tensor, how)
        self._then.array(tensor, how)


def _way(primitive: Primitive) -> Way:
    """In which way an operation on a tracked operand left no node."""
    if primitive is elementwise.stop_gradient:
        return "detached"
    if not current_mode().recording:
        return "no_grad"
    if primitive in _COMPARISONS:
        return "compared"
    return "cast" if primitive is movement.cast_ else "discrete"
